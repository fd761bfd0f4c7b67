"""Placeholders of any tool are known by their form, and ordinary text is not taken for one."""

from __future__ import annotations

import pytest

from lpnb._internal.placeholders import placeholder_in, placeholders_in


@pytest.mark.parametrize(
    "text",
    [
        "{{skillId}}",
        "{{ skill id }}",
        "{{$guid}}",
        "{accountid}",
        "<accountid>",
        "<your account id>",
        "YOUR_ACCOUNT_ID",
        "your-skill-id",
        "%SKILL%",
        "%(skill)s",
        "$SKILL",
        "$skillId",
        "${SKILL}",
        "<%= skill %>",
        "[[skill id]]",
        "[First Name]",
        "__SKILL_ID__",
        "@@SKILL@@",
        "INSERT_SKILL_HERE",
        "changeme",
        "replace_me",
    ],
)
def test_what_a_tool_would_have_filled_in_is_a_placeholder(text):
    assert placeholder_in(f" {text} ") == text


@pytest.mark.parametrize(
    "text",
    [
        "2741903011",
        "-1",
        "gold",
        "50 %",
        "100%",
        "$5",
        "$1,000",
        "a < b > c",
        "<b>",
        "<script>",
        "{}",
        "[]",
        "[1]",
        "{not one} of them",
        "Jane <jane@example.com>",
        "O'Connor",
        "_x_",
        "snake_case",
        "yourself",
        "https://example.com/?a=%20b",
        "",
        "I love {{",
        "Put it here",
        "enterprise",
    ],
)
def test_ordinary_text_is_none(text):
    assert placeholder_in(text) is None


def test_several_in_one_text_are_named_in_their_order():
    text = "https://{{host}}/api/account/${account}/messaging"

    assert list(placeholders_in(text)) == ["{{host}}", "${account}"]
