"""Cases: from a DataFrame, a file or dicts to a batch, with every cell as it was meant."""

from __future__ import annotations

import datetime
import hashlib
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lpnb import CampaignInfo, Case, InvalidValueError, PersonalInfo, cases_of, save_table
from lpnb._internal.placeholders import placeholder_in
from lpnb.errors import Complaint
from lpnb.experiments.cases.cases import MOST_COMPLAINTS
from lpnb.experiments.cases.columns import find_column, kinds_of, known_columns
from lpnb.experiments.runs.journal_rows import row_of

TEXT = st.characters(exclude_categories=["Cs"])
ODD = "He said \"hi\";\nthen, 'bye' \U0001f600 e\u0301 \u202e\t|"


def sent(case: Case) -> dict:
    """The values as they stand in the payload."""
    first, second = case.batch().to_wire()
    return {**first["body"], **second["body"]}


def info(case: Case) -> dict:
    return case.batch().profile.to_wire()["authenticatedData"]["lp_sdes"][0]["info"]


def complaints(cases) -> str:
    with pytest.raises(InvalidValueError) as caught:
        cases.check()
    return str(caught.value)


def csv(tmp_path: Path, content: bytes | str) -> Path:
    path = tmp_path / "cases.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_row_becomes_the_batch_it_describes():
    row = {
        "case": "gold",
        "consumer_id": "anna",
        "ctmrinfo.ctype": "gold",
        "personal.firstname": "John",
        "personal.contacts.0.email": "john@example.com",
        "personal.contacts.1.phone": "+1 212-555-0100",
        "personal.age.year": 1980,
        "campaignInfo.campaignId": "99999",
        "conversationContext.lang": "en-US",
        "skillId": "-1",
        "ttrDefName": "URGENT",
        "clientProperties.features.0": "RICH_CONTENT",
        "entryPoints.0": "sec://x",
        "expected_skill": "Cards & Payments",
        "note.tier": "metal",
    }

    case = cases_of([row])[0]

    assert (case.number, case.name, case.consumer_id) == (0, "gold", "anna")
    assert dict(case.expected) == {"expected_skill": "Cards & Payments"}
    assert [frame["body"] for frame in case.batch().to_wire("12345678")] == [
        {
            "authenticatedData": {
                "lp_sdes": [
                    {"type": "ctmrinfo", "info": {"ctype": "gold"}},
                    {
                        "type": "personal",
                        "personal": {
                            "firstname": "John",
                            "age": {"year": 1980},
                            "contacts": [{"email": "john@example.com"}, {"phone": "+1 212-555-0100"}],
                        },
                    },
                ]
            }
        },
        {
            "brandId": "12345678",
            "channelType": "MESSAGING",
            "ttrDefName": "URGENT",
            "campaignInfo": {"campaignId": "99999"},
            "conversationContext": {"type": "SharkContext", "lang": "en-US"},
            "skillId": "-1",
        },
    ]
    assert case.batch().client_properties.to_wire() == {
        "type": ".ClientProperties",
        "features": ["RICH_CONTENT"],
    }


def test_an_empty_row_is_the_smallest_batch():
    case = cases_of([{}, {"ctmrinfo.ctype": ""}])[0]

    assert case.name == "case-00001"
    assert case.consumer_id is None
    assert sent(case) == {"channelType": "MESSAGING"}
    assert case.engagement() is None


def test_what_is_for_monitoring_goes_there_with_the_sdes():
    row = {
        "ctmrinfo.ctype": "gold",
        "personal.firstname": "John",
        "entryPoints.0": "tel://1",
        "entryPoints.2": "sec://x",
        "engagementAttributes.ctmrinfo.balance": 7,
        "engagementAttributes.cart.total": "95",
        "engagementAttributes.cart.numItems": "1",
        "engagementAttributes.error.resolved": "FALSE",
        "identities.0.acr": "loa1",
    }

    asked = cases_of([row])[0].engagement("anna")

    assert asked is not None
    assert asked["entry_points"] == ["tel://1", "sec://x"]
    assert [attribute.to_wire() for attribute in asked["engagement_attributes"]] == [
        {"type": "personal", "personal": {"firstname": "John"}},
        {"type": "ctmrinfo", "info": {"balance": 7}},
        {"type": "cart", "total": 95, "numItems": 1},
        {"type": "error", "error": {"resolved": False}},
    ]
    assert [identity.to_wire() for identity in asked["identities"]] == [{"acr": "loa1", "sub": "anna"}]


