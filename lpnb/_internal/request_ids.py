"""Request ids: random UUIDs, made quickly."""

from __future__ import annotations

import os
import random
from collections import deque

# Unique is what they must be, not unguessable. A generator of our own, seeded by the system: a notebook
# that calls random.seed() would otherwise make the same ids twice, and so would a forked child.
_random = random.Random()  # noqa: S311 - see above
_spare_ids: deque[str] = deque()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)
    os.register_at_fork(after_in_child=_spare_ids.clear)

#: So many are made at a time.
_COUNT = 64
_EACH = sum(1 << 128 * place for place in range(_COUNT))
_FREE = ~((0xF << 76 | 0x3 << 62) * _EACH)
_VERSION_4 = (0x4 << 76 | 0x2 << 62) * _EACH


def fresh_ids(count: int) -> list[str]:
    """So many version 4 UUIDs as text.

    Example:
        >>> import uuid
        >>> [uuid.UUID(fresh).version for fresh in fresh_ids(2)]
        [4, 4]
    """
    ids: list[str] = []
    while len(ids) < count:
        try:
            ids.append(_spare_ids.popleft())
        except IndexError:  # also when another thread has taken the last one
            _spare_ids.extend(_make_ids())
    return ids


def _make_ids() -> list[str]:
    text = f"{_random.getrandbits(128 * _COUNT) & _FREE | _VERSION_4:0{32 * _COUNT}x}"
    return [
        f"{text[at : at + 8]}-{text[at + 8 : at + 12]}-{text[at + 12 : at + 16]}"
        f"-{text[at + 16 : at + 20]}-{text[at + 20 : at + 32]}"
        for at in range(0, len(text), 32)
    ]
