"""How fast an account is called that answers 429: for each kind of service what is asked, and the figure.

A real client's engine, rate limiter and retries, on a loop whose clock jumps, so that minutes take seconds
and every round gives the same figures. ``--sockets`` adds a run through sockets, by the real clock.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "servers"))

from simulated_pace import SCENARIOS

from lpnb import Client, Sandbox, Settings, run_experiment


def through_sockets() -> None:
    """Run 60 cases, 8 in flight, against a sandbox that refuses 25 calls and then 30 % of them."""
    with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox:
        sandbox.fail("conversation", "status", 25, code=429)
        sandbox.fail("conversation", "status", code=429, probability=0.3)
        begun = time.perf_counter()
        with Client(Settings.of(sandbox.environment())) as client:
            run = run_experiment(
                client,
                [{"case": f"case {number}"} for number in range(60)],
                journal=Path(folder, "run.sqlite"),
                concurrency=8,
                progress=False,
            )
        seconds = time.perf_counter() - begun
        print(f"through sockets: {run.progress}, {seconds:.1f} s, {sandbox.calls['conversation']} calls")


def main() -> None:
    """Print a line for each scenario."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", action="store_true", help="also run one through sockets, about 15 s")
    options = parser.parse_args()
    for scenario in SCENARIOS:
        measured, words = scenario.measure()
        verdict = "ok  " if measured >= scenario.least else "MISS"
        print(f"{verdict} {measured:5.2f} (asked: {scenario.least:.2f} {scenario.asked})  {scenario.name}")
        print(f"           {words}", flush=True)
    if options.sockets:
        through_sockets()


if __name__ == "__main__":
    main()
