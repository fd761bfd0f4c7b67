"""Webhook targets: the app installations of a world that have the webhooks capability."""

from collections.abc import Mapping

from lpnb.sandbox.choices import one_of
from lpnb.sandbox.webhooks.attempts import WebhookTarget
from lpnb.sandbox.world.models import World
from lpnb.sandbox.world.webhook_subscriptions import Webhooks


def targets_of(
    world: World, url: str | Mapping[str, str] | None, account_id: str, client_id: str
) -> list[WebhookTarget]:
    """Every enabled installation with webhooks; *url* stands in for those of one installation.

    It is one endpoint for all kinds, or an endpoint for each kind.

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
                webhooks = _webhooks_to(url)
            if webhooks is not None and installation.enabled:
                targets.append(
                    WebhookTarget(account.id, installation.client_id, installation.client_secret, webhooks)
                )
    return targets


def _webhooks_to(url: str | Mapping[str, str]) -> Webhooks:
    if isinstance(url, str):
        return Webhooks.to_all(url)
    webhooks = Webhooks()
    for kind, endpoint in url.items():
        webhooks = webhooks.with_endpoint(kind, endpoint)
    return webhooks


def target_of(
    world: World, present: Webhooks, url: str | None, kind: str | None, account_id: str, client_id: str
) -> WebhookTarget:
    """One installation with one kind, or with all five, to *url*; None takes them out.

    Raises:
        ValueError: When *url* is no URL, or there is no such kind or installation.
    """
    installations = world.accounts_by_id[account_id].installations_by_id
    if client_id not in installations:
        raise ValueError(one_of("client_id", client_id, tuple(installations)))
    webhooks = present.with_endpoint(kind, url)
    return WebhookTarget(account_id, client_id, installations[client_id].client_secret, webhooks)
