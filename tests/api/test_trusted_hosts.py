"""Which hosts get a token, and that all others are refused before the secret is sent anywhere."""

from __future__ import annotations

import pytest

from lpnb import Settings, UntrustedHostError
from lpnb.api.trusted_hosts import origin_of

REAL = Settings("12345678", "id", "secret")
LISTED = Settings("12345678", "id", "secret", trusted_hosts=("connector.example:8443", "gateway.example"))
HERE = Settings("12345678", "id", "secret", domain_api="http://127.0.0.1:50123")


@pytest.mark.parametrize(
    "host",
    [
        "va.msg.liveperson.net",
        "lo.sentinel.liveperson.net",
        "va-a.ac.liveperson.net",
        "a.b.c.d.lpsnmedia.net",
        "1.liveperson.net",
    ],
)
def test_hosts_under_livepersons_domains_are_spoken_to_over_https(host):
    assert origin_of(host, "idp", REAL) == f"https://{host}"


def test_the_https_port_may_be_spelled_out():
    assert origin_of("va.idp.liveperson.net:443", "idp", REAL) == "https://va.idp.liveperson.net"


@pytest.mark.parametrize("host", ["connector.example:8443", "gateway.example"])
def test_a_listed_host_is_spoken_to_over_https(host):
    assert origin_of(host, "idp", LISTED) == f"https://{host}"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "liveperson.net.evil.example",
        "va.msg.liveperson.net.evil.example",
        "evilliveperson.net",
        "evil-liveperson.net",
        "liveperson.net",
        "va.msg.liveperson.com",
        "xn--lveperson-8ya.net",
        "xn--80ak6aa92e.example",
        "localhost",
        "va.msg.liveperson.net:8443",
        "va.msg.liveperson.net:80",
        "connector.example",
        "connector.example:443",
        "gateway.example:8443",
        "sub.gateway.example",
        "https://va.msg.liveperson.net",
        "http://va.msg.liveperson.net",
        "//va.msg.liveperson.net",
        "va.msg.liveperson.net/path",
        "va.msg.liveperson.net?x",
        "va.msg.liveperson.net#x",
        "evil.example/.liveperson.net",
        "evil.example?.liveperson.net",
        "evil.example#.liveperson.net",
        "evil.example\\.liveperson.net",
        "user@va.msg.liveperson.net",
        "va.msg.liveperson.net@evil.example",
        "a:b@va.msg.liveperson.net",
        "VA.MSG.LIVEPERSON.NET",
        "Va.msg.liveperson.net",
        "va.msg.lıveperson.net",
        "va.msg.liveperson。net",
        "ｖａ.msg.liveperson.net",
        "va.msg.liveperson.net.",
        ".liveperson.net",
        "va..liveperson.net",
        "-va.liveperson.net",
        " va.msg.liveperson.net",
        "va.msg.liveperson.net ",
        "va.msg.liveperson.net\n",
        "va.msg.liveperson.net\r\nX: 1",
        "va.msg.liveperson.net\x00",
        "va.msg.liveperson.net:",
        "va.msg.liveperson.net:0443",
        "va.msg.liveperson.net:443:443",
        "192.0.2.1",
        "192.0.2.1:443",
        "127.0.0.1",
        "0x7f000001",
        "0x7f.0.0.1",
        "2130706433",
        "0177.0.0.1",
        "127.1",
        "[::1]",
        "::1",
        "[2001:db8::1]:443",
        "[::ffff:192.0.2.1]",
        "",
        "*",
        "a" * 64 + ".liveperson.net",
        "a." * 130 + "liveperson.net",
        "a" * 100_000,
        None,
        7,
        True,
        ["va.msg.liveperson.net"],
        {"host": "va.msg.liveperson.net"},
        b"va.msg.liveperson.net",
    ],
    ids=lambda host: repr(host)[:40],
)
def test_every_other_host_is_refused(host):
    with pytest.raises(UntrustedHostError) as caught:
        origin_of(host, "idp", LISTED)

    said = str(caught.value)
    assert said.startswith("The Domain API names ")
    assert said.endswith(". Nothing was sent there.")
    assert len(said) < 250


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        (
            "evil.example",
            "which is neither under liveperson.net or lpsnmedia.net nor listed in LP_TRUSTED_HOSTS",
        ),
        ("va.msg.liveperson.net:8443", "which has a port of its own"),
        ("192.0.2.1", "which is an address, not a host name"),
        ("user@va.msg.liveperson.net", "which is not a plain host name"),
        (None, "which is not a host name"),
    ],
)
def test_a_refusal_says_why(host, reason):
    with pytest.raises(UntrustedHostError) as caught:
        origin_of(host, "sentinel", REAL)

    assert str(caught.value) == (
        f"The Domain API names {host!r} for sentinel, {reason}. Nothing was sent there."
    )