def test_an_attribute_that_lacks_a_field_is_a_complaint_about_that_column():
    rows = [{"engagementAttributes.cart.total": 1, "identities": ["x"]}]

    assert complaints(cases_of(rows)).splitlines()[1:] == [
        "  - Row 1, engagementAttributes.cart.numItems is required.",
        '  - Row 1, identities.0 must be an object, such as {"acr": "loa1"}.',
    ]


def test_whole_objects_are_values_and_single_fields_go_into_them():
    rows = [
        {
            "personal": PersonalInfo(firstname="A", extra={"x": 1}),
            "campaignInfo": CampaignInfo(campaign_id=1),
        },
        {"personal": {"firstname": "A"}, "personal.lastname": "B", "metadata": [{"type": "ExternalId"}]},
        {"personal": '{"firstname": "A"}', "personal.contacts": '[{"email": "a@example.com"}]'},
        {"personal": PersonalInfo(firstname="A", extra={"x": 1}), "personal.lastname": "B"},
    ]

    found = [sent(case) for case in cases_of(rows)]

    people = [body["authenticatedData"]["lp_sdes"][0]["personal"] for body in found]
    assert people == [
        {"firstname": "A", "x": 1},
        {"firstname": "A", "lastname": "B"},
        {"firstname": "A", "contacts": [{"email": "a@example.com"}]},
        {"firstname": "A", "lastname": "B", "x": 1},
    ]
    assert found[0]["campaignInfo"] == {"campaignId": "1"}
    assert found[1]["metadata"] == [{"type": "ExternalId"}]


def test_types_are_kept_from_a_data_frame():
    frame = pd.DataFrame(
        {
            "ctmrinfo.customerId": ["007", None, "nan"],
            "ctmrinfo.socialId": pd.Series(["0", pd.NA, ""], dtype="string"),
            "ctmrinfo.role": pd.Series(["a", "a", None], dtype="category"),
            "ctmrinfo.companySize": pd.array([500, None, 1], dtype="Int64"),
            "ctmrinfo.loginStatus": [1.0, float("nan"), 2.0],
            "ctmrinfo.balance": [-400.99, float("nan"), 2],
            "ctmrinfo.registrationDate": pd.to_datetime(["2014-10-15", None, "2024-02-29"]),
            "campaignInfo.campaignId": [99999, None, 3],
            "ctmrinfo.accountName": pd.Series([None, ODD, float("nan")], dtype="object"),
        }
    )

    first, second, third = [dict(case.values) for case in cases_of(frame)]

    assert first == {
        "ctmrinfo.customerId": "007",
        "ctmrinfo.socialId": "0",
        "ctmrinfo.role": "a",
        "ctmrinfo.companySize": 500,
        "ctmrinfo.loginStatus": 1,
        "ctmrinfo.balance": -400.99,
        "ctmrinfo.registrationDate": datetime.date(2014, 10, 15),
        "campaignInfo.campaignId": "99999",
    }
    assert second == {"ctmrinfo.role": "a", "ctmrinfo.accountName": ODD}
    assert third["ctmrinfo.customerId"] == "nan"
    assert "ctmrinfo.socialId" not in third
    assert info(cases_of(frame)[2])["registrationDate"] == {"day": 29, "month": 2, "year": 2024}


