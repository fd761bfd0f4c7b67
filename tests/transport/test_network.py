"""Behind a company's proxy and authority: what is sent where, what is proved, and what is said."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from lpnb import Client, NotSentError, Receiver, Secret, ServiceError, Settings, SettingsError, doctor
from lpnb._internal.redaction import MASK
from lpnb.cli.main import main
from lpnb.diagnostics.doctor import DoctorCheck
from lpnb.transport.http_transport import HttpTransport, SocketBackend
from lpnb.transport.network import Network

MESSAGING = "va.msg.liveperson.net"
ACCOUNT = {"LP_ACCOUNT_ID": "12345678", "LP_CLIENT_ID": "client-id", "LP_CLIENT_SECRET": "the-secret"}
PASSWORD = "p@ss canary"


def changed(settings: Settings, **changes: str) -> Settings:
    """The same account with other LP_ settings."""
    given = {name: value for name, value in settings._values_by_name().items() if name not in ("LP_PROXY",)}
    return Settings.of({**given, "LP_PROXY": settings.proxy, **changes})


@pytest.fixture
def send(real_account):
    """Opens a conversation of a new client and returns what came of it."""

    def one(consumer="anna", settings=real_account, **options):
        with Client(settings, wait_scale=0.0, **{"deadline": 10.0, **options}) as client:
            return client.create_conversation(consumer, skill_id="2741903011")

    return one


# Through the proxy


def test_a_conversation_is_opened_through_the_proxy_with_a_tunnel_for_each_host(send, proxy):
    assert send().outcome == "answered"
    assert proxy.hosts == [
        "api.liveperson.net",
        "va.sentinel.liveperson.net",
        "va.idp.liveperson.net",
        MESSAGING,
    ]


def test_monitoring_messages_and_history_go_through_the_proxy_too(real_account, proxy):
    with Client(real_account, wait_scale=0.0) as client:
        offer = client.engagement("anna", entry_points=["sec://payments"])
        reply = client.create_conversation("anna", engagement=offer)
        said = client.conversation(reply).say("Good morning")
        landing = client.landing(reply)

    assert (offer.outcome, reply.outcome, said.sequence, landing.source) == (
        "offered",
        "answered",
        0,
        "history",
    )
    assert {"va.v.liveperson.net", "va.msghist.liveperson.net"} <= set(proxy.hosts)


@pytest.mark.parametrize(
    "proxy", [(), ("user", PASSWORD)], indirect=True, ids=["asks for nothing", "asks for a password"]
)
def test_the_command_line_sends_and_verifies_through_the_proxy(
    monkeypatch, real_account, proxy, tls_sandbox, capsys
):
    for name, value in {**tls_sandbox.environment(), "LP_DOMAIN_API": "https://api.liveperson.net"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LP_PROXY", proxy.address)
    Path("rows.csv").write_text(
        "case,skillId,expected_skill\na,2741903011,2741903011\nb,2741903011,2741903011\n"
    )
    live = ["--live", "--confirm", "2", "--quiet"]

    sent = main(["send", "rows.csv", *live, "--engagement", "--say", "Hello", "--landing", "--close"])
    verified = main(["verify", "rows.csv", *live])

    out, err = capsys.readouterr()
    assert (sent, verified) == (0, 0), err
    assert "2 of 2 cases: 2 answered; done" in err
    assert "2 cases: 2 passed, 0 failed." in out
    assert [conversation.state for conversation in tls_sandbox.conversations] == ["CLOSE"] * 4
    assert {f"va.{name}.liveperson.net" for name in ("sentinel", "idp", "v", "msg", "msghist")} < set(
        proxy.hosts
    )
    assert "canary" not in out + err


def test_the_proxy_sees_hosts_and_no_token(send, proxy, tls_sandbox):
    send()

    log = "".join(proxy.log)
    assert {line.split(":")[0] for line in log.split("\r\n") if line} <= {
        *(f"CONNECT {host}" for host in proxy.hosts),
        "Host",
        "Accept",
    }
    assert "eyJ" not in log
    assert tls_sandbox.client_secret not in log


def test_user_and_password_are_sent_to_the_proxy_alone(tls_sandbox, real_account, send, proxy):
    proxy._credentials = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
    with_password = f"http://user:{quote(PASSWORD, safe='')}@127.0.0.1:{proxy.port}"

    assert send(settings=changed(real_account, LP_PROXY=with_password)).outcome == "answered"
    assert all("Proxy-Authorization" in head for head in proxy.log)


def test_loopback_never_goes_through_a_proxy(tls_sandbox, proxy):
    settings = Settings.of({**tls_sandbox.environment(), "LP_PROXY": proxy.url})

    with Client(settings, wait_scale=0.0) as client:
        assert client.create_conversation("loopback").outcome == "answered"
    assert proxy.log == []


def test_a_host_of_no_proxy_is_reached_without_it(proxy):
    network = Network(Secret(proxy.url), no_proxy=("liveperson.net", "other.example:8443"))

    def goes_through(url):
        return network.proxy_for(httpx.URL(url)) is not None

    assert not goes_through("https://va.msg.liveperson.net/x")
    assert goes_through("https://liveperson.net.example/x")
    assert goes_through("https://other.example/x")
    assert not goes_through("https://other.example:8443/x")
    assert not goes_through("http://plain.example/x")
    assert Network(Secret(proxy.url), no_proxy=("*",)).proxy_for(httpx.URL("https://a.example")) is None


# What is proved when the proxy fails


@pytest.mark.parametrize(
    ("cut", "outcome"),
    [("connect", "not sent"), ("tunnel", "not sent"), ("request", "unknown"), ("reply", "unknown")],
)
def test_until_the_tunnel_stands_nothing_was_sent_and_afterwards_nobody_knows(send, proxy, cut, outcome):
    proxy.cuts[MESSAGING] = cut

    response = send()

    assert (response.outcome, response.attempts) == (outcome, 6 if outcome == "not sent" else 1)
    words = {
        "not sent": [f"the way through the proxy 127.0.0.1:{proxy.port} to {MESSAGING} broke off before"],
        # Which of the two the system says is a matter of what had been read when the connection was closed.
        "unknown": ["the connection was closed without an answer", "the connection was cut"],
    }
    assert [said for said in words[outcome] if said in response.explanation] != []


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (407, "the proxy {proxy} asks for a user and a password (HTTP 407)"),
        (403, "the proxy {proxy} refused the way to api.liveperson.net (HTTP 403)"),
        (502, "the proxy {proxy} refused the way to api.liveperson.net (HTTP 502)"),
    ],
)
def test_a_proxys_refusal_is_told_from_a_services(send, proxy, status, words):
    proxy.status = status

    with pytest.raises(ServiceError) as caught:
        send()

    said = words.format(proxy=f"127.0.0.1:{proxy.port}")
    assert str(caught.value) == f"Domain API could not be reached: {said}, tried 4 times."


def test_a_proxy_that_says_nothing_is_waited_for_until_the_deadline(send, proxy):
    proxy.held = True

    with pytest.raises(
        NotSentError, match=r"no connection could be made through the proxy 127\.0\.0\.1:\d+ "
    ):
        send(deadline=0.2)


def test_a_proxy_that_is_not_there_is_named(real_account, send, refused_proxy):
    with pytest.raises(ServiceError) as caught:
        send(settings=changed(real_account, LP_PROXY=refused_proxy))

    address = refused_proxy.removeprefix("http://")
    assert f"could not connect to the proxy {address} (connection refused)" in str(caught.value)


def test_where_the_way_is_barred_the_command_line_names_the_doctor(
    monkeypatch, tls_sandbox, refused_proxy, capsys
):
    for name, value in {**tls_sandbox.environment(), "LP_DOMAIN_API": "https://api.liveperson.net"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LP_PROXY", refused_proxy)
    Path("rows.csv").write_text("case\na\n")

    assert main(["send", "rows.csv", "--live", "--confirm", "1", "--quiet"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "lpnb doctor looks at the way there step by step, and says what to do."
    )


@pytest.fixture
def refused_proxy():
    """The address of a port that nobody listens on."""
    import socket

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


# Trust


def test_an_unknown_authority_is_not_trusted_and_gets_no_token(real_account, send, tls_sandbox):
    with pytest.raises(ServiceError, match=r"the certificate of api\.liveperson\.net is not trusted: "):
        send(settings=changed(real_account, LP_CA_FILE=""))
    assert tls_sandbox.calls["domain_api"] == 0


@pytest.mark.parametrize("ca_file", ["", "empty.pem"])
def test_what_is_not_trusted_is_not_tried_again(real_account, send, proxy, ca_file):
    Path("empty.pem").touch()

    with pytest.raises(ServiceError) as caught:
        send(settings=changed(real_account, LP_CA_FILE=ca_file))

    assert "tried" not in str(caught.value)
    assert len(proxy.hosts) <= 1


def test_a_file_without_a_certificate_is_named(real_account, send, tmp_path):
    (tmp_path / "empty.pem").write_text("nothing")

    with pytest.raises(ServiceError, match=r"LP_CA_FILE names .*empty\.pem, which holds no certificate"):
        send(settings=changed(real_account, LP_CA_FILE=str(tmp_path / "empty.pem")))


@pytest.mark.parametrize("kind", ["sockets", "httpx"])
def test_both_kinds_of_connections_trust_the_file(tls_sandbox, kind):
    settings = Settings.of(tls_sandbox.environment())

    with Client(settings, wait_scale=0.0, transport=HttpTransport(kind=kind)) as client:
        assert client.create_conversation(f"trusting {kind}").outcome == "answered"


def test_our_connections_are_a_transport_of_httpx(sandbox):
    import asyncio

    async def main():
        async with httpx.AsyncClient(transport=SocketBackend(), base_url=sandbox.base) as http:
            reply = await http.get(f"/api/account/{sandbox.account_id}/service/baseURI?version=1.0")
            return reply.status_code, len(reply.json()["baseURIs"])

    assert asyncio.run(main()) == (200, 24)


# Settings


@pytest.mark.parametrize(
    ("environment", "address", "source"),
    [
        ({"HTTPS_PROXY": "http://a.example:1"}, "http://a.example:1", "HTTPS_PROXY in the environment"),
        ({"https_proxy": "b.example:2"}, "http://b.example:2", "HTTPS_PROXY in the environment"),
        ({"ALL_PROXY": "http://c.example:3"}, "http://c.example:3", "ALL_PROXY in the environment"),
        (
            {"HTTPS_PROXY": "http://a.example:1", "LP_PROXY": "http://d.example:4"},
            "http://d.example:4",
            "environment",
        ),
        ({"HTTPS_PROXY": "http://a.example:1", "LP_PROXY": "direct"}, "", "environment"),
        ({}, "", None),
    ],
)
def test_the_proxy_is_found_in_this_order(monkeypatch, environment, address, source):
    for name, value in {**ACCOUNT, **environment}.items():
        monkeypatch.setenv(name, value)

    settings = Settings.load()

    assert (settings.proxy_address, settings.sources.get("LP_PROXY")) == (address, source)


def test_no_proxy_goes_with_the_environments_proxy_and_not_with_ours(monkeypatch):
    for name, value in {
        **ACCOUNT,
        "HTTPS_PROXY": "http://a.example:1",
        "no_proxy": "x.example, .y.example",
    }.items():
        monkeypatch.setenv(name, value)

    assert Settings.load().no_proxy == ("x.example", ".y.example")
    monkeypatch.setenv("LP_PROXY", "http://d.example:4")
    assert Settings.load().no_proxy == ()


@pytest.mark.parametrize("variable", ["LP_CA_FILE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_file_of_authorities_is_found_in_each_variable(monkeypatch, tls_sandbox, variable):
    for name, value in {**ACCOUNT, variable: str(tls_sandbox.ca)}.items():
        monkeypatch.setenv(name, value)

    assert Settings.load().ca_file == str(tls_sandbox.ca)


def test_a_proxy_alone_names_no_account(monkeypatch):
    from lpnb.settings import SettingsLookup

    monkeypatch.setenv("LP_PROXY", "http://a.example:1")
    monkeypatch.setenv("LP_CA_FILE", "/somewhere.pem")

    assert SettingsLookup.find().values == {}


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        (
            {"LP_PROXY": "socks5://a.example:1"},
            "LP_PROXY must be an http:// or https:// proxy; socks5 is not supported.",
        ),
        (
            {"LP_PROXY": "http://user:canary@a.example:x"},
            "LP_PROXY is not a URL such as http://proxy.example.com:8080.",
        ),
        (
            {"LP_CA_FILE": "/nowhere/ca.pem"},
            "LP_CA_FILE must name a file of certificates (PEM); /nowhere/ca.pem is not there.",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_when_the_settings_are_made(values, complaint):
    with pytest.raises(SettingsError) as caught:
        Settings.of({**ACCOUNT, **values})

    assert str(caught.value) == complaint


def test_a_variable_for_other_programs_is_named_by_its_own_name(monkeypatch):
    for name, value in {**ACCOUNT, "HTTPS_PROXY": "socks5h://a.example:1"}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=r"^HTTPS_PROXY must be an http:// or https:// proxy; socks5h "):
        Settings.load()


def test_on_this_machine_a_proxy_that_cannot_be_used_does_no_harm(sandbox):
    settings = Settings.of({**sandbox.environment(), "LP_PROXY": "socks5://a.example:1"})

    with Client(settings, wait_scale=0.0) as client:
        assert client.create_conversation("anna").outcome == "answered"


def test_the_proxys_password_is_shown_to_nobody(real_account, proxy):
    settings = changed(
        real_account, LP_PROXY=f"http://user:{quote(PASSWORD, safe='')}@127.0.0.1:{proxy.port}"
    )
    proxy.status = 407

    with Client(settings, wait_scale=0.0) as client, pytest.raises(ServiceError) as caught:
        client.create_conversation("anna")
    shown = repr(settings) + settings._repr_html_() + repr(settings.__dict__) + str(caught.value)
    shown += repr(client.engine.transport.network)

    assert "canary" not in shown
    assert MASK in repr(settings.__dict__)
    assert settings.proxy_address == proxy.url


# The doctor


def checks(monkeypatch, settings, **changes):
    """The doctor's findings for these settings, by name."""
    given = {name: value for name, value in settings._values_by_name().items() if name != "LP_PROXY"}
    given["LP_PROXY"] = settings.proxy
    for name, value in {**given, **changes}.items():
        text = value.reveal() if isinstance(value, Secret) else str(value)
        if text:
            monkeypatch.setenv(name, text)
        else:
            monkeypatch.delenv(name, raising=False)
    return {check.name: check for check in doctor(deadline=5.0)}


