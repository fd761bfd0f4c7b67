"""Explore LivePerson's Connector API from a notebook.

Assemble SDE and campaign payloads, send them in one CONVERSATION call, see one table row per reqId::

    import lpnb

    client = lpnb.connect()  # your account from .env, or the embedded sandbox
    reply = client.create_conversation("consumer-1", sdes=[lpnb.PersonalInfo(firstname="John")])
    lpnb.responses_table(reply)

Every name is loaded when it is first used; importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module

# The names stand once, in the stub that editors and type checkers read: from MODULE import NAME as NAME.
with open(f"{__path__[0]}/__init__.pyi", encoding="utf-8") as _stub:
    _HOME = {
        words[3]: words[1].removeprefix("lpnb.") for words in map(str.split, _stub) if words[:1] == ["from"]
    }
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name == "__version__":
        return import_module("lpnb._version").__version__
    if name not in _HOME:
        from difflib import get_close_matches

        close = get_close_matches(name, _HOME, n=1)
        hint = f". Did you mean {close[0]!r}?" if close else ""
        raise AttributeError(f"module 'lpnb' has no attribute {name!r}{hint}")
    value = getattr(import_module(f"lpnb.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
