"""``reasons``: why one case lands where it does, by leaving fields out."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from lpnb._internal.display import esc, table_html
from lpnb.client.client_base import check_client
from lpnb.client.landings import DEFAULT_WAIT
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.cases import Case, Cases, as_json, cases_of
from lpnb.experiments.learning.rule_words import value_text
from lpnb.experiments.routing.batched_run import BatchedRun, CaseLanding, begin_batched_run
from lpnb.experiments.runs.options import RunOptions
from lpnb.experiments.runs.steps import Steps
from lpnb.tables.dataframes import plain_table

if TYPE_CHECKING:
    from lpnb.client import AsyncClient, Client
    from lpnb.experiments.runs.progress import Display

#: Fields that are left out one at a time; more of them are first left out in so many groups.
_ONE_BY_ONE = 8
#: The most conversations that are opened for one case.
MOST_SENDS = 24
#: The most reasons that are told apart.
_MOST_REASONS = 3

Fields = frozenset[int]


@dataclass(frozen=True)
class Reasons:
    """Why a case lands where it does. ``reasons`` makes it.

    Attributes:
        case: Its values by column.
        skill: Where it lands; None where no landing became known.
        decides: The smallest sets of columns that keep it there, without all others. One set: these decide.
            Several: rules that agree, each of which is enough. None of them: it lands there without any.
        moves: The smallest changes found that move it: the columns to leave out, and the skill it lands in
            then.
        without: The skill it lands in with none of its columns.
        sends: One row per conversation: ``case`` (str, what was left out), ``left_out`` (str), ``skill``
            (str).
        stable: Whether it landed in the same skill both times it was sent whole; None where it was sent once.
        complete: Whether every question was asked and answered.

    Example:
        >>> case, rest = {"ctmrinfo.ctype": "vip"}, "General Enquiries"
        >>> print(Reasons(case, "Private Clients", (("ctmrinfo.ctype",),), (), rest, pd.DataFrame()))
        It lands in Private Clients because ctmrinfo.ctype is vip.
        With none of its fields it lands in General Enquiries.
    """

    case: Mapping[str, object]
    skill: str | None
    decides: tuple[tuple[str, ...], ...]
    moves: tuple[tuple[tuple[str, ...], str], ...]
    without: str | None
    sends: pd.DataFrame
    stable: bool | None = None
    complete: bool = True

    def __str__(self) -> str:
        if self.skill is None:
            return "No landing of this case became known, so nothing can be said of the reasons."
        lines = []
        if self.stable is False:
            lines.append(
                "It was sent twice and landed in two skills: chance, load, agents or the time decide as well."
            )
        if self.decides == ((),):
            lines.append(
                f"It lands in {self.skill}, and does so with none of its fields: no field is needed for it."
            )
        elif len(self.decides) == 1:
            lines.append(f"It lands in {self.skill} because {self._words(self.decides[0])}.")
        elif self.decides:
            ways = "; or ".join(map(self._words, self.decides))
            lines.append(
                f"It lands in {self.skill} for {len(self.decides)} reasons, each of them enough: {ways}."
            )
        else:
            lines.append(f"It lands in {self.skill}. Which fields decide could not be found out.")
        if self.without is not None and self.decides != ((),):
            lines.append(f"With none of its fields it lands in {self.without}.")
        for columns, skill in self.moves:
            lines.append(f"Without {' and '.join(columns)} it lands in {skill}.")
        if not self.moves and self.decides == ((),):
            lines.append("Leaving out any one field does not move it.")
        if not self.complete:
            lines.append("Not every question was answered; ask again to be surer.")
        return "\n".join(lines)

    def _words(self, columns: Iterable[str]) -> str:
        return " and ".join(f"{name} is {value_text(self.case[name])}" for name in columns)

    def _repr_html_(self) -> str:
        lines_html = "".join(f"<p>{esc(line)}</p>" for line in str(self).splitlines())
        table = self.sends[["case", "skill"]]  # a case's name says what was left out of it
        rows = table.astype(object).where(table.notna(), None).to_numpy().tolist()
        return lines_html + table_html("What was sent", list(map(str, table.columns)), rows)

    def __await__(self) -> Generator[Any, None, Self]:
        """Awaited it is itself."""
        return self
        yield


def reasons(
    client: Client | AsyncClient,
    case: object,
    *,
    journal: str | os.PathLike[str] | None = None,
    engagement: bool | None = None,
    live: bool = False,
    confirm: int | None = None,
    rate: float | None = None,
    concurrency: int = 16,
    landing_wait: float = DEFAULT_WAIT,
    progress: bool | Display = False,
) -> Reasons:
    """Say why a case lands where it does: which fields decide, and what would move it.

    The case is sent whole, with none of its fields, and without each of them; then the fields that decide are
    sent alone, to see that they are enough. That is some 8 to 12 conversations, each for a consumer of its
    own and closed. Where leaving one field out moves nothing because several rules agree, these are told
    apart. Fields that cannot be sent without each other are left out together.

    Args:
        client: A ``Client`` or ``AsyncClient``.
        case: A dict of values by column, or a ``Case``.
        journal: The file that all is written into; by default a new one below ``runs``, and one line says
            where.
        engagement: Ask Monitoring first. When left out: if there are columns for it.
        live: Must be True for a real account.
        confirm: There, the most conversations that can be opened, as the error names them.
        rate: Calls to the Connector API a second at the most, steps included.
        concurrency: How many are under way at once.
        landing_wait: Seconds to wait for each landing at the most.
        progress: Whether to show how it goes, or what to show it with.

    Raises:
        InvalidValueError: The case cannot be sent, or has no field to leave out.
        RunError: A real account without ``live`` and ``confirm``.
        SettingsError: There is no way to read where a conversation landed.
        NotSentError: Hosts or the AppJWT could not be had.

    Example:
        >>> from lpnb import Client, Sandbox, Settings
        >>> case = {"ctmrinfo.ctype": "vip", "ctmrinfo.cstatus": "new", "personal.gender": "FEMALE"}
        >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        ...     print(reasons(client, case, journal="why.sqlite"))
        It lands in Private Clients because ctmrinfo.ctype is vip.
        With none of its fields it lands in General Enquiries.
        Without ctmrinfo.ctype it lands in General Enquiries.
    """
    options = RunOptions(
        journal=journal,
        live=live,
        confirm=confirm,
        rate=rate,
        concurrency=concurrency,
        progress=progress,
    )
    run, search = begin_reasons(client, case, options, engagement=engagement, landing_wait=landing_wait)
    run.wait()
    return search.result()


def begin_reasons(
    client: Client | AsyncClient,
    case: object,
    options: RunOptions,
    *,
    engagement: bool | None = None,
    landing_wait: float = DEFAULT_WAIT,
) -> tuple[BatchedRun, ReasonSearch]:
    """Begin the run of ``reasons``; what it finds is in the search when it has ended.

    Raises:
        InvalidValueError: The case cannot be sent, or has no field to leave out.
        RunError: A real account without ``live`` and ``confirm``.
        SettingsError: There is no way to read where a conversation landed.
        NotSentError: Hosts or the AppJWT could not be had.
    """
    check_client(client)
    search = ReasonSearch(_values(case))
    whole = search.cases_without([frozenset()])
    steps = Steps(
        engagement=whole.asks_monitoring if engagement is None else engagement,
        landing=True,
        close=True,
        landing_wait=landing_wait,
    )
    options = replace(options, steps=steps)
    most = search.most_sends
    purpose = {"reasons": [[name, as_text(value)] for name, value in search.values.items()]}
    run = begin_batched_run(client, search.choose, most, whole.columns, options, purpose, confirmed=most)
    run.resume_hint = f"The same call with journal={os.fspath(run.journal_path or '')!r}"
    run.settle_hint = ""
    return run, search


def most_sends(case: object) -> int:
    """How many conversations ``reasons`` opens for *case* at the most.

    Raises:
        InvalidValueError: The case cannot be sent, or has no field to leave out.

    Example:
        >>> most_sends({"ctmrinfo.ctype": "vip", "ctmrinfo.cstatus": "new"})
        5
    """
    return ReasonSearch(_values(case)).most_sends


def as_text(value: object) -> object:
    """A value as JSON may hold it."""
    return value if value is None or isinstance(value, str | int | float) else str(as_json(value))


def _values(case: object) -> dict[str, object]:
    values = case.values if isinstance(case, Case) else case
    if not isinstance(values, Mapping):
        sentence = "case must be a dict of values by column, or a Case, such as {'ctmrinfo.ctype': 'vip'}."
        raise InvalidValueError([Complaint("case", sentence)])
    names = ("case", "consumer_id", "expected_skill", "expected_code")
    return {
        str(name): value
        for name, value in values.items()
        if value is not None and value != "" and name not in names and not str(name).startswith("note.")
    }


class ReasonSearch:
    """Which fields to leave out next, and what the landings say of the reasons.

    A field is a column, or several that cannot be sent without each other.

    Args:
        values: What the case says, by column.

    Raises:
        InvalidValueError: The case cannot be sent, or there is nothing to leave out.
    """

    def __init__(self, values: Mapping[str, object]) -> None:
        self.values = dict(values)
        if not self.values:
            raise InvalidValueError([Complaint("case", "The case has no value that could decide anything.")])
        cases_of([self.values]).check()
        self.fields, self.fixed = _fields(self.values)
        if not self.fields:
            sentence = (
                f"None of {', '.join(self.values)} can be left out, so nothing can be told of the reasons."
            )
            raise InvalidValueError([Complaint("case", sentence)])
        self.everything: Fields = frozenset(range(len(self.fields)))
        self._landings: dict[Fields, str | None] = {}
        self._sends: list[tuple[Fields, str | None]] = []
        self._pending: list[Fields] = []
        self._repeat: list[str | None] = []

    @property
    def most_sends(self) -> int:
        """How many conversations it opens at the most."""
        return min(MOST_SENDS, (1 << len(self.fields)) + 1)

    def cases_without(self, field_sets: Sequence[Fields]) -> Cases:
        """The case without these fields, each as a case of its own."""
        return cases_of([self._row(fields) for fields in field_sets])

    def _row(self, fields: Fields) -> dict[str, object]:
        absent = {name for field in fields for name in self.fields[field]}
        return {name: None if name in absent else value for name, value in self.values.items()}

    # --- asking -------------------------------------------------------------------------------------------

    def choose(self, landings: Sequence[CaseLanding]) -> Sequence[Mapping[str, Any]]:
        """Take in where the last cases landed, and say what to leave out next."""
        for fields, landing in zip(self._pending, landings, strict=True):
            self._sends.append((fields, landing.skill))
            if fields in self._landings:
                self._repeat.append(landing.skill)
            else:
                self._landings[fields] = landing.skill
        self._pending = self._next_questions()[: MOST_SENDS - len(self._sends)]
        numbers = range(len(self._sends), len(self._sends) + len(self._pending))
        return [
            {**self._row(fields), "case": f"{number + 1}: {self._name(fields)}"}
            for number, fields in zip(numbers, self._pending, strict=True)
        ]

    def _name(self, fields: Fields) -> str:
        if not fields:
            return "whole"
        if fields == self.everything:
            return "with no field"
        return f"without {self.columns_text(fields)}"

    def columns_text(self, fields: Fields) -> str:
        """The columns of some fields."""
        return ", ".join(name for field in sorted(fields) for name in self.fields[field])

    def _next_questions(self) -> list[Fields]:
        if not self._landings:
            groups = _in_groups(sorted(self.everything), _ONE_BY_ONE)
            return list(dict.fromkeys([frozenset(), self.everything, *map(frozenset, groups)]))
        if self.skill is None or self._landings[self.everything] is None:
            return []
        questions = self._questions()
        if questions:
            return questions
        return [frozenset()] if not self._repeat and len(self.everything) > 1 else []

    @property
    def skill(self) -> str | None:
        """Where the whole case lands."""
        return self._landings.get(frozenset())

    def _keeps(self, fields: Fields) -> bool | None:
        """Whether it still lands there without these fields; None when that is not known."""
        skill = self._landings.get(fields)
        return None if skill is None else skill == self.skill

    def _questions(self) -> list[Fields]:
        """What has to be known next: fields of groups that move it, then whether the sets are enough."""
        single: list[Fields] = []
        for fields in self._moving_sets():
            if len(fields) > 1 and fields != self.everything:
                single += [frozenset([field]) for field in fields if frozenset([field]) not in self._landings]
        if single or self._keeps(self.everything):
            return single
        questions: list[Fields] = []
        self._search_reasons(questions)
        return questions

    def _moving_sets(self) -> list[Fields]:
        return [fields for fields in self._landings if fields and self._keeps(fields) is False]

    def _necessary_fields(self) -> Fields:
        """The fields each of which alone moves it when it is left out."""
        return frozenset(field for fields in self._moving_sets() if len(fields) == 1 for field in fields)

    def _search_reasons(self, questions: list[Fields] | None = None) -> list[Fields]:
        """The smallest sets of fields that keep the landing; *questions* gets what is to be asked.

        The first holds every field that is necessary. A further one is sought without a field of each before
        it.
        """
        reason_sets: list[Fields] = []
        if self._keeps(self.everything) is not False:
            return reason_sets
        start = self._reduce(self.everything, self._necessary_fields(), questions)
        if start is None:
            return reason_sets
        reason_sets.append(start)
        free = start - self._necessary_fields()
        # Another reason lacks at least one field that the first has and that is not necessary.
        for field in sorted(free):
            if len(reason_sets) >= _MOST_REASONS:
                break
            candidates = self.everything - {field}
            if any(field not in reason for reason in reason_sets):
                continue
            keeps = self._keeps(frozenset([field]))
            if keeps is None and frozenset([field]) not in self._landings and questions is not None:
                questions.append(frozenset([field]))
                return reason_sets
            if keeps:
                other = self._reduce(candidates, self._necessary_fields(), questions)
                if other is None:
                    return reason_sets
                reason_sets.append(other)
        return reason_sets

    def _reduce(self, candidates: Fields, necessary: Fields, questions: list[Fields] | None) -> Fields | None:
        """The smallest part of *candidates* that keeps the landing, with *necessary*; None while not known.

        The necessary fields alone are tried first, then what is left over is halved: each half is left out in
        turn.
        """
        fields = candidates
        if necessary and necessary < candidates:
            answer = self._ask(self.everything - necessary, questions)
            if answer is None:
                return None
            if answer:
                return necessary
        parts = _in_groups(sorted(fields - necessary), 2)
        while parts:
            part = frozenset(parts.pop(0)) & fields
            if not part:
                continue
            smaller = fields - part
            answer = self._ask(self.everything - smaller, questions)
            if answer is None:
                return None
            if answer:
                fields = smaller
            elif len(part) > 1:
                parts = [*_in_groups(sorted(part), 2), *parts]
        return fields

    def _ask(self, fields: Fields, questions: list[Fields] | None) -> bool | None:
        answer = self._keeps(fields)
        if answer is None and fields not in self._landings and questions is not None:
            questions.append(fields)
        return answer

    # --- what came of it ----------------------------------------------------------------------------------

    def result(self) -> Reasons:
        """What is known now."""
        skill = self.skill
        decides: list[Fields] = [frozenset()] if self._keeps(self.everything) else self._search_reasons()
        columns = [
            tuple(name for field in sorted(fields) for name in self.fields[field]) for fields in decides
        ]
        sends = plain_table(
            {
                "case": [
                    f"{number + 1}: {self._name(fields)}" for number, (fields, _) in enumerate(self._sends)
                ],
                "left_out": [self.columns_text(fields) or None for fields, _ in self._sends],
                "skill": [landing for _, landing in self._sends],
            },
            dict.fromkeys(("case", "left_out", "skill"), "text"),
        )
        is_answered = all(landing is not None for _, landing in self._sends)
        repeats = [landing for landing in self._repeat if landing is not None]
        return Reasons(
            case=self.values,
            skill=skill,
            decides=tuple(columns),
            moves=self._moves(decides),
            without=self._landings.get(self.everything),
            sends=sends,
            stable=all(landing == skill for landing in repeats) if repeats else None,
            complete=is_answered and bool(columns) and len(self._sends) < MOST_SENDS,
        )

    def _moves(self, decides: Sequence[Fields]) -> tuple[tuple[tuple[str, ...], str], ...]:
        """The smallest sets that move it when they are left out, of those that were."""
        moving = sorted(self._moving_sets(), key=lambda fields: (len(fields), sorted(fields)))
        smallest = [
            fields for fields in moving if fields != self.everything and len(fields) == len(moving[0])
        ]
        moves = []
        for fields in smallest:
            skill = self._landings[fields]
            assert skill is not None  # noqa: S101 - it moves
            moves.append((tuple(name for field in sorted(fields) for name in self.fields[field]), skill))
        return tuple(moves)


def _in_groups(items: Sequence[int], most: int) -> list[list[int]]:
    """Items in up to *most* groups of nearly the same size."""
    groups = min(most, len(items))
    return [list(items[at * len(items) // groups : (at + 1) * len(items) // groups]) for at in range(groups)]


def _fields(values: Mapping[str, object]) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Columns that can be left out, in groups where they cannot without each other; and those that cannot."""
    fields: list[tuple[str, ...]] = []
    fixed: list[str] = []
    grouped_names: set[str] = set()
    for name in values:
        if name in grouped_names:
            continue
        group = next((option for option in _groups_of(name, values) if _can_go(option, values)), None)
        if group is None:
            fixed.append(name)
            grouped_names.add(name)
            continue
        overlapping = [field for field in fields if not set(field).isdisjoint(group)]
        for field in overlapping:
            fields.remove(field)
            group = tuple(each for each in values if each in {*field, *group})
        fields.append(group)
        grouped_names.update(group)
    return fields, tuple(fixed)


def _groups_of(name: str, values: Mapping[str, object]) -> Iterable[tuple[str, ...]]:
    """A column alone, then with ever more of those that stand in the same object."""
    yield (name,)
    parts = name.split(".")
    for depth in range(len(parts) - 1, 0, -1):
        prefix = ".".join(parts[:depth]) + "."
        yield tuple(other for other in values if other == name or other.startswith(prefix))


def _can_go(columns: Sequence[str], values: Mapping[str, object]) -> bool:
    rest = {name: None if name in columns else value for name, value in values.items()}
    try:
        cases_of([rest]).check()
    except InvalidValueError:
        return False
    return True


__all__ = ["MOST_SENDS", "ReasonSearch", "Reasons", "reasons"]
