"""``lpnb why``: a case in, its reasons out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lpnb import Sandbox
from lpnb.cli.main import main


@pytest.fixture
def world(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox that the command line finds in the environment."""
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    return sandbox


def test_fields_that_are_named_are_asked_about(world, capsys):
    status = main(["why", "--set", "ctmrinfo.ctype=vip", "--set", "ctmrinfo.balance=500", "--quiet"])

    assert status == 0
    assert capsys.readouterr().out.splitlines() == [
        "It lands in Private Clients because ctmrinfo.ctype is vip.",
        "With none of its fields it lands in General Enquiries.",
        "Without ctmrinfo.ctype it lands in General Enquiries.",
    ]


def test_a_case_of_a_file_is_asked_about_by_its_name(world, capsys):
    Path("rows.csv").write_text(
        "case,ctmrinfo.ctype,personal.gender\na,business,MALE\nb,vip,MALE\n", encoding="utf-8"
    )

    assert main(["why", "rows.csv", "--case", "a", "--quiet", "--journal", "why.sqlite"]) == 0
    assert "It lands in Business Banking because ctmrinfo.ctype is business." in capsys.readouterr().out

    assert main(["why", "rows.csv", "--case", "A", "--quiet"]) == 2
    assert "--case must be one of 'a', 'b'; got 'A'." in capsys.readouterr().err

    assert main(["why", "rows.csv", "--quiet"]) == 2
    assert "rows.csv has 2 cases. Name one: --case a, or a customerId." in capsys.readouterr().err


def test_a_case_is_named_by_its_customer_too(world, capsys):
    Path("rows.csv").write_text(
        "ctmrinfo.customerId,ctmrinfo.ctype\n00417,business\n00418,vip\n00419,vip\n00419,business\n"
    )

    assert main(["why", "rows.csv", "--case", "00417", "--quiet", "--journal", "why.sqlite"]) == 0
    assert "It lands in Business Banking because ctmrinfo.ctype is business." in capsys.readouterr().out

    assert main(["why", "rows.csv", "--case", "00419", "--quiet"]) == 2
    assert capsys.readouterr().err == (
        "00419 is the customer of several cases: case-00003, case-00004. Name one with --case.\n"
    )


def test_a_name_where_an_id_belongs_is_said_before_it_is_asked_about(world, capsys):
    main(["why", "--set", "skillId=Mortgages", "--quiet", "--journal", "why.sqlite"])

    assert "skillId holds 'Mortgages', which is no id" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ([], "Name either fields, such as --set ctmrinfo.ctype=vip, or a case of a file"),
        (
            ["--set", "ctmrinfo.ctype"],
            "--set needs COLUMN=VALUE, such as ctmrinfo.ctype=vip; got 'ctmrinfo.ctype'.",
        ),
        (
            ["ctmrinfo.ctype=vip"],
            "There is no file ctmrinfo.ctype=vip. Did you mean --set ctmrinfo.ctype=vip?",
        ),
        (["--set", "ctmrinfo.ctypo=vip"], "Did you mean 'ctmrinfo.ctype'?"),
    ],
)
def test_a_call_that_names_no_case_is_refused(world, capsys, options, rule):
    assert main(["why", *options]) == 2
    assert rule in capsys.readouterr().err
    assert not world.conversations


def test_zeros_that_a_case_name_lacks_are_said(world, capsys):
    Path("rows.csv").write_text("ctmrinfo.customerId,ctmrinfo.ctype\n00417,business\n00418,vip\n")

    assert main(["why", "rows.csv", "--case", "417", "--quiet"]) == 2

    assert capsys.readouterr().err == "There is no case 417 in rows.csv. Did you mean 00417?\n"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("card", "Fields have the wire's names, such as ctmrinfo.ctype; lpnb.case_columns() lists them."),
        ("Customer type", "Did you mean 'ctmrinfo.ctype'?"),
        ("ctmrinfo.ctyp", "Did you mean 'ctmrinfo.ctype'?"),
    ],
)
def test_a_field_that_does_not_exist_is_answered_with_the_nearest(world, capsys, name, hint):
    assert main(["why", "--set", f"{name}=gold"]) == 2

    assert capsys.readouterr().err == f"{name!r} is not a field that lpnb knows. {hint}\n"


def test_the_call_that_an_interrupt_names_goes_on(world, capsys, monkeypatch):
    class Interrupt:
        def show(self, _: object) -> None:
            raise KeyboardInterrupt

        def close(self, _: object) -> None: ...

    world.fail("conversation", "slow", seconds=0.3)
    call = ["why", "--set", "ctmrinfo.ctype=vip", "--quiet"]

    with monkeypatch.context() as patch:
        patch.setattr("lpnb.experiments.runs.run.display_for", lambda *_: Interrupt())
        main(call)
    stopped = capsys.readouterr().err
    sentence = re.search(r"The same call with (--journal runs/\S+\.sqlite) goes on\.\n", stopped)

    assert sentence, stopped
    assert main([*call, *sentence[1].split()]) == 0
    assert "It lands in Private Clients because ctmrinfo.ctype is vip." in capsys.readouterr().out
