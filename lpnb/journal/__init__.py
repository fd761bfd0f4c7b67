"""The SQLite file of a run: what was to be sent, what may have left, what came back.

Every attempt is on the disk before its first byte may leave, and its answer before anybody is shown it.
``Journal`` is the one writer of a file, ``read_journal`` is for as many readers as there are, also while
it is written. Nothing here knows what an experiment is, or decides what may be sent.
"""

from __future__ import annotations

from lpnb.journal.journal import Journal
from lpnb.journal.reader import KnownCase, Reader, Reply, read_each, read_journal
from lpnb.journal.schema import Answer, CaseRow, Found, Step
from lpnb.journal.writer import Told

__all__ = [
    "Answer",
    "CaseRow",
    "Found",
    "Journal",
    "KnownCase",
    "Reader",
    "Reply",
    "Step",
    "Told",
    "read_each",
    "read_journal",
]
