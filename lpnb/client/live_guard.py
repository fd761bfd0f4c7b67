"""What stands between a slip of the keyboard and a queue full of conversations at a real account."""

from __future__ import annotations

import sys

from lpnb.client.connect import has_fallen_back
from lpnb.errors import RunError
from lpnb.settings import Settings, SettingsLookup

#: Cases of one run against a real account, unless a larger cap is asked for.
CAP = 1_000


def check_live(
    settings: Settings,
    count: int,
    *,
    live: bool,
    confirm: int | None,
    cap: int,
    at_most: bool = False,
    dry_run: bool = True,
) -> None:
    """Let a command open *count* conversations, or *at_most* so many, or say what is missing.

    It has a *dry_run* to look at it first, or none.

    A sandbox needs neither ``live`` nor ``confirm``. What was said all the same is held to: a count that is
    another, or a sandbox that is there only because no settings were found, is not what was meant.

    Raises:
        RunError: ``live=True`` is missing, or there are no settings for it; the cap is smaller, or the count
            was not confirmed.
    """
    who = f"account {settings.account_id} through {settings.domain_api}"
    cases = f"{'at most ' if at_most else ''}{count:,} conversation{'s' if count != 1 else ''}"
    instruction = f"Say confirm={count}."
    if settings.on_loopback:
        if live and has_fallen_back(settings):
            raise RunError(
                SettingsLookup.find().no_settings("live=True", ", so this client is of the embedded sandbox")
            )
        if confirm is not None and confirm != count:
            raise RunError(f"This would open {cases} at {who}; {confirm} was confirmed. {instruction}")
        return
    if not live:
        look = "Look at it with dry_run=True first, then say" if dry_run else "Say"
        raise RunError(f"This would open {cases} at the real {who}. {look} live=True and confirm={count}.")
    if count > cap:
        raise RunError(
            f"This would open {cases} at the real {who}, and a run there is capped at {cap:,}. "
            f"Send a sample, or say cap={count}."
        )
    if confirm is None and sys.stdin is not None and sys.stdin.isatty():
        try:
            answer = input(f"This opens {cases} at the real {who}. Type the number to go on: ")
        except EOFError:  # Ctrl-D
            answer = ""
        confirm = int(answer) if answer.strip().isdecimal() else -1
    if confirm != count:
        reason = "it was not confirmed" if confirm is None else f"{confirm} was confirmed"
        raise RunError(f"This would open {cases} at the real {who}; {reason}. {instruction}")
