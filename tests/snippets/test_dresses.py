"""Requests in every dress that people hold them in: each file of ``data/``, and others of its kind."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

import lpnb
from lpnb import ConversationBatch, InvalidValueError
from lpnb.snippets import as_curl, as_http_file, read_request

DATA = Path(__file__).parent / "data"
URL = "https://va.msg.liveperson.net/api/account/12345678/messaging/consumer/conversation?v=3"
PATH = URL.partition("net/")[2]
FRAMES: list[dict[str, Any]] = [
    {"kind": "req", "id": "1", "type": "userprofile.SetUserProfile", "body": {}},
    {
        "kind": "req",
        "id": "2",
        "type": "cm.ConsumerRequestConversation",
        "body": {"brandId": "12345678", "skillId": "2741903011"},
    },
]
JSON = json.dumps(FRAMES)
ANEW = "The request ids are not kept: each attempt gets fresh ones."
NO_TOKENS = [
    "Authorization was left out: lpnb gets tokens of its own.",
    "X-LP-ON-BEHALF was left out: lpnb gets tokens of its own.",
]
GENDER = (
    "[0].body.authenticatedData.lp_sdes[1].personal.gender must be one of 'MALE', 'FEMALE', 'OTHER'; "
    "got 'male'. Did you mean 'MALE'?"
)


def case(name: str) -> str:
    return (DATA / name).read_text(encoding="utf-8")


def said(text: str) -> list[str]:
    return [complaint.sentence for complaint in read_request(text).complaints]


def body(text: str, frame: int = 1) -> dict[str, Any]:
    content: dict[str, Any] = read_request(text).frames[frame]["body"]
    return content


def test_chromes_copy_as_curl_for_cmd_is_read() -> None:
    parsed = read_request(case("chrome-copy-as-curl-cmd.txt"))

    assert (parsed.kind, parsed.consumer_id, parsed.account_id) == ("curl", "win-1", "12345678")
    assert parsed.frames[0]["body"] == {
        "authenticatedData": {"lp_sdes": [{"type": "ctmrinfo", "info": {"ctype": "vip & gold 100%"}}]}
    }
    assert [complaint.sentence for complaint in parsed.complaints] == NO_TOKENS


@pytest.mark.parametrize(
    "text",
    [
        f'curl.exe -X POST "{URL}" -d "{JSON.replace(chr(34), chr(92) + chr(34))}"',
        f'curl "{URL}" ^\r\n  --data-raw "{JSON.replace(chr(34), chr(34) * 2)}"',
        f'C:\\Users\\anna>curl -d "{JSON.replace(chr(34), chr(92) + chr(34))}" {URL}',
        f"PS C:\\> curl.exe '{URL}' `\n  -d '{JSON.replace(chr(34), chr(92) + chr(34))}'",
        f"$body = @'\n{JSON}\n'@\ncurl.exe -X POST {URL} `\n -H 'Content-Type: application/json' -d $body",
    ],
    ids=["backslashes", "doubled quotes", "prompt of cmd", "PowerShell", "here-string"],
)
def test_curl_of_windows_is_read(text: str) -> None:
    parsed = read_request(text)

    assert (parsed.kind, parsed.frames, said(text)) == ("curl", FRAMES, [])


def test_a_here_document_is_the_body() -> None:
    parsed = read_request(case("curl-heredoc.txt"))

    assert [frame["id"] for frame in parsed.frames] == ["1", "2"]
    assert parsed.complaints == ()


@pytest.mark.parametrize(
    "text",
    [
        f"echo '{JSON}' | curl -d @- {URL}",
        f"printf %s '{JSON}' |\n  curl --data-binary @- {URL}",
        f"cat <<EOF | curl -d @- {URL}\n{JSON}\nEOF",
        f"curl --json @- {URL} <<< '{JSON}'",
        f"curl {URL} -d \"$(cat <<'EOF'\n{JSON}\nEOF\n)\"",
        f"BODY='{JSON}'\ncurl {URL} -d \"$BODY\"",
        f"curl {URL} --json '{JSON[:20]}' --json '{JSON[20:]}'",
        f"```bash\ncurl {URL} -d '{JSON}'\n```",
    ],
    ids=["echo", "printf", "cat", "here-string", "substitution", "variable", "json in parts", "fenced"],
)
def test_what_a_shell_would_put_together_is_put_together(text: str) -> None:
    assert read_request(text).frames == FRAMES
    assert said(text) == []


def test_a_body_from_a_variable_that_is_not_set_is_named() -> None:
    assert said(f'curl {URL} -d "$BODY"') == [
        "frames come from the shell variable $BODY, which the text does not set. Put the frames in its place."
    ]


def test_a_lost_backslash_is_named_as_what_it_is() -> None:
    text = f"curl -X POST {URL} \\\n  -H 'Content-Type: application/json'\n  -d '{JSON}'"

    assert read_request(text).frames == FRAMES
    assert said(text) == [
        "line 3 begins with -d: the line before it has lost the \\ at its end. The two were read as one "
        "command."
    ]


def test_blanks_behind_a_backslash_are_named() -> None:
    text = f"curl {URL} \\  \n  -d '{JSON}'"

    assert read_request(text).frames == FRAMES
    assert said(text) == ["a \\ at the end of a line has blanks behind it, so that the command ends there."]


def test_typographic_quotes_of_a_command_are_named_as_what_they_are() -> None:
    text = f"curl “{URL}” —data-raw ‘{JSON}’"

    assert read_request(text).frames == FRAMES
    assert said(text) == [
        "text has typographic quotes (“ in line 1), which no shell takes for quotes. They were read as plain "
        "ones; write \" and '."
    ]


@pytest.mark.parametrize("quotes", ["“”", "„“", "«»"])
def test_typographic_quotes_of_frames_are_named(quotes: str) -> None:
    parts = JSON.split('"')
    text = "".join(
        part + (quotes[place % 2] if place < len(parts) - 1 else "") for place, part in enumerate(parts)
    )

    assert read_request(text).frames == FRAMES
    assert said(text) == [
        f"frames have typographic quotes ({quotes[0]} in line 1), which JSON does not allow; they were read "
        "as plain ones."
    ]


def test_options_that_do_not_post_the_body_are_named() -> None:
    assert said(f"curl -G {URL} -d '{JSON}'") == [
        "frames must be the body; -G puts them into the address. Leave it out."
    ]
    assert said(f"curl {URL} -F frames=x") == ["frames must be the body; -F posts a form. Use --data-raw."]


POWERSHELL = f"""$session = New-Object Microsoft.PowerShell.Commands.WebRequestSession
$session.UserAgent = "Mozilla/5.0"
Invoke-WebRequest -UseBasicParsing -Uri "{URL}" `
-Method "POST" `
-WebSession $session `
-Headers @{{
"accept"="*/*"
  "x-lp-on-behalf"="e30.eyJleHRfY29uc3VtZXJfaWQiOiJwcy0xIn0.c2ln"
}} `
-ContentType "application/json" `
-Body "{JSON.replace(chr(34), "`" + chr(34))}"
"""


def test_chromes_copy_as_powershell_is_read() -> None:
    parsed = read_request(POWERSHELL)

    assert (parsed.kind, parsed.frames, parsed.consumer_id) == ("powershell", FRAMES, "ps-1")
    assert [complaint.sentence for complaint in parsed.complaints] == [NO_TOKENS[1]]


@pytest.mark.parametrize(
    "text",
    [
        f"$body = '{JSON}'\nInvoke-RestMethod -Method Post -Uri '{URL}' -Body $body",
        f"$body = @'\n{JSON}\n'@\nirm {URL} -Method Post -Body $body -ContentType application/json",
        f"Invoke-WebRequest {URL} -Body ([System.Text.Encoding]::UTF8.GetBytes('{JSON}')) -Method POST",
        f"""$frames = @(
  @{{ kind = 'req'; id = '1'; type = 'userprofile.SetUserProfile'; body = @{{}} }},
  @{{ kind = 'req'; id = '2'; type = 'cm.ConsumerRequestConversation'
     body = @{{ brandId = '12345678'; skillId = '2741903011' }} }}
)
Invoke-RestMethod -Uri "{URL}" -Method Post -Body ($frames | ConvertTo-Json -Depth 10)""",
    ],
    ids=["variable", "here-string", "bytes", "hash tables"],
)
def test_powershell_as_people_write_it_is_read(text: str) -> None:
    assert read_request(text).frames == FRAMES
    assert said(text) == []


def test_chromes_copy_as_fetch_is_read_and_numbers_are_named_as_text() -> None:
    parsed = read_request(case("chrome-copy-as-fetch.txt"))

    assert parsed.kind == "fetch"
    assert [complaint.sentence for complaint in parsed.complaints] == [*NO_TOKENS, GENDER]
    assert parsed.notes == (
        "[1].body.campaignInfo.campaignId: the number 99999 is sent as the text '99999'.",
        "[1].body.campaignInfo.engagementId: the number 888888 is sent as the text '888888'.",
        ANEW,
    )
    assert [token.claims for token in parsed.tokens] == [{"aud": "12345678", "exp": 1700000000}] * 2


@pytest.mark.parametrize(
    "text",
    [
        f"await fetch('{URL}', {{method: 'POST', body: JSON.stringify({JSON})}});",
        f"fetch(`{URL}`, {{ body: '{JSON}', headers: new Headers({{'a': 'b',}}), }})",
        f"const reply = await fetch(\n  '{URL}', // where\n  {{ body: JSON.stringify({JSON}, null, 2) }}\n)",
        f"import fetch from 'node-fetch';\nfetch('{URL}', {{ 'body': {json.dumps(JSON)} }}).then(r => r)",
    ],
    ids=["stringify", "template", "over lines", "node"],
)
def test_fetch_as_people_write_it_is_read(text: str) -> None:
    assert read_request(text).frames == FRAMES


def test_a_body_that_fetch_takes_from_elsewhere_is_named() -> None:
    assert said(f"fetch('{URL}', {{body: JSON.stringify(frames)}})") == [
        "frames come from frames, which the text does not hold. Put the frames in its place."
    ]


def test_the_conversation_of_a_har_file_is_found_with_its_reply() -> None:
    parsed = read_request(case("session.har"))

    assert (parsed.kind, len(parsed.frames), parsed.more) == ("har", 2, ())
    assert parsed.reply is not None
    assert parsed.reply.status == 400
    assert [complaint.sentence for complaint in parsed.complaints] == [*NO_TOKENS, GENDER]


def entry(body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    return {
        "request": {"method": "POST", "url": URL, "headers": [], "postData": body},
        "response": {"status": status, "content": {}},
    }


def test_several_entries_of_a_har_file_can_be_chosen_from() -> None:
    har = {"log": {"entries": [entry({"text": JSON}), entry({"text": JSON.replace("2741903011", "7")}, 500)]}}

    parsed = read_request(json.dumps(har))

    assert parsed.frames == FRAMES
    assert [one.frames[1]["body"]["skillId"] for one in parsed.more] == ["7"]
    assert [one.reply.status for one in parsed.more if one.reply] == [500]


def test_a_har_entry_alone_and_a_body_in_base64_are_read() -> None:
    content = base64.b64encode(JSON.encode()).decode()

    parsed = read_request(json.dumps(entry({"text": content, "encoding": "base64"})))

    assert (parsed.kind, parsed.frames) == ("har", FRAMES)


def test_a_request_without_an_answer_in_a_har_file_has_no_status() -> None:
    parsed = read_request(json.dumps({"log": {"entries": [entry({"text": JSON}, 0)]}}))

    assert (parsed.frames, parsed.reply) == (FRAMES, None)


def test_request_and_reply_of_a_log_line_are_found() -> None:
    parsed = read_request(case("log-line-400.txt"))

    assert (parsed.kind, parsed.account_id) == ("log", "12345678")
    assert parsed.reply is not None
    assert (parsed.reply.status, json.loads(parsed.reply.body or "")["code"]) == (400, "BAD_REQUEST")
    assert [complaint.sentence for complaint in parsed.complaints] == [GENDER]


def test_a_log_line_with_a_reply_alone_has_no_frames() -> None:
    parsed = read_request(case("log-line-401.txt"))

    assert (parsed.kind, parsed.frames, parsed.ok) == ("log", None, False)
    assert parsed.reply is not None
    assert parsed.reply.status == 401


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (json.dumps({"level": "error", "status": 400, "url": URL, "request": JSON, "response": "[]"}), 400),
        (json.dumps({"msg": f"posted {JSON} to {URL}", "statusCode": 503}), 503),
        (f"[2026-11-29 01:58:03] DEBUG sent {FRAMES!r} -> 200", 200),
        (f'level=error body="{JSON.replace(chr(34), chr(92) + chr(34))}" status=413', 413),
        (f"ERROR post failed: b'{JSON}' HTTP/1.1 502", 502),
    ],
    ids=["JSON in JSON", "text in JSON", "Python", "logfmt", "bytes"],
)
def test_logs_of_every_make_are_read(text: str, status: int) -> None:
    parsed = read_request(text)

    assert (parsed.kind, parsed.frames) == ("log", FRAMES)
    assert parsed.reply is not None
    assert parsed.reply.status == status


def test_the_services_answer_is_called_so() -> None:
    parsed = read_request(case("reply-200-already-open.json"))

    assert (parsed.kind, parsed.frames, parsed.description) == (
        "reply",
        None,
        "This is the service's answer.",
    )


@pytest.mark.parametrize(
    "text",
    [
        '[{"code":"OK","body":{"conversationId":"c-1"},"reqId":"2"}]',
        '{"code":401,"body":{"title":"AppJWT is missing","details":"-","errorCode":40105},"reqId":"1"}',
        '{"code":"BAD_REQUEST","body":{"msg":"Failed to parse"}}',
        '{"error":{"message":"Rate limit","code":429}}',
        '{"kind":"resp","reqId":"1","code":200,"body":{},"type":"cm.X"}',
    ],
)
def test_answers_of_every_form_are_called_so(text: str) -> None:
    assert read_request(text).kind == "reply"


def test_an_account_that_is_a_placeholder_is_filled_in_when_sent() -> None:
    parsed = read_request(case("page-example-with-accountid.json"))

    assert parsed.ok
    assert parsed.notes == (
        "[1].body.brandId is '{accountid}': your account is filled in when it is sent.",
        ANEW,
    )
    assert parsed.batch().to_wire("87654321")[1]["body"]["brandId"] == "87654321"


@pytest.mark.parametrize("brand", ["{{siteId}}", "<accountid>", "YOUR_ACCOUNT_ID", "%ACCOUNT%", "$ACCOUNT"])
def test_placeholders_of_every_tool_are_the_account_in_its_place(brand: str) -> None:
    text = JSON.replace('"12345678"', json.dumps(brand))

    assert read_request(text).ok
    assert "brandId" not in body(text)


@pytest.mark.parametrize(
    "skill", ["{{skillId}}", "{skillid}", "<skill id>", "YOUR_SKILL_ID", "%SKILL%", "$SKILL"]
)
def test_placeholders_elsewhere_are_complaints_by_name(skill: str) -> None:
    assert said(JSON.replace("2741903011", skill)) == [
        f"[1].body.skillId is the placeholder {skill!r}. Put the value in its place."
    ]


def test_what_is_old_is_named_and_the_way_out_works() -> None:
    text = case("old-profile-and-custom-ttr.json")

    assert said(text) == [
        "[0].body has 7 fields of older pages (firstName, lastName, avatarUrl, role, backgndImgUri, "
        "description, privateData); today the profile is authenticatedData.lp_sdes. To send everything as it "
        "is: lpnb.RawBatch(text).",
        "[1].body.ttrDefName must be one of 'NORMAL', 'URGENT', 'PRIORITIZED', 'null'; got 'CUSTOM'. "
        "'CUSTOM' is on older pages only: leave it out. To send everything as it is: lpnb.RawBatch(text).",
    ]
    assert lpnb.RawBatch(text).outgoing("12345678").content.decode() == text


def test_variables_that_nobody_filled_in_are_complaints_one_by_one() -> None:
    parsed = read_request(case("postman-unfilled-variables.json"))

    assert parsed.consumer_id == "pm-17"
    assert [complaint.path for complaint in parsed.complaints] == [
        "[1].body.skillId",
        "[1].body.campaignInfo.campaignId",
        "[1].body.campaignInfo.engagementId",
    ]
    assert parsed.notes[0] == (
        "{{msgDomain}}, {{siteId}}, {{appJWT}}, {{consumerJWS}}: lpnb fills in host, account and tokens "
        "itself."
    )


def test_a_variable_in_the_address_is_filled_in() -> None:
    parsed = read_request(case("postman-variable-in-url.json"))

    assert (parsed.ok, parsed.account_id) == (True, "12345678")


def test_a_variable_that_is_switched_off_does_not_count() -> None:
    parsed = read_request(case("postman-disabled-variable.json"))

    [sde] = parsed.frames[0]["body"]["authenticatedData"]["lp_sdes"]
    assert sde["info"]["ctype"] == "gold"


def collection(raw: str, **more: Any) -> dict[str, Any]:
    request = {"method": "POST", "url": URL, "header": [], "body": {"mode": "raw", "raw": raw}}
    return {"info": {}, "item": [{"name": "open", "request": {**request, **more}}]}


def test_an_environment_behind_the_collection_fills_in_its_variables() -> None:
    environment = {"name": "live", "values": [{"key": "skill", "value": "7", "enabled": True}]}
    text = json.dumps(collection(JSON.replace("2741903011", "{{skill}}"))) + "\n" + json.dumps(environment)

    assert body(text)["skillId"] == "7"


def test_an_environment_alone_is_called_so() -> None:
    text = json.dumps({"name": "live", "values": [], "_postman_variable_scope": "environment"})

    assert read_request(text).kind == "environment"
    assert said(text) == [
        "This is a Postman environment: it has values for variables and no request. Put the collection in "
        "front of it in the same text."
    ]


def test_a_collection_of_the_first_version_is_called_so() -> None:
    text = json.dumps({"id": "1", "name": "old", "order": ["2"], "requests": [{"id": "2", "url": URL}]})

    assert said(text) == [
        "This is a Postman collection of version 1. Export it as version 2.1, and read that."
    ]


def test_comments_and_variables_without_quotes_in_a_body_are_read_as_postman_does() -> None:
    raw = JSON.replace('"2741903011"', "{{skill}} /* the VIP skill */")
    text = json.dumps({**collection(raw), "variable": [{"key": "skill", "value": 7, "type": "number"}]})

    parsed = read_request(text)

    assert parsed.notes[0] == "Comments in the body were left out, as Postman does."
    assert parsed.notes[1] == "[1].body.skillId: the number 7 is sent as the text '7'."
    assert parsed.complaints == ()


def test_a_bare_variable_that_nobody_filled_in_is_named() -> None:
    text = json.dumps(collection(JSON.replace('"2741903011"', "{{skill}}")))

    assert said(text) == ["[1].body.skillId is the placeholder '{{skill}}'. Put the value in its place."]


def test_variables_of_a_folder_and_headers_as_text_are_read() -> None:
    inner = collection(JSON.replace("2741903011", "{{skill}}"), header="Client-Properties: {}\nX: y")["item"][
        0
    ]
    folder = {"name": "folder", "variable": [{"key": "skill", "value": "8"}], "item": [inner]}
    text = json.dumps({"info": {}, "item": [folder], "variable": [{"key": "skill", "value": "9"}]})

    assert body(text)["skillId"] == "8"
    assert read_request(text).client_properties == "{}"


def test_an_address_taken_apart_is_put_together() -> None:
    path = ["api", "account", "12345678", "messaging", "consumer", "conversation"]
    text = json.dumps(collection(JSON, url={"host": ["va", "msg", "liveperson", "net"], "path": path}))

    assert read_request(text).frames == FRAMES


def test_our_own_http_file_is_read_back() -> None:
    batch = ConversationBatch.build([lpnb.CustomerInfo(ctype="vip")], skill_id="2741903011")

    parsed = read_request(as_http_file(batch, "consumer-1"))

    assert (parsed.kind, parsed.consumer_id) == ("http", "consumer-1")
    assert [frame["body"] for frame in parsed.frames] == [frame["body"] for frame in batch.to_wire()]
    assert parsed.complaints == ()


@pytest.mark.parametrize(
    "text",
    [
        f"POST /{PATH} HTTP/1.1\nHost: va.msg.liveperson.net\nAccept: */*\n\n{JSON}",
        f"@host = va.msg.liveperson.net\n\nPOST https://{{{{host}}}}/{PATH}\nA: b\n\n{JSON}\n",
        f"# one\nGET https://example.com\n\n###\nPOST {URL}\nContent-Type: text/json\n\n{JSON}\n\n###\n",
    ],
    ids=["proxy", "variable", "several"],
)
def test_http_messages_are_read(text: str) -> None:
    parsed = read_request(text)

    assert (parsed.kind, parsed.frames) == ("http", FRAMES)


def test_what_curl_shows_with_v_is_read_with_its_answer() -> None:
    text = (
        f"> POST /{PATH} HTTP/2\n> Host: va.msg.liveperson.net\n> Accept: */*\n>\n"
        '< HTTP/2 401\n< content-type: application/json\n<\n{"code":"40103","message":"Invalid ConsumerJWS"}'
    )

    reply = read_request(text).reply

    assert reply is not None
    assert reply.status == 401


def test_client_properties_are_carried_on() -> None:
    batch = ConversationBatch.build(client_properties={"appId": "web-messaging"})

    parsed = read_request(as_curl(batch, "consumer-1"))

    assert parsed.batch().client_properties == batch.client_properties


def test_client_properties_that_are_not_json_are_a_complaint() -> None:
    text = f"curl {URL} -H 'Client-Properties: app' -d '{JSON}'"

    assert said(text) == ["Client-Properties is not JSON: Expecting value at line 1, column 1."]
    with pytest.raises(InvalidValueError):
        read_request(text).batch()


def test_an_id_that_is_replaced_is_said() -> None:
    assert read_request(JSON).notes == (ANEW,)


def test_what_is_read_without_harm_stays_without_complaint_beside_what_is_wrong() -> None:
    text = JSON.replace('"2741903011"', '7, "ttrDefName": "later"')

    parsed = read_request(text)

    assert parsed.notes[0] == "[1].body.skillId: the number 7 is sent as the text '7'."
    assert [complaint.path for complaint in parsed.complaints] == ["[1].body.ttrDefName"]


@pytest.mark.parametrize(
    "text",
    [
        "iwr x -Body (a } b)",
        "iwr x -Headers @{ a = (b } }",
        "[{{'a': 1}: 2}] sent",
        "curl <<EOF",
        "fetch(",
        "@{",
    ],
)
def test_brackets_that_do_not_fit_end_the_reading_and_raise_nothing(text: str) -> None:
    assert read_request(text).frames is None
