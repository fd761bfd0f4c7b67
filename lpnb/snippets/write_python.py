"""A request as Python: with lpnb, or with httpx alone and the whole chain of calls spelled out.

Nothing here runs. Every value is written as a literal, so whatever it holds stays a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lpnb.models.base import WireModel
from lpnb.models.batches import ConversationBatch, RawBatch, batch_of
from lpnb.models.null import NULL
from lpnb.snippets.request_spec import (
    ACCOUNT,
    DOMAIN_API,
    RequestSpec,
    SnippetPlaceholder,
    check_origin,
    filled_template,
    request_spec,
)

_WIDTH = 100


def as_python(batch: Any, consumer_id: str) -> str:
    """Write the send as Python with lpnb, for a cell or a script.

    Args:
        batch: A ``ConversationBatch``, a ``RawBatch``, or frames as ``send_batch`` takes them.
        consumer_id: For whom it is sent.

    Raises:
        InvalidValueError: The frames or the consumer id are wrong.

    Example:
        >>> print(as_python(ConversationBatch.build(skill_id="-1"), "consumer-1"))
        import lpnb
        <BLANKLINE>
        client = lpnb.connect()
        reply = client.create_conversation("consumer-1", skill_id="-1")
        print(reply)
        <BLANKLINE>
    """
    request_spec(batch, consumer_id)
    batch = batch_of(batch)
    lines = ["import lpnb", "", "client = lpnb.connect()"]
    if isinstance(batch, ConversationBatch) and not batch.more and not batch.profile.extra:
        lines.append(f"reply = {_create_call(batch, consumer_id)}")
    else:
        lines += [
            f"batch = {_batch_code(batch)}",
            f"reply = client.send_batch(batch, {literal(consumer_id)})",
        ]
    return "\n".join([*lines, "print(reply)", ""])


def as_httpx(batch: Any, consumer_id: str, *, domain_api: str = DOMAIN_API) -> str:
    """Write the send as Python with httpx alone: Domain API, AppJWT, ConsumerJWS, CONVERSATION.

    It reads the account, the client id and the secret from the environment, and ``LP_DOMAIN_API`` if it is
    there; without that, host names are looked up at *domain_api*. As lpnb does, it sends tokens to
    LivePerson's hosts and those of ``LP_TRUSTED_HOSTS`` alone. The other arguments and the errors are those
    of ``as_python``.

    Example:
        >>> "LP_CLIENT_SECRET" in as_httpx(ConversationBatch.build(), "consumer-1")
        True
    """
    spec = request_spec(batch, consumer_id)
    fresh = spec.raw is None and _has_fresh_ids(spec)
    if spec.raw is None:
        frames, posted = f"FRAMES = {literal(spec.frames)}", "json=FRAMES"
    else:
        frames, posted = f"FRAMES = {literal(spec.raw)}", "content=FRAMES"
    headers = [
        '"Content-Type": "application/json"',
        '"Authorization": app_jwt',
        '"X-LP-ON-BEHALF": consumer_jws',
    ]
    if spec.client_properties is not None:
        headers.append(f'"Client-Properties": {literal(spec.client_properties)}')
    lines = "".join(f"            {header},\n" for header in headers)
    values = {
        "api": check_origin(domain_api),
        "uuid": "import uuid\n" if fresh else "",
        "consumer": literal(spec.consumer_id),
        "frames": frames,
        "headers": lines,
        "posted": posted,
    }
    return filled_template("httpx.py.txt", values)


def literal(value: Any, depth: int = 0) -> str:
    """*value* as Python writes it, over several lines where one would be too long.

    Example:
        >>> print(literal({"a": [1, "it's"], "b": None}))
        {"a": [1, "it's"], "b": None}
    """
    if value is NULL:
        return "lpnb.NULL"
    if isinstance(value, SnippetPlaceholder):
        return "ACCOUNT" if value == ACCOUNT else "str(uuid.uuid4())"
    if isinstance(value, WireModel):
        return _call(f"lpnb.{type(value).__name__}", [], _fields(value), depth)
    if isinstance(value, Mapping):
        return _in_brackets("{", [f"{literal(k)}: " for k in value], list(value.values()), "}", depth)
    if isinstance(value, list | tuple):
        return _in_brackets("[", [""] * len(value), list(value), "]", depth)
    if isinstance(value, str | bytes):
        return _text(value)
    return repr(value)


def _text(value: str | bytes) -> str:
    """Double quotes, as people write them, unless the text has some."""
    text = repr(value)
    quote, inner = text[-1], text[text.index(text[-1]) + 1 : -1]
    if quote == "'" and '"' not in inner:
        return f'{text[: text.index(quote)]}"{inner}"'
    return text


def _in_brackets(opening: str, labels: Sequence[str], items: Sequence[Any], closing: str, depth: int) -> str:
    """Items on one line where they fit, else each on its own."""
    texts = [label + literal(item, depth + 1) for label, item in zip(labels, items, strict=True)]
    line = opening + ", ".join(texts) + closing
    if len(line) + 4 * depth <= _WIDTH and "\n" not in line:
        return line
    start = "\n" + "    " * (depth + 1)
    return opening + "".join(f"{start}{item}," for item in texts) + "\n" + "    " * depth + closing


def _call(name: str, positional: Sequence[Any], keywords: Mapping[str, Any], depth: int) -> str:
    labels = [""] * len(positional) + [f"{key}=" for key in keywords]
    return _in_brackets(f"{name}(", labels, [*positional, *keywords.values()], ")", depth)


def _fields(model: WireModel) -> dict[str, Any]:
    """The fields that differ from their defaults."""
    values = {}
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if name == "extra":
            if value:
                values[name] = dict(value)
        elif value != field.get_default(call_default_factory=True):
            values[name] = value
    return values


def _create_call(batch: ConversationBatch, consumer_id: str) -> str:
    keywords: dict[str, Any] = {"sdes": list(batch.profile.sdes)} if batch.profile.sdes else {}
    keywords |= _fields(batch.request)
    if batch.client_properties is not None:
        keywords["client_properties"] = batch.client_properties
    if batch.req_ids is not None:
        keywords["req_ids"] = list(batch.req_ids)
    return _call("client.create_conversation", [consumer_id], keywords, 0)


class _Verbatim:
    """Python code, which `literal` leaves as it is."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _batch_code(batch: Any) -> str:
    if isinstance(batch, RawBatch):
        keywords = (
            {"client_properties": batch.client_properties} if batch.client_properties is not None else {}
        )
        return _call("lpnb.RawBatch", [batch.content], keywords, 0)
    profile = _call(
        "lpnb.SetUserProfile",
        [list(batch.profile.sdes)],
        {"extra": dict(batch.profile.extra)} if batch.profile.extra else {},
        1,
    )
    options = {
        "client_properties": batch.client_properties,
        "req_ids": None if batch.req_ids is None else list(batch.req_ids),
        "more": [dict(frame) for frame in batch.more] or None,
    }
    keywords = {name: value for name, value in options.items() if value is not None}
    return _call("lpnb.ConversationBatch", [_Verbatim(profile), batch.request], keywords, 0)


def _has_fresh_ids(spec: RequestSpec) -> bool:
    return any(isinstance(frame["id"], SnippetPlaceholder) for frame in spec.frames)
