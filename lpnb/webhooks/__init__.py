"""Receives LivePerson's webhooks on loopback: verified, stored once each, in order."""

from lpnb.models.webhook_events import Event
from lpnb.webhooks.endpoint import Counts
from lpnb.webhooks.receiver import Receiver

__all__ = ["Counts", "Event", "Receiver"]
