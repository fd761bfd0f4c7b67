"""The fields and types of JSON replies, and in which of them two services differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lpnb._internal.display import brief

#: Replies of one kind as paths and the JSON types met there, such as {"[].body.msg": {"string"}}.
Shape = dict[str, set[str]]


@dataclass(frozen=True, slots=True)
class ShapeDifference:
    """One field that the account's replies have otherwise than the sandbox's.

    ``change`` is "gained" (the account alone has it), "dropped" (the sandbox alone) or "type".
    """

    reply: str
    path: str
    change: Literal["gained", "dropped", "type"]
    sandbox: str
    account: str

    def __str__(self) -> str:
        sentences = {
            "gained": f"the account has it ({self.account}), the sandbox does not",
            "dropped": f"the sandbox has it ({self.sandbox}), the account does not",
            "type": f"{self.sandbox} in the sandbox, {self.account} in the account",
        }
        return f"{self.reply}: {self.path}: {sentences[self.change]}"


class ReplyShapes:
    """The shape of every kind of reply that was met, by its name."""

    def __init__(self) -> None:
        self._shapes: dict[str, Shape] = {}

    def add(self, reply: str, value: object) -> None:
        """Take in one reply's JSON."""
        shape = self._shapes.setdefault(reply, defaultdict(set))
        for path, kind in _paths(value):
            shape[path].add(kind)

    def differences(self, account: ReplyShapes) -> list[ShapeDifference]:
        """In what *account* differs from these, the sandbox's; kinds that only one of both met are left out.

        A field that can be absent counts only where both have the object that it would stand in.

        Example:
            >>> sandbox, account = ReplyShapes(), ReplyShapes()
            >>> sandbox.add("IDP 201", {"token": "x"})
            >>> account.add("IDP 201", {"token": "x", "expires": 3600})
            >>> print(sandbox.differences(account)[0])
            IDP 201: expires: the account has it (number), the sandbox does not
        """
        differences: list[ShapeDifference] = []
        for reply in sorted(self._shapes.keys() & account._shapes.keys()):
            ours, theirs = self._shapes[reply], account._shapes[reply]
            for path in sorted(ours.keys() | theirs.keys()):
                mine, other = ours.get(path, set()), theirs.get(path, set())
                if not (mine and other) and path.endswith("[]"):
                    continue  # an array is empty in one of them
                if not mine and "object" in ours.get(_parent(path), ()):
                    differences.append(
                        ShapeDifference(reply, path.lstrip("."), "gained", "", _kinds_text(other))
                    )
                elif not other and "object" in theirs.get(_parent(path), ()):
                    differences.append(
                        ShapeDifference(reply, path.lstrip("."), "dropped", _kinds_text(mine), "")
                    )
                elif mine and other and not (mine & other or "null" in mine | other):
                    differences.append(
                        ShapeDifference(
                            reply, path.lstrip("."), "type", _kinds_text(mine), _kinds_text(other)
                        )
                    )
        return differences


def _kinds_text(kinds: set[str]) -> str:
    return " or ".join(sorted(kinds))


def _parent(path: str) -> str:
    """The object that a field stands in; a field's own name has no dot in these replies."""
    return path.rpartition(".")[0]


def _paths(value: object, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    yield path, _kind(value)
    if depth > 20:
        return
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _paths(item, f"{path}.{brief(name).strip(chr(39)).replace('.', '_')}", depth + 1)
    elif isinstance(value, list):
        for item in value[:200]:
            yield from _paths(item, f"{path}[]", depth + 1)


def _kind(value: object) -> str:
    if value is None:
        return "null"
    for kind, name in ((bool, "boolean"), ((int, float), "number"), (str, "string"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "object"
