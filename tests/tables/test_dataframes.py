"""Responses as DataFrames: the same columns and dtypes whatever there is to show."""

from __future__ import annotations

import datetime
import re
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpnb import BatchResponse, cases_table, responses_table
from lpnb.models.responses import Pair
from lpnb.tables.dataframes import ResponseColumns

DTYPES = {
    "consumer_id": "str",
    "req_id": "str",
    "type": "str",
    "ok": "boolean",
    "code": "str",
    "message": "str",
    "conversation_id": "str",
    "http_status": "Int64",
    "attempts": "Int64",
    "elapsed_ms": "float64",
    "sent_at": "datetime64[us, UTC]",
}
NOON = datetime.datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=datetime.UTC)


def response(number: int = 1, **changes) -> BatchResponse:
    fields = {
        "consumer_id": f"c-{number}",
        "outcome": "answered",
        "pairs": (
            Pair("1,", "userprofile.SetUserProfile", True, "OK", "OK User Profile set successfully"),
            Pair("2,", "cm.ConsumerRequestConversation", True, "OK", None, f"conv-{number}"),
        ),
        "explanation": "",
        "http_status": 200,
        "attempts": 1,
        "elapsed_ms": 12.5,
        "sent_at": NOON,
    }
    return BatchResponse(**{**fields, **changes})


def bare() -> BatchResponse:
    return BatchResponse("anna", "unknown", (Pair("1", "x"),))


@pytest.mark.parametrize(
    ("responses", "rows"),
    [
        ([], 0),
        (response(), 2),
        ([response()], 2),
        ((response(n) for n in range(500)), 1000),
        ([bare()], 1),
        ([bare(), response()], 3),
        ([BatchResponse("anna", "refused", ())], 0),
    ],
    ids=["none", "one", "a list of one", "many", "nothing known", "mixed", "no frames"],
)
def test_columns_and_dtypes_are_always_the_same(responses, rows):
    table = responses_table(responses)

    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == DTYPES
    assert list(table.columns) == list(DTYPES)
    assert len(table) == rows
    assert list(table.index) == list(range(rows))


def test_one_row_for_each_request_in_the_order_sent():
    table = responses_table([response(1), response(2)])

    assert table["consumer_id"].tolist() == ["c-1", "c-1", "c-2", "c-2"]
    assert table["req_id"].tolist() == ["1,", "2,", "1,", "2,"]
    assert table["ok"].tolist() == [True, True, True, True]
    assert table["conversation_id"].isna().tolist() == [True, False, True, False]
    assert table["conversation_id"].dropna().tolist() == ["conv-1", "conv-2"]
    assert table["http_status"].tolist() == [200, 200, 200, 200]
    assert table["sent_at"][0] == NOON
    assert table["elapsed_ms"].tolist() == [12.5] * 4


def test_what_is_not_known_is_missing_and_not_zero():
    row = responses_table(bare()).iloc[0]

    for name in ("code", "message", "conversation_id", "http_status", "elapsed_ms", "sent_at"):
        assert row.isna()[name], name
    assert bool(row["ok"]) is False
    assert row["attempts"] == 0


def test_half_a_character_does_not_break_the_table():
    pair = Pair("1", "x", False, "a\ud800", "b\udfff", None)

    table = responses_table(BatchResponse("anna\ud800", "unknown", (pair,)))

    assert table.loc[0, ["consumer_id", "code", "message"]].tolist() == ["anna\ufffd", "a\ufffd", "b\ufffd"]


@pytest.mark.parametrize("text", ["", "\x00", "x" * 100_000, "=1+1", "☕\n\t", "NaN", "null", "None"])
def test_any_text_is_kept_as_it_is(text):
    table = responses_table(BatchResponse("anna", "refused", (Pair("1", "x", False, "NO", text),)))

    assert table["message"].tolist() == [text]


def test_markup_in_a_table_is_shown_as_text():
    markup = "<script>alert(1)</script>"
    pair = Pair(markup, markup, False, markup, markup, markup)

    html = responses_table(BatchResponse(markup, "refused", (pair,)))._repr_html_()

    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 6


def test_a_real_reply_becomes_a_table(client):
    table = responses_table([client.create_conversation("anna"), client.create_conversation("anna")])

    assert table["ok"].tolist() == [True, True, True, False]
    assert table["code"].tolist() == ["OK", "OK", "OK", "BAD_REQUEST"]
    assert table["message"].tolist()[0] == "OK User Profile set successfully"
    assert table["sent_at"].is_monotonic_increasing
    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == DTYPES


@pytest.mark.parametrize("wrong", [None, "x", 5, [None]])
def test_a_table_of_something_else_says_what_it_takes(wrong):
    with pytest.raises(TypeError, match=r"^responses_table takes BatchResponse objects; got "):
        responses_table(wrong)


def test_responses_can_be_keyed_by_the_case_they_belong_to():
    table = responses_table([response(1), bare()], cases=["gold", "vip"])

    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == {"case": "str", **DTYPES}
    assert table["case"].tolist() == ["gold", "gold", "vip"]
    with pytest.raises(ValueError, match="shorter"):
        responses_table([response(1), response(2)], cases=["gold"])


