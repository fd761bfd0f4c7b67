"""Hints follow the documentation's best practices, name their place and page, and never stop a send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpnb import (
    Address,
    CampaignInfo,
    Contact,
    ConversationBatch,
    ConversationContext,
    CustomerInfo,
    PersonalInfo,
    advise,
    page_examples,
)
from lpnb.models.best_practices import odd_value, usual_values

SDES = "[0].body.authenticatedData.lp_sdes"
GOOD = {
    "campaign_info": CampaignInfo(campaign_id="1", engagement_id="2"),
    "conversation_context": ConversationContext(visitor_id="v", session_id="s", lang="en-US"),
}
JOHN = PersonalInfo(firstname="John", language="en-US")


def hints(sdes=(JOHN,), **fields) -> list[tuple[str, str, str]]:
    found = advise(ConversationBatch.build(list(sdes), **{**GOOD, **fields}))
    return [(hint.path, hint.text, hint.source) for hint in found]


REPLACED = (
    SDES,
    "SDEs replace the earlier ones of the same type whole: send every field each time.",
    "Engagement Attributes Best Practices for Messaging",
)


def test_a_batch_that_follows_the_practices_is_only_reminded_that_sdes_replace():
    assert hints() == [REPLACED]


def test_ids_that_a_spreadsheet_rounded_are_pointed_out():
    campaign = CampaignInfo(campaign_id="1.0E+11", engagement_id="8,8052E+8")
    found = hints(
        [CustomerInfo(customer_id="1.38766E+15", social_id="4e9")], campaign_info=campaign, skill_id="2E3"
    )

    info = f"{SDES}[0].info"
    assert found[1:] == [
        (
            path,
            f"{value} looks like an id that a spreadsheet has rounded. "
            "Format its column as text and fill it in anew.",
            "lpnb how-to, Send a table of cases",
        )
        for path, value in [
            ("[1].body.skillId", "2E3"),
            ("[1].body.campaignInfo.campaignId", "1.0E+11"),
            ("[1].body.campaignInfo.engagementId", "8,8052E+8"),
            (f"{info}.customerId", "1.38766E+15"),
            (f"{info}.socialId", "4e9"),
        ]
    ]
    assert hints([CustomerInfo(customer_id="E12", social_id="12E")]) == [REPLACED]
    assert hints([CustomerInfo(customer_id="138766AC", social_id="10E4567")]) == [REPLACED]


@pytest.mark.parametrize("sdes", [[], [PersonalInfo()], [CustomerInfo(), PersonalInfo(contacts=[])]])
def test_without_sdes_the_agent_sees_nothing(sdes):
    assert hints(sdes) == [
        (SDES, "Without SDEs the agent sees nothing about the consumer.", "Send API, CONVERSATION")
    ]


@pytest.mark.parametrize(
    ("fields", "path", "text", "source"),
    [
        (
            {"campaign_info": None, "conversation_context": None, "skill_id": "-1"},
            "[1].body.skillId",
            "Route with a campaign and engagement from Monitoring; a fixed skillId is discouraged.",
            "Send API, CONVERSATION",
        ),
        (
            {"campaign_info": None, "conversation_context": None},
            "[1].body.campaignInfo",
            "Without a campaign the conversation goes to the account's default skill or stays unassigned.",
            "Knowledge base, Routing logic overview",
        ),
        (
            {"campaign_info": CampaignInfo(campaign_id="1")},
            "[1].body.campaignInfo",
            "campaignId and engagementId belong together.",
            "Send API, CONVERSATION",
        ),
        (
            {"conversation_context": None},
            "[1].body.conversationContext",
            "Send Monitoring's visitor, session and context ids along with the campaign.",
            "Send API, CONVERSATION",
        ),
        (
            {"conversation_context": ConversationContext(type="CustomContext")},
            "[1].body.conversationContext.type",
            "SharkContext is the type that goes with Monitoring's ids.",
            "Send API, CONVERSATION",
        ),
        (
            {"channel_type": None},
            "[1].body.channelType",
            "The property table calls channelType mandatory.",
            "Send API, CONVERSATION",
        ),
        (
            {"req_ids": ("1,", "2,")},
            "[0].id",
            "With fixed request ids, a late answer to an earlier request looks like the answer to this one. "
            "Leave them out to get fresh ones.",
            "Getting started with Connector API",
        ),
    ],
)
def test_each_practice_has_its_hint(fields, path, text, source):
    assert hints(**fields) == [REPLACED, (path, text, source)]


def test_routing_by_an_sde_without_a_campaign_is_advised_against():
    unrouted = {"campaign_info": None, "conversation_context": None}
    sdes = [CustomerInfo(ctype="vip", company_branch="East village")]

    said = hints(sdes, **unrouted)

    assert said[1:3] == [
        (
            f"{SDES}[0].info.{name}",
            f"Without a campaign, a rule about {name} may choose the skill. LivePerson advises against such "
            "rules: route with a campaign and engagement from Monitoring.",
            "Send API, CONVERSATION",
        )
        for name in ("ctype", "companyBranch")
    ]


@pytest.mark.parametrize(
    "routed",
    [{}, {"campaign_info": None, "conversation_context": None, "skill_id": "7"}],
    ids=["by a campaign", "by a skill"],
)
def test_an_sde_that_routes_nothing_draws_no_such_advice(routed):
    said = hints([CustomerInfo(ctype="vip")], **routed)

    assert [path for path, _, _ in said if path.endswith("ctype")] == []


@pytest.mark.parametrize("lang", ["en", "en_US", "en-us", "EN-US", "english", "en-US ", "en-US\n", ""])
def test_lang_is_written_like_en_us(lang):
    said = hints(conversation_context=ConversationContext(lang=lang))

    assert said[1:] == [
        (
            "[1].body.conversationContext.lang",
            "lang is written like en-US, and must be a language of the engagement.",
            "Send API, CONVERSATION",
        )
    ]


@pytest.mark.parametrize("language", ["en-US", "en_US", "de-AT"])
def test_the_language_of_a_person_may_be_joined_either_way(language):
    assert hints([PersonalInfo(language=language)]) == [REPLACED]


def test_a_context_without_a_campaign_is_pointed_out():
    assert (
        "[1].body.conversationContext",
        "The context belongs to a campaign: without campaignInfo it routes nothing.",
        "Send API, CONVERSATION",
    ) in hints(campaign_info=None)


@pytest.mark.parametrize(
    ("sde", "path", "text"),
    [
        (
            CustomerInfo(store_zip_code="1"),
            "[0].info.storeZipCode",
            "storeZipCode is not usable in SetUserProfile.",
        ),
        (
            CustomerInfo(store_number="1"),
            "[0].info.storeNumber",
            "storeNumber is not usable in SetUserProfile.",
        ),
        (CustomerInfo(currency="usd"), "[0].info.currency", "currency is an ISO 4217 code such as USD."),
        (CustomerInfo(login_status=1), "[0].info.loginStatus", "What its values mean is not documented."),
        (
            PersonalInfo(language="english"),
            "[0].personal.language",
            "language is written like en-US or en_US.",
        ),
        (
            PersonalInfo(contacts=[Contact(email="x"), Contact(address=Address(country="Austria"))]),
            "[0].personal.contacts[1].address.country",
            "country is two capital letters, such as US.",
        ),
    ],
)
def test_odd_values_of_an_sde_are_pointed_out_where_they_stand(sde, path, text):
    assert hints([sde]) == [REPLACED, (f"{SDES}{path}", text, "Types of Engagement Attributes")]


def test_two_sdes_of_one_type_are_pointed_out():
    assert hints([JOHN, PersonalInfo(lastname="Doe")]) == [
        REPLACED,
        (
            SDES,
            "personal is here 2 times; the last one counts.",
            "Engagement Attributes Best Practices for Messaging",
        ),
    ]


def test_more_sdes_than_make_sense_are_pointed_out():
    many = [JOHN, CustomerInfo(ctype="vip")] * 500

    assert hints(many)[1:] == [
        (
            SDES,
            f"{kind} is here 500 times; the last one counts.",
            "Engagement Attributes Best Practices for Messaging",
        )
        for kind in ("ctmrinfo", "personal")
    ]


def test_a_brand_id_of_another_account_is_pointed_out():
    batch = ConversationBatch.build([JOHN], brand_id="999", **GOOD)

    assert [(hint.path, hint.text) for hint in advise(batch, "12345678")][1:] == [
        (
            "[1].body.brandId",
            "brandId is '999', and this goes to the account 12345678. Leave it out: sending fills it in.",
        )
    ]
    assert len(advise(batch)) == len(advise(batch, "999")) == 1


def test_advice_never_stops_a_send(client):
    for number, batch in enumerate(page_examples().values()):
        assert advise(batch)
        assert client.send_batch(batch, f"c-{number}").outcome == "answered"


def test_advice_shows_as_a_table_that_escapes():
    html = advise(ConversationBatch.build([JOHN], **GOOD))._repr_html_()

    assert "<caption" in html
    assert REPLACED[1] in html
    assert advise(ConversationBatch.build([], **GOOD))._repr_html_().count("<tr>") == 2


_ERRORS = """
#NULL! #DIV/0! #VALUE! #REF! #NAME? #NUM! #N/A #GETTING_DATA #SPILL! #CALC!
#WERT! #BEZUG! #ZAHL! #NV #DATEN_ABRUFEN #\u00dcBERLAUF! #KALK!
#NUL! #VALEUR! #NOM? #NOMBRE! #PROPAGATION! #CHARGEMENT_DONNEES
#\u00a1NULO! #\u00a1DIV/0! #\u00a1VALOR! #\u00a1REF! #\u00bfNOMBRE? #\u00a1NUM! #N/D #\u00a1DESBORDAMIENTO!
#NULLO! #VALORE! #RIF! #NOME? #ESPANSIONE!
#LEEG! #DEEL/0! #WAARDE! #VERW! #NAAM? #GETAL! #N/B #OVERLOOP!
#NULO! #VALOR! #N\u00daM! #DESPEJAR! #OBTENDO_DADOS
#V\u00c4RDEFEL! #SAKNAS! #V\u00c6RDI! #NAVN? #I/T #ARVO! #ARG! #LICZBA!
"""


@pytest.mark.parametrize("text", _ERRORS.split())
def test_the_errors_of_formulas_are_known_in_many_languages(text):
    assert odd_value("ctype", text) == f"{text!r} is what a spreadsheet shows for a formula, not a value."


@pytest.mark.parametrize(
    "text", ["#SALE!", "#YES!", "#WINTER SALE!", "#\u00c9T\u00c9!", "#1 Pro", "#VALUE", "#NVIDIA"]
)
def test_other_text_behind_a_number_sign_is_no_error(text):
    assert odd_value("ctype", text) is None


@pytest.mark.parametrize(
    "text",
    [
        "10\u03bcm", "\u03b1Beta", "\u03a9mega Ltd", "\u0394T", "5k\u03a9", "\u03c0r",
        "\u041c\u043e\u0441\u043a\u0432\u0430", "B\u0434",
        "\u0391\u03b8\u03ae\u03bd\u03b1", "\u042fndex",
    ],
)  # fmt: skip
def test_letters_of_other_alphabets_that_look_like_no_latin_ones_are_meant(text):
    assert odd_value("ctype", text) is None


@pytest.mark.parametrize(
    "letter",
    "\u0391\u0397\u039d\u03bf\u03bd\u0410\u0412\u0421\u0425\u0406\u0405\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0456\u0458",
)
def test_letters_that_look_like_latin_ones_are_pointed_out_beside_them(letter):
    for text in (f"{letter}nna", f"An{letter}"):
        assert odd_value("ctype", text) == (
            f"{text!r} mixes alphabets: {letter} looks like another letter, and is not it."
        )


@given(
    st.sampled_from(["ctype", "skillId", "customerId", "lang"]),
    st.text("aAeEmMxy0129 -_.{<@$", max_size=8)
    | st.sampled_from(
        ["changeme", "Fill Me", "your-skill", "insert x", "null", "1E11", "1e+11", "12 345", "REPLACE-ME"]
    ),
)
def test_of_what_most_values_look_like_nothing_is_said(name, text):
    if usual_values(name).fullmatch(text):
        assert odd_value(name, text) is None
