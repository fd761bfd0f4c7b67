"""Builders are valid from the moment they exist, and say all that is wrong with the wire's own path."""

from __future__ import annotations

import datetime
import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpnb import (
    Address,
    Age,
    Auth,
    CampaignInfo,
    Client,
    ClientProperties,
    ConsumerRequestConversation,
    Contact,
    ConversationBatch,
    ConversationContext,
    CustomerInfo,
    Day,
    InvalidValueError,
    PersonalInfo,
    RawBatch,
    Sandbox,
    Settings,
    SetUserProfile,
    page_examples,
)

DATA = Path(__file__).parent / "data"

# Every wire path of the two SDEs in the documentation, with a value for it.
CUSTOMER_FIELDS = {
    "auth.amr": ["pwd", "otp"],
    "auth.iss": "https://login.example.com",
    "info.cstatus": "cancelled",
    "info.ctype": "vip",
    "info.customerId": "138766AC",
    "info.balance": -400.99,
    "info.currency": "USD",
    "info.socialId": "11256324780",
    "info.imei": "3543546543545688",
    "info.userName": "user000",
    "info.companySize": 500,
    "info.companyBranch": "East village",
    "info.accountName": "bank corp",
    "info.role": "broker",
    "info.lastPaymentDate": {"day": 15, "month": 10, "year": 2014},
    "info.registrationDate": {"day": 1, "month": 2, "year": 2003},
    "info.loginStatus": 1,
    "info.storeZipCode": "12205",
    "info.storeNumber": "1241",
}
PERSONAL_FIELDS = {
    "auth.amr": ["face"],
    "auth.iss": "https://login.example.com",
    "personal.firstname": "John",
    "personal.lastname": "Doe",
    "personal.age.age": 34,
    "personal.age.year": 1980,
    "personal.age.month": 4,
    "personal.age.day": 15,
    "personal.contacts[].email": "john@example.com",
    "personal.contacts[].phone": "+1 212-555-0100",
    "personal.contacts[].phoneType": "MOBILE",
    "personal.contacts[].address.country": "US",
    "personal.contacts[].address.region": "North America",
    "personal.gender": "MALE",
    "personal.company": "Microsoft Ltd.",
    "personal.language": "en-US",
}


def element(kind: str, fields: dict[str, object]) -> dict[str, object]:
    """Put each value where its path says."""
    made: dict[str, object] = {"type": kind}
    for path, value in fields.items():
        here: object = made
        *parents, last = path.split(".")
        for name in parents:
            inner = here.setdefault(name.removesuffix("[]"), [{}] if name.endswith("[]") else {})
            here = inner[0] if name.endswith("[]") else inner
        here[last] = value
    return made


CUSTOMER = element("ctmrinfo", CUSTOMER_FIELDS)
PERSONAL = element("personal", PERSONAL_FIELDS)

FULL_CUSTOMER = CustomerInfo(
    ctype="vip",
    cstatus="cancelled",
    customer_id="138766AC",
    balance=-400.99,
    currency="USD",
    social_id="11256324780",
    imei="3543546543545688",
    user_name="user000",
    company_size=500,
    company_branch="East village",
    account_name="bank corp",
    role="broker",
    last_payment_date=Day(day=15, month=10, year=2014),
    registration_date=datetime.date(2003, 2, 1),
    login_status=1,
    store_zip_code="12205",
    store_number="1241",
    auth=Auth(amr=["pwd", "otp"], iss="https://login.example.com"),
)
FULL_PERSONAL = PersonalInfo(
    firstname="John",
    lastname="Doe",
    gender="MALE",
    language="en-US",
    company="Microsoft Ltd.",
    age=Age(age=34, year=1980, month=4, day=15),
    contacts=[
        Contact(
            email="john@example.com",
            phone="+1 212-555-0100",
            phone_type="MOBILE",
            address=Address(country="US", region="North America"),
        )
    ],
    auth=Auth(amr=["face"], iss="https://login.example.com"),
)


def sentences(error: InvalidValueError) -> list[str]:
    return [complaint.sentence for complaint in error.complaints]


def complaints_about(make, *args, **fields) -> list[str]:
    with pytest.raises(InvalidValueError) as caught:
        make(*args, **fields)
    return sentences(caught.value)


# The three examples of the CONVERSATION page


def minimal() -> ConversationBatch:
    return ConversationBatch(request=ConsumerRequestConversation(channel_type=None), req_ids=("1,", "2,"))


def with_sdes() -> ConversationBatch:
    return ConversationBatch(
        SetUserProfile(
            [
                CustomerInfo(social_id="1234567890", ctype="vip"),
                PersonalInfo(firstname="John", lastname="Doe", gender="MALE"),
            ]
        ),
        ConsumerRequestConversation(channel_type=None),
        req_ids=("1,", "2,"),
    )


def with_campaign() -> ConversationBatch:
    return ConversationBatch.build(
        [
            CustomerInfo(social_id="1234567890", ctype="vip"),
            PersonalInfo(firstname="John", lastname="Doe", gender="MALE"),
        ],
        ttr_def_name="NORMAL",
        campaign_info={"campaign_id": "99999", "engagement_id": "888888"},
        conversation_context=ConversationContext(
            visitor_id="A3ZTY3Zjk1MDExZTczYTU4",
            session_id="ys2wSqaSRSOJGki7VhEDKQ",
            interaction_context_id="2",
            type="SharkContext",
            lang="en-US",
        ),
        channel_type="MESSAGING",
        skill_id="-1",
        req_ids=["1,", "2,"],
    )


