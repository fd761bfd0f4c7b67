"""The OpenAPI document, and thousands of odd requests made from it.

``LPNB_CASES=300`` makes so many requests of each operation in place of twenty.
"""

import os

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from lpnb.sandbox.openapi import document
from lpnb.sandbox.served import SERVED

CASES = int(os.environ.get("LPNB_CASES", "20"))
SCHEMA = schemathesis.openapi.from_dict(document())
COUNT = [0]


def test_it_is_served_to_everybody_and_lists_what_is_served(connector):
    reply = connector.http.get("/openapi.json")

    assert reply.status_code == 200
    served = reply.json()
    assert served["openapi"] == "3.1.0"
    listed = {(path, method) for path, item in served["paths"].items() for method in item}
    assert listed == {(served.path, served.method.lower()) for served in SERVED}
    assert connector.sandbox.requests == []


def test_it_is_only_read(connector):
    reply = connector.http.post("/openapi.json")

    assert (reply.status_code, reply.headers["allow"]) == (405, "GET")
    assert reply.json() == {"error": "Send GET /openapi.json."}


def schema_of(path, method, status):
    answers = document()["paths"][path][method]["responses"]
    return answers[str(status)]["content"]["application/json"]["schema"]


def test_the_answers_of_the_whole_way_are_as_it_says(connector):
    base = "/api/account/{account_id}"
    listed = connector.http.get("/api/account/12345678/service/baseURI.json?version=1.0")
    came = [
        (f"{base}/service/baseURI.json", "get", listed),
        ("/sentinel/api/account/{account_id}/app/token", "post", connector.token_reply()),
        (f"{base}/consumer", "post", connector.consumer_reply("anna")),
        (f"{base}/messaging/consumer/conversation", "post", connector.post()),
    ]

    for path, method, reply in came:
        jsonschema.validate(reply.json(), schema_of(path, method, reply.status_code))


OPERATIONS = [result.ok() for result in SCHEMA.get_all_operations()]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_no_request_made_from_the_document_gets_a_5xx_or_a_traceback(running, operation):
    headers = running.headers()

    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def check(case):
        # Half of them with tokens and the sandbox's own account: the rest never gets past the door.
        COUNT[0] += 1
        if COUNT[0] % 2:
            case.path_parameters = {**(case.path_parameters or {}), "account_id": "12345678"}
            case.headers = {**headers, **{k: v for k, v in (case.headers or {}).items() if k not in headers}}
        reply = case.call(base_url=running.sandbox.base)
        assert reply.status_code < 500, (reply.status_code, reply.text, case.as_curl_command())
        assert "Traceback" not in reply.text

    check()
