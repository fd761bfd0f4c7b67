"""``report``: what a run, a verification or learned rules say, as a file that a manager can open."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from lpnb._internal.validation import must
from lpnb._version import __version__
from lpnb.errors import Complaint, InvalidValueError, LpnbError
from lpnb.experiments.learning.routing_rules import RoutingRules
from lpnb.experiments.report.page import Page
from lpnb.experiments.report.routing_report import routing_page
from lpnb.experiments.report.run_report import run_page
from lpnb.experiments.report.verification_report import verification_page
from lpnb.experiments.runs.start import open_run
from lpnb.experiments.verification.verify import Verification


def report(
    subject: object,
    path: str | os.PathLike[str],
    *,
    against: object = None,
    key: str | Sequence[str] | None = None,
    title: str | None = None,
    question: str | None = None,
) -> Path:
    """Write one HTML file, without anything from elsewhere, that says what came out and how sure that is.

    For a run: the question, what decides, the rules that its cases follow, pictures, what moved, what is not
    known. It opens in any browser, light or dark, also without a network. Personal columns are left out.

    Args:
        subject: A run, the path of its journal or its per-case table; what ``verify`` returned; or what
            ``learn_routing`` returned, or the ``.json`` file of that.
        path: The file, such as "tuesday.html"; one that is there is replaced.
        against: An earlier one of the same kind, to say what moved since.
        key: The column, or columns, that tell the cases of two runs apart; as for ``compare``.
        title: What stands at the top.
        question: What was to be found out, in a sentence of yours.

    Returns:
        The path of the file.

    Raises:
        InvalidValueError: *subject* is none of these, the two cannot be compared, or the file cannot be.
        LpnbError: The file cannot be written.

    Example:
        >>> from lpnb import Client, Sandbox, Settings, Steps, run_experiment
        >>> cases = [{"ctmrinfo.ctype": ctype} for ctype in ("vip", "gold", "business")]
        >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        ...     steps = Steps(landing=True)
        ...     run = run_experiment(client, cases, steps=steps, journal="day.sqlite", progress=False)
        >>> report(run, "day.html").read_text(encoding="utf-8")[:15]
        '<!DOCTYPE html>'
    """
    target = Path(path)
    check_report_path(target)
    page = _page_of(subject, against, key)
    page.title = title or page.title
    page.question = question or page.question
    page.footer = (
        f"Made by lpnb {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC. {page.footer}".rstrip()
    )
    return _write(target, page.html())


def check_report_path(path: Path) -> None:
    """See, before any work is done, that a report can be written to *path*.

    Raises:
        InvalidValueError: It ends otherwise than in ``.html``, is no file, or its folder is not there.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise InvalidValueError([must("path", "must end in .html", str(path))])
    if not path.parent.is_dir() or (path.exists() and not path.is_file()):
        why = "it is no plain file" if path.exists() else f"there is no folder {path.parent}"
        raise InvalidValueError([Complaint("path", f"{path} cannot be written: {why}.")])


def _page_of(subject: object, against: object, key: str | Sequence[str] | None) -> Page:
    subject, against = _load(subject), _load(against)
    if isinstance(subject, RoutingRules):
        if against is not None and not isinstance(against, RoutingRules):
            raise InvalidValueError(
                [must("against", "must be learned rules too, or their .json file", against)]
            )
        return routing_page(subject, against)
    if isinstance(subject, Verification):
        if against is not None:
            rule = "is not for a verification, which compares with since="
            raise InvalidValueError([must("against", rule, against)])
        return verification_page(subject)
    if isinstance(subject, pd.DataFrame) or callable(getattr(subject, "table", None)):
        return run_page(subject, against, key)
    rule = "must be a run, the path of its journal, its table, a verification, or learned rules"
    raise InvalidValueError([must("subject", rule, subject)])


#: How files are read, by their endings; any other is a journal.
_READERS: dict[str, Callable[[Path], Any]] = {
    ".json": RoutingRules.load,
    ".csv": lambda path: pd.read_csv(path, dtype=str),
    ".parquet": pd.read_parquet,
}


def _load(subject: object) -> object:
    """What a path leads to; anything else as it is."""
    if not isinstance(subject, str | os.PathLike):
        return subject
    path = Path(subject)
    try:
        return _READERS.get(path.suffix.lower(), open_run)(path)
    except (OSError, ValueError) as error:
        if isinstance(error, LpnbError):
            raise
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise InvalidValueError([Complaint(str(path), f"{path} cannot be read: {reason}.")]) from None


def _write(path: Path, text: str) -> Path:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            part.write_text(text, encoding="utf-8", errors="replace")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise LpnbError(f"{path} cannot be written: {error.strerror or error}.") from None
    return path
