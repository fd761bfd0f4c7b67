"""The report of a calibration: guess by guess, the shapes of replies, and the rules file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal

from lpnb._internal.display import count, pre_html, room, table_html
from lpnb._internal.private_files import write_private
from lpnb._printable import one_line
from lpnb.diagnostics.calibration.reply_shapes import ShapeDifference

CalibrationVerdict = Literal["agrees", "differs", "not asked"]
_COLUMNS = ("guess", "verdict", "the sandbox", "the account", "evidence, or why it was not asked")


@dataclass(frozen=True, slots=True)
class CalibrationFinding:
    """One guess of the sandbox, and what the account did.

    ``rule`` is the switch that changes it, None where there is no switch. ``value`` is the value of that
    switch that fits the account, None where it was not settled. ``evidence`` is the status and the masked
    body of the reply that says so, and for "not asked" the reason.
    """

    guess: str
    verdict: CalibrationVerdict
    sandbox: str
    account: str
    evidence: str
    rule: str | None = None
    value: object = None

    @property
    def row(self) -> tuple[str, str, str, str, str]:
        """Its cells in the report's table."""
        return self.guess, self.verdict, self.sandbox, self.account, self.evidence

    def lines(self, width: int) -> list[str]:
        """The same as text, *width* characters wide."""
        same = self.sandbox == self.account
        texts = {"both": self.account} if same else {"the sandbox": self.sandbox, "the account": self.account}
        texts["why" if self.verdict == "not asked" else "evidence"] = self.evidence
        lines = [f"{self.guess}: {self.verdict}"]
        for label, text in texts.items():
            lines += _wrap(f"  {label:<11}  ", text, width, " " * 15) if text else ()
        return lines


@dataclass(frozen=True, slots=True)
class CalibrationPlan:
    """What a calibration will do: its steps in sentences, and at most so many conversations.

    ``consumers`` are the ids that they are opened for. ``note`` says where the account is no real one.
    """

    account: str
    steps: tuple[str, ...]
    conversations: int
    consumers: tuple[str, ...]
    note: str = ""

    def __str__(self) -> str:
        return "\n".join(
            [
                f"This opens at most {count(self.conversations, 'conversation')} at {self.account},",
                f"for the consumers {', '.join(self.consumers)}, and closes each of them.",
                "An agent who is online may be offered one for a moment. The steps:",
                *(f"  - {sentence}" for sentence in self.steps),
                "Never tried: wrong secrets or passwords, bursts, and whatever needs a wait until "
                "something expires.",
                *([self.note] if self.note else ()),
            ]
        )

    def _repr_html_(self) -> str:
        return pre_html(str(self))


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """What a calibration came to.

    ``findings`` are the guesses one by one, ``shapes`` the fields in which replies differ. ``opened`` counts
    the conversations that were opened, and ``may_be_open`` names those that may still be open: [] when all
    are closed. ``problem`` says why the probing ended early, None when it did not.

    ``plan`` is what was to be done.

    Printed it is text, in a notebook tables. ``rules`` are the switches that were settled, and ``save``
    writes them as a file for ``lpnb sandbox --rules FILE``.

    Example:
        >>> from lpnb import Client, Sandbox, Settings, calibrate
        >>> with Sandbox() as account, Client(Settings.of(account.environment())) as client:
        ...     report = calibrate(client, wait=1, quiet=True)
        >>> report.ok, report.findings[0].guess, report.findings[0].verdict
        (True, 'sde_checks', 'agrees')
    """

    account: str
    plan: CalibrationPlan
    findings: tuple[CalibrationFinding, ...] = ()
    shapes: tuple[ShapeDifference, ...] = ()
    opened: int = 0
    may_be_open: tuple[str, ...] = ()
    problem: str | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def rules(self) -> dict[str, Any]:
        """The rules that were settled, by name."""
        return {one.rule: one.value for one in self.findings if one.rule and one.value is not None}

    @property
    def ok(self) -> bool:
        """Whether the probing came to its end, and left no conversation that may be open."""
        return self.problem is None and not self.may_be_open

    def rules_file(self) -> str:
        """The rules that were settled as TOML: a table ``[rules]``, each rule below its evidence."""
        lines = [f"# Settled by lpnb calibrate on {self.at:%Y-%m-%d} with {self.account}.", "[rules]"]
        for finding in self.findings:
            if finding.rule and finding.value is not None:
                text = "".join(sign if sign.isprintable() else " " for sign in finding.evidence)
                evidence = " ".join(text.split())
                source = "" if evidence.startswith(finding.account) else f"{finding.account}: "
                lines += _wrap("# ", f"{source}{evidence}", 100, "# ")
                lines.append(f"{finding.rule} = {json.dumps(finding.value)}")
        return "\n".join(lines) + "\n"

    def save(self, path: str | Path) -> None:
        """Write ``rules_file`` to *path*, in place of what was there.

        Raises:
            OSError: It cannot be written, or is a link.
        """
        write_private(Path(path), self.rules_file().encode("utf-8"))

    def to_json(self) -> str:
        """The whole report as JSON."""
        members = asdict(self) | {"at": self.at.isoformat(), "rules": self.rules}
        return json.dumps(members, ensure_ascii=False)

    def __str__(self) -> str:
        if not self.findings:
            return str(self.plan)
        width = room() or 100
        parts = ["\n".join(finding.lines(width)) for finding in self.findings]
        parts.append("\n".join(self._shape_lines()))
        parts.append("\n".join(self._ending_lines()))
        return "\n\n".join(parts)

    def _shape_lines(self) -> Iterator[str]:
        if not self.shapes:
            yield "Every reply that both gave has the same fields and types."
            return
        yield f"{count(len(self.shapes), 'difference')} in the fields of replies:"
        yield from (f"  {difference}" for difference in self.shapes)

    def _ending_lines(self) -> Iterator[str]:
        numbers = {name: sum(finding.verdict == name for finding in self.findings) for name in _VERDICTS}
        yield (
            f"{numbers['agrees']} guesses agree, {numbers['differs']} differ, "
            f"{numbers['not asked']} were not asked. {count(self.opened, 'conversation')} opened at "
            f"{self.account}."
        )
        if self.plan.note:
            yield self.plan.note
        if self.problem:
            yield f"It ended early: {self.problem}."
        if self.may_be_open:
            yield "These may still be open; close them in the agent's workspace, or with lpnb:"
            yield from (f"  {name}" for name in self.may_be_open)
        elif self.opened:
            yield "All of them are closed."

    def _repr_html_(self) -> str:
        if not self.findings:
            return self.plan._repr_html_()
        html = table_html("Calibration", _COLUMNS, [finding.row for finding in self.findings])
        if self.shapes:
            rows = [(item.reply, item.path, item.change, item.sandbox, item.account) for item in self.shapes]
            columns = ("reply", "field", "change", "the sandbox", "the account")
            html += table_html("Fields of replies", columns, rows)
        return html + table_html("Afterwards", (), [(line,) for line in self._ending_lines()])


def _wrap(first: str, text: str, width: int, rest: str) -> list[str]:
    return wrap(one_line(text), width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


_VERDICTS = ("agrees", "differs", "not asked")
