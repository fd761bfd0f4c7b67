"""Tables in the dresses that people, programs and countries put on them."""

from __future__ import annotations

import datetime
import re
import zipfile
from decimal import Decimal

import numpy as np
import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lpnb
from lpnb import Client, InvalidValueError, Sandbox, Settings, cases_of
from lpnb.cli.main import main
from lpnb.client import account_names
from lpnb.client.sandbox_control import SandboxControl
from lpnb.experiments.verification.verify import verification_of

BORN = datetime.date(1987, 11, 16)


def table(tmp_path, text, name="rows.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def workbook(tmp_path, *rows, change=lambda sheet: None):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    change(book.active)
    book.save(tmp_path / "rows.xlsx")
    return tmp_path / "rows.xlsx"


def values(path, **options):
    return [dict(case.values) for case in cases_of(path, **options)]


def refusal(path, **options):
    with pytest.raises(InvalidValueError) as caught:
        cases_of(path, **options).check()
    return str(caught.value)


# Numbers, dates and words


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1'234.56", "-7.00"], [1234.56, -7.0]),
        (["CHF 1\u2019234.\u2013", "5.5"], [1234, 5.5]),
        (["1 234,56", "7,5\u00a0\u20ac"], [1234.56, 7.5]),
        (["1\u202f234,56", "(12,50)"], [1234.56, -12.5]),
        (["12,50-", "\u22127,25", "-\u20ac 1,5"], [-12.5, -7.25, -1.5]),
        (["(12,50) \u20ac", "$ 3,5"], [-12.5, 3.5]),
    ],
    ids=["Swiss", "Swiss currency", "French", "French, brackets", "minus behind", "brackets and currency"],
)
def test_numbers_as_other_countries_and_accountants_write_them(tmp_path, cells, numbers):
    path = table(tmp_path, "case;Balance\n" + "".join(f"{n};{cell}\n" for n, cell in enumerate(cells)))

    assert [row["ctmrinfo.balance"] for row in values(path)] == numbers


@pytest.mark.parametrize(
    ("cell", "note"),
    [
        ("16.11.87", "read day first, as 1987-11-16"),
        ("16.11.1987", "read day first"),
        ("16.11.1987 10:15", "read day first, as 1987-11-16"),
        ("16-Nov-87", "read as 1987-11-16"),
        ("16. November 1987", "read as 1987-11-16"),
        ("November 16, 1987", "read as 1987-11-16"),
        ("32097", "read as 1987-11-16"),
        ("1987-11-16 10:15:00", "read as 1987-11-16"),
    ],
)
def test_dates_in_any_dress_are_read_and_said(tmp_path, cell, note):
    cases = cases_of(table(tmp_path, f'Date of birth,Kundennummer\n"{cell}",1\n'))

    assert dict(cases[0].values) == {"personal.age": BORN, "ctmrinfo.customerId": "1"}
    assert f"Date of birth (personal.age): 1 of 1 look like {cell}; {note}." in cases.notes


@pytest.mark.parametrize("cell", ["01/02/87", "1/2/1987", "01.02.1987 08:00"])
def test_dates_that_can_be_read_two_ways_are_asked_about_in_any_dress(tmp_path, cell):
    said = refusal(table(tmp_path, f"case,Geburtsdatum\na,{cell}\n"))

    assert said.endswith('Say which: dates="dmy" or dates="mdy" (--dates).')


def test_words_of_people_become_the_field_s_own_and_it_is_said(tmp_path):
    path = table(tmp_path, "Vorname;Geschlecht;Dringlichkeit\nA;weiblich;Urgent\nB;M;normal\nC;MALE;\n")

    assert [row.get("personal.gender") for row in values(path)] == ["FEMALE", "MALE", "MALE"]
    assert [row.get("ttrDefName") for row in values(path)] == ["URGENT", "NORMAL", None]
    assert cases_of(path).notes[:2] == [
        "Geschlecht (personal.gender): 2 of 3 read as the field's own words, such as 'weiblich' as FEMALE.",
        "Dringlichkeit (ttrDefName): 2 of 2 read as the field's own words, such as 'Urgent' as URGENT.",
    ]


