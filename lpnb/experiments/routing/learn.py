"""``learn_routing``: which rules decide where conversations land, from as few sends as it takes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lpnb._internal.display import count
from lpnb._internal.validation import must
from lpnb.client.client_base import check_client
from lpnb.client.landings import DEFAULT_WAIT
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.cases import as_json, cases_of
from lpnb.experiments.learning.case_space import Rows
from lpnb.experiments.learning.factors import Factors
from lpnb.experiments.learning.learner import RoutingLearner, Send
from lpnb.experiments.learning.routing_rules import RoutingRules, routing_rules_of
from lpnb.experiments.routing.batched_run import BatchedRun, CaseLanding, begin_batched_run
from lpnb.experiments.runs.options import RunOptions
from lpnb.experiments.runs.progress import Progress
from lpnb.experiments.runs.steps import Steps
from lpnb.journal import read_journal

if TYPE_CHECKING:
    from lpnb.client import AsyncClient, Client
    from lpnb.experiments.runs.progress import Display

T = TypeVar("T")
#: Cases that are chosen at a time, or as many as are under way at once if that is more.
BATCH = 16
#: A batch of so many cases or more without any known landing ends the learning: nothing is learned by it.
_SILENT = 8


def learn_routing(
    client: Client | AsyncClient,
    factors: object,
    budget: int = 400,
    validate: int = 60,
    seed: int = 0,
    start: RoutingRules | str | os.PathLike[str] | None = None,
    traffic: object = None,
    progress: bool | Display = True,
    *,
    journal: str | os.PathLike[str] | None = None,
    engagement: bool | None = None,
    live: bool = False,
    confirm: int | None = None,
    rate: float | None = None,
    concurrency: int = 16,
    landing_wait: float = DEFAULT_WAIT,
) -> RoutingRules:
    """Learn which rules decide where conversations land, from as few of them as it takes.

    It says first what it will cost at the most. Then it sends cases in batches, reads where each landed,
    closes it, and chooses the next batch by what is not known yet. It ends when 64 cases in a row landed as
    expected after every pair of values was sent, or with the budget; then *validate* cases are drawn at
    random and predicted before they are sent, which bounds how often the rules are wrong.

    An interrupt ends the waiting; what is returned are the rules so far, and the same call with that
    *journal* goes on where it was.

    Args:
        client: A ``Client`` or ``AsyncClient``.
        factors: A dict of columns and the values that each may take, or a ``Grid``: its ``zipped`` groups are
            one factor, and its ``where`` holds. None as a value leaves the column out. Columns of three
            numbers or more may form ranges.
        budget: How many conversations it opens at the most, the validation among them.
        validate: How many of them are drawn at random at the end: 60 without a surprise bound the share that
            is predicted wrongly to 4.9 %, 300 to 1 %.
        seed: The same seed and landings, the same choices.
        start: Rules from before, or the file of them: what they rest on is checked first, so that a change is
            noticed in a few sends and learned in fewer than anew.
        traffic: Cases to draw the validation from, as a DataFrame, a file or a list of dicts: the bound is
            then on the share of these. Without it every combination counts alike.
        progress: Whether to show how it goes, or what to show it with.
        journal: The file that all is written into; one that is there already is gone on with. By default a
            new one below ``runs``, and one line says where.
        engagement: Ask Monitoring first, as a page would. When left out: if there are columns for it.
        live: Must be True for a real account.
        confirm: There, the budget; typed when it is left out and somebody can be asked.
        rate: Calls to the Connector API a second at the most, steps included; found by itself when left out.
        concurrency: How many are under way at once. Cases are chosen 16 at a time, or so many if that is
            more.
        landing_wait: Seconds to wait for each landing at the most; a case whose landing does not come
            in time counts for nothing.

    Raises:
        InvalidValueError: Naming every factor and option that is wrong. Nothing was sent.
        RunError: A real account without ``live`` and ``confirm``.
        ChangedCasesError: The journal was begun with other factors or options.
        JournalError: The file is the journal of something else, or cannot be made.
        SettingsError: There is no way to read where a conversation landed.
        NotSentError: Hosts or the AppJWT could not be had.

    Example:
        >>> from lpnb import Client, Sandbox, Settings
        >>> factors = {"ctmrinfo.ctype": ["vip", "gold", None], "ctmrinfo.cstatus": ["new", "card blocked"]}
        >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        ...     routing = learn_routing(client, factors, 30, 6, progress=False, journal="tiers.sqlite")
        This opens 30 conversations at account 12345678 on the sandbox at the most, ...
        >>> list(routing.rules["skill"])
        ['Private Clients', 'General Enquiries']
    """
    return start_learning(
        client, factors, budget, validate, seed, start, traffic, progress,
        journal=journal, engagement=engagement, live=live, confirm=confirm, rate=rate,
        concurrency=concurrency, landing_wait=landing_wait,
    ).wait()  # fmt: skip


def start_learning(
    client: Client | AsyncClient,
    factors: object,
    budget: int = 400,
    validate: int = 60,
    seed: int = 0,
    start: RoutingRules | str | os.PathLike[str] | None = None,
    traffic: object = None,
    progress: bool | Display = True,
    *,
    journal: str | os.PathLike[str] | None = None,
    engagement: bool | None = None,
    live: bool = False,
    confirm: int | None = None,
    rate: float | None = None,
    concurrency: int = 16,
    landing_wait: float = DEFAULT_WAIT,
) -> RoutingLearning:
    """Begin to learn and return at once: ``.wait()`` or ``await`` waits, ``.rules`` has the rules so far.

    Takes and raises what ``learn_routing`` does.

    Example:
        >>> from lpnb import Client, Sandbox, Settings
        >>> factors = {"ctmrinfo.ctype": ["vip", "gold", None]}
        >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        ...     learning = start_learning(client, factors, 12, 3, progress=False, journal="begun.sqlite")
        ...     len(learning.wait().rules)
        This opens 12 conversations at account 12345678 on the sandbox at the most, ...
        2
    """
    options = RunOptions(
        journal=journal, live=live, confirm=confirm, rate=rate, concurrency=concurrency, progress=progress
    )
    return begin_learning(
        print, client, factors, options, budget=budget, validate=validate, seed=seed, start=start,
        traffic=traffic, engagement=engagement, landing_wait=landing_wait,
    )  # fmt: skip


def begin_learning(
    tell: Callable[[str], None],
    client: Client | AsyncClient,
    factors: object,
    options: RunOptions,
    *,
    budget: int,
    validate: int,
    seed: int = 0,
    start: RoutingRules | str | os.PathLike[str] | None = None,
    traffic: object = None,
    engagement: bool | None = None,
    landing_wait: float = DEFAULT_WAIT,
) -> RoutingLearning:
    """Do what ``start_learning`` does; *tell* is called with the sentence on what it costs at the most.

    Raises:
        LpnbError: Whatever ``learn_routing`` raises.
    """
    check_client(client)
    wrong = _budget_complaints(budget, validate, seed)
    valid_factors = _result_of(wrong, lambda: Factors.of(factors))
    prior = _result_of(wrong, lambda: _rules_before(start))
    _result_of(wrong, options.check)
    if wrong or valid_factors is None:
        raise InvalidValueError(wrong)
    rows, other_count = _traffic_rows(traffic, valid_factors)
    example = cases_of([valid_factors.case([0] * valid_factors.space.count)])
    steps = Steps(
        engagement=example.asks_monitoring if engagement is None else engagement,
        landing=True,
        close=True,
        landing_wait=landing_wait,
    )
    batch = max(BATCH, options.concurrency)
    learner = RoutingLearner(
        valid_factors.space, budget=budget, batch=batch, validate=validate, seed=seed, traffic=rows,
        start=None if prior is None else prior.prior_for(valid_factors),
    )  # fmt: skip
    cost = _cost(client, valid_factors, budget, validate, steps, other_count)
    if options.journal is not None and (there := Path(options.journal)).exists():
        cost = (
            f"Going on by {there}, in which {count(read_journal(there).total, 'case')} stand. In all: {cost}"
        )
    tell(cost)
    learning = RoutingLearning(
        valid_factors, learner, account=client.settings.account_id, traffic=rows is not None
    )
    purpose = {
        "learning": [
            [list(factor.columns), json.loads(_json(factor.values))] for factor in valid_factors.factors
        ],
        "constants": json.loads(_json(valid_factors.constants)),
        "where": valid_factors.where is not None,
        "budget": budget, "validate": validate, "seed": seed, "batch": batch, "engagement": steps.engagement,
        "traffic": None if rows is None else _digest(rows.tobytes()),
        "start": None if prior is None else _digest(_json(prior.prior_for(valid_factors)).encode()),
    }  # fmt: skip
    options = replace(options, steps=steps)
    return learning.begun(
        begin_batched_run(
            client,
            learning.choose,
            budget,
            valid_factors.columns,
            options,
            purpose,
            confirmed=budget,
        )
    )


def _budget_complaints(budget: int, validate: int, seed: int) -> list[Complaint]:
    """What is wrong with the numbers of a call."""
    wrong = [
        must(name, f"must be a whole number of {least} or more", value)
        for name, value, least in (("budget", budget, 1), ("validate", validate, 0), ("seed", seed, 0))
        if isinstance(value, bool) or not isinstance(value, int) or value < least
    ]
    if not wrong and validate >= budget:
        sentence = (
            f"budget={budget} leaves nothing to learn with, because validate={validate} of these check the "
            f"result; try validate={budget // 4}."
        )
        wrong.append(Complaint("validate", sentence))
    return wrong


class RoutingLearning:
    """Learning that is under way. ``start_learning`` makes it.

    Attributes:
        run: The run behind it; its table and pictures are of the cases sent so far.
        rules: The rules so far.

    Example:
        >>> factors = Factors.of({"ctmrinfo.ctype": ["vip", "gold"]})
        >>> RoutingLearning(factors, RoutingLearner(factors.space))
        <RoutingLearning: 1 rule after 0 sends>
    """

    run: BatchedRun

    def __init__(self, factors: Factors, learner: RoutingLearner, **about: Any) -> None:
        self._factors, self._learner, self._about = factors, learner, about
        self._sends: Sequence[Send] = ()
        self._names: dict[int, str] = {}
        self.rules = self._snapshot()

    def begun(self, run: BatchedRun) -> RoutingLearning:
        """Take over the run that was begun for it."""
        self.run = run
        path = os.fspath(run.journal_path or "")
        self._about["journal"] = path
        run.resume_hint = f"The same learn_routing call with journal={path!r}"
        run.settle_hint = ""
        return self

    def choose(self, landings: Sequence[CaseLanding]) -> Sequence[Mapping[str, Any]]:
        """Learn from where the last cases landed, and choose the next ones."""
        for send, landing in zip(self._sends, landings, strict=True):
            self._names[send.number] = landing.case
            self._learner.tell(send.number, landing.skill)
        if len(landings) >= _SILENT and all(landing.skill is None for landing in landings):
            self._learner.progress.stopped_by = "silence"
        self._sends = self._learner.next_batch()
        self.rules = self._snapshot()
        return [self._factors.case(send.row) for send in self._sends]

    def _snapshot(self) -> RoutingRules:
        learner, progress = self._learner, self._learner.progress
        about: dict[str, Any] = {
            **self._about,
            "seed": learner.seed,
            "budget": learner.budget,
            "validate": learner.validate,
            "stopped_by": progress.stopped_by,
            "learned": datetime.now().astimezone().isoformat(" ", "seconds"),
        }
        if learner.has_prior:
            about |= {"sent_since_start": len(learner.sends), "first_surprise": progress.first_surprise}
        return routing_rules_of(self._factors, learner, self._names, about)

    @property
    def progress(self) -> Progress:
        """How many cases were sent, of how many at the most."""
        return self.run.progress

    def stop(self) -> RoutingLearning:
        """Let nothing new leave; what is open is closed, and ``wait`` gives the rules so far."""
        self.run.stop()
        return self

    def wait(self, timeout: float | None = None) -> RoutingRules:
        """Wait for the end, at most so many seconds, and return the rules; an interrupt stops it.

        Raises:
            LpnbError: A fault of the run itself. What a case came to never raises.
        """
        self.run.wait(timeout)
        return self.rules

    def __await__(self) -> Generator[Any, None, RoutingRules]:
        yield from self.run.__await__()
        return self.rules

    def __repr__(self) -> str:
        sends = count(sum(send.number >= 0 for send in self.rules.records), "send")
        return f"<RoutingLearning: {count(len(self.rules.decision_list), 'rule')} after {sends}>"


def _result_of(wrong: list[Complaint], look: Callable[[], T]) -> T | None:
    """What *look* gives; what it complains of is added to *wrong*."""
    try:
        return look()
    except InvalidValueError as error:
        wrong += error.complaints
        return None


def _rules_before(start: object) -> RoutingRules | None:
    if start is None or isinstance(start, RoutingRules):
        return start
    if isinstance(start, str | os.PathLike):
        return RoutingRules.load(start)
    raise InvalidValueError(
        [must("start", "must be RoutingRules, the path of a file of them, or None", start)]
    )


def _traffic_rows(traffic: object, factors: Factors) -> tuple[Rows | None, int]:
    """The traffic as rows, and how many of its cases have other values."""
    if traffic is None:
        return None, 0
    cases = cases_of(traffic)
    rows = [row for case in cases if (row := factors.find(case.values)) is not None]
    if not rows:
        sentence = (
            f"traffic has {count(len(cases), 'case')}, and none of them has values of the factors alone. "
            "Give the factors the values that occur in it."
        )
        raise InvalidValueError([Complaint("traffic", sentence)])
    return np.array(rows, dtype=np.uint8), len(cases) - len(rows)


def _cost(
    client: Client | AsyncClient, factors: Factors, budget: int, validate: int, steps: Steps, other_count: int
) -> str:
    settings = client.settings
    where = "on the sandbox" if settings.on_loopback else f"through {settings.domain_api}"
    space = factors.space
    monitoring = " Monitoring is asked first for each." if steps.engagement else ""
    checks = f" Up to {validate:,} of them check the result." if validate else ""
    traffic = (
        f" {count(other_count, 'case')} of traffic {'has' if other_count == 1 else 'have'} a value that is "
        "none of the factors', and are left out of the check."
        if other_count
        else ""
    )
    return (
        f"This opens {count(budget, 'conversation')} at account {settings.account_id} {where} at the most, "
        f"to learn about {count(space.count, 'factor')} of {space.combinations:,} "
        f"combinations.{monitoring}{checks} Each is closed."
        f"{traffic}"
    )


def _json(value: object) -> str:
    return json.dumps(value, default=as_json, sort_keys=True)


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=12).hexdigest()


__all__ = ["BATCH", "RoutingLearning", "learn_routing", "start_learning"]
