"""Verdicts: each case against what it expected, in words, in XML and for a build."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from lpnb import InvalidValueError, LpnbError, Verification, cases_of, cases_table
from lpnb.experiments.runs.journal_rows import meets_expectation
from lpnb.experiments.runs.options import name_again, name_of
from lpnb.experiments.verification.junit import junit, save_junit
from lpnb.experiments.verification.verify import as_text, expect_something, verification_of, verify


def verified(*rows: dict) -> Verification:
    """The verification of a run's table that has these cells and no others."""
    named = [{"case": str(number), **row} for number, row in enumerate(rows)]
    names = dict.fromkeys(name for row in named for name in row)
    columns = {name: [row.get(name) for row in named] for name in names}
    return verification_of(cases_table(columns), "cases.csv")


ANSWERED = {"outcome": "answered", "code": "OK", "elapsed_ms": 12.0}
LANDED = {**ANSWERED, "landed_skill_id": "2741903013", "landed_skill": "Private Clients"}
REFUSED = {"outcome": "refused", "code": "BAD_REQUEST", "message": "No campaign '7' in this account."}
UNKNOWN = {"outcome": "unknown", "code": "no-answer", "message": "the connection was closed"}


@pytest.mark.parametrize(
    ("row", "verdict", "said"),
    [
        ({**LANDED, "expected_skill": "Private Clients"}, "passed", "as expected"),
        ({**LANDED, "expected_skill": "2741903013"}, "passed", "as expected"),
        ({**LANDED, "expected_skill": "2741903013", "expected_code": "OK"}, "passed", "as expected"),
        ({**REFUSED, "expected_code": "BAD_REQUEST"}, "passed", "as expected"),
        (LANDED, "skipped", "expected nothing"),
        (
            {**LANDED, "expected_skill": "Business Banking"},
            "failed",
            "expected skill Business Banking, landed in Private Clients (2741903013)",
        ),
        (
            {**LANDED, "landed_skill": None, "expected_skill": "Business Banking"},
            "failed",
            "expected skill Business Banking, landed in 2741903013",
        ),
        (
            {**REFUSED, "expected_skill": "Private Clients", "expected_code": "OK"},
            "failed",
            "expected code OK, got BAD_REQUEST (No campaign '7' in this account.); "
            "expected skill Private Clients, and it was refused with BAD_REQUEST "
            "(No campaign '7' in this account.)",
        ),
        ({**ANSWERED, "expected_code": "BAD_REQUEST"}, "failed", "expected code BAD_REQUEST, got OK"),
        (
            {**ANSWERED, "expected_skill": "Private Clients"},
            "error",
            "expected skill Private Clients, and where it landed is not known",
        ),
        (
            {**UNKNOWN, "expected_skill": "x", "expected_code": "OK"},
            "error",
            "expected code OK, and the outcome is unknown (the connection was closed); "
            "expected skill x, and the outcome is unknown (the connection was closed)",
        ),
        (
            {"outcome": "planned", "expected_code": "OK"},
            "error",
            "expected code OK, and it was not sent",
        ),
        (
            {"outcome": "not sent", "message": "no network", "expected_skill": "Cards"},
            "error",
            "expected skill Cards, and it was not sent (no network)",
        ),
    ],
)
def test_a_case_is_judged_by_what_it_expected(row, verdict, said):
    (check,) = verified(row).checks

    assert (check.verdict, check.said) == (verdict, said)


def test_a_case_that_was_not_sent_is_called_so_in_the_table():
    (check,) = verified({"outcome": "planned", "expected_code": "OK", "expected_skill": "Cards"}).checks

    assert check.got == "no code, not sent"


def test_a_check_with_a_name_can_be_made_again(client, tmp_path):
    cases = [{"ctmrinfo.ctype": "vip", "expected_skill": "Private Clients"}]

    for _ in range(2):
        assert verify(client, cases, name="routing", progress=False).ok

    names = sorted(path.name for path in (tmp_path / "runs").glob("*.sqlite"))
    assert len(names) == 2
    assert all(re.fullmatch(r"routing-\d{4}-\d\d-\d\d-\d{6}-[0-9a-f]{4}\.sqlite", name) for name in names)


def test_a_name_that_is_as_long_as_may_be_can_be_used_again():
    again = name_again("x" * 64)

    assert len(again) == 64
    assert name_of(again, None) == again


def test_an_expectation_that_is_misspelled_names_what_was_probably_meant():
    found = verified(
        {**LANDED, "expected_skill": "Privat Clients"},
        {**LANDED, "expected_code": "ok"},
        {**LANDED, "landed_skill_id": "7", "landed_skill": "Cards", "expected_skill": "private clients"},
        {**LANDED, "expected_skill": "Cards"},
        {**LANDED, "expected_skill": "Business Banking"},
    )

    assert [check.said for check in found.checks] == [
        "expected skill Privat Clients, landed in Private Clients (2741903013). "
        "Did you mean Private Clients?",
        "expected code ok, got OK. Did you mean OK?",
        "expected skill private clients, landed in Cards (7). Did you mean Private Clients?",
        "expected skill Cards, landed in Private Clients (2741903013)",
        "expected skill Business Banking, landed in Private Clients (2741903013)",
    ]


