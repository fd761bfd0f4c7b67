"""Tables as business people have them: Excel, separators, encodings, commas, dates, headers, empty rows."""

from __future__ import annotations

import datetime
import shutil
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lpnb
from lpnb import Client, InvalidValueError, Sandbox, Settings
from lpnb.cli.main import main
from lpnb.experiments.cases import excel_file
from lpnb.experiments.cases.cases import cases_of
from lpnb.experiments.cases.headers import match_headers
from lpnb.experiments.runs.dry_run import odd_values

TABLES = Path(__file__).parents[1] / "data" / "tables"
FIRST = {
    "ctmrinfo.ctype": "Gold",
    "personal.firstname": "Óscar",
    "personal.lastname": "O'Connor",
    "ctmrinfo.customerId": "0058490",
    "ctmrinfo.balance": 366377.92,
    "personal.age": datetime.date(1987, 11, 16),
    "ctmrinfo.companyBranch": "Harbour Street",
}


def table(tmp_path, text, name="rows.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def workbook(tmp_path, *rows, sheet="Kunden", **others):
    book = openpyxl.Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(row)
    for name, more in others.items():
        added = book.create_sheet(name)
        for row in more:
            added.append(row)
    book.save(tmp_path / "rows.xlsx")
    return tmp_path / "rows.xlsx"


def values(path, **options):
    return [dict(case.values) for case in cases_of(path, **options)]


def refusal(path, **options):
    with pytest.raises(InvalidValueError) as caught:
        cases_of(path, **options).check()
    return str(caught.value)


# Rows and columns


def test_rows_in_which_every_cell_is_empty_are_no_cases():
    cases = cases_of(TABLES / "deleted-rows.csv")

    assert [(case.name, dict(case.values), dict(case.expected)) for case in cases] == [
        ("a", {"ctmrinfo.ctype": "vip"}, {"expected_skill": "Private Clients"})
    ]
    assert cases.notes == ["2 empty rows left out."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("case,skillId\na,1\n , \t\nb,2\n", ["a", "b"]),
        ("case,skillId\n,\na,1\n", ["a"]),
        ("case;skillId\r\na;1\r\n;\r\n\r\n;\r\nb;\r\n", ["a", "b"]),
    ],
    ids=["blanks", "at the top", "semicolons and blank lines"],
)
def test_empty_rows_of_other_makes_are_left_out_too(tmp_path, text, expected):
    assert cases_of(table(tmp_path, text)).names == expected


def test_empty_rows_of_a_workbook_are_left_out(tmp_path):
    path = workbook(tmp_path, ["case", "skillId"], [None, None], ["a", "1"], [" ", None], ["b", "2"])

    assert cases_of(path).names == ["a", "b"]


def test_columns_without_a_name_and_without_a_value_are_dropped():
    assert values(TABLES / "empty-last-columns.csv") == [
        {"ctmrinfo.ctype": "vip"},
        {"ctmrinfo.ctype": "gold"},
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("case,,skillId\na,x,1\n", "Column B has no name and 1 value. Name it, or leave it out."),
        ("case,skillId,\na,1,x\nb,2,y\n", "Column C has no name and 2 values. Name it, or leave it out."),
        (
            "case,skillId" + "," * 30 + "x\na,1" + "," * 25 + "z" + "," * 5 + "\n",
            "Column AA has no name and 1 value",
        ),
    ],
    ids=["in the middle", "at the end", "beyond Z"],
)
def test_a_column_with_values_and_no_name_is_named_by_its_letter(tmp_path, text, said):
    assert said in refusal(table(tmp_path, text))


def test_cells_beyond_the_header_that_are_empty_do_no_harm(tmp_path):
    assert values(table(tmp_path, "case,skillId\na,1,,\nb,2\n")) == [{"skillId": "1"}, {"skillId": "2"}]


# Ids