EXAMPLES = [("1-minimal", minimal), ("2-with-sdes", with_sdes), ("3-with-campaign", with_campaign)]


@pytest.mark.parametrize(("name", "build"), EXAMPLES)
def test_the_builders_give_the_pages_own_bodies_field_for_field(name, build):
    page = json.loads((DATA / f"{name}.json").read_text())

    assert build().to_wire("12345678") == page


@pytest.mark.parametrize(("name", "build"), EXAMPLES)
def test_the_pages_own_bodies_load_into_the_same_objects(name, build):
    text = (DATA / f"{name}.json").read_text()

    loaded = ConversationBatch.from_wire(text)

    assert loaded.profile == build().profile
    assert loaded.req_ids == ("1,", "2,")
    assert loaded.to_wire() == json.loads(text)
    assert ConversationBatch.from_wire(json.loads(text)) == loaded
    assert ConversationBatch.from_wire(text.encode()) == loaded


def test_the_examples_that_come_with_the_package_are_the_pages_own():
    made = page_examples()

    assert list(made) == ["minimal", "with SDEs", "with campaign"]
    for batch, (name, _) in zip(made.values(), EXAMPLES, strict=True):
        assert batch.to_wire("12345678") == json.loads((DATA / f"{name}.json").read_text())


@pytest.mark.parametrize(("name", "build"), EXAMPLES)
def test_the_pages_own_bodies_open_a_conversation(client, sandbox, name, build):
    reply = client.send_batch(build(), "anna")

    assert reply.outcome == "answered"
    assert [pair.req_id for pair in reply.pairs] == ["1,", "2,"]
    assert sandbox.conversations[0].request == json.loads((DATA / f"{name}.json").read_text())


# Every field of the two SDEs


def test_every_field_of_customer_info_goes_out_under_its_wire_name():
    assert FULL_CUSTOMER.to_wire() == CUSTOMER


def test_every_field_of_personal_info_goes_out_under_its_wire_name():
    assert FULL_PERSONAL.to_wire() == PERSONAL


@pytest.mark.parametrize("kind", [CustomerInfo, PersonalInfo])
def test_every_field_comes_back_from_the_wire(kind):
    wire, full = (CUSTOMER, FULL_CUSTOMER) if kind is CustomerInfo else (PERSONAL, FULL_PERSONAL)

    assert kind.from_wire(wire) == full
    assert kind.from_wire(wire).to_wire() == wire


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [("ctmrinfo", *item) for item in CUSTOMER_FIELDS.items()]
    + [("personal", *item) for item in PERSONAL_FIELDS.items() if item[0] != "personal.age.month"],
)
def test_each_field_round_trips_on_its_own(kind, path, value):
    body = {"ctmrinfo": "info", "personal": "personal"}[kind]
    fields = {path: value}
    if path == "personal.age.day":
        fields["personal.age.year"] = 1980
    wire = {body: {}, **element(kind, fields)}

    batch = ConversationBatch.from_wire(
        [
            {
                "id": "a",
                "type": "userprofile.SetUserProfile",
                "body": {"authenticatedData": {"lp_sdes": [wire]}},
            },
            {"id": "b", "type": "cm.ConsumerRequestConversation", "body": {"brandId": "1"}},
        ]
    )

    assert batch.to_wire()[0]["body"] == {"authenticatedData": {"lp_sdes": [wire]}}


def test_every_field_arrives_at_the_server(client, sandbox):
    client.create_conversation("anna", sdes=[FULL_CUSTOMER, FULL_PERSONAL])

    assert sandbox.conversations[0].profile == [CUSTOMER, PERSONAL]
    # The sandbox spells the documented fields a second time; it found none of ours odd.
    assert [warning for warning in sandbox.conversations[0].warnings if "store" not in warning] == []


def test_the_sandbox_in_strict_mode_accepts_every_documented_field():
    with Sandbox(sde_checks="strict") as sandbox:
        customer = FULL_CUSTOMER.model_copy(update={"store_zip_code": None, "store_number": None})
        with Client(Settings.of(sandbox.environment()), wait_scale=0.0) as client:
            reply = client.create_conversation("anna", sdes=[customer, FULL_PERSONAL])

    assert reply.pairs[0].message == "OK User Profile set successfully"
    assert reply.ok


def test_every_field_of_the_request_goes_out_under_its_wire_name(client, sandbox):
    client.create_conversation(
        "anna",
        ttr_def_name="PRIORITIZED",
        campaign_info=CampaignInfo(campaign_id=99999, engagement_id=888888),
        conversation_context=ConversationContext(
            visitor_id="v",
            session_id="s",
            interaction_context_id=2,
            lang="en-US",
            features=["RICH_CONTENT"],
            client_properties=ClientProperties(os="LINUX"),
        ),
        skill_id=-1,
        brand_id="12345678",
        metadata=[{"type": "ExternalId", "id": "7"}],
        extra={"custom": {"a": [1, None]}},
    )

    assert sandbox.conversations[0].request[1]["body"] == {
        "brandId": "12345678",
        "channelType": "MESSAGING",
        "ttrDefName": "PRIORITIZED",
        "campaignInfo": {"campaignId": "99999", "engagementId": "888888"},
        "conversationContext": {
            "type": "SharkContext",
            "visitorId": "v",
            "sessionId": "s",
            "interactionContextId": "2",
            "lang": "en-US",
            "features": ["RICH_CONTENT"],
            "clientProperties": {"type": ".ClientProperties", "os": "LINUX"},
        },
        "skillId": "-1",
        "metadata": [{"type": "ExternalId", "id": "7"}],
        "custom": {"a": [1, None]},
    }


