"""Planted secrets: through the whole chain and its failures, none is found anywhere but on the wire."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import logging
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from lpnb import Client, LpnbError, NotSentError, Settings, SettingsError, connect, responses_table

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