def test_ids_with_a_point_from_a_column_with_gaps_are_sent_without_it():
    cases = cases_of(TABLES / "ids-with-gaps-from-pandas.csv")

    assert [dict(case.values) for case in cases] == [{"skillId": "2741903011"}, {}]
    assert cases.notes == [
        "skillId: 1 of 1 read without what is not part of an id: '2741903011.0' as '2741903011'."
    ]


@pytest.mark.parametrize(
    ("column", "cell", "sent"),
    [
        ("skillId", "2.741.903.011", "2741903011"),
        ("skillId", '"2,741,903,011"', "2741903011"),
        ("campaignInfo.campaignId", " 880524014 ", "880524014"),
        ("campaignInfo.engagementId", "880524120\u00a0", "880524120"),
        ("skillId", "\u200b2741903011", "2741903011"),
        ("skillId", '"=""2741903011"""', "2741903011"),
        ("ctmrinfo.customerId", '"=""000417"""', "000417"),
        ("ctmrinfo.customerId", "417.0", "417"),
    ],
)
def test_what_a_tool_put_into_an_id_is_taken_out_where_the_meaning_is_plain(tmp_path, column, cell, sent):
    assert values(table(tmp_path, f"case,{column}\na,{cell}\n")) == [{column: sent}]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("NULL", "skillId: 1 of 1 hold 'NULL', which is no value. Empty the cells."),
        (
            "#REF!",
            "skillId: 1 of 1 hold #REF!, the error of a formula. Compute it in the spreadsheet, or empty "
            "the cells.",
        ),
        (
            "#NV",
            "skillId: 1 of 1 hold #NV, the error of a formula. Compute it in the spreadsheet, or empty "
            "the cells.",
        ),
        ("n/a", "skillId: 1 of 1 hold 'n/a', which is no value. Empty the cells."),
    ],
)
def test_a_cell_that_holds_no_value_is_refused_once_for_its_column(tmp_path, cell, said):
    assert refusal(table(tmp_path, f"case,skillId\na,{cell}\nb,\n")) == said


@pytest.mark.parametrize(
    "cell", ["{{skillId}}", "<skillid>", "YOUR_SKILL_ID", "%SKILL%", "$SKILL", ":skillId"]
)
def test_a_placeholder_that_nobody_filled_in_is_a_complaint_by_name(cell):
    assert (
        refusal([{"skillId": cell}])
        == f"Row 1, skillId must be filled in; got {cell!r}. It is a placeholder."
    )


@pytest.mark.parametrize("cell", ["TODO", "TBD", "FIXME", "XXXX", "xxxxxx"])
def test_a_word_or_mask_that_somebody_may_mean_is_sent_and_pointed_out(cell):
    cases = cases_of([{"ctmrinfo.role": cell}])
    cases.check()

    assert cases[0].values["ctmrinfo.role"] == cell
    assert f"{cell} is a placeholder." in "".join(odd_values(cases))


@pytest.mark.parametrize(
    "cell", ["#SALE!", "#YES!", "#WINTER SALE!", "#1!", "#NEXT?", "#metoo", "12:30", "Re: x"]
)
def test_text_with_the_signs_of_an_error_or_a_placeholder_is_text(cell):
    cases = cases_of([{"ctmrinfo.role": cell}])
    cases.check()

    assert cases[0].values["ctmrinfo.role"] == cell
    assert list(odd_values(cases)) == []


def test_a_placeholder_for_the_account_is_filled_in_when_sent():
    (case,) = cases_of([{"brandId": "{accountid}", "skillId": "1"}])

    assert dict(case.values) == {"skillId": "1"}
    assert case.batch().to_wire("12345678")[1]["body"]["brandId"] == "12345678"


def test_a_number_beside_texts_with_zeros_is_pointed_out():
    cases = cases_of(TABLES / "business-headers.xlsx")

    assert cases.notes[0] == (
        "Customer number (ctmrinfo.customerId): 58490 is a number beside texts such as 0078574: it may "
        "have lost its "
        "zeros. Format the column as text and fill it in anew (14 of 40 cells)."
    )


# Numbers and dates


