"""Names of an account's skills, campaigns and engagements: asked of its sandbox, or learned from history."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lpnb.api.history import by_filters
from lpnb.client.landings import SKILL_NAME_SPAN
from lpnb.client.sandbox_control import find_sandbox
from lpnb.errors import LpnbError

if TYPE_CHECKING:
    from lpnb.client.engine import Engine

#: Columns of cases whose ids have names, by the kind of what they name.
COLUMNS = {
    "skills": "skillId",
    "campaigns": "campaignInfo.campaignId",
    "engagements": "campaignInfo.engagementId",
}
#: Seconds and conversations that history is looked through for names.
_TIMEOUT, _MOST = 10.0, 1_000


def known_ids(engine: Engine) -> dict[str, dict[str, str]]:
    """The ids behind names, by the column of cases they stand in; a name that two have is left out.

    Those of a sandbox that can be asked, and those that this client has met in history.
    """
    names: dict[str, Mapping[str, str]] = {"skills": engine.skill_names, **engine.campaign_names}
    sandbox = find_sandbox(engine.settings)
    if sandbox is not None:
        with suppress(OSError, ValueError, LookupError, LpnbError):
            for kind, own in sandbox.account_names(engine.settings.account_id).items():
                names[kind] = {**names[kind], **own}
    ids = {}
    for kind, column in COLUMNS.items():
        counts = Counter(name.casefold() for name in names[kind].values())
        ids[column] = {name: key for key, name in names[kind].items() if counts[name.casefold()] == 1}
    return ids


async def learn_names(engine: Engine) -> None:
    """Look through the conversations of three months in history, the latest first, for names; once a client.

    History that is refused or slow teaches nothing: nothing is raised.
    """
    if engine.looked_for_names:
        return
    engine.looked_for_names = True
    now = datetime.now(UTC)
    search = by_filters(now - SKILL_NAME_SPAN, now, content=["campaign", "transfers"], limit=100)
    with suppress(LpnbError, TimeoutError):
        async with asyncio.timeout(_TIMEOUT):
            await engine.history_search(search, _MOST)
