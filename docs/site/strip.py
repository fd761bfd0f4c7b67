"""Empty notebooks of outputs: `python3 docs/site/strip.py FILE ...`. Says which it changed, and then exits 1.

Needs nothing but the standard library, so that a commit hook can run it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def strip_outputs(notebook: dict[str, Any]) -> dict[str, Any]:
    """*notebook* without outputs, counts, widget state and whatever an editor noted about the machine."""
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        if cell["cell_type"] == "code":
            cell.update(execution_count=None, outputs=[])
    notebook["metadata"] = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def main(files: list[str]) -> int:
    """Strip each file in place."""
    names = []
    for file in map(Path, files):
        before = file.read_text(encoding="utf-8")
        after = json.dumps(strip_outputs(json.loads(before)), indent=1, ensure_ascii=False) + "\n"
        if after != before:
            file.write_text(after, encoding="utf-8")
            names.append(file.name)
    if names:
        print(f"outputs removed: {', '.join(names)}", file=sys.stderr)
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
