"""HTTP: the sans-I/O protocol, the connection pool, retries and the rate limiter."""

from __future__ import annotations

import sys
from typing import Any

# httpx loads its own command line wherever click and rich are installed, which takes as long as all the rest
# of it; told that this module is not to be had, it goes without.
_modules: dict[str, Any] = sys.modules
if "httpx" not in _modules:
    _modules["httpx._main"] = None
