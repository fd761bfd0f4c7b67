"""The filters of a history search: parsed from its body, and applied to conversations.

The names are documented, and so is that several terms of ``sdeSearch`` are OR, that a phrase may stand in
quotation marks, and that ``duration`` is in seconds, although ``info.duration`` is in milliseconds.
Inferred: that text is compared in any case, ``keyword`` and ``summary`` with a part of what was written,
``sdeSearch`` with whole values or words, and ``source`` with ``info.source`` or "APP", which every
conversation of a connector is.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from lpnb.sandbox.choices import did_you_mean, one_of
from lpnb.sandbox.services.history.records import QUEUE_STATES, HistoryView, message_text, message_type
from lpnb.sandbox.services.history.sde_names import SEARCH_NAMES, values_in
from lpnb.sandbox.world.skill_routing import parse_id

ID_FILTERS = (
    "skillIds",
    "latestSkillIds",
    "agentIds",
    "latestAgentIds",
    "agentGroupIds",
    "latestAgentGroupIds",
)
RANGE_FILTERS = ("end", "duration", "csat", "mcs", "responseTime", "latestUpdateTime")
# Of surveys with questions, of intents and of identity checks, none of which the sandbox has.
_NOT_PLAYED = (
    *("nps", "fcr", "surveyIds", "surveyBotConversations", "questionBrick", "invalidFreeTextAnswer"),
    *("questionTypeAndFormatToRetrieve", "answerText", "agentSurveySearch"),
    *("intentName", "intentConfidenceScore", "conversationsWithStepUpOnly"),
)
DEVICE_NAMES = ("DESKTOP", "TABLET", "MOBILE", "NA")
CONTENT_TYPES = (
    "TEXT_PLAIN",
    "TEXT_HTML",
    "LINK",
    "HOSTED_FILE",
    "IMG",
    "SECURE_FORM_INVITATION",
    "SECURE_FORM_SUBMIT",
    "RICH_CONTENT",
)
MCS_ALERTS = ("-1", "0", "1")

Predicate = Callable[[HistoryView], bool]


class FilterError(ValueError):
    """A filter that is not known, or a value it cannot have; the message says what can."""


def parse_filters(body: Mapping[str, Any], *, beside: tuple[str, ...] = ()) -> list[Predicate]:
    """The filters in a body; *beside* are members that the caller reads.

    Raises:
        FilterError: A member is no filter, or its value makes no sense. Nothing is ignored: a filter that
            did nothing would look as if everything passed it.

    Example:
        >>> parse_filters({"skilIds": [1]})
        Traceback (most recent call last):
            ...
        lpnb.sandbox.services.history.filters.FilterError: 'skilIds' is no filter of this search. \
