"""Web pages stay out: Host, Origin and Sec-Fetch-Site."""

import pytest

LIST = "/api/account/12345678/service/baseURI.json?version=1.0"


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LocalHost"])
def test_loopback_names_with_our_port_are_let_in(connector, sandbox, name):
    reply = connector.http.get(LIST, headers={"Host": f"{name}:{sandbox.port}"})

    assert reply.status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "api.liveperson.net",
        "va.msg.liveperson.net",
        "VA.Sentinel.LivePerson.net",
        "lo.msg.liveperson.net:443",
    ],
)
def test_livepersons_own_hosts_are_let_in(connector, host):
    assert connector.http.get(LIST, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1",
        "localhost",
        "127.0.0.1:1",
        "127.0.0.2",
        "[::1]",
        "liveperson.net.evil.example",
        "evilliveperson.net",
        "liveperson.net",
        "api.liveperson.net.",
        "api.liveperson.net@evil.example",
        "x",
    ],
)
def test_any_other_host_is_refused_before_anything_is_looked_up(connector, sandbox, host):
    reply = connector.http.get(LIST, headers={"Host": host})

    assert reply.status_code == 403
    assert reply.json() == {
        "error": f"Host {host!r} is refused. Send 127.0.0.1:{sandbox.port}, localhost:{sandbox.port} "
        "or one of LivePerson's own hosts (*.liveperson.net)."
    }
    assert sandbox.calls == {}
    assert [record.route for record in sandbox.requests] == ["-"]


def test_a_missing_host_is_refused(raw):
    reply = raw(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")

    assert reply.startswith(b"HTTP/1.1 400 ")
    assert b"Send exactly one Host header" in reply


def test_two_hosts_are_refused(raw, sandbox):
    host = b"Host: 127.0.0.1:%d\r\n" % sandbox.port

    reply = raw(b"GET / HTTP/1.1\r\n" + host + host + b"Connection: close\r\n\r\n")

    assert reply.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost", "http://127.0.0.1:8888", ""]
)
def test_a_foreign_origin_is_refused(connector, sandbox, origin):
    reply = connector.post(headers=connector.headers() | {"Origin": origin})

    assert reply.status_code == 403
    assert reply.json() == {
        "error": f"Origin {origin!r} is refused: web pages may not use the sandbox. "
        "Send the request from a program, without an Origin header."
    }
    assert sandbox.conversations == []


def test_our_own_origin_is_let_in(connector, sandbox):
    assert connector.http.get(LIST, headers={"Origin": sandbox.base}).status_code == 200


def test_a_cross_site_fetch_is_refused(connector):
    reply = connector.http.get(LIST, headers={"Sec-Fetch-Site": "cross-site"})

    assert reply.status_code == 403
    assert reply.json() == {
        "error": "Sec-Fetch-Site: cross-site is refused: web pages may not use the sandbox."
    }


def test_a_preflight_gets_no_permission(connector, sandbox):
    reply = connector.http.options(
        connector.path,
        headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"},
    )

    assert reply.status_code == 403
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_the_sandbox_listens_on_loopback_only(sandbox):
    import psutil

    listening = {
        connection.laddr.ip
        for connection in psutil.Process().net_connections(kind="inet")
        if connection.status == "LISTEN" and connection.laddr.port == sandbox.port
    }

    assert listening == {"127.0.0.1"}
