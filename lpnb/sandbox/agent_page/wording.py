"""Labels, dates and sentences of the agent's page, made from SDEs, events and routing traces."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# What agents read in place of the wire's names, where it is more than the name's own words.
_LABELS = {
    "firstname": "First name",
    "lastname": "Last name",
    "email": "E-mail",
    "cstatus": "Status",
    "ctype": "Customer type",
    "imei": "Device (IMEI)",
    "companyBranch": "Branch",
    "lastPaymentDate": "Last payment",
    "registrationDate": "Registered",
    "storeZipCode": "Store ZIP code",
    "numItems": "Items",
    "sku": "SKU",
    "orderId": "Order",
    "campaignId": "Campaign",
}

_GROUPS = {
    "personal": "Personal info",
    "ctmrinfo": "Customer info",
    "mrktInfo": "Marketing",
    "cart": "Cart",
    "purchase": "Purchase",
    "prodView": "Viewed products",
    "service": "Service",
    "lead": "Lead",
    "error": "Error",
    "searchInfo": "Search",
}

# The member that holds an element's fields; the others have them beside ``type``.
_HOLDERS = {"ctmrinfo": "info", "mrktInfo": "info"}

RULES = {
    "campaign": "Campaign engagement",
    "skill": "Skill in the request",
    "sde": "Customer Info rule",
    "default": "Account default",
    "none": "No rule",
}

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

# Deeper than any documented field; what is nested further is shown as JSON.
_MAX_DEPTH = 4
_MAX_VALUES = 60


@dataclass(frozen=True, slots=True)
class LabelledValue:
    """One line of the Consumer Info card."""

    label: str
    path: str
    """Where it stands on the wire, such as ``ctmrinfo.ctype``."""
    value: str


@dataclass(frozen=True, slots=True)
class SdeGroup:
    """The facts of one SDE."""

    title: str
    facts: tuple[LabelledValue, ...]
    authenticated: bool


def sde_groups(elements: Iterable[Any], *, authenticated: bool) -> list[SdeGroup]:
    """SDEs as an agent reads them, one group an element.

    >>> sde_groups([{"type": "ctmrinfo", "info": {"ctype": "vip"}}], authenticated=True)[0].facts
    (LabelledValue(label='Customer type', path='ctmrinfo.ctype', value='vip'),)
    """
    groups = []
    for element in elements:
        if not isinstance(element, dict):
            continue
        kind = str(element.get("type"))
        fields = element.get(_HOLDERS.get(kind, kind))
        if not isinstance(fields, dict):
            fields = {name: value for name, value in element.items() if name != "type"}
        facts = tuple(_labelled_values(fields, kind))[:_MAX_VALUES]
        groups.append(SdeGroup(_GROUPS.get(kind, kind), facts, authenticated))
    # The name first, as on a visiting card.
    return sorted(groups, key=lambda group: group.title != "Personal info")


def _labelled_values(fields: dict[str, Any], path: str, depth: int = 0) -> Iterator[LabelledValue]:
    for name, value in fields.items():
        field_path = f"{path}.{name}"
        if value is None or value == "":
            continue
        if isinstance(value, dict) and (date := _date(value)):
            yield LabelledValue(_label(name), field_path, date)
        elif isinstance(value, dict) and value and depth < _MAX_DEPTH:
            yield from _labelled_values(value, field_path, depth + 1)
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            if depth >= _MAX_DEPTH:
                yield LabelledValue(_label(name), field_path, _value_in_words(value))
                continue
            for position, item in enumerate(value):
                yield from _labelled_values(item, f"{field_path}[{position}]", depth + 1)
        else:
            yield LabelledValue(_label(name), field_path, _value_in_words(value))


def _date(value: dict[str, Any]) -> str | None:
    """``{day, month, year}`` as a date, and ``age`` with whatever it holds; None for anything else."""
    if not value or not set(value) <= {"day", "month", "year", "age"}:
        return None
    day, month, year, age = (value.get(name) for name in ("day", "month", "year", "age"))
    if not all(
        part is None or (isinstance(part, int) and not isinstance(part, bool)) for part in value.values()
    ):
        return None
    name = _MONTHS[month - 1] if month is not None and 1 <= month <= 12 else month
    date = " ".join(str(part) for part in (day, name, year) if part is not None)
    if age is None:
        return date
    return f"{age} (born {date})" if date else str(age)


def _value_in_words(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _label(name: str) -> str:
    """A field's name in words.

    >>> _label("companySize")
    'Company size'
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    return _LABELS.get(name, words[:1].upper() + words[1:])


def consumer_name(elements: Iterable[Any], otherwise: str) -> str:
    """First and last name of the latest Personal Info, or *otherwise*."""
    name = ""
    for element in elements:
        personal = element.get("personal") if isinstance(element, dict) else None
        if isinstance(personal, dict):
            parts = [personal.get("firstname"), personal.get("lastname")]
            name = " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip()) or name
    return name or otherwise


def message_text(event: dict[str, Any]) -> str:
    """What was said, as text: a file is its caption, structured content its words.

    >>> message_text({"type": "ContentEvent", "message": "Hello"})
    'Hello'
    """
    kind = event.get("type")
    if kind == "ContentEvent":
        message = event.get("message")
        if isinstance(message, str):
            return message
        if isinstance(message, dict):
            caption = message.get("caption") or message.get("relativePath") or ""
            return f"File: {caption} ({message.get('fileType') or 'type not named'})"
    if kind == "RichContentEvent":
        content = event.get("content", event.get("message"))
        texts = list(_texts(content, 0))
        return "\n".join(texts) or "Structured content"
    return json.dumps(event, ensure_ascii=False)


def _texts(content: object, depth: int) -> Iterator[str]:
    """The words in structured content, in order."""
    if depth > 12 or not isinstance(content, dict):
        return
    for name in ("text", "title", "caption"):
        value = content.get(name)
        if isinstance(value, str) and value:
            yield f"[{value}]" if content.get("type") == "button" else value
    inner = content.get("elements")
    for element in inner if isinstance(inner, list) else ():
        yield from _texts(element, depth + 1)


def engagements_of(trace: dict[str, Any]) -> list[dict[str, Any]]:
    """Every engagement the trace tells of, each with why it matched or not."""
    return [item for item in trace.get("engagements") or () if isinstance(item, dict)]


def considered_by_in_words(trace: dict[str, Any]) -> str:
    """Who looked at the engagements."""
    if trace.get("consideredBy") == "Monitoring":
        return "Monitoring was asked in the session that the conversation names."
    return "Monitoring was not asked for this conversation; this is what it would have offered this consumer."


def decision_in_words(trace: dict[str, Any]) -> str:
    """Which rule decided, in one sentence."""
    if not trace:
        return "No routing was traced for this conversation."
    rule = str(trace.get("decidedBy"))
    if rule == "none":
        return "No rule decided, so any agent may take it."
    return f"Decided by: {RULES.get(rule, rule)}."


def skill_in_words(trace: dict[str, Any]) -> str:
    """The skill it landed in."""
    name, skill_id = trace.get("skillName"), trace.get("skillId")
    return f"{name} ({skill_id})" if name else f"Skill {skill_id}"


def clock_time(seconds: float) -> str:
    """Hours and minutes, in UTC; the page's script turns it into local time."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M")


def iso_time(seconds: float) -> str:
    """For the ``datetime`` of a ``time`` element."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def truncate_line(text: str, most: int) -> str:
    """One line of at most *most* characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