# Ids


def test_a_number_that_is_shorter_than_ids_with_zeros_is_pointed_out_in_a_csv_file_too(tmp_path):
    cases = cases_of(table(tmp_path, "Customer number;First name\n0078574;A\n58490;B\n0012345;C\n"))

    assert cases.notes[0] == (
        "Customer number (ctmrinfo.customerId): 58490 is shorter than texts such as 0078574: it may have "
        "lost its zeros. Format the column as text and fill it in anew (1 of 3 cells)."
    )


@pytest.mark.parametrize(
    ("column", "cell"), [("Phone", "4,91512E+11"), ("customer no", "1.23457E+11"), ("Store number", "1E+05")]
)
def test_every_field_of_digits_is_watched_for_rounding(tmp_path, column, cell):
    (note, _) = cases_of(table(tmp_path, f"{column};case\n{cell};a\n")).notes

    assert f"{cell} looks like an id that a spreadsheet has rounded" in note


def test_an_id_with_an_exponent_and_every_digit_is_read():
    frame = pd.DataFrame({"skillId": ["2.741903011e9", "2741903012.0"]})

    assert [case.values["skillId"] for case in cases_of(frame)] == ["2741903011", "2741903012"]


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("<t>123</t>", "123"),
        ("<r><rPr><b/></rPr><t>123</t></r>", "123"),
        ('<r><t xml:space="preserve">1 </t></r><r><rPr><i/></rPr><t>23</t></r>', "1 23"),
        ("<t>123</t><rPh sb='0' eb='1'><t>ichi</t></rPh><phoneticPr fontId='1'/>", "123"),
        ("<r><t>123</t></r><rPh sb='0' eb='1'><t>ichi</t></rPh>", "123"),
        ("<rPh sb='0' eb='1'><t>ichi</t></rPh>", None),
        ("<r><rPr><b/></rPr><t/></r>", None),
        ("", None),
    ],
)
def test_text_within_a_cell_is_read_however_it_is_formatted(tmp_path, inside, text):
    path, plain = tmp_path / "rows.xlsx", workbook(tmp_path, ["case", "ctmrinfo.role"], ["a", "ROLE"])
    with zipfile.ZipFile(plain) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    cell = f'<c r="B2" t="inlineStr"><is>{inside}</is></c>'
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    parts["xl/worksheets/sheet1.xml"] = re.sub(r'<c r="B2".*?</c>', cell, sheet).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)

    assert values(path) == [{"ctmrinfo.role": text} if text else {}]


def test_zeros_that_only_a_cell_s_format_shows_are_kept(tmp_path):
    path = tmp_path / "rows.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Customer number", "Balance"])
        sheet.write_number(1, 0, 58490, book.add_format({"num_format": "0000000"}))
        sheet.write_formula(1, 1, "=1+1", None, 2)

    assert values(path) == [{"ctmrinfo.customerId": "0058490", "ctmrinfo.balance": 2}]


