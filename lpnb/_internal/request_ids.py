"""Request ids: random UUIDs, made quickly."""

from __future__ import annotations

import os
import random

# Unique is what they must be, not unguessable. A generator of our own, seeded by the system: a notebook
# that calls random.seed() would otherwise make the same ids twice, and so would a forked child.
_random = random.Random()  # noqa: S311 - see above
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)

_FREE = ~(0xF << 76 | 0x3 << 62)
_VERSION_4 = 0x4 << 76 | 0x2 << 62


def fresh_id() -> str:
    """A version 4 UUID as text.

    Example:
        >>> import uuid
        >>> uuid.UUID(fresh_id()).version
        4
    """
    text = f"{_random.getrandbits(128) & _FREE | _VERSION_4:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
