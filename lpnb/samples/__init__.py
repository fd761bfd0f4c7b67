"""The bundled notebooks and sample data, the documentation's example bodies, the exercises' answers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lpnb.samples.examples import page_examples
    from lpnb.samples.exercises import check
    from lpnb.samples.files import copy_samples, sample

_HOME = {"check": "exercises", "copy_samples": "files", "page_examples": "examples", "sample": "files"}
__all__ = ["check", "copy_samples", "page_examples", "sample"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'lpnb.samples' has no attribute {name!r}")
    return getattr(import_module(f"lpnb.samples.{_HOME[name]}"), name)
