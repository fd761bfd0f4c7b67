"""``report``: one HTML file from a run, a verification or learned rules, and ``lpnb report``."""

from __future__ import annotations

import re
from html import unescape
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

import lpnb
from lpnb import InvalidValueError, RoutingRules, Steps, report, run_experiment
from lpnb.cli.main import main
from lpnb.experiments.learning.decision_list import Rule
from lpnb.experiments.learning.factors import Factors
from lpnb.experiments.learning.learner import Validation
from lpnb.experiments.report.page import ReportSection

CASES = [
    {"ctmrinfo.ctype": tier, "ctmrinfo.role": role, "ctmrinfo.customerId": f"c-{tier}-{role}"}
    for tier, role in product(("business", "vip", "gold"), ("owner", "1 < 2"))
]


def text(path: str | Path) -> str:
    """What a reader sees."""
    page = Path(path).read_text(encoding="utf-8")
    return unescape(re.sub(r"<[^>]+>", "\n", re.sub(r"(?s)<style>.*?</style>", "", page)))


@pytest.fixture
def two_runs(client, sandbox):
    options = {"steps": Steps(landing=True), "progress": False}
    before = run_experiment(client, CASES, journal="monday.sqlite", **options)
    sandbox.set_online("3180255704", False)
    return before, run_experiment(client, list(reversed(CASES)), journal="tuesday.sqlite", **options)


def test_a_run_is_told_from_question_to_certainty(two_runs):
    before, after = two_runs

    path = report(after, "tuesday.html", against=before)

    said = text(path)
    for sentence in (
        "Where conversations land: tuesday",
        "Account 12345678 (a sandbox, not a real account)",
        "Which fields of a customer decide in which skill the conversation lands?",
        "6 conversations: 6 cases landed in 2 skills.",
        "ctmrinfo.ctype decides the most: 100 % of the cases landed where most cases with this value did.",
        "2 rules explain all 6 cases.",
        "Since the run before, 2 of 6 cases moved to another skill, from Private Clients to General "
        "Enquiries.",
        "6 cases: 2 moved, 4 stayed. Cases were known again by what was sent.",
        "6 of the 6 combinations of these values were sent.",
        "learn_routing validates its rules",
        "Personal columns are left out.",
    ):
        assert sentence in said
    headings = re.findall(r"<h2>(.*?)</h2>", path.read_text(encoding="utf-8"))
    assert headings == [
        "What was tried", "Which rules decide", "Where they land", "What moved", "How sure is this",
        "The cases",
    ]  # fmt: skip


def test_the_file_fetches_nothing_has_both_themes_and_shows_values_as_text(two_runs):
    page = report(two_runs[1], "tuesday.html").read_text(encoding="utf-8")

    assert not re.search(r"(src|href|srcset)=\"(?!data:)", page)
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "default-src 'none'" in page
    assert page.count('prefers-color-scheme: dark)" srcset="data:image/svg+xml;base64,') == 2
    assert "1 < 2" not in page
    assert "1 &lt; 2" in page
    assert "c-vip" not in page


def test_a_title_and_a_question_of_one_s_own_stand_at_the_top(two_runs):
    said = text(
        report(two_runs[0].table(), "own.html", title="Tuesday", question="Did the adviser's leave matter?")
    )

    assert "Tuesday" in said
    assert "Did the adviser's leave matter?" in said
    assert "What moved" not in said


def test_a_column_of_numbers_stands_on_the_right_and_an_empty_one_does_not():
    section = ReportSection("Moved")

    section.table("Moves", ["cases", "before"], [[3, None], [None, None]])

    head = section.parts[0].partition("</thead>")[0]
    assert head.endswith('<th scope="col" class="number">cases</th><th scope="col">before</th></tr>')


def test_a_run_that_landed_nowhere_is_told_as_such(client):
    run = run_experiment(client, CASES, journal="silent.sqlite", progress=False)

    said = text(report(run, "silent.html"))

    assert "6 conversations: 0 cases landed in 0 skills, of 6 it is not known where they landed." in said
    assert "No field was varied, so nothing can be said of what decides." in said
    assert "6 cases without a known landing count for nothing here." in said


def test_without_matplotlib_the_report_has_words_and_tables(two_runs, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)

    said = text(report(two_runs[1], "plain.html"))

    assert "Pictures need matplotlib" in said
    assert "General Enquiries" in said


