"""Requests read back: what is understood, what is left out, and what is said about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lpnb import ConversationBatch, RawBatch
from lpnb.errors import InvalidValueError
from lpnb.snippets import ParsedRequest, as_curl, as_http_file, as_httpx, as_postman, as_python, read_request
from lpnb.snippets.shell_lexer import commands

URL = "https://va.msg.liveperson.net/api/account/12345678/messaging/consumer/conversation?v=3"
ODD = 'it\'s "$HOME" `x`'
FRAMES: list[dict[str, Any]] = [
    {"kind": "req", "id": "1,", "type": "userprofile.SetUserProfile", "body": {}},
    {"kind": "req", "id": "2,", "type": "cm.ConsumerRequestConversation", "body": {"skillId": ODD}},
]
JSON = json.dumps(FRAMES)
# Nobody's token: {"ext_consumer_id": "consumer-7"} between a header and a signature that sign nothing.
JWS = "eyJhbGciOiJub25lIn0.eyJleHRfY29uc3VtZXJfaWQiOiJjb25zdW1lci03In0.c2ln"


NO_NAME = "Expecting property name enclosed in double quotes at line 1, column 2"


def single(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def double(text: str) -> str:
    for letter in '\\"$`':
        text = text.replace(letter, f"\\{letter}")
    return f'"{text}"'


def ansi(text: str) -> str:
    return "$'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("`", "\\u0060") + "'"


def said(found: ParsedRequest) -> list[str]:
    return [complaint.sentence for complaint in found.complaints]


@pytest.mark.parametrize("name", ["everyday", "hostile"])
@pytest.mark.parametrize("kind", ["frames", "curl", "postman", "data"])
def test_what_was_written_is_read_back(name: str, kind: str, request: pytest.FixtureRequest) -> None:
    batch: ConversationBatch = request.getfixturevalue(name)
    consumer_id = "it's {{x}} $(y) `z`\n🎉"
    text = {
        "frames": lambda: json.dumps(batch.to_wire()),
        "curl": lambda: as_curl(batch, consumer_id),
        "postman": lambda: as_postman([(batch, consumer_id)]).collection,
        "data": lambda: as_postman([(batch, consumer_id), (batch, "other")]).data or "",
    }[kind]()

    found = read_request(text)

    wanted = [frame["body"] for frame in batch.to_wire()]
    assert [frame["body"] for frame in found.frames] == wanted
    assert found.consumer_id == (None if kind == "frames" else consumer_id)
    if name == "everyday":  # the other one has fields of its own
        assert found.ok
        assert [frame["body"] for frame in found.batch().to_wire()] == wanted
    assert [one.consumer_id for one in found.more] == (["other"] if kind == "data" else [])


@pytest.mark.parametrize(
    "command",
    [
        f"curl '{URL}' -d {single(JSON)}",
        f'curl "{URL}" --data {double(JSON)}',
        f"curl {URL} --data-raw {ansi(JSON)} --compressed",
        f"curl -sSXPOST -H'Content-Type: application/json' --data-binary={single(JSON)} --url {URL}",
        f"curl -X POST \\\n  -H 'A: b' \\\n  --json {single(JSON)} \\\n  {URL}\n",
        f"curl -X POST \\\r\n  {URL} \\\r\n  -d {single(JSON)}\r\n",
        f"$ curl {URL} -d {single(JSON)} | jq . # and then",
        f"TOKEN=x HTTPS_PROXY=y curl -k -u a:b -o out.json -m 5 {URL} -d {single(JSON)} > /dev/null 2>&1",
        f"cd /tmp && curl {URL} -d {single(JSON)}; rm -rf /",
        f'REPLY=$(curl {URL} -H "Authorization: $JWT" -d {single(JSON)} | jq -r .x)',
        f"curl {URL} -d {single(JSON[:40])}{single(JSON[40:])}",
    ],
    ids=range(11),
)
def test_the_usual_ways_to_write_curl_are_understood(command: str) -> None:
    found = read_request(command)

    assert (found.kind, found.frames, said(found)) == ("curl", FRAMES, [])


def test_a_command_copied_from_a_browser_is_understood_and_its_tokens_are_not_kept() -> None:
    body = JSON.replace("\\", "\\\\").replace("'", "\\u0027").replace("`", "\\x60")
    copied = f"""curl '{URL}' \\
  -H 'accept: */*' \\
  -H 'accept-language: en-GB,en;q=0.9' \\
  -H 'authorization: eyJhbGciOiJub25lIn0.e30.c2VjcmV0' \\
  -H 'x-lp-on-behalf: {JWS}' \\
  -H 'client-properties: {{"type":".ClientProperties","os":"IOS"}}' \\
  -H 'content-type: application/json' \\
  -b 'session=1' \\
  --data-raw $'{body}'"""

    found = read_request(copied)

    assert found.frames == FRAMES
    assert found.consumer_id == "consumer-7"
    assert found.client_properties == '{"type":".ClientProperties","os":"IOS"}'
    assert said(found) == [
        "Authorization was left out: lpnb gets tokens of its own.",
        "X-LP-ON-BEHALF was left out: lpnb gets tokens of its own.",
    ]
    assert "c2VjcmV0" not in repr(found)
    assert JWS not in repr(found)


def test_the_consumer_is_the_one_the_idp_was_asked_for() -> None:
    text = (
        "curl https://x/api/account/1/consumer?v=1.0 -H 'Authorization: $JWT' "
        '-d \'{"ext_consumer_id":"me"}\'\n'
        f"curl {URL} -d {single(JSON)}"
    )

    assert read_request(text).consumer_id == "me"


def test_further_requests_of_a_text_are_kept_beside_the_first() -> None:
    found = read_request(f"curl {URL} -d {single(JSON)}\n" * 3)

    assert [one.frames for one in (found, *found.more)] == [FRAMES] * 3


def test_a_file_that_a_command_names_is_not_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text(JSON)
    found = read_request(f"curl {URL} -d @{secret}")

    assert found.frames is None
    assert said(found) == [
        "frames must stand in the text; curl would read them from a file, which is not opened."
    ]


def test_nothing_in_a_text_is_run(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    read_request(f'curl {URL} -d "$(touch {trap})" -d `touch {trap}` && touch {trap}')
    read_request(json.dumps({"item": [{"event": [{"script": {"exec": [f"touch {trap}"]}}]}]}))

    assert not trap.exists()


@pytest.mark.parametrize(
    ("text", "kind", "complaint"),
    [
        ("", "nothing", "text is empty."),
        ("  \n", "nothing", "text is empty."),
        (
            "hello there",
            "nothing",
            "text must be a request (frames as JSON, curl, PowerShell, fetch(), HAR, Postman, .http), the "
            "service's answer, or a log line with one of them; it begins with 'hello there'.",
        ),
        (
            "[1, 2",
            "frames",
            "frames are not JSON: Expecting ',' delimiter at line 1, column 6. "
            "The text ends before the JSON does: copy it whole.",
        ),
        (
            "[" * 100,
            "frames",
            "frames are not JSON: it is nested deeper than 64 levels. "
            "The text ends before the JSON does: copy it whole.",
        ),
        ('[{"a": 1, "a": 2}]', "frames", "frames are not JSON: the key 'a' occurs twice in one object."),
        ("[" * 5000 + "]" * 5000, "frames", "frames are not JSON: it is nested deeper than 64 levels."),
        ("{}", "frames", "frames must be an array of frames; got {}."),
        (
            "curl https://example.com -d 'open",
            "curl",
            "text cannot be read as commands: a ' that is opened in line 1 is never closed.",
        ),
        (
            "curl https://example.com -d x",
            "curl",
            "curl commands must post to .../messaging/consumer/conversation; none of its requests does.",
        ),
        (
            "curl " + "$(" * 60,
            "curl",
            "text cannot be read as commands: its parentheses are nested deeper than 50 levels.",
        ),
        (f"curl {URL}", "curl", "frames must be given; the request has no body."),
        (f"curl {URL} -d '{{'", "curl", f"frames are not JSON: {NO_NAME}."),
        (
            '{"item": []}',
            "postman",
            "a Postman collection must post to .../messaging/consumer/conversation; "
            "there is no request in it.",
        ),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(text: str, kind: str, complaint: str) -> None:
    found = read_request(text)

    assert (found.kind, found.frames if kind != "frames" else None) == (kind, None)
    assert complaint in said(found)
    assert not found.ok


def test_what_is_wrong_with_the_frames_is_said_with_its_path() -> None:
    frames = [FRAMES[0], {**FRAMES[1], "body": {"ttrDefName": "urgent", "brandId": "{{account}}"}}]
    found = read_request(f"curl {URL} -d {single(json.dumps(frames))}")

    sentence = (
        "[1].body.ttrDefName must be one of 'NORMAL', 'URGENT', 'PRIORITIZED', 'null'; got 'urgent'. "
        "Did you mean 'URGENT'?"
    )
    assert said(found) == [sentence]
    assert "brandId" not in found.frames[1]["body"]
    with pytest.raises(InvalidValueError) as caught:
        found.batch()
    assert str(caught.value) == sentence


def test_a_collection_of_somebody_else_is_read_with_its_folders_and_variables() -> None:
    collection = {
        "info": {"schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
        "variable": [
            {"key": "skill", "value": "2741903010"},
            {"key": "secret", "value": "never-shown", "type": "secret"},
        ],
        "item": [
            {
                "name": "folder",
                "item": [
                    {
                        "name": "open",
                        "request": {
                            "method": "POST",
                            "url": URL,
                            "header": [
                                {"key": "Authorization", "value": "{{jwt}}"},
                                {"key": "Client-Properties", "value": "{}", "disabled": True},
                            ],
                            "body": {
                                "mode": "raw",
                                "raw": JSON.replace(json.dumps(ODD), '"{{skill}}{{secret}}"'),
                            },
                        },
                    }
                ],
            }
        ],
    }  # fmt: skip

    found = read_request(json.dumps({"collection": collection}))

    assert found.kind == "postman"
    assert found.frames[1]["body"] == {"skillId": "2741903010{{secret}}"}
    assert said(found) == ["[1].body.skillId is the placeholder '{{secret}}'. Put the value in its place."]
    assert found.client_properties is None


def test_a_collection_whose_frames_are_in_its_data_file_says_so(everyday: ConversationBatch) -> None:
    found = read_request(as_postman([(everyday, "a"), (everyday, "b")]).collection)

    assert said(found) == [
        "frames come from the variable frames, which the collection does not hold. Read its data file."
    ]


def test_variables_that_name_themselves_come_to_an_end() -> None:
    bomb = [{"key": "a", "value": "{{b}}{{b}}" * 2000}, {"key": "b", "value": "{{a}}{{a}}" * 2000}]
    item = {"request": {"url": URL, "body": {"mode": "raw", "raw": "{{a}}"}}}

    found = read_request(json.dumps({"item": [item], "variable": bomb}))

    assert found.frames is None


def test_too_long_a_text_is_not_looked_at() -> None:
    assert said(read_request("[" + " " * 4_000_000)) == [
        "text must have at most 4,000,000 characters; got 4,000,001."
    ]


def test_no_more_complaints_are_told_than_can_be_read() -> None:
    told = said(read_request(json.dumps([{"kind": "req"}] * 1000)))

    assert len(told) == 101
    assert told[-1] == "1,898 more complaints about frames were left out."


def test_too_many_requests_are_cut_and_counted() -> None:
    found = read_request(f"curl {URL} -d '[]'\n" * 1001)

    assert len(found.more) == 999
    assert "text must hold at most 1,000 requests; the rest was left out." in said(found)


def test_something_else_than_text_is_refused() -> None:
    assert said(read_request(7)) == ["text must be text; got 7."]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('a \'b c\' "d \\" e" f\\ g', [["a", "b c", 'd " e', "f g"]]),
        ("a '' \"\"", [["a", "", ""]]),
        ("$'\\u00e9\\xc3\\xa9\\ud83c\\udf89\\n\\101\\q'", [["éé🎉\nAq"]]),
        ("a;b|c&&d\ne", [["a"], ["b"], ["c"], ["d"], ["e"]]),
        ("a <(b 'c)') d", [["a", "(...)", "d"], ["b", "c)"]]),
        ("a $(b (c) d) e", [["a", "(...)", "e"], ["b", "(...)", "d"], ["c"]]),
        ("a#b # c", [["a#b"]]),
        ("a) b", [["a"], ["b"]]),
        ("\\", [["\\"]]),
    ],
)
def test_words_are_those_of_bash(text: str, words: list[list[str]]) -> None:
    assert [command.words for command in commands(text)] == words


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (
            lambda: as_curl(RawBatch(b"a\x00b"), "c"),
            "frames hold a NUL byte, which no command line can. as_httpx takes any bytes.",
        ),
        (
            lambda: as_http_file(RawBatch(b"\xff"), "c"),
            "An .http file can hold JSON alone, and frames are not JSON: byte 0 is not UTF-8. "
            "as_httpx takes any bytes.",
        ),
        (
            lambda: as_postman([(RawBatch("{"), "c")]),
            f"A Postman collection can hold JSON alone, and frames are not JSON: {NO_NAME}. "
            "as_httpx takes any bytes.",
        ),
        (lambda: as_postman([]), "requests must hold one pair at the least; got none."),
        (
            lambda: as_python([], "c"),
            "frames must hold at least two frames, userprofile.SetUserProfile and then "
            "cm.ConsumerRequestConversation; got 0.",
        ),
        (lambda: as_httpx(FRAMES, " "), "consumer_id must not be blank."),
        (
            lambda: as_curl(FRAMES, "c", domain_api="https://x/$(y)"),
            "domain_api must be an origin without a path, such as https://api.liveperson.net; got "
            "'https://x/$(y)'.",
        ),
        (
            lambda: as_postman([(FRAMES, "c")], domain_api="http://api.example.com"),
            "domain_api must be https: plain http is for this machine only; got 'http://api.example.com'.",
        ),
    ],
)
def test_what_cannot_be_written_is_refused(write: Any, message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        write()

    assert str(caught.value) == message
