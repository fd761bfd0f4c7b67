"""Flatten nested JSON into a dict of paths and values, and assemble it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lpnb._internal.validation import join

Path = tuple[str | int, ...]


def flatten(value: Any, path: Path = ()) -> dict[Path, Any]:
    """Take *value* apart. Empty objects and lists are leaves of their own.

    Example:
        >>> flatten({"a": [1, {}], "b": "x"})
        {('a', 0): 1, ('a', 1): {}, ('b',): 'x'}
    """
    if isinstance(value, Mapping) and value:
        items: Any = value.items()
    elif isinstance(value, list | tuple) and value:
        items = enumerate(value)
    else:
        return {path: value}
    return {
        leaf: leaf_value for key, inner in items for leaf, leaf_value in flatten(inner, (*path, key)).items()
    }


class _JsonNode(dict[str | int, Any]):
    """An object or list being put together; its leaves may be dicts, which this is not."""

    is_list = False


def assemble(leaves: Mapping[Path, Any]) -> tuple[Any, dict[Path, str]]:
    """Put *leaves* together; gaps in lists close up.

    Returns:
        The value, and for each leaf where it now stands, as a wire path.

    Example:
        >>> assemble({("a", 3): "x", ("a", 1): "y", ("b",): {}})
        ({'a': ['y', 'x'], 'b': {}}, {('a', 1): 'a[0]', ('a', 3): 'a[1]'})
    """
    root = _JsonNode()
    for path, value in leaves.items():
        node = root
        for place, step in enumerate(path):
            if place + 1 == len(path) and value not in ({}, []):
                node[step] = value
                break
            inner = node.get(step)
            if not isinstance(inner, _JsonNode):
                inner = node[step] = _JsonNode()
                inner.is_list = isinstance(value, list) if place + 1 == len(path) else False
            node = inner
    places: dict[Path, str] = {}
    return _finish(root, (), (), places), places


def _finish(node: Any, path: Path, wire: Path, places: dict[Path, str]) -> Any:
    if not isinstance(node, _JsonNode):
        places[path] = join("", *wire)
        return node
    if node.is_list or any(isinstance(key, int) for key in node):
        numbers = sorted(key for key in node if isinstance(key, int))
        return [_finish(node[n], (*path, n), (*wire, i), places) for i, n in enumerate(numbers)]
    return {key: _finish(item, (*path, key), (*wire, str(key)), places) for key, item in node.items()}
