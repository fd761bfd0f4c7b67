"""The examples in the docstrings run, and nothing public is without one."""

from __future__ import annotations

import doctest
import inspect
import pkgutil
from importlib import import_module

import pytest

import lpnb

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(lpnb.__path__, "lpnb.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    results = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS)

    assert results.failed == 0


@pytest.mark.parametrize("name", lpnb.__all__)
def test_a_public_name_says_what_it_is(name: str) -> None:
    found = getattr(lpnb, name)

    assert inspect.getdoc(found), f"{name} has no docstring"
