"""Learning over the wire: what is asked, what comes of it, what it leaves behind."""

import asyncio

import pytest

from lpnb import (
    AsyncClient,
    ChangedCasesError,
    Grid,
    InvalidValueError,
    JournalError,
    RoutingRules,
    RunError,
    learn_routing,
    open_run,
    run_experiment,
    start_learning,
)

FACTORS = {
    "ctmrinfo.ctype": ["vip", "gold", "business", None],
    "ctmrinfo.cstatus": ["new", "card blocked", None],
    "personal.gender": ["MALE", "FEMALE"],
}


def learn(client, factors=FACTORS, budget=60, validate=12, **options):
    return learn_routing(client, factors, budget, validate, progress=False, **options)


def open_conversations(sandbox):
    return [one for one in sandbox.conversations if one.state == "OPEN"]


def test_the_rules_of_the_bank_are_learned_and_every_conversation_is_closed(client, sandbox, capsys):
    routing = learn(client, journal="bank.sqlite")

    assert routing.rules["if"].tolist() == [
        "ctmrinfo.ctype is vip",
        "ctmrinfo.ctype is business",
        "otherwise",
    ]
    assert routing.rules["skill"].tolist() == ["Private Clients", "Business Banking", "General Enquiries"]
    assert routing.bound.wrong == 0
    assert not open_conversations(sandbox)
    assert len(sandbox.conversations) == len(routing.sends)
    assert capsys.readouterr().out == (
        "This opens 60 conversations at account 12345678 on the sandbox at the most, to learn about 3 "
        "factors of 24 combinations. Up to 12 of them check the result. Each is closed.\n"
    )


def test_its_journal_is_a_run_like_any_other(client):
    routing = learn(client, journal="bank.sqlite")

    table = open_run("bank.sqlite").table()
    assert table["case"].tolist() == routing.sends["case"].tolist()
    assert table["landed_skill"].tolist() == routing.sends["skill"].tolist()
    assert set(table["close_outcome"]) == {"answered"}


def test_monitoring_is_asked_where_a_factor_needs_it(client, sandbox):
    factors = {"entryPoints.0": [None, "sec://home", "sec://lost-card"], "identities.0.acr": ["0", "loa1"]}

    routing = learn(client, factors, 20, 4, journal="asked.sqlite")

    assert sandbox.calls["engagement"] == len(routing.sends)
    assert routing.rules["if"].tolist() == ["entryPoints.0 is sec://lost-card", "otherwise"]


def test_columns_that_go_together_are_one_factor(client):
    grid = Grid(
        {
            "ctmrinfo.ctype": ["vip", "gold"],
            "personal.gender": ["MALE", "FEMALE"],
            "ctmrinfo.cstatus": ["new", None],
        },
        zipped=["ctmrinfo.ctype", "personal.gender"],
    )

    routing = learn(client, grid, 16, 4, journal="zipped.sqlite")

    assert routing.rules["if"].tolist()[0] == "ctmrinfo.ctype + personal.gender is vip + MALE"


def test_combinations_that_where_leaves_out_are_never_sent(client):
    grid = Grid(FACTORS, where=lambda case: case["ctmrinfo.ctype"] is not None)

    routing = learn(client, grid, 40, 8, journal="where.sqlite")

    assert routing.sends["ctmrinfo.ctype"].notna().all()


def test_the_same_call_goes_on_by_its_journal_and_sends_nothing_twice(client, sandbox, capsys):
    first = learn(client, journal="bank.sqlite")
    sent = len(sandbox.conversations)
    capsys.readouterr()

    again = learn(client, journal="bank.sqlite")

    assert str(again) == str(first)
    assert len(sandbox.conversations) == sent
    assert capsys.readouterr().out.startswith(
        f"Going on by bank.sqlite, in which {sent} cases stand. In all: "
    )


def test_stopped_in_the_middle_it_closes_what_is_open_and_goes_on_to_the_same_rules(client, sandbox):
    whole = learn(client, journal="whole.sqlite")
    learning = start_learning(client, FACTORS, 60, 12, progress=False, journal="halved.sqlite")
    learning.stop()
    part = learning.wait()

    assert learning.run.state == "stopped"
    assert len(part.sends) < len(whole.sends)
    assert not open_conversations(sandbox)

    assert learn(client, journal="halved.sqlite").decision_list == whole.decision_list


