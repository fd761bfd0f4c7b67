"""What is written asks a hostile Domain API, and sends tokens where lpnb would send them and nowhere else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lpnb import ConversationBatch, Settings, UntrustedHostError
from lpnb.api.trusted_hosts import origin_of
from lpnb.snippets import as_curl, as_http_file, as_httpx, as_postman

TRUSTED = "Connector.Example.com, connector.example.com:8443"
HOSTS = [
    "va.msg.liveperson.net",
    "va.msg.liveperson.net:443",
    "va.x.lpsnmedia.net",
    "connector.example.com",
    "connector.example.com:8443",
    "onnector",
    "xample.com",
    "connector.example.com:844",
    "evil.example",
    "va.msg.liveperson.net.evil.example",
    "va.msg.liveperson.netx",
    "evilliveperson.net",
    "liveperson.net",
    "va.msg.liveperson.net:8443",
    "va.msg.liveperson.net@evil.example",
    "evil.example/.liveperson.net",
    "evil.example#.liveperson.net",
    "evil.example?x=.liveperson.net",
    "evil.example\\.liveperson.net",
    "evil.example:1/va.msg.liveperson.net",
    "https://va.msg.liveperson.net",
    "va.msg.liveperson.net\n",
    "evil.example\n.liveperson.net",
    "evil.example .liveperson.net",
    " connector.example.com",
    "$(touch pwned).liveperson.net",
    "*",
    ".liveperson.net",
    "10.0.0.5",
    "[::1]",
    "127.0.0.1:1",
    "localhost:8080",
    "127.0.0.1:8080",
    "",
]
ORIGINS = ["https://api.liveperson.net", "http://127.0.0.1:8080", "https://localhost:8080"]


def lpnb_sends_to(origin: str) -> list[str]:
    """The hosts to which lpnb itself would send a token."""
    settings = Settings("12345678", "id", "secret", domain_api=origin, trusted_hosts=TRUSTED.split(", "))
    found = []
    for host in HOSTS:
        try:
            origin_of(host, "sentinel", settings)
        except UntrustedHostError:
            continue
        found.append(host)
    return found


class EndedError(Exception):
    """The script has come to where the secret is sent."""


def python_sends_to(origin: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []

    class Client:
        def __init__(self, **options: Any) -> None:
            self.host = HOSTS[0]

        def __enter__(self) -> Client:
            return self

        def __exit__(self, *reason: object) -> None:
            pass

        def get(self, url: str) -> Any:
            rows = [{"service": name, "baseURI": host} for name in ("sentinel", "idp", "asyncMessagingEnt")]
            said = types.SimpleNamespace(json=lambda: {"baseURIs": rows})
            said.raise_for_status = lambda: said
            return said

        def post(self, url: str, **more: Any) -> Any:
            asked.append(host)
            raise EndedError

    monkeypatch.setitem(sys.modules, "httpx", types.SimpleNamespace(Client=Client))  # type: ignore[arg-type]
    code = compile(as_httpx(ConversationBatch.build(), "c", domain_api=origin), "script", "exec")
    for said in HOSTS:
        host = said
        with pytest.raises((EndedError, SystemExit)) as caught:
            exec(code, {})
        assert caught.type is EndedError or "which may get no token" in str(caught.value)
    return asked


#: Answers for the Domain API, and writes down where else it is asked to go.
FAKE_CURL = """#!/bin/bash
for word in "$@"; do
  case $word in
    */baseURI.json*) printf '%s' "$ANSWER"; exit 0 ;;
    http*) printf '%s\\n' "$NUMBER" >> "$LOG"; exit 1 ;;
  esac
