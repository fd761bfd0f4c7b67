"""``explain``: what a text is, what is wrong with it, and what the service answers."""

from __future__ import annotations

import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import lpnb
from lpnb.cli.main import main
from lpnb.diagnostics.explain import Explanation, explain
from lpnb.models.status_meanings import MEANINGS, STATUS_MEANINGS, UNKNOWN_MEANING

DATA = Path(__file__).parents[1] / "snippets" / "data"
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "explain-a-400.md"
URL = "https://va.msg.liveperson.net/api/account/12345678/messaging/consumer/conversation?v=3"
JSON = json.dumps(
    [
        {"kind": "req", "id": "1", "type": "userprofile.SetUserProfile", "body": {}},
        {"kind": "req", "id": "2", "type": "cm.ConsumerRequestConversation", "body": {"brandId": "12345678"}},
    ]
)


def sentences(explanation: Explanation) -> list[str]:
    return [finding.sentence for finding in explanation.findings]


def token(**claims: Any) -> str:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJub25lIn0.{part}.c2lnbmF0dXJl"


def curl(**headers: str) -> str:
    headers.setdefault("Content-Type", "application/json")
    options = " ".join(f"-H '{name.replace('_', '-')}: {value}'" for name, value in headers.items())
    return f"curl {URL} {options} -d '{JSON}'"


def test_a_limit_of_lpnb_is_no_refusal_where_the_text_ends_early_too():
    (finding,) = explain("[" * 100).findings

    assert str(explain("[" * 100)).startswith("This may pass, or be refused with 400")
    assert finding.sentence.startswith("frames are JSON that lpnb does not read: it is nested deeper than 64")


@pytest.mark.parametrize(
    ("name", "status", "lines"),
    [
        ("chrome-copy-as-curl-cmd.txt", 0, ["This is a curl command. Nothing is wrong with it."]),
        (
            "chrome-copy-as-fetch.txt",
            1,
            [
                "LivePerson refuses this: 401, and nothing is created. This is a fetch() call.",
                "- refused: Authorization: the AppJWT ended on 2023-11-14 at 22:13 UTC.",
                "- refused: X-LP-ON-BEHALF: the ConsumerJWS ended on 2023-11-14 at 22:13 UTC.",
                "- may be refused: [0].body.authenticatedData.lp_sdes[1].personal.gender must be",
                "  one of 'MALE', 'FEMALE', 'OTHER'; got 'male'. Did you mean 'MALE'?",
            ],
        ),
        (
            "curl-heredoc.txt",
            1,
            [
                "LivePerson refuses this: 401, and nothing is created. This is a curl command.",
                "- refused: 401, 40105: the header Authorization with the AppJWT is missing.",
            ],
        ),
        (
            "log-line-400.txt",
            1,
            [
                "LivePerson refused this: 400. This is a log with a request and the service's",
                "answer.",
                "- probable cause: [0].body.authenticatedData.lp_sdes[1].personal.gender must be",
                "  one of 'MALE', 'FEMALE', 'OTHER'; got 'male'. Did you mean 'MALE'?",
                "- refused: 400: The frames are not understood; nothing was created. It said:",
                "  'Failed to parse: Unrecognized value at lp_sdes[1].personal.gender'",
            ],
        ),
        (
            "log-line-401.txt",
            1,
            [
                "LivePerson refused this: 401. This is a log with the service's answer.",
                "- refused: 401, 40103: The ConsumerJWS is invalid, or the conversation belongs",
                "  to another consumer.",
                "",
                "Check the consumer id, and get a new ConsumerJWS for it from the IDP; lpnb gets",
            ],
        ),
        (
            "old-profile-and-custom-ttr.json",
            1,
            [
                "This may pass, or be refused with 400: LivePerson's pages do not say which.",
                "These are the frames of a request.",
                "- may be refused: [0].body has 7 fields of older pages (firstName, lastName,",
                "  avatarUrl, role, backgndImgUri, description, privateData); today the profile",
                "  is authenticatedData.lp_sdes. To send everything as it is:",
                "  lpnb.RawBatch(text).",
            ],
        ),
        (
            "page-example-with-accountid.json",
            0,
            ["These are the frames of a request. Nothing is wrong with it."],
        ),
        ("postman-disabled-variable.json", 0, ["This is a Postman collection. Nothing is wrong with it."]),
        (
            "postman-unfilled-variables.json",
            1,
            [
                "This may pass, or be refused with 400: LivePerson's pages do not say which. This",
                "is a Postman collection.",
                "- may be refused: [1].body.skillId is the placeholder '{{skillId}}'. Put the",
                "  value in its place.",
            ],
        ),
        ("postman-variable-in-url.json", 0, ["This is a Postman collection. Nothing is wrong with it."]),
        (
            "reply-200-already-open.json",
            1,
            [
                "LivePerson refused this. This is the service's answer.",
                "- refused: The profile was accepted; the conversation was refused: this consumer",
                "  already has one open, and can have only one.",
                "",
                "Go on in that one, or take another consumer id.",
            ],
        ),
        (
            "session.har",
            1,
            [
                "LivePerson refused this: 400. This is a HAR file, with the answer to it.",
                "- probable cause: [0].body.authenticatedData.lp_sdes[1].personal.gender must be",
                "  one of 'MALE', 'FEMALE', 'OTHER'; got 'male'. Did you mean 'MALE'?",
                "- refused: 400: The frames are not understood; nothing was created.",
            ],
        ),
    ],
)
def test_the_command_names_the_cause_in_its_first_lines(
    name: str, status: int, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(DATA / name)]) == status

    printed = capsys.readouterr().out.splitlines()
    assert printed[: len(lines)] == lines
    assert max(map(len, printed)) <= 80


