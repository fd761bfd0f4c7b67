"""Route names, as used in counters, the request log, faults and rate limits."""

from typing import Literal, get_args

RouteName = Literal[
    "domain",
    "sentinel",
    "jwks",
    "idp",
    "conversation",
    "send",
    "upload",
    "download",
    "engagement",
    "report",
    "validate",
    "login",
    "refresh",
    "logout",
    "history",
]

ROUTES: tuple[str, ...] = get_args(RouteName)

# Whose requests LivePerson says it caps.
SEND_API = ("conversation", "send")

# In the log, for what reached no route.
NOWHERE = "-"