done
"""


def bash_sends_to(origin: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    (folder / "curl").write_text(FAKE_CURL)
    (folder / "curl").chmod(0o755)
    (folder / "script").write_text(as_curl(ConversationBatch.build(), "c", domain_api=origin))
    (folder / "log").touch()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("LOG", str(folder / "log"))
    monkeypatch.setenv("LC_ALL", "C")
    answers = [json.dumps({"service": "sentinel", "baseURI": host}) for host in HOSTS]
    loop = "number=0; for answer; do ANSWER=$answer NUMBER=$number bash script; number=$((number + 1)); done"
    ended = subprocess.run(
        ["bash", "-c", loop, "loop", *answers], cwd=folder, capture_output=True, text=True, timeout=100
    )
    reached = [HOSTS[int(number)] for number in (folder / "log").read_text().split()]
    refused = ended.stderr.count("may get no token")
    assert len(reached) + refused == len(HOSTS), ended.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["curl", "log", "script"]
    return reached


#: Runs the scripts of a collection as Postman does: what is unset or thrown leaves nothing to send to.
NODE = """
const [items, hosts, known] = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const reached = [];
for (const host of hosts) {
  const set = {sentinel: "https://stale.evil.example"};
  let next = true, thrown = "";
  const pm = {
    variables: {get: (name) => known[name]},
    collectionVariables: {set: (name, value) => set[name] = value, unset: (name) => delete set[name]},
    response: {json: () => ({baseURI: host})},
    execution: {setNextRequest: (name) => next = name},
  };
  try { new Function("pm", items[0])(pm); } catch (error) { thrown = error.message; }
  if (next !== null && set.sentinel) { reached.push(host); continue; }
  if (next !== null || set.sentinel || !thrown.includes("get no token")) reached.push("not ended: " + host);
}
console.log(JSON.stringify(reached));
"""


def postman_sends_to(origin: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    if (node := shutil.which("node")) is None:
        pytest.skip("node is not installed")
    written = json.loads(as_postman([(ConversationBatch.build(), "c")], domain_api=origin).collection)
    scripts = ["\n".join(item["event"][0]["script"]["exec"]) for item in written["item"]]
    variables = {one["key"]: one["value"] for one in written["variable"]} | {"LP_TRUSTED_HOSTS": TRUSTED}
    ended = subprocess.run(
        [node, "-e", NODE],
        input=json.dumps([scripts, HOSTS, variables]),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ended.returncode == 0, ended.stderr
    reached: list[str] = json.loads(ended.stdout)
    return reached


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("sends_to", [python_sends_to, bash_sends_to, postman_sends_to])
def test_a_token_goes_where_lpnb_would_send_it_and_nowhere_else(
    sends_to: Callable[..., list[str]], origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"ACCOUNT_ID": "12345678", "CLIENT_ID": "a", "CLIENT_SECRET": "b"}.items():
        monkeypatch.setenv(f"LP_{name}", value)
    monkeypatch.setenv("LP_TRUSTED_HOSTS", TRUSTED)

    assert sends_to(origin, tmp_path, monkeypatch) == lpnb_sends_to(origin)


@pytest.mark.parametrize(
    "origin", ["http://api.liveperson.net", "http://evil.example", "ftp://x", "https://u@x", "x"]
)
@pytest.mark.parametrize("write", [as_httpx, as_curl])
def test_a_domain_api_of_the_environment_must_be_https_beyond_this_machine(
    write: Callable[..., str], origin: str, tmp_path: Path
) -> None:
    (tmp_path / "curl").write_text("#!/bin/bash\ntouch asked\n")
    (tmp_path / "curl").chmod(0o755)
    (tmp_path / "httpx.py").write_text("open('asked', 'w')\n")
    program = [sys.executable, "-c"] if write is as_httpx else ["bash", "-c"]
    given = {"LP_ACCOUNT_ID": "1", "LP_CLIENT_ID": "a", "LP_CLIENT_SECRET": "b", "LP_DOMAIN_API": origin}
    environment = {
        **os.environ,
        **given,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path),
    }
    (tmp_path / "httpx.py").write_text("")

    ended = subprocess.run(
        [*program, write(ConversationBatch.build(), "c")], cwd=tmp_path, env=environment, capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip

    assert (ended.returncode, ended.stderr) == (
        1, "LP_DOMAIN_API must be https; plain http is for this machine only.\n"
    )  # fmt: skip
    assert not (tmp_path / "asked").exists()


def test_an_http_file_says_that_it_cannot_check() -> None:
    text = as_http_file(ConversationBatch.build(), "c")

    assert re.search(r"must end in \.liveperson\.net or \.lpsnmedia\.net\.", text)