@pytest.mark.parametrize(("code", "meaning"), MEANINGS.items())
def test_the_five_authorisation_frames_are_explained(code: str, meaning: str) -> None:
    reply = {"code": 401, "body": {"title": "t", "details": "d", "errorCode": int(code)}, "reqId": "1"}

    assert sentences(explain(json.dumps(reply))) == [f"401, {code}: {meaning}"]


@pytest.mark.parametrize(("status", "meaning"), STATUS_MEANINGS.items())
def test_a_bare_status_is_explained(status: int, meaning: tuple[str, str]) -> None:
    explanation = explain(f"POST {URL} -> {status}")

    assert sentences(explanation) == [f"{status}: {meaning[0]}"]


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_what_nobody_knows_is_said(status: int) -> None:
    explanation = explain("", status=status)

    assert explanation.description == f"This is a status alone: {status}."
    assert sentences(explanation) == [f"{status}: {UNKNOWN_MEANING[0]}"]
    assert explanation.answer == UNKNOWN_MEANING[1]


def test_the_page_has_the_same_meanings() -> None:
    rows = {cells[0]: cells[1] for cells in _table(PAGE.read_text(encoding="utf-8"))}

    assert {key for key in rows if key.isdigit()} == {str(status) for status in STATUS_MEANINGS}
    for code in MEANINGS:
        assert any(code in key for key in rows), code


def _table(page: str) -> list[list[str]]:
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_status_beside_a_request_goes_with_it() -> None:
    explanation = explain(JSON, status=403)

    assert explanation.description == "These are the frames of a request, with the answer to them."
    assert sentences(explanation) == [
        "403: The tokens are known, but may not do this on this account; nothing was created."
    ]


def test_an_answer_that_opened_a_conversation_has_nothing_wrong() -> None:
    reply = '[{"code":"OK","body":{},"reqId":"1"},{"code":"OK","body":{"conversationId":"c-1"},"reqId":"2"}]'

    explanation = explain(reply)

    assert (explanation.ok, explanation.answer) == (True, "Conversation c-1 is open.")


def test_tokens_are_decoded_and_shown_nowhere() -> None:
    app = token(aud="87654321", scope="msg.consumer", exp=4102444800)
    text = curl(Authorization=app, X_LP_ON_BEHALF=token(ext_consumer_id="anna", aud="12345678"))

    explanation = explain(text)

    assert sentences(explanation) == [
        "Authorization: the AppJWT is of account '87654321', the URL says '12345678'."
    ]
    assert explanation.tokens == (
        "AppJWT (Authorization): for account '87654321', with the scope 'msg.consumer', "
        "ends on 2100-01-01 at 00:00 UTC.",
        "ConsumerJWS (X-LP-ON-BEHALF): for account '12345678', for the consumer 'anna'.",
    )
    assert app not in str(explanation)
    assert "c2lnbmF0dXJl" not in json.dumps(explanation.to_dict()) + explanation._repr_html_()


