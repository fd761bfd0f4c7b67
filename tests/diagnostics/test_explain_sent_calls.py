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
        self.tokens = self._tokens_of(sandbox)

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
        headers = {**self.tokens, "Content-Type": content_type}
        options = " ".join(f"-H '{name}: {value}'" for name, value in headers.items())
        headers = {name: value for name, value in headers.items() if value}
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


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("call", "status", "effect", "said"),
    [
        ({"method": "GET"}, 405, "refused", "The method is GET; CONVERSATION takes POST."),
        ({"method": "PUT"}, 405, "refused", "The method is PUT; CONVERSATION takes POST."),
        ({"path": f"{PATH}?v=2"}, 400, "refused", "v in the address must be 3; got 2."),
        ({"path": f"{PATH}?v="}, 400, "refused", "v in the address must be 3; got nothing."),
        ({"path": PATH}, 400, "may be refused", "The address has no ?v=3, which is the version."),
        (
            {"path": f"{PATH}s?v=3"},
            404,
            "refused",
            f"There is nothing at .../{PATH[22:]}s; the path is .../{PATH[22:]}?v=3.",
        ),
        (
            {"path": f"{PATH}/send?v=3"},
            400,
            "refused",
            "The address is SEND's, which takes one frame; leave out /send.",
        ),
        (
            {"content_type": ""},
            415,
            "may be refused",
            "The header Content-Type: application/json is missing.",
        ),
        (
            {"content_type": "text/plain"},
            415,
            "may be refused",
            "Content-Type must be application/json; got text/plain.",
        ),
        (
            {"content_type": FORM},
            415,
            "may be refused",
            f"Content-Type must be application/json; got {FORM}.",
        ),
    ],
)
def test_a_call_that_is_refused_for_more_than_its_frames_says_so(
    caller: Caller, call: dict[str, str], status: int, effect: str, said: str
) -> None:
    answered, text = caller.both(**call)

    (finding,) = explain(text).findings
    (cause, refusal) = explain(text, status=answered).findings

    assert answered == status
    assert (finding.effect, finding.sentence, finding.status) == (effect, said, status)
    assert f"{status}" in explain(text).verdict
    assert (cause.sentence, cause.effect) == (said, effect.replace("may be refused", "probable cause"))
    assert refusal.sentence.startswith(f"{status}: ")


@pytest.mark.parametrize(
    "call",
    [
        {},
        {"path": f"{PATH}?v=3.0"},
        {"content_type": "application/json; charset=utf-8"},
        {"content_type": "application/vnd.api+json"},
    ],
)
def test_a_call_that_is_taken_has_no_finding(caller: Caller, call: dict[str, str]) -> None:
    status, text = caller.both(**call)

    assert (status, explain(text).findings) == (200, ())


URL = f"https://va.msg.liveperson.net{PATH}?v=3"
TOKENS = "-H 'Authorization: x' -H 'X-LP-ON-BEHALF: y'"


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        (f"curl {URL} {TOKENS} --json '{FRAMES}'", []),
        (f"curl --url-query v=3 https://va.msg.liveperson.net{PATH} {TOKENS} --json '{FRAMES}'", []),
        (f"echo '{FRAMES}' | http POST {URL[:-4]} v==3 Authorization:x X-LP-ON-BEHALF:y", []),
        (f"Invoke-RestMethod '{URL}' -Body '{FRAMES}'", ["method"]),
        (f"Invoke-RestMethod -Method Post '{URL}' -Body '{FRAMES}'", []),
        (f"fetch('{URL}', {{body: JSON.stringify({FRAMES})}})", ["method"]),
        (f"fetch('{URL}', {{method: 'POST', body: JSON.stringify({FRAMES})}})", []),
        (f"PUT {URL}\nContent-Type: text/plain\n\n{FRAMES}", ["method", "Content-Type"]),
    ],
)
def test_each_program_has_a_method_and_a_content_type_of_its_own(text: str, paths: list[str]) -> None:
    found = [
        one.path for one in explain(text).findings if one.path not in ("Authorization", "X-LP-ON-BEHALF")
    ]

    assert found == paths


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'requests.put("{URL}", json={FRAMES})', "The method is PUT; CONVERSATION takes POST."),
        (f"2026-11-30 GET {URL} {FRAMES}", "The method is GET; CONVERSATION takes POST."),
        (f"2026-11-30 POST {URL[:-1]}2 {FRAMES}", "v in the address must be 3; got 2."),
        (
            f'requests.post("{URL}", json={PROFILE})',
            "frames must be an array of two; this is one frame alone. cm.ConsumerRequestConversation is "
            "missing.",
        ),
    ],
)
def test_programs_and_logs_are_judged_by_what_they_say_of_the_call(text: str, said: str) -> None:
    assert [one.sentence for one in explain(text).findings] == [said]


