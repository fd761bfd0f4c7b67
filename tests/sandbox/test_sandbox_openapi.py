"""The OpenAPI document against what is really answered."""

import jsonschema
import pytest

from lpnb.sandbox.app.openapi import document
from lpnb.sandbox.app.routes import SERVICE_ROUTES

PATHS = document()["paths"]
OPERATIONS = [(method.upper(), path, made) for path, item in PATHS.items() for method, made in item.items()]
ANSWERS = [
    (method, path, int(status))
    for method, path, made in OPERATIONS
    for status in made["responses"]
    if status.isdigit()
]
SENT = [
    (method, path, parameter)
    for method, path, made in OPERATIONS
    for parameter in made["parameters"]
    if parameter["in"] != "path"
]


def test_it_is_served_to_everybody_and_lists_what_is_served(connector):
    reply = connector.http.get("/openapi.json")

    assert reply.status_code == 200
    served = reply.json()
    assert served["openapi"] == "3.1.0"
    listed = {(path, method) for path, item in served["paths"].items() for method in item}
    assert listed == {(served.path, served.method.lower()) for served in SERVICE_ROUTES}
    assert connector.sandbox.requests == []


def test_it_is_only_read(connector):
    reply = connector.http.post("/openapi.json")

    assert (reply.status_code, reply.headers["allow"]) == (405, "GET")
    assert reply.json() == {"error": "Send GET /openapi.json."}


def test_every_operation_documents_its_success():
    assert len(ANSWERS) == 26
    assert {(method, path) for method, path, _ in ANSWERS} == {
        (item.method, item.path) for item in SERVICE_ROUTES
    }
    assert all(status < 300 for _, _, status in ANSWERS)


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_documented_answer_is_given_and_is_as_it_says(operations, method, path, status):
    reply = operations.send_it(method, path, status)

    assert reply.status_code == status, reply.text
    content = PATHS[path][method.lower()]["responses"][str(status)].get("content")
    if content is None:
        assert reply.content == b""
        return
    kind = reply.headers["content-type"].partition(";")[0]
    assert kind in content
    if kind == "application/json":
        jsonschema.validate(reply.json(), content[kind]["schema"])
    else:
        assert reply.content == b"\x89PNG"


@pytest.mark.parametrize(
    ("method", "path", "parameter"), SENT, ids=lambda item: item["name"] if isinstance(item, dict) else None
)
def test_what_is_required_is_missed_and_nothing_else(operations, method, path, parameter):
    status = next(status for found, where, status in ANSWERS if (found, where) == (method, path))
    url, options = operations.request(method, path, status)
    place = "params" if parameter["in"] == "query" else "headers"
    options[place] = {
        name: value for name, value in options.get(place, {}).items() if name != parameter["name"]
    }

    reply = operations.connector.http.request(method, url, **options)

    assert (400 <= reply.status_code < 500) is parameter["required"], reply.text


@pytest.mark.parametrize(
    ("method", "path"), [(method, path) for method, path, made in OPERATIONS if "requestBody" in made]
)
def test_every_body_that_is_sent_here_is_as_the_document_has_it(operations, method, path):
    ((kind, described),) = PATHS[path][method.lower()]["requestBody"]["content"].items()
    _, options = operations.request(method, path, 200)

    body = options.get("json", options.get("data"))
    if kind == "application/octet-stream":
        assert described["schema"] == {}
    else:
        jsonschema.validate(body, described["schema"])
