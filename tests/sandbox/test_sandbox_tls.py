"""https with a certificate authority of the sandbox's own."""

import json
import socket
import ssl
import subprocess
import sys

import httpx
import pytest

from lpnb import Client, Settings
from lpnb.sandbox import Sandbox
from lpnb.sandbox.__main__ import main

LIST = "/api/account/12345678/service/baseURI.json?version=1.0"


@pytest.fixture
def secure():
    with Sandbox(tls=True) as sandbox:
        yield sandbox


@pytest.fixture
def https(secure):
    trust = ssl.create_default_context(cafile=secure.ca)
    with httpx.Client(base_url=secure.base, verify=trust, trust_env=False) as http:
        yield http


def test_a_client_that_trusts_the_authority_is_served(secure, https):
    assert secure.base == f"https://127.0.0.1:{secure.port}"
    assert https.get(LIST).status_code == 200
    assert https.get(f"https://localhost:{secure.port}{LIST}").status_code == 200


def test_the_hosts_handed_out_are_what_https_clients_put_https_in_front_of(secure, https):
    for row in https.get(LIST).json()["baseURIs"]:
        assert row["baseURI"] == f"127.0.0.1:{secure.port}"
    found = https.get(f"https://{row['baseURI']}/sentinel/well-known/jwks")

    assert found.status_code == 200


def test_a_client_that_does_not_trust_it_refuses(secure):
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(secure.base + LIST, trust_env=False)


@pytest.mark.parametrize("name", ["api.liveperson.net", "va.msg.liveperson.net", "lo.idp.liveperson.net"])
def test_the_certificate_is_good_for_livepersons_hosts(secure, name):
    context = ssl.create_default_context(cafile=secure.ca)

    with (
        socket.create_connection(("127.0.0.1", secure.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=name) as sock,
    ):
        sock.sendall(f"GET {LIST} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        assert sock.recv(12) == b"HTTP/1.1 200"
        assert sock.version() == "TLSv1.3"


def test_the_certificate_is_good_for_nobody_else(secure):
    context = ssl.create_default_context(cafile=secure.ca)

    with (
        socket.create_connection(("127.0.0.1", secure.port), timeout=5) as plain,
        pytest.raises(ssl.SSLCertVerificationError, match="certificate is not valid for"),
    ):
        context.wrap_socket(plain, server_hostname="www.example.org")


def test_old_tls_is_refused(secure):
    context = ssl.create_default_context(cafile=secure.ca)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    with (
        socket.create_connection(("127.0.0.1", secure.port), timeout=5) as plain,
        pytest.raises((ssl.SSLError, ConnectionResetError)),
    ):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_plain_http_on_the_port_is_cut_and_the_others_go_on(secure, https):
    with socket.create_connection(("127.0.0.1", secure.port), timeout=5) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" not in sock.recv(100)

    assert https.get(LIST).status_code == 200


@pytest.mark.parametrize(("fault", "reset"), [("drop_after", False), ("drop_before", True)])
def test_faults_cut_a_secure_line_too(secure, https, fault, reset):
    secure.fail("domain", fault, reset=reset)

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        https.get(LIST)

    assert https.get(LIST).status_code == 200


def test_the_control_api_is_served_over_https_as_well(secure, https):
    reply = https.get(f"{secure.control}/status", headers={"X-Sandbox-Token": secure.control_token})

    assert reply.status_code == 200


def test_the_certificate_goes_where_it_was_wanted_and_stays(tmp_path):
    wanted = tmp_path / "ca.pem"

    with Sandbox(tls=True, ca_file=wanted) as sandbox:
        assert sandbox.ca == wanted

    assert wanted.read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE" not in wanted.read_text()
    assert sandbox.ca is None


def test_a_temporary_certificate_is_removed_at_the_stop():
    with Sandbox(tls=True) as sandbox:
        path = sandbox.ca
        assert path.exists()

    assert not path.exists()


def test_a_client_made_from_its_environment_trusts_it(secure):
    with Client(Settings.of(secure.environment())) as client:
        assert client.create_conversation("consumer-1").conversation_id is not None


def test_without_tls_there_is_no_certificate(sandbox):
    assert sandbox.ca is None
    assert sandbox.base.startswith("http://")


def test_the_command_line_names_the_certificate_in_its_line(tmp_path):
    command = [sys.executable, "-W", "error", "-m", "lpnb.sandbox", "--ca", str(tmp_path / "ca.pem")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        ready = json.loads(process.stdout.readline())
        trust = ssl.create_default_context(cafile=ready["ca"])
        with httpx.Client(base_url=ready["base"], verify=trust, trust_env=False) as http:
            status = http.get(LIST).status_code
        process.terminate()
        _, errors = process.communicate(timeout=10)

    assert (status, process.returncode) == (200, 0)
    assert ready["ca"] == str(tmp_path / "ca.pem")
    assert f"Let the client trust the certificate in {ready['ca']}\n" in errors.decode()


def test_a_certificate_that_cannot_be_written_is_one_line(tmp_path, capsys):
    assert main(["--ca", str(tmp_path / "nowhere" / "ca.pem")]) == 2

    assert capsys.readouterr().err == f"Cannot write {tmp_path}/nowhere/ca.pem: No such file or directory.\n"
