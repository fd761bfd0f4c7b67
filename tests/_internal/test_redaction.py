"""A secret shows itself to nobody, however Python turns it into text or bytes."""

from __future__ import annotations

import base64
import copy
import html
import json
import logging
import pickle
import re
import traceback
from dataclasses import asdict, dataclass
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpnb import AsyncClient, Client, InvalidValueError, Secret, Settings
from lpnb._internal.redaction import scrub, scrub_bytes

VALUE = "canary-7f3a-hush"


def hidden(text: str) -> bool:
    return "canary" not in text and "hush" not in text


@pytest.mark.parametrize(
    ("show", "seen"),
    [
        (repr, "Secret('********')"),
        (str, "********"),
        ("{}".format, "********"),
        ("{:>10}".format, "  ********"),
        ("{!r}".format, "Secret('********')"),
        (lambda secret: f"{secret}", "********"),
        (lambda secret: f"{secret:x<9}", "********x"),
        (lambda secret: "%s %r" % (secret, secret), "******** Secret('********')"),  # noqa: UP031
        (lambda secret: json.dumps({"a": secret}, default=str), '{"a": "********"}'),
        (lambda secret: json.dumps([secret], default=repr), "[\"Secret('********')\"]"),
        (lambda secret: secret._repr_html_(), "********"),
        (lambda secret: str(secret._repr_mimebundle_()["text/plain"]), "Secret('********')"),
        (lambda secret: str(secret._repr_mimebundle_()["text/html"]), "********"),
        (lambda secret: str(copy.copy(secret)), "********"),
        (lambda secret: str(copy.deepcopy([secret])[0]), "********"),
        (lambda secret: repr({secret: [secret]}), "{Secret('********'): [Secret('********')]}"),
    ],
)
def test_a_secret_masks_itself(show, seen):
    assert show(Secret(VALUE)) == seen


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_holds_the_mask_and_nothing_else(protocol):
    settings = Settings("1", "id", VALUE)

    for pickled in (pickle.dumps(Secret(VALUE), protocol), pickle.dumps(settings, protocol)):
        assert VALUE.encode() not in pickled
    lost = pickle.loads(pickle.dumps(Secret(VALUE), protocol))
    assert repr(lost) == "Secret('********')"
    with pytest.raises(RuntimeError, match=r"^This secret was pickled, and a pickle holds no secret\. "):
        lost.reveal()


def test_a_copy_still_opens_the_door():
    assert copy.deepcopy(Secret(VALUE)).reveal() == VALUE


def test_settings_as_a_dict_mask_the_secret():
    settings = Settings("1", "id", VALUE)

    assert hidden(repr(asdict(settings)))
    assert hidden(json.dumps(asdict(settings), default=str))
    assert hidden(repr(vars(settings)))
    assert hidden(repr(settings))
    assert hidden(settings._repr_html_())


def test_a_secret_has_no_attribute_that_shows_it():
    secret = Secret(VALUE)

    assert not hasattr(secret, "__dict__")
    shown = [repr(getattr(secret, name, None)) for name in dir(secret)]
    assert hidden(" ".join(shown))


def test_a_secret_cannot_be_changed():
    secret = Secret(VALUE)

    with pytest.raises(AttributeError, match=r"^a Secret does not change$"):
        secret.value = "x"
    with pytest.raises(AttributeError):
        secret._read = lambda: "x"


def test_secrets_are_compared_by_value_and_with_nothing_else():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert not Secret("")
    assert Secret("a")


@pytest.mark.parametrize("value", [None, 7, b"canary-hush", ["canary-hush"]])
def test_a_secret_is_text(value):
    with pytest.raises(TypeError) as caught:
        Secret(value)

    assert str(caught.value) == f"a secret is text, not {type(value).__name__}"


@dataclass
class Holder:
    secret: Secret


def fail(holder: Holder) -> None:
    secret = holder.secret
    revealed_by = {"first": secret, "second": [holder.secret]}
    raise RuntimeError(f"{secret} {holder} {revealed_by}")


def test_a_traceback_that_shows_variables_masks_them():
    try:
        fail(Holder(Secret(VALUE)))
    except RuntimeError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())

    assert "revealed_by = " in shown
    assert hidden(shown.replace("VALUE", ""))


def test_the_verbose_traceback_of_a_notebook_masks_them():
    ultratb = pytest.importorskip("IPython.core.ultratb")
    holder = Holder(Secret(VALUE))
    try:
        fail(holder)
    except RuntimeError as error:
        shown = ultratb.VerboseTB("nocolor").text(RuntimeError, error, error.__traceback__)

    assert "holder" in shown
    assert hidden(shown)


def test_known_secrets_and_whatever_looks_like_one_are_taken_out_of_text():
    from lpnb._internal.redaction import scrub

    said = scrub(
        "no such secret: p&ss w, p%26ss%20w, p%26ss+w, client_secret=p%26ss+w&x=1 "
        "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiIxIn0.c2ln",
        [Secret("p&ss w")],
    )

    assert said == ("no such secret: ********, ********, ********, client_secret=********&x=1 ********")