def test_the_account_id_becomes_the_brand_id(client, sandbox):
    client.create_conversation("anna")

    assert sandbox.conversations[0].request[1]["body"]["brandId"] == "12345678"


def test_client_properties_travel_as_a_header_of_one_ascii_line(client, sandbox):
    client.create_conversation(
        "anna",
        client_properties={
            "features": ["AUTO_MESSAGES", "QUICK_REPLIES"],
            "appId": "ünïcode\r\nX-Other: 1",
            "deviceFamily": "MOBILE",
        },
    )

    assert sandbox.conversations[0].raw_client_properties == (
        '{"type":".ClientProperties","features":["AUTO_MESSAGES","QUICK_REPLIES"],'
        '"appId":"\\u00fcn\\u00efcode\\r\\nX-Other: 1","deviceFamily":"MOBILE"}'
    )


def test_client_properties_know_every_documented_field():
    wire = {
        "type": ".ams.headers.ClientProperties",
        "features": [
            "AUTO_MESSAGES",
            "RICH_CONTENT",
            "QUICK_REPLIES",
            "MULTI_DIALOG",
            "PHOTO_SHARING",
            "CO_BROWSE",
            "CO_APP",
            "SECURE_FORMS",
            "FILE_SHARING",
            "MARKDOWN_HYPERLINKS",
        ],
        "appId": "a",
        "appVersion": "1",
        "ipAddress": "192.0.2.1",
        "deviceFamily": "DESKTOP",
        "os": "OSX",
        "osName": "o",
        "osVersion": "v",
        "integration": "BRAND_SDK",
        "integrationVersion": "3",
        "browser": "b",
        "browserVersion": "4",
        "timeZone": "Europe/Vienna",
        "deviceManufacture": "m",
        "deviceModel": "n",
    }

    assert ClientProperties.from_wire(wire).to_wire() == wire


# What is wrong is said, all at once, with its path


def test_every_wrong_value_of_both_frames_is_named_at_once():
    said = complaints_about(
        ConversationBatch.build,
        [
            {"type": "ctmrinfo", "info": {"ctype": 7, "companySize": "many", "cType": "vip"}},
            PersonalInfo(firstname="John"),
            {"type": "personal", "personal": {"gender": "male", "age": {"month": 13, "year": 1980}}},
            {"type": "prodView"},
            {"type": "personal", "firstname": "John"},
            "personal",
        ],
        campaign_info={"campaignId": True},
        skill_id=[],
        ttr_def_name="normal",
        channel_type="SMS",
    )

    sdes = "[0].body.authenticatedData.lp_sdes"
    assert said == [
        f"{sdes}[0].info.ctype must be text; got 7.",
        f"{sdes}[0].info.companySize must be a whole number; got 'many'.",
        f"{sdes}[0].info.cType is not a documented field. Did you mean 'ctype'? "
        'To send it all the same, read it with unknown="keep".',
        f"{sdes}[2].personal.gender must be one of 'MALE', 'FEMALE', 'OTHER'; got 'male'. "
        "Did you mean 'MALE'?",
        f"{sdes}[2].personal.age.month must be at most 12; got 13.",
        f"{sdes}[3].type must be one of 'ctmrinfo', 'personal'; got 'prodView'.",
        f"{sdes}[4].firstname does not belong beside 'type' and 'personal'. "
        "The fields of personal stand inside 'personal'.",
        f"{sdes}[5] must be an object with a 'type'; got 'personal'.",
        "[1].body.channelType must be 'MESSAGING'; got 'SMS'.",
        "[1].body.ttrDefName must be one of 'NORMAL', 'URGENT', 'PRIORITIZED', 'null'; got 'normal'. "
        "Did you mean 'NORMAL'?",
        "[1].body.campaignInfo.campaignId must be an id: text, or a whole number, which is sent as text; "
        "got True.",
        "[1].body.skillId must be an id: text, or a whole number, which is sent as text; got [].",
    ]


def test_a_pasted_birth_date_is_shown_its_field():
    frames = json.loads((DATA / "3-with-campaign.json").read_text())
    personal = frames[0]["body"]["authenticatedData"]["lp_sdes"][1]["personal"]
    personal |= {"dob": "1984-03-12", "age": {"birthday": "1984-03-12"}}

    where = "[0].body.authenticatedData.lp_sdes[1].personal"
    parts = '{"year": 1984, "month": 3, "day": 12}'
    way_out = 'To send it all the same, read it with unknown="keep".'
    assert complaints_about(ConversationBatch.from_wire, frames) == [
        f"{where}.age.birthday is not a documented field. A birth date is its year, month and day: {parts}. "
        + way_out,
        f'{where}.dob is not a documented field. A birth date goes into age, such as "age": {parts}. '
        + way_out,
    ]


