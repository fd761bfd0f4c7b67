"""Which case of one run is which of another: by a key, by what was sent, by name; never by its row."""

from __future__ import annotations

import pandas as pd
import pytest

from lpnb import InvalidValueError, compare, run_experiment
from lpnb.experiments.runs.steps import Steps


def run(*landings: str, **columns: list[object]) -> pd.DataFrame:
    """A per-case table of these skills; cases without names are called after their rows."""
    names = [f"case-{number + 1:05d}" for number in range(len(landings))]
    columns = {"case": names, **columns}
    return pd.DataFrame({**columns, "outcome": "answered", "landed_skill": landings})


def changes(before: pd.DataFrame, after: pd.DataFrame, key=None) -> list[tuple]:
    table = compare(before, after, key).table()
    return list(table[["case_before", "case", "change"]].itertuples(index=False, name=None))


def test_rows_in_another_order_are_the_same_cases():
    before = run("Private", "Cards", "General", tier=["vip", "gold", None])
    after = run("General", "Private", "Loans", tier=[None, "vip", "gold"])

    assert changes(before, after) == [
        ("case-00001", "case-00002", "stayed"),
        ("case-00002", "case-00003", "moved"),
        ("case-00003", "case-00001", "stayed"),
    ]


def test_a_row_that_was_put_in_moves_nobody_else():
    before = run("Private", "Cards", tier=["vip", "gold"])
    after = run("General", "Private", "Cards", tier=["new", "vip", "gold"])

    comparison = compare(before, after)

    assert comparison.summary == "3 cases: 0 moved, 1 appeared, 2 stayed"
    assert comparison.table()["tier"].tolist() == ["vip", "gold", "new"]
    assert comparison.paired_by == "what was sent"


def test_a_key_knows_a_customer_again_whose_values_changed_and_does_not_call_that_a_move():
    before = run("Private", "Cards", customer=["7", "8"], tier=["vip", "gold"])
    after = run("Loans", "Loans", customer=["8", "7"], tier=["gold", "regular"])

    comparison = compare(before, after, key="customer")

    assert list(comparison.table()["change"]) == ["other values", "moved"]
    assert comparison.paired_by == "customer"
    assert list(compare(before, after).table()["change"]) == ["disappeared", "moved", "appeared"]


def test_several_columns_can_be_the_key():
    before = run("A", "B", "C", customer=["7", "7", "8"], page=["x", "y", "x"])
    after = run("C", "B", "Z", customer=["8", "7", "7"], page=["x", "y", "x"])

    assert list(compare(before, after, key=["customer", "page"]).table()["change"]) == [
        "moved",
        "stayed",
        "stayed",
    ]


def test_cases_that_sent_the_same_are_paired_so_that_as_few_as_possible_moved():
    before = run("Cards", "Cards", "Loans", tier=["gold"] * 3)
    after = run("Loans", "Cards", "Private", tier=["gold"] * 3)

    assert compare(before, after).counts["moved"] == 1
    assert compare(before, after).moves.to_numpy().tolist() == [["Cards", "Private", 1]]


def test_cases_that_sent_the_same_are_told_apart_by_names_that_somebody_gave_them():
    before = run("Cards", "Loans", tier=["gold"] * 2, case=["morning", "evening"])
    after = run("Loans", "Cards", tier=["gold"] * 2, case=["morning", "evening"])

    assert compare(before, after).counts["moved"] == 2


def test_a_number_is_the_same_from_a_journal_and_from_a_file():
    before = run("Cards", "Loans", balance=pd.array([5000, None], dtype="Int64"))
    after = run("Loans", "Cards", balance=["", "5000"]).replace("", None)
    floats = run("Cards", "Loans", balance=[5000.0, None])

    assert compare(before, after).counts["stayed"] == compare(floats, after).counts["stayed"] == 2


def test_notes_are_not_sent_and_so_are_no_difference():
    before = run("Cards", tier=["gold"], **{"note.who": ["me"]})

    assert compare(before, before.assign(**{"note.who": "you"})).counts["stayed"] == 1


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("customr", "got 'customr'. Did you mean 'customer'?"),
        ("tier", "2 values are wrong:\n"
         "  - before.tier must tell the cases apart, and occurs 1 time too often; got 'gold'.\n"
         "  - after.tier must tell the cases apart, and occurs 1 time too often; got 'gold'."),
        ("customer", "before: customer is empty in 1 case."),
        ("case", "2 values are wrong:\n"
         "  - before: names such as 'case-00001' are row numbers, and do not say which case is which. "
         "Leave key out, or name a column that tells the cases apart.\n"
         "  - after: names such as 'case-00001' are row numbers, and do not say which case is which. "
         "Leave key out, or name a column that tells the cases apart."),
    ],
)  # fmt: skip
def test_a_key_that_does_not_tell_cases_apart_is_refused(key, message):
    before = run("Cards", "Loans", tier=["gold", "gold"], customer=["7", None])
    after = run("Cards", "Loans", tier=["gold", "gold"], customer=["7", "8"])

    with pytest.raises(InvalidValueError) as caught:
        compare(before, after, key=key)

    assert str(caught.value).endswith(message)


def test_a_run_that_asked_monitoring_beside_one_that_did_not_is_pointed_out():
    before = run("Cards", tier=["gold"], offered_engagement_id=["12"])

    assert compare(before, run("Cards", tier=["gold"])).notes == [
        "Monitoring offered engagements in the run before alone, so landings may differ for that reason."
    ]
    assert compare(before, before).notes == []


CASES = [
    {"ctmrinfo.ctype": "vip", "ctmrinfo.customerId": "7"},
    {"ctmrinfo.ctype": "gold", "ctmrinfo.customerId": "8"},
]


def sent(client, name, cases, **options):
    return run_experiment(client, cases, name=name, steps=Steps(landing=True), progress=False, **options)


def test_hashed_values_are_compared_by_names_that_somebody_gave(client):
    named = [{"case": case["ctmrinfo.ctype"], **case} for case in CASES]
    before = sent(client, "first", named, hash_personal=True)
    after = sent(client, "second", [named[1], {**named[0], "ctmrinfo.ctype": "gold"}], hash_personal=True)

    comparison = before.compare(after.journal_path)

    assert list(comparison.table()["change"]) == ["other values", "stayed"]
    assert comparison.paired_by == "the case's name"
    assert comparison.notes == [
        "ctmrinfo.customerId is kept as pseudonyms, so whether those values were the same cannot be "
        "seen; all "
        "others were compared."
    ]


def test_hashed_values_without_names_are_refused_and_so_is_a_key_of_hashes(client):
    before = sent(client, "first", CASES, hash_personal=True)
    after = sent(client, "second", CASES)

    with pytest.raises(InvalidValueError) as caught:
        before.compare(after)
    assert str(caught.value) == (
        "ctmrinfo.customerId was kept as pseudonyms, which differ from journal to journal, so they cannot be "
        "compared, and the cases have no names of their own to pair them by. Give a key that was not hashed: "
        "compare(before, after, key=...)."
    )
    with pytest.raises(InvalidValueError) as caught:
        before.compare(after, key="ctmrinfo.customerId")
    assert str(caught.value) == (
        "ctmrinfo.customerId was kept as pseudonyms, which differ from journal to journal, so they cannot be "
        "compared. Pair by another column, or by name: key='case'."
    )
    assert before.compare(after, key="ctmrinfo.ctype").summary == "2 cases: 0 moved, 2 stayed"
