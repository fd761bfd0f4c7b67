"""What a cluster brings, on this machine: ``python tests/bench/cluster.py [throughput] [rate] [large]``.

throughput  a server that waits 50 ms, 16 in flight for each worker: cases a second by workers, and what
            each part takes of a core
rate        50 a second given, a server that allows 50: what arrives, over 60 seconds and 4 workers
large       the driving process's memory at 20,000 and at 200,000 cases, Parquet parts and a heatmap of them

Server, driving process, scheduler and workers share the machine's cores: the load average says who else does.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CANNED = Path(__file__).with_name("canned.py")
ACCOUNT = "12345678"


class Server:
    """``canned.py`` in a process of its own."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, str(CANNED), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def stop(self) -> dict[str, object]:
        """End it, and return what it has counted."""
        self.process.terminate()
        told, _ = self.process.communicate()
        return json.loads(told)


def client_of(server: Server):
    from lpnb import Client, Settings

    return Client(Settings(ACCOUNT, "client-id", "secret", domain_api=f"http://127.0.0.1:{server.port}"))


def workers(count: int):
    import distributed

    return distributed.LocalCluster(
        n_workers=count,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address="127.0.0.1:0",
        memory_limit=0,
        silence_logs=50,
    )


def cpu_of(pids: dict[str, list[int]]) -> dict[str, float]:
    import psutil

    return {
        name: sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in several)
        for name, several in pids.items()
    }


def throughput(sizes: tuple[int, ...], rounds: int) -> None:
    """Cases a second, by how many workers there are."""
    from lpnb import run_experiment

    base = None
    for count in sizes:
        found, shares = [], {}
        with (
            workers(count) if count else contextlib.nullcontext() as cluster,
            tempfile.TemporaryDirectory() as folder,
        ):
            there = cluster.workers.values() if cluster else ()
            pids = {"workers": [worker.pid for worker in there], "driver": [os.getpid()]}
            for number in range(rounds + 1):
                server = Server("--delay", "50")
                slots = 16 * count or 64
                cases = [{"ctmrinfo.ctype": "vip"}] * (20 * slots * (1 if number == 0 else 5))
                before = cpu_of(pids | {"server": [server.process.pid]})
                with client_of(server) as client:
                    run = run_experiment(
                        client,
                        cases,
                        journal=f"{folder}/{number}.sqlite",
                        cluster=cluster and cluster.scheduler_address,
                        concurrency=16 if count else slots,
                        progress=False,
                    )
                after = cpu_of(pids | {"server": [server.process.pid]})
                served = sorted(server.stop()["served"])
                assert run.progress.answered == len(cases), run
                if number:  # the first one warms up
                    cut = len(served) // 10  # the tenth at either end: filling and emptying
                    span = served[-cut] - served[cut]
                    found.append((len(served) - 2 * cut) / span)
                    whole = served[-1] - served[0]
                    shares = {name: (after[name] - before[name]) / whole for name in after}
        rate = statistics.median(found)
        base = base or rate if count else base
        cores = ", ".join(f"{name} {share:.2f}" for name, share in shares.items())
        spread = f"{min(found):.0f} to {max(found):.0f}"
        ideal = slots / 0.05
        times = f"{rate / base:.2f} x one, " if base else ""
        print(
            f"{count} workers, {slots} in flight: {rate:.0f} a second ({spread}), {times}"
            f"{rate / ideal:.0%} of the ideal; cores: {cores}; load {os.getloadavg()[0]:.1f}",
            flush=True,
        )


def rate(seconds: int) -> None:
    """What arrives when 50 a second are asked for and allowed."""
    from lpnb import run_experiment

    server = Server("--delay", "50", "--limit", "50", "--burst", "50")
    with workers(4) as cluster, tempfile.TemporaryDirectory() as folder, client_of(server) as client:
        run = run_experiment(
            client,
            [{}] * (50 * seconds),
            journal=f"{folder}/run.sqlite",
            cluster=cluster.scheduler_address,
            rate=50,
            progress=False,
        )
        counts = run.progress
    told = server.stop()
    served = sorted(told["served"])
    arrived = (len(served) - 1) / (served[-1] - served[0])
    refused = told["refused"]
    print(
        f"{arrived:.2f} a second ({arrived / 50 - 1:+.2%}), {served[-1] - served[0]:.1f} s, 4 workers; "
        f"{refused} of {len(served) + refused} answered 429; {counts}; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def large(count: int) -> None:
    """Run *count* cases in this process and say what its memory was, as JSON."""
    import pandas as pd

    from lpnb import run_experiment

    tiers = pd.Series(["vip", "gold", "silver"]).take([n % 3 for n in range(count)]).array
    campaigns = pd.Series([f"31812379{n % 8}0" for n in range(count)], dtype="str")
    cases = pd.DataFrame({"ctmrinfo.ctype": tiers, "campaignInfo.campaignId": campaigns})
    cases["campaignInfo.engagementId"] = "3181237951"
    # The canned server does not mind, and an IDP call for each case is not what is measured here.
    cases["consumer_id"] = [f"consumer-{number % 64}" for number in range(count)]
    server = Server()
    with workers(2) as cluster, tempfile.TemporaryDirectory() as folder, client_of(server) as client:
        begun = time.perf_counter()
        run = run_experiment(
            client,
            cases,
            journal=f"{folder}/run.sqlite",
            cluster=cluster.scheduler_address,
            concurrency=32,
            progress=False,
        )
        told = {"cases": count, "seconds": round(time.perf_counter() - begun, 1), "run": str(run.progress)}
        told["peak of the run MB"] = peak()
        begun = time.perf_counter()
        parts = run.to_parquet_parts(f"{folder}/parts", rows=10_000)
        told["seconds for the parts"] = round(time.perf_counter() - begun, 1)
        told["files"] = len(list(parts.folder.iterdir()))
        told["peak with the parts MB"] = peak()
        picture = parts.heatmap("ctmrinfo.ctype", "campaignInfo.campaignId", "outcome")
        picture.save(f"{folder}/heatmap.png")
        told["cases in the heatmap"] = picture.grid.total
        told["peak with the heatmap MB"] = peak()
        assert parts.pivot("ctmrinfo.ctype")["answered"].sum() == count
        told["table MB"] = round(int(parts.table().memory_usage(deep=True).sum()) / (1 << 20), 1)
    server.stop()
    print(json.dumps(told), flush=True)


def peak() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def main() -> None:
    """Measure what was asked for; everything when nothing was."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", choices=("throughput", "rate", "large", []))
    parser.add_argument(
        "--workers", default="1,2,4,8", help="sizes for throughput; 0: no cluster, 64 in flight"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=60, help="of rate")
    parser.add_argument("--cases", default="20000,200000", help="sizes for large")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        large(options.one)
        return
    what = options.what or ["throughput", "rate", "large"]
    if "throughput" in what:
        throughput(tuple(map(int, options.workers.split(","))), options.rounds)
    if "rate" in what:
        rate(options.seconds)
    if "large" in what:
        for count in options.cases.split(","):  # each in a process of its own, whose peak is its own
            subprocess.run([sys.executable, __file__, "--one", count], check=True)


if __name__ == "__main__":
    main()
