"""What every test starts from: no settings of the developer's, no waits, a sandbox of its own."""

from __future__ import annotations

import contextlib
import gc
import ipaddress
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import certifi
import hypothesis
import pytest
from forked_workers import forks_of_this_process
from jupyter_kernels import socket_folder
from loopback_proxy import LoopbackProxy
from starlette import routing
from xdist.scheduler import LoadScopeScheduling

from lpnb import Client, Sandbox, Settings
from lpnb.client import connect
from lpnb.sandbox import sandbox as sandbox_module
from lpnb.sandbox import tokens
from lpnb.sandbox.http.tls import Authority

# jsonschema checks IRIs where this package is installed. Its import builds 38 parsers, which takes 3 s of
# every worker and of every program with nbformat, and no schema here has an IRI.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
_QUICK_START = str(Path(__file__).with_name("servers") / "quick_start")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (_QUICK_START, os.environ.get("PYTHONPATH"))))

# What a route's path means is found out once, and not for each sandbox.
routing.compile_path = cache(routing.compile_path)

_make_context = ssl.create_default_context


@cache
def _public_authorities() -> ssl.SSLContext:
    return _make_context(cafile=certifi.where())


def _context(*arguments: Any, **named: Any) -> ssl.SSLContext:
    """What httpx makes for each client, made once: that takes ten times as long as a sandbox's whole life."""
    if not arguments and named == {"cafile": certifi.where()}:
        return _public_authorities()
    return _make_context(*arguments, **named)


ssl.create_default_context = _context

# The same examples each time and no deadline: a test fails for what it tests, on a busy machine too.
# More of them: pytest --drills. New ones: pytest --hypothesis-profile=explore.
hypothesis.settings.register_profile("same", deadline=None, derandomize=True, max_examples=25)
hypothesis.settings.register_profile("drills", deadline=None, derandomize=True, max_examples=400)
hypothesis.settings.register_profile("explore", deadline=None)

# Servers that say what a test wants, and either client behind one face.
pytest_plugins = ["scripted_services"]

#: Addresses outside this machine that something in this process has tried to reach.
_OUTSIDE: list[str] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    """Refuse every connection that would leave this machine, and note it: refusals may be caught."""
    if event != "socket.connect" or not isinstance(arguments[1], tuple):
        return
    host = str(arguments[1][0]).partition("%")[0]
    try:
        near = ipaddress.ip_address(host).is_loopback
    except ValueError:
        near = host == "localhost"
    if not near:
        _OUTSIDE.append(host)
        raise ConnectionRefusedError(f"the tests do not leave this machine: {host}")


sys.addaudithook(_watch)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of ours: how often drills repeat themselves."""
    parser.addoption("--drills", action="store_true", help="all rounds of every drill (CONTRIBUTING.md)")


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples property tests have, unless the command line names a profile."""
    hypothesis.settings.load_profile("drills" if config.getoption("--drills") else "same")


#: Folders and files below tests/ whose tests share what is dear to start; the first that fits counts.
ONE_WORKER_EACH = (
    "browser/test_a",  # Chromium, which shows the agent's page and the app's
    "browser/",  # JupyterLab and Chromium
    "experiments/cluster/",  # a process that forks schedulers and workers, and a cluster of each module
    "docs/test_site.py",  # the site
    "notebooks/test_runs_in_a_kernel.py",  # a kernel
    "project/test_packaging.py",  # the wheel and the source archive
    "snippets/test_running.py",  # a sandbox
)


class SharingTestsTogether(LoadScopeScheduling):
    """Gives tests that share something to one worker, larger groups first, then all cases of a test to the
    next; pages and notebooks, which take long, are given one by one.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0].removeprefix("tests/")
        alone = nodeid if path.startswith(("docs/", "notebooks/")) else nodeid.partition("[")[0]
        return next((shared for shared in ONE_WORKER_EACH if path.startswith(shared)), alone)

    def _pending_of(self, workload: dict[str, dict[str, bool]]) -> int:
        """Count what a worker still has to do, without what it has done: that is asked after every report."""
        for scope in [scope for scope, tests in workload.items() if all(tests.values())]:
            del workload[scope]
        return super()._pending_of(workload)


#: Folders and files whose tests find the same whichever Python runs them: they read files of the repository,
#: build what is published, draw, follow pages, notebooks and examples whose parts have tests that run on each
#: Python, learn rules by arithmetic, or hold the sandbox against its own document and the guide, request by
#: request.
ONE_PYTHON = (
    "docs/",
    "experiments/learning/",
    "experiments/test_report.py",
    "notebooks/test_notebooks.py",
    "plots/",
    "project/test_packaging.py",
    "project/test_project_files.py",
    "sandbox/test_sandbox_every_route.py",
    "sandbox/test_sandbox_fuzz.py",
    "sandbox/test_sandbox_history",
    "sandbox/test_sandbox_openapi.py",
    "test_docstrings.py",
    "test_imports.py",
)


def pytest_sessionstart() -> None:
    """Collect thousands of tests without looking through them for garbage again and again ..."""
    gc.disable()


def pytest_collection_finish() -> None:
    """... and let no test's own collection look through them either."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)  # a test that is about garbage collects it itself


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `.ci/run` has one Python do."""
    for item in items:
        if item.nodeid.removeprefix("tests/").startswith(ONE_PYTHON):
            item.add_marker(pytest.mark.one_python)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharingTestsTogether:
    """Decide which worker runs a test by where it stands: pytest 9.2 has no place for xdist's own groups."""
    return SharingTestsTogether(config, log)


