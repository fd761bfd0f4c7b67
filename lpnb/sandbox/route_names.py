"""The names of the routes: what counters, the request log, faults and rate limits call a service.

Which path belongs to which is `served`'s to say.
"""

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
    "history",
]

ROUTES: tuple[str, ...] = get_args(RouteName)

# Whose requests LivePerson says it caps.
SEND_API = ("conversation", "send")

# In the log, for what reached no route.
NOWHERE = "-"
