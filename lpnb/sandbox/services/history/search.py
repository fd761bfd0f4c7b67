"""History searches by conversation, by consumer and by filters.

Documented are the paths, the parameters, the bodies and the status codes; the texts of the
refusals are the sandbox's own.
"""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

from lpnb.sandbox.choices import one_of
from lpnb.sandbox.http import strict_json
from lpnb.sandbox.http.messages import Answer, Request, error_answer, json_answer, truncate
from lpnb.sandbox.service_context import Cloud
from lpnb.sandbox.services.history import credentials
from lpnb.sandbox.services.history.filters import FilterError, parse_filters, parse_states, refuse_unknown
from lpnb.sandbox.services.history.records import CONTENTS, HistoryView
from lpnb.sandbox.world.models import Account

MAX_SOURCE = 20
MAX_LIMIT = 100
DEFAULT_LIMIT = 50
MAX_SPAN_MS = 93 * 24 * 3600 * 1000

Body = dict[str, Any]


class _RefusedError(Exception):
    """The search makes no sense; the message says what does."""


def answer_conversation(cloud: Cloud, request: Request) -> Answer:
    """One conversation by its id, or several by ``conversationIds``."""
    return _answer(cloud, request, _by_conversation)


def answer_consumer(cloud: Cloud, request: Request) -> Answer:
    """Every conversation of a consumer, who is named by LivePerson's own id."""
    return _answer(cloud, request, _by_consumer)


def answer_filters(cloud: Cloud, request: Request) -> Answer:
    """Every conversation that started in a span of time and passes all filters."""
    return _answer(cloud, request, _by_filters)