@pytest.mark.parametrize("options", [{"dry_run": 1}, {"progress": False}])
def test_a_brand_id_of_another_account_is_pointed_out_before_anything_leaves(capsys, options):
    with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        run = lpnb.run_experiment(client, [{"brandId": "999"}, {"brandId": sandbox.account_id}], **options)
        if "progress" in options:
            run.wait()

    assert [line for line in capsys.readouterr().out.splitlines() if "brandId: " in line] == [
        "case-00001, brandId: brandId is '999', and this goes to the account "
        f"{sandbox.account_id}. Leave it out: sending fills it in."
    ]


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("ctmrinfo.ctype", "vip ", "begins or ends with a blank"),
        ("ctmrinfo.ctype", "vip\u200b", "holds an invisible character (U+200B)"),
        ("ctmrinfo.cstatus", "NULL", "is a word for no value"),
        ("skillId", "Nowhere", "is no id: skillId takes the number, not the name"),
        ("skillId", "2741903011.0", "is an id with a decimal point"),
        ("skillId", "2,741,903,011", "is an id with thousands separators"),
        ("ctmrinfo.customerId", "1.0E+11", "looks like an id that a spreadsheet has rounded"),
        ("personal.contacts.0.phone", "4.9E+11", "looks like an id that a spreadsheet has rounded"),
    ],
)
def test_what_can_hardly_be_meant_is_pointed_out_in_a_dry_run_and_by_advise(capsys, column, cell, said):
    rows = [{"ctmrinfo.customerId": "007", "skillId": "1"}, {"ctmrinfo.customerId": "008", column: cell}]
    with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        lpnb.run_experiment(client, rows, dry_run=1)
        printed = capsys.readouterr().out

    assert said in printed
    assert f"{column}: " in printed
    assert any(said in hint.text for hint in lpnb.advise(cases_of(rows)[1].batch()))


# Who it is about


def test_a_dry_run_names_the_customer(client_of_nobody, capsys):
    rows = [{"ctmrinfo.customerId": "0058490", "ctmrinfo.ctype": "vip "}, {"ctmrinfo.customerId": "0078574"}]
    lpnb.run_experiment(client_of_nobody, rows, dry_run=1)

    said = capsys.readouterr().out
    assert "case-00001 (customerId 0058490), for a consumer made for it" in said
    assert "case-00001 (customerId 0058490), ctmrinfo.ctype: 'vip ' begins or ends with a blank" in said


def test_a_verification_names_the_customer():
    run = pd.DataFrame(
        {
            "case": ["case-00001", "case-00002"],
            "outcome": "answered",
            "code": "OK",
            "expected_code": ["OK", "BAD_REQUEST"],
            "ctmrinfo.customerId": ["0058490", "0078574"],
        }
    )

    verification = verification_of(run)

    assert str(verification).splitlines()[1] == (
        "failed  case-00002 (customerId 0078574): expected code BAD_REQUEST, got OK"
    )


@pytest.mark.parametrize(
    ("rows", "label"),
    [
        ([{"ctmrinfo.customerId": "1"}, {"ctmrinfo.customerId": "2"}], "customerId 2"),
        ([{"personal.firstname": "Ana", "skillId": "1"}, {"personal.firstname": "Zoë"}], "firstname Zoë"),
        (
            [{"ctmrinfo.ctype": "vip", "skillId": "1"}, {"ctmrinfo.ctype": "gold", "skillId": "1"}],
            "ctype gold",
        ),
        ([{"skillId": "1"}, {"campaignInfo.campaignId": "2"}], "campaignId 2"),
        ([{"case": "a"}, {"case": "b"}], "b"),
        ([{"skillId": "1"}, {"skillId": "1"}], ""),
    ],
)
def test_a_case_is_told_from_the_others_by_what_differs(rows, label):
    assert cases_of(rows)[1].label == label


def test_a_rule_that_a_column_breaks_is_said_once_with_its_header_and_rows(tmp_path):
    wrong = {2: "golden", 8: "golden", 11: "silver"}
    path = table(
        tmp_path,
        "Customer number;Gender\n" + "".join(f"{n:04};{wrong.get(n, 'male')}\n" for n in range(40)),
    )

    assert refusal(path) == (
        "Gender (personal.gender) must be one of 'MALE', 'FEMALE', 'OTHER': wrong in 3 of 40 rows, such as "
        "'golden' in rows 3 (customerId 0002), 9 (customerId 0008) and 'silver' in row 12 (customerId 0011)."
    )