def har(headers: dict[str, str], body: str = FRAMES, status: int = 415) -> str:
    listed = [{"name": name, "value": value} for name, value in headers.items()]
    request = {"method": "POST", "url": URL, "headers": listed, "postData": {"text": body}}
    return json.dumps({"log": {"entries": [{"request": request, "response": {"status": status}}]}})


@pytest.mark.parametrize(
    ("text", "path", "effect"),
    [
        (har({"Authorization": "x", "X-LP-ON-BEHALF": "y"}), "Content-Type", "probable cause"),
        (har({"Content-Type": JSON_TYPE}, PROFILE, 400), "frames", "refused"),
        (har({"Content-Type": JSON_TYPE}, "5", 400), "frames", "refused"),
    ],
)
def test_the_cause_of_a_refusal_in_a_har_file_comes_first(text: str, path: str, effect: str) -> None:
    first = explain(text).findings[0]

    assert (first.path, first.effect) == (path, effect)


def program(caller: Caller, headers: str, argument: str = "json=payload") -> str:
    app, consumer = caller.tokens.values()
    return (
        f'import requests\nAPP = "{app}"\nJWS = "{consumer}"\npayload = {FRAMES}\n'
        f'requests.post("{URL}", headers={headers}, {argument})\n'
    )


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ('{"Authorization": APP, "X-LP-ON-BEHALF": JWS}', []),
        ('{"Authorization": f"Bearer {APP}", "X-LP-ON-BEHALF": f"{JWS}"}', []),
        ("headers_of(APP, JWS)", []),
        (
            '{"Authorization": APP}',
            ["401, 40104: the header X-LP-ON-BEHALF with the ConsumerJWS is missing."],
        ),
        (
            '{"Authorization": JWS, "X-LP-ON-BEHALF": APP}',
            [
                "Authorization has a ConsumerJWS in it; the AppJWT belongs there.",
                "X-LP-ON-BEHALF has an AppJWT in it; the ConsumerJWS belongs there.",
            ],
        ),
    ],
)
def test_the_headers_of_a_program_are_judged_by_what_it_puts_into_them(
    caller: Caller, headers: str, said: list[str]
) -> None:
    assert [one.sentence for one in explain(program(caller, headers)).findings] == said


def test_tokens_that_stand_in_the_headers_themselves_are_read_there(caller: Caller) -> None:
    assert explain(program(caller, json.dumps(caller.tokens))).ok


@pytest.mark.parametrize(
    ("argument", "paths"),
    [
        ("json=payload", []),
        ("data=payload", ["frames", "Content-Type"]),
        ("data=json.dumps(payload)", ["Content-Type"]),
        ("data=json.dumps(payload), timeout=3  # Content-Type is a session's", []),
    ],
)
def test_a_program_sends_json_and_says_so(caller: Caller, argument: str, paths: list[str]) -> None:
    text = program(caller, json.dumps(caller.tokens), argument)

    assert [finding.path for finding in explain(text).findings] == paths