def test_a_german_file_from_windows_is_read():
    cases = cases_of(TABLES / "german-cp1252.csv")

    assert [
        (case.name, case.consumer_id, case.values["personal.firstname"], case.values["ctmrinfo.balance"])
        for case in cases
    ] == [("erster", "k-1", "Jürgen", 1234.56), ("zweiter", "k-2", "Zoë", -12.5)]
    assert [case.values["ctmrinfo.customerId"] for case in cases] == ["000417", "1,00E+11"]
    assert cases.notes == [
        "german-cp1252.csv is not UTF-8; it was read as Windows text (cp1252), such as 'Jürgen'. If that is "
        "wrong, say --encoding.",
        "ctmrinfo.customerId: 1,00E+11 looks like an id that a spreadsheet has rounded: digits are lost. "
        "Format its "
        "column as text and fill it in anew.",
        "ctmrinfo.balance: 2 of 2 look like 1.234,56; read as 1234.56.",
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1252"])
def test_a_file_in_any_usual_encoding_is_read(tmp_path, encoding):
    path = table(tmp_path, "case;personal.firstname\r\na;Jürgen\r\n", encoding=encoding)

    assert values(path) == [{"personal.firstname": "Jürgen"}]


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1.234,56", "-12,5", "7"], [1234.56, -12.5, 7]),
        (["1,234.56", "12.5"], [1234.56, 12.5]),
        (["1'234.50", "1 234 567,5"], None),
        (["1\u00a0234,5", "€ 2.000,00", "3,5 €"], [1234.5, 2000.0, 3.5]),
        (["1.234.567", "2"], [1234567, 2]),
        (["0.125"], [0.125]),
        (["12.5", "1.234"], [12.5, 1.234]),
    ],
)
def test_the_decimal_sign_is_recognised_by_column(tmp_path, cells, numbers):
    path = table(
        tmp_path, "case;ctmrinfo.balance\n" + "".join(f"{n};{cell}\n" for n, cell in enumerate(cells))
    )

    if numbers is None:
        assert "has a decimal comma and" in refusal(path)
    else:
        assert [row["ctmrinfo.balance"] for row in values(path)] == numbers


def test_a_column_that_can_be_read_two_ways_is_refused_with_the_option_that_decides(tmp_path):
    path = table(tmp_path, "case;ctmrinfo.balance\na;1.234\nb;12\n")

    assert refusal(path) == (
        "ctmrinfo.balance: 1 of 2 can be read two ways: 1.234 is 1234 with a decimal comma and 1.234 "
        "with a decimal "
        'point. Say which: decimal="," or decimal="." (--decimal).'
    )
    assert [row["ctmrinfo.balance"] for row in values(path, decimal=",")] == [1234, 12]
    assert [row["ctmrinfo.balance"] for row in values(path, decimal=".")] == [1.234, 12]


@pytest.mark.parametrize(
    ("cells", "last"),
    [
        (["31.12.1980", "01.02.1990"], datetime.date(1990, 2, 1)),
        (["12/31/1980", "01/02/1990"], datetime.date(1990, 1, 2)),
        (["13-1-1980", "1-2-1990"], datetime.date(1990, 2, 1)),
        (["1990-02-01"], datetime.date(1990, 2, 1)),
        (["1990/02/01"], datetime.date(1990, 2, 1)),
    ],
)
def test_the_order_of_dates_is_recognised_by_column(tmp_path, cells, last):
    path = table(tmp_path, "case,Date of birth\n" + "".join(f"{n},{cell}\n" for n, cell in enumerate(cells)))

    assert values(path)[-1] == {"personal.age": last}


def test_dates_whose_days_are_all_months_too_are_refused_with_the_option_that_decides(tmp_path):
    path = table(tmp_path, "case,Geburtsdatum\na,01.02.1990\nb,03.04.1991\n")

    assert refusal(path) == (
        "Geburtsdatum (personal.age): 2 of 2 can be read two ways: 01.02.1990 is 1 February day first "
        "and 2 January "
        'month first. Say which: dates="dmy" or dates="mdy" (--dates).'
    )
    assert values(path, dates="dmy")[0] == {"personal.age": datetime.date(1990, 2, 1)}
    assert values(path, dates="mdy")[0] == {"personal.age": datetime.date(1990, 1, 2)}


