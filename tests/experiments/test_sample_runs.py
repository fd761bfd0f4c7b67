"""The sample runs are what the sandbox does today; ``LPNB_WRITE_SAMPLES=1`` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

import lpnb
from lpnb import plots
from lpnb.experiments.runs.compare import compare

WORLD = Path(lpnb.__file__).parent / "sandbox" / "world" / "default_world.toml"
GRID = {
    "ctmrinfo.ctype": ["vip", "private", "gold", "silver", "business", "standard"],
    "entryPoints.0": [
        "sec://home", "sec://lost-card", "sec://payments/transfer", "sec://mortgages/calculator",
        "sec://sign-in", "sec://cards", "sec://savings", "tel://1-800-555-0100",
    ],
    "identities.0.acr": "loa1",
}  # fmt: skip
#: What a run has beside the grid's columns; times and ids are another each day.
KEPT = ["case", "outcome", "code", "landed_skill_id", "landed_skill"]


def run(world: Path | None, name: str) -> pd.DataFrame:
    with lpnb.Sandbox(world=world) as sandbox, lpnb.Client(lpnb.Settings.of(sandbox.environment())) as client:
        steps = lpnb.Steps(engagement=True, landing=True, close=True)
        table = lpnb.run_experiment(client, lpnb.Grid(GRID), name=name, steps=steps, progress=False).table()
    return table[[*KEPT, *GRID]]


@pytest.mark.parametrize("name", ["monday", "tuesday"])
def test_a_sample_run_is_what_the_sandbox_does(name, tmp_path):
    world = None
    if name == "tuesday":  # one engagement leads to another skill
        changed = WORLD.read_text(encoding="utf-8").replace(
            'name = "VIP, signed in"\nskill = "Private Clients"',
            'name = "VIP, signed in"\nskill = "General Enquiries"',
        )
        world = tmp_path / "changed.toml"
        world.write_text(changed, encoding="utf-8")

    table = run(world, name)

    file = Path(lpnb.sample("runs")) / f"{name}.csv"
    if os.environ.get("LPNB_WRITE_SAMPLES") == "1":
        table.to_csv(file, index=False, lineterminator="\n")
    assert file.read_text(encoding="utf-8") == table.to_csv(index=False, lineterminator="\n")


def test_what_moved_between_the_sample_runs_is_what_was_changed():
    before, after = (
        pd.read_csv(lpnb.sample(f"runs/{name}.csv"), dtype=str) for name in ("monday", "tuesday")
    )

    comparison = compare(before, after)

    assert comparison.moves.values.tolist() == [
        ["Private Clients", "General Enquiries", comparison.counts["moved"]]
    ]
    assert set(comparison.moved["ctmrinfo.ctype"]) == {"vip", "private"}


def test_a_sample_run_can_be_drawn():
    before = pd.read_csv(lpnb.sample("runs/monday.csv"), dtype=str)

    drawn = plots.heatmap(before, "ctmrinfo.ctype", "entryPoints.0").table()

    assert drawn.shape == (6, 8)
    assert drawn.loc["vip", "sec://home"] == "Private Clients"
