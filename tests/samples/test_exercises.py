"""The exercises of the notebooks can be solved, and whoever is not there yet gets a hint."""

from __future__ import annotations

from pathlib import Path

import pytest

import lpnb
from lpnb.samples.exercises import EXERCISES, check

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
GERMAN_VIP = lpnb.ConversationBatch.build(
    [lpnb.CustomerInfo(ctype="vip"), lpnb.PersonalInfo(language="de-DE", firstname="Ines")]
)
RIGHT = {
    "1.1": "lp_consumer_id",
    "1.2": "x-lp-on-behalf",
    "2.1": GERMAN_VIP,
    "2.2": None,
    "3.1": "Cards & Payments",
    "3.2": str,
    "4.1": "unknown",
    "4.2": 2,
    "5.1": 5_000,
    "6.1": 24,
    "6.2": "private clients",
    "7.1": 1,
    "8.1": "lpnb doctor",
    "9.1": "Cards & Payments",
}
WRONG = {"2.1": lpnb.ConversationBatch.build([lpnb.CustomerInfo(ctype="vip")]), "2.2": "138766AC"}


def test_every_exercise_has_a_solution_here():
    assert list(RIGHT) == list(EXERCISES)


@pytest.mark.parametrize(("exercise", "answer"), RIGHT.items())
def test_the_right_answer_is_right_and_says_why(exercise, answer):
    checked = check(exercise, answer)

    assert checked.state == "right"
    assert str(checked) == f"{exercise}: right. {EXERCISES[exercise].because}"


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        ("3.1", "2741903011"),
        ("3.1", 2741903011),
        ("3.1", "cards and payments."),
        ("4.2", "2"),
        ("4.2", "two"),
        ("5.1", " 5,000 "),
        ("5.1", "five thousand"),
        ("6.1", 24.0),
        ("6.1", "24"),
        ("6.2", "Private Clients (2741903013)"),
        ("7.1", "1"),
        ("1.1", "`lp_consumer_id`"),
        ("3.2", "str"),
        ("8.1", "'lpnb doctor'"),
    ],
)
def test_a_right_answer_may_be_written_in_other_ways(exercise, answer):
    assert check(exercise, answer).state == "right"


@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_wrong_answer_gets_a_hint_and_is_no_error(exercise):
    checked = check(exercise, WRONG.get(exercise, "something else"))

    assert str(checked) == f"{exercise}: not yet. {EXERCISES[exercise].hint}"


@pytest.mark.parametrize("exercise", EXERCISES)
def test_an_open_exercise_says_what_to_do(exercise):
    checked = check(exercise, ...)

    assert str(checked) == f"{exercise}: open. Put your answer in place of the dots and run the cell again."


def test_an_exercise_that_there_is_not_is_refused():
    with pytest.raises(lpnb.InvalidValueError) as caught:
        check("9.9", 1)

    assert str(caught.value).startswith("exercise must be one of 1.1, 1.2, 2.1")


def test_what_is_checked_is_shown_as_text():
    assert check("1.1", "<b>")._repr_html_().startswith("<p><b>✘ 1.1</b> not yet. ")