def test_a_token_in_the_wrong_header_is_named() -> None:
    text = curl(Authorization=token(ext_consumer_id="anna"), X_LP_ON_BEHALF=token(scope="msg.consumer"))

    assert sentences(explain(text)) == [
        "Authorization has a ConsumerJWS in it; the AppJWT belongs there.",
        "X-LP-ON-BEHALF has an AppJWT in it; the ConsumerJWS belongs there.",
    ]


def test_of_several_requests_the_first_that_is_wrong_is_explained_unless_one_is_asked_for() -> None:
    wrong = JSON.replace("}}]", ', "channelType": "FAX"}}]')
    text = f"curl {URL} -d '{JSON}'\ncurl {URL} -d '{wrong}'"

    assert [finding.path for finding in explain(text).findings] == ["[1].body.channelType"]
    assert explain(text).notes[-1] == "The text has 2 requests; this is about number 2 of them."
    assert explain(text, request=1).ok


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"status": 99}, "status must be an HTTP status from 100 to 599; got 99."),
        ({"status": "400"}, "status must be an HTTP status from 100 to 599; got '400'."),
        ({"request": 2}, "request must be a number from 1 to 1; got 2."),
    ],
)
def test_arguments_that_cannot_be_are_refused(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(lpnb.InvalidValueError) as caught:
        explain(JSON, **arguments)

    assert str(caught.value) == sentence


def test_what_is_nothing_of_the_kind_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello there", encoding="utf-8")

    assert main(["explain", str(tmp_path / "a.txt")]) == 1

    assert capsys.readouterr().out.splitlines()[0] == "This is nothing that lpnb knows."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_standard_input_is_read_in_the_encodings_of_windows(
    encoding: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = JSON.replace('"body": {}}, ', '"body": {"note": "Jürgen"}}, ').encode(encoding)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    assert main(["explain", "--json"]) == 1

    explanation = json.loads(capsys.readouterr().out)
    assert (explanation["kind"], explanation["ok"]) == ("frames", False)
    assert [finding["path"] for finding in explanation["findings"]] == ["[0].body.note"]


def test_a_file_that_is_not_there_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "nowhere.txt"]) == 2

    assert capsys.readouterr().err == "nowhere.txt cannot be read: No such file or directory.\n"


def test_a_status_in_place_of_a_file_is_answered_with_the_way_to_ask(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain", "400"]) == 2
    assert capsys.readouterr().err == (
        "400 cannot be read: No such file or directory. To explain a status: echo 400 | lpnb explain\n"
    )


def test_a_status_that_cannot_be_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["explain", "--status", "42"])

    assert caught.value.code == 2
    assert "a status is a number from 100 to 599; got '42'" in capsys.readouterr().err


# Values, tokens and answers


def both(**body: Any) -> str:
    frames = json.loads(JSON)
    frames[1]["body"] = {"brandId": "12345678", **body}
    return json.dumps(frames)


@pytest.mark.parametrize(
    ("skill", "said"),
    [
        ("2,741,903,011", "is an id with thousands separators"),
        ("2741903011.0", "is an id with a decimal point"),
        ("Private Clients", "is no id: skillId takes the number, not the name"),
        ("NULL", "is a word for no value"),
        ("#NOM?", "is what a spreadsheet shows for a formula"),
        ("2741903011\u00a0", "holds an invisible character (U+00A0)"),
        ("2.741903011E+9", "looks like an id that a spreadsheet has rounded"),
        ("$(skill)", "is the placeholder '$(skill)'"),
        ("<<skill>>", "is the placeholder '<<skill>>'"),
        ("${{ secrets.SKILL }}", "is the placeholder '${{ secrets.SKILL }}'"),
        ("TODO", "is the placeholder 'TODO'"),
    ],
)
def test_an_id_that_cannot_be_one_is_a_finding(skill: str, said: str) -> None:
    explained = explain(both(skillId=skill))

    assert [finding.path for finding in explained.findings] == ["[1].body.skillId"]
    assert said in explained.findings[0].sentence


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("J\u00c3\u00bcrgen", "stands where 'J\u00fcrgen' was meant"),
        ("J\ufffdrgen", "has lost letters"),
        ("\u0410nna", "mixes alphabets: \u0410 looks like another letter"),
    ],
)
def test_letters_that_were_read_in_a_wrong_encoding_are_a_finding(name: str, said: str) -> None:
    frames = json.loads(both())
    person = {"type": "personal", "personal": {"firstname": name}}
    frames[0]["body"] = {"authenticatedData": {"lp_sdes": [person]}}

    assert said in sentences(explain(json.dumps(frames)))[0]