def test_the_summary_names_the_cases_that_failed_and_counts_the_others():
    found = verified(
        {**LANDED, "expected_skill": "Private Clients"},
        {**LANDED, "expected_skill": "Business Banking"},
        {**ANSWERED, "expected_skill": "Business Banking"},
        LANDED,
    )

    assert str(found) == (
        "4 cases: 1 passed, 1 failed, 1 not told, 1 expected nothing.\n"
        "failed  1: expected skill Business Banking, landed in Private Clients (2741903013)\n"
        "error   2: expected skill Business Banking, and where it landed is not known"
    )
    assert not found.ok
    assert repr(found) == "<Verification 4 cases: 1 passed, 1 failed, 1 not told, 1 expected nothing.>"
    assert found.table()["verdict"].tolist() == ["passed", "failed", "error", "skipped"]
    assert "<caption" in found._repr_html_()
    assert as_text(found).splitlines()[1].split("  ")[0] == "passed"
    with pytest.raises(AssertionError, match=r"^4 cases: 1 passed, 1 failed, "):
        found.raise_for_failures()


def test_a_thousand_failures_are_fifty_lines_and_a_count():
    found = verified(*[{**LANDED, "expected_skill": "x"}] * 1_000)

    assert str(found).startswith("1,000 cases: 0 passed, 1,000 failed.\n")
    assert str(found).endswith("\n... and 950 more.")
    assert str(found).count("\n") == 51
    assert found._repr_html_().count("<tr>") == 51


def test_all_as_expected_is_all_well():
    found = verified({**LANDED, "expected_skill": "Private Clients"}, LANDED)

    assert found.ok
    assert found.raise_for_failures() is found
    assert found._repr_html_() == "<p><b>2 cases: 1 passed, 0 failed, 1 expected nothing.</b></p>"


def test_cases_that_expect_nothing_cannot_be_verified():
    expect_something(cases_of([{"skillId": "1"}, {"expected_code": "OK"}]))
    with pytest.raises(InvalidValueError) as caught:
        expect_something(cases_of([{"skillId": "1"}]))

    assert str(caught.value) == (
        "No case expects anything. Give them a column expected_skill, expected_code, or both."
    )


def test_junit_has_a_test_case_for_each_case(tmp_path):
    found = verified(
        {**LANDED, "expected_skill": "Private Clients"},
        {**LANDED, "case": "a<b>&\x00\ud83d\"'", "expected_skill": "Business & Banking"},
        {**ANSWERED, "expected_skill": "Business Banking"},
        LANDED,
    )

    save_junit(found.name, found.checks, tmp_path / "out.xml")

    root = ElementTree.fromstring((tmp_path / "out.xml").read_bytes())
    assert root.tag == "testsuites"
    (suite,) = root
    assert suite.attrib == {
        "name": "cases.csv",
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
        "time": "0.048",
    }
    assert [(case.get("classname"), case.get("name"), [child.tag for child in case]) for case in suite] == [
        ("cases.csv", "0", []),
        ("cases.csv", "a<b>&\ufffd\ufffd\"'", ["failure"]),
        ("cases.csv", "2", ["error"]),
        ("cases.csv", "3", ["skipped"]),
    ]
    failure = suite[1][0]
    assert (
        failure.get("message") == "expected skill Business & Banking, landed in Private Clients (2741903013)"
    )
    assert failure.text == "expected: skill Business & Banking\ngot: skill Private Clients (2741903013)"
    assert [path.name for path in tmp_path.iterdir()] == ["out.xml"]


def test_junit_that_cannot_be_written_says_why(tmp_path):
    with pytest.raises(LpnbError, match=r"out\.xml cannot be written: No such file or directory\.$"):
        verified(LANDED).save_junit(tmp_path / "nowhere" / "out.xml")
    assert junit("cases", verified().checks).count("<testcase") == 0


@pytest.mark.parametrize("outcome", ["answered", "refused", "not sent", "unknown", "planned"])
@pytest.mark.parametrize("code", ["OK", "BAD_REQUEST", "http-503", None])
@pytest.mark.parametrize("landed", [{}, {"skill_id": "12", "skill_name": "Gold"}])
@pytest.mark.parametrize("wanted", [{"expected_code": "OK"}, {"expected_skill": "Gold"}, {}])
def test_the_table_of_a_run_and_its_verification_say_the_same(outcome, code, landed, wanted):
    passed = meets_expectation(outcome, code, landed, wanted)
    columns = {"case": "a", "outcome": outcome, "code": code, **wanted}
    columns |= {f"landed_{key.replace('_name', '')}": value for key, value in landed.items()}
    (check,) = verification_of(cases_table({name: [cell] for name, cell in columns.items()})).checks

    said = {True: "passed", False: "failed", None: "error" if wanted else "skipped"}
    assert check.verdict == said[passed]