TOLD = (
    *("consumer_id", "req_id", "type", "ok", "code", "message", "conversation_id"),
    *("http_status", "attempts", "elapsed_ms", "sent_at"),
)
words = (
    st.none() | st.text(st.characters(), max_size=4) | st.sampled_from(["OK", "\ud800", "a\udfffb", "☕", ""])
)
zones = st.sampled_from([datetime.UTC, ZoneInfo("Asia/Kolkata"), ZoneInfo("America/New_York"), None])
moments = st.none() | st.datetimes(
    datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1), timezones=zones
)
frames = st.builds(Pair, words, words, st.booleans(), words, words, words)
odd_responses = st.builds(
    BatchResponse,
    words,
    st.just("unknown"),
    st.lists(frames, max_size=3).map(tuple),
    http_status=st.none() | st.integers(0, 599),
    attempts=st.integers(0, 9),
    elapsed_ms=st.none() | st.floats(0, 1e6),
    sent_at=moments,
    strays=st.just(({"code": "OK"},)),
)


def row_by_row(responses: list[BatchResponse], names: list[str]) -> list[list[object]]:
    """What the table says, put together the plain way."""

    def cell(value):
        if isinstance(value, str):
            return re.sub("[\ud800-\udfff]", "\ufffd", value)
        if isinstance(value, datetime.datetime):
            return value.astimezone(datetime.UTC) if value.tzinfo else value.replace(tzinfo=datetime.UTC)
        return value

    return [
        [name, *(cell(getattr(pair if hasattr(pair, told) else response, told)) for told in TOLD)]
        for response, name in zip(responses, names, strict=True)
        for pair in response.pairs
    ]


@given(st.lists(odd_responses, max_size=9), st.integers(1, 5))
def test_the_table_is_what_going_through_row_by_row_finds(responses, at_once):
    names = [f"case {n}" for n in range(len(responses))]
    kept = ResponseColumns(keyed=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lpnb.tables.dataframes._CHUNK_SIZE", at_once)
        table = responses_table(responses, cases=names)
        for response, name in zip(responses, names, strict=True):
            kept.add(response, name)

    found = table.astype("object").where(table.notna(), None).to_numpy().tolist()
    assert found == row_by_row(responses, names)
    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == {"case": "str", **DTYPES}
    assert table.index.equals(pd.RangeIndex(len(table)))
    pd.testing.assert_frame_equal(kept.table(), table)
    pd.testing.assert_frame_equal(responses_table(responses), table.drop(columns="case"))


CASE_DTYPES = {
    "case": "str",
    "consumer_id": "str",
    "outcome": "str",
    "code": "str",
    "message": "str",
    "conversation_id": "str",
    "http_status": "Int64",
    "attempts": "Int64",
    "elapsed_ms": "float64",
    "sent_at": "datetime64[us, UTC]",
    "landed_skill_id": "str",
    "landed_skill": "str",
    "landing_source": "str",
    "offered_campaign_id": "str",
    "offered_engagement_id": "str",
    "decided_by": "str",
    "say_outcome": "str",
    "landing_outcome": "str",
    "close_outcome": "str",
    "expected_skill": "str",
    "expected_code": "str",
    "passed": "boolean",
}


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        ({}, 0),
        ({"case": []}, 0),
        ({"case": ["a"], "http_status": [None]}, 1),
        ({"case": ["a", "b"], "passed": [True, None], "sent_at": [NOON, None], "elapsed_ms": [1, 2.5]}, 2),
        ({"passed": iter([True]), "outcome": ("answered",)}, 1),
    ],
)
def test_the_table_of_cases_always_has_the_same_columns_and_dtypes(columns, rows):
    table = cases_table(columns)

    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == CASE_DTYPES
    assert len(table) == rows


def test_columns_of_the_cases_come_last_with_the_dtype_of_their_kind():
    table = cases_table(
        {"skillId": [None], "ctmrinfo.balance": [None], "note.n": [1], "case": ["a"], "note.o": [{"a": 1}]},
        kinds={"skillId": "id", "ctmrinfo.balance": "number"},
    )

    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == {
        **CASE_DTYPES,
        "skillId": "str",
        "ctmrinfo.balance": "float64",
        "note.n": "Int64",
        "note.o": "str",
    }
    assert table["note.o"].tolist() == ['{"a": 1}']


def test_a_table_keeps_what_no_plain_column_can_hold_as_text():
    table = cases_table({"case": ["a\ud800", None], "note.big": [10**30, 1], "note.any": ["x", 1.5]})

    assert table["case"].tolist()[0] == "a\ufffd"
    assert table["note.big"].tolist() == [str(10**30), "1"]
    assert table["note.any"].tolist() == ["x", "1.5"]


def test_columns_of_different_length_make_no_table():
    with pytest.raises(ValueError, match=r"^the columns of a table must be of one length; got \[1, 2\]$"):
        cases_table({"case": ["a"], "outcome": ["answered", "refused"]})
