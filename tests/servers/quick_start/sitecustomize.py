"""For every program that tests start: see tests/conftest.py on this package."""

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