def test_a_domain_api_on_this_machine_may_name_its_own_origin():
    assert origin_of("127.0.0.1:50123", "idp", HERE) == "http://127.0.0.1:50123"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:50124",
        "127.0.0.1",
        "[::1]:50123",
        "127.0.0.2:50123",
        "va.msg.liveperson.net",
        "http://127.0.0.1:50123",
        "",
        None,
    ],
)
def test_a_domain_api_on_this_machine_may_name_nothing_else(host):
    with pytest.raises(UntrustedHostError) as caught:
        origin_of(host, "idp", HERE)

    assert str(caught.value) == (
        f"The Domain API names {host!r} for idp, and a Domain API on this machine may name only itself, "
        "'127.0.0.1:50123'. Nothing was sent there."
    )


def test_localhost_in_place_of_the_address_is_answered_with_the_way_out():
    with pytest.raises(UntrustedHostError) as caught:
        origin_of("127.0.0.1:50123", "idp", replace_domain_api("http://localhost:50123"))

    assert str(caught.value) == (
        "The Domain API names '127.0.0.1:50123' for idp, and a Domain API on this machine may name only "
        "itself, 'localhost:50123'; write LP_DOMAIN_API=http://127.0.0.1:50123. Nothing was sent there."
    )


def replace_domain_api(domain_api):
    return Settings("12345678", "id", "secret", domain_api=domain_api)


@pytest.mark.parametrize(
    "wrong",
    [
        {"baseURI": "evil.example"},
        {"baseURI": "127.0.0.1:1"},
        {"baseURI": None},
        {"account": "87654321"},
    ],
    ids=["foreign host", "other port", "no host", "other account"],
)
@pytest.mark.parametrize("service", ["asyncMessagingEnt", "sentinel", "idp", "smt"])
def test_a_wrong_row_is_refused_before_sentinel_is_asked(open_client, cloud, reply, service, wrong):
    def lie(asked):
        names = {"asyncMessagingEnt", "sentinel", "idp", service}
        rows = [{"service": s, "account": "12345678", "baseURI": cloud.server.netloc} for s in sorted(names)]
        return reply(200, {"baseURIs": [{**r, **(wrong if r["service"] == service else {})} for r in rows]})

    cloud.says["domain"] = lie

    with pytest.raises(UntrustedHostError):
        open_client(cloud.settings()).create_conversation("anna")

    assert dict(cloud.calls) == {"domain": 1}


def test_rows_that_disagree_are_refused_before_sentinel_is_asked(open_client, cloud, tiny_server, reply):
    elsewhere = tiny_server(lambda asked: reply(200, {}))

    def lie(asked):
        hosts = [cloud.server.netloc, elsewhere.netloc]
        rows = [{"service": s, "baseURI": h} for h in hosts for s in ("asyncMessagingEnt", "sentinel", "idp")]
        return reply(200, {"baseURIs": rows})

    cloud.says["domain"] = lie

    with pytest.raises(UntrustedHostError):
        open_client(cloud.settings()).create_conversation("anna")

    assert dict(cloud.calls) == {"domain": 1}
    assert elsewhere.connections == 0
