"""Take the pictures in ``docs/pictures`` anew: those of the browser tests, kept for the documentation.

python tests/browser/take_pictures.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"


def main() -> int:
    """Run the tests that take pictures, and say how large these are."""
    only = "stands_out or whole_way"
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/browser", "-k", only],
        cwd=ROOT,
        env=os.environ | {"LPNB_PICTURES": str(PICTURES)},
    )
    _shrink(PICTURES.glob("explorer-*.png"))
    for picture in sorted(PICTURES.glob("*.png")):
        print(f"{picture.stat().st_size / 1000:7.1f} kB  {picture.relative_to(ROOT)}")
    return ended.returncode


def _shrink(pictures: Iterable[Path]) -> None:
    """A palette is enough for a panel, and a third of the bytes."""
    for path in pictures:
        with Image.open(path) as picture:
            if picture.mode != "P":
                picture.convert("RGB").quantize(255, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
