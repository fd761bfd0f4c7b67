"""Request targets in absolute form, the header against sniffing, and what is said to be not served."""

import pytest


def request(target, host, connection="close"):
    return f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: {connection}\r\n\r\n".encode()


PATH = "/api/account/12345678/service/idp/baseURI.json?version=1.0"


def status_of(reply):
    return int(reply.split(b" ", 2)[1])


def test_an_absolute_target_of_the_sandbox_is_served_whatever_the_host_header_says(raw, sandbox):
    target = f"http://127.0.0.1:{sandbox.port}{PATH}"

    for host in (f"127.0.0.1:{sandbox.port}", "evil.example"):
        reply = raw(request(target, host))
        assert status_of(reply) == 200
        assert b'"service":"idp"' in reply


def test_an_absolute_target_of_a_foreign_host_is_refused_whatever_the_host_header_says(raw, sandbox):
    reply = raw(request(f"http://evil.example{PATH}", f"127.0.0.1:{sandbox.port}"))

    assert status_of(reply) == 403
    assert b"evil.example" in reply


@pytest.mark.parametrize("scheme", ["http", "https", "HTTPS"])
def test_livepersons_own_hosts_are_served_through_a_proxy(raw, scheme):
    assert status_of(raw(request(f"{scheme}://va.idp.liveperson.net{PATH}", "va.idp.liveperson.net"))) == 200


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "http://user@127.0.0.1/x", "http:///x"])
def test_other_targets_are_400(raw, sandbox, target):
    assert status_of(raw(request(target, f"127.0.0.1:{sandbox.port}"))) == 400


def test_an_absolute_target_without_a_path_is_the_root(raw, sandbox):
    reply = raw(request(f"http://127.0.0.1:{sandbox.port}", "x"))

    assert status_of(reply) == 200
    assert b"<!doctype html>" in reply


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", PATH),
        ("GET", "/nowhere"),
        ("DELETE", PATH),
        ("GET", "/openapi.json"),
        ("GET", "/"),
        ("GET", "/_lpnb/status"),
        ("GET", "/agent/static/agent.css"),
        ("POST", "/api/account/12345678/consumer?v=1.0"),
    ],
)
def test_every_answer_forbids_sniffing_once(connector, method, path):
    reply = connector.http.request(method, path)

    assert reply.headers.get_list("x-content-type-options") == ["nosniff"]


def test_what_is_refused_below_http_forbids_sniffing_too(raw):
    assert b"\r\nx-content-type-options: nosniff\r\n" in raw(b"\x00\x01 nonsense\r\n\r\n")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/account/1/monitoring/visitors/v/visits/current/events", "server-side SDEs"),
        ("/api/account/1/configuration/le-users/skills", "the configuration APIs"),
        ("/ws_api/account/1/messaging/consumer", "the WebSocket Messaging Window API"),
        ("/messaging/v1/consumers/x/conversations", "the Messaging REST API"),
    ],
)
def test_what_is_not_served_is_said_by_name(connector, path, name):
    reply = connector.http.post(path)

    assert reply.status_code == 404
    assert f"The sandbox does not serve {name}" in reply.json()["error"] or name in reply.json()["error"]
