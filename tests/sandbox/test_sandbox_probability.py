"""Faults by chance: the same seed brings the same faults, to the byte."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

LIST = "/api/account/12345678/service/baseURI.json?version=1.0"
JWKS = "/sentinel/well-known/jwks"


def play(sandbox, http):
    """A session with faults of three kinds on two routes; the statuses and the log."""
    sandbox.reset()
    sandbox.fail("domain", "status", probability=0.3, code=500)
    sandbox.fail("domain", "status", 3, probability=0.5, code=429, retry_after=1)
    sandbox.fail("sentinel", "empty", probability=0.2)
    form = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret}
    statuses = []
    for _ in range(30):
        statuses.append(http.get(LIST).status_code)
        token = http.post(
            "/sentinel/api/account/12345678/app/token?v=1.0", data=form | {"grant_type": "client_credentials"}
        )
        statuses.append(len(token.content) > 0)
    return statuses, sandbox.fault_log


def test_two_runs_with_the_same_seed_have_the_same_faults_to_the_byte(connect):
    runs = [play(connector.sandbox, connector.http) for connector in (connect(seed=7), connect(seed="7"))]

    assert runs[0] == runs[1]
    statuses, log = runs[0]
    assert {200, 429, 500} <= set(statuses)
    assert statuses.count(429) == 3
    assert len(log.splitlines()) == statuses.count(500) + statuses.count(429) + statuses.count(False)


def test_a_reset_starts_chance_over(connect):
    connector = connect(seed=7)

    assert play(connector.sandbox, connector.http) == play(connector.sandbox, connector.http)


def test_another_seed_has_other_faults(connect):
    logs = {play(connector.sandbox, connector.http)[1] for connector in (connect(seed=7), connect(seed=8))}

    assert len(logs) == 2


def test_without_a_seed_the_one_that_was_drawn_repeats_the_faults(connect):
    first = connect()
    again = connect(seed=first.sandbox.seed)

    assert play(first.sandbox, first.http) == play(again.sandbox, again.http)


def test_requests_of_two_routes_at_once_leave_the_same_log(connect):
    logs = []
    for connector in (connect(seed=7), connect(seed=7)):
        sandbox = connector.sandbox
        sandbox.fail("domain", "status", probability=0.5)
        sandbox.fail("idp", "status", probability=0.5)

        def send(path, sandbox=sandbox):
            with httpx.Client(base_url=sandbox.base, trust_env=False) as http:
                for _ in range(40):
                    http.request("GET" if path == LIST else "POST", path)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(send, (LIST, "/api/account/12345678/consumer?v=1.0")))
        logs.append(sandbox.fault_log)

    assert logs[0] == logs[1]
    assert {json.loads(line)["route"] for line in logs[0].splitlines()} == {"domain", "idp"}


def test_a_probability_hits_about_as_often_as_it_says(connector, sandbox):
    sandbox.fail("domain", "status", probability=0.25)

    hits = sum(connector.http.get(LIST).status_code == 503 for _ in range(200))

    assert 30 <= hits <= 70
    assert sandbox.faults == [("domain", "status", None)]


def test_times_counts_the_hits(connector, sandbox):
    sandbox.fail("domain", "status", 2, probability=0.5)

    statuses = [connector.http.get(LIST).status_code for _ in range(50)]

    assert statuses.count(503) == 2
    assert sandbox.faults == []


def test_a_request_that_is_spared_by_one_fault_is_the_next_ones(connector, sandbox):
    sandbox.fail("domain", "status", None, probability=0.5, code=500)
    sandbox.fail("domain", "status", None, code=429)

    assert {connector.http.get(LIST).status_code for _ in range(30)} == {500, 429}


def test_cleared_faults_stay_in_the_log(connector, sandbox):
    sandbox.fail("domain", "html", None)
    connector.http.get(LIST)

    sandbox.clear_faults()

    assert connector.http.get(LIST).headers["content-type"].startswith("application/json")
    assert sandbox.fault_log == '{"route":"domain","request":1,"fault":"html","options":{"code":200}}\n'


def test_the_log_counts_requests_that_nothing_happened_to(connector, sandbox):
    connector.http.get(LIST)
    sandbox.fail("domain", "status", code=500, body=b"\xff")
    connector.http.get(LIST)

    assert json.loads(sandbox.fault_log)["request"] == 2
    assert json.loads(sandbox.fault_log)["options"]["body"] == "ÿ"


@pytest.mark.parametrize("probability", [0, -0.1, 1.1, float("nan"), "0.5", True, None])
def test_a_probability_that_is_none_is_refused(sandbox, probability):
    with pytest.raises(ValueError, match="probability must be a number above 0"):
        sandbox.fail("domain", "status", probability=probability)

    assert sandbox.faults == []