def test_what_to_do_follows_from_the_finding(caller: Caller) -> None:
    swapped = dict(zip(caller.tokens, reversed(caller.tokens.values()), strict=True))
    exchange = "Exchange the values of the two headers, and send it again."
    text = program(caller, json.dumps(swapped))
    assert (explain(text).answer, explain(text, status=401).answer) == (exchange, exchange)
    _, without = caller.both(FRAMES.replace('"brandId": "12345678"', ""))
    assert explain(without, status=401).findings[0].path == "[1].body.brandId"
    assert explain(without, status=401).answer == "Correct what is named above, and send it again."
    _, number = caller.both(FRAMES.replace('"brandId"', '"skillId": 27, "brandId"'))
    assert (
        explain(number).answer == "It is taken as it stands; change what is named if it is not what you mean."
    )


@pytest.mark.parametrize("status", [400, 401, 415, 429, 500])
@pytest.mark.parametrize(
    ("call", "path", "own_status"),
    [
        ({"path": PATH}, "v", 400),
        ({"content_type": ""}, "Content-Type", 415),
        ({"content_type": "text/plain"}, "Content-Type", 415),
        ({"method": "PUT"}, "method", 405),
        ({"path": f"{PATH}s?v=3"}, "address", 404),
    ],
)
def test_what_is_wrong_with_a_call_is_said_whatever_was_answered(
    caller: Caller, call: dict[str, str], path: str, own_status: int, status: int
) -> None:
    _, text = caller.both(**call)

    found = [one for one in explain(text, status=status).findings if one.path == path]

    assert len(found) == 1
    is_cause = status == own_status
    assert found[0].sentence.endswith("That is hardly what the answer is about.") is not is_cause


REFUSED = (
    '[{"code":"OK","body":{"msg":"OK"},"reqId":"1"},{"code":"BAD_REQUEST","body":{"msg":"no"},"reqId":"2"}]'
)


def test_the_output_of_curl_has_no_body_unless_the_command_stands_above_it() -> None:
    output = f"*   Trying 1.2.3.4:443...\n> POST {PATH}?v=3 HTTP/1.1\n> Host: x\n> \n< HTTP/1.1 400\n< \n"

    alone = explain(f"{output}{REFUSED}")
    below = explain(f"$ curl -v {URL} -d '{FRAMES.replace('req', 'res', 1)}'\n{output}{REFUSED}")

    assert str(alone.findings[0]).startswith("frames are not in this text: curl -v does not print the body.")
    assert alone.answer == "Give the request as well, and the field is named."
    assert below.findings[0].path == "[0].kind"


def test_of_an_answer_that_came_without_its_status_none_is_stated() -> None:
    (finding,) = explain(REFUSED).findings

    assert (finding.sentence, finding.status) == (
        "The service refused the conversation with BAD_REQUEST: no.",
        None,
    )


def test_in_a_program_none_is_null_and_no_placeholder() -> None:
    body = FRAMES.replace('"brandId": "12345678"', '"brandId": account, "skillId": None')

    explanation = explain(f"requests.post(url, json={body})")

    assert explanation.findings == ()


def test_a_file_that_cannot_be_explained_keeps_no_other_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail_on_first(text: str, **_: object) -> Explanation:
        if text == "1":
            raise TypeError("a secret")
        return explain(text)

    monkeypatch.setattr("lpnb.diagnostics.explain.explain", fail_on_first)
    names = [str(tmp_path / name) for name in ("1.txt", "2.txt")]
    for name, text in zip(names, ("1", FRAMES), strict=True):
        Path(name).write_text(text, encoding="utf-8")

    assert main(["explain", *names, "--json"]) == 2

    said = capsys.readouterr()
    line = fail_on_first.__code__.co_firstlineno + 2
    where = f"TypeError in test_explain_sent_calls.py:{line}"
    assert said.err == f"{names[0]} cannot be explained, a fault of lpnb: {where}.\n"
    assert json.loads(said.out)["file"] == names[1]
