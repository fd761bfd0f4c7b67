"""Validation of arguments, with one wording for each complaint."""

from __future__ import annotations

import os
from collections.abc import Sequence

from lpnb._internal.display import brief
from lpnb._internal.json_codec import clean, lone_surrogate
from lpnb._internal.suggestions import did_you_mean
from lpnb.errors import Complaint, InvalidValueError


def check_kind(name: str, value: object, kinds: type | tuple[type, ...], kind_text: str) -> None:
    """See that the argument *name* is of one of *kinds*; *kind_text* says in words what it must be.

    Text is not repeated: a secret is easily put in the wrong place.

    Raises:
        InvalidValueError: It is not.

    Example:
        >>> check_kind("client", 5, dict, "a Client or AsyncClient")
        Traceback (most recent call last):
        lpnb.errors.InvalidValueError: client must be a Client or AsyncClient; got 5.
    """
    if not isinstance(value, kinds):
        description = (
            brief(value) if value is None or isinstance(value, int | float) else f"a {type(value).__name__}"
        )
        raise InvalidValueError([Complaint(name, f"{name} must be {kind_text}; got {description}.")])


def check_conversation_id(value: object) -> None:
    """See that *value* is text: a reply or a conversation is easily given where its id is meant.

    Raises:
        InvalidValueError: It is not.

    Example:
        >>> check_conversation_id(5)
        Traceback (most recent call last):
        lpnb.errors.InvalidValueError: conversation_id must be text, such as reply.conversation_id or conversation.id; got 5.
    """  # noqa: E501
    kind_text = "text, such as reply.conversation_id or conversation.id"
    check_kind("conversation_id", value, str, kind_text)


def check_path(name: str, value: object) -> None:
    """See that the argument *name* can be the path of a file.

    Raises:
        InvalidValueError: It cannot.

    Example:
        >>> check_path("journal", 5)
        Traceback (most recent call last):
        lpnb.errors.InvalidValueError: journal must be the path of a file, as text or a Path; got 5.
    """
    check_kind(name, value, (str, os.PathLike), "the path of a file, as text or a Path")


def join(path: str, *parts: str | int) -> str:
    """Extend a wire path.

    Example:
        >>> join("[0].body", "lp_sdes", 1, "personal")
        '[0].body.lp_sdes[1].personal'
    """
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            part = part if part.isascii() else clean(part)  # a path is printed, half characters cannot be
            path += f".{part}" if path else part
    return path


def one_of(path: str, value: object, allowed: Sequence[str]) -> Complaint:
    """Say that *value* is none of *allowed*, and which one was probably meant.

    Example:
        >>> one_of("personal.gender", "male", ["MALE", "FEMALE", "OTHER"]).sentence
        "personal.gender must be one of 'MALE', 'FEMALE', 'OTHER'; got 'male'. Did you mean 'MALE'?"
    """
    choices = "one of " * (len(allowed) != 1) + ", ".join(repr(choice) for choice in allowed)
    hint = did_you_mean(str(value), allowed)
    return Complaint(path, f"{path} must be {choices}; got {brief(value)}.{hint}")


def must(path: str, rule: str, value: object, hint: str = "") -> Complaint:
    """Say in one wording which *rule* the value at *path* breaks, and what came."""
    sentence = f"{path} {rule}; got {brief(value)}."
    return Complaint(path, f"{sentence} {hint}" if hint else sentence)


def check_consumer_id(consumer_id: object) -> str:
    """Return *consumer_id*, or say why it cannot be a consumer's external id.

    Example:
        >>> check_consumer_id("  ")
        Traceback (most recent call last):
        lpnb.errors.InvalidValueError: consumer_id must not be blank.
    """
    if not isinstance(consumer_id, str):
        sentence = f"consumer_id must be text; got {brief(consumer_id)}."
    elif not consumer_id.strip():
        sentence = "consumer_id must not be blank."
    elif lone_surrogate(consumer_id) is not None:
        sentence = "consumer_id must not hold half a character (a lone surrogate)."
    elif len(consumer_id) > 10_000:
        sentence = f"consumer_id must have at most 10,000 characters; got {len(consumer_id):,}."
    else:
        return consumer_id
    raise InvalidValueError([Complaint("consumer_id", sentence)])