def test_signs_between_thousands_of_a_whole_number_are_no_decimals(tmp_path):
    path = table(tmp_path, "case;ctmrinfo.companySize\na;1.234\nb;12\n")

    assert [row["ctmrinfo.companySize"] for row in values(path)] == [1234, 12]


# Headers


@pytest.mark.parametrize("name", ["business-headers.xlsx", "business-headers-german.csv"])
def test_headers_in_people_s_words_are_mapped(name):
    cases = cases_of(TABLES / name)

    first = dict(cases[0].values)
    assert first == {**FIRST, "ctmrinfo.customerId": "58490" if name.endswith("xlsx") else "0058490"}
    assert (len(cases), cases[0].expected["expected_skill"]) == (40, "Private Clients")
    wire = cases[0].batch().profile.to_wire()["authenticatedData"]["lp_sdes"][1]
    assert wire["personal"]["age"] == {"year": 1987, "month": 11, "day": 16}
    assert cases.notes[-1].startswith(
        "Taken for: Customer type = ctmrinfo.ctype, First name = personal.firstname, "
    )


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("Kundennummer", "ctmrinfo.customerId"),
        ("Kunden-Nr.", "ctmrinfo.customerId"),
        ("VORNAME", "personal.firstname"),
        ("Währung", "ctmrinfo.currency"),
        ("E-Mail-Adresse", "personal.contacts.0.email"),
        ("customer_type", "ctmrinfo.ctype"),
        ("Campaign ID", "campaignInfo.campaignId"),
        ("Erwarteter Skill", "expected_skill"),
        ("Year of birth", "personal.age.year"),
        ("Interaction context id", "conversationContext.interactionContextId"),
    ],
)
def test_common_words_in_english_and_german_are_known(header, column):
    assert match_headers([header])[0].column == column


def test_what_cannot_be_mapped_is_named_once_with_honest_candidates(tmp_path):
    path = table(tmp_path, "Customer numbr,Shoe size,Vorname\n1,2,Zoë\n")

    assert refusal(path).splitlines() == [
        "2 values are wrong:",
        "  - 'Customer numbr' is not a column that lpnb knows. Did you mean 'ctmrinfo.customerId'?",
        "  - 'Shoe size' is not a column that lpnb knows. What is not to be sent goes into columns named "
        "'note.' and a "
        "word of your own.",
    ]
    assert values(path, columns={"Customer numbr": "ctmrinfo.customerId", "Shoe size": None}) == [
        {"ctmrinfo.customerId": "1", "personal.firstname": "Zoë"}
    ]


def test_two_headers_of_one_meaning_are_refused(tmp_path):
    path = table(tmp_path, "Kundennummer,Customer number\n1,2\n")

    assert refusal(path) == (
        "'Kundennummer' and 'Customer number' are both taken for ctmrinfo.customerId. Map one of them to "
        "another "
        "column, or leave it out."
    )


def test_a_mapping_of_a_header_that_is_not_there_is_refused(tmp_path):
    path = table(tmp_path, "Vorname\nZoë\n")

    assert refusal(path, columns={"Nachname": "personal.lastname"}) == (
        "columns names 'Nachname', and the table has no such header: 'Vorname'."
    )


def test_campaigns_by_name_are_sent_by_their_ids_where_the_account_is_known(tmp_path, capsys):
    path = table(tmp_path, "case,Campaign\na,card upgrade\nb,880524014\n")
    with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        known = {campaign.name: campaign.id for campaign in sandbox.world.accounts[0].campaigns}
        run = lpnb.run_experiment(client, path, journal=tmp_path / "run.sqlite", progress=False)

    assert run.table()["campaignInfo.campaignId"].tolist() == [known["Card Upgrade"], "880524014"]
    assert "which is no id" not in capsys.readouterr().out