def test_rows_of_another_length_are_one_complaint(tmp_path):
    path = table(tmp_path, "Customer number,Balance\n" + "1,1,5\n" * 2_000)

    said = refusal(path)

    assert said.startswith(
        f"{path}, line 2 (row 1), has 3 cells where the header has 2. Too many cells, too: line 3, 4, 5, "
    )
    assert "20, 21, 22 and 1,979 more. A cell" in said
    assert len(said.splitlines()) == 1


# Headers and what stands around a table


@pytest.mark.parametrize(
    ("above", "note"),
    [
        ("Customers of autumn;;\n", "1 row above the header left out."),
        ("Customers of autumn\n\n", "1 row above the header left out."),
        ("Person;;Money\n", "1 row above the header left out."),
        ("Export;;\nof today;;\n", "2 rows above the header left out."),
        ("sep=;\n", None),
    ],
)
def test_a_title_above_the_header_is_passed_over(tmp_path, above, note):
    path = table(tmp_path, f"{above}Customer number;First name;Balance\n1;A;1,5\n")

    assert values(path) == [
        {"ctmrinfo.customerId": "1", "personal.firstname": "A", "ctmrinfo.balance": 1.5},
    ]
    assert note is None or note in cases_of(path).notes


def test_a_row_of_totals_is_no_case(tmp_path):
    path = table(tmp_path, "Kundennummer;Vorname;Saldo\n1;A;1,5\n2;B;2,5\nSumme;;4,0\n;;\n")

    assert [row["ctmrinfo.customerId"] for row in values(path)] == ["1", "2"]
    assert "The last row holds totals and was left out: 'Summe'." in cases_of(path).notes


def test_a_customer_called_total_is_a_case(tmp_path):
    path = table(tmp_path, "Kundennummer;Vorname;Saldo\n1;A;1,5\n2;Total;2,5\n")

    assert len(values(path)) == 2


def test_headers_with_line_ends_units_and_stars_are_known(tmp_path):
    path = table(
        tmp_path, '"Customer\nnumber*";"First name **";"Balance (EUR)";"Born on\n[dd.mm.yyyy]"\n1;A;2;\n'
    )

    assert list(cases_of(path).columns) == [
        "ctmrinfo.customerId", "personal.firstname", "ctmrinfo.balance", "personal.age",
    ]  # fmt: skip


def test_five_thousand_unknown_columns_are_named_in_one_screen(tmp_path):
    path = table(tmp_path, ",".join(f"c{n}" for n in range(5_000)) + "\n" + "x," * 4_999 + "x\n")

    lines = refusal(path).splitlines()

    assert (lines[0], lines[-1], len(lines)) == ("5,000 values are wrong:", "  ... and 4,980 more.", 22)


def test_the_numbers_that_pandas_puts_before_each_row_are_left_out(tmp_path):
    path = tmp_path / "rows.csv"
    pd.DataFrame({"skillId": ["7", "8"]}).to_csv(path)

    assert values(path) == [{"skillId": "7"}, {"skillId": "8"}]


# Workbooks


def test_hidden_rows_are_said_and_the_sheet_that_is_shown_is_read(tmp_path):
    def hide(sheet):
        sheet.row_dimensions[3].hidden = True

    path = workbook(tmp_path, ["Customer number"], ["1"], ["2"], ["3"], change=hide)
    assert "1 row hidden in the workbook read too, such as line 3." in cases_of(path).notes

    def hide_sheet(sheet):
        shown = sheet.parent.create_sheet("Data")
        shown.append(["skillId"])
        shown.append(["7"])
        sheet.sheet_state = "hidden"
        sheet.parent.active = 1

    path = workbook(tmp_path, ["Customer number"], ["1"], change=hide_sheet)
    assert values(path) == [{"skillId": "7"}]


