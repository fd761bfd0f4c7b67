"""``explain`` of whole calls, held against what a sandbox answers to the very same ones."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import lpnb
from lpnb import Sandbox
from lpnb.cli.main import main
from lpnb.diagnostics.explain import Explanation, explain

PATH = "/api/account/12345678/messaging/consumer/conversation"
FRAMES = json.dumps(
    [
        {"kind": "req", "id": "1", "type": "userprofile.SetUserProfile", "body": {}},
        {"kind": "req", "id": "2", "type": "cm.ConsumerRequestConversation", "body": {"brandId": "12345678"}},
    ]
)
PROFILE = json.dumps(json.loads(FRAMES)[0])
JSON_TYPE = "application/json"


class Caller:
    """Sends calls to a sandbox with the tokens of one consumer, and writes the same calls as curl."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.origin = sandbox.environment()["LP_DOMAIN_API"]
        self._tokens = self._tokens_of(sandbox)

    def _tokens_of(self, sandbox: Sandbox) -> dict[str, str]:
        settings = lpnb.Settings.of(sandbox.environment())
        query = f"v=1.0&grant_type=client_credentials&client_id={settings.client_id}"
        secret = sandbox.environment()["LP_CLIENT_SECRET"]
        said = self._post(f"/sentinel/api/account/12345678/app/token?{query}&client_secret={secret}", {}, "")
        app = json.loads(said[1])["access_token"]
        headers = {"Authorization": app, "Content-Type": JSON_TYPE}
        body = json.dumps({"ext_consumer_id": "consumer-1"})
        said = self._post("/api/account/12345678/consumer?v=1.0", headers, body)
        return {"Authorization": app, "X-LP-ON-BEHALF": json.loads(said[1])["token"]}

    def _post(self, path: str, headers: dict[str, str], body: str, method: str = "POST") -> tuple[int, str]:
        connection = http.client.HTTPConnection(urlsplit(self.origin).netloc)
        connection.request(method, path, body.encode(), headers)
        answer = connection.getresponse()
        said = answer.status, answer.read().decode()
        connection.close()
        return said

    def both(
        self,
        body: str = FRAMES,
        method: str = "POST",
        path: str = f"{PATH}?v=3",
        content_type: str = JSON_TYPE,
    ) -> tuple[int, str]:
        """The status that the sandbox answers, and the call as a curl command."""
        headers = {**self._tokens, "Content-Type": content_type}
        options = " ".join(f"-H '{name}: {value}'" for name, value in headers.items())
        status, _ = self._post(path, headers, body, method)
        return status, f"curl -X {method} '{self.origin}{path}' {options} --data-raw '{body}'"


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    with Sandbox() as sandbox:
        yield Caller(sandbox)


@pytest.mark.parametrize(
    ("body", "effect", "said"),
    [
        (PROFILE, "refused", "frames must be an array of two; this is one frame alone. cm.Consumer"),
        ("5", "refused", "frames must be an array of frames; got 5."),
        ("null", "refused", "frames must be an array of frames; got None."),
        ("true", "refused", "frames must be an array of frames; got True."),
        ("{}", "refused", "frames must be an array of frames; got {}."),
        ("[]", "refused", "frames must hold at least two frames"),
        ("[1]", "refused", "frames must hold at least two frames"),
        ("[[1]]", "refused", "frames must hold at least two frames"),
        ('"text"', "refused", "frames are not JSON: Expecting value at line 1"),
        (json.dumps(FRAMES), "refused", "frames are a text with the array in it (JSON written twice)"),
        (FRAMES.replace("{}", '{"a": NaN}'), "refused", "frames are not JSON: NaN is not JSON."),
        (FRAMES.replace("{}", '{"a": None}'), "refused", "frames are written as Python writes them"),
        (FRAMES.replace("{}", '{"a": None, "b": true}'), "refused", "frames are written as JavaScript"),
        (
            FRAMES.replace('"kind": "req"', '"kind": "req", "kind": "req"', 1),
            "may be refused",
            "frames are JSON that lpnb does not read: the key 'kind' occurs twice",
        ),
    ],
)
def test_a_body_that_is_no_array_of_frames_is_refused(
    caller: Caller, body: str, effect: str, said: str
) -> None:
    status, text = caller.both(body)

    first = explain(text).findings[0]

    assert status == 400
    assert (first.effect, first.sentence[: len(said)]) == (effect, said)
    assert explain(text).answer == "Correct what is named above, and send it again."


def test_in_a_program_none_is_null_and_no_placeholder() -> None:
    body = FRAMES.replace('"brandId": "12345678"', '"brandId": account, "skillId": None')

    explanation = explain(f"requests.post(url, json={body})")

    assert explanation.findings == ()


def test_a_file_that_cannot_be_explained_keeps_no_other_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail_on_first(text: str, **_: object) -> Explanation:
        if text == "1":
            raise TypeError
        return explain(text)

    monkeypatch.setattr("lpnb.diagnostics.explain.explain", fail_on_first)
    names = [str(tmp_path / name) for name in ("1.txt", "2.txt")]
    for name, text in zip(names, ("1", FRAMES), strict=True):
        Path(name).write_text(text, encoding="utf-8")

    assert main(["explain", *names, "--json"]) == 2

    said = capsys.readouterr()
    assert said.err == f"{names[0]} cannot be explained: TypeError.\n"
    assert json.loads(said.out)["file"] == names[1]
