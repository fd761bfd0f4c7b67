"""What cases cost: to read, to check, to turn into batches and requests, and to keep in memory.

Run it from the checkout: ``python tests/bench/cases_cost.py [cases]``. Times are CPU microseconds for one
case; memory is what the process has grown by at its peak, each number of cases in a process of its own
(Linux).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lpnb import Grid, cases_of
from lpnb.experiments.cases.cases import Cases
from lpnb.experiments.runs.journal_rows import case_rows

HEADER = (
    "case,ctmrinfo.ctype,ctmrinfo.customerId,ctmrinfo.balance,personal.firstname,personal.lastname,"
    "personal.contacts.0.email,campaignInfo.campaignId,campaignInfo.engagementId,conversationContext.lang\n"
)


def write(path: Path, count: int) -> None:
    """Write a file of *count* cases, no two alike."""
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for n in range(count):
            who = f"Ana {n},Sørensen,ana.{n}@example.com"
            file.write(f"row {n},gold,{n:08d},{n % 5000}.50,{who},99999,888888,en-US\n")


def each(work: Callable[[], object], count: int) -> float:
    """Microseconds a case."""
    begun = time.process_time()
    work()
    return (time.process_time() - begun) / count * 1e6


def batches(cases: Cases) -> None:
    """Build every batch once, as a run does."""
    for case in cases:
        case.batch()


def peak() -> float:
    """The most memory this process has had since it was started, in MB."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
    return int(line.split()[1]) / 1024


def memory(path: Path) -> None:
    """Print the growth of reading, checking and walking through the cases of *path*."""
    warm = path.with_name("warm.csv")
    write(warm, 100)
    cases_of(warm).check()
    before = peak()
    cases = cases_of(path)
    cases.check()
    batches(cases)
    print(f"{peak() - before:.1f}")


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == ["--memory"]:
        return memory(Path(sys.argv[2]))
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cases.csv"
        write(path, count)
        cases = cases_of(path)
        case = cases[count // 2]
        tiers = [f"tier {n}" for n in range(count // 100)]
        grid = Grid({"ctmrinfo.ctype": tiers, "campaignInfo.campaignId": [str(n) for n in range(100)]})
        rows = {
            "read a CSV file of ten columns": each(lambda: cases_of(path), count),
            "check every cell": each(cases.check, count),
            "find each case and post it": each(lambda: [c.posted().outgoing("1") for c in cases], count),
            "find each case and build its batch": each(lambda: batches(cases), count),
            "the same of a grid": each(lambda: batches(grid), len(grid)),
            "Case.batch() alone, one case again and again": each(
                lambda: [case.batch() for _ in range(count)], count
            ),
            "what the journal keeps of it": each(lambda: list(case_rows(cases, "4f3c2b1a" * 4, None)), count),
            "table": each(cases.table, count),
        }
        print(f"{count:,} cases, Python {sys.version.split()[0]}; CPU microseconds a case")
        for name, cost in rows.items():
            print(f"{name:<48}{cost:8.1f}")
        for number in (10_000, 100_000):
            write(path, number)
            command = [sys.executable, __file__, "--memory", str(path)]
            grown = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
            print(f"{f'memory for {number:,} cases, MB':<48}{float(grown):8.1f}")
    return None


if __name__ == "__main__":
    main()