@pytest.mark.parametrize(
    "name",
    ["CAF\u00c9\u2019S", "J\u00fcrgen", "\u00c4\u00d6\u00dc", "\u0418\u0432\u0430\u043d", "\u5f20\u4f1f"],
)
def test_letters_of_any_language_are_none(name: str) -> None:
    frames = json.loads(both())
    frames[0]["body"] = {
        "authenticatedData": {"lp_sdes": [{"type": "personal", "personal": {"firstname": name}}]}
    }

    assert explain(json.dumps(frames)).ok


def test_a_token_that_lost_a_letter_is_named_and_one_that_a_shell_fetches_is_none() -> None:
    broken = token(aud="12345678", exp=9_999_999_999).replace("eyJhdW", "eyJhdX", 1)[:-16]

    assert sentences(explain(curl(Authorization=broken[:50] + broken[51:], X_LP_ON_BEHALF=token()))) == [
        "Authorization: the AppJWT cannot be decoded: it was changed or cut off."
    ]
    fetched = f"JWT=$(curl -s https://x/app/token | jq -r .t)\n{curl(Authorization='$JWT')}".replace("'", '"')
    assert not explain(fetched).tokens


def test_an_answer_says_its_cause_whatever_its_status() -> None:
    frames = [
        {"reqId": "1", "code": "OK", "body": {"msg": "OK User Profile set successfully"}},
        {"reqId": "2", "code": "BAD_REQUEST", "body": {"msg": "User abc already has open conversation."}},
    ]
    for status in (200, 400):
        said = sentences(explain(json.dumps(frames), status=status))
        assert said == [
            f"{status}: The profile was accepted; the conversation was refused: this consumer already has "
            "one open, and can have only one."
        ]
    frames[0] = {"reqId": "1", "code": "BAD_REQUEST", "body": {"msg": "Unrecognized field"}}
    frames[1]["body"] = {"msg": "Not opened: the profile before it was refused"}
    assert sentences(explain(json.dumps(frames)))[0].startswith(
        "The service refused userprofile.SetUserProfile with BAD_REQUEST: Unrecognized field."
    )
    assert sentences(explain('{"code": "BAD_REQUEST", "body": {"msg": "no"}}'))[0].startswith("400: ")
    assert explain(f"POST {URL} -> 200 OK {JSON}").ok


@pytest.mark.parametrize("status", [403, 404, 502])
def test_a_page_of_a_proxy_is_no_answer_of_the_service(status: int) -> None:
    page = f"<html><head><title>{status} Error</title></head><body>nginx</body></html>"

    assert sentences(explain(page))[0].startswith(f"{status}: This is a page of a proxy or a gateway")


def test_of_many_findings_a_screen_is_printed() -> None:
    skills = {f"field{number}": "x" for number in range(60)}

    lines = str(explain(both(**skills))).splitlines()

    assert len(lines) < 40
    assert any(line.startswith("- ... and ") for line in lines)


@pytest.mark.parametrize(
    ("campaign", "said"),
    [
        (
            {"campaignId": "99999"},
            ["[1].body.campaignInfo: campaignId and engagementId belong together; without its engagement a "
             "campaign routes nothing."],
        ),
        ({"campaignId": "99999", "engagementId": "888888"}, []),
        ({"engagementId": "888888"}, []),
    ],
)  # fmt: skip
def test_a_campaign_without_its_engagement_is_found(campaign: dict[str, str], said: list[str]) -> None:
    frames = json.loads(JSON)
    frames[1]["body"]["campaignInfo"] = campaign

    assert sentences(explain(json.dumps(frames))) == said


# What follows from a finding


def framed(*sdes: Any, **body: Any) -> str:
    frames = json.loads(both(**body))
    frames[0]["body"] = {"authenticatedData": {"lp_sdes": list(sdes)}}
    return json.dumps(frames)


