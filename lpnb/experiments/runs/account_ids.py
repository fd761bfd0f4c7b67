"""Replaces names of skills, campaigns and engagements in cases by the ids that the account has for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpnb._internal import event_loop
from lpnb.client.account_names import known_ids, learn_names

if TYPE_CHECKING:
    from lpnb.client import AsyncClient, Client
    from lpnb.experiments.cases.cases import Cases


def with_account_ids(client: Client | AsyncClient, cases: Cases) -> Cases:
    """*cases* with ids in place of the names of skills, campaigns and engagements that the account has.

    History is looked through for them where nothing else knows a name.
    """
    translated_cases = cases.with_ids(known_ids(client.engine))
    if translated_cases.unresolved():
        event_loop.wait(learn_names(client.engine))
        translated_cases = cases.with_ids(known_ids(client.engine))
    return translated_cases
