"""Every text that is written is run against a sandbox and opens the same conversation."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from lpnb import ConversationBatch, RawBatch, Sandbox
from lpnb.snippets import as_curl, as_http_file, as_httpx, as_postman, as_python

ROOT = Path(__file__).parents[2]
Runner = Callable[..., Any]


@pytest.fixture(scope="module")
def cloud() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def environment(cloud: Sandbox) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **cloud.environment()}


def opened(cloud: Sandbox, consumer_id: str, batch: ConversationBatch) -> None:
    """Hold what the sandbox has of a consumer against what the batch says."""
    (found,) = [one for one in cloud.conversations if one.ext_consumer_id == consumer_id]
    profile, request = (frame["body"] for frame in batch.to_wire())
    assert cloud.profile(consumer_id) == profile["authenticatedData"]["lp_sdes"]
    campaign = found.campaign or {}
    assert {key: campaign.get(key) for key in ("campaignId", "engagementId")} == {
        key: request.get("campaignInfo", {}).get(key) for key in ("campaignId", "engagementId")
    }
    header = batch.client_properties.to_header() if batch.client_properties else None
    sent = found.raw_client_properties
    # Rows without the header send an empty object beside those that have it.
    assert json.loads(sent or "{}") == json.loads(header or "{}")


def run_python(text: str, environment: dict[str, str], folder: Path) -> str:
    script = folder / "snippet.py"
    script.write_text(text, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-W", "error", script],
        env=environment, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=60,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def consumers(kind: str) -> dict[str, str]:
    """A consumer id of its own for each run; the second is as hostile as its batch."""
    hostile = 'it\'s $(touch pwned) `touch pwned` "{{LP_CLIENT_SECRET}}" \\n\n### 🎉 שלום'
    return {"everyday": f"{kind} consumer", "hostile": f"{kind} {hostile}"}


@pytest.mark.parametrize("write", [as_python, as_httpx])
def test_python_opens_the_same_conversation(
    write: Callable[..., str],
    everyday: ConversationBatch,
    hostile: ConversationBatch,
    cloud: Sandbox,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    ids = consumers(write.__name__)
    texts = [write(everyday, ids["everyday"]), write(hostile, ids["hostile"])]

    run_python("\n".join(texts), environment, tmp_path)

    opened(cloud, ids["everyday"], everyday)
    opened(cloud, ids["hostile"], hostile)
    assert [path.name for path in tmp_path.iterdir()] == ["snippet.py"]


def test_curl_opens_the_same_conversation(
    everyday: ConversationBatch,
    hostile: ConversationBatch,
    cloud: Sandbox,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    if not shutil.which("curl") or not shutil.which("bash"):
        pytest.skip("curl or bash is not installed")
    for name, batch in (("everyday", everyday), ("hostile", hostile)):
        consumer_id = consumers("curl")[name]
        script = tmp_path / f"{name}.sh"
        script.write_text(as_curl(batch, consumer_id), encoding="utf-8")

        ended = subprocess.run(
            ["bash", script], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60
        )

        assert ended.returncode == 0, ended.stderr
        opened(cloud, consumer_id, batch)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["everyday.sh", "hostile.sh"]


def test_no_secret_and_no_token_is_on_a_command_line_of_curl(
    everyday: ConversationBatch, cloud: Sandbox, environment: dict[str, str], tmp_path: Path
) -> None:
    real = shutil.which("curl")
    if real is None or not shutil.which("bash"):
        pytest.skip("curl or bash is not installed")
    log = tmp_path / "log"
    spy = tmp_path / "curl"
    spy.write_text(f'#!/bin/bash\nprintf "%s\\n" "$@" >> {log}\nexec {real} "$@"\n')
    spy.chmod(0o755)
    watched = {**environment, "PATH": f"{tmp_path}:{environment['PATH']}"}

    subprocess.run(
        ["bash", "-c", as_curl(everyday, "watched")], env=watched, check=True, capture_output=True, timeout=60
    )

    seen = log.read_text()
    assert seen.count("/messaging/consumer/conversation?v=3") == 1
    assert environment["LP_CLIENT_SECRET"] not in seen
    assert "eyJ" not in seen  # how every token begins
    opened(cloud, "watched", everyday)


def test_curl_hands_over_a_body_too_long_for_a_command_line(
    cloud: Sandbox, environment: dict[str, str], tmp_path: Path
) -> None:
    batch = ConversationBatch.build([{"type": "personal", "personal": {"firstname": "x" * 400_000}}])
    script = tmp_path / "long.sh"
    script.write_text(as_curl(batch, "long curl"), encoding="utf-8")

    subprocess.run(["bash", script], env=environment, check=True, capture_output=True, timeout=60)

    opened(cloud, "long curl", batch)


@pytest.mark.parametrize("name", ["everyday", "hostile"])
def test_an_http_file_opens_the_same_conversation(
    name: str,
    request: pytest.FixtureRequest,
    cloud: Sandbox,
    environment: dict[str, str],
    run_http_file: Runner,
) -> None:
    batch, consumer_id = request.getfixturevalue(name), consumers("http")[name]

    text = as_http_file(batch, consumer_id, domain_api=environment["LP_DOMAIN_API"])
    run_http_file(text, environment)

    opened(cloud, consumer_id, batch)


@pytest.mark.parametrize("name", ["everyday", "hostile"])
def test_a_postman_collection_opens_the_same_conversation(
    name: str,
    request: pytest.FixtureRequest,
    cloud: Sandbox,
    environment: dict[str, str],
    run_postman: Runner,
) -> None:
    batch, consumer_id = request.getfixturevalue(name), consumers("postman")[name]
    written = as_postman([(batch, consumer_id)])

    run_postman(written.collection, written.data, environment)

    opened(cloud, consumer_id, batch)


def test_a_collection_with_a_data_file_opens_a_conversation_for_each_row(
    everyday: ConversationBatch,
    hostile: ConversationBatch,
    cloud: Sandbox,
    environment: dict[str, str],
    run_postman: Runner,
) -> None:
    ids = consumers("postman rows")
    written = as_postman([(everyday, ids["everyday"]), (hostile, ids["hostile"])])
    tokens = cloud.calls["sentinel"]

    replies = run_postman(written.collection, written.data, environment)

    assert len(replies) == 2
    assert cloud.calls["sentinel"] == tokens + 1
    opened(cloud, ids["everyday"], everyday)
    opened(cloud, ids["hostile"], hostile)


def test_newman_runs_the_collection_and_its_data_file(
    everyday: ConversationBatch,
    hostile: ConversationBatch,
    cloud: Sandbox,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    newman = shutil.which("newman")
    if newman is None:
        pytest.skip("newman is not installed (npm install -g newman)")
    ids = consumers("newman")
    as_postman([(everyday, ids["everyday"]), (hostile, ids["hostile"])]).save(tmp_path)
    variables = [f"--env-var={key}={value}" for key, value in cloud.environment().items()]

    ended = subprocess.run(
        [newman, "run", "lpnb.postman_collection.json", "-d", "lpnb.data.json", *variables],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip

    assert ended.returncode == 0, ended.stdout
    opened(cloud, ids["everyday"], everyday)
    opened(cloud, ids["hostile"], hostile)


RAW = (
    b'[{"id":"7","type":"userprofile.SetUserProfile","body":{}},  {"id": "8",\n'
    b'"type":"cm.ConsumerRequestConversation","body":{"brandId":"12345678","metadata":["it\'s $HOME"]}}]'
)
ODD = b'\xff\xfe[{"id": \x01 "7\'"'


class Listener(BaseHTTPRequestHandler):
    """All services in one; keeps what is posted to CONVERSATION."""

    bodies: ClassVar[list[bytes]] = []

    def do_GET(self) -> None:
        host = f"127.0.0.1:{self.server.server_port}"  # type: ignore[attr-defined]
        rows = [{"service": name, "baseURI": host} for name in ("sentinel", "idp", "asyncMessagingEnt")]
        self.say({"baseURIs": rows})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/conversation?v=3"):
            self.bodies.append(body)
        self.say({"access_token": "a.b.c", "token": "d.e.f"})

    def say(self, reply: object) -> None:
        content = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *words: object) -> None:
        pass


def test_raw_bytes_leave_as_they_are(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        told = {"LP_ACCOUNT_ID": "1", "LP_CLIENT_ID": "a", "LP_CLIENT_SECRET": "b"}
        environment = {**os.environ, **told, "LP_DOMAIN_API": f"http://127.0.0.1:{server.server_port}"}
        run_python("\n".join(as_httpx(RawBatch(raw), "raw") for raw in (RAW, ODD)), environment, tmp_path)
        for raw in (RAW, ODD):
            script = ["bash", "-c", as_curl(RawBatch(raw), "raw")]
            subprocess.run(script, env=environment, check=True, capture_output=True, timeout=60)
        server.shutdown()

    assert Listener.bodies == [RAW, ODD, RAW, ODD]


@pytest.mark.parametrize("kind", ["python", "httpx", "curl", "http", "postman"])
def test_no_text_holds_the_secret_or_runs_a_name_for_it(
    kind: str, hostile: ConversationBatch, cloud: Sandbox
) -> None:
    text = {
        "python": lambda: as_python(hostile, "c"),
        "httpx": lambda: as_httpx(hostile, "c"),
        "curl": lambda: as_curl(hostile, "c"),
        "http": lambda: as_http_file(hostile, "c"),
        "postman": lambda: as_postman([(hostile, "c")]).collection,
    }[kind]()

    assert cloud.environment()["LP_CLIENT_SECRET"] not in text
    assert all(letter.isprintable() or letter == "\n" for letter in text)