def with_ids(first: object, second: object) -> str:
    frames = json.loads(JSON)
    frames[0]["id"], frames[1]["id"] = first, second
    return json.dumps(frames)


CERTAIN = {
    "an id twice": with_ids("1", "1"),
    "an id as a number and as text": with_ids(1, "1"),
    "no id": JSON.replace('"id": "1", ', ""),
    "an id that is null": with_ids(None, "2"),
    "an empty id": with_ids("1", ""),
    "an id that is too long": with_ids("1", "2" * 65),
    "a frame alone": json.dumps(json.loads(JSON)[:1]),
    "frames in the other order": json.dumps(json.loads(JSON)[::-1]),
    "no JSON": JSON.replace('"req"', "req", 1).replace("[", "[,", 1),
    "no account": JSON.replace('"brandId": "12345678"', ""),
    "no body": JSON.replace('"body": {}', '"body": 7', 1),
}
UNSAID = {
    "a word that no list has": framed({"type": "personal", "personal": {"gender": "male"}}),
    "a field that no page has": framed({"type": "ctmrinfo", "info": {"tier": "gold"}}),
    "a text where a number belongs": framed({"type": "ctmrinfo", "info": {"balance": "much"}}),
    "a skill by its name": both(skillId="Mortgages"),
    "another urgency": both(ttrDefName="CUSTOM"),
    "an urgency that is a list": both(ttrDefName=[]),
    "a language in words": both(conversationContext={"type": "SharkContext", "lang": "english"}),
    "metadata that are no list": both(metadata={}),
    "a skill that is empty": both(skillId=""),
    "a third frame of another kind": JSON[:-1] + ', {"kind": "req", "id": "3", "type": "x", "body": {}}]',
}
TAKEN = {
    "a blank at the end": framed({"type": "ctmrinfo", "info": {"ctype": "vip "}}),
    "letters of a wrong encoding": framed(
        {"type": "personal", "personal": {"firstname": "J\u00c3\u00bcrgen"}}
    ),
    "a campaign without its engagement": both(campaignInfo={"campaignId": "880524010"}),
    "an id as a number": both(skillId=2741903011),
}


@pytest.mark.parametrize(
    ("text", "effect", "verdict"),
    [
        *((text, "refused", "LivePerson refuses this: 40") for text in CERTAIN.values()),
        *((text, "may be refused", "This may pass, or be refused with 400") for text in UNSAID.values()),
        *((text, "accepted, but", "LivePerson takes this, but it may") for text in TAKEN.values()),
    ],
    ids=[*CERTAIN, *UNSAID, *TAKEN],
)
def test_a_finding_says_whether_the_refusal_is_certain(text: str, effect: str, verdict: str) -> None:
    explanation = explain(text)

    assert explanation.findings[0].effect == effect
    assert str(explanation).startswith(verdict)
    assert explanation.to_dict()["findings"][0]["effect"] == effect
    assert f">{effect}</td>" in explanation._repr_html_()


def test_what_is_certain_is_refused_by_every_sandbox_and_what_is_taken_by_none() -> None:
    for strictness in ("lenient", "strict"):
        with (
            lpnb.Sandbox(sde_checks=strictness) as sandbox,
            lpnb.Client(lpnb.Settings.of(sandbox.environment())) as client,
        ):
            for place, text in enumerate(CERTAIN.values()):
                assert client.send_batch(lpnb.RawBatch(text), f"certain-{place}").outcome == "refused", text
            for place, text in enumerate(TAKEN.values()):
                assert client.send_batch(lpnb.RawBatch(text), f"taken-{place}").outcome == "answered", text


def test_what_is_certain_stands_first() -> None:
    ended = token(aud="12345678", exp=1_600_000_000)
    explanation = explain(curl(Authorization=ended, X_LP_ON_BEHALF=token()))

    assert [finding.effect for finding in explanation.findings] == ["refused"]
    wrong = framed({"type": "ctmrinfo", "info": {"tier": "gold"}}, brandId="")
    assert [finding.effect for finding in explain(wrong).findings] == ["refused", "may be refused"]


