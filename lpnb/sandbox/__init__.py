"""A local HTTP server that imitates LivePerson's Conversational Cloud, for clients in any language.

It is not LivePerson: what is inferred is a field of `Rules`, each with what is known about it.

This package imports nothing of the rest of lpnb. It spells the service's rules a second time on
purpose, so that a name misspelled in one of the two is caught by the other.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lpnb.sandbox.sandbox import Sandbox
    from lpnb.sandbox.world.rules import Rules

_HOME = {"Rules": "world.rules", "Sandbox": "sandbox"}

__all__ = ["Rules", "Sandbox"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'lpnb.sandbox' has no attribute {name!r}")
    # On first use: the server and the signing library take a quarter of a second to import.
    return getattr(import_module(f"lpnb.sandbox.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
