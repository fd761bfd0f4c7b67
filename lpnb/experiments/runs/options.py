"""The options of a run and its name, checked before anything is sent."""

from __future__ import annotations

import math
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lpnb._internal.display import brief
from lpnb._internal.hostnames import LOOPBACK
from lpnb._internal.validation import check_path
from lpnb.client.live_guard import CAP
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.runs.steps import Steps

if TYPE_CHECKING:
    from lpnb.experiments.runs.progress import Display

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


@dataclass(frozen=True)
class RunOptions:
    """What ``run_experiment`` takes besides the client and the cases; see there what each means.

    The journal keeps ``concurrency``, ``rate``, ``on_5xx``, ``live``, ``cap`` and ``steps``, so that a run
    goes on as it was begun.
    """

    journal: str | os.PathLike[str] | None = None
    name: str | None = None
    concurrency: int = 16
    rate: float | None = None
    steps: Steps = field(default_factory=Steps)
    on_5xx: str = "pause"
    live: bool = False
    confirm: int | None = None
    cap: int = CAP
    hash_personal: bool = False
    progress: bool | Display = True
    dry_run: bool | int = False
    cluster: object = None

    def check(self) -> None:
        """See that a run can be driven like this, but for the cluster.

        Raises:
            InvalidValueError: Naming everything that is wrong.
        """
        check_options(
            concurrency=self.concurrency,
            rate=self.rate,
            on_5xx=self.on_5xx,
            cap=self.cap,
            steps=self.steps,
            live=self.live,
            confirm=self.confirm,
            hash_personal=self.hash_personal,
            dry_run=self.dry_run,
            progress=self.progress,
        )

    def for_journal(self) -> dict[str, Any]:
        """What a journal keeps of these options, as JSON."""
        names = ("concurrency", "rate", "on_5xx", "live", "cap")
        return {**{name: getattr(self, name) for name in names}, "steps": self.steps.for_journal()}

    @classmethod
    def from_journal(cls, values: Mapping[str, Any]) -> RunOptions:
        """The options that a journal keeps."""
        return cls(**{**values, "steps": Steps(**values.get("steps", {})), "cap": values.get("cap") or CAP})


def name_of(name: str | None, journal: str | os.PathLike[str] | None) -> str:
    """What a run is called: as it was named, as its file is, or after the time.

    Example:
        >>> name_of(None, "results/tuesday.sqlite")
        'tuesday'
    """
    if journal is not None:
        check_path("journal", journal)
    if name is None:
        stem = Path(journal).stem if journal is not None else ""
        return stem if _NAME.match(stem) else f"{datetime.now():%Y-%m-%d-%H%M%S}-{secrets.token_hex(2)}"
    if not (isinstance(name, str) and _NAME.match(name)):
        sentence = f"name must be 1 to 64 letters, digits, dashes or underscores; got {brief(name)}."
        raise InvalidValueError([Complaint("name", sentence)])
    return name


def name_again(name: str) -> str:
    """A name for one more run of what is called *name*, so that a script can be run again.

    Example:
        >>> name_again("routing")  # doctest: +ELLIPSIS
        'routing-20...'
    """
    when = f"-{datetime.now():%Y-%m-%d-%H%M%S}-{secrets.token_hex(2)}"
    return f"{name_of(name, None)[: 64 - len(when)]}{when}"


def check_cluster(cluster: object) -> None:
    """See that *cluster* is something that workers can be had from.

    Raises:
        InvalidValueError: It is not.

    Example:
        >>> check_cluster(0)
        Traceback (most recent call last):
        lpnb.errors.InvalidValueError: cluster must be a Dask Client, a scheduler's address such as "tls://host:8786", a number of local workers from 1 to 64, or True; got 0.
    """  # noqa: E501
    if cluster is None or cluster is True or type(cluster).__module__.startswith("distributed."):
        return
    scheme = urlsplit(cluster).scheme if isinstance(cluster, str) else ""
    if isinstance(cluster, str) and scheme in ("tcp", "tls", "ws", "wss", "ucx"):
        if scheme in ("tls", "wss") or urlsplit(cluster).hostname in LOOPBACK:
            return
        sentence = (
            f"cluster must be reached by tls:// beyond this machine: {scheme}:// would carry tokens and "
            f"personal values in the clear, and whoever reaches the scheduler runs code there; got "
            f"{brief(cluster)}."
        )
        raise InvalidValueError([Complaint("cluster", sentence)])
    if isinstance(cluster, int) and not isinstance(cluster, bool) and 1 <= cluster <= 64:
        return
    rule = (
        'must be a Dask Client, a scheduler\'s address such as "tls://host:8786", a number of local workers '
        "from 1 to 64, or True"
    )
    raise InvalidValueError([Complaint("cluster", f"cluster {rule}; got {brief(cluster)}.")])


def check_options(
    *,
    concurrency: object = 1,
    rate: object = None,
    on_5xx: object = "pause",
    cap: object = 1,
    steps: object = None,
    live: object = False,
    confirm: object = None,
    hash_personal: object = False,
    dry_run: object = False,
    progress: object = True,
) -> None:
    """See that a run can be driven like this. ``live="no"`` is no yes.

    Raises:
        InvalidValueError: Naming everything that is wrong.
    """
    wrong = []
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or not 1 <= concurrency <= 1_000:
        wrong.append(("concurrency", f"must be a whole number from 1 to 1,000; got {brief(concurrency)}"))
    if rate is not None and (
        isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < math.inf
    ):
        wrong.append(("rate", f"must be a number of calls a second above 0, or None; got {brief(rate)}"))
    if on_5xx not in ("pause", "retry"):
        wrong.append(("on_5xx", f"must be 'pause' or 'retry'; got {brief(on_5xx)}"))
    if isinstance(cap, bool) or not isinstance(cap, int) or cap < 1:
        wrong.append(("cap", f"must be a whole number of cases from 1; got {brief(cap)}"))
    if steps is not None and not isinstance(steps, Steps):
        wrong.append(("steps", f"must be Steps, or None; got {brief(steps)}"))
    if not isinstance(live, bool):
        wrong.append(("live", f"must be true or false; got {brief(live)}"))
    if confirm is not None and (isinstance(confirm, bool) or not isinstance(confirm, int)):
        wrong.append(("confirm", f"must be the number of cases, or None; got {brief(confirm)}"))
    if not isinstance(hash_personal, bool):
        wrong.append(("hash_personal", f"must be true or false; got {brief(hash_personal)}"))
    if not isinstance(dry_run, int) or (not isinstance(dry_run, bool) and dry_run < 1):
        rule = "must be true or false, or how many requests to print"
        wrong.append(("dry_run", f"{rule}; got {brief(dry_run)}"))
    if not isinstance(progress, bool) and not all(
        callable(getattr(progress, way, None)) for way in ("show", "close")
    ):
        rule = "must be true or false, or an object with show(progress) and close(progress)"
        wrong.append(("progress", f"{rule}; got {brief(progress)}"))
    if wrong:
        raise InvalidValueError([Complaint(option, f"{option} {rule}.") for option, rule in wrong])
