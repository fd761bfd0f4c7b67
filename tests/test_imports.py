"""The house as ``docs/architecture.md`` draws it, held against the import statements."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import lpnb

PACKAGE = Path(lpnb.__file__).parent

#: A module imports only from floors below its own. The folder ``widgets`` counts as one room, and
#: ``sandbox`` is a house of its own.
FLOORS = [
    {"_version", "errors", "display", "masking", "strict_json", "background"},
    {"settings", "models", "wire", "responses"},
    {"sdes", "trust", "patience"},
    {"payloads", "domains", "tokens", "messaging"},
    {"batches", "connector", "transport"},
    {"advice", "examples", "engine"},
    {"client", "tables"},
    {"connection"},
    {"checkup"},
    {"widgets"},
    {"cli"},
    {"__main__"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

FENCES = {
    "dotenv": {"settings"},
    "httpx": {"wire", "transport"},
    "aiohttp": {"transport"},
    "httpx_aiohttp": {"transport"},
    "pydantic": {"models", "sdes", "payloads"},
    "pydantic_core": {"models", "sdes"},
    "pandas": {"tables", "widgets"},
    "pyarrow": {"tables"},
    "ipywidgets": {"widgets"},
    "traitlets": {"widgets"},
    "IPython": {"widgets"},
    "starlette": set(),
    "uvicorn": set(),
    "joserfc": set(),
}

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
OURS = [path for path in MODULES if "sandbox" not in path.relative_to(PACKAGE).parts]
THEIRS = [path for path in MODULES if "sandbox" in path.relative_to(PACKAGE).parts]


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports_of(path: Path) -> Iterator[str]:
    """Every name imported when the code runs; those for annotations alone are left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = path.relative_to(PACKAGE.parent).with_suffix("").parts[: -node.level or None]
            base = ".".join([*package, *filter(None, [node.module])]) if node.level else node.module or ""
            yield from (f"{base}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_floors_below_its_own(path: Path) -> None:
    room = room_of(path)
    assert room in FLOOR, f"{room} stands on no floor: give it one here and in docs/architecture.md"

    above = {
        name
        for name in imports_of(path)
        if name.startswith("lpnb.")
        and (other := name.split(".")[1]) != room
        and other in FLOOR
        and FLOOR[other] >= FLOOR[room]
    }

    assert above == set()


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_is_imported_only_where_it_belongs(path: Path) -> None:
    room = room_of(path)

    strays = {name for name in imports_of(path) if room not in FENCES.get(name.split(".")[0], {room})}

    assert strays == set()


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_environment_is_read_by_settings_alone(path: Path) -> None:
    # The command line hands the environment on to the programs it starts, and reads nothing from it.
    if room_of(path) in ("settings", "cli"):
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))

    readers = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "putenv")
    ]

    assert readers == []


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_connect_and_the_command_line_start_the_sandbox(path: Path) -> None:
    if room_of(path) in ("connection", "cli"):
        return

    assert [name for name in imports_of(path) if name.startswith("lpnb.sandbox")] == []


@pytest.mark.parametrize("path", THEIRS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_sandbox_imports_nothing_of_the_other_house(path: Path) -> None:
    ours = {
        name
        for name in imports_of(path)
        if name.split(".")[0] == "lpnb" and not name.startswith("lpnb.sandbox")
    }

    assert ours == set()


def test_the_architecture_page_names_every_room() -> None:
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {room_of(path) for path in OURS} - {"__main__", "_version"}

    assert {room for room in rooms if f"`{room}.py`" not in page and f"`{room}/`" not in page} == set()


def test_the_public_names_are_sorted_and_the_stub_has_the_same() -> None:
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    named = {
        alias.asname for node in ast.walk(stub) if isinstance(node, ast.ImportFrom) for alias in node.names
    }

    assert lpnb.__all__ == sorted(lpnb.__all__)
    assert named == set(lpnb.__all__)