@pytest.mark.parametrize(
    "name", ["httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy", "asyncio"]
)
def test_the_http_libraries_cannot_log_a_token(name):
    from lpnb._internal.redaction import guard_logs

    guard_logs()
    guard_logs()
    seen: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(self.format(record))

    logger, handler = logging.getLogger(name), Keep()
    logger.addHandler(handler)
    before = logger.level
    logger.setLevel(logging.DEBUG)  # which forgets what it has found out about its level so far
    try:
        logger.debug(
            "POST %s with %r",
            "https://a.example/token?client_secret=hush&v=1",
            {"Authorization": "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiIxIn0.c2ln"},
        )
        logger.debug("nothing to hide: %d", 7)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)

    assert seen == [
        "POST https://a.example/token?client_secret=********&v=1 with {'Authorization': '********'}",
        "nothing to hide: 7",
    ]


NEIGHBOURS = ["", "x", "user:", "client-id:"]
AWKWARD = "k3/Jp+29=d Q\"x1'&<ü>\\Ω😀"


def _html(text):
    return html.escape(text, quote=True)


def _mixed_case(text):
    return re.sub("%..", lambda match: match[0].lower() if text.index(match[0]) % 2 else match[0], text)


DRESSES = {
    "as it is": str,
    "percent": lambda text: quote(text, safe=""),
    "percent, small letters": lambda text: re.sub(
        "%..", lambda match: match[0].lower(), quote(text, safe="")
    ),
    "percent, both": lambda text: _mixed_case(quote(text, safe="")),
    "percent, of a path": quote,
    "percent, a form": quote_plus,
    "percent, every letter": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "percent, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON, letters kept": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON, slashes escaped": lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    "JSON, every letter": lambda text: "".join(
        rf"\u{unit:04X}" for unit in memoryview(text.encode("utf-16-le")).cast("H")
    ),
    "JSON, twice": lambda text: json.dumps(json.dumps(text))[3:-3],
    "JSON, three times": lambda text: json.dumps(json.dumps(json.dumps(text)))[7:-7],
    "HTML": _html,
    "HTML, twice": lambda text: _html(_html(text)),
    "HTML, decimal": lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(letter):X};" for letter in text),
    "HTML in JSON": lambda text: json.dumps(_html(text))[1:-1],
}


@pytest.mark.parametrize(
    ("secret", "dress"),
    [
        *((secret, dress) for secret in (VALUE, AWKWARD) for dress in DRESSES),
        # A token's letters are none that anybody spells.
        *(("eyJ0" + "aZ09-_." * 90, dress) for dress in ("as it is", "percent", "JSON, twice", "HTML")),
    ],
)
def test_a_secret_is_found_in_every_dress(secret, dress):
    dressed = DRESSES[dress](secret)

    assert scrub(f"before {dressed} after", [Secret(secret)]) == "before ******** after"
    assert scrub_bytes(f"before {dressed} after".encode(), [Secret(secret)]) == b"before ******** after"


@pytest.mark.parametrize("secret", [VALUE, AWKWARD, "eyJ0" + "aZ09-_." * 90, "hunter2+"])
@pytest.mark.parametrize("before", NEIGHBOURS)
@pytest.mark.parametrize("after", ["", "y", "zz"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("then", [str, quote, lambda text: json.dumps(text).replace("/", r"\/")[1:-1]])
def test_a_secret_is_found_in_base64_wherever_it_stands_in_the_text(secret, before, after, encode, then):
    dressed = then(encode(f"{before}{secret}{after}".encode()).decode())

    for clean in (scrub(dressed, [Secret(secret)]), scrub_bytes(dressed.encode(), [Secret(secret)]).decode()):
        assert "********" in clean
        # What is left at the ends is of the neighbours, and of six bits of the secret at the most.
        assert len(clean.replace("********", "")) <= 4 * (len(before + after) // 3 + 2) + 6


@pytest.mark.parametrize(
    "text", ["a reply", '{"a": "\\u00e9 %41 &amp; +"}', "https://a.example/?x=%2F", VALUE[:-1], VALUE[1:]]
)
def test_what_holds_no_secret_stays_as_it_is(text):
    assert scrub(text, [Secret(VALUE)]) == text
    assert scrub_bytes(text.encode(), [Secret(VALUE)]) == text.encode()


@given(st.text(min_size=8, max_size=20), st.text(max_size=5))
def test_no_dress_of_any_secret_is_left(secret, around):
    for dress in DRESSES.values():
        try:
            dressed = f"{around}{dress(secret)}{around}"
        except UnicodeEncodeError:  # of half a character there are fewer dresses
            continue
        assert dress(secret) not in scrub(dressed, [Secret(secret)]) or dress(secret) in "********"


def test_a_reply_that_echoes_the_client_secret_is_kept_without_it(sandbox, settings):
    secret = settings.client_secret.reveal()
    for body in (f"<p>{secret}</p>", json.dumps({"seen": quote(secret)}), base64.b64encode(secret.encode())):
        sandbox.fail(
            "conversation", "status", code=400, body=body if isinstance(body, str) else body.decode()
        )
        with Client(settings, wait_scale=0.0) as client:
            reply = client.create_conversation("consumer-1")
        assert reply.http_status == 400
        assert b"********" in reply.raw
        assert secret.encode() not in reply.raw


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_client_that_was_refused_can_be_shown(kind):
    try:
        kind("x")
    except InvalidValueError as error:
        report = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())

    assert f"self = <{kind.__name__} that was not made>" in report
    refused = kind.__new__(kind)
    assert refused._repr_html_() == f"<p>{kind.__name__} that was not made</p>"