def test_a_data_frame_of_mixed_objects_is_taken_cell_by_cell():
    frame = pd.DataFrame({"ctmrinfo": [{"ctype": "a"}, None, "x"], "skillId": [1, "02", float("nan")]})

    cases = cases_of(frame)

    assert [sent(case).get("skillId") for case in list(cases)[:2]] == ["1", "02"]
    assert complaints(cases) == 'Row 3, ctmrinfo must be an object, such as {"...": "..."}; got \'x\'.'


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["bare", "with a mark"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "bar"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_csv_file_keeps_every_character(tmp_path, bom, separator, end):
    header = separator.join(["ctmrinfo.customerId", "personal.firstname", "ctmrinfo.companySize", "skillId"])
    quoted = '"' + ODD.replace('"', '""') + '"'
    body = end.join(
        [header, separator.join(["007", quoted, "12", ""]), "", separator.join(["", "NaN", "", "0"])]
    )

    first, second = cases_of(csv(tmp_path, bom + body.encode()))

    assert dict(first.values) == {
        "ctmrinfo.customerId": "007",
        "personal.firstname": ODD,
        "ctmrinfo.companySize": 12,
    }
    assert dict(second.values) == {"personal.firstname": "NaN", "skillId": "0"}
    assert first.batch().outgoing("1").content.decode().count("\U0001f600") == 1


def test_the_separator_can_be_named_by_the_caller_and_by_the_file(tmp_path):
    assert dict(cases_of(csv(tmp_path, "skillId\nx;y\n"), separator=",")[0].values) == {"skillId": "x;y"}
    assert dict(cases_of(csv(tmp_path, "sep=;\r\nskillId;ctmrinfo.ctype\r\n1;a"))[0].values) == {
        "skillId": "1",
        "ctmrinfo.ctype": "a",
    }


def test_numbers_in_csv_text_are_read_where_the_field_is_a_number_and_nowhere_else(tmp_path):
    path = csv(
        tmp_path,
        "ctmrinfo.balance,ctmrinfo.companySize,ctmrinfo.lastPaymentDate,skillId,ctmrinfo.imei\n"
        "-400.99,500,2014-10-15,0012,1e5\n1,0,2014-10-15,-1,0\n",
    )

    first, second = cases_of(path)

    assert dict(first.values) == {
        "ctmrinfo.balance": -400.99,
        "ctmrinfo.companySize": 500,
        "ctmrinfo.lastPaymentDate": datetime.date(2014, 10, 15),
        "skillId": "0012",
        "ctmrinfo.imei": "1e5",
    }
    assert second.values["ctmrinfo.balance"] == 1
    assert isinstance(second.values["ctmrinfo.balance"], int)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cases.csv is empty: its first line must name the columns."),
        (
            b"skillId\n\x81\n",
            "cases.csv is not UTF-8: a cell of it is 'Å' in mac_roman, 'ü' in cp850, 'Ѓ' in cp1251. Say "
            "which encoding it has (--encoding NAME), or save it as CSV UTF-8.",
        ),
        (
            b"skillId,ctmrinfo.ctype\n1\n1,2\n1,2,3\n",
            "2 values are wrong:\n"
            "  - cases.csv, line 4 (row 3), has 3 cells where the header has 2. "
            'A cell that holds the separator or a line break stands in quotes: "...".\n'
            "  - cases.csv, line 2 (row 1), has 1 cell where the header has 2. "
            'A cell that holds the separator or a line break stands in quotes: "...".',
        ),
        (
            b"skillId,note.a\n1\n" + b"1,2\n" * 20 + b'1\n1,2\n1\n1,"2\n1,2\n',
            "4 values are wrong:\n"
            "  - cases.csv, line 2 (row 1), has 1 cell where the header has 2. Too few cells, too: "
            'line 23, 25. A cell that holds the separator or a line break stands in quotes: "...".\n'
            "  - cases.csv, line 26, is not CSV: unexpected end of data. ",
        ),
        (b'skillId\n"1\n', "cases.csv, line 2, is not CSV: unexpected end of data."),
        (b"PAR1junk", "cases.csv cannot be read: "),
        (
            b"PK\x03\x04junk",
            "cases.csv cannot be read as an Excel workbook (File is not a zip file). Save it anew, or as "
            "CSV UTF-8.",
        ),
        (b"skillId,\n1,2\n", "Column B has no name and 1 value. Name it, or leave it out."),
        (b"skilId\n1\n", "'skilId' is not a column that lpnb knows. Did you mean 'skillId'?"),
    ],
    ids=[
        "empty",
        "not UTF-8",
        "ragged",
        "several troubles",
        "open quote",
        "not Parquet",
        "Excel",
        "no name",
        "unknown column",
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, content, message):
    path = csv(tmp_path, content)

    with pytest.raises(InvalidValueError) as caught:
        cases_of(path)

    assert str(caught.value).replace(f"{tmp_path}/", "").startswith(message)


