"""Planted secrets: through the whole chain and its failures, none is found anywhere but on the wire."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import logging
import pickle
import re
import sqlite3
import sys
import traceback
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

import lpnb
from lpnb import (
    Client,
    LpnbError,
    NotSentError,
    Receiver,
    Sandbox,
    Settings,
    SettingsError,
    connect,
    responses_table,
)
from lpnb.cli.main import main

SECRET = "canary/se+cret 7f3a&hush=é"
APP = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiIxMjM0NTY3OCJ9.Y2FuYXJ5LWFwcC1qd3Q"
JWS = "eyJhbGciOiJSUzI1NiJ9.eyJleHRfY29uc3VtZXJfaWQiOiJhbm5hIn0.Y2FuYXJ5LWNvbnN1bWVyLWp3cw"


def forms_of(value: str) -> set[str]:
    """How a value may be spelled by whoever writes it down."""
    raw = value.encode()
    forms = {value, quote(value), quote(value, safe=""), quote_plus(value), raw.hex(), repr(value)[1:-1]}
    forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    for shift in range(3):  # base64 of a longer text holds one of three spellings of its middle
        coded = base64.b64encode(b"x" * shift + raw).decode().rstrip("=")
        forms |= {coded[4:-4], coded[4:-4].replace("+", "-").replace("/", "_")}
    return {form for form in forms if len(form) > 8}


FORBIDDEN = {
    form: name
    for name, value in {"the secret": SECRET, "the AppJWT": APP, "the ConsumerJWS": JWS}.items()
    for form in forms_of(value)
}


def found_in(text: str) -> list[str]:
    return sorted({name for form, name in FORBIDDEN.items() if form in text})


@pytest.mark.parametrize(
    ("value", "name"), [(SECRET, "the secret"), (APP, "the AppJWT"), (JWS, "the ConsumerJWS")]
)
def test_the_search_finds_what_it_looks_for(value, name):
    assert found_in(f"before {value} after") == [name]
    assert found_in(quote_plus(value)) == [name]
    assert found_in(base64.b64encode(f"id:{value}:x".encode()).decode()) == [name]
    assert found_in(base64.urlsafe_b64encode(f"..{value}".encode()).decode()) == [name]


@contextlib.contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """DEBUG for every logger there is, formatted with everything that a record holds."""

    class Everything(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return super().format(record) + repr({**vars(record), "exc_info": None})

    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Everything())
    root = logging.getLogger()
    names = [name for name in logging.root.manager.loggerDict if not name.startswith("hypothesis")]
    before = {name: logging.getLogger(name).level for name in names}
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        for name, old in before.items():
            logging.getLogger(name).setLevel(old)


def everything_about(error: BaseException, in_a_notebook: bool = True) -> str:
    """Every way in which Python and a notebook show an error, without colours amid what is looked for."""
    shown = [
        str(error),
        repr(error),
        repr(error.args),
        repr(vars(error)),
        "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()),
    ]
    if in_a_notebook:
        verbose = pytest.importorskip("IPython.core.ultratb").VerboseTB("nocolor", long_header=True)
        shown.append(verbose.text(type(error), error, error.__traceback__))
    for inner in (error.__cause__, error.__context__):
        if inner is not None:
            shown.append(everything_about(inner, in_a_notebook))
    return "\n".join(shown)


def everything_of(response) -> str:
    """Every way in which a response is shown or written down."""
    table = responses_table(response)
    return "\n".join(
        [
            repr(response),
            response.explanation,
            response._repr_html_(),
            repr(vars(response)),
            repr(response.raw),
            response.raw.decode("utf-8", "replace"),
            repr(response.strays),
            repr([(pair, pair.body) for pair in response.pairs]),
            pickle.dumps(response).decode("latin-1"),
            table.to_html(),
            table.to_csv(),
            repr(table.to_dict()),
        ]
    )


def echo(cloud, status: int, reply):
    """A service that repeats the whole request to whoever asked."""

    def answer(asked):
        headers = dict(asked.headers)
        said = {
            "error": asked.body.decode("utf-8", "replace"),
            # Only Sentinel is ever told the secret.
            "error_description": f"you sent {SECRET if '/sentinel/' in asked.target else headers}",
            "message": f"{headers}",
            "echo": [headers, asked.target],
        }
        return reply(status, said)

    return answer


def element_echo(asked, reply):
    frames = json.loads(asked.body)
    frames = frames if isinstance(frames, list) else [frames, frames]
    said = f"headers {dict(asked.headers)}"
    return reply(
        200,
        [
            {"code": "OK", "body": {"msg": said}, "reqId": frames[0]["id"], "headers": dict(asked.headers)},
            {"code": "BAD_REQUEST", "body": {"msg": said}, "reqId": frames[1]["id"]},
            {"code": "BAD_REQUEST", "body": {"msg": said}, "reqId": "a stray"},
        ],
    )


SITUATIONS = {
    "all is well": {},
    "bad secret, echoed": {"sentinel": lambda c, r: echo(c, 401, r)},
    "sentinel down, echoing": {"sentinel": lambda c, r: echo(c, 503, r)},
    "sentinel echoes with 200": {"sentinel": lambda c, r: echo(c, 200, r)},
    "sentinel redirects": {"sentinel": lambda c, r: lambda a: r(302, b"", f"Location: http://x.example/?{quote(SECRET)}")},
    "sentinel cuts": {"sentinel": lambda c, r: lambda a: None},
    "sentinel's page": {"sentinel": lambda c, r: lambda a: r(200, f"<html>{SECRET}</html>")},
    "idp refuses, echoing": {"idp": lambda c, r: echo(c, 400, r)},
    "idp 401, echoing": {"idp": lambda c, r: echo(c, 401, r)},
    "idp down, echoing": {"idp": lambda c, r: echo(c, 500, r)},
    "conversation 401, echoing": {"conversation": lambda c, r: echo(c, 401, r)},
    "conversation 400, echoing": {"conversation": lambda c, r: echo(c, 400, r)},
    "conversation 500, echoing": {"conversation": lambda c, r: echo(c, 500, r)},
    "conversation 429, echoing": {"conversation": lambda c, r: echo(c, 429, r)},
    "conversation 200, echoing": {"conversation": lambda c, r: echo(c, 200, r)},
    "elements echo": {"conversation": lambda c, r: lambda a: element_echo(a, r)},
    "raw echo": {"conversation": lambda c, r: lambda a: r(200, repr(a.headers))},
    "cut after an echo": {
        "conversation": lambda c, r: lambda a: r(
            200, repr(a.headers), "Content-Length: 99999", "Connection: close"
        )
    },
    "conversation cuts": {"conversation": lambda c, r: lambda a: None},
    "conversation's page": {"conversation": lambda c, r: lambda a: r(200, "<html>sign in</html>")},
    "echo in the headers": {
        "conversation": lambda c, r: lambda a: r(
            302, b"", f"Location: https://x.example/{APP}?{JWS}", f"Retry-After: {APP}", f"Date: {JWS}"
        )
    },
    "echo in the host": {
        "conversation": lambda c, r: lambda a: r(302, b"", f"Location: https://{APP}.example/")
    },
}  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS)
def test_no_secret_is_shown_or_logged(open_client, cloud, reply, situation):
    cloud.says["sentinel"] = lambda asked: reply(200, {"access_token": APP, "token_type": "Bearer"})
    cloud.says["idp"] = lambda asked: reply(201, {"token": JWS})
    for route, make in SITUATIONS[situation].items():
        cloud.says[route] = make(cloud, reply)
    shown: list[str] = []

    with everything_logged() as logged:
        settings = cloud.settings(client_secret=SECRET)
        door = open_client(settings)
        for consumer in ("anna", "bob"):
            try:
                response = door.create_conversation(consumer)
                shown.append(everything_of(response))
                response.raise_for_outcome()
            except LpnbError as error:
                # IPython, which shows what a traceback with locals holds, reads every file on the way: once.
                shown.append(everything_about(error, type(door.client) is Client and consumer == "anna"))
        talk = door.client.conversation("conv-1", "anna")
        with contextlib.suppress(NotSentError):  # looked at above: it comes of the same tokens
            shown.append(everything_of(door._run(talk.say("Hi"))))
        shown += [repr(talk), talk._repr_html_(), repr(vars(talk._core))]
        shown.append(door._run(talk.transcript(history=False)).to_html())
        shown += [repr(door.client), door.client._repr_html_(), repr(settings), settings._repr_html_()]
        shown += [repr(vars(door.client)), repr(vars(door.client.engine))]
        shown += [repr(vars(door.client.engine.account)), repr(door.unknown)]

    assert found_in("\n".join(shown)) == []
    assert found_in(logged.getvalue()) == []
    # The search is worth something only if the chain ran: the secret did travel, where it should.
    assert quote_plus(SECRET).encode() in cloud.asked("sentinel")[0].body


def test_the_secret_travels_nowhere_but_in_sentinels_body(open_client, cloud):
    open_client(cloud.settings(client_secret=SECRET)).create_conversation("anna")

    for asked in cloud.server.asked:
        assert found_in(asked.target + repr(asked.headers)) == []
        if not asked.target.startswith("/sentinel/"):
            assert found_in(asked.body.decode()) == []


MALFORMED = (
    f"LP_ACCOUNT_ID=not an account\nLP_CLIENT_ID=a\nLP_CLIENT_SECRET='{SECRET}'\n",
    f"LP_ACCOUNT_ID=1\nLP_CLIENT_ID=a\nLP_CLIENT_SECRET: {SECRET}\n",
    f"LP_ACCOUNT_ID=1\nLP_CLIENT_ID=a b\nLP_CLIENT_SECRET='{SECRET}'\nLP_DOMAIN_API=x\n",
    f"LP_CLIENT_SECRET='{SECRET}'\n",
    f"LP_ACCOUNT_ID=1\nLP_CLIENTSECRET='{SECRET}'\n",
)


def write_malformed(number: int) -> None:
    Path(".env").write_text(MALFORMED[number], encoding="utf-8")


@pytest.mark.parametrize("number", range(len(MALFORMED)))
@pytest.mark.parametrize("use", [Settings.load, connect], ids=["load", "connect"])
def test_malformed_settings_never_show_the_secret(number, use):
    write_malformed(number)
    error = None
    try:
        use()
    except SettingsError as raised:
        error = raised

    assert error is not None
    assert found_in(everything_about(error)) == []


# A day's work: files of every kind, logs, what was printed, and command lines

DAY_SECRET = "canary/se+cret 7f3a&hush=x"
#: A JWT, as every token is one.
TOKEN = re.compile(r"eyJ[\w-]{5,}\.eyJ[\w-]{5,}")


def secrets_in(content: bytes) -> list[str]:
    """What of the secrets is in *content*, also where it is packed."""
    text = content.decode("utf-8", "replace")
    found = {form for form in forms_of(DAY_SECRET) if form in text}
    return sorted(found.union(TOKEN.findall(text)))


def contents(path: Path) -> list[bytes]:
    """A file's bytes, unpacked where it is a workbook, and every value where it is a database."""
    found = [path.read_bytes()]
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            found += [archive.read(name) for name in archive.namelist()]
    if found[0].startswith(b"SQLite format 3"):
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            tables = [
                name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
            ]
            cells = [
                cell for name in tables for row in database.execute(f'SELECT * FROM "{name}"') for cell in row
            ]
        for cell in cells:
            found.append(cell if isinstance(cell, bytes) else str(cell).encode("utf-8", "replace"))
            with contextlib.suppress(zlib.error):
                found.append(zlib.decompress(found[-1]))
    return found


