"""Each service's protocol, played by hand: ``next`` asks, ``send`` answers. No socket, no wait."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qs, urlsplit

import pytest

from lpnb import CredentialsError, Secret, ServiceError, Settings, UntrustedHostError
from lpnb.api.domain_api import find_domain, find_domains
from lpnb.api.messaging import post
from lpnb.api.tokens import claims, get_app_jwt, get_consumer_jws
from lpnb.models.batches import ConversationBatch
from lpnb.transport.protocol import Exchange, Request, Sleep
from lpnb.transport.retries import Throttle, with_retries

SETTINGS = Settings("12345678", "my-client", "the+secret/1")
THREE = {
    "asyncMessagingEnt": "va.msg.liveperson.net",
    "sentinel": "va.sentinel.liveperson.net",
    "idp": "va.idp.liveperson.net",
}
ORIGINS = {service: f"https://{host}" for service, host in THREE.items()}


def row(service: str, host: object, **more: object) -> dict[str, object]:
    return {"service": service, "account": "12345678", "baseURI": host, **more}


ROWS = [row(service, host) for service, host in THREE.items()]


def said(value: object, status: int = 200, **more: object) -> Exchange:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Exchange(status=status, content=content, **more)


def play(flow, *answers):
    """Answer *flow* one step after the other; return its steps and its result."""
    steps = [next(flow)]
    try:
        for answer in answers:
            steps.append(flow.send(answer))
    except StopIteration as finished:
        return steps, finished.value
    raise AssertionError(f"the flow goes on with {steps[-1]!r}")


def jwt(**content: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{body}.c2lnbmF0dXJl"


# Domain API


@pytest.mark.parametrize(
    "reply",
    [
        {"baseURIs": ROWS},
        {"baseURIS": ROWS},
        ROWS,
        {"baseURIs": [*ROWS, row("liveEngageUI", "anything/at all"), "x", None, {"service": 7}]},
        {"baseURIs": [*ROWS, *ROWS]},
        {"baseURIs": [{"service": s, "baseURI": h} for s, h in THREE.items()]},
        {"baseURIs": [row(s, h, account=12345678) for s, h in THREE.items()], "more": 1},
    ],
    ids=["wrapped", "other spelling", "bare list", "strangers", "doubled", "no account", "number"],
)
def test_all_hosts_are_asked_for_at_once(reply):
    steps, found = play(find_domains(SETTINGS), said(reply))

    assert found == ORIGINS
    (request,) = steps
    assert request.method == "GET"
    assert str(request.url) == (
        "https://api.liveperson.net/api/account/12345678/service/baseURI.json?version=1.0"
    )
    assert request.content == b""
    assert "authorization" not in request.headers


def test_a_service_that_the_list_leaves_out_is_asked_for_by_name():
    steps, found = play(
        find_domains(SETTINGS),
        said({"baseURIs": ROWS[:2]}),
        said({"service": "idp", "account": "12345678", "baseURI": "va.idp.liveperson.net"}),
    )

    assert found == ORIGINS
    assert str(steps[1].url) == (
        "https://api.liveperson.net/api/account/12345678/service/idp/baseURI.json?version=1.0"
    )


def test_other_services_that_are_known_are_kept():
    _, found = play(find_domains(SETTINGS), said([*ROWS, row("smt", "va-a.v.liveperson.net")]))

    assert found == {**ORIGINS, "smt": "https://va-a.v.liveperson.net"}


@pytest.mark.parametrize(
    "reply",
    [
        row("idp", "va.idp.liveperson.net"),
        {"baseURI": "va.idp.liveperson.net"},
        {"baseURIs": [row("idp", "va.idp.liveperson.net")]},
        {"baseURIs": row("idp", "va.idp.liveperson.net")},
        [row("idp", "va.idp.liveperson.net")],
    ],
    ids=["flat", "bare", "wrapped", "wrapped object", "list"],
)
def test_the_single_form_is_read_in_every_shape_that_was_seen(reply):
    assert play(find_domain(SETTINGS, "idp"), said(reply))[1] == "https://va.idp.liveperson.net"


def test_a_service_that_has_no_host_is_named():
    with pytest.raises(ServiceError) as caught:
        play(find_domain(SETTINGS, "idp"), said({"baseURIs": []}))

    assert str(caught.value) == "The Domain API names no host for idp on account 12345678."


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (said(b"<html>sign in</html>"), "Expecting value at line 1, column 1"),
        (said(b""), "it is empty"),
        (said({"error": "x"}, status=400), "it holds neither baseURIs nor baseURI"),
        (said({}), "it holds neither baseURIs nor baseURI"),
        (said(7), "it holds neither baseURIs nor baseURI"),
        (said(b'{"baseURIs": [], "baseURIs": []}'), "the key 'baseURIs' occurs twice in one object"),
    ],
)
def test_an_answer_that_names_no_hosts_is_an_error(answer, reason):
    with pytest.raises(ServiceError) as caught:
        play(find_domains(SETTINGS), answer)

    assert str(caught.value) == (f"The Domain API's answer cannot be read: {reason}. Is LP_DOMAIN_API right?")


def test_rows_that_disagree_are_refused():
    rows = [*ROWS, row("sentinel", "lo.sentinel.liveperson.net")]

    with pytest.raises(UntrustedHostError) as caught:
        play(find_domains(SETTINGS), said(rows))

    assert str(caught.value) == (
        "The Domain API names two hosts for sentinel: 'https://va.sentinel.liveperson.net' and "
        "'https://lo.sentinel.liveperson.net'."
    )


@pytest.mark.parametrize("account", ["87654321", 87654321, None, "", "1234567 8", ["12345678"]])
def test_rows_of_another_account_are_refused(account):
    with pytest.raises(
        UntrustedHostError, match=r"^The Domain API answered for account .* in place of 12345678\.$"
    ):
        play(find_domains(SETTINGS), said([row("idp", "va.idp.liveperson.net", account=account)]))


# Sentinel


def test_the_secret_travels_in_the_form_body_and_never_in_the_url():
    token = jwt(aud="12345678", iat=1000, exp=4600)

    steps, found = play(
        get_app_jwt(SETTINGS, "https://va.sentinel.liveperson.net", clock=lambda: 50.0),
        said({"access_token": token, "token_type": "Bearer"}),
    )

    (request,) = steps
    assert request.method == "POST"
    assert str(request.url) == (
        "https://va.sentinel.liveperson.net/sentinel/api/account/12345678/app/token?v=1.0"
    )
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.content.decode(), strict_parsing=True) == {
        "client_id": ["my-client"],
        "client_secret": ["the+secret/1"],
        "grant_type": ["client_credentials"],
    }
    assert "secret" not in str(request.url) + repr(request) + repr(request.headers)
    assert found.token.reveal() == token


@pytest.mark.parametrize(
    ("content", "lifetime", "renew_after"),
    [
        ({"iat": 1000, "exp": 4600}, 3600.0, 3300.0),
        ({"iat": 1000, "exp": 1100}, 100.0, 90.0),
        ({"iat": 1000, "exp": 11000}, 10000.0, 9700.0),
        ({"iat": 1000}, 3600.0, 3300.0),
        ({"iat": 4600, "exp": 1000}, 3600.0, 3300.0),
        ({"iat": 0, "exp": 10**12}, 3600.0, 3300.0),
        ({"iat": "x", "exp": []}, 3600.0, 3300.0),
    ],
)
def test_a_token_is_renewed_five_minutes_early_or_a_tenth_of_a_short_life(content, lifetime, renew_after):
    flow = get_app_jwt(SETTINGS, "https://s.liveperson.net", clock=lambda: 50.0)

    _, found = play(flow, said({"access_token": jwt(**content)}))

    assert found.lifetime == lifetime
    assert found.is_fresh(50.0 + renew_after - 0.01)
    assert not found.is_fresh(50.0 + renew_after)


@pytest.mark.parametrize("token", ["opaque-token", "a.b.c", "a.!!!.c", "a.e30.c"])
def test_a_token_that_cannot_be_read_is_used_all_the_same(token):
    _, found = play(get_app_jwt(SETTINGS, "https://s.liveperson.net"), said({"access_token": token}))

    assert found.token.reveal() == token
    assert found.lifetime == 3600.0


def test_another_accounts_token_is_not_used():
    with pytest.raises(ServiceError, match=r"^Sentinel answered with another account's AppJWT\."):
        play(
            get_app_jwt(SETTINGS, "https://s.liveperson.net"),
            said({"access_token": jwt(aud="87654321")}),
        )


@pytest.mark.parametrize("status", [400, 401, 403])
def test_refused_credentials_say_where_to_look(status):
    answer = said({"error": "invalid_client", "error_description": "no such client"}, status=status)

    with pytest.raises(CredentialsError) as caught:
        play(get_app_jwt(SETTINGS, "https://s.liveperson.net"), answer)

    assert str(caught.value) == (
        f"Sentinel refused LP_CLIENT_ID and LP_CLIENT_SECRET (HTTP {status}: invalid_client, no such client)"
        ". Check them against the app installation on account 12345678."
    )


@pytest.mark.parametrize(
    "description",
    [
        "bad secret the+secret/1",
        "bad secret the%2Bsecret%2F1",
        "client_secret=the%2Bsecret%2F1&grant_type=x",
        # Cut at any length, half a secret must not be left at the end.
        *("x" * length + "the+secret/1" for length in range(185, 200)),
    ],
)
def test_a_secret_that_sentinel_echoes_is_not_shown(description):
    for answer in (
        said({"error_description": description}, status=401),
        said({"error": {"echo": description}}, status=401),
        said({"message": description}, status=404),
    ):
        with pytest.raises(ServiceError) as caught:
            play(get_app_jwt(SETTINGS, "https://s.liveperson.net"), answer)

        assert "secret/1" not in str(caught.value)
        assert "secret%2F1" not in str(caught.value)
        assert "the+" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (said({"token_type": "Bearer"}), " (HTTP 200)"),
        (said({"access_token": ""}), " (HTTP 200)"),
        (said({"access_token": 7}), " (HTTP 200)"),
        (said({"access_token": "a\r\nX-Header: 1"}), " (HTTP 200)"),
        (said({"access_token": "é"}), " (HTTP 200)"),
        (said({"access_token": "x" * 16385}), " (HTTP 200)"),
        (said({"access_token": "x"}, status=404), " (HTTP 404)"),
        (said(b"<html>"), " (HTTP 200: its answer is not JSON: Expecting value at line 1, column 1)"),
        (said([]), " (HTTP 200)"),
    ],
)
def test_an_answer_without_a_usable_token_is_an_error(answer, reason):
    with pytest.raises(ServiceError) as caught:
        play(get_app_jwt(SETTINGS, "https://s.liveperson.net"), answer)

    assert str(caught.value) == f"Sentinel gave no AppJWT{reason}."
    assert not isinstance(caught.value, CredentialsError)


@pytest.mark.parametrize("token", ["x", "a.b", "a.b.c.d", "a.é.c", "a." + "e" * 3 + ".c", "..", "a.W10.c"])
def test_claims_that_cannot_be_read_are_none(token):
    assert claims(Secret(token)) == {}


# IDP


def test_the_consumer_jws_is_asked_for_with_the_raw_app_jwt():
    steps, found = play(
        get_consumer_jws(SETTINGS, "https://va.idp.liveperson.net", Secret("app-jwt"), "anna ☕"),
        said({"token": "jws"}, status=201),
    )

    (request,) = steps
    assert request.method == "POST"
    assert str(request.url) == "https://va.idp.liveperson.net/api/account/12345678/consumer?v=1.0"
    assert request.headers["authorization"] == "app-jwt"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.content) == {"ext_consumer_id": "anna ☕"}
    assert found.reveal() == "jws"


def test_an_idp_that_refuses_the_app_jwt_gives_none():
    flow = get_consumer_jws(SETTINGS, "https://i.liveperson.net", Secret("app-jwt"), "anna")

    assert play(flow, said({}, status=401))[1] is None


def test_another_consumers_token_is_not_used():
    flow = get_consumer_jws(SETTINGS, "https://i.liveperson.net", Secret("app-jwt"), "anna")

    with pytest.raises(ServiceError, match=r"^The IDP answered with another consumer's ConsumerJWS\."):
        play(flow, said({"token": jwt(ext_consumer_id="bob")}, status=201))


def test_an_idp_that_gives_no_token_is_an_error_that_shows_neither_token_nor_secret():
    flow = get_consumer_jws(SETTINGS, "https://i.liveperson.net", Secret("opaque-app-token"), "anna")

    with pytest.raises(ServiceError) as caught:
        play(
            flow, said({"message": "no: opaque-app-token, the+secret/1", "internalErrorCode": 7}, status=400)
        )

    assert str(caught.value) == (
        "The IDP gave no ConsumerJWS for this consumer (HTTP 400: 7, no: ********, ********). "
        "Is ext_consumer_id acceptable?"
    )


# Patience


def ask() -> Request:
    return Request("GET", "https://api.liveperson.net/")


def test_a_5xx_is_waited_out_after_5_10_and_15_seconds():
    failed = Exchange(status=503)

    steps, found = play(
        with_retries(ask, "Sentinel"), failed, None, Exchange(status=500), None, failed, None, said({})
    )

    assert [step for step in steps if isinstance(step, Sleep)] == [Sleep(5.0), Sleep(10.0), Sleep(15.0)]
    assert sum(isinstance(step, Request) for step in steps) == 4
    assert found.status == 200


def test_after_four_tries_it_is_given_up():
    failed = Exchange(status=503)

    with pytest.raises(ServiceError, match=r"^Sentinel answered HTTP 503, tried 4 times\.$"):
        play(with_retries(ask, "Sentinel"), failed, None, failed, None, failed, None, failed)


def test_no_answer_is_waited_out_the_same_way():
    cut = Exchange(failure="the connection was cut")

    steps, _ = play(with_retries(ask, "IDP"), cut, None, said({}))
    assert steps[1] == Sleep(5.0)

    with pytest.raises(
        ServiceError, match=r"^IDP could not be reached: the connection was cut, tried 4 times\.$"
    ):
        play(with_retries(ask, "IDP"), cut, None, cut, None, cut, None, cut)


@pytest.mark.parametrize(("asked", "waited"), [(None, 5.0), (0.0, 5.0), (1.0, 5.0), (7.5, 7.5), (60.0, 60.0)])
def test_429_is_waited_out_for_at_least_five_seconds(asked, waited):
    steps, _ = play(with_retries(ask, "IDP"), Exchange(status=429, retry_after=asked), None, said({}))

    assert steps[1] == Sleep(waited)


def test_an_absurd_retry_after_is_not_waited_for():
    with pytest.raises(ServiceError) as caught:
        play(with_retries(ask, "IDP"), Exchange(status=429, retry_after=86400.0))

    assert str(caught.value) == "IDP answered HTTP 429 and asks for a pause of 86400 s."


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 418])
def test_another_4xx_is_not_asked_again(status):
    steps, found = play(with_retries(ask, "IDP"), Exchange(status=status))

    assert len(steps) == 1
    assert found.status == status


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_with_its_host_named(status):
    with pytest.raises(ServiceError) as caught:
        play(with_retries(ask, "Sentinel"), Exchange(status=status, location="evil.example"))

    assert str(caught.value) == (
        "Sentinel answered with a redirect to evil.example. Redirects are not followed."
    )


def test_each_try_is_a_request_of_its_own():
    steps, _ = play(with_retries(ask, "IDP"), Exchange(status=500), None, said({}))

    assert steps[0] is not steps[2]


# The account's throttle


def throttle(scale: float = 1.0, jitter: float = 0.5) -> tuple[Throttle, list[float]]:
    now = [100.0]
    return Throttle(scale, clock=lambda: now[0], jitter=lambda: jitter), now


def test_a_throttled_account_rests_for_at_least_a_second():
    held, now = throttle()
    assert held.pause() is None

    held.hold(0.0)

    assert held.pause() == Sleep(1.25)
    now[0] += 1.0
    assert held.pause() is None


def test_the_longest_rest_that_was_asked_for_counts():
    held, now = throttle(jitter=0.0)

    held.hold(20.0)
    held.hold(3.0)

    assert held.pause() == Sleep(20.0)
    now[0] += 19.0
    assert held.pause() == Sleep(1.0)


def test_backing_off_doubles_with_jitter():
    held, _ = throttle()

    assert [held.backoff(failures) for failures in (1, 2, 3)] == [Sleep(0.75), Sleep(1.5), Sleep(3.0)]


def test_one_switch_scales_every_wait():
    held, _ = throttle(scale=0.0)

    held.hold(3600.0)

    assert held.pause() is None
    assert held.wait(15.0) == Sleep(0.0)
    assert held.backoff(5) == Sleep(0.0)


def test_the_url_of_a_flow_is_always_the_documented_one():
    steps, _ = play(
        find_domains(Settings("a_B", "i", "s")), said([row(s, h, account="a_B") for s, h in THREE.items()])
    )

    assert urlsplit(str(steps[0].url)).path == "/api/account/a_B/service/baseURI.json"


BROKEN = Exchange(status=200, failure="the answer broke off")


def test_a_reply_that_breaks_off_is_asked_for_again():
    flow = with_retries(lambda: Request("GET", "https://api.liveperson.net/"), "Domain API")
    next(flow)

    assert flow.send(BROKEN) == Sleep(5.0)


def test_a_reply_that_breaks_off_four_times_is_an_error_that_says_so():
    flow = with_retries(lambda: Request("GET", "https://api.liveperson.net/"), "Domain API")
    next(flow)
    for pause in (Sleep(5.0), Sleep(10.0), Sleep(15.0)):
        assert flow.send(BROKEN) == pause
        assert isinstance(flow.send(None), Request)

    with pytest.raises(ServiceError) as caught:
        flow.send(BROKEN)

    assert str(caught.value) == "Domain API gave no usable answer: the answer broke off, tried 4 times."


def test_an_absurd_retry_after_holds_every_caller_of_the_account():
    held, now = throttle()
    held.hold(300.0)

    now[0] += 100.0

    assert held.pause() == Sleep(200.25)


def test_a_retry_after_holds_for_an_hour_at_the_most():
    held, _ = throttle(jitter=0.0)

    held.hold(1e9)

    assert held.pause() == Sleep(3600.0)


def test_a_throttle_without_patience_asks_no_service_again():
    impatient = Throttle(retry=False)

    assert impatient.retry_delay(5.0) is None
    assert impatient.wait(5.0) == Sleep(5.0)


@pytest.mark.parametrize("scale", [-1, float("nan"), float("inf"), "1", None])
def test_a_scale_of_waits_is_a_number_from_0_up(scale):
    with pytest.raises(ValueError, match=r"^wait_scale must be a number from 0 up; got "):
        Throttle(scale)


# CONVERSATION


def test_while_a_send_waits_for_its_answer_its_variables_hold_no_token():
    class Context:
        origin, account_id, largest_body = ORIGINS["asyncMessagingEnt"], "12345678", 1 << 20
        throttle, observer, secrets = Throttle(), None, ()

        def tokens(self):
            return Secret("an-app-jwt"), Secret("a-consumer-jws")

    flow = post(ConversationBatch(), "anna", Context())
    headers = next(flow).headers

    assert (headers["Authorization"], headers["X-LP-ON-BEHALF"]) == ("an-app-jwt", "a-consumer-jws")
    variables = repr(flow.gi_frame.f_locals)
    assert [token for token in ("an-app-jwt", "a-consumer-jws") if token in variables] == []