def test_a_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(InvalidValueError, match=r"nothing\.csv cannot be read: No such file or directory\.$"):
        cases_of(tmp_path / "nothing.csv")


def test_a_parquet_file_keeps_its_types(tmp_path):
    path = tmp_path / "cases.parquet"
    table = pa.table(
        {
            "ctmrinfo.customerId": ["007", None],
            "ctmrinfo.companySize": pa.array([3, None], pa.int32()),
            "ctmrinfo.registrationDate": pa.array([datetime.date(2024, 2, 29), None]),
            "ctmrinfo.balance": pa.array([Decimal("-400.99"), None]),
            "campaignInfo": pa.array([{"campaignId": "1"}, None]),
            "expected_skill": pa.array([2741903013, None]),
            "personal.contacts": pa.array([[{"email": "a@example.com"}], None]),
        }
    )
    pq.write_table(table, path)

    first, second = cases_of(str(path))

    assert sent(first)["campaignInfo"] == {"campaignId": "1"}
    assert info(first) == {
        "customerId": "007",
        "companySize": 3,
        "balance": -400.99,
        "registrationDate": {"day": 29, "month": 2, "year": 2024},
    }
    assert dict(first.expected) == {"expected_skill": "2741903013"}
    assert dict(second.values) == {}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.text(TEXT), st.text(TEXT)), min_size=1, max_size=20))
def test_any_text_comes_back_from_a_file_as_it_was(tmp_path, texts):
    assume(not any(placeholder_in(cell) or cell.startswith("#") for row in texts for cell in row))
    frame = pd.DataFrame(texts, columns=["ctmrinfo.role", "personal.firstname"])

    for ending in ("csv", "parquet"):
        cases = cases_of(save_table(frame, tmp_path / f"cases.{ending}"))

        found = [
            (case.values.get("ctmrinfo.role", ""), case.values.get("personal.firstname", ""))
            for case in cases
        ]
        # A spreadsheet's rows in which every cell is empty are no cases.
        assert found == [row for row in texts if ending == "parquet" or any(cell.strip() for cell in row)]


def test_all_wrong_cells_are_named_at_once_by_row_and_column():
    rows = [
        {"ctmrinfo.companySize": "many", "personal.gender": "male", "case": "a", "personal.auth.iss": 1},
        {
            "case": "a",
            "consumer_id": " ",
            "ctmrinfo.customerId": 7,
            "skillId": 1.5,
            "personal.contacts.0.phoneType": "home",
            "personal.age.month": 2,
            "ctmrinfo.balance": "1,5",
            "ctmrinfo.lastPaymentDate": "2023-02-29",
            "campaignInfo": "[]",
            "metadata": "{",
        },
        {"engagementAttributes.personal.gender": "X", "ctmrinfo.role": "\ud800"},
    ]

    assert complaints(cases_of(rows)).splitlines() == [
        "15 values are wrong:",
        "  - Row 1 (a), ctmrinfo.companySize must be a whole number, such as 500; got 'many'.",
        "  - Row 1 (a), personal.auth.iss must be text; got 1. "
        "Read the column as text: a number has lost its leading zeros.",
        "  - Row 1 (a), personal.gender must be one of 'MALE', 'FEMALE', 'OTHER'; got 'male'. "
        "Did you mean 'MALE'?",
        "  - Row 2 (a), ctmrinfo.customerId must be text; got 7. "
        "Read the column as text: a number has lost its leading zeros.",
        "  - Row 2 (a), skillId must be an id: text or a whole number; got 1.5.",
        "  - Row 2 (a), ctmrinfo.balance must be a number with a point, such as -400.99; got '1,5'.",
        "  - Row 2 (a), ctmrinfo.lastPaymentDate must be a day of the calendar; got '2023-02-29'.",
        '  - Row 2 (a), campaignInfo must be an object, such as {"...": "..."}; got \'[]\'.',
        "  - Row 2 (a), metadata must be JSON (Expecting property name enclosed in double quotes at line 1, "
        "column 2); got '{'.",
        "  - Row 2 (a), personal.age must give the year when it does not give the age; got {'month': 2}.",
        "  - Row 2 (a), personal.contacts.0.phoneType must be one of 'HOME', 'MOBILE', 'WORK', 'FAX', "
        "'MAIN', 'HOME_FAX', 'WORK_FAX', 'PAGER', 'OTHER'; got 'home'. Did you mean 'HOME'?",
        "  - Row 2 (a), consumer_id must not be blank.",
        "  - Row 2, case must be unique; 'a' is also row 1.",
        "  - Row 3 (gender X), ctmrinfo.role must not hold half a character (a lone surrogate at position "
        "0); got '\\ud800'.",
        "  - Row 3, engagementAttributes.personal.gender must be one of 'MALE', 'FEMALE', 'OTHER'; got 'X'.",
    ]


