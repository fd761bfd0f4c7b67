"""Sentences about a value that is none of its choices, with the choice that was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def problem_of_choice(path: str, value: object, choices: tuple[str, ...]) -> str | None:
    """Why *value* cannot stand at *path*, or None where it is one of those allowed."""
    return None if value in choices else one_of(path, value, choices)


def one_of(path: str, value: object, choices: tuple[str, ...]) -> str:
    """The complaint about a value that is none of those allowed.

    >>> one_of("event.status", "read", ("ACCEPT", "READ"))
    "event.status must be one of 'ACCEPT', 'READ'; got 'read'. Did you mean 'READ'?"
    """
    text = "nothing" if value is None else repr(value)
    text = text if len(text) <= 60 else text[:57] + "..."
    hint = did_you_mean(value, choices) if isinstance(value, str) else ""
    one_of = "one of " * (len(choices) != 1)
    return f"{path} must be {one_of}{', '.join(map(repr, choices))}; got {text}.{hint}"


def did_you_mean(value: object, choices: Iterable[str]) -> str:
    """The question to put behind a sentence about *value*; "" where none of the *choices* is near.

    >>> did_you_mean("Defualt_skill", ["default_skill", "fallback_skill"]), did_you_mean("x", ["id"])
    (" Did you mean 'default_skill'?", '')
    """
    by_case = {choice.casefold(): choice for choice in choices}
    close = get_close_matches(str(value)[:80].casefold(), by_case, n=1)
    return f" Did you mean {by_case[close[0]]!r}?" if close else ""
