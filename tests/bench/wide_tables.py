"""What a table of many columns costs: known ones, and unknown ones that are refused, as a ratio to few.

Run it from the checkout: ``python tests/bench/wide_tables.py``. Times are CPU seconds, the least of three.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import suppress
from pathlib import Path

import openpyxl

from lpnb import InvalidValueError, cases_of


def write(folder: Path, count: int, name: str) -> tuple[Path, Path]:
    """A CSV file and a workbook of *count* columns and three rows."""
    header, row = [f"{name}{n}" for n in range(count)], [f"v{n}" for n in range(count)]
    csv = folder / f"{name.strip('.')}-{count}.csv"
    csv.write_text("\n".join(",".join(line) for line in (header, row, row, row)) + "\n", encoding="utf-8")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for line in (header, row, row, row):
        sheet.append(line)
    book.save(csv.with_suffix(".xlsx"))
    return csv, csv.with_suffix(".xlsx")


def seconds(path: Path) -> float:
    """The least CPU time of reading and checking *path*."""
    times = []
    for _ in range(3):
        begun = time.process_time()
        with suppress(InvalidValueError):
            cases_of(path).check()
        times.append(time.process_time() - begun)
    return min(times)


def main() -> None:
    """Print a line for each kind of table."""
    with tempfile.TemporaryDirectory() as folder:
        for name, what in (("note.n", "known"), ("c", "unknown")):
            few = write(Path(folder), 50, name)
            many = write(Path(folder), 5_000, name)
            for small, large in zip(few, many, strict=True):
                short, long = seconds(small), seconds(large)
                kind = large.suffix.lstrip(".")
                print(f"5,000 {what} columns, {kind}: {long:.2f} s, {long / short:.0f} times 50 columns")


if __name__ == "__main__":
    main()
