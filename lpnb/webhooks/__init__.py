"""Webhooks in: a receiver beside the notebook that verifies, orders and keeps what arrives.

``signature`` decides what is genuine, ``events`` reads it, ``store`` keeps it on the disk, ``intake`` is the
endpoint, ``server`` carries it, ``running`` holds these together, ``receiver`` is what users hold. Nothing
here sends anything anywhere.
"""

from lpnb.webhooks.events import Event
from lpnb.webhooks.intake import Counts
from lpnb.webhooks.receiver import Receiver

__all__ = ["Counts", "Event", "Receiver"]
