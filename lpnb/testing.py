"""pytest helper: each case of a file is a test of its own.

There is no plugin: nothing is loaded until a test file imports this module. The
cases are sent in one run, when the first of their tests is due, and only those that were selected.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lpnb._printable import one_line
from lpnb.client.live_guard import CAP
from lpnb.experiments.cases.cases import Cases, cases_of
from lpnb.experiments.runs.options import RunOptions
from lpnb.experiments.verification.checks import CaseCheck
from lpnb.experiments.verification.verify import steps_for, verify_with

if TYPE_CHECKING:
    from lpnb.client import Client
    from lpnb.experiments.runs.progress import Display


def each_case(
    cases: object,
    *,
    client: Client | Callable[[], Client] | None = None,
    engagement: bool | None = None,
    close: bool = True,
    landing_wait: float | None = None,
    journal: str | os.PathLike[str] | None = None,
    name: str | None = None,
    concurrency: int = 16,
    rate: float | None = None,
    on_5xx: str = "pause",
    live: bool = False,
    confirm: int | None = None,
    cap: int = CAP,
    hash_personal: bool = False,
    progress: bool | Display = False,
    cluster: object = None,
) -> Callable[..., None]:
    """Make a test function that pytest runs once for each case.

    A test passes when its case came as ``expected_skill`` and ``expected_code`` say, is skipped when it
    expects nothing, and fails with what was expected and what came. Cases that ``-k``, ``--deselect`` or a
    node id leave out are not sent. Under pytest-xdist say ``--dist loadfile``, so that one worker sends them all.

    Args:
        cases: As for ``cases_of``; the relative path of a file is looked for beside the test file.
        client: A client, or a function that makes one; ``lpnb.connect`` when left out, that is the account in
            ``.env`` or else the embedded sandbox.
        engagement: Ask Monitoring first, as a page would. When left out: if there are columns for it.
        close: Close each conversation afterwards.
        landing_wait: Seconds to wait for a landing at the most.
        journal: The journal's file; one in pytest's temporary folder when left out.
        name: What the run is called; the journal's name when left out.
        concurrency: How many CONVERSATION requests are under way at once, at the most.
        rate: Calls to the Connector API a second at the most, steps included.
        on_5xx: "pause" or "retry", as for ``run_experiment``.
        live: Must be True for a real account, and is all that one needs: what was selected is confirmed.
        confirm: There, how many cases must have been selected, where you want to insist on it.
        cap: How many cases it may be there.
        hash_personal: Keep personal values in the journal as pseudonyms only.
        progress: Whether to show how it goes, or what to show it with.
        cluster: Send from the workers of a Dask cluster, as for ``run_experiment``.

    Raises:
        InvalidValueError: A cell is wrong, or no case expects anything; pytest reports it at collection.

    Example:
        >>> test_routing = each_case([{"case": "vip", "ctmrinfo.ctype": "vip", "expected_skill": "Private Clients"}])
        >>> test_routing.pytestmark[0].args
        ('case', ['vip'])
    """  # noqa: E501
    if isinstance(cases, str | Path):
        cases = Path(sys._getframe(1).f_globals.get("__file__", "")).parent / cases
    valid_cases = cases_of(cases)
    valid_cases.check()
    options = RunOptions(
        journal=journal,
        name=name,
        concurrency=concurrency,
        rate=rate,
        steps=steps_for(valid_cases, engagement=engagement, close=close, landing_wait=landing_wait),
        on_5xx=on_5xx,
        live=live,
        confirm=confirm,
        cap=cap,
        hash_personal=hash_personal,
        progress=progress,
        cluster=cluster,
    )

    shared_run = _SharedRun(valid_cases, client, options)

    @pytest.mark.parametrize("case", valid_cases.names)
    def test(case: str, request: pytest.FixtureRequest) -> None:
        check = shared_run.check(case, _selected_names(request, test), request)
        if check.verdict == "skipped":
            pytest.skip(one_line(check.said))
        if check.verdict != "passed":
            pytest.fail(one_line(f"{check.case}: {check.said}"), pytrace=False)

    return test


class _SharedRun:
    """The one run behind the tests: started by the first of them."""

    def __init__(
        self, cases: Cases, client: Client | Callable[[], Client] | None, options: RunOptions
    ) -> None:
        self._cases = cases
        self._client = client
        self._options = options
        self._checks: dict[str, CaseCheck] = {}
        self._failure: BaseException | None = None
        self._turn = threading.Lock()

    def check(self, case: str, case_names: Sequence[str], request: pytest.FixtureRequest) -> CaseCheck:
        with self._turn:
            if self._failure is not None:
                raise self._failure
            if case not in self._checks:
                try:
                    self._send({*case_names, case} - self._checks.keys(), request)
                except BaseException as error:
                    self._failure = error  # sent once, whatever comes of it
                    raise
            return self._checks[case]

    def _send(self, case_names: set[str], request: pytest.FixtureRequest) -> None:
        numbers = [number for number, name in enumerate(self._cases.names) if name in case_names]
        cases = self._cases.only(numbers)
        folder: Path = request.getfixturevalue("tmp_path_factory").mktemp("lpnb")
        options = self._options
        options = replace(
            options,
            journal=folder / "run.sqlite" if options.journal is None else options.journal,
            confirm=len(cases) if options.live and options.confirm is None else options.confirm,
            steps=replace(options.steps, landing=any("expected_skill" in case.expected for case in cases)),
        )
        for check in verify_with(self._open_client(request), cases, options).checks:
            self._checks[check.case] = check

    def _open_client(self, request: pytest.FixtureRequest) -> Client:
        if self._client is not None and not callable(self._client):
            return self._client
        if self._client is None:
            from lpnb.client.connect import connect

            client = connect()
        else:
            client = self._client()
        request.config.add_cleanup(client.close)
        self._client = client
        return client


def _selected_names(request: pytest.FixtureRequest, test: Callable[..., None]) -> list[str]:
    """The names of the cases whose tests will be run."""
    return [
        str(item.callspec.params["case"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.function is test
    ]
