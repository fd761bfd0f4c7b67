"""What a snippet says: the consumer, the frames, and the values that are filled in when it runs.

``SnippetPlaceholder`` stands for a value that a snippet must not or cannot hold: the account, a fresh request
id. How it is written, and everything around the frames, is each format's own business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from lpnb._internal.hostnames import origin_trouble
from lpnb._internal.json_codec import JsonError, read_json
from lpnb._internal.validation import check_consumer_id, must
from lpnb.errors import Complaint, InvalidValueError
from lpnb.models.batches import ConversationBatch, RawBatch, batch_of

DOMAIN_API = "https://api.liveperson.net"
_WIDTH = 88
_BRACES = re.compile(r"\{(?=\{)|(?<=\{)\{")


@dataclass(frozen=True, slots=True)
class SnippetPlaceholder:
    """A place that is filled in when the snippet runs: "account", or "id" with the frame's number."""

    name: str
    number: int = 0


ACCOUNT = SnippetPlaceholder("account")


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """One CONVERSATION call. *frames* are None when what is posted is not JSON; *raw* is None when it is."""

    consumer_id: str
    frames: Any
    raw: bytes | None
    client_properties: str | None


def request_spec(batch: Any, consumer_id: str) -> RequestSpec:
    """What a snippet is written of, with the frames and the consumer id checked.

    Raises:
        InvalidValueError: The frames or the consumer id are wrong.
    """
    check_consumer_id(consumer_id)
    batch = batch_of(batch)
    if isinstance(batch, RawBatch):
        outgoing = batch.outgoing("")
        return RequestSpec(consumer_id, None, outgoing.content, outgoing.client_properties)
    if not isinstance(batch, ConversationBatch):
        sentence = f"batch must be a ConversationBatch, a RawBatch or frames; got {type(batch).__name__}."
        raise InvalidValueError([Complaint("batch", sentence)])
    frames = batch.to_wire()
    if batch.req_ids is None:
        frames = [{**frame, "id": SnippetPlaceholder("id", number)} for number, frame in enumerate(frames)]
    if "brandId" not in frames[1]["body"]:
        frames[1] = {**frames[1], "body": {"brandId": ACCOUNT, **frames[1]["body"]}}
    header = batch.client_properties.to_header() if batch.client_properties else None
    return RequestSpec(consumer_id, frames, None, header)


def check_origin(domain_api: str) -> str:
    """Return *domain_api*, or say why it cannot be where host names are looked up."""
    if not isinstance(domain_api, str):
        raise InvalidValueError([must("domain_api", f"must be an origin such as {DOMAIN_API}", domain_api)])
    if trouble := origin_trouble(domain_api, DOMAIN_API):
        raise InvalidValueError([Complaint("domain_api", f"domain_api {trouble}")])
    return domain_api


def filled_template(name: str, values: Mapping[str, str]) -> str:
    """The file *name* of the templates, with the value of its name in the place of each ``@{name}``."""
    text = (files("lpnb.snippets") / "templates" / name).read_text(encoding="utf-8")
    return re.sub(r"@\{(\w+)\}", lambda match: values[match[1]], text)


def json_frames(spec: RequestSpec, format_name: str) -> Any:
    """The frames, for a format that can hold JSON only; other white space than given is the one change.

    Raises:
        InvalidValueError: What is posted is not JSON.
    """
    if spec.raw is None:
        return spec.frames
    try:
        return read_json(spec.raw)
    except JsonError as error:
        sentence = (
            f"{format_name} can hold JSON alone, and frames are not JSON: {error}. as_httpx takes any bytes."
        )
        raise InvalidValueError([Complaint("frames", sentence)]) from None


def json_text(
    value: Any,
    fill: Callable[[SnippetPlaceholder], str],
    *,
    braces: bool = False,
    indent: int | None = 2,
    depth: int = 0,
) -> str:
    """Write JSON in which what cannot be seen is escaped, and placeholders are as *fill* writes them.

    Args:
        value: Anything JSON can say, with placeholders in it.
        fill: The text for a placeholder, quotes included.
        braces: Escape doubled braces too, which some tools take for a variable of theirs.
        indent: Spaces for each level; None writes it on one line.
        depth: How deep *value* lies.

    Example:
        >>> print(json_text({"a": "{{b}}\\u202e"}, str, braces=True, indent=None))
        {"a":"\\u007b\\u007bb}}\\u202e"}
    """
    if isinstance(value, SnippetPlaceholder):
        return fill(value)
    if isinstance(value, str):
        return json_string(value, braces=braces)
    if not isinstance(value, Mapping | list | tuple):
        return json.dumps(value)
    inner: list[str] = []
    colon = ":" if indent is None else ": "
    for key, item in value.items() if isinstance(value, Mapping) else ((None, item) for item in value):
        text = json_text(item, fill, braces=braces, indent=indent, depth=depth + 1)
        inner.append(text if key is None else json_string(key, braces=braces) + colon + text)
    opening, closing = "{}" if isinstance(value, Mapping) else "[]"
    if indent is None:
        return opening + ",".join(inner) + closing
    line = opening + ", ".join(inner) + closing
    if len(line) + indent * depth <= _WIDTH and "\n" not in line:
        return line
    start = "\n" + " " * indent * (depth + 1)
    return opening + start + f",{start}".join(inner) + "\n" + " " * indent * depth + closing


def json_string(text: str, *, braces: bool = False) -> str:
    """*text* as a JSON string: readable, but for what cannot be seen or would turn the direction of text."""
    json_text = json.dumps(text, ensure_ascii=False)
    if not json_text.isprintable():
        json_text = "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in json_text)
    return _BRACES.sub(lambda _: "\\u007b", json_text) if braces else json_text


def one_line(text: str) -> str:
    """*text* for a comment: nothing in it ends the line or cannot be seen."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:200]
