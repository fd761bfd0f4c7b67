"""Cases counted over their keys: what a user may ask for, and what is missing."""

from __future__ import annotations

import pandas as pd
import pytest

from lpnb import Client, InvalidValueError, Sandbox, Settings, run_experiment
from lpnb.experiments.runs.journal_rows import pivot_of

TABLE = pd.DataFrame(
    {
        "tier": ["vip", "vip", "gold", None],
        "branch": ["Vale Park", None, "Vale Park", "Vale Park"],
        "outcome": ["answered", "refused", "answered", "answered"],
        "http_status": pd.array([200, 400, None, 200], dtype="Int64"),
        "passed": pd.array([True, False, None, None], dtype="boolean"),
    }
)


def counted(index, columns=None, value="outcome"):
    return pivot_of(TABLE, index, columns, value).to_dict("index")


def test_cases_without_a_value_are_a_row_and_a_column_of_their_own():
    assert counted("tier") == {
        "(absent)": {"answered": 1, "refused": 0},
        "gold": {"answered": 1, "refused": 0},
        "vip": {"answered": 1, "refused": 1},
    }
    assert counted("tier", "branch") == {
        "(absent)": {"(absent)": "", "Vale Park": "answered"},
        "gold": {"(absent)": "", "Vale Park": "answered"},
        "vip": {"(absent)": "refused", "Vale Park": "answered"},
    }


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("http_status", {200: {"cases": 2}, 400: {"cases": 1}, "(absent)": {"cases": 1}}),
        ("passed", {False: {"cases": 1}, True: {"cases": 1}, "(absent)": {"cases": 2}}),
    ],
)
def test_numbers_and_truths_stand_beside_what_is_absent(key, found):
    assert counted(key, value=key) == found


def test_what_is_shown_may_be_one_of_the_keys_and_cases_are_counted():
    assert counted("outcome") == {"answered": {"cases": 3}, "refused": {"cases": 1}}
    assert counted("tier", "outcome") == counted("tier")
    assert counted(["tier", "outcome"], "branch") == {
        ("(absent)", "answered"): {"(absent)": 0, "Vale Park": 1},
        ("gold", "answered"): {"(absent)": 0, "Vale Park": 1},
        ("vip", "answered"): {"(absent)": 0, "Vale Park": 1},
        ("vip", "refused"): {"(absent)": 1, "Vale Park": 0},
    }


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (("tier", "tier"), "index and columns must be different columns; got ['tier', 'tier']."),
        ((["tier", "tier"], None), "index and columns must be different columns; got ['tier', 'tier']."),
        (([], "tier"), "index must name a column, or several; got []."),
    ],
)
def test_keys_that_make_no_table_are_refused(keys, said):
    with pytest.raises(InvalidValueError) as caught:
        pivot_of(TABLE, *keys, "outcome")

    assert str(caught.value) == said


def test_frames_can_be_had_with_the_keys_of_their_cases(tmp_path):
    cases = [{"case": "b", "ctmrinfo.ctype": "vip"}, {"case": "a", "skillId": "007"}]
    with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        run = run_experiment(client, cases, journal=tmp_path / "r.sqlite", progress=False)

    frames = run.responses("ctmrinfo.ctype", "skillId")

    pd.testing.assert_frame_equal(frames.drop(columns=["ctmrinfo.ctype", "skillId"]), run.responses())
    assert frames.drop_duplicates("case")[["case", "ctmrinfo.ctype", "skillId"]].fillna(
        "-"
    ).values.tolist() == [
        ["b", "vip", "-"],
        ["a", "-", "007"],
    ]
    assert [str(frames[key].dtype) for key in ("ctmrinfo.ctype", "skillId")] == ["str", "str"]
    with pytest.raises(InvalidValueError) as caught:
        run.responses("ctmrinfo.ctyp", "attempts")
    assert "Did you mean 'ctmrinfo.ctype'?" in str(caught.value)
    with pytest.raises(InvalidValueError) as caught:
        run.responses("attempts")
    assert str(caught.value) == "keys must not be columns of the frames; got 'attempts'."
