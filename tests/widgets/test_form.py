"""What the form holds, what it says about it, and what goes out."""

from __future__ import annotations

import datetime
import html
import re
from collections.abc import Callable
from typing import Any

import ipywidgets
import pytest

import lpnb
from lpnb import BatchResponse, Composer, Sandbox, responses_table
from lpnb.models.sdes import CustomerInfo, PersonalInfo
from lpnb.widgets import html_views

Press = Callable[[Composer], BatchResponse | None]
Widgets = Callable[[], list[Any]]
HOSTILE = [
    "<script>window.evil=1</script>",
    '"><img src=x onerror="window.evil=1">',
    "</pre></code></style><b>&amp;",
    "x" * 10_000,
    "\u202eright to left\u202c שלום",
    "👩‍👩‍👧‍👦 é \u0000 \t",
    " leading and trailing ",
]


def shown(composer: Composer) -> list[str]:
    """The frames as the preview shows them, without markup."""
    code = re.search("<code>(.*)</code>", composer.batch_form.preview.value, re.DOTALL)
    assert code
    lines = re.findall(r'<span class="l[ \w]*">(.*?)</span>(?=<span class="l|$)', code[1], re.DOTALL)
    return [html.unescape(re.sub("<[^>]+>", "", line)) for line in lines]


def marked(composer: Composer, kind: str) -> list[str]:
    """The lines of the preview with the mark *kind*: "c" for changed, "w" for wrong."""
    found = re.findall(
        rf'<span class="l {kind}">(.*?)</span>(?=<span class="l|</code>)', composer.batch_form.preview.value
    )
    return [html.unescape(re.sub("<[^>]+>", "", line)).strip() for line in found]


def text_fields(composer: Composer) -> list[str]:
    for fold in composer.batch_form.collapsible_sections.values():
        fold.show(True)
    return [key for key in composer.fields if type(composer.field(key)) is ipywidgets.Text]


def test_there_is_a_field_for_every_documented_value_of_both_sdes(composer: Composer) -> None:
    places = {re.sub(r"\[\d\]", "", key) for key in composer.fields}

    customer = {f"ctmrinfo.{name}" for name in CustomerInfo.wire_names()}
    personal = {f"personal.{name}" for name in PersonalInfo.wire_names()}

    assert customer - places == {"ctmrinfo.auth"}
    assert personal - places == {"personal.age", "personal.contacts", "personal.auth"}
    assert {place for place in places if place.startswith(("personal.age", "personal.contacts"))} == {
        "personal.age.age", "personal.age.year", "personal.age.month", "personal.age.day",
        "personal.contacts.email", "personal.contacts.phone", "personal.contacts.phoneType",
        "personal.contacts.address.country", "personal.contacts.address.region",
    }  # fmt: skip


def test_an_untouched_composer_posts_the_two_frames_with_nothing_in_them(composer: Composer) -> None:
    assert composer.batch is not None
    assert [frame["body"] for frame in composer.batch.to_wire("12345678")] == [
        {},
        {"brandId": "12345678", "channelType": "MESSAGING"},
    ]
    assert composer.complaints == ()
    assert composer.response is None


def test_only_what_is_filled_in_is_posted(composer: Composer) -> None:
    composer.field("personal.firstname").value = "John"
    composer.field("personal.gender").value = "MALE"
    composer.field("personal.contacts[1].email").value = "john@example.com"
    composer.field("ctmrinfo.companySize").value = "500"
    composer.field("ctmrinfo.balance").value = "-400.99"
    composer.field("ctmrinfo.lastPaymentDate").value = datetime.date(2014, 10, 15)
    composer.field("request.campaignInfo.campaignId").value = "99999"
    composer.field("request.conversationContext.lang").value = "en-US"
    composer.field("personal.lastname").value = "typed"
    composer.field("personal.lastname").value = ""

    assert composer.batch is not None
    profile, request = (frame["body"] for frame in composer.batch.to_wire("12345678"))
    assert profile["authenticatedData"]["lp_sdes"] == [
        {
            "type": "ctmrinfo",
            "info": {
                "balance": -400.99,
                "companySize": 500,
                "lastPaymentDate": {"day": 15, "month": 10, "year": 2014},
            },
        },
        {
            "type": "personal",
            "personal": {
                "firstname": "John",
                "gender": "MALE",
                "contacts": [{"email": "john@example.com"}],
            },
        },
    ]
    assert request == {
        "brandId": "12345678",
        "channelType": "MESSAGING",
        "campaignInfo": {"campaignId": "99999"},
        "conversationContext": {"type": "SharkContext", "lang": "en-US"},
    }


