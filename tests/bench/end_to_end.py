"""What sending costs from the first payload to the finished table, beside loops that only send.

One command prints one table: ``python tests/bench/end_to_end.py``. Every variant calls the same canned server
(``canned.py``, in a process and on a core of its own) from a process of its own; each round runs all of them
once, in another order, and the table gives medians, the spread, and the ratio to bare httpx, taken round by
round. What is timed begins after imports, 200 calls that do not count, and the token chain.

    lpnb             run_experiment from a list of dicts to run.table(), with its journal
    lpnb, fresh      the same for consumers that are new, as is the default: an IDP call for each case
    lpnb, no journal what the journal costs: the same with its writing left out, and without the table
    lpnb, journal    its counterpart, without the table
    lpnb, client     AsyncClient from workers, then responses_table
    httpx            one AsyncClient, gather under a semaphore, post(json=), .json(); sniffio is there
    aiohttp          the same with one ClientSession
    requests         a thread for each call in flight, a Session for each thread
    newman           the same rows as a collection's data file (npm; by --newman FOLDER or from the PATH)

``--storm`` measures the pace: 50 calls a second allowed, no Retry-After. ``--memory`` the peaks of runs of
10,000 and of 100,000 cases. ``--rows`` CPU per row beside newman, both writing every response to disk.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any

ACCOUNT = "12345678"
PATH = f"/api/account/{ACCOUNT}/messaging/consumer/conversation?v=3"
WARM_UP = 200
VARIANTS = (
    "lpnb",
    "lpnb, fresh",
    "lpnb, journal",
    "lpnb, no journal",
    "lpnb, client",
    "httpx",
    "aiohttp",
    "requests",
    "newman",
)
TIERS = ("vip", "gold", "silver", "bronze")


def rows(count: int, consumers: bool) -> list[dict[str, object]]:
    """Cases as a user has them."""
    found: list[dict[str, object]] = [
        {
            "ctmrinfo.ctype": TIERS[number % 4],
            "ctmrinfo.customerId": f"{number:06d}",
            "personal.firstname": "Ann",
            "personal.lastname": f"Example {number}",
            "campaignInfo.campaignId": "3181237950",
            "campaignInfo.engagementId": "3181237951",
            "conversationContext.lang": "en-US",
        }
        for number in range(count)
    ]
    for number, row in enumerate(found):
        if consumers:
            row["consumer_id"] = f"consumer-{number}"
    return found


def frames(number: int) -> list[dict[str, Any]]:
    """What the bare loops send: the same two frames."""
    info = {"ctype": TIERS[number % 4], "customerId": f"{number:06d}"}
    sdes = [
        {"type": "ctmrinfo", "info": info},
        {"type": "personal", "personal": {"firstname": "Ann", "lastname": f"Example {number}"}},
    ]
    return [
        {
            "kind": "req",
            "id": str(uuid.uuid4()),
            "type": "userprofile.SetUserProfile",
            "body": {"authenticatedData": {"lp_sdes": sdes}},
        },
        {
            "kind": "req",
            "id": str(uuid.uuid4()),
            "type": "cm.ConsumerRequestConversation",
            "body": {
                "brandId": ACCOUNT,
                "channelType": "MESSAGING",
                "campaignInfo": {"campaignId": "3181237950", "engagementId": "3181237951"},
                "conversationContext": {"type": "SharkContext", "lang": "en-US"},
            },
        },
    ]


def tokens() -> dict[str, str]:
    """The two headers that every call carries."""
    sys.path.insert(0, str(Path(__file__).parent))
    from canned import jwt

    return {"Authorization": jwt(aud=ACCOUNT), "X-LP-ON-BEHALF": jwt(lp_consumer_id="c" * 48)}


# The variants. Each returns (seconds, CPU seconds, answered).


def measured(work: Any) -> tuple[float, float, int]:
    """Time *work*, which returns how many calls were answered."""
    begun, cpu = time.perf_counter(), time.process_time()
    answered = work()
    return time.perf_counter() - begun, time.process_time() - cpu, answered


def by_lpnb(options: argparse.Namespace) -> tuple[float, float, int]:
    from lpnb import Client, Settings, run_experiment
    from lpnb.journal import Journal

    settings = Settings(ACCOUNT, "id", "secret", domain_api=f"http://127.0.0.1:{options.port}")
    kind = options.child
    table = kind in ("lpnb", "lpnb, fresh")
    if kind == "lpnb, no journal":

        def at_once(self: object, *_: object) -> asyncio.Future[None]:
            done = asyncio.get_running_loop().create_future()
            done.set_result(None)
            return done

        def soon(self: object, number: int, nth: int, answer: object, told: Any) -> None:
            told.get_loop().call_soon(told.set_result, None)

        Journal.attempt = at_once  # type: ignore[method-assign]
        Journal.answer = soon  # type: ignore[method-assign]
        Journal.note = lambda self, *_: None  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder, Client(settings) as client:

        def run(name: str, cases: list[dict[str, object]]) -> int:
            run = run_experiment(
                client,
                cases,
                journal=Path(folder, f"{name}.sqlite"),
                concurrency=options.at_once,
                progress=False,
            )
            if table:
                return int((run.table()["outcome"] == "answered").sum())
            return run.progress.answered

        # Known consumers cost one call a case, as in the bare loops.
        run("warm-up", rows(WARM_UP if kind == "lpnb, fresh" else options.calls, kind != "lpnb, fresh"))
        cases = rows(options.calls, kind != "lpnb, fresh")
        return measured(lambda: run("measured", cases))


def by_client(options: argparse.Namespace) -> tuple[float, float, int]:
    from lpnb import AsyncClient, Settings, responses_table
    from lpnb._internal import event_loop
    from lpnb.experiments.cases.cases import cases_of

    settings = Settings(ACCOUNT, "id", "secret", domain_api=f"http://127.0.0.1:{options.port}")
    client = AsyncClient(settings)

    async def send(given: list[dict[str, object]]) -> int:
        cases = cases_of(given)
        numbers = iter(range(len(cases)))
        found = []

        async def worker() -> None:
            for number in numbers:
                case = cases[number]
                found.append(await client.engine.send(case.batch(), str(case.consumer_id)))

        await asyncio.gather(*(worker() for _ in range(options.at_once)))
        return int(responses_table(found)["ok"].sum() / 2)

    event_loop.wait(send(rows(options.calls, True)))
    cases = rows(options.calls, True)
    found = measured(lambda: event_loop.wait(send(cases)))
    event_loop.wait(client.engine.aclose())
    return found


def by_httpx(options: argparse.Namespace) -> tuple[float, float, int]:
    import httpx
    import sniffio  # noqa: F401 - without it httpx repeats a failing import on every lock

    async def main() -> tuple[float, float, int]:
        headers = tokens()
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
            at_once = asyncio.Semaphore(options.at_once)
            url = f"http://127.0.0.1:{options.port}{PATH}"

            async def one(number: int) -> object:
                async with at_once:
                    return (await client.post(url, json=frames(number), headers=headers)).json()

            await asyncio.gather(*(one(number) for number in range(WARM_UP)))
            begun, cpu = time.perf_counter(), time.process_time()
            found = await asyncio.gather(*(one(number) for number in range(options.calls)))
            return time.perf_counter() - begun, time.process_time() - cpu, len(found)

    return asyncio.run(main())


def by_aiohttp(options: argparse.Namespace) -> tuple[float, float, int]:
    import aiohttp

    async def main() -> tuple[float, float, int]:
        headers = tokens()
        async with aiohttp.ClientSession() as client:
            at_once = asyncio.Semaphore(options.at_once)
            url = f"http://127.0.0.1:{options.port}{PATH}"

            async def one(number: int) -> object:
                async with at_once, client.post(url, json=frames(number), headers=headers) as reply:
                    return await reply.json()

            await asyncio.gather(*(one(number) for number in range(WARM_UP)))
            begun, cpu = time.perf_counter(), time.process_time()
            found = await asyncio.gather(*(one(number) for number in range(options.calls)))
            return time.perf_counter() - begun, time.process_time() - cpu, len(found)

    return asyncio.run(main())


def by_requests(options: argparse.Namespace) -> tuple[float, float, int]:
    import requests

    headers, own = tokens(), threading.local()
    url = f"http://127.0.0.1:{options.port}{PATH}"

    def one(number: int) -> object:
        if not hasattr(own, "session"):
            own.session = requests.Session()
            own.session.trust_env = False
        return own.session.post(url, json=frames(number), headers=headers, timeout=60).json()

    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        list(pool.map(one, range(WARM_UP)))
        return measured(lambda: len(list(pool.map(one, range(options.calls)))))


def newman_of(folder: str | None) -> str | None:
    """Where newman is, or None."""
    for place in filter(
        None, (folder, folder and f"{folder}/node_modules/.bin", folder and f"{folder}/.bin")
    ):
        if Path(place, "newman").exists():
            return str(Path(place, "newman"))
    return shutil.which("newman")


def by_newman(options: argparse.Namespace) -> tuple[float, float, int]:
    """The whole process, start-up too; one call at a time, as newman does."""
    body = json.dumps(frames(0)).replace("vip", "{{ctype}}").replace("000000", "{{customer}}")
    for frame in frames(0):
        body = body.replace(frame["id"], "{{$guid}}")
    body = json.dumps(
        [{**frame, "id": "{{$guid}}"} for frame in json.loads(body)]  # one id a frame, made by newman
    )
    head = [{"key": key, "value": value} for key, value in tokens().items()]
    head.append({"key": "Content-Type", "value": "application/json"})
    request = {"method": "POST", "header": head, "body": {"mode": "raw", "raw": body}}
    request["url"] = f"http://127.0.0.1:{options.port}{PATH}"
    test = {"listen": "test", "script": {"exec": ["pm.test('ok', () => pm.response.to.have.status(200));"]}}
    schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    item = {"name": "send", "request": request, "event": [test]}
    collection = {"info": {"name": "bench", "schema": schema}, "item": [item]}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "c.json").write_text(json.dumps(collection))
        data = [{"ctype": TIERS[n % 4], "customer": f"{n:06d}"} for n in range(options.calls)]
        Path(folder, "d.json").write_text(json.dumps(data))
        command = [str(options.newman), "run", f"{folder}/c.json", "-d", f"{folder}/d.json"]
        command += ["-r", "json", "--reporter-json-export", f"{folder}/out.json"]
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took = time.perf_counter() - begun
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        said = json.loads(Path(folder, "out.json").read_text())
    answered = sum(made["response"]["code"] == 200 for made in said["run"]["executions"])
    return took, used.ru_utime + used.ru_stime, answered


def child(options: argparse.Namespace) -> None:
    """Run one variant and print what it took."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    kinds = {"httpx": by_httpx, "aiohttp": by_aiohttp, "requests": by_requests, "newman": by_newman}
    kinds |= {"lpnb, client": by_client, "lpnb, storm": by_storm, "lpnb, memory": by_memory}
    seconds, cpu, answered = kinds.get(options.child, by_lpnb)(options)
    if answered != options.calls:
        raise SystemExit(f"{options.child}: {answered} of {options.calls} calls were answered")
    whole = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    print(json.dumps({"seconds": seconds, "cpu": cpu, "whole": whole}))


