"""Arguments of another kind than is needed, refused in one wording. Payloads are seen to in ``models``."""

from __future__ import annotations

import os

from lpnb.display import brief
from lpnb.errors import Complaint, InvalidValueError


def check_kind(name: str, value: object, kinds: type | tuple[type, ...], needed: str) -> None:
    """See that the argument *name* is of one of *kinds*; *needed* says in words what it must be.

    Text is not repeated: a secret is easily put in the wrong place.

    Raises:
        InvalidValueError: It is not.

    Example:
        >>> check_kind("client", 5, dict, "a Client or AsyncClient")
        Traceback (most recent call last):
        lpnb.errors.InvalidValueError: client must be a Client or AsyncClient; got 5.
    """
    if not isinstance(value, kinds):
        came = (
            brief(value) if value is None or isinstance(value, int | float) else f"a {type(value).__name__}"
        )
        raise InvalidValueError([Complaint(name, f"{name} must be {needed}; got {came}.")])


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