@pytest.fixture(scope="session")
def drills(request: pytest.FixtureRequest) -> bool:
    """Whether drills run for all their rounds, and not for one honest round as every day."""
    return bool(request.config.getoption("--drills"))


#: The folder that tests without one of their own run in, as long as none leaves anything there.
_EMPTY: list[Path] = []
#: RSA keys that sandboxes have signed with, and those that this test has taken.
_KEYS: list[object] = []
_TAKEN: list[object] = []
_KEY_LOCK = threading.Lock()
_RUNNING = sandbox_module.RUNNING
_make_key = tokens._new_key


def _take_key() -> object:
    """A key of an earlier test: to make one takes longer than all the rest of a test.

    Within a test each sandbox has a key of its own, as ever, and none has that of one that runs for several.
    """
    with _KEY_LOCK:
        sandboxes = [sandbox for weak in _RUNNING.valuerefs() if (sandbox := weak()) is not None]
        keyrings = [sandbox._keyring for sandbox in sandboxes if sandbox._keyring is not None]
        held = {id(key) for key in (*_TAKEN, *(keyring._key_pair for keyring in keyrings))}
        key = next((key for key in _KEYS if id(key) not in held), None)
        if key is None:
            key = _make_key()
            _KEYS.append(key)
        _TAKEN.append(key)
        return key


tokens._new_key = _take_key


@pytest.fixture(autouse=True)
def hermetic(
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Run where there is no ``.env``, nothing of the developer's environment names an account, and nothing is
    left of another test; fail a test that tried to connect to anything but loopback.

    One fixture, since each takes as long as a small test.
    """
    _OUTSIDE.clear()
    _TAKEN.clear()
    network = (
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
    )
    for name in [name for name in os.environ if name.startswith("LP_") or name.upper() in network]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(connect, "_sandbox", None)  # the consumers on the sandbox that ``connect()`` shares
    if "tmp_path" in request.fixturenames:
        monkeypatch.chdir(request.getfixturevalue("tmp_path"))
    else:
        if not _EMPTY or any(_EMPTY[-1].iterdir()):  # to make a folder takes as long as a small test
            _EMPTY.append(tmp_path_factory.mktemp("empty"))
        monkeypatch.chdir(_EMPTY[-1])
    yield
    if connect._sandbox is not None:
        connect._sandbox.stop()
    assert _OUTSIDE == []


@contextlib.contextmanager
def _running_fork_server() -> Iterator[dict[str, str]]:
    """The environment in which a program is a fork of one that has imported pandas and its like."""
    if not hasattr(os, "pidfd_open"):  # only Linux has it; elsewhere each program imports for itself
        yield {}
        return
    address = str(socket_folder() / "forks")
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("servers") / "fork_server.py"), address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        yield {"LPNB_FORK_SERVER": address}
        server.communicate()


#: In the environment of the workers of one run: the fork server that all of them share, as JSON.
_SHARED_FORK_SERVER = "LPNB_TESTS_FORK_SERVER"


def pytest_xdist_setupnodes(config: pytest.Config, specs: list[Any]) -> None:
    """Start one fork server for all workers, and fork the workers themselves: what each would import takes
    six seconds.
    """
    running = contextlib.ExitStack()
    os.environ[_SHARED_FORK_SERVER] = json.dumps(running.enter_context(_running_fork_server()))
    if hasattr(os, "pidfd_open"):
        python = running.enter_context(forks_of_this_process(socket_folder() / "workers", config))
        for spec in specs:
            spec.python = python
    config.add_cleanup(running.close)


@pytest.fixture(scope="session")
def fork_server() -> Iterator[dict[str, str]]:
    """What kernels and commands are started with so that they need not import pandas and its like anew."""
    if _SHARED_FORK_SERVER in os.environ:
        yield json.loads(os.environ[_SHARED_FORK_SERVER])
        return
    with _running_fork_server() as environment:
        yield environment


@pytest.fixture
def forked_programs(fork_server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the kernels and commands of a test as forks: it is not about how they start."""
    for name, value in fork_server.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A running sandbox."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def settings(sandbox: Sandbox) -> Settings:
    """Settings that point at the running sandbox."""
    return Settings.of(sandbox.environment())


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    """A client of the running sandbox that never waits."""
    with Client(settings, wait_scale=0.0) as connected:
        yield connected


@pytest.fixture(scope="session")
def tls_sandbox() -> Iterator[Sandbox]:
    """A sandbox over TLS that names LivePerson's hosts to whoever came by one of them."""
    context_of = Authority.context

    def without_tickets(authority: Authority) -> ssl.SSLContext:
        context = context_of(authority)
        context.num_tickets = 0  # or a ticket may come after the request, and a proxy take it for the reply
        return context

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Authority, "context", without_tickets)
        with Sandbox(tls=True) as running:
            yield running


@pytest.fixture
def proxy(tls_sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[LoopbackProxy]:
    """A company's proxy, behind which that sandbox plays LivePerson; it may ask for a user and a password."""
    tls_sandbox.reset()
    running = LoopbackProxy(tls_sandbox.port, *getattr(request, "param", ()))
    yield running
    running.close()


@pytest.fixture
def real_account(tls_sandbox: Sandbox, proxy: LoopbackProxy, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a *real* account: LivePerson's own names over https, through the proxy.

    The operating system's authorities, which each connection loads, take longer than the rest of a test.
    """
    monkeypatch.setattr(ssl.SSLContext, "set_default_verify_paths", lambda _: None)
    environment = {**tls_sandbox.environment(), "LP_DOMAIN_API": "https://api.liveperson.net"}
    return Settings.of({**environment, "LP_PROXY": proxy.address, "LP_CA_FILE": str(tls_sandbox.ca)})