@pytest.mark.parametrize(
    ("name", "members", "what"),
    [
        ("a.ods", {"mimetype": "x", "content.xml": "x"}, "a spreadsheet of LibreOffice or OpenOffice (.ods)"),
        ("a.numbers", {"Index/Document.iwa": "x"}, "a file of Apple Numbers"),
        ("a.xlsb", {"xl/workbook.bin": "x"}, "a binary Excel workbook (.xlsb)"),
        ("a.docx", {"word/document.xml": "x"}, "a Word document"),
        ("a.zip", {"rows.csv": "x"}, "an archive (.zip)"),
    ],
)
def test_an_archive_of_another_program_is_named(tmp_path, name, members, what):
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)

    assert refusal(tmp_path / name).startswith(
        f"{tmp_path / name} is {what}. Open it in a spreadsheet program"
    )


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (
            b"\xd0\xcf\x11\xe0" + b"\0" * 90_000 + "EncryptedPackage".encode("utf-16-le"),
            "an Excel file with a password",
        ),
        (
            b"<html><table><tr><td>skillId</td></tr></table></html>",
            "a page (HTML) under the name of a spreadsheet",
        ),
        (b"<?xml version='1.0'?><Workbook/>", "XML"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x1f\x8b\x08", "packed (gzip)"),
    ],
)
def test_a_file_that_is_no_spreadsheet_is_named(tmp_path, content, what):
    (tmp_path / "a.xls").write_bytes(content)

    assert refusal(tmp_path / "a.xls").startswith(f"{tmp_path / 'a.xls'} is {what}.")


def test_text_under_the_name_of_a_workbook_is_read(tmp_path):
    assert values(table(tmp_path, "Customer number\tBalance\n1\t2,5\n", "rows.xls")) == [
        {"ctmrinfo.customerId": "1", "ctmrinfo.balance": 2.5}
    ]


# Names in the place of ids


@pytest.fixture
def client_of_nobody():
    with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        yield client


def test_names_are_known_of_a_sandbox_in_another_process(monkeypatch):
    with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        control = SandboxControl(sandbox.control, sandbox.control_token)
        monkeypatch.setattr(account_names, "find_sandbox", lambda settings: control)
        known = account_names.known_ids(client.engine)

        account = sandbox.world.accounts[0]
        assert known["skillId"] == {skill.name: skill.id for skill in account.skills}
        assert (
            known["campaignInfo.campaignId"]["Card Upgrade"]
            == {campaign.name: campaign.id for campaign in account.campaigns}["Card Upgrade"]
        )


def test_names_of_a_real_account_are_learned_from_its_history(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(account_names, "find_sandbox", lambda settings: None)
    with Sandbox() as sandbox, Client(Settings.of(sandbox.environment()), wait_scale=0) as client:
        skill, campaign = sandbox.world.accounts[0].skills[0], sandbox.world.accounts[0].campaigns[0]
        earlier = [{"skillId": skill.id}, {"campaignInfo.campaignId": campaign.id}]
        lpnb.run_experiment(client, earlier, journal=tmp_path / "a.sqlite", progress=False)
        sandbox.advance(120)
        rows = [
            {"skillId": skill.name.upper()},
            {"campaignInfo.campaignId": campaign.name},
            {"skillId": "Nobody"},
        ]
        lpnb.run_experiment(client, rows, dry_run=3)

    said = capsys.readouterr().out
    assert f"skillId: 1 name sent as ids, such as {skill.name.upper()!r} as {skill.id}." in said
    assert f'"campaignId": "{campaign.id}"' in said
    assert "skillId holds 'Nobody', which is no id" in said


# Whatever a program can write

NOTHING = st.sampled_from([None, np.nan, pd.NA, pd.NaT, Decimal("NaN"), float("nan"), ""])
CELLS = NOTHING | st.one_of(
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_infinity=True),
    st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=("Cs",)), max_size=12),
    st.dates(datetime.date(1905, 1, 1), datetime.date(2100, 1, 1)),
    st.times(),
    st.sampled_from(
        ["=1+1", '="007"', "#REF!", "NULL", " ", "\u200b", "1.234", "01.02.1990", "{{x}}", "Total"]
    ),
)
HEADS = st.sampled_from(
    [
        "case",
        "skillId",
        "Balance",
        "Date of birth",
        "First name",
        "Gender",
        "",
        "Shoes",
        "note.a",
        "Balance (EUR)",
    ]
)


