"""The journal of a run, an SQLite file: the cases, the attempts to send them, and the answers.

Every attempt is on the disk before its first byte may leave, and its answer before anybody is shown it.
``Journal`` is the one writer of a file, ``read_journal`` is for as many readers as there are, also while
it is written. Nothing here knows what an experiment is, or decides what may be sent.
"""

from __future__ import annotations

from lpnb.journal.journal import Journal
from lpnb.journal.reader import JournalCase, Reader, Reply, explain_damage, read_each, read_journal
from lpnb.journal.schema import Answer, CaseRow, LookupResult, StepRecord
from lpnb.journal.writer import WriteCallback

__all__ = [
    "Answer",
    "CaseRow",
    "Journal",
    "JournalCase",
    "LookupResult",
    "Reader",
    "Reply",
    "StepRecord",
    "WriteCallback",
    "explain_damage",
    "read_each",
    "read_journal",
]
