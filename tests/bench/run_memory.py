"""How much memory a run takes as its cases grow: ``python tests/bench/run_memory.py [SMALL LARGE]``.

Each size runs in a process of its own. A transport answers in place of a service, so that nothing but the run
is measured: cases, journal and the per-case table at the end. The goal: the peak of the large run is at most
1.3 times that of the small one plus the table itself.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

ACCOUNT = "12345678"
APP_JWT = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiIxMjM0NTY3OCJ9.QXBwSldULWNhbmFyeQ"
CONSUMER_JWS = "eyJhbGciOiJSUzI1NiJ9.eyJhY2NvdW50X2lkIjoiMTIzNDU2NzgifQ.SldTLWNhbmFyeQ"


def measure(count: int) -> None:
    """Run *count* cases in this process and print what it took, as JSON."""
    import pandas as pd

    from lpnb import Client, Settings, run_experiment
    from lpnb.transport.protocol import Exchange

    numbers = itertools.count()

    class Answers:
        async def exchange(self, request, probe):
            probe.started = True
            path = request.url.path
            if path.endswith("baseURI.json"):
                services = ("asyncMessagingEnt", "sentinel", "idp")
                rows = [{"service": s, "account": ACCOUNT, "baseURI": "127.0.0.1:9"} for s in services]
                return Exchange(200, json.dumps({"baseURIs": rows}).encode())
            if path.endswith("/app/token"):
                return Exchange(200, json.dumps({"access_token": APP_JWT}).encode())
            if path.endswith("/consumer"):
                return Exchange(201, json.dumps({"token": CONSUMER_JWS}).encode())
            first, second = (frame["id"] for frame in json.loads(request.content))
            opened = {"conversationId": f"{next(numbers):08d}-0000-4000-8000-000000000000"}
            done = {"msg": "OK User Profile set successfully"}
            reply = [
                {"code": "OK", "body": done, "reqId": first},
                {"code": "OK", "body": opened, "reqId": second},
            ]
            return Exchange(200, json.dumps(reply).encode(), elapsed_ms=1.0)

        async def aclose(self):
            pass

    tiers = pd.Series(["vip", "gold", "silver"]).take([n % 3 for n in range(count)]).array
    names = pd.Series([f"Consumer {n}" for n in range(count)], dtype="str")
    cases = pd.DataFrame({"ctmrinfo.ctype": tiers, "personal.firstname": names})
    settings = Settings(ACCOUNT, "client-id", "secret", domain_api="http://127.0.0.1:9")
    with tempfile.TemporaryDirectory() as folder, Client(settings, transport=Answers()) as client:
        begun = time.perf_counter()
        run = run_experiment(client, cases, journal=f"{folder}/run.sqlite", concurrency=64, progress=False)
        seconds = time.perf_counter() - begun
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        table = run.table()
        assert (table["outcome"] == "answered").all()
        told = {
            "cases": count,
            "seconds": round(seconds, 1),
            "peak of the run MB": round(before / 1024, 1),
            "peak with the table MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            "table MB": round(int(table.memory_usage(deep=True).sum()) / (1 << 20), 1),
            "journal MB": round(os.path.getsize(f"{folder}/run.sqlite") / (1 << 20), 1),
        }
    print(json.dumps(told))


def main(small: int = 10_000, large: int = 100_000) -> None:
    """Measure both sizes and hold them against the goal."""
    told = []
    for count in (small, large):
        done = subprocess.run(
            [sys.executable, __file__, "--one", str(count)], capture_output=True, text=True, check=True
        )
        told.append(json.loads(done.stdout.splitlines()[-1]))
        print(told[-1])
    peak = "peak with the table MB"
    allowed = 1.3 * told[0][peak] + told[1]["table MB"]
    print(f"{told[1][peak]:.0f} MB at {large:,} cases; {allowed:.0f} MB allowed")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        measure(int(sys.argv[2]))
    else:
        main(*map(int, sys.argv[1:]))
