"""Loads a world from TOML, and reports everything wrong with it at once, each with its path."""

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from lpnb.sandbox.choices import did_you_mean, one_of
from lpnb.sandbox.world.models import SDE_TYPES, World
from lpnb.sandbox.world.rules import FileContentError, check_rules

MAX_WORLD_BYTES = 5 * 1024 * 1024


class WorldError(FileContentError):
    """A world that cannot be played; ``complaints`` are sentences, each with the path in the file."""


def read_world(path: str | Path) -> World:
    """The world in the TOML file at *path*.

    Raises:
        WorldError: When it is no world, with every reason.
        OSError: When the file cannot be read.
    """
    path = Path(path)
    if path.stat().st_size > MAX_WORLD_BYTES:
        raise WorldError(str(path), [f"The file is larger than {MAX_WORLD_BYTES} bytes."])
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise WorldError(str(path), [f"The file is not UTF-8: byte {error.start} cannot be read."]) from None
    return parse_world(text, where=str(path))


def parse_world(text: str, *, where: str = "the world") -> World:
    """The world in a TOML text.

    Raises:
        WorldError: When it is no world, with every reason.

    Example:
        >>> parse_world('''
        ... [[accounts]]
        ... id = 12345678
        ... defualt_skill = "Cards"
        ... installations = [{client_id = "app", client_secret = "s", name = "Connector"}]
        ... ''')
        Traceback (most recent call last):
            ...
        lpnb.sandbox.world.loader.WorldError: 1 thing is wrong in the world:
          accounts[0].defualt_skill is not a field. Did you mean 'default_skill'?
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WorldError(where, [f"It is not TOML: {error}."]) from None
    except RecursionError:
        raise WorldError(where, ["It is nested too deeply."]) from None
    complaints = []
    world = None
    try:
        world = World.model_validate(table)
    except ValidationError as error:
        complaints += [
            _sentence(finding) for finding in error.errors(include_url=False) if _is_informative(finding)
        ]
    complaints += _reference_complaints(table)
    if isinstance(table.get("rules"), dict):
        complaints += check_rules(table["rules"], "rules.")
    if complaints or world is None:
        # A union is tried member by member, and each complains at the same place.
        raise WorldError(where, list(dict.fromkeys(complaints)))
    return world


@cache
def default_world() -> World:
    """The bank that ships with the sandbox."""
    text = resources.files(__package__).joinpath("default_world.toml").read_text("utf-8")
    return parse_world(text, where="the default world")


def _is_informative(finding: Any) -> bool:
    """Whether a finding says something new.

    Of an array that should not be empty, pydantic counts the good members only; and what may be an
    array or a table it finds wrong in both ways.
    """
    value = finding["input"]
    if finding["type"] == "too_short":
        return not value
    branch = next((part for part in finding["loc"] if _is_branch(part)), None)
    if branch is None:
        return True
    if finding["type"] in ("tuple_type", "model_type", "model_attributes_type"):
        return branch != "Range" and not isinstance(value, dict)
    return True


def _is_branch(part: str | int) -> bool:
    return isinstance(part, str) and (part == "Range" or part.startswith("tuple["))


def _sentence(finding: Any) -> str:
    """One wording for each complaint of pydantic."""
    location: tuple[str | int, ...] = finding["loc"]
    path, kind, value = _path(location), finding["type"], finding["input"]
    value_text = repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "..."
    context = finding.get("ctx", {})
    if kind == "extra_forbidden":
        return f"{path} is not a field.{did_you_mean(location[-1], _fields_at(location[:-1]))}"
    if kind == "tuple_type" and _is_branch(location[-1]):
        return f"{path} must be an array of values, or a table with min and max; got {value_text}."
    if kind == "missing":
        return f"{path} is missing."
    if kind == "literal_error":
        choices = context["expected"].replace(" or ", ", ").split(", ")
        return one_of(path, value, tuple(choice.strip("'") for choice in choices))
    if kind == "string_pattern_mismatch":
        if "[key]" in location:
            kinds = ", ".join(SDE_TYPES)
            hint = f"Write it as in 'ctmrinfo.ctype', with one of {kinds}."
            return f"{path}: {value_text} is no SDE's field. {hint}"
        expected = (
            "digits" if "[0-9]{1,19}" in context["pattern"] else "1 to 20 letters, digits or underscores"
        )
        return f"{path} must be {expected}; got {value_text}."
    words = {
        "string_type": "must be a string",
        "string_too_short": "must not be empty",
        "string_too_long": f"must have at most {context.get('max_length')} characters",
        "bool_type": "must be true or false",
        "int_type": "must be a whole number",
        "tuple_type": "must be an array",
        "too_short": "must not be empty",
        "model_type": "must be a table",
        "model_attributes_type": "must be a table",
        "dict_type": "must be a table",
    }
    return f"{path} {words.get(kind, finding['msg'])}; got {value_text}."


def _path(location: tuple[str | int, ...]) -> str:
    """As in ``accounts[0].engagements[3].target.sdes``; what pydantic adds about unions is left out."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part == "[key]" or _is_branch(part):
            continue
        else:
            path += f".{part}" if path else part
    return path or "The file"