@pytest.mark.parametrize(
    ("status", "effects", "verdict"),
    [
        (None, ["may be refused"], "This may pass, or be refused with 400"),
        (400, ["probable cause", "refused"], "LivePerson refused this: 400."),
        (401, ["refused", "may be refused"], "LivePerson refused this: 401."),
        (503, ["may be refused", "not known"], "It is not known whether LivePerson opened a conversation."),
        (200, ["may be refused"], "This may pass, or be refused with 400"),
        (100, ["may be refused", "not known"], "It is not known whether LivePerson opened a conversation."),
    ],
)
def test_the_answer_decides_what_followed_from_a_value(
    status: int | None, effects: list[str], verdict: str
) -> None:
    explanation = explain(framed({"type": "ctmrinfo", "info": {"tier": "gold"}}), status=status)

    assert [finding.effect for finding in explanation.findings] == effects
    assert explanation.verdict.startswith(verdict)


def test_the_account_of_the_url_and_of_the_frames_are_held_against_each_other() -> None:
    text = f"curl {URL} -d '{JSON.replace('12345678', '999')}'"

    (finding,) = explain(text).findings

    assert finding.sentence == "[1].body.brandId is '999', the URL says '12345678'."
    assert finding.effect == "may be refused"


@pytest.mark.parametrize("text", ["hello there", "curl https://example.org/ -d @frames.json"])
def test_a_text_that_holds_no_frames_has_no_verdict(text: str) -> None:
    explanation = explain(text)

    assert (explanation.verdict, {finding.effect for finding in explanation.findings}) == ("", {""})


def test_an_id_that_a_program_makes_anew_each_time_may_stand_in_both_frames() -> None:
    assert explain(with_ids("{{$guid}}", "{{$guid}}")).ok


def test_of_several_causes_it_is_said_that_nobody_says_which() -> None:
    wrong = framed({"type": "ctmrinfo", "info": {"tier": "gold"}}, skillId="Mortgages")

    explanation = explain(wrong, status=400)

    assert [finding.effect for finding in explanation.findings] == ["probable cause"] * 2 + ["refused"]
    assert "of several, LivePerson does not say which" in explanation.answer


WITHOUT_TOKENS = "-H 'Content-Type: application/json'"


def test_a_header_with_a_token_that_is_missing_is_named_whatever_was_answered() -> None:
    text = f"curl {URL} {WITHOUT_TOKENS} -d '{JSON}'"

    missing = [
        "401, 40105: the header Authorization with the AppJWT is missing.",
        "401, 40104: the header X-LP-ON-BEHALF with the ConsumerJWS is missing.",
    ]
    assert sentences(explain(text)) == missing
    assert sentences(explain(text, status=401))[:2] == missing
    beside = [f"{sentence} That is hardly what the answer is about." for sentence in missing]
    for status in (400, 403, 429, 500):
        assert sentences(explain(text, status=status))[1:] == beside
    assert explain(text, status=200).ok
    without_status = explain(f'> {text}\n{{"code": "40105", "message": "no"}}')
    assert sentences(without_status)[1:] == missing


@pytest.mark.parametrize("more", ['-H "$AUTH"', "-H @headers.txt", '"${HEADERS[@]}"', "-K settings.txt"])
def test_of_headers_that_come_from_elsewhere_none_is_missed(more: str) -> None:
    assert explain(f"curl {URL} {more} {WITHOUT_TOKENS} -d '{JSON}'").ok


@pytest.mark.parametrize(
    "line",
    [
        "status=401 code=40103",
        "error_code=40103 http_status=401",
        'HTTP 401 {"code":"40103"}',
        "HTTP 401, code 40103",
        "failed with status 401 and code 40103",
        "2026-11-29 ERROR failed: 401 40103 Invalid ConsumerJWS",
    ],
)
def test_a_code_beside_its_401_is_found_however_a_program_writes_it(line: str) -> None:
    assert sentences(explain(line)) == [f"401, 40103: {MEANINGS['40103']}"]


@pytest.mark.parametrize("line", ["order 40103 failed with 500", "401 items, id 140103", "port 40103.401"])
def test_a_number_that_is_no_code_is_none(line: str) -> None:
    assert "40103:" not in str(explain(line))


def test_frames_in_the_wrong_order_are_one_finding() -> None:
    assert sentences(explain(CERTAIN["frames in the other order"])) == [
        "The two frames are in the wrong order: userprofile.SetUserProfile comes first."
    ]


