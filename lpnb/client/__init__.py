"""``Client`` and ``AsyncClient``: one account, its tokens, its conversations. Loaded on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lpnb.client.async_client import AsyncClient
    from lpnb.client.sync_client import Client

__all__ = ["AsyncClient", "Client"]

_HOME = {"AsyncClient": "async_client", "Client": "sync_client"}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'lpnb.client' has no attribute {name!r}")
    return getattr(import_module(f"lpnb.client.{_HOME[name]}"), name)