def test_a_pasted_batch_names_the_path_in_the_posted_array():
    frames = json.loads((DATA / "3-with-campaign.json").read_text())
    frames[0]["body"]["authenticatedData"]["lp_sdes"][1]["personal"]["gender"] = "M"

    assert complaints_about(ConversationBatch.from_wire, frames) == [
        "[0].body.authenticatedData.lp_sdes[1].personal.gender must be one of 'MALE', 'FEMALE', 'OTHER'; "
        "got 'M'. Did you mean 'MALE'?"
    ]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: PersonalInfo(gender="female"),
            "personal.gender must be one of 'MALE', 'FEMALE', 'OTHER'; got 'female'. Did you mean 'FEMALE'?",
        ),
        (
            lambda: PersonalInfo(gender="Mrs"),
            "personal.gender must be one of 'MALE', 'FEMALE', 'OTHER'; got 'Mrs'. Did you mean 'FEMALE'?",
        ),
        (
            lambda: PersonalInfo(gender="mixed"),
            "personal.gender must be one of 'MALE', 'FEMALE', 'OTHER'; got 'mixed'.",
        ),
        (lambda: PersonalInfo(firstname=b"John"), "personal.firstname must be text; got b'John'."),
        (
            lambda: PersonalInfo(firstname="a\ud800"),
            "personal.firstname must not hold half a character (a lone surrogate at position 1); "
            "got 'a\\ud800'.",
        ),
        (
            lambda: PersonalInfo(first_name="John"),
            "personal.first_name is not a documented field. Did you mean 'firstname'? "
            "To send it all the same, put it into extra={...}.",
        ),
        (
            lambda: PersonalInfo(birthday="1984-03-12"),
            "personal.birthday is not a documented field. A birth date goes into age, such as "
            "age=datetime.date(1984, 3, 12). To send it all the same, put it into extra={...}.",
        ),
        (
            lambda: PersonalInfo(Sur_name="Doe"),
            "personal.Sur_name is not a documented field. Did you mean 'lastname'? "
            "To send it all the same, put it into extra={...}.",
        ),
        (
            lambda: CustomerInfo(type="vip"),
            "info.type is not a documented field. Did you mean 'ctype'? "
            "To send it all the same, put it into extra={...}.",
        ),
        (
            lambda: CustomerInfo(dateOfBirth="1984-03-12"),
            "info.dateOfBirth is not a documented field. It is a field of PersonalInfo: "
            "PersonalInfo(age=...). To send it all the same, put it into extra={...}.",
        ),
        (
            lambda: PersonalInfo(name="John"),
            "personal.name is not a documented field. Did you mean 'lastname' or 'firstname'? "
            "To send it all the same, put it into extra={...}.",
        ),
        (
            lambda: CustomerInfo(firstname="John"),
            "info.firstname is not a documented field. It is a field of PersonalInfo: "
            "PersonalInfo(firstname=...). To send it all the same, put it into extra={...}.",
        ),
        (
            lambda: PersonalInfo(email="john@example.com"),
            "personal.email is not a documented field. It is a field of Contact: "
            "contacts=[Contact(email=...)]. To send it all the same, put it into extra={...}.",
        ),
        (
            lambda: ConsumerRequestConversation(lang="de-DE"),
            "lang is not a documented field. It is a field of ConversationContext: "
            "conversation_context=ConversationContext(lang=...). "
            "To send it all the same, put it into extra={...}.",
        ),
        (
            lambda: ConsumerRequestConversation(engagementId="888888"),
            "engagementId is not a documented field. It is a field of CampaignInfo: "
            "campaign_info=CampaignInfo(engagement_id=...). "
            "To send it all the same, put it into extra={...}.",
        ),
        (
            lambda: ConsumerRequestConversation(ctype="vip"),
            "ctype is not a documented field. It is a field of CustomerInfo: sdes=[CustomerInfo(ctype=...)]. "
            "To send it all the same, put it into extra={...}.",
        ),
        (
            lambda: ConversationContext.from_wire({"osName": "IOS"}),
            "osName is not a documented field. Did you mean "
            "'clientProperties.osName'? To send it all the same, read it with unknown=\"keep\".",
        ),
        (
            lambda: PersonalInfo(contacts=[Contact(), {"phoneType": "CELL"}]),
            "personal.contacts[1].phoneType must be one of 'HOME', 'MOBILE', 'WORK', 'FAX', 'MAIN', "
            "'HOME_FAX', 'WORK_FAX', 'PAGER', 'OTHER'; got 'CELL'.",
        ),
        (
            lambda: PersonalInfo(contacts={"email": "x"}),
            "personal.contacts must be a list; got {'email': 'x'}.",
        ),
        (
            lambda: PersonalInfo(age={"month": 4}),
            "personal.age must give the year when it does not give the age; got {'month': 4}.",
        ),
        (lambda: Age(age=34.5), "age.age must be a whole number; got 34.5."),
        (lambda: Age(age=True), "age.age must be a whole number; got True."),
        (lambda: CustomerInfo(balance="1"), "info.balance must be a number; got '1'."),
        (lambda: CustomerInfo(balance=True), "info.balance must be a number; got True."),
        (
            lambda: CustomerInfo(balance=math.nan),
            "info.balance must be a finite number: JSON has no NaN and no infinity; got nan.",
        ),
        (
            lambda: CustomerInfo(balance=-math.inf),
            "info.balance must be a finite number: JSON has no NaN and no infinity; got -inf.",
        ),
        (
            lambda: CustomerInfo(last_payment_date={"day": 1, "month": 2}),
            "info.lastPaymentDate.year is required.",
        ),
        (
            lambda: CustomerInfo(last_payment_date={"day": 32, "month": 2, "year": 2000}),
            "info.lastPaymentDate.day must be at most 31; got 32.",
        ),
        (
            lambda: CustomerInfo(last_payment_date="2014-10-15"),
            "info.lastPaymentDate must be an object {day, month, year} of whole numbers, or a "
            "datetime.date; got '2014-10-15'.",
        ),
        (lambda: CustomerInfo(auth={"iss": 5}), "auth.iss must be text; got 5."),
        (
            lambda: CustomerInfo(extra={"ctype": "vip"}),
            "info: extra must not repeat the documented field 'ctype'.",
        ),
        (
            lambda: CustomerInfo(extra={"a\ud800": 1}),
            "info: extra must not have a key that holds half a character.",
        ),
        (
            lambda: CustomerInfo(extra={"a": {1, 2}}),
            "info.extra.a must be a value that JSON has; a set is none; got {1, 2}.",
        ),
        (
            lambda: ClientProperties(app_version="x" * 33),
            "clientProperties.appVersion must have at most 32 characters; got 33.",
        ),
        (
            lambda: ClientProperties(features=["RICH"]),
            "clientProperties.features[0] must be one of 'AUTO_MESSAGES', 'RICH_CONTENT', 'QUICK_REPLIES', "
            "'MULTI_DIALOG', 'PHOTO_SHARING', 'CO_BROWSE', 'CO_APP', 'SECURE_FORMS', 'FILE_SHARING', "
            "'MARKDOWN_HYPERLINKS'; got 'RICH'.",
        ),
        (
            lambda: ConversationContext(language="en-US"),
            "conversationContext.language is not a documented field. Did you mean 'lang'? "
            "To send it all the same, put it into extra={...}.",
        ),
        (
            lambda: SetUserProfile([PersonalInfo()], extra=5),
            "extra must be an object; got 5.",
        ),
        (
            lambda: SetUserProfile([PersonalInfo()], extra={"authenticatedData": 5}),
            "extra.authenticatedData must be an object; got 5.",
        ),
        (
            lambda: SetUserProfile(PersonalInfo()),
            "authenticatedData.lp_sdes must be a list of SDEs; got PersonalInfo(). "
            "Put it into square brackets.",
        ),
        (
            lambda: ConversationBatch(profile=PersonalInfo()),
            "profile must be a SetUserProfile; got PersonalInfo().",
        ),
        (
            lambda: ConversationBatch(req_ids=("1",)),
            "req_ids must hold one id a frame, 2 in all; got 1.",
        ),
        (
            lambda: ConversationBatch(req_ids=("1", "1")),
            "[1].id must differ from the other frames' ids; got '1'.",
        ),
        (lambda: ConversationBatch(req_ids=("", "1")), "[0].id must have 1 to 64 characters; got 0."),
        (lambda: ConversationBatch(req_ids=("x" * 65, "1")), "[0].id must have 1 to 64 characters; got 65."),
        (
            lambda: ConversationBatch(req_ids=("1", 2.5)),
            "[1].id must be text of 1 to 64 characters; got 2.5.",
        ),
        (
            lambda: ConversationBatch(req_ids=("1", "\ud800")),
            "[1].id must not hold half a character (a lone surrogate); got '\\ud800'.",
        ),
        (
            lambda: ConversationBatch(req_ids="12"),
            "req_ids must be a list of ids, one a frame; got '12'.",
        ),
        (
            lambda: ConversationBatch(more=[{"id": "3", "body": {}}]),
            "[2].type must be text; got None.",
        ),
    ],
)
def test_each_complaint_has_one_wording(make, sentence):
    assert complaints_about(make) == [sentence]


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        (
            "[]",
            "frames must hold at least two frames, userprofile.SetUserProfile and then "
            "cm.ConsumerRequestConversation; got 0.",
        ),
        ("{}", "frames must be an array of frames; got {}."),
        (7, "frames must be an array of frames; got 7."),
        ("[", "frames are not JSON: Expecting value at line 1, column 2."),
        (b"\xff", "frames are not JSON: byte 0 is not UTF-8."),
        ('[{"id": "1", "id": "2"}]', "frames are not JSON: the key 'id' occurs twice in one object."),
    ],
)
def test_what_is_not_an_array_of_frames_is_refused(frames, sentence):
    assert complaints_about(ConversationBatch.from_wire, frames) == [sentence]