def outcome(table, **options):
    """What became of *table*: "read", or the text of its refusal. Everything else is an error."""
    try:
        cases = cases_of(table, **options)
        cases.check()
        cases.table()
        str(cases.preview())
    except InvalidValueError as error:
        return str(error)
    return "read"


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(heads=st.lists(HEADS, min_size=1, max_size=5), data=st.data())
def test_any_table_of_pandas_is_read_or_refused_in_one_screen(tmp_path, heads, data):
    row = st.lists(CELLS, min_size=len(heads), max_size=len(heads))
    frame = pd.DataFrame(data.draw(st.lists(row, max_size=5)), columns=heads, dtype=object)
    separator = data.draw(st.sampled_from([",", ";", "\t", "|"]))
    frame.to_csv(tmp_path / "rows.csv", sep=separator, index=data.draw(st.booleans()))

    for one in (frame, tmp_path / "rows.csv"):
        assert len(outcome(one).splitlines()) <= 52


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    heads=st.lists(HEADS, min_size=1, max_size=5),
    merged=st.lists(
        st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(0, 2), st.integers(0, 3)), max_size=2
    ),
    data=st.data(),
)
def test_any_workbook_of_excel_is_read_or_refused_in_one_screen(tmp_path, heads, merged, data):
    plain = CELLS.filter(
        lambda cell: cell is None or isinstance(cell, str | bool | int | datetime.date | datetime.time)
    )
    rows = data.draw(st.lists(st.lists(plain, max_size=6), max_size=5))

    def change(sheet):
        for column, row, right, down in merged:
            sheet.merge_cells(
                start_row=row, start_column=column, end_row=row + down, end_column=column + right
            )
        sheet.row_dimensions[2].hidden = True

    assert len(outcome(workbook(tmp_path, heads, *rows, change=change)).splitlines()) <= 52


# The command line


