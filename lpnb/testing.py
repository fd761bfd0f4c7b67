"""Each case of a file as a test of its own, for pytest.

Nothing here is loaded, and nothing costs anything, until a test file imports it: there is no plugin. The
cases are sent in one run, when the first of their tests is due, and only those that were selected.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lpnb.experiments.cases.cases import Cases, cases_of
from lpnb.experiments.verification.verify import Check, expect_something, verify

if TYPE_CHECKING:
    from lpnb.client import Client


def each_case(
    cases: object, *, client: Client | Callable[[], Client] | None = None, **options: Any
) -> Callable[..., None]:
    """Make a test function that pytest runs once for each case.

    A test passes when its case came as ``expected_skill`` and ``expected_code`` say, is skipped when it
    expects nothing, and fails with what was expected and what came. Cases that ``-k``, ``--deselect`` or a
    node id leave out are not sent. Under pytest-xdist say ``--dist loadfile``, so that one worker sends them all.

    Args:
        cases: As for ``cases_of``; the relative path of a file is looked for beside the test file.
        client: A client, or a function that makes one; ``lpnb.connect`` when left out, that is the account in
            ``.env`` or else the embedded sandbox.
        options: As for ``verify``, such as ``rate``. ``live=True`` is all that a real account needs: what was
            selected is what is confirmed.

    Raises:
        InvalidValueError: A cell is wrong, or no case expects anything; pytest reports it at collection.

    Example:
        >>> test_routing = each_case([{"case": "vip", "ctmrinfo.ctype": "vip", "expected_skill": "Private Clients"}])
        >>> test_routing.pytestmark[0].args
        ('case', ['vip'])
    """  # noqa: E501
    if isinstance(cases, str | Path):
        cases = Path(sys._getframe(1).f_globals.get("__file__", "")).parent / cases
    known = cases_of(cases)
    known.check()
    expect_something(known)
    once = _Once(known, client, options)

    @pytest.mark.parametrize("case", known.names)
    def test(case: str, request: pytest.FixtureRequest) -> None:
        check = once.check(case, _selected(request, test), request)
        if check.verdict == "skipped":
            pytest.skip(check.said)
        if check.verdict != "passed":
            pytest.fail(f"{check.case}: {check.said}", pytrace=False)

    return test


class _Once:
    """The run behind the tests: begun by the first, looked at by the others."""

    def __init__(
        self, cases: Cases, client: Client | Callable[[], Client] | None, options: dict[str, Any]
    ) -> None:
        self._cases = cases
        self._client = client
        self._options = options
        self._checks: dict[str, Check] = {}
        self._failure: BaseException | None = None
        self._turn = threading.Lock()

    def check(self, case: str, selected: Sequence[str], request: pytest.FixtureRequest) -> Check:
        with self._turn:
            if self._failure is not None:
                raise self._failure
            if case not in self._checks:
                try:
                    self._send({*selected, case} - self._checks.keys(), request)
                except BaseException as error:
                    self._failure = error  # sent once, whatever comes of it
                    raise
            return self._checks[case]

    def _send(self, wanted: set[str], request: pytest.FixtureRequest) -> None:
        numbers = [number for number, name in enumerate(self._cases.names) if name in wanted]
        cases = self._cases.only(numbers)
        folder: Path = request.getfixturevalue("tmp_path_factory").mktemp("lpnb")
        options = {"journal": folder / "run.sqlite", "progress": False, **self._options}
        if options.get("live"):
            options.setdefault("confirm", len(cases))
        for check in verify(self._connected(request), cases, **options).checks:
            self._checks[check.case] = check

    def _connected(self, request: pytest.FixtureRequest) -> Client:
        if self._client is not None and not callable(self._client):
            return self._client
        if self._client is None:
            from lpnb.client.connect import connect

            made = connect()
        else:
            made = self._client()
        request.config.add_cleanup(made.close)
        self._client = made
        return made


def _selected(request: pytest.FixtureRequest, test: Callable[..., None]) -> list[str]:
    """The names of the cases whose tests will be run."""
    return [
        str(item.callspec.params["case"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.function is test
    ]
