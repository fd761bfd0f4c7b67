"""Personas: invented, the same for the same seed, and out of reach of any message."""

from __future__ import annotations

import re

import pytest

from lpnb import InvalidValueError, Personas


def values(personas: Personas) -> list[dict]:
    return [dict(case.values) for case in personas]


def test_the_same_seed_gives_the_same_personas_and_a_smaller_number_the_first_of_them():
    choices = {"ctmrinfo.ctype": ["vip", "gold", None]}
    twenty = values(Personas(20, seed=7, choices=choices))

    assert values(Personas(20, seed=7, choices=choices)) == twenty
    assert values(Personas(5, seed=7, choices=choices)) == twenty[:5]
    assert values(Personas(20, seed=8, choices=choices)) != twenty
    assert [{k: v for k, v in row.items() if k != "ctmrinfo.ctype"} for row in twenty] == values(
        Personas(20, seed=7)
    )
    assert {row.get("ctmrinfo.ctype") for row in twenty} == {"vip", "gold", None}


def test_every_persona_can_be_sent_and_none_can_be_reached():
    personas = Personas(60, seed=1, locales=["en_US", "de_DE", "ja_JP"])

    personas.check()

    assert {row["personal.language"] for row in values(personas)} == {"en-US", "de-DE", "ja-JP"}
    for row in values(personas):
        assert re.fullmatch(r"[a-z0-9.]+@example\.(com|net|org)", row["personal.contacts.0.email"])
        assert re.fullmatch(r"\+1 555-555-01\d\d", row["personal.contacts.0.phone"])
        assert re.fullmatch(r"\d{8}", row["ctmrinfo.customerId"])
    assert personas[0].batch().profile.to_wire()["authenticatedData"]["lp_sdes"][1]["personal"]["contacts"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n must be a whole number from 1 to 1,000,000; got 0."),
        ({"n": 1, "seed": "x"}, "seed must be a whole number; got 'x'."),
        (
            {"n": 1, "locales": "xx_XX"},
            "locales must be names that faker knows, such as 'en_US' or 'de_DE'; got 'xx_XX'.",
        ),
        ({"n": 1, "locales": []}, "locales must name at least one, such as 'en_US'."),
        (
            {"n": 1, "choices": {"ctype": ["a"]}},
            "'ctype' is not a column that lpnb knows. Did you mean 'ctmrinfo.ctype'?",
        ),
        (
            {"n": 1, "choices": {"ctmrinfo.ctype": "vip"}},
            "choices of ctmrinfo.ctype must be a list of values; got 'vip'.",
        ),
        (
            {"n": 1, "choices": {"personal.firstname": ["A"]}},
            "personal.firstname is made for each persona, so it cannot be drawn as well.",
        ),
    ],
)
def test_personas_that_cannot_be_made_say_why(options, message):
    with pytest.raises(InvalidValueError) as caught:
        Personas(**options)

    assert str(caught.value) == message
