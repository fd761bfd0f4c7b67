"""The sandbox's page in the docs: its tables and its world file are those of the code."""

import ast
import inspect
import re
from dataclasses import fields
from pathlib import Path

from lpnb.sandbox import Rules
from lpnb.sandbox.world.loader import parse_world

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text("utf-8")


def test_every_rule_is_on_the_page_with_its_default():
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", PAGE, re.MULTILINE))

    assert {name: ast.literal_eval(default) for name, default in rows.items()} == {
        field.name: field.default for field in fields(Rules)
    }


def test_every_rule_says_what_is_known_about_it():
    arguments = inspect.getdoc(Rules).partition("Args:")[2].partition("Example:")[0]
    described = set(re.findall(r"^ {4}(\w+): ", arguments, re.MULTILINE))

    assert described == {field.name for field in fields(Rules)}


def test_the_pages_world_can_be_played():
    world = parse_world(re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1])

    assert [engagement.name for engagement in world.accounts[0].engagements] == ["On the returns page"]