def test_the_doctor_says_which_proxy_and_which_trust_are_in_use(
    monkeypatch, real_account, proxy, tls_sandbox
):
    found = checks(monkeypatch, real_account)

    assert found["network"].seen == (
        f"set to go through the proxy {proxy.url} (from environment); trusted are the operating system's "
        f"authorities and {tls_sandbox.ca} (from environment)"
    )
    assert {check.state for check in found.values()} == {"ok"}


@pytest.mark.parametrize("variable", ["LP_CA_FILE", "SSL_CERT_FILE"])
def test_the_doctor_passes_on_a_sandbox_over_tls_with_either_setting(monkeypatch, tls_sandbox, variable):
    environment = tls_sandbox.environment()
    del environment["LP_CA_FILE"]
    settings = Settings.of(environment)

    assert all(
        check.state == "ok" for check in checks(monkeypatch, settings, **{variable: tls_sandbox.ca}).values()
    )


def test_the_doctor_names_the_authority_that_is_not_trusted_and_both_settings(monkeypatch, real_account):
    async def company(*_):
        return "Example Corp, Web Gateway"

    monkeypatch.setattr("lpnb.diagnostics.doctor.issuer_of", company)
    found = checks(monkeypatch, real_account, LP_CA_FILE="")["Domain API"]

    assert found.state == "fail"
    assert found.todo.startswith("It was issued by Example Corp, Web Gateway. If that is your company's")
    assert "LP_CA_FILE or SSL_CERT_FILE" in found.todo


