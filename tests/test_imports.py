"""The house as ``docs/architecture.md`` draws it, held against the import statements."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import lpnb

PACKAGE = Path(lpnb.__file__).parent

#: A module imports only from floors below its own. A folder (``webhooks``, ``experiments``, ``widgets``)
#: counts as one room, and ``sandbox`` is a house of its own.
FLOORS = [
    {
        "_version",
        "errors",
        "display",
        "masking",
        "strict_json",
        "nearest",
        "hosts",
        "ids",
        "plain",
        "json_text",
        "deadlines",
        "background",
        "env_files",
        "extras",
    },
    {"settings", "models", "kinds", "wire", "responses", "journal", "samples", "lessons", "pace"},
    {"sdes", "trust", "patience", "send_answers"},
    {"payloads", "attributes", "conversation_fields", "visitors", "domains", "tokens"},
    {"batches", "envelopes", "engagements", "sockets"},
    {"file_store", "frames", "messaging", "monitoring", "history", "transport"},
    {"connector", "tables", "transcripts", "advice", "examples"},
    {"engine", "exports", "landings", "plots", "printing", "snippets"},
    {"webhooks", "asking", "dialogue", "lookback"},
    {"conversation"},
    {"client"},
    {"connection", "chain"},
    {"checkup", "experiments", "experiments_options"},
    {"widgets", "samples_command", "app_command", "experiments_command", "testing"},
    {"cli"},
    {"__main__"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

FENCES = {
    "dotenv": {"env_files"},
    "httpx": {"wire", "transport"},
    "aiohttp": {"transport"},
    "httpx_aiohttp": {"transport"},
    "httptools": {"sockets"},
    "aiohappyeyeballs": {"sockets"},
    "uvloop": {"background"},
    "orjson": {"json_text"},
    "pydantic": {
        "models",
        "sdes",
        "payloads",
        "attributes",
        "conversation_fields",
        "envelopes",
        "frames",
        "visitors",
    },
    "pydantic_core": {
        "models",
        "sdes",
        "attributes",
        "conversation_fields",
        "envelopes",
        "frames",
        "visitors",
    },
    "authlib": {"history"},
    "pandas": {"tables", "exports", "experiments", "plots", "widgets"},
    "pyarrow": {"tables", "exports", "experiments"},
    "openpyxl": {"exports"},
    "matplotlib": {"plots"},
    "faker": {"experiments"},
    "tqdm": {"experiments"},
    "dask": {"experiments"},
    "distributed": {"experiments"},
    "sqlite3": {"journal", "webhooks"},
    "ipywidgets": {"widgets"},
    "traitlets": {"widgets"},
    "IPython": {"widgets"},
    "starlette": {"webhooks"},
    "uvicorn": {"webhooks"},
    "pytest": {"testing"},
    "requests": set(),
    "urllib.request": set(),
    "http": set(),
    "socket": {"cli", "app_command", "sockets", "webhooks"},
    "joserfc": set(),
}

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
OURS = [path for path in MODULES if "sandbox" not in path.relative_to(PACKAGE).parts]
THEIRS = [path for path in MODULES if "sandbox" in path.relative_to(PACKAGE).parts]


ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv"}


def _name(node: ast.Attribute | ast.Name) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id


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
            # A public name of the package stands for the module it lives in.
            home = lpnb._HOME if base == "lpnb" else {}
            yield from (f"{base}.{home.get(alias.name, alias.name)}" for alias in node.names)


def library_of(name: str, fences: dict[str, set[str]]) -> str:
    """The fenced library that *name* belongs to, or its first part."""
    return next((fence for fence in fences if f"{name}.".startswith(f"{fence}.")), name.split(".")[0])


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

    strays = {name for name in imports_of(path) if room not in FENCES.get(library_of(name, FENCES), {room})}

    assert strays == set()


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_environment_is_read_by_settings_alone(path: Path) -> None:
    # The command line hands the environment on to the programs it starts, and reads nothing from it.
    if room_of(path) in ("settings", "cli", "app_command"):
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))

    readers = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute | ast.Name) and _name(node) in ENVIRONMENT)
        or (isinstance(node, ast.ImportFrom) and {alias.name for alias in node.names} & ENVIRONMENT)
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


def test_the_architecture_page_has_every_room_on_its_floor() -> None:
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawn = {
        name.strip("`").removesuffix(".py").rstrip("/"): int(floor)
        for floor, names in re.findall(r"^\| (\d+) \| ((?:`[^`]+` ?)+)\|", page, re.MULTILINE)
        for name in names.split()
    }

    assert drawn == {room: floor for room, floor in FLOOR.items() if room not in ("__main__", "_version")}


def test_the_public_names_are_sorted_and_the_stub_has_the_same() -> None:
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    named = {
        alias.asname for node in ast.walk(stub) if isinstance(node, ast.ImportFrom) for alias in node.names
    }

    assert lpnb.__all__ == sorted(lpnb.__all__)
    assert named == set(lpnb.__all__)
