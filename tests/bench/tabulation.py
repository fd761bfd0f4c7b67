"""What a table of a million answers costs, beside ``pandas.json_normalize`` on the same replies.

Run it from the checkout: ``python tests/bench/tabulation.py [answers] [rounds]``. The ways take turns; it
prints medians and ratios. Each way makes one row per reqId; those of lpnb have eleven columns,
json_normalize's four.
"""

from __future__ import annotations

import datetime
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable

import pandas as pd

from lpnb.responses import BatchResponse, Pair
from lpnb.tables import ResponseColumns, responses_table

NOW = datetime.datetime.now(datetime.UTC)


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
    pairs = (
        Pair(f"{number}-1", "userprofile.SetUserProfile", True, "OK", "OK User Profile set successfully"),
        Pair(
            f"{number}-2",
            "cm.ConsumerRequestConversation",
            True,
            "OK",
            None,
            f"8f14e45f-ceea-467f-a0e6-{number:012d}",
        ),
    )
    return BatchResponse(f"consumer-{number}", "answered", pairs, "", 200, 1, 1.5 + number % 7, NOW)


def seconds(work: Callable[[], object]) -> float:
    """How long *work* takes, with no rubbish of others to clear away."""
    gc.collect()
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def one_round(replies: int) -> dict[str, float]:
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
    return found


def main() -> None:
    """Print the table and the ratios."""
    answers = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, took in one_round(answers // 2).items():
            times.setdefault(name, []).append(took)
    base = "json_normalize, replies parsed"
    print(f"{answers:,} answers, {rounds} rounds, Python {sys.version.split()[0]}, pandas {pd.__version__}")
    print(f"{'way':<40}{'median s':>10}{'least':>8}{'most':>8}{'times faster':>14}")
    for name, found in times.items():
        ratio = statistics.median(one / other for one, other in zip(times[base], found, strict=True))
        print(f"{name:<40}{statistics.median(found):10.2f}{min(found):8.2f}{max(found):8.2f}{ratio:14.1f}")


if __name__ == "__main__":
    main()
