"""Webhook targets: the app installations of a world that have the webhooks capability."""

from lpnb.sandbox.webhooks.attempts import WebhookTarget
from lpnb.sandbox.world.models import World
from lpnb.sandbox.world.webhook_subscriptions import Webhooks


def targets_of(world: World, url: str | None, account_id: str, client_id: str) -> list[WebhookTarget]:
    """Every enabled installation with webhooks; *url* stands in for those of one installation.

    Raises:
        ValueError: When *url* is none.

    Example:
        >>> from lpnb.sandbox.world.loader import default_world
        >>> targets_of(default_world(), None, "12345678", "5a4db0c5-0000-4000-8000-000000000001")
        []
    """
    targets = []
    for account in world.accounts:
        for installation in account.installations:
            webhooks = installation.webhooks
            if url is not None and (account.id, installation.client_id) == (account_id, client_id):
                webhooks = Webhooks.to_all(url)
            if webhooks is not None and installation.enabled:
                targets.append(
                    WebhookTarget(account.id, installation.client_id, installation.client_secret, webhooks)
                )
    return targets


def target_of(world: World, url: str | None, account_id: str, client_id: str) -> WebhookTarget:
    """One installation with all five kinds to *url*, or with none at all.

    Raises:
        ValueError: When *url* is no URL.
    """
    installation = world.accounts_by_id[account_id].installations_by_id[client_id]
    webhooks = Webhooks() if url is None else Webhooks.to_all(url)
    return WebhookTarget(account_id, client_id, installation.client_secret, webhooks)
