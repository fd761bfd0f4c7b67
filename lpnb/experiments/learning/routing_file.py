"""``RoutingRules`` as a JSON file, versioned, and told from files of other kinds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lpnb._internal.display import brief
from lpnb._version import __version__
from lpnb.errors import Complaint, InvalidValueError, LpnbError
from lpnb.experiments.cases.cases import as_json
from lpnb.experiments.learning.decision_list import Condition, Rule, Rules
from lpnb.experiments.learning.evidence import places_of
from lpnb.experiments.learning.factors import Factors
from lpnb.experiments.learning.learner import Validation

KIND = "lpnb routing rules"
FORMAT = 1
#: The role of sends that are known from before.
BEFORE = "before"


class RecordedSend(NamedTuple):
    """One case that was sent: its number, why, the places of its values, and the skill, or None."""

    number: int
    role: str
    row: tuple[int, ...]
    skill: str | None
    case: str = ""


def write_routing(
    path: Path,
    factors: Factors,
    rules: Rules,
    skills: Sequence[str],
    sends: Sequence[RecordedSend],
    rivals: Sequence[Rules],
    validations: Sequence[Validation],
    about: Mapping[str, Any],
) -> Path:
    """Write routing rules to *path*, whole or not at all.

    Raises:
        LpnbError: It cannot be written.
    """
    content = {
        "kind": KIND,
        "format": FORMAT,
        "lpnb": __version__,
        "about": about,
        "constants": factors.constants,
        "factors": [
            {"columns": factor.columns, "values": [_cell(value) for value in factor.values]}
            for factor in factors.factors
        ],
        "where": factors.where is not None,
        "skills": skills,
        "rules": _rules_out(rules, factors),
        "rivals": [_rules_out(rival, factors) for rival in rivals],
        "validations": [validation._asdict() for validation in validations],
        "sends": [send._asdict() for send in sends],
    }
    part_path = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part_path.write_text(_json_text(content), encoding="utf-8")
        part_path.replace(path)
    except OSError as error:
        raise LpnbError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        part_path.unlink(missing_ok=True)
    return path


def _json_text(content: dict[str, Any]) -> str:
    """JSON with one line for each entry of the lists, so that a version control shows what changed."""
    lines = []
    for key, value in content.items():
        if isinstance(value, list) and value:
            items = ",\n    ".join(json.dumps(item, ensure_ascii=False, default=as_json) for item in value)
            lines.append(f"  {json.dumps(key)}: [\n    {items}\n  ]")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False, default=as_json)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _cell(value: tuple[object, ...]) -> object:
    return value[0] if len(value) == 1 else value


def _rules_out(rules: Rules, factors: Factors) -> list[dict[str, Any]]:
    """Rules with conditions as the places of the values that a factor may have, by the factor's name."""
    return [
        {
            "if": {factors.factors[factor].name: places_of(mask) for factor, mask in rule.conditions},
            "skill": rule.skill,
        }
        for rule in rules
    ]


def _rules_in(rules: list[dict[str, Any]], factors: Factors, skills: int) -> Rules:
    at = {factor.name: number for number, factor in enumerate(factors.factors)}
    decision_list = []
    for rule in rules:
        conditions: list[Condition] = []
        for name, places in rule["if"].items():
            mask = sum(1 << int(place) for place in set(places))
            if not 0 < mask < 1 << len(factors.factors[at[name]].values):
                raise ValueError(f"the values {places} of {name}")
            conditions.append((at[name], mask))
        if not 0 <= int(rule["skill"]) < max(skills, 1):
            raise ValueError(f"the skill {rule['skill']}")
        decision_list.append(Rule(tuple(sorted(conditions)), int(rule["skill"])))
    if not decision_list or decision_list[-1].conditions:
        raise ValueError("a list whose last rule has conditions")
    return tuple(decision_list)


def read_routing(path: Path) -> dict[str, Any]:
    """Read the rules at *path*: the arguments of ``RoutingRules``.

    Raises:
        InvalidValueError: There is no such file, or it is of another kind, which is named.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _refusal(path, f"cannot be read: {error.strerror}") from None
    try:
        content = json.loads(raw.decode("utf-8-sig"))
    except ValueError:
        raise _refusal(
            path, f"is {_kind_of(raw)}, and not routing rules. RoutingRules.save writes them"
        ) from None
    if not isinstance(content, dict) or content.get("kind") != KIND:
        what = (
            f"the keys {', '.join(map(repr, list(content)[:4]))}"
            if isinstance(content, dict)
            else f"a {type(content).__name__}"
        )
        raise _refusal(path, f"is JSON of another kind ({what}). RoutingRules.save writes routing rules")
    if content.get("format") != FORMAT:
        later = isinstance(content.get("format"), int) and content["format"] > FORMAT
        way = f"; lpnb {content.get('lpnb', '?')} wrote it, so update lpnb" if later else ""
        raise _refusal(
            path, f"has the format {brief(content.get('format'))}, and this lpnb reads {FORMAT}{way}"
        )
    try:
        return _routing_in(content)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error).rstrip(".")
        raise _refusal(path, f"holds what RoutingRules.save never writes ({what})") from None


def _routing_in(content: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, object] = {name: [value] for name, value in content["constants"].items()}
    zipped = []
    for factor in content["factors"]:
        columns = factor["columns"]
        rows = [value if len(columns) > 1 else [value] for value in factor["values"]]
        values |= {name: [row[at] for row in rows] for at, name in enumerate(columns)}
        zipped += [columns] if len(columns) > 1 else []
    factors, skills = Factors(values, zipped=zipped), [str(skill) for skill in content["skills"]]
    sends = [RecordedSend(**{**send, "row": tuple(send["row"])}) for send in content["sends"]]
    for send in sends:
        factors.case(send.row)
        if send.skill is not None:
            skills.index(send.skill)
    return {
        "factors": factors,
        "rules": _rules_in(content["rules"], factors, len(skills)),
        "skills": skills,
        "sends": sends,
        "rivals": [_rules_in(rival, factors, len(skills)) for rival in content["rivals"]],
        "validations": [Validation(**validation) for validation in content["validations"]],
        "about": content["about"],
    }


def _refusal(path: Path, problem: str) -> InvalidValueError:
    return InvalidValueError([Complaint("path", f"{path} {problem}.")])


#: How files of other kinds begin.
_KINDS = (
    (b"SQLite format 3", "an SQLite file, perhaps the journal of a run: lpnb.open_run reads those"),
    (b"PK\x03\x04", "a ZIP file or an Excel workbook"),
    (b"PAR1", "a Parquet file"),
    (b"\x89PNG", "a PNG picture"),
    (b"<", "HTML, SVG or XML"),
    (b"\x80", "perhaps a pickle, which lpnb never reads"),
)


def _kind_of(raw: bytes) -> str:
    if not raw.strip():
        return "empty"
    known_kind = next((kind for start, kind in _KINDS if raw.lstrip().startswith(start)), None)
    first = raw.splitlines()[0]
    if known_kind is None and (b"," in first or b";" in first) and b"{" not in first:
        return "perhaps a table (CSV)"
    return known_kind or "no JSON, or JSON that was cut off"
