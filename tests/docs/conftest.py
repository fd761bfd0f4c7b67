"""The site's own modules, which are no package, and the pages they are made from."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs" / "site"


def load(name: str) -> ModuleType:
    """A module of docs/site under a name that nothing else has."""
    unique = f"lpnb_docs_{name}"
    if unique not in sys.modules:
        spec = importlib.util.spec_from_file_location(unique, SITE / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[unique] = module
        spec.loader.exec_module(module)
    return sys.modules[unique]


@pytest.fixture(scope="session")
def pages() -> ModuleType:
    return load("pages")


@pytest.fixture(scope="session")
def notebook_pages() -> ModuleType:
    return load("notebook_pages")


@pytest.fixture(scope="session")
def reference() -> ModuleType:
    return load("reference")