def test_a_rule_that_a_thousand_cells_break_is_one_line_that_names_some_of_them():
    rows = [{"ctmrinfo.customerId": f"{n:03}", "personal.gender": "x" * (1 + n % 3)} for n in range(1_000)]

    with pytest.raises(InvalidValueError) as caught:
        cases_of(rows).check()

    assert str(caught.value) == (
        "personal.gender must be one of 'MALE', 'FEMALE', 'OTHER': wrong in 1,000 of 1,000 rows, such as 'x' "
        "in rows 1 (customerId 000), 4 (customerId 003), 7 (customerId 006) and 'xx' in rows 2 (customerId "
        "001), 5 (customerId 004), 8 (customerId 007)."
    )
    assert [(found.path, found.values) for found in caught.value.complaints] == [
        ("[0].personal.gender", 1_000)
    ]


def test_more_broken_rules_than_fit_a_screen_are_counted():
    wrong = {f"engagementAttributes.cart.products.{n}.quantity": "many" for n in range(50)}
    cases = cases_of([{**wrong, "ttrDefName": "SOON"}])

    said = complaints(cases)

    assert said.startswith("51 values are wrong:\n  - Row 1, ")
    assert said.endswith("\n  ... and 1 more.")
    assert said.count("\n") == MOST_COMPLAINTS + 1


def test_a_wrong_cell_stops_its_own_case_and_no_other():
    cases = cases_of([{"skillId": True}, {"skillId": "1"}])

    with pytest.raises(InvalidValueError) as caught:
        cases[0].batch()

    assert str(caught.value) == "Row 1, skillId must be an id: text or a whole number; got True."
    assert sent(cases[1])["skillId"] == "1"


def test_no_case_at_all_is_an_error(tmp_path):
    assert complaints(cases_of(csv(tmp_path, "skillId\n"))) == (
        "There is no case of cases.csv: there are no rows, or none was chosen."
    )


def digest(row: dict) -> str:
    return row_of(cases_of([row])[0], "4f3c2b1a" * 4, None).digest


def test_a_digest_changes_with_what_the_case_says_and_with_nothing_else():
    row = {"case": "a", "skillId": "1", "ctmrinfo.ctype": "vip"}
    said = r'["a",null,"{\"ctmrinfo.ctype\":\"vip\",\"skillId\":\"1\"}","{}"]'

    assert digest(row) == hashlib.blake2b(said.encode(), digest_size=24).hexdigest()
    assert digest(dict(reversed(row.items()))) == digest(row)
    for change in ({"case": "b"}, {"skillId": "2"}, {"consumer_id": "x"}, {"expected_code": "OK"}):
        assert digest({**row, **change}) != digest(row)
    whole, parts = {"campaignInfo": CampaignInfo(campaign_id=1)}, {"campaignInfo": {"campaignId": "1"}}
    assert digest(whole) == digest(parts)


