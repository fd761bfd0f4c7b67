"""`Rules`: switches for behaviour that LivePerson's pages leave open or contradict.

What is documented is not switchable and not here. Each field says what is known.
"""

import inspect
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from lpnb.sandbox.choices import did_you_mean

SdeChecks = Literal["lenient", "strict"]
RoutingOrder = Literal[
    "campaign>skill>sde",
    "campaign>sde>skill",
    "skill>campaign>sde",
    "skill>sde>campaign",
    "sde>campaign>skill",
    "sde>skill>campaign",
]

WebhookSignature = Literal["sha1-base64", "sha256-base64", "sha1-hex", "sha256-hex"]

# What each switch may be; a bool field needs no entry.
_CHOICES: dict[str, tuple[object, ...]] = {
    "sde_checks": get_args(SdeChecks),
    "already_open_status": (200, 400),
    "refused_element_status": (200, 400),
    "batch_refusal": ("elements", "object"),
    "brand_id_missing_status": (401, 400),
    "routing_order": get_args(RoutingOrder),
    "unknown_ids": ("accept", "refuse"),
    "history_empty_status": (200, 204),
    "webhook_signature": get_args(WebhookSignature),
}

# What the command that settles a rule has to be told; nothing for most.
_SETTLED_WITH = {
    "routing_order": "--campaign-id ID --engagement-id ID --skill-id ID --ctype VALUE",
    "fallback_when_offline": "--offline-skill-id ID",
    "engagement_needs_agent": "--offline-engagement-id ID --offline-entry-point SECTION",
    "webhook_signature": "--receiver PORT",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Switches for behaviour that was inferred. The defaults are the likelier guess.

    Args:
        sde_checks: How the service treats unknown SDE types, fields and wrong types is not
            documented. "lenient" accepts them and notes a warning on the conversation; "strict"
            answers BAD_REQUEST, in words that say it is the sandbox's own strictness.
        open_after_refused_profile: Whether a conversation still opens when its profile frame was
            refused. Elements are answered one by one (documented), but no such transcript exists.
        already_open_status: HTTP status when the consumer has an open conversation. The guide's
            prose says 400, its transcript shows only the body.
        refused_element_status: HTTP status when the conversation frame is refused for any other
            reason. "400 for invalid input" is documented, a transcript is not.
        batch_refusal: How a batch is refused none of which could be looked at. "400: elements with
            BAD_REQUEST and a text" is documented for invalid input, a transcript of this case is not.
            "elements" answers an array with an element for every frame that has a usable id (one
            without reqId when none has); "object" answers one element without an array around it,
            as SEND does.
        brand_id_missing_status: HTTP status of authorisation error 40001. Its digits say 400, the
            prose says 401.
        check_brand_id: Refuse a conversation whose ``brandId`` is not the account of the path. That the two
            are the same is documented, what becomes of another one is not.
        require_version: Refuse a Domain API call without ``version``, a Sentinel V1 call without
            ``v=1.0`` and a CONVERSATION call without ``v=3``. The parameters are documented as
            mandatory, the refusal is not. A wrong version is refused either way.
        require_content_type: Refuse a body whose Content-Type is not the documented one.
        routing_order: Which of campaign, explicit skill and SDE rule wins when several apply is not
            documented; the account's default comes last (documented).
        any_skill_is_no_choice: Take ``skillId`` "-1" as no skill named, so that SDE rules and the
            default still apply. "-1" means any skill (documented); whether it ends routing is not.
        unknown_ids: What becomes of a skill, campaign or engagement that does not exist is not
            documented. "accept" opens the conversation with a warning, and keeps an unknown skill as
            it came; "refuse" answers BAD_REQUEST.
        fallback_when_offline: Send a conversation to the fallback skill when nobody of its skill is
            online. A fallback is documented, the moment it is looked at is not.
        engagement_needs_agent: Let Monitoring show an engagement only when an agent of its skill is
            online. "Eligible under a campaign with availability" is documented, what counts is not.
        consumer_may_transfer: Let a consumer send the conversation fields Skill and
            ParticipantsChange. The schema names them and says that permissions may differ.
        survey_keeps_conversation: Count a conversation as its consumer's open one while its survey
            runs.
        csat_after_close: Take a CSATRate for a closed conversation: it is "sent around closing".
        chat_state_sequence: Answer a chat state with the sequence the next message will get. Chat
            states have none in notifications; whether SEND answers with one is not shown.
        check_files: Refuse to publish a file that is not in the file store. That a file publish can
            be refused is documented, the reasons are not.
        files_of_others: Let a consumer open every stored file of the account. Without it, those it
            uploaded and those that were published to it. Who may is not documented.
        preview_counts: Count a file's preview towards the 5,000 characters of a SEND request. Both
            limits are documented, and a preview may have 30 KB.
        history_delay: Seconds until a change is seen by history; the real service takes about a
            minute, and two hours for searches by SDE.
        history_empty_status: HTTP status when a search finds nothing. Clients need 200 with a count of 0
            and an empty array; 204 is in the list of codes, when it is answered is not said.
        history_takes_app_token: Let history be read with an application's token of Sentinel V2, as
            LivePerson's current code does. The scope that it takes is not documented.
        history_source_required: Refuse a history search without ``source``. The table says that it is
            required; no page documents a refusal, and many clients leave it out.
        webhook_signature: How webhooks are signed: SHA-1, or SHA-256 on request, as Base64 or, by the newest
            page, as hexadecimal.

    Example:
        >>> Rules(already_open_status=400).already_open_status
        400
        >>> Rules(sde_checks="stern")
        Traceback (most recent call last):
            ...
        ValueError: sde_checks must be one of 'lenient', 'strict'; got 'stern'.
    """

    sde_checks: SdeChecks = "lenient"
    open_after_refused_profile: bool = False
    already_open_status: int = 200
    refused_element_status: int = 400
    batch_refusal: Literal["elements", "object"] = "elements"
    brand_id_missing_status: int = 401
    check_brand_id: bool = True
    require_version: bool = True
    require_content_type: bool = True
    routing_order: RoutingOrder = "campaign>skill>sde"
    any_skill_is_no_choice: bool = True
    unknown_ids: Literal["accept", "refuse"] = "accept"
    fallback_when_offline: bool = True
    engagement_needs_agent: bool = True
    consumer_may_transfer: bool = False
    survey_keeps_conversation: bool = True
    csat_after_close: bool = True
    chat_state_sequence: bool = True
    check_files: bool = True
    files_of_others: bool = False
    preview_counts: bool = False
    history_delay: float = 0.0
    history_empty_status: int = 200
    history_takes_app_token: bool = True
    history_source_required: bool = False
    webhook_signature: WebhookSignature = "sha1-base64"

    def __post_init__(self) -> None:
        for field in fields(self):
            if problem := _problem_of(field.name, getattr(self, field.name)):
                raise ValueError(problem)


# Where rules stand that were given one by one, in Python or over the control API.
_DEFAULT_PLACE = "the rules"


class FileContentError(ValueError):
    """What is wrong in a file, or elsewhere; ``complaints`` are sentences, one for each thing."""

    def __init__(self, where: str, complaints: list[str]) -> None:
        self.complaints = complaints
        count = "1 thing is wrong" if len(complaints) == 1 else f"{len(complaints)} things are wrong"
        alone = len(complaints) == 1 and where == _DEFAULT_PLACE
        super().__init__("\n  ".join(complaints if alone else [f"{count} in {where}:", *complaints]))


class RulesError(FileContentError):
    """Rules that cannot be; ``complaints`` are sentences, one for each name or value that is wrong."""


def check_rules(values: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    """What is wrong with rules given by name; *prefix* goes in front of each name.

    >>> list(check_rules({"sde_cheks": "strict", "unknown_ids": "refuse"}))
    ["sde_cheks is no rule. Did you mean 'sde_checks'?"]
    """
    for name, value in values.items():
        if name in _REMOVED_RULES:
            yield f"{prefix}{name} is gone: {_REMOVED_RULES[name]}"
        elif name not in RULE_NAMES:
            hint = did_you_mean(name, RULE_NAMES) or " GET /_lpnb/rules lists them."
            yield f"{prefix}{name[:80]} is no rule.{hint}"
        elif problem := _problem_of(name, value):
            yield prefix + problem


def make_rules(*sources: Mapping[str, object], where: str = _DEFAULT_PLACE) -> Rules:
    """The rules with these values; a later source wins over an earlier one.

    Raises:
        RulesError: Naming everything that is wrong.

    Example:
        >>> make_rules({"unknown_ids": "refuse"}, {"history_delay": 60}).history_delay
        60
    """
    values: dict[str, Any] = {}
    for source in sources:
        values |= source
    if complaints := list(check_rules(values)):
        raise RulesError(where, complaints)
    return Rules(**values)


def read_rules(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The ``[rules]`` table of a TOML file: a rules file, or a world that has one.

    Raises:
        RulesError: The file has no such table, or something in it is wrong.
        OSError: The file cannot be read.
    """
    path = Path(path)
    try:
        table = tomllib.loads(path.read_bytes().decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RulesError(str(path), [f"It is not TOML: {error}."]) from None
    except RecursionError:
        raise RulesError(str(path), ["It is nested too deeply."]) from None
    values = table.get("rules")
    if not isinstance(values, dict):
        raise RulesError(str(path), ["It has no table [rules]."])
    if complaints := list(check_rules(values, "rules.")):
        raise RulesError(str(path), complaints)
    return values


def parse_rule(text: str) -> tuple[str, object]:
    """A rule as on the command line: ``NAME=VALUE``.

    Raises:
        RulesError: It is no rule, or not a value that the rule can have.

    Example:
        >>> parse_rule("check_files=false"), parse_rule("already_open_status=400")
        (('check_files', False), ('already_open_status', 400))
    """
    name, mark, value_text = text.partition("=")
    if not mark:
        raise RulesError(repr(text[:80]), ["Write NAME=VALUE, such as unknown_ids=refuse."])
    value_text = value_text.strip()
    value = json.loads(value_text.lower()) if _NOT_TEXT.fullmatch(value_text) else value_text
    if complaints := list(check_rules({name.strip(): value})):
        raise RulesError(repr(text[:80]), complaints)
    return name.strip(), value


def describe_rules(rules: Rules) -> list[dict[str, Any]]:
    """Every rule: name, value, default, what it may be, what is known about it, and what settles it."""
    notes, defaults, values = _notes(), asdict(Rules()), asdict(rules)
    return [
        {
            "name": name,
            "value": values[name],
            "default": defaults[name],
            "choices": list(_choices(name)) if name != "history_delay" else "seconds from 0 to 86400",
            "known": notes.get(name, ""),
            "settle": f"lpnb calibrate {_SETTLED_WITH.get(name, '')}".strip(),
        }
        for name in RULE_NAMES
    ]


RULE_NAMES = tuple(field.name for field in fields(Rules))

_REMOVED_RULES = {
    "send_expires_in": "Sentinel V2 always answers with expires_in, as text, and V1 never does.",
}
_NOT_TEXT = re.compile(r"(?i:true|false)|(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,9})?")


def _choices(name: str) -> tuple[object, ...]:
    return _CHOICES.get(name, (True, False))


def _problem_of(name: str, value: object) -> str | None:
    """Why a rule cannot have this value, or None."""
    if name == "history_delay":
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 86_400:
            return f"history_delay must be seconds from 0 to 86400; got {value!r}."
        return None
    choices = _choices(name)
    if value in choices and isinstance(value, bool) is isinstance(choices[0], bool):
        return None
    sentence = f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}."
    texts = [choice for choice in choices if isinstance(choice, str)]
    return sentence + (did_you_mean(value, texts) if isinstance(value, str) else "")


@cache
def _notes() -> dict[str, str]:
    """What is known of each rule, from the docstring of `Rules`."""
    text = (inspect.getdoc(Rules) or "").partition("Args:")[2].partition("Example:")[0]
    notes: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        match = re.fullmatch(r" {4}(\w+): (.+)", line)
        if match and match[1] in RULE_NAMES:
            name = match[1]
            notes[name] = match[2]
        elif name and line.strip():
            notes[name] += f" {line.strip()}"
    return {key: note.replace("``", "") for key, note in notes.items()}