PROFILE = {"kind": "req", "id": "1", "type": "userprofile.SetUserProfile", "body": {}}
REQUEST = {"kind": "req", "id": "2", "type": "cm.ConsumerRequestConversation", "body": {"brandId": "1"}}


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (
            [REQUEST, PROFILE],
            [
                "[0].type must be 'userprofile.SetUserProfile'; got 'cm.ConsumerRequestConversation'.",
                "[1].type must be 'cm.ConsumerRequestConversation'; got 'userprofile.SetUserProfile'.",
            ],
        ),
        (
            [PROFILE, {**REQUEST, "type": "cm.ConsumerRequestConversations"}],
            ["[1].type must be 'cm.ConsumerRequestConversation'; got 'cm.ConsumerRequestConversations'."],
        ),
        ([{**PROFILE, "kind": "resp"}, REQUEST], ["[0].kind must be 'req'; got 'resp'."]),
        ([{**PROFILE, "ID": "1"}, REQUEST], ["[0].ID is not a field of a frame."]),
        ([{**PROFILE, "a\udfff": "1"}, REQUEST], ["[0].a\ufffd is not a field of a frame."]),
        ([{**PROFILE, "metadata": []}, REQUEST], ["[0].metadata is not a field of a frame."]),
        (["x", REQUEST], ["[0] must be a frame, an object with id, type and body; got 'x'."]),
        ([{**PROFILE, "body": None}, REQUEST], ["[0].body must be an object, {} at the least; got None."]),
        ([PROFILE, {**REQUEST, "body": []}], ["[1].body must be an object; got []."]),
        ([{**PROFILE, "id": None}, REQUEST], ["[0].id must be text of 1 to 64 characters; got None."]),
        ([{**PROFILE, "id": True}, REQUEST], ["[0].id must be text of 1 to 64 characters; got True."]),
        (
            [{**PROFILE, "body": {"authenticatedData": {"lp_sdes": {}}}}, REQUEST],
            [
                "[0].body.authenticatedData.lp_sdes must be a list of SDEs; got {}. "
                "Put it into square brackets."
            ],
        ),
        (
            [{**PROFILE, "body": {"authenticatedData": []}}, REQUEST],
            ["[0].body.authenticatedData must be an object; got []."],
        ),
        (
            [{**PROFILE, "body": {"firstName": "A", "authenticatedData": {"x": 1}}}, REQUEST],
            [
                "[0].body.firstName is not a documented field. Did you mean "
                "'authenticatedData.lp_sdes[0].personal.firstname'? To send it all the same, read it with "
                'unknown="keep".',
                "[0].body.authenticatedData.x is not a documented field. To send it all the same, read it "
                'with unknown="keep".',
            ],
        ),
        (
            [
                {
                    **PROFILE,
                    "body": {
                        "authenticatedData": {
                            "lp_sdes": [{"type": "ctmrinfo", "info": {"auth": {"iss": "x"}}}]
                        }
                    },
                },
                REQUEST,
            ],
            [
                "[0].body.authenticatedData.lp_sdes[0].info.auth does not belong inside 'info'; "
                "it stands beside it."
            ],
        ),
        (
            [
                {
                    **PROFILE,
                    "body": {
                        "authenticatedData": {
                            "lp_sdes": [{"type": "ctmrinfo", "info": {}, "auth": {"amr": ["password"]}}]
                        }
                    },
                },
                REQUEST,
            ],
            [
                "[0].body.authenticatedData.lp_sdes[0].auth.amr[0] must be one of 'face', 'fpt', 'geo', "
                "'hwk', 'iris', 'kba', 'mca', 'mfa', 'otp', 'pin', 'pwd', 'rba', 'retina', 'sc', 'sms', "
                "'swk', 'tel', 'user', 'vbm', 'wia'; got 'password'."
            ],
        ),
        (
            [PROFILE, {**REQUEST, "body": {"brandId": "1", "extra": {}}}],
            [
                "[1].body.extra is not a documented field. To send it all the same, read it with "
                'unknown="keep".'
            ],
        ),
        (
            [PROFILE, {**REQUEST, "body": {"brand_id": "1"}}],
            [
                "[1].body.brand_id is not a documented field. Did you mean 'brandId'? To send it all the "
                'same, read it with unknown="keep".'
            ],
        ),
    ],
)
def test_a_wrong_frame_is_named_by_its_place(frames, said):
    assert complaints_about(ConversationBatch.from_wire, frames) == said


