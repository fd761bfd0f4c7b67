"""JSON on its way out: compact, and the same whoever of the two writers had to write it."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpnb._internal.json_codec import json_bytes, json_text

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(ANYTHING)
def test_what_is_written_reads_back_as_it_was(value):
    assert json.loads(json_text(value)) == value
    assert json_bytes(value) == json_text(value).encode()


def test_it_is_compact_and_not_escaped():
    assert json_text({"name": "Ánna ☕", "n": [1, 2.5, None, True], "line": "a\nb\x1f"}) == (
        '{"name":"Ánna ☕","n":[1,2.5,null,true],"line":"a\\nb\\u001f"}'
    )


@pytest.mark.parametrize("key", ["b", "\ud800"])
def test_sorted_keys_are_sorted_by_either_writer(key):
    assert json_text({key: 1, "a": 2}, sort_keys=True) == f'{{"a":2,"{key}":1}}'


def test_what_c_does_not_take_is_written_all_the_same():
    assert json_bytes([2**70, {1: "a"}]) == b'[1180591620717411303424,{"1":"a"}]'
    assert json_text("half \ud83d") == '"half \ud83d"'
    with pytest.raises(UnicodeEncodeError):
        json_bytes("half \ud83d")


@dataclass
class Thing:
    name: str


def test_what_json_has_no_form_of_is_left_to_the_caller():
    odd = [datetime.date(2026, 1, 31), Thing("x")]

    assert json_text(odd, lambda value: f"<{type(value).__name__}>") == '["<date>","<Thing>"]'
    with pytest.raises(TypeError, match="Object of type date is not JSON serializable"):
        json_text(odd)


class Point(NamedTuple):
    x: float
    y: float


def test_kinds_of_floats_and_tuples_are_numbers_and_lists_whatever_the_caller_says():
    odd = {"n": [np.float64(2.5)], "at": Point(np.float64(0.5), 1)}

    for default in (None, repr):
        assert json_text(odd, default) == '{"n":[2.5],"at":[0.5,1]}'


def test_what_is_no_number_in_json_is_null():
    assert json_text([float("nan"), float("inf")]) == "[null,null]"