def test_a_name_in_the_place_of_an_id_is_pointed_out_when_the_account_does_not_have_it(tmp_path, capsys):
    path = table(tmp_path, "case,skill\na,Nowhere Department\n")
    with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        lpnb.run_experiment(client, path, dry_run=True)

    assert (
        "skillId holds 'Nowhere Department', which is no id, and the service knows ids alone."
        in capsys.readouterr().out
    )
    assert values(path, values={"skillId": {"nowhere department": "2741903011"}}) == [
        {"skillId": "2741903011"}
    ]


# Excel


def test_a_workbook_s_typed_cells_become_what_the_fields_take(tmp_path):
    path = workbook(
        tmp_path,
        [
            "case",
            "skillId",
            "ctmrinfo.balance",
            "ctmrinfo.lastPaymentDate",
            "ctmrinfo.role",
            "ctmrinfo.companySize",
        ],
        ["a", 2741903011, -12.5, datetime.datetime(2024, 2, 29), 7, 1234.0],
        ["b", "2741903012", "1.234,56", "29.2.2024", "=1+1", None],
    )
    book = openpyxl.load_workbook(path)
    book.active["E3"].data_type = "s"
    book.save(path)

    assert values(path) == [
        {
            "skillId": "2741903011",
            "ctmrinfo.balance": -12.5,
            "ctmrinfo.lastPaymentDate": datetime.date(2024, 2, 29),
            "ctmrinfo.role": "7",
            "ctmrinfo.companySize": 1234,
        },
        {
            "skillId": "2741903012",
            "ctmrinfo.balance": 1234.56,
            "ctmrinfo.lastPaymentDate": datetime.date(2024, 2, 29),
            "ctmrinfo.role": "=1+1",
        },
    ]


def test_a_formula_that_no_program_has_computed_is_refused_and_not_left_out(tmp_path):
    path = workbook(tmp_path, ["case", "ctmrinfo.ctype"], ["a", "=B9"])

    assert refusal(path) == (
        "ctmrinfo.ctype: 1 of 1 hold a formula that was never computed. Compute it in the spreadsheet, "
        "or empty the "
        "cells."
    )


def test_a_sheet_is_chosen_by_its_name(tmp_path):
    path = workbook(tmp_path, ["skillId"], ["1"], Zweites=[["skillId"], ["2"]])

    assert values(path, sheet="Zweites") == [{"skillId": "2"}]
    assert cases_of(path).notes == ["The sheet 'Kunden' was read; there are others (--sheet): 'Zweites'."]
    assert refusal(path, sheet="Zweits") == (
        "sheet must be one of 'Kunden', 'Zweites'; got 'Zweits'. Did you mean 'Zweites'?"
    )


def test_each_of_cells_that_are_merged_below_each_other_has_their_value(tmp_path):
    path = workbook(tmp_path, ["case", "skillId"], ["a", "1"], ["b", None], ["c", None])
    book = openpyxl.load_workbook(path)
    book.active.merge_cells("B2:B3")
    book.save(path)

    assert values(path) == [{"skillId": "1"}, {"skillId": "1"}, {}]
    assert cases_of(path).notes == ["1 cell merged with the one above read with its value."]


def test_a_workbook_that_would_unpack_without_bounds_is_refused(tmp_path, monkeypatch):
    path = workbook(tmp_path, ["skillId"], ["1"])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/zeros.bin", b"\0" * 5_000_000)
    monkeypatch.setattr(excel_file, "LARGEST_UNPACKED", 4_000_000)

    assert refusal(path) == (
        f"{path} would unpack to 5 MB, which no table of cases needs. Save the sheet as CSV UTF-8 or Parquet."
    )


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"PK\x03\x04" + bytes(5000)], ids=["cut", "zeros"])
def test_a_damaged_workbook_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "rows.xlsx"
    path.write_bytes(content)

    assert len(refusal(path).splitlines()) == 1


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=("Cs",)), max_size=12),
    st.dates(datetime.date(1905, 1, 1), datetime.date(2100, 1, 1)),
    st.datetimes(datetime.datetime(1905, 1, 1), datetime.datetime(2100, 1, 1)),
    st.sampled_from(["=1+1", "#REF!", "NULL", " ", "\u200b", "1.234", "01.02.1990", "{{x}}"]),
)


