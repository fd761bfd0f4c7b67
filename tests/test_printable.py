"""What is printed is text: nothing in it moves a cursor, hides a word or forges a line of a build's log."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lpnb import Grid, Settings, errors, print_table
from lpnb._printable import json_lines, lines, one_line
from lpnb.cli.main import main
from lpnb.diagnostics.doctor import DoctorCheck, DoctorReport
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.cases import cases_of
from lpnb.experiments.runs.dry_run import print_requests
from lpnb.experiments.runs.reconcile import Settled
from lpnb.experiments.verification.checks import CaseCheck
from lpnb.experiments.verification.verify import Verification
from lpnb.models.responses import BatchResponse, Pair

#: One of each kind: a line that is none of ours, a cursor moved, a title set, words overridden, words erased.
HOSTILE = [
    "a\n::warning::x",
    "::error file=a.py::x",
    "a\r::set-output name=x::y",
    "##vso[task.setvariable variable=x]y",
    "say ##[error]x",
    "##teamcity[testFailed name='x']",
    "\x1b[2J\x1b[1;1Hx",
    "\x1b]0;title\x07x",
    "\x9b2Jx",
    "x\b\b\b",
    "\u202egnp.exe",
    "\u2066a\u2069b",
    "a\u2028b",
    "a\x85b",
    "a\x0bb\x0cc",
    "\x00a",
    "\ud800a",
]
_COMMAND = re.compile(r"^\s*::\w|##\w*\[", re.MULTILINE)


def is_harmless(text: str) -> bool:
    """Whether a terminal shows every letter of *text* where it stands, and a log takes none for a command."""
    plain = text.replace("\n", "").replace("\t", "")
    odd = {"Cc", "Zl", "Zp", "Cs"}
    overrides = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    return not (
        any(unicodedata.category(letter) in odd or letter in overrides for letter in plain)
        or _COMMAND.search(text)
    )


@given(st.text(st.characters() | st.sampled_from("\n\r\t\x1b:#[\u202e\x9b w"), max_size=12))
@example("#" * 3 + "vso[")
@example("\u3000::x")
def test_any_text_is_harmless_in_one_line_in_lines_and_in_json(text):
    assert is_harmless(one_line(text))
    assert "\n" not in one_line(text)
    assert one_line(one_line(text)) == one_line(text)
    assert is_harmless(lines(text))
    assert lines(text).count("\n") == text.count("\n")
    said = json.dumps([text], ensure_ascii=False)
    assert is_harmless(json_lines(said))
    assert json.loads(json_lines(said)) == [text]


@pytest.mark.parametrize(
    "text",
    ["Grüße, 你好 שלום 👩\u200d💻 e\u0301", "fe80::1", "a ::b", "# heading", "## [x]", "C:\\new\\table"],
)
def test_ordinary_text_stays_as_it_is(text):
    assert one_line(text) == lines(text) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_every_object_prints_what_came_from_elsewhere_as_text(text):
    pair = Pair(text, text, False, text, text)
    reply = BatchResponse(text, "refused", (pair,), text)
    check = CaseCheck(text, "failed", text, text, text, 0.1)

    for shown in (
        str(reply),
        repr(reply),
        str(Verification((check,))),
        str(DoctorReport([DoctorCheck("history", "fail", text, text)])),
        str(Settled(unknown=(text,), reasons={text: text})),
    ):
        assert is_harmless(shown), shown
    assert reply.pairs[0].message == text


@pytest.mark.parametrize("text", HOSTILE[:-1])  # pandas has no half characters in text
@pytest.mark.parametrize("width", [None, 10])
def test_a_printed_table_has_a_line_for_each_row_whatever_its_cells_hold(text, width, capsys, monkeypatch):
    monkeypatch.setattr("lpnb.tables.text.room", lambda: width)
    table = pd.DataFrame({text: [text, "b"], "long": ["x" * 30, text]})

    print_table(table)

    out = capsys.readouterr().out
    assert is_harmless(out)
    assert out.count("\n") == (3 if width is None else 5)


ERRORS = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.LpnbError)
]


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("text", HOSTILE)
def test_every_error_says_what_came_as_text(kind, text):
    if kind is InvalidValueError:
        error = kind([Complaint("", f"Row 1 has {text}."), Complaint("", text)])
    elif kind is errors.ChangedCasesError:
        error = kind(f"{text} has changed.", [])
    elif issubclass(kind, errors.RefusedError | errors.NoAnswerError):
        error = kind(f"{text} was refused.", None)
    else:
        error = kind(f"{text} was refused.")

    assert is_harmless(str(error))


def test_an_error_has_only_the_lines_that_are_its_own():
    assert str(InvalidValueError([Complaint("", "a\nb"), Complaint("", "c")])).count("\n") == 2
    assert str(errors.RefusedError("The service says: a\nb", None)) == r"The service says: a\nb"
    assert str(errors.SettingsError("2 are wrong:\n- a\n- b")) == "2 are wrong:\n- a\n- b"


def test_a_dry_run_and_a_preview_print_payloads_that_say_the_same(capsys):
    text = "\u202e\x9b##vso[x]\n::warning::y"
    cases = cases_of([{"case": text, "consumer_id": text, "personal.firstname": text}])

    print_requests(Settings("1", "a", "b"), cases, 1)
    preview = str(cases.preview(1))

    out = capsys.readouterr().out
    assert is_harmless(out)
    assert is_harmless(preview)
    for shown in (out, preview):
        frames, _ = json.JSONDecoder().raw_decode(shown, shown.index("[\n"))
        assert text in json.dumps(frames, ensure_ascii=False).replace("\\n", "\n")


def test_a_grid_of_hostile_values_is_shown_as_text():
    grid = Grid({"ctmrinfo.ctype": ["\u202ea", "::error::b"]})

    assert is_harmless(f"{grid!r}\n{grid.preview(2)}")


@pytest.mark.parametrize("command", ["send", "verify"])
def test_the_commands_print_cases_and_outcomes_as_text(command, tmp_path, capsys, sandbox, monkeypatch):
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    names = [text for text in HOSTILE if "\ud800" not in text and "\x00" not in text]
    path = tmp_path / "rows\n::warning::of a file.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["case", "ctmrinfo.ctype", "expected_code"])
        rows.writerows([f"{name} {number}", "vip", name] for number, name in enumerate(names))

    assert main([command, str(path)]) == (0 if command == "send" else 1)
    said = capsys.readouterr()

    assert is_harmless(said.out)
    assert is_harmless(said.err.replace("\r", "").replace("\x1b[A", ""))  # the bar's own
    if command == "send":
        assert len(said.out.splitlines()) >= len(names) + 1
        journal = next(Path("runs").glob("*.sqlite"))
        assert main(["send", "--resume", "--journal", str(journal), "--json", "--quiet"]) == 0
        out = capsys.readouterr().out
        assert is_harmless(out)
        assert [row["case"] for row in json.loads(out)] == [f"{name} {n}" for n, name in enumerate(names)]
