"""What real clients are known to send although the pages have it otherwise: each works unchanged."""

import json

import pytest

LIST = "/api/account/12345678/service/baseURI.json?version=1.0"


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        (("2,", "1,"), ["2,", "1,"]),
        (("1,", "2,"), ["1,", "2,"]),
        (("001", "002"), ["001", "002"]),
        ((5, 6), ["5", "6"]),
        ((0, "0,"), ["0", "0,"]),
        (("x" * 64, "ä"), ["x" * 64, "ä"]),
    ],
)
def test_ids_are_echoed_as_strings_whatever_they_look_like(connector, sent, echoed):
    reply = connector.post(connector.batch(ids=sent))

    assert reply.status_code == 200
    assert [element["reqId"] for element in reply.json()] == echoed


def test_client_properties_that_a_script_turned_into_object_object_are_kept_and_noted(connector, sandbox):
    headers = connector.headers() | {"Client-Properties": "[object Object]"}

    assert connector.post(headers=headers).status_code == 200
    assert sandbox.conversations[0].client_properties == "[object Object]"
    assert sandbox.conversations[0].warnings == (
        "Client-Properties is not a JSON object: '[object Object]'.",
    )


def test_a_get_may_have_a_body(connector):
    reply = connector.http.request("GET", LIST, content=b"{}", headers={"Content-Type": "application/json"})

    assert reply.status_code == 200
    assert connector.http.get(LIST).status_code == 200


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer ", "BEARER  "])
def test_the_app_jwt_comes_raw_or_with_bearer(connector, prefix):
    headers = connector.headers()
    headers["Authorization"] = prefix + headers["Authorization"]

    assert connector.post(headers=headers).status_code == 200
    assert connector.consumer_reply("anna", headers["Authorization"]).status_code == 201


@pytest.mark.parametrize(
    "host", ["va.msg.liveperson.net", "lo.sentinel.liveperson.net", "sy.idp.liveperson.net:443"]
)
def test_any_of_livepersons_hosts_is_served_every_service(connector, host):
    reply = connector.post(headers=connector.headers() | {"Host": host})

    assert reply.status_code == 200
    assert connector.http.get(LIST, headers={"Host": host}).status_code == 200


def test_idp_and_sentinel_v2_do_without_v(connector, sandbox):
    form = {
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "grant_type": "client_credentials",
    }
    token = connector.http.post("/sentinel/api/v2/account/12345678/app/token", data=form).json()[
        "access_token"
    ]

    reply = connector.http.post(
        "/api/account/12345678/consumer", json={"ext_consumer_id": "anna"}, headers={"Authorization": token}
    )

    assert reply.status_code == 201


def test_header_names_come_in_any_case(connector):
    headers = {name.lower(): value for name, value in connector.headers().items()}

    assert connector.post(headers=headers).status_code == 200


def test_campaign_and_skill_ids_come_as_numbers(connector):
    campaign = {"campaignId": 880524023, "engagementId": 880524123}
    reply = connector.post(connector.batch(campaignInfo=campaign, skillId=-1))

    assert reply.json()[1]["code"] == "OK"


def test_every_parameter_of_sentinel_may_stand_in_the_query_with_an_empty_form(connector, sandbox):
    query = {
        "v": "1.0",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "grant_type": "client_credentials",
    }
    reply = connector.http.post(
        "/sentinel/api/account/12345678/app/token",
        params=query,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert reply.status_code == 200


def test_hosts_without_a_port_are_handed_out_on_demand(connect):
    connector = connect(bare_hosts=True)

    rows = connector.http.get(LIST).json()["baseURIs"]

    assert {row["baseURI"] for row in rows} == {"127.0.0.1"}
    assert connector.http.get(LIST, headers={"Host": "127.0.0.1"}).status_code == 200


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_batch_may_be_written_over_many_lines(connector, newline):
    text = json.dumps(connector.batch(), indent=4).replace("\n", newline)

    assert connector.post(text.encode()).status_code == 200
