"""What the import contracts cannot say: the page of the rooms, the public names, what is loaded."""

from __future__ import annotations

import ast
import configparser
import importlib
import re
import subprocess
import sys
from pathlib import Path

import lpnb

PACKAGE = Path(lpnb.__file__).parent
ROOT = PACKAGE.parent


def floors() -> dict[str, int]:
    """Each room of the contract with its floor, counted from below."""
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter", encoding="utf-8")
    layers = contracts["importlinter:contract:floors"]["layers"].split("\n")[1:]
    return {
        room.strip(): number for number, layer in enumerate(reversed(layers), 1) for room in layer.split("|")
    }


def test_the_architecture_page_has_every_room_on_its_floor() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = {
        name.removesuffix(".py").rstrip("/"): int(floor)
        for floor, name in re.findall(r"^\| (\d+) \| `([^`]+)` \|", page, re.MULTILINE)
    }

    assert rows == {room: floor for room, floor in floors().items() if room not in ("__main__", "_version")}


def test_every_folder_with_modules_is_a_package() -> None:
    # Without __init__.py a folder is left out of the contracts, and in silence.
    folders = {path.parent for path in PACKAGE.rglob("*.py")}

    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_every_public_name_is_imported_as_the_stub_says() -> None:
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]

    named = {alias.asname: node.module for node in imports for alias in node.names}

    assert lpnb.__all__ == sorted(named)
    for name, module in named.items():
        assert getattr(lpnb, name) is getattr(importlib.import_module(module or ""), name)


def test_a_client_is_loaded_without_tables_pictures_and_widgets() -> None:
    code = (
        "import sys, lpnb; lpnb.Client, lpnb.AsyncClient, lpnb.connect, lpnb.Conversation\n"
        "print([name for name in ('pandas', 'pyarrow', 'matplotlib', 'ipywidgets') if name in sys.modules])"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout == "[]\n"