@pytest.mark.parametrize(
    ("gender", "meant"), [("F", "FEMALE"), ("W", "FEMALE"), ("m", "MALE"), ("Frau", "FEMALE")]
)
def test_a_gender_by_its_letter_is_answered_with_the_word(gender: str, meant: str) -> None:
    text = framed({"type": "personal", "personal": {"gender": gender}})

    assert sentences(explain(text))[0].endswith(f"Did you mean {meant!r}?")


def test_what_the_answer_shows_to_be_taken_is_not_what_was_meant_at_the_most() -> None:
    reply = '[{"code":"OK","body":{},"reqId":"1"},{"code":"OK","body":{"conversationId":"c-1"},"reqId":"2"}]'
    frames = framed({"type": "ctmrinfo", "info": {"tier": "gold"}})

    explanation = explain(f"POST {URL} {frames} -> 200 OK {reply}")

    assert [finding.effect for finding in explanation.findings] == ["accepted, but"]
    assert explanation.verdict == "LivePerson takes this, but it may not be what you mean."


@pytest.mark.parametrize("text", ['[{"a": 1, "a": 2}]', "[" * 70 + "]" * 70, "[1" + "0" * 5000 + "]"])
def test_a_limit_of_lpnbs_own_is_no_certain_refusal(text: str) -> None:
    (finding,) = explain(text).findings

    assert finding.effect == "may be refused"
    assert finding.sentence.startswith("frames are JSON that lpnb does not read: ")


def test_an_account_that_is_missing_is_a_probable_cause_of_a_400_and_of_the_second_frame_alone() -> None:
    effects = [finding.effect for finding in explain(CERTAIN["no account"], status=400).findings]

    assert effects == ["probable cause", "refused"]
    other = JSON.replace("cm.ConsumerRequestConversation", "cm.Other").replace('"brandId": "12345678"', "")
    assert "[1].body.brandId" not in [finding.path for finding in explain(other).findings]


def test_what_is_printed_is_of_the_wire_and_not_of_python() -> None:
    frames = json.loads(JSON)
    frames[0]["body"] = {"authenticatedData": {"lp_sdes": []}, "x": {"y": None}}
    frames[1]["body"] |= {"channelType": "CHAT", "notes": True}

    explanation = explain(json.dumps(frames))

    assert sentences(explanation) == [
        "[0].body.x is not a documented field.",
        "[1].body.channelType must be 'MESSAGING'; got 'CHAT'.",
        "[1].body.notes is not a documented field.",
    ]
    assert explanation.notes == ('[0].body.authenticatedData: {"lp_sdes": []} is not sent.',)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("firstName", "firstName is not a documented field. Did you mean "
         "'[0].body.authenticatedData.lp_sdes[0].personal.firstname'? "),
        ("surname", "surname is not a documented field. Did you mean "
         "'[0].body.authenticatedData.lp_sdes[0].personal.lastname'? "),
        ("campaignID", "campaignID is not a documented field. Did you mean "
         "'[1].body.campaignInfo.campaignId'? "),
        ("zzz", "zzz is not a documented field. "),
        ("skillId", "Look at the field skillId, whose place is [1].body.skillId. "),
    ],
)  # fmt: skip
def test_a_field_that_the_service_names_is_named_and_the_one_that_is_meant(name: str, advice: str) -> None:
    body = json.dumps({"code": "BAD_REQUEST", "message": f'Unrecognized field "{name}"'})

    assert explain(f"400 {body}").answer == f"{advice}Give the request as well, to see more."


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"firstName": "A"}, "[0].body.firstName is not a documented field. Did you mean "
         "'authenticatedData.lp_sdes[0].personal.firstname'?"),
        ({"lp_sdes": []}, "[0].body.lp_sdes is not a documented field. Did you mean "
         "'authenticatedData.lp_sdes'?"),
        ({"authenticatedData": {"ctype": "vip"}}, "[0].body.authenticatedData.ctype is not a documented "
         "field. Did you mean 'authenticatedData.lp_sdes[0].info.ctype'?"),
    ],
)  # fmt: skip
def test_a_field_beside_the_sdes_is_answered_with_its_place(body: dict[str, Any], said: str) -> None:
    frames = json.loads(JSON)
    frames[0]["body"] = body

    assert sentences(explain(json.dumps(frames))) == [said]