def test_a_wrong_header_is_named_as_the_header():
    assert complaints_about(ConversationBatch.build, client_properties={"os": "BEOS", "osname": "x"}) == [
        "Client-Properties.os must be one of 'WINDOWS', 'LINUX', 'OSX', 'ANDROID', 'IOS', 'OTHER'; "
        "got 'BEOS'.",
        "Client-Properties.osname is not a documented field. Did you mean 'osName'? "
        'To send it all the same, read it with unknown="keep".',
    ]


def test_several_complaints_are_one_readable_message():
    with pytest.raises(InvalidValueError) as caught:
        PersonalInfo(gender="x", firstname=1)

    assert str(caught.value) == (
        "2 values are wrong:\n"
        "  - personal.firstname must be text; got 1.\n"
        "  - personal.gender must be one of 'MALE', 'FEMALE', 'OTHER'; got 'x'."
    )
    assert [complaint.path for complaint in caught.value.complaints] == [
        "personal.firstname",
        "personal.gender",
    ]
    assert isinstance(caught.value, ValueError)


def test_a_long_value_is_shortened_in_a_complaint():
    (said,) = complaints_about(PersonalInfo, gender="x" * 10_000)

    assert len(said) < 200


def test_a_number_too_long_to_be_shown_is_still_refused_in_words():
    for make in (
        lambda: PersonalInfo(firstname=10**5000),
        lambda: CustomerInfo(balance=10**5000),
        lambda: CustomerInfo(company_size=10**5000),
        lambda: CampaignInfo(campaign_id=10**5000),
        lambda: CustomerInfo(extra={"a": 10**5000}),
        lambda: ConversationBatch(req_ids=(10**5000, "2")),
    ):
        complaints_about(make)


# What is not documented passes on purpose only


def test_brand_specific_fields_pass_on_purpose():
    assert CustomerInfo(ctype="vip", extra={"loyaltyTier": {"level": 7}}).to_wire() == {
        "type": "ctmrinfo",
        "info": {"ctype": "vip", "loyaltyTier": {"level": 7}},
    }


