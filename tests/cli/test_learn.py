"""``lpnb learn``: a file of factors in, rules out."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from lpnb import RoutingRules, Sandbox, cases_of
from lpnb.cli.main import main

FACTORS = """
[factors]
ctmrinfo.ctype = ["vip", "gold", "business", ""]
"ctmrinfo.cstatus" = ["new", "card blocked", ""]
personal.gender = "FEMALE"
"""
OPTIONS = ["--budget", "40", "--validate", "10", "--quiet"]


@pytest.fixture
def world(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox that the command line finds in the environment, and a file of factors."""
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    Path("factors.toml").write_text(FACTORS, encoding="utf-8")
    return sandbox


def test_the_rules_are_printed_and_written_with_picture_and_cases(world, capsys):
    outputs = ["--out", "routing.json", "--picture", "rules.svg", "--cases", "suite.csv"]

    status = main(["learn", "factors.toml", *OPTIONS, *outputs, "--journal", "learn.sqlite"])

    captured = capsys.readouterr()
    assert status == 0
    assert "  1. If ctmrinfo.ctype is vip: Private Clients (25 % of the combinations;" in captured.out
    assert "This opens 40 conversations at account 12345678 on the sandbox at the most" in captured.err
    assert str(RoutingRules.load("routing.json")) == captured.out.rstrip("\n")
    assert "<svg" in Path("rules.svg").read_text(encoding="utf-8")
    assert cases_of("suite.csv").expectations == ["expected_skill"]


def test_a_file_that_cannot_be_written_costs_neither_the_rules_nor_the_other_files(
    world, capsys, monkeypatch
):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RoutingRules, "save", fail)
    outputs = ["--out", "routing.json", "--cases", "suite.csv"]

    status = main(["learn", "factors.toml", *OPTIONS, *outputs, "--journal", "learn.sqlite"])

    captured = capsys.readouterr()
    assert status == 1
    assert "  1. If ctmrinfo.ctype is vip: Private Clients (25 % of the combinations;" in captured.out
    assert "routing.json cannot be written: No space left on device.\n" in captured.err
    assert Path("suite.csv").exists()


def test_the_files_are_written_also_when_whoever_reads_the_rules_has_gone(world, monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        status = main(["learn", "factors.toml", *OPTIONS, "--out", "routing.json", "--cases", "suite.csv"])

    assert status == 1
    assert RoutingRules.load("routing.json").explains
    assert cases_of("suite.csv").expectations == ["expected_skill"]


def test_a_picture_that_cannot_be_drawn_is_refused_before_anything_is_sent(world, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    status = main(["learn", "factors.toml", *OPTIONS, "--picture", "rules.svg"])

    assert status == 2
    assert "Nothing was sent: --picture needs matplotlib, of the extra plots. " in capsys.readouterr().err
    assert not world.conversations


def test_a_budget_that_the_check_uses_up_is_said_in_options(world, capsys):
    status = main(["learn", "factors.toml", "--budget", "60"])

    assert status == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "--budget 60 leaves nothing to learn with, because --validate 60 of these check the result; "
        "try --validate 15."
    )
    assert not world.conversations


def test_what_changed_since_is_told(world, capsys):
    main(["learn", "factors.toml", *OPTIONS, "--out", "before.json", "--journal", "before.sqlite"])
    world.set_online("3180255705", False)  # the only agent of Business Banking
    capsys.readouterr()

    status = main(["learn", "factors.toml", *OPTIONS, "--start", "before.json", "--journal", "later.sqlite"])

    out = capsys.readouterr().out
    assert status == 0
    assert "Something changed since the rules that it began with" in out
    assert "before.compare(after) says what." in out
    heading, first, *_ = out.splitlines()[-2:]
    assert heading.split("  ")[0].strip() == "change"
    assert "gone" in first
    assert re.search(r" - +25 % ", first), first


def test_everything_wrong_with_a_call_is_said_at_once(world, capsys):
    Path("factors.toml").write_text('"ctmrinfo.ctypo" = ["vip", "gold"]\n', encoding="utf-8")

    status = main(
        ["learn", "factors.toml", "--start", "none.json", "--picture", "x.gif", "--out", "factors.toml"]
    )

    error = capsys.readouterr().err
    assert status == 2
    assert "Did you mean 'ctmrinfo.ctype'?" in error
    assert "none.json cannot be read: No such file or directory." in error
    assert "--picture must end in .png or .svg; got x.gif." in error
    assert "--out would write over factors.toml. Name another file." in error
    assert not world.conversations


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("nonsense", "factors.toml cannot be read: "),
        ("", "factors.toml needs a table [values] of columns and their values"),
        ('seeds = 1\n[factors]\na = ["b"]\n', "factors.toml must not hold 'seeds'"),
        ('"ctmrinfo.ctype" = ["vip"]\n', "No column has two values or more"),
        ('"ctmrinfo.ctype" = ["vip", "vip"]\n', "ctmrinfo.ctype has the value 'vip' twice."),
        ('zipped = [["a"]]\n[factors]\n"ctmrinfo.ctype" = ["vip", "gold"]\n', "zipped names 'a'"),
    ],
)
def test_a_file_of_factors_that_cannot_be_read_is_refused(world, capsys, text, rule):
    Path("factors.toml").write_text(text, encoding="utf-8")

    assert main(["learn", "factors.toml"]) == 2
    assert rule in capsys.readouterr().err


@pytest.mark.parametrize("name", ["kunden.csv", "kunden.xlsx", "kunden.parquet"])
def test_a_table_in_place_of_a_file_of_factors_is_answered_with_what_takes_it(world, capsys, name):
    Path(name).write_bytes(b"Kundennr;Name\n007;M\xfcller\n")

    assert main(["learn", name]) == 2
    assert capsys.readouterr().err == (
        f"{name} is no TOML file of columns and their values; lpnb learn --help describes one. "
        f"A table of cases is for lpnb send {name}, or lpnb why {name} for one of them.\n"
    )


def test_a_json_file_and_a_folder_in_place_of_a_file_of_factors_are_refused(world, capsys):
    Path("factors.json").write_text('{"ctmrinfo.ctype": ["vip", "gold"]}', encoding="utf-8")
    Path("factors").mkdir()

    for name in ("factors.json", "factors"):
        assert main(["learn", name]) == 2
        assert capsys.readouterr().err == (
            f"{name} is no TOML file of columns and their values; lpnb learn --help describes one.\n"
        )

    assert main(["learn", "none.csv"]) == 2
    assert capsys.readouterr().err == "none.csv cannot be read: No such file or directory.\n"