def test_the_table_of_cases_has_a_row_for_each_and_keeps_types():
    cases = cases_of(
        [
            {
                "ctmrinfo.customerId": "007",
                "ctmrinfo.companySize": 5,
                "ctmrinfo.balance": 1,
                "note.tier": "a",
            },
            {
                "ctmrinfo.registrationDate": datetime.date(2024, 2, 29),
                "campaignInfo": CampaignInfo(campaign_id=1),
            },
        ]
    )

    table = cases.table()

    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == {
        "case": "str",
        "consumer_id": "str",
        "expected_skill": "str",
        "expected_code": "str",
        "ctmrinfo.customerId": "str",
        "ctmrinfo.companySize": "Int64",
        "ctmrinfo.balance": "float64",
        "note.tier": "str",
        "ctmrinfo.registrationDate": "str",
        "campaignInfo": "str",
    }
    assert table["case"].tolist() == ["case-00001", "case-00002"]
    assert table["campaignInfo"].dropna().tolist() == ['{"campaignId": "1"}']
    assert table["ctmrinfo.registrationDate"].dropna().tolist() == ["2024-02-29"]


def test_cases_stand_beside_others_row_by_row():
    tiers = cases_of([{"ctmrinfo.ctype": ctype} for ctype in ("a", "b")])
    both = cases_of([{"skillId": str(number)} for number in range(1_201)]).beside(tiers)

    assert both.columns == ["skillId", "ctmrinfo.ctype"]
    assert [dict(both[n].values) for n in (0, 3, 1_200)] == [
        {"skillId": "0", "ctmrinfo.ctype": "a"},
        {"skillId": "3", "ctmrinfo.ctype": "b"},
        {"skillId": "1200", "ctmrinfo.ctype": "a"},
    ]
    with pytest.raises(InvalidValueError, match=r"^The column 'skillId' is there twice\.$"):
        both.beside([{"skillId": "1"}])
    with pytest.raises(InvalidValueError, match=r"^There is no case to put beside these\.$"):
        both.beside([])


def test_a_preview_shows_the_first_payloads_and_the_total():
    cases = cases_of([{"case": "<b>", "skillId": str(number)} for number in range(1_200)])

    preview = cases.preview(1)

    assert str(preview).startswith(
        '1,200 cases in all, the first 1 as they would be posted:\n\n<b>\n[\n  {\n    "kind": "req",\n'
        '    "id": "(made fresh for each send)",\n'
    )
    assert preview._repr_html_().startswith(
        "<p><b>1,200 cases in all, the first 1 as they would be posted:</b></p><p>&lt;b&gt;</p><pre "
    )
    assert len(cases.preview(5_000).payloads) == 1_200
    assert cases._repr_html_().count("<pre") == 3


def test_a_preview_shows_what_is_wrong_in_place_of_a_payload():
    cases = cases_of([{"case": "a", "personal.gender": "<b>"}, {"case": "b"}])

    wrong = "Row 1 (a), personal.gender must be one of 'MALE', 'FEMALE', 'OTHER'; got '<b>'."
    assert str(cases.preview(1)).endswith(f"\n\na\n{wrong}")
    assert "got &#x27;&lt;b&gt;&#x27;." in cases._repr_html_()


def test_cases_are_found_by_number_from_either_end():
    cases = cases_of([{"skillId": str(number)} for number in range(1_500)])

    assert [cases[n].values["skillId"] for n in (0, 511, 512, -1, 1_499)] == [
        "0",
        "511",
        "512",
        "1499",
        "1499",
    ]
    assert [case.number for case in cases] == list(range(1_500))
    with pytest.raises(IndexError, match=r"^there are 1,500 cases; got number 1500$"):
        cases[1_500]


@pytest.mark.parametrize("wrong", [None, 5, {"skillId": ["1"]}, b"x"])
def test_cases_of_something_else_says_what_it_takes(wrong):
    with pytest.raises(
        TypeError, match=r"^cases are a Grid, a DataFrame, the path of a CSV, Excel, Parquet or TOML file"
    ):
        cases_of(wrong)


def test_cases_of_rows_that_are_no_dicts_says_what_it_takes():
    with pytest.raises(
        InvalidValueError, match=r"^A case must be a dict of column names and values; got 'x'\.$"
    ):
        cases_of(["x"])