def test_a_journal_of_other_factors_or_options_is_refused(client):
    learn(client, journal="bank.sqlite")

    with pytest.raises(ChangedCasesError) as refused:
        learn(client, journal="bank.sqlite", seed=4, budget=70)

    assert str(refused.value).splitlines() == [
        "bank.sqlite was begun with something else, so nothing was sent:",
        "  - budget: 60 before, 70 now",
        "  - seed: 0 before, 4 now",
        "Give the same to go on, or begin another journal.",
    ]


def test_the_journal_of_given_cases_is_no_learning(client):
    run_experiment(client, [{"ctmrinfo.ctype": "vip"}], journal="given.sqlite", progress=False)

    with pytest.raises(JournalError, match=r"^given\.sqlite is the journal of a run of given cases"):
        learn(client, journal="given.sqlite")


def test_a_count_that_was_confirmed_must_be_the_budget(client, sandbox):
    with pytest.raises(RunError, match=r"^This would open at most 60 conversations at .*; 59 was confirmed"):
        learn(client, journal="bank.sqlite", confirm=59)

    assert not sandbox.conversations


def test_everything_wrong_is_said_at_once_and_nothing_is_sent(client, sandbox):
    with pytest.raises(InvalidValueError) as refused:
        learn(client, {"personal.gender": ["male", "FEMALE"]}, budget=0, validate=-1, start=5, concurrency=0)

    assert [complaint.path for complaint in refused.value.complaints] == [
        "budget", "validate", "personal.gender", "start", "concurrency",
    ]  # fmt: skip
    assert not sandbox.conversations


def test_a_check_that_uses_up_the_budget_is_refused_with_a_smaller_one(client, sandbox):
    with pytest.raises(InvalidValueError) as refused:
        learn(client, budget=60, validate=60)

    assert str(refused.value) == (
        "budget=60 leaves nothing to learn with, because validate=60 of these check the result; "
        "try validate=15."
    )
    assert not sandbox.conversations


def test_a_change_is_noticed_from_the_rules_before_and_told(client, sandbox):
    before = learn(client, journal="before.sqlite")
    sandbox.set_online("3180255705", False)  # the only agent of Business Banking

    later = learn(client, journal="later.sqlite", start=before.save("before.json"))

    assert later.about["first_surprise"] < 10
    changes = before.compare(later)
    assert changes["change"].tolist() == ["gone"]
    assert changes["share moved"].tolist() == [pytest.approx(0.25)]


def test_traffic_is_what_the_validation_is_drawn_from(client, capsys):
    traffic = [{"ctmrinfo.ctype": "vip", "personal.gender": "MALE"}, {"ctmrinfo.ctype": "platinum"}]

    routing = learn(client, journal="traffic.sqlite", traffic=traffic)

    drawn = routing.sends[routing.sends["role"] == "validate"]
    assert set(drawn["ctmrinfo.ctype"]) == {"vip"}
    assert "of that traffic is predicted wrongly" in str(routing)
    assert "1 case of traffic has a value that is none of the factors'" in capsys.readouterr().out


def test_landings_that_never_come_are_no_rule_and_end_it_after_one_batch(client, sandbox):
    sandbox.set_rules({"history_delay": 3600})

    routing = learn(client, journal="silent.sqlite", landing_wait=0)

    assert routing.sends["skill"].isna().all()
    assert len(routing.decision_list) == 1
    assert "16 sends had no known landing and count for nothing." in str(routing)
    assert "No landing of the last batch became known, so it ended early." in str(routing)
    assert not open_conversations(sandbox)


def test_it_can_be_awaited(settings):
    async def main():
        async with AsyncClient(settings) as client:
            routing = await start_learning(client, FACTORS, 40, 8, progress=False, journal="awaited.sqlite")
        return routing, await routing

    routing, same = asyncio.run(main())

    assert isinstance(routing, RoutingRules)
    assert routing is same
