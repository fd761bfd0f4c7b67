import time

import httpx
import pytest

# Section 1 of the reference: the names a connector touches, and the others seen.
NAMES = [
    "asyncMessagingEnt",
    "sentinel",
    "idp",
    "smt",
    "swift",
    "msgHist",
    "accountConfigReadWrite",
    "accountConfigReadOnly",
    "agentVep",
    "mtlsGateway",
    "messagingRestApiDomain",
    "visitorFeed",
    "etool",
    "liveEngageUI",
    "engHistDomain",
    "leDataReporting",
    "agentManagerWorkspace",
    "agentActivityDomain",
    "asyncMessaging",
    "faasGW",
    "rtbf",
    "msgEwtAPI",
    "pusher",
    "msdkgw",
]


@pytest.mark.parametrize("path", ["/service/baseURI.json", "/service/baseURI"])
def test_the_list_has_exactly_one_row_for_every_service(connector, sandbox, path):
    reply = connector.http.get(f"/api/account/12345678{path}?version=1.0")

    assert reply.status_code == 200
    assert list(reply.json()) == ["baseURIs"]
    rows = reply.json()["baseURIs"]
    assert sorted(row["service"] for row in rows) == sorted(NAMES)
    host = f"127.0.0.1:{sandbox.port}"
    assert all(row == {"service": row["service"], "account": "12345678", "baseURI": host} for row in rows)


@pytest.mark.parametrize("name", NAMES)
def test_a_single_service_is_a_flat_record(connector, sandbox, name):
    reply = connector.http.get(f"/api/account/12345678/service/{name}/baseURI.json?version=1.0")

    assert reply.status_code == 200
    assert reply.json() == {"service": name, "account": "12345678", "baseURI": f"127.0.0.1:{sandbox.port}"}


def test_the_single_form_works_without_json_at_the_end(connector):
    reply = connector.http.get("/api/account/12345678/service/idp/baseURI?version=1.0")

    assert reply.json()["service"] == "idp"


def test_the_oldest_path_still_lists(connector):
    reply = connector.http.get("/csdr/account/12345678/service/baseURI.json?version=1.0")

    assert len(reply.json()["baseURIs"]) == len(NAMES)


def test_bare_hosts_hands_out_a_name_without_a_port_and_answers_to_it(connect):
    connector = connect(bare_hosts=True)

    reply = connector.http.get(
        "/api/account/12345678/service/idp/baseURI.json?version=1.0", headers={"Host": "127.0.0.1"}
    )

    assert reply.json()["baseURI"] == "127.0.0.1"


def test_a_missing_version_is_refused_with_the_call_to_send(connector):
    reply = connector.http.get("/api/account/12345678/service/idp/baseURI.json")

    assert reply.status_code == 400
    assert reply.json() == {
        "error": "The query parameter version is missing. "
        "Send GET /api/account/12345678/service/idp/baseURI.json?version=1.0."
    }


def test_a_wrong_version_is_refused(connector):
    reply = connector.http.get("/api/account/12345678/service/baseURI.json?version=2.0")

    assert reply.status_code == 400
    assert reply.json()["error"].startswith("version must be 1.0; got '2.0'.")


def test_a_missing_version_is_fine_when_the_rule_is_off_but_a_wrong_one_is_not(connect):
    connector = connect(require_version=False)
    path = "/api/account/12345678/service/baseURI.json"

    assert connector.http.get(path).status_code == 200
    assert connector.http.get(f"{path}?version=3").status_code == 400


def test_an_unknown_account_is_refused(connector):
    reply = connector.http.get("/api/account/99/service/baseURI.json?version=1.0")

    assert reply.status_code == 400
    assert reply.json() == {"error": "No account '99' here; this sandbox plays 12345678, 87654321."}


def test_a_service_in_the_wrong_case_is_refused_with_the_right_spelling(connector):
    reply = connector.http.get("/api/account/12345678/service/asyncmessagingent/baseURI.json?version=1.0")

    assert reply.status_code == 400
    assert reply.json() == {
        "error": "No service is called 'asyncmessagingent'; names are case-sensitive. "
        "Did you mean 'asyncMessagingEnt'?"
    }


def test_an_unheard_of_service_is_refused_with_the_way_to_the_list(connector):
    reply = connector.http.get("/api/account/12345678/service/zzzzzz/baseURI.json?version=1.0")

    assert reply.status_code == 400
    assert "/api/account/.../service/baseURI.json?version=1.0" in reply.json()["error"]


def test_a_get_with_a_body_is_answered(connector):
    path = "/api/account/12345678/service/baseURI.json?version=1.0"

    assert connector.http.request("GET", path, content=b"{}").status_code == 200


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        (
            "/api/account/12345678/messaging/consumer/conversations",
            " Did you mean POST /api/account/{account_id}/messaging/consumer/conversation?"
            " GET /openapi.json lists every path.",
        ),
        (
            "/api/account/12345678/service/baseURIs",
            " Did you mean GET /api/account/{account_id}/service/baseURI?"
            " GET /openapi.json lists every path.",
        ),
        ("/zzz", " GET /openapi.json lists every path."),
    ],
)
def test_an_unknown_path_is_told_the_nearest(connector, sandbox, path, rest):
    reply = connector.http.get(path)

    assert (reply.status_code, reply.json()) == (404, {"error": f"Nothing is served at {path!r}.{rest}"})
    assert [record.route for record in sandbox.requests] == ["-"]


def test_an_endless_path_is_compared_in_no_time(connector):
    started = time.perf_counter()

    assert connector.http.get("/" + "api/account/" * 1000).status_code == 404
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_a_wrong_method_is_told_the_right_one(connector, sandbox, method):
    reply = connector.http.request(method, connector.path)

    assert reply.status_code == 405
    assert reply.headers["allow"] == "POST"
    assert reply.json() == {
        "error": f"{method} is not allowed here. "
        "Send POST /api/account/{account_id}/messaging/consumer/conversation."
    }
    assert sandbox.calls["conversation"] == 0


def test_no_answer_carries_a_cors_header(connector):
    reply: httpx.Response = connector.http.get("/api/account/12345678/service/baseURI.json?version=1.0")

    assert not [name for name in reply.headers if name.startswith("access-control")]
