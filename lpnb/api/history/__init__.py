"""The Messaging Interactions API (``msgHist``): conversations in history, about a minute late.

``searches`` says what can be asked, ``credentials`` who may ask, ``records`` what comes back. Nothing here
opens a connection or waits for freshness; that is ``client.landings``'.
"""

from lpnb.api.history.credentials import HistoryWay, history_ways, login, refused_bearer
from lpnb.api.history.records import HistoryMessage, HistoryPage, HistoryRecord, SdeRecord
from lpnb.api.history.searches import (
    CONTENT,
    DETAIL_CONTENT,
    LANDING_CONTENT,
    MAX_IDS,
    Search,
    by_consumer,
    by_conversation,
    by_conversations,
    by_filters,
    search_history,
)
from lpnb.models.landings import Transfer

__all__ = [
    "CONTENT",
    "DETAIL_CONTENT",
    "LANDING_CONTENT",
    "MAX_IDS",
    "HistoryMessage",
    "HistoryPage",
    "HistoryRecord",
    "HistoryWay",
    "SdeRecord",
    "Search",
    "Transfer",
    "by_consumer",
    "by_conversation",
    "by_conversations",
    "by_filters",
    "history_ways",
    "login",
    "refused_bearer",
    "search_history",
]
