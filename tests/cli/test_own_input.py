"""No command writes its result over what it was given, and a column that is set twice is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import lpnb
from lpnb.cli.main import main
from lpnb.experiments.cases.grid_file import grid_arguments
from lpnb.sandbox.services.history.filters import FilterError, _mcs_alerts


def test_compare_does_not_write_over_a_table_that_it_compares(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv"):
        Path(name).write_text("case,outcome\nx,answered\n", encoding="utf-8")

    assert main(["compare", "a.csv", "b.csv", "--out", "b.csv"]) == 2

    assert capsys.readouterr().err == "--out would write over b.csv. Name another file.\n"
    assert Path("b.csv").read_text(encoding="utf-8") == "case,outcome\nx,answered\n"


def test_a_world_is_not_written_over_its_source(tmp_path, sandbox):
    journal = tmp_path / "run.sqlite"
    with lpnb.Client(lpnb.Settings.of(sandbox.environment())) as client:
        lpnb.run_experiment(client, [{"skillId": "2741903011"}], journal=journal, progress=False)
        before = journal.read_bytes()

        with pytest.raises(lpnb.InvalidValueError, match="out would write over"):
            lpnb.account_world(client, journal, out=journal)

    assert journal.read_bytes() == before


def test_a_column_that_is_set_twice_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    assert main(["why", "--set", "skillId=1", "--set", "skillId=2"]) == 2

    assert "skillId is set more than once." in capsys.readouterr().err


def test_a_grid_file_that_excludes_a_value_that_there_is_not_is_refused(tmp_path):
    file = tmp_path / "grid.toml"
    text = '[values]\n"ctmrinfo.ctype" = ["vip", "gold"]\n[[exclude]]\n"ctmrinfo.ctype" = "vp"\n'
    file.write_text(text, encoding="utf-8")

    with pytest.raises(lpnb.InvalidValueError, match="exclude names 'vp', which is no value of"):
        grid_arguments(file)


def test_a_filter_of_objects_where_numbers_belong_is_refused():
    with pytest.raises(FilterError, match="alertedMcsValues must be an array of"):
        _mcs_alerts("alertedMcsValues", [{}])


OWN = "Kundennummer;Vorname;Kundentyp;Kundentyp alt;Bemerkung\n000417;Ines;vip;gold;ruft an\n"
MAP = """[columns]
"Kundennummer" = "ctmrinfo.customerId"
"Vorname" = "personal.firstname"
"Kundentyp" = "ctmrinfo.ctype"
"Kundentyp alt" = ""
"Bemerkung" = "note.message"
"""


def test_a_workbook_of_results_has_the_cases_under_the_headers_of_their_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("kunden.csv").write_text(OWN, encoding="utf-8")
    Path("map.toml").write_text(MAP, encoding="utf-8")
    send = ["send", "kunden.csv", "--map", "map.toml", "--journal", "j.sqlite", "-q"]

    assert main([*send, "--out", "ergebnis.xlsx"]) == 0
    assert main(["send", "--resume", "--journal", "j.sqlite", "-q", "--out", "again.xlsx"]) == 0
    assert main(["send", "--resume", "--journal", "j.sqlite", "-q", "--out", "ergebnis.csv"]) == 0

    import pandas as pd

    for name in ("ergebnis.xlsx", "again.xlsx"):
        table = pd.read_excel(name, dtype=str)
        own = table[["Kundennummer", "Vorname", "Kundentyp", "Bemerkung"]]
        assert own.to_numpy().tolist() == [["000417", "Ines", "vip", "ruft an"]]
        assert list(table.columns)[:7] == ["case", *own.columns, "outcome", "landed_skill"]
        assert table["outcome"].tolist() == ["answered"]
    wire = ["ctmrinfo.customerId", "personal.firstname", "ctmrinfo.ctype", "note.message"]
    assert list(pd.read_csv("ergebnis.csv").columns)[-4:] == wire


@pytest.mark.parametrize("header", ["outcome", "Passed"])
def test_a_header_that_is_a_column_of_results_stays_as_on_the_wire(tmp_path, monkeypatch, capsys, header):
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text(f"{header};Kundentyp\nx;vip\n", encoding="utf-8")
    Path("map.toml").write_text(f'[columns]\n"{header}" = "note.mine"\n', encoding="utf-8")

    assert main(["send", "rows.csv", "--map", "map.toml", "-q", "--out", "rows.xlsx"]) == 0

    import pandas as pd

    assert list(pd.read_excel("rows.xlsx").columns)[1:3] == ["note.mine", "Kundentyp"]


def test_headers_that_differ_in_case_alone_stay_as_on_the_wire(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text("Kunde;KUNDE;Kundentyp\n1;2;vip\n", encoding="utf-8")
    names = {"Kunde": "note.first", "KUNDE": "note.second"}

    assert lpnb.cases_of("rows.csv", columns=names).own_headers == {"ctmrinfo.ctype": "Kundentyp"}


def test_a_workbook_of_many_own_columns_and_of_a_dry_run_is_written(tmp_path, monkeypatch, sandbox):
    monkeypatch.chdir(tmp_path)
    headers = [f"Spalte {number}" for number in range(1_000)]
    Path("rows.csv").write_text(f"{';'.join(headers)}\n{';'.join('x' for _ in headers)}\n", encoding="utf-8")
    cases = lpnb.cases_of("rows.csv", columns={header: f"note.{header}" for header in headers})

    with lpnb.Client(lpnb.Settings.of(sandbox.environment())) as client:
        lpnb.run_experiment(client, cases, dry_run=True).save("rows.xlsx")

    import pandas as pd

    assert list(pd.read_excel("rows.xlsx").columns)[1:1001] == headers


def test_an_unknown_header_is_answered_with_the_column_that_may_be_meant(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text("Typ;Betrag\nvip;12\n", encoding="utf-8")

    assert main(["send", "rows.csv"]) == 2

    assert capsys.readouterr().err.splitlines()[1:] == [
        "  - 'Typ' is not a column that lpnb knows. Did you mean 'ctmrinfo.ctype'?",
        "  - 'Betrag' is not a column that lpnb knows. Did you mean 'ctmrinfo.balance'?",
        "lpnb columns rows.csv --map map.toml writes down what its headers mean.",
    ]
