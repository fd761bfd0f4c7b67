"""Webhooks in: a receiver beside the notebook that verifies, orders and keeps what arrives.

``signature`` decides what is genuine, ``events`` reads it, ``store`` keeps it on the disk, ``intake`` is the
endpoint, ``server`` carries it, ``running`` holds these together, ``receiver`` is what users hold. Nothing
here sends anything anywhere.
"""

from lpnb.models.webhook_events import Event
from lpnb.webhooks.endpoint import Counts
from lpnb.webhooks.receiver import Receiver

__all__ = ["Counts", "Event", "Receiver"]
