"""Rate limits: a token bucket an account, on the sandbox's own clock."""

import pytest

from lpnb.sandbox.faults.rate_limits import RateLimits, make_limit
from lpnb.sandbox.world.loader import default_world
from lpnb.sandbox.world.models import Account, World

LIST = "/api/account/12345678/service/baseURI.json?version=1.0"


@pytest.fixture
def limited(connector, sandbox):
    """The status of a CONVERSATION under a clock that stands still."""
    headers = connector.headers()
    sandbox.freeze_clock()
    return lambda: connector.post(headers=headers).status_code


def test_what_comes_too_fast_is_429_until_the_clock_moves(sandbox, limited):
    sandbox.rate_limit(2, burst=3)

    assert [limited() for _ in range(5)] == [200, 200, 200, 429, 429]
    sandbox.advance(0.5)
    assert [limited() for _ in range(2)] == [200, 429]
    sandbox.advance(60)
    assert [limited() for _ in range(4)] == [200, 200, 200, 429]


def test_a_429_does_nothing_and_has_neither_body_nor_retry_after(connector, sandbox):
    headers = connector.headers("anna"), connector.headers("berta")
    sandbox.rate_limit(0.001, burst=1)
    connector.post(headers=headers[0])

    reply = connector.post(headers=headers[1])

    assert (reply.status_code, reply.content) == (429, b"")
    assert "retry-after" not in reply.headers
    assert len(sandbox.conversations) == 1
    assert [(record.status, record.fault) for record in sandbox.requests[-2:]] == [
        (200, None),
        (429, "rate_limit"),
    ]


def test_retry_after_says_when_the_next_one_is_let_in(connector, sandbox, limited):
    sandbox.rate_limit(0.1, retry_after=True)
    limited()
    sandbox.advance(2.5)

    reply = connector.post(headers={})

    assert reply.headers["retry-after"] == "8"


def test_a_limit_may_have_a_body(connector, sandbox, limited):
    body = {"errorMessage": "Rate limit hit", "errorCode": 1029}
    sandbox.rate_limit(0.1, body=body)
    limited()

    assert connector.post(headers={}).json() == body


def test_the_other_services_are_not_counted_unless_asked_for(connector, sandbox):
    sandbox.rate_limit(0.001)
    assert [connector.http.get(LIST).status_code for _ in range(3)] == [200, 200, 200]

    sandbox.rate_limit(0.001, routes=["domain"])

    assert [connector.http.get(LIST).status_code for _ in range(2)] == [200, 429]


def test_a_limit_of_another_account_leaves_this_one_alone(connect):
    bank = default_world().accounts[0]
    other = Account(id="999", installations=list(bank.installations))
    connector = connect(world=World(accounts=[bank, other]))
    headers = connector.headers()
    connector.sandbox.rate_limit(0.001, account_id="999")

    assert [connector.post(headers=headers).status_code for _ in range(2)] == [200, 200]
    assert list(connector.sandbox.rate_limits) == ["999"]


def test_an_account_nobody_plays_is_refused(sandbox):
    with pytest.raises(ValueError, match="account_id") as caught:
        sandbox.rate_limit(1, account_id="999")

    assert str(caught.value) == "account_id must be one of '12345678', '87654321'; got '999'."
    assert sandbox.rate_limits == {}


def test_conversation_and_send_count_together(connector, sandbox):
    conversation_id = connector.open()
    headers = connector.headers()
    frame = {"kind": "req", "id": "1", "type": "ms.PublishEvent"}
    frame |= {"body": {"dialogId": conversation_id, "event": {"type": "ChatStateEvent", "chatState": "GONE"}}}
    sandbox.freeze_clock()
    sandbox.rate_limit(0.001, burst=3)

    sent = [connector.post(frame, headers=headers, path=connector.send_path).status_code for _ in range(2)]
    opened = connector.post(headers=headers).status_code
    more = connector.post(frame, headers=headers, path=connector.send_path).status_code

    assert (sent, opened, more) == ([200, 200], 200, 429)
    assert sandbox.rate_limits["12345678"].routes == ("conversation", "send")


def test_a_lifted_limit_is_gone(sandbox, limited):
    sandbox.rate_limit(0.001)
    limited()

    sandbox.rate_limit(None)

    assert limited() == 200
    assert sandbox.rate_limits == {}


def test_a_refused_request_uses_up_no_fault(sandbox, limited):
    sandbox.rate_limit(0.001)
    limited()
    sandbox.fail("conversation", "status", code=500)

    assert limited() == 429
    assert sandbox.faults == [("conversation", "status", 1)]


def test_at_any_rate_no_more_get_through_than_burst_plus_rate_times_time():
    limits = RateLimits()
    limits.set("a", make_limit(30, 10), 0.0)

    let_in = sum(limits.refuse("a", "conversation", step / 1000) is None for step in range(10_000))

    assert 309 <= let_in <= 310


def test_a_clock_that_is_set_back_gives_nothing():
    limits = RateLimits()
    limits.set("a", make_limit(1, 1), 1000.0)
    limits.refuse("a", "conversation", 1000.0)

    assert limits.refuse("a", "conversation", 5.0) is not None
    assert limits.refuse("a", "conversation", 6.0) is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rate": 0}, "rate must be a number above 0; got 0."),
        ({"rate": float("nan")}, "rate must be a number above 0; got nan."),
        ({"rate": 1, "burst": 0.5}, "burst must be 1 or more; got 0.5."),
        ({"rate": 1, "retry_after": 5}, "retry_after must be True or False; got 5."),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(sandbox, options, sentence):
    with pytest.raises(ValueError, match="must be") as caught:
        sandbox.rate_limit(**options)

    assert str(caught.value) == sentence


def test_an_unknown_route_is_refused(sandbox):
    with pytest.raises(ValueError, match=r"route must be one of 'domain', 'sentinel', .*; got 'nowhere'\."):
        sandbox.rate_limit(1, routes=["nowhere"])