def test_the_preview_shows_what_is_posted_and_marks_what_changed(composer: Composer) -> None:
    composer.field("personal.firstname").value = "John"
    composer.field("personal.gender").value = "MALE"

    assert shown(composer)[8:15] == [
        "          {",
        '            "type": "personal",',
        '            "personal": {',
        '              "firstname": "John",',
        '              "gender": "MALE"',
        "            }",
        "          }",
    ]
    assert shown(composer)[3] == '    "id": made fresh for each send,'
    assert marked(composer, "c") == ['"gender": "MALE"']


@pytest.mark.parametrize(
    ("key", "typed", "sentence"),
    [
        (
            "personal.gender",
            "male",
            "gender must be one of 'MALE', 'FEMALE', 'OTHER'; got 'male'. Did you mean 'MALE'?",
        ),
        ("ctmrinfo.companySize", "abc", "companySize must be a whole number; got 'abc'."),
        ("ctmrinfo.companySize", "1.5", "companySize must be a whole number; got 1.5."),
        ("ctmrinfo.balance", "1,50", "balance must be a number; got '1,50'."),
        (
            "ctmrinfo.balance",
            "1e999",
            "balance must be a finite number: JSON has no NaN and no infinity; got inf.",
        ),
        ("personal.age.month", "13", "month must be at most 12; got 13."),
        (
            "personal.age.month",
            "4",
            "age must give the year when it does not give the age; got {'month': 4}.",
        ),
        (
            "personal.company",
            "\ud800",
            "company must not hold half a character (a lone surrogate at position 0)",
        ),
        ("consumer_id", "  ", "consumer_id must not be blank."),
    ],
)
def test_a_complaint_stands_at_the_field_it_is_about(
    composer: Composer, key: str, typed: str, sentence: str
) -> None:
    if key == "consumer_id":
        composer.consumer_id.value = typed
        note = composer.batch_form.consumer_note
    else:
        composer.field(key).value = typed
        groups = [
            composer.batch_form.who,
            composer.batch_form.where,
            *(fold.group for fold in composer.batch_form.collapsible_sections.values()),
        ]
        group = next(group for group in groups if group is not None and key in group._widgets)
        note = group._notes[key]
        rows = group.rows()
        assert rows[rows.index(composer.field(key)) + 1] is note
        assert note in group._container().children
        assert "lpnb-wrong" in composer.field(key)._dom_classes

    assert html.unescape(note.value).startswith(f'<b role="alert">{sentence}')
    assert len(composer.complaints) == 1
    assert "Not sendable yet: 1 value is wrong" in composer.batch_form.complaint_summary.value


def test_a_complaint_goes_when_the_value_is_put_right(composer: Composer) -> None:
    size = composer.field("ctmrinfo.companySize")
    size.value = "abc"
    assert composer.batch is None
    assert marked(composer, "w") == ['"companySize": "abc"']

    size.value = "12"

    assert composer.batch is not None
    assert "lpnb-wrong" not in size._dom_classes
    assert (
        "<b"
        not in composer.batch_form.collapsible_sections["ctmrinfo"].group._notes["ctmrinfo.companySize"].value
    )


def test_a_closed_fold_says_how_much_is_filled_in_and_wrong(composer: Composer) -> None:
    fold = composer.batch_form.collapsible_sections["ctmrinfo"]
    composer.field("ctmrinfo.companySize").value = "abc"
    composer.field("ctmrinfo.role").value = "broker"
    assert fold.button.description == "Less about the customer"

    fold.button.click()

    assert fold.button.description == "More about the customer · 2 filled · 1 to fix"


