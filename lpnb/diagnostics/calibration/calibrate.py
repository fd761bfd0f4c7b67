"""``calibrate``: ask an account what the sandbox only assumes, and write down in which rules they differ."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpnb._internal import event_loop
from lpnb.client.client_base import check_client
from lpnb.client.connect import new_sandbox
from lpnb.client.landings import DEFAULT_WAIT, LandingSource
from lpnb.client.live_guard import check_live
from lpnb.diagnostics.calibration.probe_session import MAX_CONVERSATIONS, ProbeSession, ProbingEndedError
from lpnb.diagnostics.calibration.probes import (
    ASSUMED,
    MAX_LANDINGS,
    NEEDS,
    ON_PURPOSE,
    PROBES,
    KnownIds,
    ProbeContext,
    run_probes,
)
from lpnb.diagnostics.calibration.report import (
    CalibrationFinding,
    CalibrationPlan,
    CalibrationReport,
    CalibrationVerdict,
)
from lpnb.errors import Complaint, InvalidValueError, LpnbError
from lpnb.settings import Settings
from lpnb.transport.http_transport import HttpTransport

if TYPE_CHECKING:
    from lpnb.client import AsyncClient, Client

_ITSELF = (
    "It is a sandbox on this machine: the sandbox is compared with itself, which says nothing of an account "
    "at LivePerson."
)


def calibrate(
    client: Client | AsyncClient,
    *,
    dry_run: bool = False,
    quiet: bool = False,
    live: bool = False,
    confirm: int | None = None,
    out: str | Path | None = None,
    wait: float = DEFAULT_WAIT,
    receiver: LandingSource | None = None,
    campaign_id: str | None = None,
    engagement_id: str | None = None,
    skill_id: str | None = None,
    ctype: str | None = None,
    offline_skill_id: str | None = None,
    offline_engagement_id: str | None = None,
    offline_entry_point: str | None = None,
) -> CalibrationReport:
    """Ask an account what the sandbox only assumes of it, and report guess by guess how they differ.

    Conversations are opened for consumers of its own, and each is closed. Wrong secrets, bursts and expiries
    are never tried. The same probes go to a fresh sandbox, for what it assumes and for
    the fields of its replies.

    Args:
        client: Of the account that is asked.
        dry_run: Send nothing; the report is the plan alone.
        quiet: Do not print the plan before anything is sent.
        live: The account is a real one, and is meant.
        confirm: How many conversations may be opened there: the plan's count.
        out: A file for the rules that were settled, for ``lpnb sandbox --rules FILE``.
        wait: Seconds to wait for history or a webhook to show a conversation.
        receiver: A running ``Receiver``: webhooks tell of landings, and how they are signed.
        campaign_id: A campaign, and with *engagement_id* an engagement of it, whose skill is another one than
            that of *skill_id* and *ctype*. The order of the three is seen only when all are named.
        engagement_id: See *campaign_id*.
        skill_id: A skill that a request may name.
        ctype: A value of Customer Info's ``ctype`` that is mapped to a skill.
        offline_skill_id: A skill that has a fallback, and nobody online.
        offline_engagement_id: An engagement whose skill has nobody online.
        offline_entry_point: Where that engagement is offered, such as "sec://mortgages".

    Returns:
        A ``CalibrationReport``: ``findings``, ``shapes``, ``rules``, ``may_be_open``, ``ok``, ``plan``.

    Raises:
        RunError: A real account was not confirmed.
        InvalidValueError: An argument cannot be, or *out* cannot be written.
        KeyboardInterrupt: With a note that names what may still be open; the rest has been closed.

    Example:
        >>> from lpnb import Client, Sandbox, Settings
        >>> with Sandbox(unknown_ids="refuse") as account:
        ...     with Client(Settings.of(account.environment())) as client:
        ...         report = calibrate(client, wait=1, quiet=True)
        >>> report.rules["unknown_ids"], report.may_be_open
        ('refuse', ())
    """
    check_client(client)
    known_ids = KnownIds(
        campaign_id,
        engagement_id,
        skill_id,
        ctype,
        offline_skill_id,
        offline_engagement_id,
        offline_entry_point,
    )
    _check(known_ids, wait, out)
    settings = client.settings
    plan = _plan(settings, known_ids)
    if dry_run:
        return CalibrationReport(plan.account, plan)
    check_live(
        settings,
        plan.conversations,
        live=live,
        confirm=confirm,
        cap=MAX_CONVERSATIONS,
        at_most=True,
    )
    if not quiet:
        print(plan)  # noqa: T201 - what will be done is said before it is
    session = ProbeSession(
        settings, client.engine.transport, plan.consumers, wait_scale=client.engine.scaled(1.0)
    )
    context = ProbeContext(session, known_ids, receiver, float(wait))
    # Before the account is asked, so that nothing can be lost after it.
    rules, reference = _sandbox_reference()
    problem = _probe(context)
    report = CalibrationReport(
        account=plan.account,
        plan=plan,
        findings=tuple(_findings(rules, reference, context, problem)),
        shapes=tuple(reference.session.shapes.differences(session.shapes)),
        opened=session.opened_count,
        may_be_open=tuple(session.may_be_open),
        problem=problem,
    )
    if out is not None:
        try:
            report.save(out)
        except OSError:
            print(report)  # noqa: T201 - what was seen, and what may be open, is not lost for want of a file
            raise
    return report


def _check(known_ids: KnownIds, wait: float, out: str | Path | None) -> None:
    complaints = []
    if isinstance(wait, bool) or not isinstance(wait, int | float) or not 0 <= wait <= 3_600:
        complaints.append(Complaint("wait", f"wait must be from 0 to 3,600 seconds; got {wait!r}."))
    for name in KnownIds.__slots__:
        value = getattr(known_ids, name)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            complaints.append(Complaint(name, f"{name} must be text that is not blank; got {value!r}."))
    if (known_ids.campaign_id is None) is not (known_ids.engagement_id is None):
        complaints.append(Complaint("campaign_id", "campaign_id and engagement_id go together."))
    if (known_ids.offline_engagement_id is None) is not (known_ids.offline_entry_point is None):
        sentence = "offline_engagement_id and offline_entry_point go together."
        complaints.append(Complaint("offline_entry_point", sentence))
    if out is not None and (Path(out).is_dir() or not Path(out).resolve().parent.is_dir()):
        complaints.append(Complaint("out", f"{out} cannot be written: it needs a folder that is there."))
    if complaints:
        raise InvalidValueError(complaints)


def _plan(settings: Settings, known_ids: KnownIds) -> CalibrationPlan:
    name = f"lpnb-calibrate-{secrets.token_hex(3)}"
    landings = 1 + (known_ids.offline_skill_id is not None) + 6 * known_ids.names_three_ways
    conversations = sum(probe.conversations for probe in PROBES) - MAX_LANDINGS + landings
    return CalibrationPlan(
        account=f"account {settings.account_id} through {settings.domain_api}",
        steps=tuple(probe.sentence for probe in PROBES),
        conversations=conversations,
        consumers=tuple(f"{name}-{number}" for number in (1, 2, 3)),
        note=_ITSELF if settings.on_loopback else "",
    )


def _probe(context: ProbeContext) -> str | None:
    """Make every probe, and close what is open, whatever happens; return why it ended early, or None."""
    problem: str | None = None
    try:
        event_loop.wait(run_probes(context))
    except (ProbingEndedError, LpnbError) as error:
        problem = str(error).rstrip(".")
    except BaseException as interrupt:
        _close(context.session)
        names = context.session.may_be_open
        interrupt.add_note(
            "\n  ".join(["These conversations may still be open:", *names])
            if names
            else "Every conversation that the calibration had opened is closed."
        )
        raise
    _close(context.session)
    return problem


def _close(session: ProbeSession) -> None:
    try:
        event_loop.wait(session.close_all())
    except (ProbingEndedError, LpnbError):
        pass  # what could not be closed is named
    except BaseException as interrupt:
        interrupt.add_note("\n  ".join(["These conversations may still be open:", *session.may_be_open]))
        raise


@cache
def _sandbox_reference() -> tuple[list[dict[str, Any]], ProbeContext]:
    """The rules of a sandbox that nobody else uses, and what the same probes see there; always the same."""
    with new_sandbox() as sandbox:
        settings = Settings.of(sandbox.environment())
        transport = HttpTransport(10.0)
        session = ProbeSession(
            settings, transport, tuple(f"reference-{number}" for number in (1, 2, 3)), 0.01
        )
        context = ProbeContext(session, KnownIds(), None, 0.5)
        try:
            event_loop.wait(run_probes(context))
        finally:
            event_loop.wait(transport.aclose())
        return sandbox.rule_list, context


def _findings(
    rules: list[dict[str, Any]], reference: ProbeContext, context: ProbeContext, problem: str | None
) -> Iterator[CalibrationFinding]:
    account, sandbox = context.results, reference.results
    early_end = f"The probing ended before it came to this: {problem}." if problem else None
    for rule in rules:
        name, default = rule["name"], rule["default"]
        verdict: CalibrationVerdict = "not asked"
        value, account_words, evidence = None, "", ""
        if name in account.values:
            value, account_words, evidence = account.values[name]
            choices = rule["choices"]
            fits = not isinstance(choices, list) or any(value is one or value == one for one in choices)
            verdict = "agrees" if value == default else "differs"
            if not fits:
                value, account_words = None, f"{account_words}; no value of the rule says so"
        elif name in account.unsettled:
            verdict = "differs"
            account_words, evidence = account.unsettled[name]
        else:
            evidence = account.reasons.get(name) or early_end or NEEDS.get(name) or "The account did not say."
        sandbox_words = sandbox.values[name][1] if name in sandbox.values else ASSUMED.get(name, str(default))
        yield CalibrationFinding(name, verdict, sandbox_words, account_words, evidence, name, value)
    for guess, (sandbox_fact, _) in sandbox.facts.items():
        account_words, evidence = account.facts.get(guess, ("", early_end or "The account did not say."))
        agrees = account_words == sandbox_fact
        verdict = "not asked" if guess not in account.facts else "agrees" if agrees else "differs"
        yield CalibrationFinding(guess, verdict, sandbox_fact, account_words, evidence)
    for guess, why in ON_PURPOSE.items():
        yield CalibrationFinding(guess, "not asked", "", "", f"Not asked, on purpose: {why}")