def test_a_days_work_leaves_no_secret_and_no_token_on_disk_in_logs_or_on_a_command_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: set[str] = set()
    sys.addaudithook(_watch)
    _LINES.append(lines)
    (tmp_path / "cases.csv").write_text(
        "case,personal.firstname,skillId,expected_skill\na,Ada,2741903011,2741903011\nb,Bo,1,7\n"
    )
    with (
        everything_logged() as logged,
        Sandbox(client_secret=DAY_SECRET, state_file="state.sqlite") as sandbox,
    ):
        for name, value in sandbox.environment().items():
            monkeypatch.setenv(name, value)
        settings = Settings.load()
        assert settings.client_secret.reveal() == DAY_SECRET
        sandbox.fail("conversation", "status", code=500)
        with (
            Receiver(settings, keep=tmp_path / "webhooks.sqlite") as receiver,
            Client(settings, record="day.har", record_personal=True, wait_scale=0.0) as client,
        ):
            sandbox.set_webhook(receiver.url)
            run = lpnb.run_experiment(
                client,
                "cases.csv",
                journal="run.sqlite",
                progress=False,
                steps=lpnb.Steps(say=["Hello"], landing=True),
            ).wait()
            assert sandbox.webhooks_settled()
            lpnb.save_table(run.table(), "table.csv")
            lpnb.save_table(run.table(), "table.xlsx")
            lpnb.save_table(run.table(), "table.parquet")
            lpnb.report(run, "report.html")
            batch = lpnb.cases_of("cases.csv")[0].batch()
            Path("snippets.txt").write_text(
                lpnb.as_curl(batch, "ada") + lpnb.as_httpx(batch, "ada") + lpnb.as_http_file(batch, "ada")
            )
            lpnb.as_postman([(batch, "ada")]).save(".")
            shown = [
                repr(each) + getattr(each, "_repr_html_", str)() for each in (client, settings, run, sandbox)
            ]
            Path("shown.json").write_text(json.dumps(shown))
        (ended,) = {main(["send", "cases.csv", "--journal", "second.sqlite", "--out", "second.csv"])}
        assert ended in (0, 1)
        main(["verify", "cases.csv", "--junit", "verify.xml"])
        main(["doctor"])
        main(["compare", "run.sqlite", "second.sqlite"])
        main(["explain", "day.har"])

    printed = "".join(capfd.readouterr())
    left = [path for path in sorted(tmp_path.rglob("*")) if path.is_file()]
    assert {path.suffix for path in left} >= {
        ".har",
        ".sqlite",
        ".csv",
        ".xlsx",
        ".parquet",
        ".html",
        ".xml",
        ".json",
    }
    assert {path.name: found for path in left for each in contents(path) if (found := secrets_in(each))} == {}
    assert secrets_in(printed.encode()) == []
    assert secrets_in(logged.getvalue().encode()) == []
    assert [line for line in lines if secrets_in(line.encode())] == []
    # The search is worth something only if it finds what is there.
    assert secrets_in(f"x {DAY_SECRET} y".encode()) != []
    assert secrets_in(f"x {APP} y".encode()) != []
    assert "Ada" in Path("table.csv").read_text()


#: Where command lines of processes that are started are put down.
_LINES: list[set[str]] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if _LINES and event == "subprocess.Popen":
        _LINES[-1].add(repr(arguments))
