"""Arguments of another kind than is needed: a sentence says what is, and nothing is sent."""

from __future__ import annotations

import pandas as pd
import pytest

import lpnb

A_CLIENT = "client must be a Client or AsyncClient; got"
A_PATH = "must be the path of a file, as text or a Path; got 5."
CASES = [{"case": "a"}]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda client: lpnb.Client(5), "settings must be Settings, or None to look for them; got 5."),
        (
            lambda client: lpnb.AsyncClient("my-secret"),
            "settings must be Settings, or None to look for them; got a str.",
        ),
        (lambda client: lpnb.run_experiment(5, CASES), f"{A_CLIENT} 5."),
        (lambda client: lpnb.start_experiment("12345678", CASES), f"{A_CLIENT} a str."),
        (lambda client: lpnb.verify(None, [{"expected_code": "OK"}]), f"{A_CLIENT} None."),
        (lambda client: lpnb.token_chain(5, "c"), f"{A_CLIENT} 5."),
        (lambda client: lpnb.open_run(5), f"path {A_PATH}"),
        (lambda client: lpnb.save_table(pd.DataFrame(), 5), f"path {A_PATH}"),
        (lambda client: lpnb.run_experiment(client, CASES, journal=5), f"journal {A_PATH}"),
        (
            lambda client: lpnb.Steps(lannding=True),
            "a step must be one of 'engagement', 'say', 'landing', 'close', 'landing_wait', 'receiver'; "
            "got 'lannding'. Did you mean 'landing'?",
        ),
        (
            lambda client: lpnb.CustomerInfo(last_payment_date="15.10.2014"),
            "info.lastPaymentDate must be an object {day, month, year} of whole numbers, or a "
            "datetime.date; got '15.10.2014'.",
        ),
        (
            lambda client: lpnb.PersonalInfo(age=42),
            "personal.age must be an object {age} or {year, month, day} of whole numbers, or a "
            "datetime.date; got 42.",
        ),
    ],
)
def test_what_is_of_another_kind_is_refused_in_a_sentence(call, said, client, sandbox, tmp_path):
    with pytest.raises(lpnb.InvalidValueError) as caught:
        call(client)

    assert str(caught.value) == said
    assert sandbox.conversations == []
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_opened_again_wants_a_client(client, tmp_path):
    run = lpnb.run_experiment(client, CASES, journal=tmp_path / "a.sqlite", progress=False)

    for call in (run.resume, run.settle):
        with pytest.raises(lpnb.InvalidValueError) as caught:
            call("12345678")
        assert str(caught.value) == f"{A_CLIENT} a str."


@pytest.mark.parametrize("port", ["x", True, 1.5, None])
def test_the_port_of_a_sandbox_is_a_whole_number(port):
    with pytest.raises(ValueError, match=r"^port must be a whole number from 0 to 65535; got ") as caught:
        lpnb.Sandbox(port=port)

    assert str(caught.value).endswith(f"got {port!r}.")


def test_no_error_of_the_sandbox_has_the_name_of_one_of_ours(sandbox):
    with pytest.raises(ValueError, match=r"^route must be one of ") as caught:
        sandbox.fail("nowhere", "status")

    assert not hasattr(lpnb, type(caught.value).__name__)