def _fields_at(location: tuple[str | int, ...]) -> list[str]:
    """The names allowed where *location* leads."""
    if "Range" in location:
        return ["min", "max"]
    model: Any = World
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        models = [] if field is None else list(_models_in(field.annotation))
        if not models:
            return []
        model = models[0]
    return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models_in(argument)


def _reference_complaints(table: dict[str, Any]) -> Iterator[str]:
    """Unknown references and ids given twice, as far as the table has the right shape."""
    accounts = list(_rows(table, "accounts", ""))
    yield from _duplicates(accounts, "id")
    for path, account in accounts:
        rows = {
            name: list(_rows(account, name, path))
            for name in ("installations", "skills", "agents", "campaigns", "engagements", "sde_rules")
        }
        yield from _duplicates(rows["installations"], "client_id")
        yield from _duplicates(rows["agents"], "login")
        for name in ("skills", "agents", "campaigns", "engagements"):
            yield from _duplicates(rows[name], "id")
        yield from _duplicates(rows["skills"], "name")
        skills = {str(skill[key]) for _, skill in rows["skills"] for key in ("id", "name") if key in skill}
        campaigns = {str(campaign["id"]) for _, campaign in rows["campaigns"] if "id" in campaign}
        for key in ("default_skill", "fallback_skill"):
            yield from _unknown_reference(f"{path}.{key}", account.get(key), skills, "skill")
        for place, skill in rows["skills"]:
            yield from _unknown_reference(
                f"{place}.fallback_skill", skill.get("fallback_skill"), skills, "skill"
            )
        for place, row in (*rows["engagements"], *rows["sde_rules"]):
            yield from _unknown_reference(f"{place}.skill", row.get("skill"), skills, "skill")
        for place, engagement in rows["engagements"]:
            yield from _unknown_reference(
                f"{place}.campaign", engagement.get("campaign"), campaigns, "campaign"
            )
        for place, agent in rows["agents"]:
            refs = agent.get("skills")
            for position, ref in enumerate(refs if isinstance(refs, list) else []):
                yield from _unknown_reference(f"{place}.skills[{position}]", ref, skills, "skill")


def _rows(table: dict[str, Any], name: str, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    rows = table.get(name)
    for position, row in enumerate(rows if isinstance(rows, list) else []):
        if isinstance(row, dict):
            yield f"{path}.{name}[{position}]".lstrip("."), row


def _duplicates(rows: list[tuple[str, dict[str, Any]]], key: str) -> Iterator[str]:
    first: dict[str, str] = {}
    for path, row in rows:
        value = row.get(key)
        if not isinstance(value, str | int):
            continue
        if str(value) in first:
            yield f"{path}.{key} is {value!r}, which is {first[str(value)]}'s already."
        else:
            first[str(value)] = path


def _unknown_reference(path: str, ref: object, ids: set[str], what: str) -> Iterator[str]:
    if isinstance(ref, str | int) and str(ref) not in ids:
        yield f"{path}: no {what} of this account is called {ref!r}.{did_you_mean(ref, sorted(ids))}"
