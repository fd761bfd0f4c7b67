"""Requests and replies of other programs, in logs and other languages, and texts without a request."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpnb import explain
from lpnb.cli.main import main
from lpnb.snippets import read_request

URL = "https://va.msg.liveperson.net/api/account/12345678/messaging/consumer/conversation?v=3"
PERSON = {"type": "personal", "personal": {"firstname": "Zoë O'Neil", "gender": "FEMALE"}}
FRAMES = [
    {
        "kind": "req",
        "id": "1",
        "type": "userprofile.SetUserProfile",
        "body": {"authenticatedData": {"lp_sdes": [PERSON]}},
    },
    {
        "kind": "req",
        "id": "2",
        "type": "cm.ConsumerRequestConversation",
        "body": {"brandId": "12345678", "channelType": "MESSAGING"},
    },
]
JSON = json.dumps(FRAMES)
PRETTY = json.dumps(FRAMES, indent=2, ensure_ascii=False)
SHELL = json.dumps(FRAMES, ensure_ascii=False).replace("'", "'\\''")
WRONG = JSON.replace("FEMALE", "woman")
ANSWER = [
    {"kind": "resp", "reqId": "1", "code": "OK", "body": {}},
    {"kind": "resp", "reqId": "2", "code": "OK", "body": {"conversationId": "c-1"}},
]
HEREDOC = "\n".join(["$body = @'", PRETTY, "'@", f"Invoke-RestMethod -Method Post -Uri '{URL}' -Body $body"])
POSTMAN_JS = (
    f"const raw = JSON.stringify({PRETTY});\nconst requestOptions = {{ method: 'POST', body: raw }};\n"
    f"fetch('{URL}', requestOptions)"
)


def har(text: str) -> str:
    request = {
        "method": "POST",
        "url": URL,
        "headers": [],
        "postData": {"mimeType": "application/json", "text": text},
    }
    return json.dumps(
        {"log": {"creator": {"name": "Charles Proxy"}, "entries": [{"request": request, "response": {}}]}}
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"curl '{URL}' -X POST --compressed -H 'Priority: u=4' --data-raw '{SHELL}'", "curl"),
        (f"curl '{URL}' \\\n-X 'POST' \\\n--data-binary '{SHELL}'", "curl"),
        (f"curl {URL} -d @- <<< '{SHELL}'", "curl"),
        (f"echo '{SHELL}' | curl {URL} -d@-", "curl"),
        (f"wget --method POST --body-data '{SHELL}' -O - '{URL}'", "command"),
        (f"http POST '{URL}' Client-Properties:{{}} --raw '{SHELL}'", "command"),
        (f"echo '{SHELL}' | http POST {URL}", "command"),
        (HEREDOC, "powershell"),
        (
            f"const frames = {PRETTY};\nfetch('{URL}', {{method: 'POST', body: JSON.stringify(frames)}})",
            "fetch",
        ),
        (POSTMAN_JS, "fetch"),
        (f"await axios.post('{URL}', {PRETTY}, {{ headers }})", "code"),
        (f"requests.post('{URL}', json={FRAMES!r})", "code"),
        (f"RequestBody body = RequestBody.create(mediaType, {json.dumps(JSON)});", "code"),
        (json.dumps({"__export_format": 4, "resources": [{"url": URL, "body": {"text": JSON}}]}), "export"),
        (f"meta {{\n  name: x\n}}\n\npost {{\n  url: {URL}\n}}\n\nbody:json {{\n{PRETTY}\n}}", "export"),
        (har(base64.b64encode(JSON.encode()).decode()), "har"),
        (json.dumps(JSON), "frames"),
        (json.dumps(json.dumps(JSON)), "frames"),
        ("\n".join(f"> {line}" for line in PRETTY.splitlines()), "frames"),
        (f"POST /api/account/1/messaging/consumer/conversation HTTP/1.1\r\nHost: x\r\n\r\n{JSON}", "http"),
    ],
)
def test_a_request_is_read_and_called_what_it_is(text: str, kind: str) -> None:
    parsed = read_request(text)

    assert (parsed.kind, parsed.frames, parsed.complaints) == (kind, FRAMES, ())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (repr(FRAMES), "frames are written as Python writes them, not as JSON; they were read all the same."),
        (JSON.replace('": ', '" => '), "frames are written as Ruby writes them, not as JSON"),
        (JSON.replace('"', "&quot;"), "frames are written as HTML writes them, not as JSON"),
        (JSON.replace('"kind"', "kind"), "frames are written as JavaScript writes them, not as JSON"),
        (
            f"// frames\n{PRETTY}",
            "frames hold comments or trailing commas, which JSON does not allow; they were left out.",
        ),
        (
            "\n".join(map(json.dumps, FRAMES)),
            "The text has a document for each frame; CONVERSATION takes one array",
        ),
    ],
)
def test_frames_in_another_language_are_read_and_it_is_named(text: str, sentence: str) -> None:
    parsed = read_request(text)

    assert parsed.complaints[0].sentence.startswith(sentence)
    assert parsed.frames == FRAMES


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"log": f"POST {URL} body={WRONG} -> 400\n", "kubernetes": {"pod_name": "x"}}),
        json.dumps({"timestamp": 1, "message": json.dumps({"url": URL, "request": WRONG, "status": 400})}),
        json.dumps({"_source": {"http": {"request": {"body": WRONG}, "response": {"status_code": 400}}}}),
        f"<11>Nov 30 04:00:01 host conn[12]: POST {URL} 400 request={WRONG}",
        f"2026-11-30T04:00:01Z stderr F ERROR request={WRONG} status=400",
        f'time=x url="{URL}" status=400 body="{WRONG.replace(chr(34), chr(92) + chr(34))}"',
        f'INFO:httpx:HTTP Request: POST {URL} "HTTP/1.1 400 Bad Request" {FRAMES!r}'.replace(
            "FEMALE", "woman"
        ),
    ],
    ids=["Kubernetes", "CloudWatch", "Elastic", "syslog", "container", "key=value", "Python"],
)
def test_the_cause_of_a_400_is_found_in_the_logs_of_every_collector(text: str) -> None:
    explanation = explain(text)

    assert explanation.kind == "log"
    assert explanation.findings[0].path == "[0].body.authenticatedData.lp_sdes[0].personal.gender"
    assert explanation.findings[1].sentence.startswith("400: ")


@pytest.mark.parametrize(
    ("text", "kind", "sentence"),
    [
        ("401 Unauthorized", "reply", "401: The AppJWT or the ConsumerJWS is missing"),
        ("HTTP/1.1 429 Too Many Requests\nRetry-After: 3\n\n", "reply", "429: "),
        ("<html><title>401 Authorization Required</title></html>", "reply", "401: "),
        ("<!DOCTYPE html><html><h1>502 Bad Gateway</h1></html>", "reply", "502: "),
        (
            "<html><body>Request blocked.</body></html>",
            "page",
            "It is a page (HTML), which a proxy or a gateway",
        ),
        ("\n".join(map(json.dumps, ANSWER)), "reply", None),
        (
            "LP_ACCOUNT_ID=1\nLP_CLIENT_SECRET=hush",
            "settings",
            "lpnb doctor says what is wrong with settings",
        ),
        ("case,skillId\na,1\n", "table", "lpnb columns FILE says how it is read"),
        (f"ERROR request={JSON[:150]}... status=400", "cut off", "The JSON in the text is cut off or broken"),
        (JSON[:200], "frames", "frames are not JSON: "),
    ],
)
def test_a_text_without_a_request_is_called_what_it_is(text: str, kind: str, sentence: str | None) -> None:
    explanation = explain(text)

    assert explanation.kind == kind
    assert "hush" not in str(explanation)
    if sentence is None:
        assert explanation.ok
    else:
        assert explanation.findings[0].sentence.startswith(sentence)


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("request_body", "response_body"),
    [
        ({"text": JSON}, {"text": json.dumps(ANSWER)}),
        ({"encoding": "base64", "encoded": base64_of(JSON)}, {"encoded": base64_of(json.dumps(ANSWER))}),
    ],
)
def test_a_session_of_charles_is_read(request_body: dict[str, str], response_body: dict[str, str]) -> None:
    entry = {
        "host": "va.msg.liveperson.net",
        "path": "/api/account/12345678/messaging/consumer/conversation",
        "request": {"header": {"headers": []}, "body": request_body},
        "response": {"status": 200, "body": response_body},
    }

    parsed = read_request(json.dumps([entry]))

    assert (parsed.frames, parsed.account_id, parsed.complaints) == (FRAMES, "12345678", ())
    assert parsed.reply is not None
    assert json.loads(parsed.reply.body or "") == ANSWER


def test_a_reply_that_a_browser_calls_base64_and_that_is_none_is_read_as_it_stands() -> None:
    whole = json.loads(har(JSON))
    content = {"text": json.dumps(ANSWER), "encoding": "base64"}
    whole["log"]["entries"][0]["response"] = {"status": 200, "content": content}

    assert str(explain(json.dumps(whole))).splitlines()[2] == "Conversation c-1 is open."


def test_a_token_alone_says_whose_it_is_and_when_it_ended() -> None:
    body = base64.urlsafe_b64encode(b'{"aud":"12345678","exp":1600000000}').decode().rstrip("=")
    text = f"Bearer eyJhbGciOiJIUzI1NiJ9.{body}.c2ln"

    explanation = explain(text)

    assert str(explanation).startswith(
        "LivePerson refuses this: 401, and nothing is created. This is a token.\n"
        "- refused: Authorization: the AppJWT ended on 2020-09-13"
    )
    assert body not in str(explanation)


def test_explain_takes_several_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("good.json", JSON), ("bad.log", f"POST {URL} 400 {WRONG}")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    files = [str(tmp_path / name) for name in ("good.json", "bad.log")]

    assert main(["explain", *files]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(str(tmp_path))] == [f"{file}:" for file in files]
    assert main(["explain", "--json", *files]) == 1
    assert [json.loads(line)["ok"] for line in capsys.readouterr().out.splitlines()] == [True, False]
    assert main(["explain", files[0], str(tmp_path / "nowhere")]) == 2
    assert "Nothing is wrong with it." in capsys.readouterr().out


PIECES = st.sampled_from(
    [
        *(
            JSON,
            WRONG,
            URL,
            "curl ",
            "-d '",
            "'",
            '"',
            "\\",
            "\n",
            "\r\n",
            "[",
            "{",
            "]",
            "}",
            "fetch(",
            "400 ",
        ),
        *("HTTP/1.1 ", "POST ", "Invoke-WebRequest ", "@'\n", "eyJhbGciOi.eyJh.x", "{{skill}}", "<html>"),
        *(
            "&quot;",
            "\ufeff",
            "\x00",
            "\u201c",
            "LP_X=",
            json.dumps(JSON),
            repr(FRAMES),
            "$'",
            "^\n",
            "<<EOF\n",
        ),
        *("// ", "\u00e9"),
    ]
)


@given(st.lists(PIECES, max_size=8), st.integers(0, 400))
def test_any_text_is_explained_without_an_error(pieces: list[str], cut: int) -> None:
    text = "".join(pieces)

    for one in (text, text[: max(0, len(text) - cut)], text[::-1][:300]):
        explanation = explain(one)
        assert str(explanation)
        assert explanation.to_dict()["kind"] == explanation.kind


@pytest.mark.parametrize(
    "text",
    [
        "[" * 50_000,
        '{"a":' * 10_000,
        '["' * 25_000,
        "{{" * 25_000,
        "curl " * 5_000,
        'x [\\"' * 5_000,
        "'a'," * 9_999,
    ],
    ids=lambda text: text[:5],
)
def test_a_long_text_without_sense_is_answered(text: str) -> None:
    assert not explain(text).ok


# What a terminal, a log and an export have around the frames

REFUSED = '{"code": "BAD_REQUEST", "body": {"msg": "no"}}'
AT_ONCE = json.dumps(FRAMES).replace('"', '\\"')


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            f"C:\\Users\\me>curl -X POST \"{URL}\" -d '{JSON}'".replace("O'Neil", "ONeil"),
            "Windows' cmd knows no",
        ),
        (
            f"> curl {URL} -d '{{}}' \ncurl: (6) Could not resolve host: kind:".replace("{}", "[]"),
            "Windows' cmd knows",
        ),
        (
            "'[{kind:req,id:1,type:userprofile.SetUserProfile,body:{}}]'",
            "frames have lost their double quotes",
        ),
        (f"curl {URL} --data-urlencode $'{AT_ONCE}'".replace("O'", "O"), "frames must leave as they are"),
        (f"curl -F $'data={AT_ONCE}' {URL}".replace("O'", "O"), "frames must be the body; -F posts a form."),
        (f"POST {URL}\nContent-Type: application/json\n\n< ./body.json", "frames must stand in the text"),
        (JSON.replace(", ", ",\u00a0"), "frames have blanks that JSON has not"),
        (json.dumps(PERSON), "frames must be an array of two; these are SDEs alone"),
        (json.dumps(FRAMES[0]), "frames must be an array of two; this is one frame alone."),
    ],
)
def test_what_breaks_a_request_on_its_way_is_named_first(text: str, sentence: str) -> None:
    assert read_request(text).complaints[0].sentence.startswith(sentence)


@pytest.mark.parametrize(
    "text",
    [
        f"curl {URL} -d '{SHELL}'\n{REFUSED}",
        f"$ curl -i {URL} -d '{SHELL}'\nHTTP/2 400\ncontent-type: application/json\n\n{REFUSED}",
        json.dumps({"level": "error", "url": URL, "body": JSON, "status": 400, "answer": REFUSED}),
        'time,line\n1,"' + f"POST {URL} {JSON} status=400 {REFUSED}".replace('"', '""') + '"',
        f"ERROR:lp:{URL} payload={FRAMES!r} -> <Response [400]> {json.loads(REFUSED)!r}",
    ],
)
def test_the_answer_below_a_command_and_in_a_record_is_read_with_it(text: str) -> None:
    parsed = read_request(text)

    assert parsed.frames == FRAMES
    assert parsed.reply is not None
    assert json.loads(parsed.reply.body or "") == json.loads(REFUSED)


def test_each_record_of_a_log_is_a_request_of_its_own() -> None:
    good = json.dumps(ANSWER)
    text = (
        f"2026-11-29 01:00:00 INFO lp - request {JSON}\n2026-11-29 01:00:01 INFO lp - 200 OK {good}\n"
        f"2026-11-29 01:00:02 INFO lp - request {WRONG}\n"
        f"2026-11-29 01:00:03 WARN lp - 400 Bad Request {REFUSED}\n"
    )

    parsed = read_request(text)

    assert [one.reply.status for one in (parsed, *parsed.more) if one.reply] == [200, 400]
    explained = explain(text)
    assert explained.findings[0].path.endswith("personal.gender")
    assert "this is about number 2 of them" in explained.notes[-1]


def log_of(*records: str) -> str:
    return "".join(f"2026-11-29 01:00:{place % 60:02} INFO {one}\n" for place, one in enumerate(records))


def statuses_in(text: str) -> list[int | None]:
    parsed = read_request(text)
    return [one.reply.status if one.reply else None for one in (parsed, *parsed.more)]


@pytest.mark.parametrize("thread", ["[t{}]", "thread=t{}", '"thread_name": "t{}"', "request_id: t{}"])
def test_the_answer_of_a_log_is_that_of_its_threads_request(thread: str) -> None:
    one, two = thread.format(1), thread.format(2)

    text = log_of(f"{one} POST {JSON}", f"{two} POST {JSON}", f"{one} status=413", f"{two} status=200")

    assert statuses_in(text) == [413, 200]


def test_an_answer_that_may_be_of_several_requests_is_given_to_none_and_that_is_said() -> None:
    sends = (f"POST {JSON}", f"POST {JSON}")

    text = log_of(*sends, "status=413", "status=200", f"POST {JSON}", "status=429")

    assert statuses_in(text) == [None, None, 429]
    assert read_request(text).notes[:2] == (
        "413 came to one of 2 requests; the log does not say to which.",
        "200 came to one of 2 requests; the log does not say to which.",
    )


@pytest.mark.parametrize("sends", [1, 2])
@pytest.mark.parametrize(
    "record", ["GET /health status=404", '[t1] "POST /app/token HTTP/1.1" 401', "GET https://h/x -> 500"]
)
def test_a_call_of_something_else_in_a_log_answers_nothing(record: str, sends: int) -> None:
    text = log_of(record, *[f"POST {JSON}", record, "status=200"] * sends)

    assert statuses_in(text) == [200] * sends


def test_a_status_that_no_request_precedes_is_no_request() -> None:
    text = log_of("cache status=404", *[f"POST {JSON}", "status=200", "status=200"] * 2)

    assert statuses_in(text) == [200, 200]


def test_a_log_is_read_to_its_end() -> None:
    text = log_of(*["nothing"] * 1_200, f"POST {JSON}", "status=200", f"POST {JSON}", "status=413")

    assert statuses_in(text) == [200, 413]


def test_a_log_of_too_many_requests_says_that_it_was_cut() -> None:
    frames = '[{"kind": "req", "type": "x"}]'

    parsed = read_request(log_of(*[f"POST {frames}", "status=200"] * 1_001))

    assert len(parsed.more) == 999
    assert {one.notes[-1] for one in (parsed, *parsed.more)} == {
        "text must hold at most 1,000 requests; the rest was left out."
    }


def test_names_of_a_program_have_their_values_or_are_placeholders() -> None:
    text = (
        "const account = '12345678';\nconst frames = [{kind: 'req', id: '1', type: "
        "'userprofile.SetUserProfile', body: {}}, {kind: 'req', id: uuid(), "
        "type: 'cm.ConsumerRequestConversation', body: {brandId: account, "
        "skillId, ttrDefName: `${urgency}`}}];\nfetch(`https://h/api/account/${account}/messaging/consumer/"
        "conversation?v=3`, {method: 'POST', body: JSON.stringify(frames)})"
    )

    parsed = read_request(text)

    assert parsed.account_id == "12345678"
    assert parsed.frames[1]["body"]["brandId"] == "12345678"
    assert [complaint.sentence for complaint in parsed.complaints] == [
        "[1].body.skillId is the placeholder '${skillId}'. Put the value in its place.",
        "[1].body.ttrDefName is the placeholder '${urgency}'. Put the value in its place.",
    ]


OPENS = {"kind": "req", "id": "2", "type": "cm.ConsumerRequestConversation"}


def fetch_with(program: str, skill: str = "s") -> str:
    frames = json.dumps([FRAMES[0], {**OPENS, "body": {"skillId": "SKILL"}}]).replace('"SKILL"', skill)
    return f"{program}\nfetch('{URL}', {{method: 'POST', body: JSON.stringify({frames})}})"


@pytest.mark.parametrize(
    ("program", "skill"),
    [
        (
            "const a0 = 'abcdefghij';"
            + "".join(f"const a{i} = `${{a{i - 1}}}${{a{i - 1}}}`;" for i in range(1, 60)),
            "a59",
        ),
        (
            "const a0 = 'ab';" + "".join(f"const a{i} = '' + a{i - 1} + a{i - 1};" for i in range(1, 60)),
            "a59",
        ),
        ("const a0 = [1];" + "".join(f"const a{i} = [a{i - 1}, a{i - 1}];" for i in range(1, 60)), "a59"),
        (
            "const a0 = {};" + "".join(f"const a{i} = {{x: a{i - 1}, y: a{i - 1}}};" for i in range(1, 60)),
            "a59",
        ),
        (
            "const a0 = [1];" + "".join(f"const a{i} = {'[' * 60}a{i - 1}{']' * 60};" for i in range(1, 60)),
            "a59",
        ),
        ("", "JSON.stringify(" * 50 + "'\"'" + ")" * 50),
    ],
    ids=["templates", "sums", "arrays", "objects", "depth", "stringify"],
)
def test_values_that_double_with_each_name_are_left_as_placeholders(program: str, skill: str) -> None:
    found = read_request(fetch_with(program, skill)).frames[1]["body"]["skillId"]

    assert found.startswith("${")
    assert len(found) < 30


@pytest.mark.parametrize(
    "program",
    [
        "function a() { const s = '111'; send(s) } function b() { const s = '222'; send(s) }",
        "let s = '111'; s = '222';",
        "let s = '111'; s += '222';",
        "const s = '111'; const send = (s) => s;",
        "const s = '111'; function send(s) {}",
        "const s = {a: '1'}; s.a = '2';",
        "const s = ['1']; s.push('2');",
        "// const s = '111'",
        "/* const s = '111' */",
        "let s = 10 * 5;",
        "const s = '111'.repeat(2);",
        "const s = '111'\n  .repeat(2);",
        "const s = ['111', '222'][1];",
        "const s = JSON.stringify(['1'].concat(more));",
    ],
)
def test_a_name_whose_value_only_running_tells_is_a_placeholder(program: str) -> None:
    assert read_request(fetch_with(program)).frames[1]["body"]["skillId"] == "${s}"


@pytest.mark.parametrize(
    "program",
    [
        "const s = '111'",
        "// const s = '222'\nconst s = '111' // the skill\nconst t = 's = 333'",
        "const s = '111'; if (s === '222') { stop() }",
        "const s = '111' as const;",
        "const t = '11', u = t; const s = `${t}1`",
        "const t = '11'; const s = '' + t + '1'",
    ],
)
def test_a_name_that_has_one_value_has_it(program: str) -> None:
    assert read_request(fetch_with(program)).frames[1]["body"]["skillId"] == "111"


def test_an_address_that_begins_with_a_name_is_put_together() -> None:
    text = f"const host = '{URL[:30]}';\nfetch(host + '{URL[30:]}', {{body: JSON.stringify({JSON})}})"

    parsed = read_request(text)

    assert (parsed.account_id, parsed.frames) == ("12345678", FRAMES)


def test_a_fetch_in_a_comment_is_no_request() -> None:
    text = f"go();\n// fetch('{URL}', {{body: '[]'}})\nfetch('{URL}', {{body: JSON.stringify({JSON})}})"

    parsed = read_request(text)

    assert (parsed.frames, parsed.more) == (FRAMES, ())


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{...base, skillId: "2"}', {"brandId": "12345678", "skillId": "2"}),
        ('{skillId: "2", ...base}', {"brandId": "12345678", "skillId": "1"}),
        ('{...base, skillId: "2", ...base}', {"brandId": "12345678", "skillId": "1"}),
    ],
)
def test_the_last_of_a_key_and_a_spread_counts(body: str, found: dict[str, str]) -> None:
    program = "const base = {brandId: '12345678', skillId: '1'};"

    text = fetch_with(program).replace('{"skillId": s}', body)

    assert read_request(text).frames[1]["body"] == found


def test_a_key_that_is_written_twice_beside_a_spread_is_named() -> None:
    text = fetch_with("const base = {a: 1};").replace(
        '{"skillId": s}', '{...base, skillId: "1", skillId: "2"}'
    )

    assert "the key 'skillId' occurs twice in one object" in read_request(text).complaints[0].sentence


def test_the_answer_that_was_saved_with_a_request_of_postman_is_read() -> None:
    request = {"method": "POST", "url": URL, "body": {"mode": "raw", "raw": JSON}}
    saved = {"name": "today", "code": 400, "body": REFUSED}
    form = {"method": "POST", "url": URL, "body": {"mode": "urlencoded", "urlencoded": []}}
    info = {"name": "c", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"}
    items = [{"name": "open", "request": request, "response": [saved]}, {"name": "form", "request": form}]

    parsed = read_request(json.dumps({"info": info, "item": items}))

    assert parsed.reply is not None
    assert (parsed.reply.status, parsed.reply.body) == (400, REFUSED)
    assert [one.sentence for one in parsed.more[0].complaints] == [
        "frames must be the body as raw JSON; the request has one of mode urlencoded."
    ]


@pytest.mark.parametrize(
    ("value", "kind", "is_wrong"),
    [
        ({"error": "invalid_client", "error_description": "no"}, "answer", True),
        ({"internalErrorCode": "9007"}, "answer", True),
        (
            {"baseURIs": [{"service": "idp", "account": "1", "baseURI": "va.idp.liveperson.net"}]},
            "answer",
            False,
        ),
        ({"sessionId": "1", "visitorId": "2", "contextId": "3"}, "answer", False),
        ({"ext_consumer_id": "anna"}, "answer", False),
        ({"kind": "notification", "type": "ms.MessagingEventNotification", "body": {}}, "event", False),
        ({"kind": "req", "id": "1", "type": "ms.PublishEvent", "body": {}}, "send", False),
    ],
)
def test_what_goes_to_other_apis_is_named_as_that(value: object, kind: str, is_wrong: bool) -> None:
    parsed = read_request(json.dumps(value))

    assert (parsed.kind, bool(parsed.complaints)) == (kind, is_wrong)


@pytest.mark.parametrize(
    "text",
    ["curl " * 15_000, "curl ;" * 15_000, "echo a | " * 8_000 + "curl x", "curl -d a\n-H b\n" * 5_000],
)
def test_a_text_of_many_words_is_answered_in_a_screen(text: str) -> None:
    said = str(explain(text)).splitlines()

    assert said[0] == "This is a curl command."
    assert len(said) < 12