def test_the_doctor_tells_a_sandbox_over_tls_from_a_proxy_that_reads_https(monkeypatch, real_account):
    assert checks(monkeypatch, real_account, LP_CA_FILE="")["Domain API"].todo == (
        "It was issued by lpnb sandbox, which makes a new authority at each start. Set LP_CA_FILE to the "
        "file that\nthe sandbox named as it started: its line LP_CA_FILE=..., or the ca of its ready line."
    )


@pytest.mark.parametrize("variable", ["LP_CA_FILE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("kind", ["text", "empty", "folder"])
def test_the_doctor_stops_at_a_file_of_authorities_that_holds_none(
    monkeypatch, tls_sandbox, tmp_path, variable, kind
):
    path = tmp_path / kind
    path.mkdir() if kind == "folder" else path.write_text("host-7\n" if kind == "text" else "")
    settings = Settings.of({**tls_sandbox.environment(), "LP_CA_FILE": ""})

    found = checks(monkeypatch, settings, **{variable: str(path)})

    fault = (
        "a folder without certificates that are named by their hash, as openssl rehash does"
        if kind == "folder"
        else "which holds no certificate (PEM) that can be read"
    )
    assert found["network"] == DoctorCheck(
        "network",
        "fail",
        f"{variable} names {path}, {fault}",
        "Name a file with the certificate of your company's authority, which begins with\n"
        f"-----BEGIN CERTIFICATE-----, or take {variable} away: the operating system's authorities are "
        "trusted without it.",
    )
    assert [check.name for check in found.values() if check.state == "fail"] == ["network"]
    assert found["Domain API"].seen == "not checked: the file of authorities comes first"


@pytest.mark.parametrize(
    ("status", "todo"),
    [
        (407, "Write user and password into LP_PROXY, such as http://user:password@proxy.example.com:8080,"),
        (
            403,
            "Ask those who run the proxy to allow api.liveperson.net: *.liveperson.net and *.lpsnmedia.net,",
        ),
    ],
)
def test_the_doctor_says_what_to_do_about_a_proxys_refusal(monkeypatch, real_account, proxy, status, todo):
    proxy.status = status

    assert checks(monkeypatch, real_account)["Domain API"].todo.startswith(todo)


def test_the_doctor_says_that_the_proxy_did_not_take_the_password_that_it_was_given(
    monkeypatch, real_account, proxy
):
    proxy.status = 407
    wrong = f"http://user:{quote(PASSWORD, safe='')}@127.0.0.1:{proxy.port}"

    todo = checks(monkeypatch, real_account, LP_PROXY=wrong)["Domain API"].todo

    assert todo == (
        "It did not take the user and password of LP_PROXY: is one of them mistyped, or has it ended?\n"
        "Special characters are percent-encoded: @ is %40. lpnb sends them by Basic authentication, "
        "not by NTLM or Kerberos."
    )


def test_the_doctor_tells_a_name_that_cannot_be_resolved(monkeypatch, real_account):
    found = checks(
        monkeypatch, real_account, LP_PROXY="", LP_DOMAIN_API="https://nowhere.invalid", LP_TRUSTED_HOSTS=""
    )["Domain API"]

    assert "the host nowhere.invalid has no address: the name cannot be resolved" in found.seen
    assert (
        found.todo
        == "No name server here knows nowhere.invalid. Is there a VPN, or a proxy to name in LP_PROXY?"
    )


def test_webhooks_of_a_real_account_arrive_at_a_receiver(real_account, tls_sandbox):
    with Receiver(real_account) as receiver, Client(real_account, wait_scale=0.0) as client:
        tls_sandbox.set_webhook(receiver.url)
        client.listen(receiver)
        conversation = client.conversation(client.create_conversation("anna"))
        tls_sandbox.agent_says(conversation.id, "Hello")
        message = conversation.next_message(timeout=10.0)

    assert message.text == "Hello"