def _answer(
    cloud: Cloud, request: Request, find: Callable[[Cloud, Account, Body, int], Iterator[HistoryView]]
) -> Answer:
    account = cloud.account(request.path_params["account_id"])
    if account is None:
        return error_answer(401, credentials.REFUSAL)
    if refusal := credentials.check_credentials(cloud, account, request):
        return refusal
    try:
        _check_source(cloud, request)
        version = _query_choice(request, "v", "1", ("1", "2", "1.0", "2.0"))
        offset = _query_number(request, "offset", 0, 0, 10_000_000)
        limit = _query_number(request, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
        key, _, order = _query_choice(request, "sort", "start:desc", _SORTS).partition(":")
        try:
            body = strict_json.read(request.body)
        except strict_json.StrictJsonError as error:
            raise _RefusedError(str(error)) from None
        if not isinstance(body, dict):
            raise _RefusedError("The body must be a JSON object.")
        contents = _contents(body)
        views = list(find(cloud, account, body, int(version[0])))
    except (_RefusedError, FilterError) as error:
        return error_answer(400, str(error))
    views.sort(key=_KEYS[key], reverse=order != "asc")
    if not views and cloud.rules.history_empty_status == 204:
        return Answer(204, b"")
    records = [view.to_record(contents) for view in views[offset : offset + limit]]
    metadata = {
        "count": len(views),
        **_page_links(cloud, request, offset, limit, len(views)),
        "shardsStatusResult": {"partialResult": False},
    }
    return json_answer(200, {"_metadata": metadata, "conversationHistoryRecords": records})


def _check_source(cloud: Cloud, request: Request) -> None:
    sources = request.query_values("source")
    if not sources and not cloud.rules.history_source_required:
        return
    if len(sources) != 1 or not 1 <= len(sources[0]) <= MAX_SOURCE:
        raise _RefusedError(f"Send source, 1 to {MAX_SOURCE} characters that say who is asking.")


def _page_links(cloud: Cloud, request: Request, offset: int, limit: int, count: int) -> dict[str, Any]:
    """This page, the next, the one before and the last, as whole URLs (documented)."""

    def link(rel: str, start: int) -> dict[str, str]:
        query = [(name, value) for name, value in request.query_pairs() if name not in ("offset", "limit")]
        query += [("offset", str(start)), ("limit", str(limit))]
        host = request.header("host") or cloud.host
        return {"rel": rel, "href": f"{cloud.scheme}://{host}{quote(request.path)}?{urlencode(query)}"}

    query = f"?{request.query}" if request.query else ""
    host = request.header("host") or cloud.host
    links = {"self": {"rel": "self", "href": f"{cloud.scheme}://{host}{quote(request.path)}{query}"}}
    if offset + limit < count:
        links["next"] = link("next", offset + limit)
    if offset > 0:
        links["prev"] = link("prev", max(0, offset - limit))
    if count:
        links["last"] = link("last", (count - 1) // limit * limit)
    return links


def _by_conversation(cloud: Cloud, account: Account, body: Body, version: int) -> Iterator[HistoryView]:
    refuse_unknown(body, ("conversationId", "conversationIds", "contentToRetrieve", "cappingConfiguration"))
    single_id = body.get("conversationId")
    if isinstance(single_id, str) and single_id:
        conversation_ids = [single_id]
    else:
        conversation_ids = _texts(body, "conversationIds")
        if not conversation_ids:
            raise _RefusedError("Send conversationId, a string.")
    for conversation_id in conversation_ids:
        conversation = cloud.state.conversation(conversation_id)
        if conversation is not None:
            view = HistoryView(cloud, account, conversation, _visible_until(cloud), version)
            if _is_visible(view):
                yield view


def _by_consumer(cloud: Cloud, account: Account, body: Body, version: int) -> Iterator[HistoryView]:
    refuse_unknown(body, ("consumer", "status", "contentToRetrieve", "cappingConfiguration"))
    consumer = body.get("consumer")
    if not isinstance(consumer, str) or not consumer:
        raise _RefusedError("Send consumer: the lp_consumer_id, a string.")
    states = parse_states("status", body.get("status", ["OPEN", "CLOSE"]))
    for view in _visible_views(cloud, account, version):
        if view.now.lp_consumer_id == consumer and view.status in states:
            yield view


def _by_filters(cloud: Cloud, account: Account, body: Body, version: int) -> Iterator[HistoryView]:
    first, last = _span(cloud, body)
    predicates = parse_filters(body, beside=("start", "contentToRetrieve", "cappingConfiguration"))
    for view in _visible_views(cloud, account, version):
        if first <= int(view.now.created_at * 1000) <= last and all(fits(view) for fits in predicates):
            yield view


def _visible_views(cloud: Cloud, account: Account, version: int) -> Iterator[HistoryView]:
    moment = _visible_until(cloud)
    for conversation in cloud.state.conversations:
        view = HistoryView(cloud, account, conversation, moment, version)
        if _is_visible(view):
            yield view


def _visible_until(cloud: Cloud) -> float:
    return cloud.now - cloud.rules.history_delay


def _is_visible(view: HistoryView) -> bool:
    """Whether history of this account has heard of the conversation."""
    return view.now.account_id == view.account.id and view.now.created_at <= view.moment


def _contents(body: Body) -> frozenset[str]:
    names = body.get("contentToRetrieve")
    if names is None:
        return frozenset(CONTENTS)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _RefusedError("contentToRetrieve must be an array of strings.")
    return frozenset(names)


def _span(cloud: Cloud, body: Body) -> tuple[int, int]:
    """``start``, in epoch milliseconds; a ``to`` of -1 is now (documented)."""
    start = body.get("start")
    bounds = [_milliseconds(start.get(name) if isinstance(start, dict) else None) for name in ("from", "to")]
    first, last = bounds
    if last == -1:
        last = int(cloud.now * 1000)
    if first is None or last is None or first < 0 or last < 0:
        raise _RefusedError("Send start: {from, to}, in epoch milliseconds; to may be -1 for now.")
    if first > last:
        raise _RefusedError("start.from must not be later than start.to.")
    if last - first > MAX_SPAN_MS:
        raise _RefusedError("start may span three months at most.")
    return first, last


def _milliseconds(value: object) -> int | None:
    """A whole number, or one as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 15 else None


def _texts(body: Body, name: str) -> list[str]:
    texts = body.get(name, [])
    if not isinstance(texts, list) or not all(isinstance(item, str) for item in texts):
        raise _RefusedError(f"{name} must be an array of strings.")
    return texts[:MAX_LIMIT]


def _query_choice(request: Request, name: str, default: str, choices: tuple[str, ...]) -> str:
    values = request.query_values(name) or [default]
    if len(set(values)) > 1 or values[0] not in choices:
        raise _RefusedError(one_of(name, truncate(values[0], 40), choices))
    return values[0]


def _query_number(request: Request, name: str, default: int, least: int, most: int) -> int:
    values = request.query_values(name) or [str(default)]
    value = values[0]
    if not (value.isascii() and value.isdigit() and len(value) <= 9 and least <= int(value) <= most):
        raise _RefusedError(
            f"{name} must be a whole number from {least} to {most}; got {truncate(value, 40)!r}."
        )
    return int(value)


_KEYS: dict[str, Callable[[HistoryView], Any]] = {
    "start": lambda view: (view.now.created_at, view.now.number),
    "end": lambda view: (view.now.closed_at if view.is_closed else float("inf"), view.now.number),
}
_SORTS = tuple(f"{key}{order}" for key in _KEYS for order in ("", ":asc", ":desc"))