def outcome(path):
    try:
        cases = cases_of(path)
        cases.check()
        cases.table()
    except InvalidValueError as error:
        return str(error)
    return "read"


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(st.lists(CELLS, max_size=5), min_size=1, max_size=6))
def test_any_workbook_is_read_or_refused_in_one_screen(tmp_path, rows):
    head = ["case", "skillId", "Balance", "Date of birth", "First name"]

    assert len(outcome(workbook(tmp_path, head, *rows)).splitlines()) <= 52


def test_a_table_of_five_thousand_columns_is_read(tmp_path):
    book = xlsxwriter.Workbook(tmp_path / "wide.xlsx")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, [f"note.n{number}" for number in range(5_000)])
    sheet.write_row(1, 0, ["v"] * 5_000)
    book.close()

    assert len(cases_of(tmp_path / "wide.xlsx").columns) == 5_000


# The command line


def test_columns_shows_what_each_was_taken_for_and_writes_a_mapping(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copy(TABLES / "business-headers-german.csv", "kunden.csv")

    assert main(["columns", "kunden.csv", "--map", "map.toml"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["Customer", "type", "ctmrinfo.ctype", "40"]
    assert lines[5].split(maxsplit=3) == [
        "Balance", "ctmrinfo.balance", "40", "40 of 40 look like 366.377,92; read as 366377.92",
    ]  # fmt: skip
    assert Path("map.toml").read_text().splitlines()[3:6] == [
        "[columns]", '"Customer type" = "ctmrinfo.ctype"', '"First name" = "personal.firstname"',
    ]  # fmt: skip
    assert main(["send", "kunden.csv", "--map", "map.toml", "--dry-run", "1"]) == 0


def test_columns_ends_with_1_for_an_unknown_header_and_the_mapping_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table(tmp_path, "Customer numbr,Vorname\n1,Zoë\n")

    assert main(["columns", "rows.csv", "--map", "map.toml"]) == 1
    assert "'Customer numbr' is not a column" in capsys.readouterr().err
    text = Path("map.toml").read_text()
    assert '"Customer numbr" = ""  # unknown; perhaps ctmrinfo.customerId' in text
    Path("map.toml").write_text(text.replace('numbr" = ""', 'numbr" = "ctmrinfo.customerId"'))
    assert main(["columns", "rows.csv", "--map", "map.toml"]) == 0
    assert values(tmp_path / "rows.csv", columns=tmp_path / "map.toml") == [
        {"ctmrinfo.customerId": "1", "personal.firstname": "Zoë"}
    ]


def test_the_options_of_the_command_decide_what_can_be_read_two_ways(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table(tmp_path, "case;Saldo;Geburtsdatum\na;1.234;01.02.1990\n")

    assert main(["send", "rows.csv", "--dry-run"]) == 2
    said = capsys.readouterr().err
    assert "--decimal" in said
    assert "--dates" in said
    assert main(["send", "rows.csv", "--dry-run", "--decimal", ",", "--dates", "dmy"]) == 0
    assert '"balance": 1234' in capsys.readouterr().out


# Out again


def test_results_in_excel_can_be_filtered_and_csv_can_begin_with_a_mark(tmp_path):
    frame = pd.DataFrame({"case": ["=a", "b"], "n": [1, 2]})

    sheet = openpyxl.load_workbook(lpnb.save_table(frame, tmp_path / "t.xlsx")).active
    assert (sheet.auto_filter.ref, sheet["A2"].value, sheet["A2"].data_type) == ("A1:B3", "=a", "s")
    path = lpnb.save_table(frame, tmp_path / "t.csv", byte_order_mark=True)
    assert path.read_bytes().startswith(b'\xef\xbb\xbf"case"')