def test_pasted_frames_with_unknown_fields_are_kept_on_purpose_and_go_out_unchanged():
    frames = [
        {
            "kind": "req",
            "id": "1",
            "type": "userprofile.SetUserProfile",
            "body": {
                "firstName": "John",
                "authenticatedData": {
                    "other": [1],
                    "lp_sdes": [
                        {"type": "ctmrinfo", "info": {"ctype": "vip", "tier": 7, "extra": "x"}},
                        {"type": "personal", "personal": {"contacts": [{"fax": "1"}]}},
                    ],
                },
            },
        },
        {
            "kind": "req",
            "id": "2",
            "type": "cm.ConsumerRequestConversation",
            "body": {"brandId": "1", "campaignInfo": {"revision": 3}, "custom": None},
        },
        {
            "kind": "req",
            "id": "3",
            "type": "ms.PublishEvent",
            "body": {"event": {"type": "ContentEvent", "contentType": "text/plain", "message": "Hi"}},
            "metadata": [{"type": "ExternalId", "id": "7"}],
        },
    ]

    assert ConversationBatch.from_wire(frames, unknown="keep").to_wire() == frames
    assert len(complaints_about(ConversationBatch.from_wire, frames)) == 7


def test_keep_keeps_strangers_and_not_mistakes():
    frames = [{**PROFILE, "body": {"authenticatedData": {"lp_sdes": [{"type": "personal", "personal": {
        "gender": "x", "shoe": 44}}]}}}, REQUEST]  # fmt: skip

    assert complaints_about(ConversationBatch.from_wire, frames, unknown="keep") == [
        "[0].body.authenticatedData.lp_sdes[0].personal.gender must be one of 'MALE', 'FEMALE', 'OTHER'; "
        "got 'x'."
    ]


def test_what_to_do_with_strangers_is_one_of_two():
    assert complaints_about(ConversationBatch.from_wire, [PROFILE, REQUEST], unknown="kept") == [
        "unknown must be one of 'refuse', 'keep'; got 'kept'. Did you mean 'keep'?"
    ]


# Ids


def test_ids_are_fresh_for_each_posting_unless_given():
    batch = ConversationBatch()

    first, second = batch.outgoing("1"), batch.outgoing("1")

    assert len({req_id for req_id, _ in (*first.requests, *second.requests)}) == 4
    assert [kind for _, kind in first.requests] == [
        "userprofile.SetUserProfile",
        "cm.ConsumerRequestConversation",
    ]


@pytest.mark.parametrize("ids", [("1,", "2,"), ("x" * 64, "é ☕"), (5, 6)])
def test_given_ids_survive_as_text(ids):
    wire = ConversationBatch(req_ids=ids).to_wire("1")

    assert [frame["id"] for frame in wire] == [str(req_id) for req_id in ids]


def test_pasted_frames_get_fresh_ids_on_request():
    batch = ConversationBatch.from_wire([PROFILE, REQUEST], keep_ids=False)

    assert batch.req_ids is None
    assert {frame["id"] for frame in batch.to_wire()}.isdisjoint({"1", "2"})


# Raw batches


@pytest.mark.parametrize(
    "content",
    [
        b'[ {"id":"1,","type":"userprofile.SetUserProfile","body":{}} ,\n'
        b'{"id":"2,","type":"cm.ConsumerRequestConversation","body":{"brandId":"12345678"}} ]',
        '[{"type":"userprofile.SetUserProfile","id":"é","body":{}},{"id":"2",'
        '"type":"cm.ConsumerRequestConversation","body":{"brandId":"12345678","x":"☕"}}]',
    ],
)
def test_a_raw_batch_arrives_byte_for_byte(client, sandbox, content):
    reply = client.send_batch(RawBatch(content), "anna")

    sent = content.decode() if isinstance(content, bytes) else content
    assert sandbox.conversations[0].raw_request == sent
    assert reply.outcome == "answered"


@pytest.mark.parametrize("content", [b"", b"not json", b"{}", b"[]", b"[1]", b"\xff\x00", b"[" * 2000])
def test_a_raw_batch_may_be_nonsense_and_the_service_says_so(client, sandbox, content):
    reply = client.send_batch(RawBatch(content), "anna")

    assert reply.outcome == "refused"
    assert reply.http_status == 400
    assert sandbox.conversations == []


def test_json_text_that_is_not_marked_raw_is_checked_first(client, sandbox):
    with pytest.raises(InvalidValueError, match="must hold at least two frames"):
        client.send_batch("[]", "anna")

    assert dict(sandbox.calls) == {}


# Whatever anybody types

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["personal", "ctmrinfo", "MALE", "1", "SharkContext"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["type", "info", "personal", "auth", "ctype", "age", "contacts", "gender", "extra", "iss", "day",
             "year", "month", "balance", "lastPaymentDate", "campaignInfo", "conversationContext", "brandId",
             "authenticatedData", "lp_sdes", "id", "body", "kind", "features", "metadata"]
        )
        | st.text(st.characters(), max_size=5),
        inner,
        max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)


def optional(strategy):
    return st.none() | strategy