def test_advice_is_shown_with_its_source(composer: Composer) -> None:
    composer.field("request.skillId").value = "42"

    assert "a fixed skillId is discouraged." in composer.batch_form.hints.value
    assert "<code>[1].body.skillId</code> · Send API, CONVERSATION" in composer.batch_form.hints.value
    assert [hint.path for hint in composer.advice] == [
        "[0].body.authenticatedData.lp_sdes",
        "[1].body.skillId",
    ]


#: The sandbox takes no longer ids than 64 characters.
IDS = ("request.campaignInfo.campaignId", "request.campaignInfo.engagementId", "request.skillId")


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_hostile_text_in_every_field_arrives_byte_exact_and_is_shown_as_text(
    composer: Composer, sandbox: Sandbox, press: Press, widgets: Widgets, text: str
) -> None:
    keys = [key for key in text_fields(composer) if composer.batch_form.form.fields[key].kind == "text"]
    for key in keys:
        # Our account id is checked by the service, and a consumer's id is its own affair.
        if key != "request.brandId":
            composer.field(key).value = text[:64] if key in IDS else text

    response = press(composer)

    assert response is not None
    assert response.ok, response
    conversation = sandbox.conversations[-1]
    customer, personal = conversation.profile
    names = [key.removeprefix("ctmrinfo.") for key in keys if key.startswith("ctmrinfo.")]
    assert customer == {"type": "ctmrinfo", "info": dict.fromkeys(names, text)}
    contact = {"email": text, "phone": text, "address": {"country": text, "region": text}}
    assert personal["personal"] == {
        **dict.fromkeys(("firstname", "lastname", "language", "company"), text),
        "contacts": [contact, contact],
    }
    assert conversation.body["campaignInfo"] == {"campaignId": text[:64], "engagementId": text[:64]}
    assert conversation.body["skillId"] == text[:64]
    for widget in widgets():
        if isinstance(widget, ipywidgets.HTML):
            assert not re.search("<script|<img|</pre></code>", widget.value)


def test_hostile_text_is_escaped_where_it_is_wrong_too(composer: Composer, widgets: Widgets) -> None:
    for key in text_fields(composer):
        composer.field(key).value = HOSTILE[1]

    assert composer.batch is None
    assert len(composer.complaints) == 7
    bundle = composer._repr_mimebundle_()
    values = [str(widget.value) for widget in widgets() if hasattr(widget, "value")]
    for value in [bundle["text/html"], *values]:
        if value != HOSTILE[1]:
            assert "<img" not in value


def test_hostile_answers_are_shown_as_text(composer: Composer, sandbox: Sandbox, press: Press) -> None:
    sandbox.fail("conversation", "status", code=400, body='[{"code":"<img src=x>","reqId":"<script>"}]')

    press(composer)

    assert "<img" not in composer._answers.value + composer.sender.status.value
    assert "<img" not in composer._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("name", ["minimal", "with SDEs", "with campaign"])
def test_the_pages_examples_load_and_come_out_the_same(composer: Composer, name: str) -> None:
    example = lpnb.page_examples()[name]

    composer.load(example)

    assert composer.batch is not None
    came = [frame["body"] for frame in composer.batch.to_wire("12345678")]
    assert came == [frame["body"] for frame in example.to_wire("12345678")]
    assert composer.batch_form.form.other_values == []
    assert composer.batch.req_ids is None


def test_loading_fills_the_fields_and_opens_the_folds_that_hold_something(composer: Composer) -> None:
    composer.load(lpnb.page_examples()["with campaign"])

    assert composer.field("personal.firstname").value == "John"
    assert composer.field("personal.gender").value == "MALE"
    assert composer.field("ctmrinfo.socialId").value == "1234567890"
    assert composer.field("request.ttrDefName").value == "NORMAL"
    assert [place for place, fold in composer.batch_form.collapsible_sections.items() if fold._open] == [
        "ctmrinfo",
        "request",
    ]