def test_columns_points_out_what_can_hardly_be_meant(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table(tmp_path, "Customer number,Customer type\n1,vip \n2,gold\n")

    assert main(["columns", "rows.csv"]) == 0
    assert (
        "case-00001 (customerId 1), ctmrinfo.ctype: 'vip ' begins or ends with a blank"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize("odd", [float("inf"), 10**400, float("-inf")])
def test_a_number_that_is_no_day_is_named_in_a_column_of_dates(odd):
    table = pd.DataFrame({"ctmrinfo.lastPaymentDate": ["31.12.1980", odd]}, dtype=object)

    (complaint,) = cases_of(table)[1].complaints()

    assert complaint.sentence.startswith(
        "Row 2, ctmrinfo.lastPaymentDate must be a date, such as 2014-10-15; got"
    )


def test_the_form_that_a_column_is_read_in_is_the_one_that_a_wrong_cell_is_shown():
    table = pd.DataFrame(
        {
            "ctmrinfo.balance": ["1,5", "much", "2,5"],
            "ctmrinfo.lastPaymentDate": ["31.12.1980", "1.1.1990", "soon"],
        }
    )
    cases = cases_of(table)

    assert [complaint.sentence for case in cases for complaint in case.complaints()] == [
        "Row 2 (lastPaymentDate 1990-01-01), ctmrinfo.balance must be a number with a comma, "
        "such as -400,99; got 'much'.",
        "Row 3 (balance 2.5), ctmrinfo.lastPaymentDate must be a date with the day first, such as "
        "15.10.2014; got 'soon'.",
    ]


@pytest.mark.parametrize("day", ["31.02.1991", "31.2.91", "31 February 1991", "1991-02-31"])
def test_a_day_that_the_calendar_does_not_have_is_said_not_to_be(day):
    cases = cases_of(pd.DataFrame({"personal.age": ["31.12.1980", "1.1.1990", day]}))

    (complaint,) = cases[2].complaints()

    assert complaint.sentence == (
        "Row 3, personal.age must be a date with the day first, such as 15.10.2014; "
        f"got '{day}'. There is no such day."
    )


@pytest.mark.parametrize("other", ["1980-12-31", ""])
def test_a_day_that_does_not_exist_is_said_not_to_in_a_column_without_the_day_first(other):
    cases = cases_of(pd.DataFrame({"skillId": ["1", "2"], "personal.age": [other, "31.02.1991"]}))

    assert (
        cases[1]
        .complaints()[0]
        .sentence.endswith("must be a date, such as 2014-10-15; got '31.02.1991'. There is no such day.")
    )


@pytest.mark.parametrize("loose", ["12 5", "3 000 4,5", "1 2,5", "1 23"])
def test_blanks_that_part_no_thousands_join_no_digits(loose):
    table = pd.DataFrame({"ctmrinfo.balance": ["1 234,50", loose]})

    with pytest.raises(lpnb.InvalidValueError):
        cases_of(table).check()


def test_every_merged_cell_is_read_however_many_there_are(tmp_path):
    book = xlsxwriter.Workbook(tmp_path / "rows.xlsx")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["Customer number", "Customer type"])
    for row in range(1, 4_001):
        sheet.write(row, 0, f"{row:06}")
    for pair in range(2_000):
        sheet.merge_range(2 * pair + 1, 1, 2 * pair + 2, 1, "vip")
    book.close()

    cases = cases_of(tmp_path / "rows.xlsx")

    assert cases[3_999].values["ctmrinfo.ctype"] == "vip"
    assert "2,000 cells merged with the one above read with its value." in cases.notes


def test_merged_cells_that_go_beyond_the_last_row_are_read(tmp_path):
    rows = [["Customer number", "Customer type"], ["0001", "vip"], ["0002"]]
    path = workbook(tmp_path, *rows, change=lambda sheet: sheet.merge_cells("B2:B400"))

    assert [case.values["ctmrinfo.ctype"] for case in cases_of(path)] == ["vip", "vip"]


def test_merged_cells_that_overlap_are_refused(tmp_path):
    def overlap(sheet):
        for end in range(3, 40):
            sheet.merge_cells(f"B2:B{end}")

    path = workbook(
        tmp_path, ["Customer number", "Customer type"], *([f"{n}", "vip"] for n in range(40)), change=overlap
    )

    with pytest.raises(InvalidValueError, match="its merged cells overlap"):
        cases_of(path)


def test_french_headers_dates_and_words_are_read(tmp_path):
    path = table(
        tmp_path,
        "N\u00b0 client;Pr\u00e9nom;Nom;Solde;Date de naissance;Type de client;Agence;Sexe;Remarques\r\n"
        "00123;Zo\u00e9;Lef\u00e8vre;1\u202f234,56\u00a0\u20ac;16 ao\u00fbt 1987;or;Lyon;femme;bonne\r\n"
        "00124;L\u00e9a;Roy;12,5;1 f\u00e9vr. 1990;vip;Paris;f;\r\n",
    )

    first, second = cases_of(path)

    assert first.values["ctmrinfo.customerId"] == "00123"
    assert first.values["ctmrinfo.balance"] == 1234.56
    assert first.values["personal.gender"] == "FEMALE"
    assert first.values["note.remarques"] == "bonne"
    assert [str(case.values["personal.age"]) for case in (first, second)] == ["1987-08-16", "1990-02-01"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Gender\nx\n", "Gender (personal.gender) must be one of 'MALE', 'FEMALE', 'OTHER'"),
        ("skillId\n{{skillId}}\n", "skillId must be filled in"),
        ("Customer number\n", "There is no case"),
    ],
)
def test_columns_ends_with_1_for_cells_that_cannot_be_sent(tmp_path, capsys, text, sentence):
    assert main(["columns", str(table(tmp_path, text))]) == 1
    assert sentence in capsys.readouterr().err