class Server:
    """``canned.py`` in another process."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, str(Path(__file__).with_name("canned.py")), *arguments]
        command += ["--core", "0"] if (os.cpu_count() or 1) > 1 else []
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def stop(self) -> dict[str, Any]:
        """End it and return what it counted."""
        self.process.terminate()
        told = self.process.communicate(timeout=10)[0]
        return dict(json.loads(told))


def one(variant: str, port: int, calls: int, at_once: int, newman: str | None) -> dict[str, float]:
    """Run a variant in a process of its own."""
    command = [sys.executable, __file__, "--child", variant, "--port", str(port)]
    command += ["--calls", str(calls), "--at-once", str(at_once)]
    command += ["--newman", newman] if newman else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=600)
    if done.returncode:
        raise SystemExit(f"{variant} failed")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(options: argparse.Namespace, delay: float, at_once: int) -> None:
    """All variants against one server, round by round, and their table."""
    newman = newman_of(options.newman)
    wanted = [variant for variant in VARIANTS if not options.only or variant in options.only]
    if "newman" in wanted and newman is None:
        print("newman is skipped: it is neither on the PATH nor in the folder that --newman names")
        wanted.remove("newman")
    found: dict[str, list[dict[str, float]]] = {variant: [] for variant in wanted}
    server = Server("--delay", str(delay))
    for _ in range(options.rounds):
        for variant in random.sample(wanted, len(wanted)):
            calls = options.calls
            if variant == "newman":
                calls = min(calls, 500)
            elif variant == "httpx" or at_once == 1:
                calls = min(calls, 1_000 if delay else 2_000)
            made = one(variant, server.port, calls, at_once, newman)
            found[variant].append({"rate": calls / made["seconds"], "cpu": 1e6 * made["cpu"] / calls})
    server.stop()
    when = f"after {delay:g} ms" if delay else "at once"
    print(f"\n{at_once} in flight, server answers {when}, {options.rounds} rounds of {options.calls:,} calls")
    print(f"{'':18}{'calls/s':>9}{'from':>9}{'to':>9}{'x httpx':>9}{'CPU us':>9}{'x httpx':>9}{'ideal':>8}")
    for variant in wanted:
        rates = [made["rate"] for made in found[variant]]
        cpus = [made["cpu"] for made in found[variant]]
        times = cheaper = 0.0
        if "httpx" in found:
            base = found["httpx"]
            times = statistics.median(
                a["rate"] / b["rate"] for a, b in zip(found[variant], base, strict=True)
            )
            cheaper = statistics.median(
                b["cpu"] / a["cpu"] for a, b in zip(found[variant], base, strict=True)
            )
        ideal = f"{statistics.median(rates) * delay / 1000 / at_once:8.2f}" if delay else ""
        print(
            f"{variant:18}{statistics.median(rates):9,.0f}{min(rates):9,.0f}{max(rates):9,.0f}{times:9.2f}"
            f"{statistics.median(cpus):9,.0f}{cheaper:9.2f}{ideal}",
            flush=True,
        )
    for ours, other in (("lpnb", "aiohttp"), ("lpnb", "requests"), ("lpnb, journal", "lpnb, no journal")):
        if ours in found and other in found:
            pairs = zip(found[ours], found[other], strict=True)
            print(f"{ours} / {other}: {statistics.median(a['rate'] / b['rate'] for a, b in pairs):.2f}")


def storm(options: argparse.Namespace) -> None:
    """A limit nobody told us of."""
    for burst in (10, 50):
        server = Server("--limit", "50", "--burst", str(burst), "--delay", "20")
        one("lpnb, storm", server.port, options.calls, options.at_once[-1], None)
        told = server.stop()
        served = told["served"]
        begun, end = served[0], served[-1]
        late = [at for at in served if begun + 5 <= at < end - 1]
        share = len(late) / (end - begun - 6) / 50
        calls = len(served) + told["refused"]
        print(
            f"50/s allowed, bucket of {burst}, {options.at_once[-1]} in flight, {options.calls:,} cases: "
            f"{len(served):,} answered in {end - begun:.1f} s, after 5 s {100 * share:.1f} % of the ideal, "
            f"{told['refused']} calls ({100 * told['refused'] / calls:.2f} %) got 429",
            flush=True,
        )


def by_storm(options: argparse.Namespace) -> tuple[float, float, int]:
    from lpnb import Client, Settings, run_experiment

    settings = Settings(ACCOUNT, "id", "secret", domain_api=f"http://127.0.0.1:{options.port}")
    with tempfile.TemporaryDirectory() as folder, Client(settings) as client:

        def run() -> int:
            path = Path(folder, "storm.sqlite")
            cases = rows(options.calls, False)
            run = run_experiment(client, cases, journal=path, concurrency=options.at_once, progress=False)
            return run.progress.answered

        return measured(run)


def by_memory(options: argparse.Namespace) -> tuple[float, float, int]:
    """A run from columns, and what it weighed; printed on the line before."""
    import pandas as pd

    from lpnb import Client, Settings, run_experiment

    settings = Settings(ACCOUNT, "id", "secret", domain_api=f"http://127.0.0.1:{options.port}")
    cases = pd.DataFrame(rows(options.calls, False))
    with tempfile.TemporaryDirectory() as folder, Client(settings) as client:
        run_experiment(client, cases[:100], journal=Path(folder, "w.sqlite"), progress=False).table()
        path = Path(folder, "m.sqlite")
        run = run_experiment(client, cases, journal=path, concurrency=64, progress=False)
        sending = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        table = run.table()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        own = table.memory_usage(deep=True).sum() / 2**20 + cases.memory_usage(deep=True).sum() / 2**20
        print(json.dumps({"sending": sending, "peak": peak, "own": own}))
        return 1.0, 1.0, int((table["outcome"] == "answered").sum())


def memory() -> None:
    """Peaks of two sizes of runs."""
    peaks = {}
    for calls in (10_000, 100_000):
        server = Server()
        command = [sys.executable, __file__, "--child", "lpnb, memory", "--port", str(server.port)]
        command += ["--calls", str(calls)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=1200)
        server.stop()
        said = peaks[calls] = json.loads(done.stdout.splitlines()[-2])
        print(
            f"{calls:,} cases: {said['sending']:.0f} MB at the end of sending, {said['peak']:.0f} MB with "
            f"the table; cases and table themselves {said['own']:.0f} MB",
            flush=True,
        )
    small, large = peaks[10_000], peaks[100_000]
    net = (large["peak"] - large["own"]) / (small["peak"] - small["own"])
    print(f"peak at 100,000 less its table and cases, over that at 10,000: {net:.2f}")


def by_rows(options: argparse.Namespace) -> None:
    """CPU per row beside newman, both writing every response to disk."""
    newman = newman_of(options.newman)
    if newman is None:
        print("newman is skipped: it is neither on the PATH nor in the folder that --newman names")
        return
    server = Server()
    ratios, net = [], []
    for _ in range(options.rounds):
        ours = one("lpnb", server.port, 1_000, 64, None)
        whole = one("lpnb, storm", server.port, 1_000, 64, None)["whole"]
        theirs = one("newman", server.port, 1_000, 1, newman)["cpu"]
        ratios.append(theirs / whole)
        net.append(theirs / ours["cpu"])
    server.stop()
    print(
        f"rows per CPU second over newman's, 1,000 rows: {statistics.median(net):.1f} from the first case on,"
    )
    print(f"{statistics.median(ratios):.1f} for whole processes, imports and token chain included")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--delay", type=float, nargs="+", default=[0.0, 20.0], help="milliseconds")
    parser.add_argument("--only", nargs="+", choices=VARIANTS)
    parser.add_argument("--newman", metavar="FOLDER", help="where npm installed newman")
    parser.add_argument("--storm", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--rows", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        options.at_once = options.at_once[0]
        child(options)
    elif options.storm:
        storm(options)
    elif options.memory:
        memory()
    elif options.rows:
        by_rows(options)
    else:
        for delay in options.delay:
            for at_once in options.at_once:
                compare(options, delay, at_once)


if __name__ == "__main__":
    main()
