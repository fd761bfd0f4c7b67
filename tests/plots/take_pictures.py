"""Take the pictures of experiments in ``docs/pictures`` anew, from runs against two sandboxes.

python tests/plots/take_pictures.py

Customers of six kinds come in at eight places. Monitoring chooses each one's campaign; then one engagement is
led to another skill, and the same cases are sent again.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import lpnb.sandbox
from lpnb import Client, Grid, Run, Sandbox, Settings, Steps, compare, plots, run_experiment

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
WORLD = Path(lpnb.sandbox.__file__).parent / "world" / "default_world.toml"
OLD = 'name = "Mortgage calculator"\nskill = "Mortgages & Loans"'
CUSTOMERS = {
    "ctmrinfo.ctype": ["vip", "private", "gold", "business", "corporate", "regular"],
    "ctmrinfo.balance": [900_000, 400_000, 12_000, 60_000, 80_000, 1_500],
}
PLACES = [
    "sec://home", "sec://sign-in", "sec://payments", "sec://lost-card",
    "tel://card-line", "sec://mortgages", "sec://savings", "sec://one-time-code",
]  # fmt: skip


def run(world: Path, journal: Path) -> Run:
    """Send all 48 cases to a sandbox that plays *world*, asking Monitoring first."""
    grid = Grid({**CUSTOMERS, "entryPoints": [[place] for place in PLACES]}, zipped=list(CUSTOMERS))
    with Sandbox(world=world) as sandbox, Client(Settings.of(sandbox.environment())) as client:
        steps = Steps(engagement=True, landing=True)
        return run_experiment(client, grid, journal=journal, steps=steps, progress=False)


def main() -> int:
    """Send, draw, and say how large the pictures are."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        changed = Path(folder) / "changed.toml"
        text = WORLD.read_text(encoding="utf-8")
        if text.count(OLD) != 1:
            raise SystemExit(f"{WORLD.name} no longer has the engagement that is changed here.")
        changed.write_text(text.replace(OLD, OLD.replace("Mortgages & Loans", "General Enquiries")), "utf-8")
        before = run(WORLD, Path(folder) / "before.sqlite").table()
        after = run(changed, Path(folder) / "after.sqlite").table()
    keys = ("ctmrinfo.ctype", "entryPoints")
    drawn: dict[str, plots.Picture] = {
        "heatmap": plots.heatmap(before, *keys),
        "compare": compare(before, after).plot(*keys),
        "flow": plots.flow(before, keys[0], keys[1]),
    }
    for name, picture in drawn.items():
        for theme in ("light", "dark"):
            path = picture.save(PICTURES / f"{name}-{theme}.png", theme)
            print(f"{path.stat().st_size / 1000:7.1f} kB  {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
