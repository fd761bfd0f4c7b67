"""Webhook targets, delivery attempts and counters as plain values."""

from dataclasses import dataclass, field

from lpnb.sandbox.world.webhook_subscriptions import Webhooks


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """An app installation that has webhooks."""

    account_id: str
    client_id: str
    client_secret: str = field(repr=False)
    webhooks: Webhooks


@dataclass(frozen=True, slots=True)
class WebhookCounts:
    """How webhooks fared: ``retried`` counts tries after the first, the others count webhooks."""

    delivered: int = 0
    retried: int = 0
    expired: int = 0
    dropped: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class WebhookAttempt:
    """One try: ``status`` is None when no answer came, and ``problem`` then says why."""

    time: float
    conversation_id: str
    event: str
    endpoint: str
    number: int
    status: int | None
    problem: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the receiver took it."""
        return self.status in (200, 201)
