"""A Conversational Cloud on this machine: a real HTTP server that plays LivePerson.

It answers the Domain API, Sentinel, IDP and CONVERSATION to any client in any language. It is
not LivePerson: what it had to guess is a field of `Rules`, each with what is known about it.

This folder imports nothing from the rest of the package. It spells the service's rules a second
time, so that a name spelled wrong in one house is caught by the other.
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
