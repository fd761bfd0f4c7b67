"""Why one case lands where it does, from few sends."""

import pytest

from lpnb import InvalidValueError, RunError, cases_of, reasons
from lpnb.experiments.routing.batched_run import CaseLanding
from lpnb.experiments.routing.reasons import ReasonSearch

CASE = {
    "ctmrinfo.ctype": "vip",
    "ctmrinfo.cstatus": "new",
    "ctmrinfo.balance": 500.0,
    "personal.gender": "FEMALE",
    "personal.firstname": "Anna",
    "skillId": "7",
}


def ask(land, case=CASE):
    """Play a service that lands cases by a function of the fields that are there."""
    search, landings = ReasonSearch(case), []
    while chosen := search.choose(landings):
        landings = [
            CaseLanding(number, row["case"], land({name for name, value in row.items() if value is not None}))
            for number, row in enumerate(chosen)
        ]
    return search.result()


def test_two_fields_that_decide_together_are_named_in_ten_sends():
    told = ask(lambda there: "Private" if {"ctmrinfo.ctype", "personal.gender"} <= there else "General")

    assert told.decides == (("ctmrinfo.ctype", "personal.gender"),)
    assert told.moves == ((("ctmrinfo.ctype",), "General"), (("personal.gender",), "General"))
    assert told.without == "General"
    assert told.stable
    assert told.complete
    assert len(told.sends) == 10
    assert str(told).splitlines()[0] == (
        "It lands in Private because ctmrinfo.ctype is vip and personal.gender is FEMALE."
    )


def test_rules_that_agree_are_told_apart():
    told = ask(
        lambda there: (
            "Private" if "ctmrinfo.ctype" in there or {"ctmrinfo.cstatus", "skillId"} <= there else "General"
        )
    )

    assert set(told.decides) == {("ctmrinfo.ctype",), ("ctmrinfo.cstatus", "skillId")}
    assert told.moves[0][1] == "General"
    assert len(told.moves[0][0]) == 2
    assert "for 2 reasons, each of them enough:" in str(told)


def test_a_shared_field_of_two_reasons_is_in_both():
    told = ask(
        lambda there: (
            "Private" if "skillId" in there and there & {"ctmrinfo.ctype", "personal.gender"} else "General"
        )
    )

    assert {frozenset(names) for names in told.decides} == {
        frozenset({"skillId", "ctmrinfo.ctype"}),
        frozenset({"skillId", "personal.gender"}),
    }
    assert told.moves == ((("skillId",), "General"),)


def test_where_it_lands_there_anyway_no_field_is_needed():
    told = ask(lambda there: "General")

    assert told.decides == ((),)
    assert str(told).splitlines() == [
        "It lands in General, and does so with none of its fields: no field is needed for it.",
        "Leaving out any one field does not move it.",
    ]


def test_a_field_that_keeps_it_from_elsewhere_is_what_would_move_it():
    told = ask(lambda there: "General" if "skillId" in there or len(there) < 3 else "Private")

    assert told.decides == ((),)
    assert told.moves == ((("skillId",), "Private"),)


def test_many_fields_are_left_out_in_groups_first():
    case = {f"ctmrinfo.{name}": "x" for name in ("ctype", "cstatus", "role", "userName", "companyBranch")}
    case |= {f"personal.{name}": "x" for name in ("firstname", "lastname", "company", "language")}
    case |= {"ctmrinfo.customerId": "1", "ctmrinfo.socialId": "2", "skillId": "3"}

    told = ask(lambda there: "A" if {"ctmrinfo.role", "skillId"} <= there else "B", case)

    assert told.decides == (("ctmrinfo.role", "skillId"),)
    assert len(told.sends) == 16


def test_fields_that_cannot_be_sent_alone_go_together():
    case = {"engagementAttributes.cart.numItems": 2, "engagementAttributes.cart.total": 5.0, "skillId": "7"}

    told = ask(lambda there: "Cards" if "engagementAttributes.cart.numItems" in there else "General", case)

    assert told.decides == (("engagementAttributes.cart.numItems", "engagementAttributes.cart.total"),)


def test_a_case_that_lands_in_two_skills_is_said_to():
    times = []

    def land(there):
        times.append(there)
        return (
            "Other" if len(there) == len(CASE) + 1 and len(times) > 1 else "A" if "skillId" in there else "B"
        )

    told = ask(land)

    assert told.stable is False
    assert str(told).startswith("It was sent twice and landed in two skills")


def test_without_any_landing_nothing_is_claimed():
    told = ask(lambda there: None)

    assert told.skill is None
    assert not told.complete
    assert str(told) == "No landing of this case became known, so nothing can be said of the reasons."


def test_an_answer_that_is_missing_is_no_reason():
    told = ask(lambda there: None if "ctmrinfo.ctype" not in there else "A" if "skillId" in there else "B")

    assert told.without is None
    assert not told.complete
    assert told.decides == ()


def test_over_the_wire_every_conversation_is_closed(client, sandbox):
    told = reasons(client, CASE | {"skillId": None}, journal="why.sqlite")

    assert told.skill == "Private Clients"
    assert told.decides == (("ctmrinfo.ctype",),)
    assert len(sandbox.conversations) == len(told.sends) == 9
    assert {one.state for one in sandbox.conversations} == {"CLOSE"}


def test_monitoring_is_asked_where_the_case_has_columns_for_it(client):
    case = {"entryPoints.0": "sec://lost-card", "ctmrinfo.ctype": "vip", "identities.0.acr": "loa1"}

    told = reasons(client, cases_of([case])[0], journal="asked.sqlite")

    assert told.decides == (("entryPoints.0",),)


def test_a_case_without_a_field_and_one_that_cannot_be_sent_are_refused(client, sandbox):
    for case, path in (({}, "case"), (5, "case"), ({"personal.gender": "x"}, "[0].personal.gender")):
        with pytest.raises(InvalidValueError) as refused:
            reasons(client, case)
        assert refused.value.complaints[0].path == path
    assert not sandbox.conversations


def test_a_count_that_was_confirmed_must_be_the_most_there_can_be(client, sandbox):
    with pytest.raises(RunError, match=r"^This would open at most 5 conversations .*Say confirm=5\.$"):
        reasons(client, {"ctmrinfo.ctype": "vip", "skillId": "7"}, confirm=9)
    assert not sandbox.conversations