def test_a_verification_is_told_with_what_failed_and_what_moved(client, sandbox):
    cases = [
        {**case, "expected_skill": "Private Clients"} for case in CASES if case["ctmrinfo.ctype"] == "vip"
    ]
    lpnb.verify(client, cases, journal="monday.sqlite", progress=False)
    sandbox.set_online("3180255704", False)
    verification = lpnb.verify(client, cases, journal="tuesday.sqlite", since="monday.sqlite", progress=False)

    said = text(report(verification, "verified.html"))

    assert "2 cases: 0 passed, 2 failed." in said
    assert "Since the run before, 2 of 2 cases moved to another skill" in said
    assert "moved from Private Clients to General Enquiries; expected skill Private Clients" in said
    assert "Each case was sent once" in said


def test_learned_rules_are_told_with_their_bound_and_what_changed(tmp_path):
    factors = Factors.of({"ctmrinfo.ctype": ["business", "vip", None], "ctmrinfo.role": ["owner", "guest"]})
    skills = ["General Enquiries", "Private Clients", "Business Banking"]
    business, vip = Rule(((0, 0b001),), 2), Rule(((0, 0b010),), 1)
    before = RoutingRules(factors, [business, vip, Rule((), 0)], skills)
    RoutingRules(
        factors, [business, Rule((), 0)], skills, validations=[Validation(60, 0, 0.95, 0.0487)]
    ).save("after.json")

    said = text(report("after.json", "rules.html", against=before))

    for sentence in (
        "2 rules say where conversations land. Where 6 combinations of 2 factors land, from 0 sends.",
        "60 cases drawn at random were predicted before being sent, and 0 landed elsewhere: at most 4.9 %",
        "Since the rules before, 1 rule changed, which moves 33 % of the combinations.",
        "2. ctmrinfo.ctype is vip: Private Clients",
        "business, vip, absent",
    ):
        assert sentence in said
    with pytest.raises(InvalidValueError) as caught:
        report(before, "rules.html", against=pd.DataFrame())
    assert "against must be learned rules too, or their .json file; got " in str(caught.value)


@pytest.mark.parametrize(
    ("subject", "path", "message"),
    [
        (5, "a.html", "subject must be a run, the path of its journal, its table, a verification, or learned "
         "rules; got 5."),
        (pd.DataFrame({"x": [1]}), "a.html", "before has no column 'outcome'; it has 'x'."),
        ("nothing.csv", "a.html", "nothing.csv cannot be read: No such file or directory."),
        (pd.DataFrame(), "a.pdf", "path must end in .html; got 'a.pdf'."),
        (pd.DataFrame(), "nowhere/a.html", "nowhere/a.html cannot be written: there is no folder nowhere."),
    ],
)  # fmt: skip
def test_what_cannot_be_told_or_written_is_refused(subject, path, message):
    with pytest.raises(InvalidValueError) as caught:
        report(subject, path)

    assert message in str(caught.value)
    assert not Path(path).exists()


def test_the_command_line_writes_the_same_file(two_runs, capsys):
    assert main(["report", "tuesday.sqlite", "--against", "monday.sqlite", "-o", "tuesday.html"]) == 0
    assert capsys.readouterr().out == "tuesday.html\n"
    assert "2 of 6 cases moved" in text("tuesday.html")
    assert main(["report", "nothing.sqlite", "-o", "tuesday.html"]) == 2
    assert capsys.readouterr().err == (
        "There is no file nothing.sqlite. A report is made from a journal, a run's table as CSV or Parquet, "
        "or learned rules as JSON.\n"
    )
    assert main(["report", "nothing.sqlite", "--against", "none.csv", "-o", "tuesday.html"]) == 2
    assert capsys.readouterr().err.startswith(
        "There is no file nothing.sqlite and no file none.csv. A report "
    )
    assert main(["report", "tuesday.sqlite", "monday.sqlite", "-o", "tuesday.html"]) == 2
    assert capsys.readouterr().err == (
        "A report is of one run. To say what moved since an earlier one: "
        "lpnb report tuesday.sqlite --against monday.sqlite -o FILE\n"
    )
    assert main(["report", "tuesday.sqlite", "-o", "tuesday.pdf"]) == 2
    assert "path must end in .html; got 'tuesday.pdf'." in capsys.readouterr().err
