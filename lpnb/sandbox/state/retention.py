"""A dict bounded in entries and bytes that drops its oldest entries."""

from collections.abc import Iterator
from typing import Generic, TypeVar

V = TypeVar("V")


class BoundedDict(Generic[V]):
    """Values by name, oldest first, bounded in number and in weight (bytes).

    >>> recent = BoundedDict(most=2, max_bytes=100)
    >>> [recent.put(name, name.upper(), weight=1) for name in "abc"]
    [[], [], ['A']]
    >>> list(recent)
    ['B', 'C']
    """

    def __init__(self, most: int, max_bytes: int) -> None:
        self._max_entries = most
        self._max_bytes = max_bytes
        self._weight = 0
        self._entries: dict[str, tuple[V, int]] = {}

    def put(self, name: str, value: V, weight: int) -> list[V]:
        """Keep *value* as the newest; return the values that had to go."""
        if name in self._entries:
            self.pop(name)
        self._entries[name] = (value, weight)
        self._weight += weight
        return self._drop_oldest()

    def add_weight(self, name: str, weight: int) -> list[V]:
        """The value called *name* grew by *weight* and keeps its place; return the values that had to go."""
        value, before = self._entries[name]
        self._entries[name] = (value, before + weight)
        self._weight += weight
        return self._drop_oldest()

    def set_weight(self, name: str, weight: int) -> list[V]:
        """The value called *name* weighs this from now on and keeps its place; return what had to go."""
        return self.add_weight(name, weight - self._entries[name][1])

    def _drop_oldest(self) -> list[V]:
        values: list[V] = []
        while (len(self._entries) > self._max_entries or self._weight > self._max_bytes) and len(
            self._entries
        ) > 1:
            oldest = next(iter(self._entries))
            value = self.pop(oldest)
            assert value is not None  # noqa: S101 - the name was just read from the mapping
            values.append(value)
        return values

    def get(self, name: str) -> V | None:
        """The value called *name*, or None."""
        entry = self._entries.get(name)
        return entry[0] if entry else None

    def pop(self, name: str) -> V | None:
        """Forget *name* and return its value, or None."""
        entry = self._entries.pop(name, None)
        if entry is None:
            return None
        self._weight -= entry[1]
        return entry[0]

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._weight = 0

    def __iter__(self) -> Iterator[V]:
        return iter([value for value, _ in self._entries.values()])

    def __len__(self) -> int:
        return len(self._entries)