def test_a_case_is_sent_as_it_stands(client, sandbox):
    case = cases_of([{"ctmrinfo.ctype": "vip", "personal.firstname": ODD, "ctmrinfo.customerId": "007"}])[0]

    reply = client.send_batch(case.batch(), "anna")

    assert reply.outcome == "answered"
    (conversation,) = sandbox.conversations
    sdes = conversation.request[0]["body"]["authenticatedData"]["lp_sdes"]
    assert sdes == [
        {"type": "ctmrinfo", "info": {"ctype": "vip", "customerId": "007"}},
        {"type": "personal", "personal": {"firstname": ODD}},
    ]


def posted(batch) -> tuple[list[dict], bool]:
    """The frames that are posted, without their ids, and whether those are as announced."""
    outgoing = batch.outgoing("12345678")
    frames = json.loads(outgoing.content)
    announced = [(frame["id"], frame["type"]) for frame in frames] == list(outgoing.requests)
    return [{key: value for key, value in frame.items() if key != "id"} for frame in frames], announced


SAYS = {"text": "Ann", "id": "007", "whole": 7, "number": 7.5, "boolean": True}


def cell(column: str) -> object:
    """Something that *column* can hold; text where it may."""
    kind = kinds_of([column])[column]
    for value in (SAYS.get(kind), *CHOICES):
        if value is not None and not list(cases_of([{column: value}])[0].complaints()):
            return value
    return None


CHOICES = ("MALE", "MOBILE", "NORMAL", "MESSAGING", "SHARK", "pwd", "CAMPAIGNS", "2026-01-31")


def test_what_a_run_posts_of_each_column_is_what_its_batch_would():
    columns = [name for name in known_columns() if find_column(name).part in ("sde", "request", "header")]
    values = {column: value for column in columns if (value := cell(column)) is not None}
    for column, value in values.items():
        case = cases_of([{column: value}])[0]

        assert posted(case.posted()) == posted(case.batch()), column
    assert len(values) > 40


PLAIN = (
    "brandId",
    "channelType",
    "skillId",
    "ttrDefName",
    "campaignInfo.campaignId",
    "campaignInfo.engagementId",
    "conversationContext.type",
    "conversationContext.lang",
    "conversationContext.interactionContextId",
    "ctmrinfo.ctype",
    "ctmrinfo.customerId",
    "ctmrinfo.balance",
    "ctmrinfo.companySize",
    "personal.firstname",
    "personal.contacts.0.email",
    "personal.contacts.1.phoneType",
    "personal.contacts.1.address.country",
)
CHOSEN = {
    "channelType": "MESSAGING",
    "ttrDefName": "URGENT",
    "personal.contacts.1.phoneType": "MOBILE",
    "ctmrinfo.balance": -400.99,
    "ctmrinfo.companySize": 500,
}


@given(st.dictionaries(st.sampled_from(PLAIN), st.text(TEXT, min_size=1), max_size=8))
def test_what_a_run_posts_of_any_cells_is_what_the_batch_would(said):
    row = {column: CHOSEN.get(column, text) for column, text in said.items()}
    case = cases_of([row, dict.fromkeys(PLAIN)])[0]

    assert type(case.posted()) is not type(case.batch())
    assert posted(case.posted()) == posted(case.batch())


@given(st.lists(st.sampled_from(["null", "URGENT", None]), min_size=1, max_size=6))
def test_each_case_is_posted_with_its_own_null(urgencies):
    for case in cases_of([{"ttrDefName": urgency, "skillId": '7"%b%\\'} for urgency in urgencies]):
        assert posted(case.posted()) == posted(case.batch())


def test_what_needs_its_models_is_posted_by_them():
    for row in (
        {"ctmrinfo.lastPaymentDate": "2026-01-31"},
        {"campaignInfo": {"campaignId": "1"}},
        {"ctmrinfo.extra.loyaltyTier": "7"},
        {"ctmrinfo.auth.iss": "https://login.example.com"},
        {"clientProperties.appId": "x"},
    ):
        case = cases_of([row])[0]

        assert type(case.posted()) is type(case.batch())
        assert posted(case.posted()) == posted(case.batch())