Did you mean 'skillIds'?
    """
    predicates = []
    for name, value in body.items():
        if name in beside:
            continue
        if name in _NOT_PLAYED:
            raise FilterError(
                f"{name!r} is a filter of the service, but not of this sandbox: it has no survey questions, "
                "intents and identity checks, so nothing here could be found by it."
            )
        if name not in _FILTERS:
            names = (*beside, *_FILTERS)
            hint = did_you_mean(name, names) or f" It takes {', '.join(names)}."
            raise FilterError(f"{name[:80]!r} is no filter of this search.{hint}")
        predicates.append(_FILTERS[name](name, value))
    return predicates


def refuse_unknown(body: Mapping[str, Any], names: tuple[str, ...]) -> None:
    """Refuse a body with members that the search does not take.

    Raises:
        FilterError: Naming the first.
    """
    unknown = next((name for name in body if name not in names), None)
    if unknown is not None:
        hint = did_you_mean(unknown, names) or f" It takes {', '.join(names)}."
        raise FilterError(f"{unknown[:80]!r} is not known to this search.{hint}")


def parse_states(name: str, value: object) -> set[str]:
    """The states in ``status``, of "OPEN" and "CLOSE".

    Raises:
        FilterError: The value is none of them.
    """
    return _choices(name, value, ("OPEN", "CLOSE"))


def _choices(name: str, value: object, choices: tuple[str, ...]) -> set[str]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not items:
        raise FilterError(f"{name} must be an array of {', '.join(map(repr, choices))}.")
    for item in items:
        if item not in choices:
            raise FilterError(one_of(name, item, choices))
    return set(items)


def _ids(name: str, value: object) -> set[str]:
    if not isinstance(value, list) or not all(
        isinstance(item, int | str) and not isinstance(item, bool) for item in value
    ):
        raise FilterError(f"{name} must be an array of ids.")
    return {str(item) for item in value}


def history_id(skill_id: str) -> str:
    """A skill as history has it: what is no number is no skill, which is -1."""
    return "-1" if parse_id(skill_id) is None else skill_id


def _any_of(
    parse: Callable[[str, object], set[str]], values_of: Callable[[HistoryView], Iterable[str]]
) -> Callable[[str, object], Predicate]:
    """A filter that is passed by what has one of the values that were asked for."""

    def filter_of(name: str, value: object) -> Predicate:
        values = parse(name, value)
        return lambda view: not values.isdisjoint(values_of(view))

    return filter_of


def _range(
    measure: Callable[[HistoryView], float | None], until_now: int | None = None
) -> Callable[[str, object], Predicate]:
    """A filter with bounds; a ``to`` of *until_now* is none."""

    def parse(name: str, value: object) -> Predicate:
        if not isinstance(value, dict) or not value or not set(value) <= {"from", "to"}:
            raise FilterError(f"{name} must be an object with from, to or both.")
        bounds = []
        for key, default in (("from", float("-inf")), ("to", float("inf"))):
            bound = value.get(key)
            if until_now is not None and isinstance(bound, str) and bound.removeprefix("-").isdecimal():
                bound = int(bound[:20])  # times are text in some of the page's examples
            if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int | float)):
                raise FilterError(f"{name}.{key} must be a number.")
            bounds.append(default if bound is None or (key, bound) == ("to", until_now) else float(bound))
        first, last = bounds
        if first > last:
            raise FilterError(f"{name}.from must not be more than {name}.to.")

        def fits(view: HistoryView) -> bool:
            measurement = measure(view)
            return measurement is not None and first <= measurement <= last

        return fits

    return parse


def _keyword(name: str, value: object) -> Predicate:
    phrase = _phrase(name, value)
    return lambda view: any(phrase in message_text(message).casefold() for message in view.content_messages)


def _phrase(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise FilterError(f"{name} must be a string that is not blank.")
    return _without_quotes(value.strip().casefold())[0]


def _without_quotes(text: str) -> tuple[str, bool]:
    """A text without the quotation marks that make a phrase of it (documented), and whether it had them."""
    is_quoted = len(text) > 2 and text[0] == text[-1] == '"'
    return (text[1:-1], True) if is_quoted else (text, False)


def _summary(name: str, value: object) -> Predicate:
    phrase = _phrase(name, value)
    return lambda view: view.summary is not None and phrase in view.summary["text"].casefold()


def _mcs_alerts(name: str, value: object) -> Predicate:
    # Text on the page; clients have them as numbers, too.
    items = (
        [str(item) if isinstance(item, int) else item for item in value] if isinstance(value, list) else []
    )
    if not items or any(item not in MCS_ALERTS for item in items):
        raise FilterError(f"{name} must be an array of {', '.join(map(repr, MCS_ALERTS))}.")
    return lambda view: view.mcs is not None and str(view.mcs["alertedMCS"]) in items


def _source(name: str, value: object) -> Predicate:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise FilterError(f"{name} must be an array of strings, such as ['APP'].")
    sources = {item.casefold() for item in value}
    return lambda view: bool(sources & {"app", view.now.source_name.casefold()})


def _sde_search(name: str, value: object) -> Predicate:
    """Whether any term is found in the SDEs it names: a holder, a field, or all of them."""
    if not isinstance(value, dict) or not value:
        raise FilterError(f"{name} must be an object, such as {{'customerInfo': 'vip'}}.")
    terms: list[tuple[str, str]] = []
    for key, term in value.items():
        if key not in SEARCH_NAMES:
            hint = did_you_mean(key, SEARCH_NAMES)
            raise FilterError(f"{name}.{key[:80]} is no SDE of history.{hint}")
        texts = term if isinstance(term, list) else [term]
        if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
            raise FilterError(f"{name}.{key} must be a string, or an array of strings.")
        terms += [(key, text.strip().casefold()) for text in texts]

    def fits(view: HistoryView) -> bool:
        events = view.sde_events(authenticated=True)
        if view.version == 2:
            events = events + view.sde_events(authenticated=False)
        return any(
            _term_in(text, [item.casefold() for event in events for item in values_in(event, key)])
            for key, text in terms
        )

    return fits


def _term_in(text: str, values: list[str]) -> bool:
    text, is_phrase = _without_quotes(text)
    if is_phrase:
        return any(text in value for value in values)
    if text in values:
        return True
    words = {word for item in values for word in item.split()}
    return any(word in words for word in text.split())


_FILTERS: dict[str, Callable[[str, object], Predicate]] = {
    "status": _any_of(parse_states, lambda view: [view.status]),
    "skillIds": _any_of(_ids, lambda view: map(history_id, view.skill_ids)),
    "latestSkillIds": _any_of(_ids, lambda view: [history_id(view.skill_id)]),
    "agentIds": _any_of(_ids, lambda view: [join.agent_id for join in view.agent_joins]),
    "latestAgentIds": _any_of(_ids, lambda view: [view.latest_agent or "-1"]),
    "agentGroupIds": _any_of(_ids, lambda view: [view.group_of(join.agent_id) for join in view.agent_joins]),
    "latestAgentGroupIds": _any_of(_ids, lambda view: [view.group_of(view.latest_agent)]),
    "keyword": _keyword,
    "summary": _summary,
    "end": _range(lambda view: view.end_ms, until_now=-1),
    "duration": _range(lambda view: view.duration_ms / 1000),
    "csat": _range(lambda view: view.csat),
    "mcs": _range(lambda view: None if view.mcs is None else view.mcs["mcs"]),
    "responseTime": _range(
        lambda view: None if view.now.response_due_ms == -1 else view.now.response_due_ms, until_now=-1
    ),
    "latestUpdateTime": _range(lambda view: view.updated_ms, until_now=-1),
    "alertedMcsValues": _mcs_alerts,
    "source": _source,
    "device": _any_of(partial(_choices, choices=DEVICE_NAMES), lambda view: [view.device]),
    "messageContentTypes": _any_of(
        partial(_choices, choices=CONTENT_TYPES), lambda view: map(message_type, view.content_messages)
    ),
    "latestConversationQueueState": _any_of(
        partial(_choices, choices=QUEUE_STATES), lambda view: [view.queue_state]
    ),
    "sdeSearch": _sde_search,
}
