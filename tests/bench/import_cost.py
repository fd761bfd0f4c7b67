"""What importing lpnb costs: whole processes, fresh each time, in turns so that slow moments count for all.

Run it from the checkout: ``python tests/bench/import_cost.py [rounds]``. It prints medians and ratios.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

# httpx loads a command line of its own when click is installed, which doubles its cost; so both ways.
PLAIN = "import sys; sys.modules['click'] = None; "
CASES = {
    "bare python": "pass",
    "import httpx": "import httpx",
    "import httpx, plain": PLAIN + "import httpx",
    "lpnb.Client, plain": PLAIN + "import lpnb; lpnb.Client",
    "import lpnb": "import lpnb",
    "lpnb.Client": "import lpnb; lpnb.Client",
    "lpnb.PersonalInfo": "import lpnb; lpnb.PersonalInfo",
    "lpnb.responses_table": "import lpnb; lpnb.responses_table",
}


def seconds(code: str) -> float:
    """How long a whole process takes that runs *code*."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begun


def measure(rounds: int) -> dict[str, list[float]]:
    """Run every case once a round."""
    for code in CASES.values():  # the first run of each fills the caches
        seconds(code)
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(rounds):
        for name, code in CASES.items():
            times[name].append(seconds(code))
    return times


def main() -> None:
    """Print the table and the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    times = measure(rounds)
    bare = statistics.median(times["bare python"])
    print(f"{rounds} rounds, Python {sys.version.split()[0]}; medians in milliseconds")
    print(f"{'case':<22}{'process':>9}{'net':>9}{'fastest':>9}")
    for name, found in times.items():
        median = statistics.median(found)
        print(f"{name:<22}{median * 1000:9.1f}{(median - bare) * 1000:9.1f}{min(found) * 1000:9.1f}")

    def ratio(of: str, to: str, net: bool) -> float:
        """The median of the ratios round by round, so that a slow round counts on both sides."""
        off = times["bare python"] if net else [0.0] * rounds
        pairs = zip(times[of], times[to], off, strict=True)
        return statistics.median((one - less) / (other - less) for one, other, less in pairs)

    print(f"import lpnb  : bare python   {ratio('import lpnb', 'bare python', False):.2f}")
    for way in ("", ", plain"):
        for net in (False, True):
            found = ratio(f"lpnb.Client{way}", f"import httpx{way}", net)
            said = " net of bare python" if net else ""
            print(f"lpnb.Client{way} : import httpx{way}{said}  {found:.2f}  (goal: at most 2)")


if __name__ == "__main__":
    main()