def test_a_cell_that_cannot_be_read_is_not_posted():
    with pytest.raises(InvalidValueError):
        cases_of([{"ctmrinfo.ctype": object()}])[0].posted()


ODD_TEXT = st.text(min_size=1, max_size=3) | st.sampled_from(["MOBILE", "URGENT", "MESSAGING", "x\ud800"])


@given(st.lists(st.dictionaries(st.sampled_from(PLAIN), ODD_TEXT, max_size=4), min_size=1, max_size=6))
def test_a_table_is_checked_as_its_batches_would_be_one_by_one(rows):
    def found_by_its_batch(row) -> list[str]:
        table = cases_of([every_column, row])
        try:
            table[1].batch()
        except InvalidValueError as error:
            columns = [found.path.partition(".")[2] for found in error.complaints]
            rows = [table.placed(1, Complaint(column, "")).sentence for column in columns]
            return [
                found.sentence.removeprefix(row) for found, row in zip(error.complaints, rows, strict=True)
            ]
        return []

    every_column = dict.fromkeys(PLAIN)  # complaints stand in the order of the columns
    checked = cases_of([every_column, *rows])

    for number, row in enumerate(rows, start=1):
        found = [complaint.sentence for complaint in checked[number].unplaced_complaints()]
        assert found == found_by_its_batch(row)


def test_free_text_beside_which_another_field_is_required_is_told_whatever_came_before():
    cases = cases_of([{"skillId": "1"}, {"engagementAttributes.cart.currency": "EUR"}])

    assert complaints(cases).splitlines()[1:] == [
        "  - Row 2 (currency EUR), engagementAttributes.cart.total is required.",
        "  - Row 2 (currency EUR), engagementAttributes.cart.numItems is required.",
    ]


@pytest.mark.parametrize("column", ["case", "expected_skill", "expected_code"])
def test_no_text_of_a_case_is_kept_with_half_a_character(column):
    cases = cases_of([{"skillId": "1"}, {column: "a\ud83d", "skillId": "1"}])

    rule = "must not hold half a character (a lone surrogate at position 1)"
    assert complaints(cases) == f"Row 2, {column} {rule}."


@pytest.mark.parametrize("nothing", [np.float32("nan"), np.float16("nan"), Decimal("NaN"), Decimal("sNaN")])
@pytest.mark.parametrize("column", ["skillId", "ctmrinfo.balance", "personal.firstname"])
def test_every_kind_of_nan_is_an_empty_cell(column, nothing):
    frame = pd.DataFrame({column: [nothing, "x"]}, dtype=object)

    assert dict(cases_of([{column: nothing}])[0].values) == {}
    assert dict(cases_of(frame)[0].values) == {}


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32()])
def test_a_nan_of_a_parquet_file_is_an_empty_cell(tmp_path, kind):
    path = tmp_path / "cases.parquet"
    pq.write_table(pa.table({"skillId": pa.array([7.0, float("nan"), None], kind)}), path)

    assert [dict(case.values) for case in cases_of(path)] == [{"skillId": "7"}, {}, {}]


def test_a_cell_of_a_csv_file_may_be_longer_than_pythons_reader_has_it_by_itself(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text(f"personal.firstname\n{'x' * 200_000}\n", encoding="utf-8")

    assert cases_of(path)[0].values["personal.firstname"] == "x" * 200_000


def test_blank_lines_before_the_header_are_passed_over(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text("\n\nskillId;case\n007;a\n", encoding="utf-8")

    assert [(case.name, dict(case.values)) for case in cases_of(path)] == [("a", {"skillId": "007"})]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.parquet", b"skillId\n1\n", "is no Parquet file: those begin with the letters PAR1."),
        (
            "a.xls",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "is an Excel file of the old kind (.xls). Open it in a spreadsheet program, without a password, "
            "and save it as .xlsx or CSV UTF-8.",
        ),
        (
            "a.json",
            b'[{"skillId": "1"}]',
            "is JSON. Read it with json.load and give the list of dicts, or save it as CSV UTF-8.",
        ),
    ],
)
def test_a_file_of_another_kind_is_called_by_its_name(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(InvalidValueError) as caught:
        cases_of(path)
    assert str(caught.value) == f"{path} {said}"