def test_what_has_no_field_is_carried_along_and_said(composer: Composer) -> None:
    batch = lpnb.ConversationBatch.build(
        [
            lpnb.CustomerInfo(
                ctype="vip",
                extra={"loyaltyTier": "7"},
                last_payment_date=lpnb.Day(day=31, month=2, year=2020),
            ),
            lpnb.PersonalInfo(firstname="", auth=lpnb.Auth(amr=["pwd"])),
            lpnb.PersonalInfo(firstname="Twice"),
        ],
        client_properties=lpnb.ClientProperties(os="IOS"),
        metadata=[{"type": "x"}],
    )

    composer.load(batch)

    assert composer.batch is not None
    assert [f["body"] for f in composer.batch.to_wire()] == [f["body"] for f in batch.to_wire()]
    assert composer.batch.client_properties == batch.client_properties
    assert composer.field("personal.firstname").value == "Twice"
    assert composer.field("ctmrinfo.lastPaymentDate").value is None
    assert "loaded values without a field: carried along." in composer.batch_form.preview.value
    assert "Client-Properties: " in composer.batch_form.preview.value


def test_a_field_wins_over_what_was_carried(composer: Composer) -> None:
    composer.load(
        lpnb.ConversationBatch.build(
            [lpnb.CustomerInfo(last_payment_date=lpnb.Day(day=31, month=2, year=2020))]
        )
    )

    composer.field("ctmrinfo.lastPaymentDate").value = datetime.date(2020, 2, 29)

    assert composer.batch is not None
    assert composer.batch.profile.to_wire()["authenticatedData"]["lp_sdes"] == [
        {"type": "ctmrinfo", "info": {"lastPaymentDate": {"day": 29, "month": 2, "year": 2020}}}
    ]


def test_frames_as_text_are_loaded_and_wrong_ones_refused_with_their_path(composer: Composer) -> None:
    composer.load(
        '[{"kind":"req","id":"1,","type":"userprofile.SetUserProfile","body":{}},'
        '{"kind":"req","id":"2,","type":"cm.ConsumerRequestConversation","body":{"skillId":"-1"}}]'
    )
    assert composer.field("request.skillId").value == "-1"

    with pytest.raises(lpnb.InvalidValueError) as caught:
        composer.load(
            [
                {"id": "1", "type": "userprofile.SetUserProfile", "body": {}},
                {"id": "2", "type": "cm.ConsumerRequestConversation", "body": {"skill": "7"}},
            ]
        )

    assert [complaint.path for complaint in caught.value.complaints] == ["[1].body.skill"]
    assert composer.field("request.skillId").value == "-1"


def test_clear_empties_every_field_and_takes_a_fresh_consumer(composer: Composer) -> None:
    composer.load(lpnb.page_examples()["with campaign"])
    before = composer.consumer_id.value

    composer._clear_button.click()

    assert composer.consumer_id.value != before
    assert composer.batch is not None
    assert [frame["body"] for frame in composer.batch.to_wire()] == [{}, {"channelType": "MESSAGING"}]
    assert composer.field("personal.firstname").value == ""


def test_the_panels_table_has_the_columns_of_responses_table() -> None:
    assert list(responses_table([]).columns) == list(html_views.COLUMNS)


def test_an_unknown_field_is_a_key_error(composer: Composer) -> None:
    with pytest.raises(KeyError, match="firstName"):
        composer.field("personal.firstName")


def test_a_failure_while_checking_is_said_in_the_panel(
    composer: Composer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lpnb.widgets.form.batch_form.advise", lambda *_: 1 / 0)

    composer.field("personal.firstname").value = "John"

    assert composer.sender.status.value == (
        '<span role="status" data-state="failed">ZeroDivisionError: division by zero</span>'
    )


def test_the_fields_a_wrong_letter_can_upset_have_their_note_from_the_start(composer: Composer) -> None:
    for fold in composer.batch_form.collapsible_sections.values():
        fold.show(True)

    without = [
        key
        for group in (
            composer.batch_form.who,
            composer.batch_form.where,
            *(fold.group for fold in composer.batch_form.collapsible_sections.values()),
        )
        if group is not None
        for key in group._widgets
        if key not in group._notes
        and composer.batch_form.form.fields[key].kind in ("choice", "whole", "number")
    ]

    assert without == []
