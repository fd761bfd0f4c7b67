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
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in doctest.DocTestFinder(exclude_empty=True).find(import_module(name)):
        if test.examples:  # one in twenty; the runner prepares a debugger for each
            runner.run(test)

    assert runner.failures == 0


@pytest.mark.parametrize("name", lpnb.__all__)
def test_a_public_name_says_what_it_is_with_an_example_that_runs(name: str) -> None:
    said = inspect.getdoc(getattr(lpnb, name))

    assert said, f"{name} has no docstring"
    assert ">>> " in said, f"{name} has no example"
