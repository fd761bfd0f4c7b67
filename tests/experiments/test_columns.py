"""Column names: found in the models, and complained about with the nearest one."""

from __future__ import annotations

import pytest

from lpnb import InvalidValueError
from lpnb.experiments.cases.columns import (
    case_columns,
    columns_of,
    describe_columns,
    find_column,
    kinds_of,
    known_columns,
)
from lpnb.models.conversation_request import ConsumerRequestConversation
from lpnb.models.sdes import CustomerInfo, PersonalInfo


def test_every_field_of_the_models_is_a_column():
    known = set(known_columns())

    for model, prefix in ((CustomerInfo, "ctmrinfo."), (PersonalInfo, "personal.")):
        for name in model.wire_names():
            assert any(f"{column}.".startswith(f"{prefix}{name}.") for column in known), name
    for name in ConsumerRequestConversation.wire_names():
        assert any(f"{column}.".startswith(f"{name}.") for column in known), name


def test_every_known_column_is_found_and_described():
    described = [name for name, _, _ in describe_columns()]

    assert [name for name in described if name != "note."] == known_columns()
    assert [name for name in known_columns() if find_column(name) is None] == []
    assert case_columns()["column"].tolist() == described


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("case", "text"),
        ("consumer_id", "text"),
        ("expected_skill", "id"),
        ("note.tier", "json"),
        ("ctmrinfo", "object"),
        ("ctmrinfo.ctype", "text"),
        ("ctmrinfo.balance", "number"),
        ("ctmrinfo.companySize", "whole"),
        ("ctmrinfo.lastPaymentDate", "object"),
        ("ctmrinfo.lastPaymentDate.year", "whole"),
        ("ctmrinfo.extra.loyaltyTier", "json"),
        ("personal.contacts", "list"),
        ("personal.contacts.49.address.country", "text"),
        ("campaignInfo", "object"),
        ("campaignInfo.campaignId", "id"),
        ("conversationContext.features.3", "text"),
        ("skillId", "id"),
        ("metadata", "json"),
        ("clientProperties.os", "text"),
        ("entryPoints", "list"),
        ("entryPoints.0", "text"),
        ("engagementAttributes.ctmrinfo.balance", "number"),
    ],
)
def test_a_column_holds_what_its_field_holds(name, kind):
    assert kinds_of([name]) == {name: kind}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ctype", "ctmrinfo.ctype"),
        ("ctmrinfo.ctyp", "ctmrinfo.ctype"),
        ("ctmrinfo.company_size", "ctmrinfo.companySize"),
        ("campaign_id", "campaignInfo.campaignId"),
        ("campaignInfo.campaignID", "campaignInfo.campaignId"),
        ("personal.firstName", "personal.firstname"),
        ("personal.contacts.email", "personal.contacts.0.email"),
        ("Consumer ID", "consumer_id"),
        ("expectedSkill", "expected_skill"),
    ],
)
def test_an_unknown_column_is_an_error_with_the_nearest_name(name, meant):
    with pytest.raises(InvalidValueError) as caught:
        columns_of([name])

    assert str(caught.value) == f"{name!r} is not a column that lpnb knows. Did you mean {meant!r}?"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "ctmrinfo.",
        "ctmrinfo..ctype",
        "extra",
        "note.",
        "personal.contacts.50",
        "42",
        "ctmrinfo.extra",
    ],
)
def test_what_is_near_to_nothing_or_no_name_at_all_is_no_column(name):
    assert find_column(name) is None


def test_all_wrong_names_are_said_at_once():
    with pytest.raises(InvalidValueError) as caught:
        columns_of(["skillID", 7, "ctmrinfo.ctype", "ctmrinfo.ctype", "colour"])

    assert str(caught.value) == (
        "4 values are wrong:\n"
        "  - 'skillID' is not a column that lpnb knows. Did you mean 'skillId'?\n"
        "  - A column's name must be text; got 7.\n"
        "  - The column 'ctmrinfo.ctype' is there twice.\n"
        "  - 'colour' is not a column that lpnb knows. "
        "What is not to be sent goes into columns named 'note.' and a word of your own."
    )
