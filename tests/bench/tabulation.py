"""What a table of a million answers costs, beside ``pandas.json_normalize`` on the same replies.

Run it from the checkout: ``python tests/bench/tabulation.py [answers] [rounds]``. The ways take turns, after
a round that is not counted, in which memory is new to the process. It prints medians, and ratios with their
spread. Each way makes one row per reqId, those of lpnb with eleven columns or more, json_normalize's with
four; only ``Run.table()`` has a row per case. The responses are read as sending reads them, and the journal
is written as a run writes it; neither is timed.
"""

from __future__ import annotations

import asyncio
import datetime
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from lpnb import open_run
from lpnb.experiments.runs.journal_rows import consumer_of
from lpnb.experiments.runs.options import RunOptions
from lpnb.experiments.runs.run import Run
from lpnb.journal import Answer, CaseRow, Journal
from lpnb.models.responses import BatchResponse, read_batch
from lpnb.tables.dataframes import ResponseColumns, responses_table

NOON = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
RUN_KEY = "4f3c2b1a" * 4
SAID = [
    json.dumps({"ctmrinfo.ctype": tier, "personal.firstname": "Anna", "skillId": "12"})
    for tier in ("vip", "gold", "silver")
]


def body(number: int) -> list[dict[str, object]]:
    """A reply as CONVERSATION gives it."""
    return [
        {"code": "OK", "body": {"msg": "OK User Profile set successfully"}, "reqId": f"{number}-1"},
        {
            "code": "OK",
            "body": {"conversationId": f"8f14e45f-ceea-467f-a0e6-{number:012d}"},
            "reqId": f"{number}-2",
        },
    ]


def response(number: int) -> BatchResponse:
    """The same reply, read."""
    raw = json.dumps(body(number)).encode()
    sent = [
        (f"{number}-1", "userprofile.SetUserProfile"),
        (f"{number}-2", "cm.ConsumerRequestConversation"),
    ]
    pairs = read_batch(raw, sent).pairs
    moment = NOON + datetime.timedelta(milliseconds=number)
    return BatchResponse(f"consumer-{number}", "answered", pairs, "", 200, 1, 1.5 + number % 7, moment)


def journal_of(path: Path, cases: int) -> Run:
    """The run of so many cases, all of them answered, out of a journal made at *path*."""
    rows = (
        CaseRow(n, f"case-{n}", consumer_of(RUN_KEY, n, f"case-{n}"), "d" * 48, SAID[n % 3])
        for n in range(cases)
    )
    columns = list(json.loads(SAID[0]))
    about = {"name": "bench", "run_key": RUN_KEY, "columns": columns, "options": RunOptions().for_journal()}
    journal = Journal.create(path, about, rows)

    async def answers() -> None:
        for start in range(0, cases, 2_000):
            await asyncio.gather(*written(journal, range(start, min(start + 2_000, cases))))

    asyncio.run(answers())
    journal.close()
    return open_run(path)


def written(journal: Journal, numbers: range) -> Iterator[asyncio.Future[None]]:
    """Write the attempts and the answers of some cases."""
    for number in numbers:
        found = response(number)
        pairs = [[p.req_id, p.type, p.ok, p.code, p.message, p.conversation_id] for p in found.pairs]
        opened = found.conversation_id
        at = int(NOON.timestamp()) * 1_000_000 + number * 1_000
        raw = json.dumps(body(number)).encode()
        said = f"Conversation {opened} is open."
        yield journal.attempt(number, 1, [pair.req_id for pair in found.pairs])
        yield journal.answer(
            number,
            1,
            Answer("answered", 200, "OK", None, opened, found.elapsed_ms, at, pairs, said, raw),
        )


def seconds(work: Callable[[], object]) -> float:
    """How long *work* takes, with no rubbish of others to clear away."""
    gc.collect()
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def one_round(replies: int, run: Run) -> dict[str, float]:
    """Time every way once."""
    texts = [json.dumps(body(number)) for number in range(replies)]
    parsed: list[list[dict[str, object]]] = []
    found = {
        "json.loads and json_normalize": seconds(
            lambda: pd.json_normalize([answer for text in texts for answer in json.loads(text)])
        )
    }
    parsed.extend(json.loads(text) for text in texts)
    texts.clear()
    found["json_normalize, replies parsed"] = seconds(
        lambda: pd.json_normalize([answer for reply in parsed for answer in reply])
    )
    parsed.clear()
    responses = [response(number) for number in range(replies)]
    found["responses_table of all at once"] = seconds(lambda: responses_table(responses))
    columns = ResponseColumns()

    def keep() -> None:
        for one in responses:
            columns.add(one)

    found["kept while answers arrive: in all"] = seconds(keep)
    responses.clear()
    found["kept while answers arrive: at the end"] = seconds(columns.table)
    found["Run.responses(), from its journal"] = seconds(run.responses)
    found["Run.table(), from its journal"] = seconds(run.table)
    return found


def main() -> None:
    """Print the table and the ratios."""
    answers = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        run = journal_of(Path(folder) / "run.sqlite", answers // 2)
        for counted in (False, *[True] * rounds):
            for name, took in one_round(answers // 2, run).items():
                if counted:
                    times.setdefault(name, []).append(took)
    print(f"{answers:,} answers, {rounds} rounds, Python {sys.version.split()[0]}, pandas {pd.__version__}")
    print(f"{'way':<40}{'median s':>10}{'least':>8}{'most':>8}", end="")
    bases = {"parsed": "json_normalize, replies parsed", "not parsed": "json.loads and json_normalize"}
    print(*(f"{f'times {base}':>23}" for base in bases))
    for name, found in times.items():
        print(f"{name:<40}{statistics.median(found):10.2f}{min(found):8.2f}{max(found):8.2f}", end="")
        for base in bases.values():
            ratios = [one / other for one, other in zip(times[base], found, strict=True)]
            spread = f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
            print(f"{spread:>24}", end="")
        print()


if __name__ == "__main__":
    main()
