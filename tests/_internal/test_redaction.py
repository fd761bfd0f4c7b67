"""A secret shows itself to nobody, however Python turns it into text or bytes."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from dataclasses import asdict, dataclass

import pytest

from lpnb import Secret, Settings

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
    before, logger.level = logger.level, logging.DEBUG
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
