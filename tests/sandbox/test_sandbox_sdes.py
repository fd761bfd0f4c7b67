"""Section 7 of the reference: what is published about Customer Info and Personal Info."""

import pytest

from lpnb.sandbox.services.sde_checks import findings

EVERY_FIELD = [
    {
        "type": "ctmrinfo",
        "info": {
            "cstatus": "cancelled",
            "ctype": "vip",
            "customerId": "138766AC",
            "balance": -400.99,
            "currency": "USD",
            "socialId": "11256324780",
            "imei": "3543546543545688",
            "userName": "user000",
            "companySize": 500,
            "companyBranch": "East village",
            "accountName": "bank corp",
            "role": "broker",
            "lastPaymentDate": {"day": 15, "month": 10, "year": 2014},
            "registrationDate": {"day": 23, "month": 5, "year": 2013},
            "loginStatus": 1,
        },
    },
    {
        "type": "personal",
        "personal": {
            "firstname": "John",
            "lastname": "Doe",
            "age": {"age": 34, "year": 1980, "month": 4, "day": 15},
            "contacts": [
                {
                    "email": "john@example.com",
                    "phone": "+1 10-344-3765333",
                    "phoneType": "MOBILE",
                    "address": {"country": "US", "region": "NY"},
                }
            ],
            "gender": "MALE",
            "company": "company",
            "language": "en-US",
        },
    },
]

UNUSUAL = [
    ({"type": "ctmrinfo", "info": {"ctype": 5}}, "lp_sdes[0].info.ctype must be a string; got 5."),
    ({"type": "ctmrinfo", "info": {"ctype": None}}, "lp_sdes[0].info.ctype must be a string; got null."),
    ({"type": "ctmrinfo", "info": {"balance": "5"}}, "lp_sdes[0].info.balance must be a number; got '5'."),
    ({"type": "ctmrinfo", "info": {"balance": True}}, "lp_sdes[0].info.balance must be a number; got True."),
    (
        {"type": "ctmrinfo", "info": {"companySize": 1.5}},
        "lp_sdes[0].info.companySize must be an integer; got 1.5.",
    ),
    ({"type": "ctmrinfo", "info": {"cType": "vip"}}, "lp_sdes[0].info.cType is not a published field."),
    (
        {"type": "ctmrinfo", "info": {"storeNumber": "1"}},
        "lp_sdes[0].info.storeNumber cannot be set through SetUserProfile.",
    ),
    (
        {"type": "ctmrinfo", "info": {"storeZipCode": "1"}},
        "lp_sdes[0].info.storeZipCode cannot be set through SetUserProfile.",
    ),
    (
        {"type": "ctmrinfo", "info": {"lastPaymentDate": {"day": 1, "month": 1}}},
        "lp_sdes[0].info.lastPaymentDate.year is missing.",
    ),
    ({"type": "ctmrinfo"}, "lp_sdes[0].info is missing: it holds the fields of 'ctmrinfo'."),
    ({"type": "personal"}, "lp_sdes[0].personal is missing: it holds the fields of 'personal'."),
    (
        {"type": "personal", "personal": {"gender": "male"}},
        "lp_sdes[0].personal.gender must be one of 'MALE', 'FEMALE', 'OTHER'; got 'male'.",
    ),
    (
        {"type": "personal", "personal": {"contacts": [{"phoneType": "PIGEON"}]}},
        "lp_sdes[0].personal.contacts[0].phoneType must be one of 'HOME', 'MOBILE', 'WORK', 'FAX', 'MAIN', "
        "'HOME_FAX', 'WORK_FAX', 'PAGER', 'OTHER'; got 'PIGEON'.",
    ),
    (
        {"type": "personal", "personal": {"contacts": {}}},
        "lp_sdes[0].personal.contacts must be an array; got {}.",
    ),
    (
        {"type": "personal", "personal": {"language": "english"}},
        "lp_sdes[0].personal.language must look like 'en-US'; got 'english'.",
    ),
    ({"type": "cart"}, "lp_sdes[0].type must be 'ctmrinfo' or 'personal'; got 'cart'."),
    ({"ctmrinfo": {}}, "lp_sdes[0].type must be 'ctmrinfo' or 'personal'; got null."),
    ({"type": ["personal"]}, "lp_sdes[0].type must be 'ctmrinfo' or 'personal'; got ['personal']."),
    ("vip", "lp_sdes[0] must be an object; got 'vip'."),
]


def test_every_published_field_passes_without_a_finding():
    assert findings({"authenticatedData": {"lp_sdes": EVERY_FIELD}}) == []


def test_a_language_may_have_an_underscore():
    sde = {"type": "personal", "personal": {"language": "en_US"}}

    assert findings({"authenticatedData": {"lp_sdes": [sde]}}) == []


@pytest.mark.parametrize(("sde", "sentence"), UNUSUAL)
def test_lenient_accepts_and_warns(connector, sandbox, sde, sentence):
    reply = connector.post(connector.batch(sdes=[sde]))

    assert reply.status_code == 200
    assert sandbox.conversations[0].warnings == (sentence,)
    assert sandbox.conversations[0].profile == [sde]


@pytest.mark.parametrize(
    ("profile", "sentence"),
    [
        ({"authenticatedData": []}, "authenticatedData must be an object; got []."),
        ({"authenticatedData": {"lp_sdes": {}}}, "lp_sdes must be an array; got {}."),
    ],
)
def test_lenient_accepts_containers_of_the_wrong_kind_too(connector, sandbox, profile, sentence):
    batch = connector.batch()
    batch[0]["body"] = profile

    assert connector.post(batch).status_code == 200
    assert sandbox.conversations[0].warnings == (sentence,)
    assert sandbox.conversations[0].profile == []


def test_strict_refuses_in_words_that_say_whose_strictness_it_is(connect):
    connector = connect(sde_checks="strict")

    reply = connector.post(connector.batch(sdes=[UNUSUAL[0][0]]))

    assert reply.status_code == 400
    assert reply.json() == [
        {
            "code": "BAD_REQUEST",
            "body": {
                "msg": "lp_sdes[0].info.ctype must be a string; got 5. "
                "(The sandbox's own strictness: sde_checks='strict'.)"
            },
            "reqId": "1,",
        },
        {
            "code": "BAD_REQUEST",
            "body": {"msg": "Not opened: the profile before it was refused."},
            "reqId": "2,",
        },
    ]
    assert connector.sandbox.conversations == []
    assert connector.sandbox.profile("anna") == []


def test_strict_accepts_every_published_field(connect):
    connector = connect(sde_checks="strict")

    assert connector.post(connector.batch(sdes=EVERY_FIELD)).status_code == 200
    assert connector.sandbox.profile("anna") == EVERY_FIELD


def test_a_conversation_can_be_let_open_after_a_refused_profile(connect):
    connector = connect(sde_checks="strict", open_after_refused_profile=True)

    reply = connector.post(connector.batch(sdes=["vip"]))

    assert reply.status_code == 200
    assert [element["code"] for element in reply.json()] == ["BAD_REQUEST", "OK"]
    assert len(connector.sandbox.conversations) == 1


def test_findings_stop_at_twenty(connector, sandbox):
    connector.post(connector.batch(sdes=["?"] * 1000))

    assert len(sandbox.conversations[0].warnings) == 20
