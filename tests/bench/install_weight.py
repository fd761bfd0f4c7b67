"""What an installation weighs: `python tests/bench/install_weight.py [EXTRA ...]`.

Makes an empty environment in a temporary folder, installs this checkout's wheel into it, and prints what lies
there afterwards, the heaviest first, in megabytes of files. Needs an index, and uv or pip.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WEIGH = """
import importlib.metadata, json, os
weights = {}
for found in importlib.metadata.distributions():
    files = (found.locate_file(file) for file in found.files or ())
    weights[found.name] = sum(os.path.getsize(file) for file in files if os.path.isfile(file))
print(json.dumps(weights))
"""


def main(extras: list[str]) -> int:
    """Install, weigh, print."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
        subprocess.run([sys.executable, "-c", build, folder], cwd=ROOT, check=True, capture_output=True)
        [wheel] = home.glob("*.whl")
        wanted = f"{wheel}[{','.join(extras)}]" if extras else str(wheel)
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
        venv.create(home / "env", with_pip=uv is None)
        python = home / "env" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        tool = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
        begun = time.monotonic()
        subprocess.run([*map(str, tool), "--quiet", wanted], check=True)
        took = time.monotonic() - begun
        weights = json.loads(subprocess.run([python, "-c", WEIGH], check=True, capture_output=True).stdout)
    weights.pop("pip", None)
    total = sum(weights.values())
    for name, size in sorted(weights.items(), key=lambda item: -item[1])[:12]:
        print(f"{size / 1e6:8.1f} MB  {size / total:5.0%}  {name}")
    print(f"{total / 1e6:8.1f} MB         {len(weights)} distributions, installed in {took:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
