"""JSON that two readers could understand differently is refused, with a reason in words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpnb._internal.json_codec import JsonError, read_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"\xef\xbb\xbf", "it is empty"),
        (b'"caf\xe9"', "byte 4 is not UTF-8"),
        (b"\xff\xfe[\x00]\x00", "byte 0 is not UTF-8"),
        (b"<html>", "Expecting value at line 1, column 1"),
        (b"[1,\n2", "Expecting ',' delimiter at line 2, column 2"),
        (b"[1] [2]", "Extra data at line 1, column 5"),
        (b"{'a': 1}", "Expecting property name enclosed in double quotes at line 1, column 2"),
        (b"[NaN]", "NaN is not JSON"),
        (b"[Infinity]", "Infinity is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"[1e400]", "the number 1e400 is too large"),
        (b'{"a": 1, "a": 2}', "the key 'a' occurs twice in one object"),
        (b'[{"b": {"a": 1, "\\u0061": 1}}]', "the key 'a' occurs twice in one object"),
        (b"1" * 5000, "a number has 5000 digits"),
        (b"[" * 100_000, "it is nested deeper than 64 levels"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "it is nested deeper than 64 levels"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_odd_text_is_refused_with_a_reason(text, reason):
    with pytest.raises(JsonError) as caught:
        read_json(text)

    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"\xef\xbb\xbf[1]", [1]),
        ("[" * 64 + "]" * 64, None),
        (b'"[[[[{{{{"', "[[[[{{{{"),
        (b'"\\"[' + b"[" * 100 + b'"', '"[' + "[" * 100),
        (b'{"a": {"a": 1}}', {"a": {"a": 1}}),
        (b"1" * 400, int("1" * 400)),
        ('"caf\u00e9"', "café"),
        (b'"\\ud83d\\ude00"', "😀"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_unusual_but_proper_text_is_read(text, value):
    assert read_json(text) == (value if value is not None else json.loads(text))


def test_half_a_character_becomes_the_replacement_character():
    assert read_json(b'{"\\ud800k": ["a\\udfff"]}') == {"\ufffdk": ["a\ufffd"]}


@given(JSON)
def test_whatever_json_can_say_is_read_back(value):
    assert read_json(json.dumps(value)) == value
    assert read_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary())
def test_arbitrary_bytes_raise_nothing_else(content):
    try:
        value = read_json(content)
    except JsonError:
        return
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


@given(st.text('[]{}",:\\u0d8fe1N'))
def test_scraps_of_json_raise_nothing_else(text):
    try:
        read_json(text)
    except JsonError:
        return