CUSTOMERS = st.builds(
    CustomerInfo,
    ctype=optional(TEXT),
    customer_id=optional(TEXT),
    balance=optional(NUMBERS),
    company_size=optional(st.integers()),
    last_payment_date=optional(st.dates()),
    login_status=optional(st.integers()),
    auth=optional(
        st.builds(Auth, amr=optional(st.lists(st.sampled_from(["pwd", "otp"]))), iss=optional(TEXT))
    ),
    extra=st.dictionaries(TEXT.map(lambda key: f"x-{key}"), TEXT | NUMBERS | st.none(), max_size=3),
)
PERSONS = st.builds(
    PersonalInfo,
    firstname=optional(TEXT),
    gender=optional(st.sampled_from(["MALE", "FEMALE", "OTHER"])),
    age=optional(st.dates() | st.builds(Age, age=st.integers())),
    contacts=optional(
        st.lists(
            st.builds(
                Contact,
                email=optional(TEXT),
                phone_type=optional(st.sampled_from(["HOME", "PAGER"])),
                address=optional(st.builds(Address, country=optional(TEXT))),
            ),
            max_size=3,
        )
    ),
)
BATCHES = st.builds(
    ConversationBatch.build,
    st.lists(CUSTOMERS | PERSONS, max_size=3),
    campaign_info=optional(st.builds(CampaignInfo, campaign_id=optional(TEXT | st.integers()))),
    conversation_context=optional(
        st.builds(ConversationContext, visitor_id=optional(TEXT), lang=optional(TEXT))
    ),
    skill_id=optional(TEXT),
    channel_type=st.sampled_from([None, "MESSAGING"]),
    brand_id=TEXT,
)


@given(CUSTOMERS | PERSONS)
def test_any_sde_comes_back_from_the_wire_as_it_was(sde):
    wire = json.loads(json.dumps(sde.to_wire()))

    back = type(sde).from_wire(wire, unknown="keep")

    assert back.to_wire() == sde.to_wire()
    assert type(sde).from_wire(back.to_wire(), unknown="keep") == back


@given(BATCHES)
def test_any_batch_comes_back_from_its_bytes_as_it_was(batch):
    sent = batch.outgoing("12345678")

    back = ConversationBatch.from_wire(sent.content, unknown="keep")

    assert back.to_wire() == json.loads(sent.content)
    assert [req_id for req_id, _ in sent.requests] == [frame["id"] for frame in json.loads(sent.content)]


@given(ANY_JSON)
def test_arbitrary_values_are_read_or_refused_and_nothing_else(value):
    frames = [{**PROFILE, "body": value}, {**REQUEST, "body": value}]
    for read in (
        lambda: CustomerInfo.from_wire(value),
        lambda: PersonalInfo.from_wire(value, unknown="keep"),
        lambda: ConsumerRequestConversation.from_wire(value),
        lambda: ClientProperties.from_wire(value, unknown="keep"),
        lambda: ConversationBatch.from_wire(value),
        lambda: ConversationBatch.from_wire(frames),
        lambda: ConversationBatch.from_wire(frames, unknown="keep"),
        lambda: SetUserProfile([value]),
        lambda: SetUserProfile(extra={"a": value}),
        lambda: CustomerInfo(extra={"x": value}),
        lambda: ConversationBatch(req_ids=(value, "2")),
    ):
        try:
            made = read()
        except InvalidValueError as error:
            said = [complaint.sentence for complaint in error.complaints]
            assert said
            assert all(said)
            str(error).encode()
        else:
            json.dumps(made.to_wire(), ensure_ascii=False, allow_nan=False).encode()


@given(st.binary() | st.text(st.characters()))
def test_arbitrary_text_is_read_or_refused_and_nothing_else(text):
    with pytest.raises(InvalidValueError):
        ConversationBatch.from_wire(text)


@pytest.fixture(scope="module")
def shared():
    """One sandbox and one client for many small sends."""
    with Sandbox() as sandbox, Client(Settings.of(sandbox.environment()), wait_scale=0.0) as client:
        yield sandbox, client


@given(TEXT, TEXT.filter(lambda text: text.strip()).filter(lambda text: len(text) <= 1000))
def test_any_text_arrives_exactly(shared, text, consumer_id):
    sandbox, client = shared
    sandbox.reset()

    reply = client.create_conversation(consumer_id, sdes=[PersonalInfo(firstname=text, extra={"x": text})])

    assert reply.outcome == "answered"
    (received,) = sandbox.conversations
    assert received.ext_consumer_id == consumer_id
    assert received.profile == [{"type": "personal", "personal": {"firstname": text, "x": text}}]


@pytest.mark.parametrize(
    "text",
    [
        "x" * 10_000,
        "☕" * 10_000,
        "\x00\x01\x1f\x7f\x85\u2028\u2029\ufeff",
        "<script>alert(1)</script>",
        "'; DROP TABLE consumers; --",
        '"},{"id":"3',
        "${HOME} %s {0}",
        "e\u0301 vs é",
        "\u202eright to left",
        "👩\u200d👩\u200d👧",
    ],
    ids=lambda text: re.sub(r"\W", "", text)[:12],
)
def test_hostile_text_arrives_exactly(shared, text):
    sandbox, client = shared
    sandbox.reset()

    client.create_conversation("anna", sdes=[PersonalInfo(firstname=text)])

    assert sandbox.conversations[0].profile[0]["personal"]["firstname"] == text
    assert json.dumps(text, ensure_ascii=False) in sandbox.conversations[0].raw_request


def test_fields_are_given_by_name():
    with pytest.raises(TypeError) as caught:
        PersonalInfo("John")

    assert str(caught.value) == "PersonalInfo takes its fields by name, such as PersonalInfo(firstname=...)"
