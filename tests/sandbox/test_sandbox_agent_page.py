"""The agent's page without a browser: what it shows, what it escapes, what it refuses, what it streams."""

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from lpnb.sandbox import Sandbox
from lpnb.sandbox.agent_page import inbox
from lpnb.sandbox.agent_page.markup import Html, escape, tag
from lpnb.sandbox.agent_page.wording import consumer_name, message_text, sde_groups
from lpnb.sandbox.state.state_file import StateFileError

EVIL = "<script>alert('x')</script>\"&"
SHOWN = "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&quot;&amp;"


class Reader(HTMLParser):
    """Tags and text of a page, for asserting on what a browser would make of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((name, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def token(self) -> str:
        return next(
            str(attributes["value"]) for name, attributes in self.tags if attributes.get("name") == "token"
        )


def opened(connector: Any, ext_consumer_id: str = "anna", **options: Any) -> str:
    reply = connector.post(connector.batch(**options), headers=connector.headers(ext_consumer_id))
    return str(reply.json()[1]["body"]["conversationId"])


def consumer_says(sandbox: Sandbox, conversation_id: str, event: dict[str, Any]) -> None:
    found = sandbox._state.conversation(conversation_id)
    assert found
    sandbox._state.publish(
        conversation_id, conversation_id, event, originator_id=found.lp_consumer_id, role="CONSUMER"
    )


def text(message: str) -> dict[str, Any]:
    return {"type": "ContentEvent", "message": message, "contentType": "text/plain"}


def page(connector: Any, conversation_id: str | None = None) -> Reader:
    path = "/" if conversation_id is None else f"/agent/conversations/{conversation_id}"
    return Reader(connector.http.get(path).text)


def act(connector: Any, conversation_id: str, verb: str, **form: str) -> httpx.Response:
    """What the page's script sends when a button is pressed."""
    fields = {"token": page(connector, conversation_id).token()} | form
    reply = connector.http.post(
        f"/agent/conversations/{conversation_id}/{verb}", data=fields, headers={"Accept": "application/json"}
    )
    assert isinstance(reply, httpx.Response)
    return reply


# --- what it shows -------------------------------------------------------------------------------------


def test_the_empty_page_teaches_how_to_open_the_first_conversation(connector: Any) -> None:
    shown = page(connector).text

    assert "No conversation yet" in shown
    assert f'"LP_DOMAIN_API": "{connector.sandbox.base}"' in shown
    assert f"BASE={connector.sandbox.base}" in shown


def test_the_python_lines_of_the_empty_page_open_a_conversation(connector: Any) -> None:
    (code,) = re.findall(r"import lpnb\n.*?\]\)", page(connector).text, re.DOTALL)

    exec(compile(code, "the page", "exec"), {})

    assert [item.ext_consumer_id for item in connector.sandbox.conversations] == ["anna-1"]


def test_a_secret_that_somebody_chose_is_not_on_the_page(connect: Any) -> None:
    connector = connect(client_secret="chosen-by-somebody")

    assert "chosen-by-somebody" not in connector.http.get("/").text


def test_the_list_shows_name_skill_source_and_what_is_unread(connector: Any) -> None:
    sdes = [{"type": "personal", "personal": {"firstname": "Anna", "lastname": "Ek"}}]
    campaign = {"campaignId": "880524010", "engagementId": "880524110"}
    conversation_id = opened(connector, sdes=sdes, campaignInfo=campaign)
    consumer_says(connector.sandbox, conversation_id, text("I lost my card."))

    shown = page(connector).text

    for wanted in (
        "Anna Ek",
        "Cards & Payments",
        "Lost or Stolen Card",
        "I lost my card.",
        "1 unread",
        "Waiting",
    ):
        assert wanted in shown
    connector.sandbox.agent_says(conversation_id, "Blocked.")
    assert "1 unread" not in page(connector).text
    assert "You: Blocked." in page(connector).text


def test_without_a_campaign_the_source_is_the_connectors_name(connector: Any) -> None:
    assert "Sandbox Connector" in page(connector, opened(connector)).text


def test_the_consumer_info_card_marks_what_was_reported_without_proof(connector: Any) -> None:
    sandbox = connector.sandbox
    visit = sandbox._state.visits.start(connector.sandbox.account_id, sandbox.client_id)
    element = {"type": "cart", "numItems": 3, "total": 20.5}
    sandbox._state.visits.report(visit.session_id, attributes=[element])
    context = {"type": "SharkContext", "sessionId": visit.session_id, "visitorId": visit.visitor_id}
    sdes = [
        {
            "type": "ctmrinfo",
            "info": {"ctype": "vip", "registrationDate": {"day": 3, "month": 2, "year": 2019}},
        }
    ]
    conversation_id = opened(connector, sdes=sdes, conversationContext=context)

    shown = " ".join(page(connector, conversation_id).text.split())

    assert "Customer info Customer typevipRegistered3 Feb 2019" in shown
    assert "Cart UnauthenticatedItems3Total20.5" in shown
    assert shown.count("Unauthenticated") == 1


def test_the_routing_trace_says_which_rule_decided_and_why_the_others_did_not(connector: Any) -> None:
    sdes = [{"type": "ctmrinfo", "info": {"ctype": "vip"}}]
    conversation_id = opened(connector, sdes=sdes)

    shown = page(connector, conversation_id).text

    for wanted in (
        "Private Clients (2741903013)",
        "Decided by: Customer Info rule.",
        "No campaignInfo was sent.",
        "No skillId was sent.",
        "Customer Info ctype 'vip' maps to 'Private Clients'.",
    ):
        assert wanted in shown


def test_every_engagement_says_why_it_matched_or_not(connector: Any) -> None:
    installation = f"/api/account/12345678/app/{connector.sandbox.client_id}/engagement?v=1.1"
    seen = connector.http.post(installation, json={"entryPoints": ["sec://payments"]}).json()
    context = {"type": "SharkContext", "visitorId": seen["visitorId"], "sessionId": seen["sessionId"]}

    asked = page(connector, opened(connector, "asked", conversationContext=context)).text
    unasked = page(connector, opened(connector, "unasked")).text

    assert "Monitoring was asked in the session that the conversation names." in asked
    assert "2 matched" in asked
    assert "Help on the payments page 888889Every condition holds." in asked
    assert "No entry point is 'tel://*' or 'sec://lost-card'." in asked
    assert "Monitoring was not asked" in unasked
    assert "1 matched" in unasked


def test_of_many_conversations_the_latest_are_listed(connector: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MAX_LISTED", 2)
    page(connector)
    for number in range(3):
        opened(connector, f"consumer-{number}")

    shown = page(connector).text

    assert "consumer-0" not in shown
    assert "consumer-1" in shown
    assert "consumer-2" in shown


def test_an_unknown_conversation_is_a_404_with_a_way_back(connector: Any) -> None:
    reply = connector.http.get("/agent/conversations/nowhere")

    assert reply.status_code == 404
    assert "There is no such conversation" in reply.text


# --- what it escapes -----------------------------------------------------------------------------------


def test_every_field_that_a_client_fills_shows_as_text(connector: Any) -> None:
    sandbox = connector.sandbox
    sdes = [
        {"type": "personal", "personal": {"firstname": EVIL, "lastname": EVIL, EVIL: EVIL}},
        {"type": "ctmrinfo", "info": {"ctype": EVIL, "customerId": [EVIL], "socialId": {EVIL: {"a": EVIL}}}},
        {"type": EVIL, EVIL: EVIL},
    ]
    conversation_id = opened(connector, EVIL, sdes=sdes, skillId=EVIL, campaignInfo={"campaignId": EVIL})
    consumer_says(sandbox, conversation_id, text(EVIL))
    consumer_says(
        sandbox, conversation_id, {"type": "RichContentEvent", "content": {"type": "text", "text": EVIL}}
    )
    consumer_says(
        sandbox, conversation_id, {"type": "ContentEvent", "message": {"caption": EVIL, "fileType": EVIL}}
    )
    sandbox.agent_says(conversation_id, EVIL)
    sandbox.agent_notes(conversation_id, EVIL)
    sandbox._state.change_skill(conversation_id, EVIL, EVIL, by=EVIL)
    sandbox._state.join_agent(conversation_id, EVIL)
    sandbox._state.close_conversation(conversation_id, by=EVIL)

    for path in ("/", f"/agent/conversations/{conversation_id}", "/agent/conversations/<script>"):
        html = connector.http.get(path).text
        names = [name for name, _ in Reader(html).tags]
        assert names.count("script") == 1
        assert "<script>" not in html
        assert not {
            attribute for _, pairs in Reader(html).tags for attribute in pairs if attribute.startswith("on")
        }
    assert "<code>&lt;script&gt;</code>" in html
    assert connector.http.get(f"/agent/conversations/{conversation_id}").text.count(SHOWN) > 12


def test_text_that_no_html_may_hold_is_replaced() -> None:
    assert (
        escape("a\x00b\x1bc\nd\ud800")
        == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c\nd\N{REPLACEMENT CHARACTER}"
    )


def test_markup_is_made_of_elements_and_escaped_attributes_only() -> None:
    made = tag("a", ["<", Html("<b></b>"), None, False, 0], href='"', class_="x", data_live=True)

    assert made == '<a href="&quot;" class="x" data-live>&lt;<b></b>0</a>'


def test_sdes_of_any_shape_are_facts_or_left_out() -> None:
    elements: list[Any] = [
        None,
        7,
        {"type": "personal", "personal": 5},
        {"type": "cart", "products": [{"a": {"b": 1}}, 2]},
    ]

    found = sde_groups(elements, authenticated=False)

    assert [(fact.path, fact.value) for group in found for fact in group.facts] == [
        ("personal.personal", "5"),
        ("cart.products", '[{"a": {"b": 1}}, 2]'),
    ]
    assert consumer_name([{"personal": {"firstname": 5}}], "anna") == "anna"


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        ({"type": "ContentEvent", "message": "Hi"}, "Hi"),
        ({"type": "ContentEvent", "message": {"caption": "Bill", "fileType": "JPEG"}}, "File: Bill (JPEG)"),
        (
            {"type": "RichContentEvent", "content": {"elements": [{"type": "button", "title": "Yes"}]}},
            "[Yes]",
        ),
        ({"type": "RichContentEvent", "content": 5}, "Structured content"),
        ({"type": "Other", "x": 1}, '{"type": "Other", "x": 1}'),
    ],
)
def test_a_message_of_any_kind_has_words(event: dict[str, Any], wanted: str) -> None:
    assert message_text(event) == wanted


# --- what the buttons do -------------------------------------------------------------------------------


def test_a_reply_is_published_as_the_agent_who_serves_the_skill(connector: Any) -> None:
    conversation_id = opened(connector)

    assert act(connector, conversation_id, "reply", text="Hello\r\nAnna ").status_code == 204

    (message,) = connector.sandbox._state.messages(conversation_id)
    assert (message.event, message.role, message.audience) == (text("Hello\nAnna"), "ASSIGNED_AGENT", "ALL")
    assert connector.sandbox.conversations[0].agents == (("3180255701", "ASSIGNED_AGENT"),)


def test_a_button_is_answered_when_what_it_did_is_on_the_disk(connect: Any) -> None:
    connector = connect()
    conversation_id = opened(connector)
    token = page(connector, conversation_id).token()
    written: Future[None] = Future()
    connector.sandbox._state.ledger.store = lambda events: written
    path = f"/agent/conversations/{conversation_id}/reply"
    form = {"token": token, "text": "Hello"}

    with pytest.raises(httpx.ReadTimeout):
        connector.http.post(path, data=form, timeout=0.3)
    written.set_result(None)

    assert connector.http.post(path, data=form).status_code == 303


def test_a_button_says_when_what_it_did_cannot_be_stored(connect: Any) -> None:
    connector = connect()
    conversation_id = opened(connector)
    token = page(connector, conversation_id).token()
    failed: Future[None] = Future()
    failed.set_exception(StateFileError("The disk is full."))
    connector.sandbox._state.ledger.store = lambda events: failed

    reply = connector.http.post(
        f"/agent/conversations/{conversation_id}/reply", data={"token": token, "text": "Hello"}
    )

    assert (reply.status_code, reply.json()) == (500, {"error": "The disk is full."})


def test_a_private_note_is_for_agents_only(connector: Any) -> None:
    conversation_id = opened(connector)

    act(connector, conversation_id, "reply", text="Checked.", audience="note")

    assert connector.sandbox._state.messages(conversation_id)[0].audience == "AGENTS_AND_MANAGERS"
    assert "private note" in page(connector, conversation_id).text


def test_joining_reading_transferring_closing_and_resuming_work(connector: Any) -> None:
    sandbox = connector.sandbox
    conversation_id = opened(connector)
    consumer_says(sandbox, conversation_id, text("Hi"))

    done = [
        act(connector, conversation_id, verb, **form).status_code
        for verb, form in (
            ("join", {}),
            ("read", {}),
            ("typing", {"chat_state": "COMPOSING"}),
            ("transfer", {"skill": "2741903015"}),
            ("close", {}),
            ("resume", {}),
        )
    ]

    assert done == [204] * 6
    (found,) = sandbox.conversations
    assert (found.skill_name, found.stage, found.agents) == ("Online Access", "OPEN", ())
    assert [message.event["type"] for message in sandbox._state.messages(conversation_id)] == [
        "ContentEvent",
        "AcceptStatusEvent",
    ]


def test_without_the_script_a_button_leads_back_to_the_conversation(connector: Any) -> None:
    conversation_id = opened(connector)
    token = page(connector, conversation_id).token()

    reply = connector.http.post(
        f"/agent/conversations/{conversation_id}/reply", data={"token": token, "text": "Hello"}
    )

    assert reply.status_code == 303
    assert reply.headers["location"] == f"/agent/conversations/{conversation_id}"


def test_what_cannot_be_done_is_said(connector: Any) -> None:
    conversation_id = opened(connector)

    empty = act(connector, conversation_id, "reply", text=" ")
    nowhere = act(connector, conversation_id, "transfer", skill="Nobody")
    connector.sandbox.agent_closes(conversation_id)
    closed = act(connector, conversation_id, "typing")

    assert (empty.status_code, empty.json()) == (409, {"error": "text must not be empty."})
    assert nowhere.status_code == 404
    assert nowhere.json()["error"].startswith("skill must be one of 'General Enquiries', 'Cards & Payments'")
    assert (closed.status_code, closed.json()["error"]) == (
        409,
        f"Conversation '{conversation_id}' is closed.",
    )


# --- what it refuses -----------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "", "wrong", "ä"])
def test_without_the_token_of_this_start_nothing_is_done(connector: Any, token: str | None) -> None:
    conversation_id = opened(connector)
    fields = {"text": "Hello"} | ({} if token is None else {"token": token})

    reply = connector.http.post(f"/agent/conversations/{conversation_id}/reply", data=fields)

    assert reply.status_code == 403
    assert connector.sandbox._state.messages(conversation_id) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
        {"Host": "va.msg.liveperson.net"},
    ],
)
def test_other_sites_and_other_names_are_refused_with_a_good_token_too(
    connector: Any, headers: dict[str, str]
) -> None:
    conversation_id = opened(connector)
    fields = {"text": "Hello", "token": page(connector, conversation_id).token()}

    reply = connector.http.post(f"/agent/conversations/{conversation_id}/reply", data=fields, headers=headers)

    assert reply.status_code == 403
    assert connector.sandbox._state.messages(conversation_id) == []


def test_the_page_itself_does_not_answer_to_liveperson_names(connector: Any) -> None:
    for path in ("/", "/agent/events"):
        assert connector.http.get(path, headers={"Host": "va.msg.liveperson.net"}).status_code == 403


def test_looking_changes_nothing_and_doing_wants_a_post_of_a_form(connector: Any) -> None:
    conversation_id = opened(connector)
    before = connector.sandbox._state.ledger.sequence
    path = f"/agent/conversations/{conversation_id}"

    assert connector.http.get(path).status_code == 200
    assert connector.http.get(f"{path}/close").status_code == 405
    assert connector.http.post(path).status_code == 405
    assert connector.http.post(f"{path}/close", json={"token": "x"}).status_code == 415
    assert connector.http.post(f"{path}/explode", data={}).status_code == 404
    assert connector.sandbox._state.ledger.sequence == before


@pytest.mark.parametrize(
    "path", ["/", "/agent/static/agent.js", "/agent/static/nothing", "/agent/conversations/x"]
)
def test_every_answer_forbids_inline_code_framing_and_guessing_of_types(connector: Any, path: str) -> None:
    headers = connector.http.get(path).headers

    assert headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def test_nothing_on_the_page_is_inline_or_from_elsewhere(connector: Any) -> None:
    html = connector.http.get(f"/agent/conversations/{opened(connector)}").text

    assert "style=" not in html
    for _, attributes in Reader(html).tags:
        for name in ("src", "href", "action"):
            if name in attributes:
                assert str(attributes[name]).startswith(("/", "#"))
                assert not str(attributes[name]).startswith("//")


# --- what it streams -----------------------------------------------------------------------------------


class Listener:
    """An open event stream, read in a thread."""

    def __init__(self, base: str, **options: Any) -> None:
        self.http = httpx.Client(base_url=base, trust_env=False, timeout=5)
        self.response = self.http.send(
            self.http.build_request("GET", "/agent/events", **options), stream=True
        )
        self.lines = self.response.iter_lines()

    def next(self) -> tuple[int, Any]:
        """The next event's id and data."""
        number = 0
        for line in self.lines:
            if line.startswith("id: "):
                number = int(line[4:])
            if line.startswith("data: "):
                return number, json.loads(line[6:])
        raise AssertionError("The stream ended.")

    def close(self) -> None:
        self.response.close()
        self.http.close()


@pytest.fixture
def listen(connector: Any) -> Iterator[Any]:
    made: list[Listener] = []

    def start(**options: Any) -> Listener:
        made.append(Listener(connector.sandbox.base, **options))
        return made[-1]

    yield start
    for listener in made:
        listener.close()


def test_the_stream_names_the_conversation_that_changed(connector: Any, listen: Any) -> None:
    listener = listen()
    assert listener.response.headers["content-type"] == "text/event-stream;charset=utf-8"

    conversation_id = opened(connector)

    assert listener.next() == (connector.sandbox._state.ledger.sequence, {"changed": [conversation_id]})


def test_a_client_that_comes_back_is_told_to_look_again_only_when_it_missed_something(
    connector: Any, listen: Any
) -> None:
    opened(connector)
    sequence = connector.sandbox._state.ledger.sequence
    late = listen(headers={"Last-Event-ID": str(sequence - 1)})
    current = listen(headers={"Last-Event-ID": str(sequence)})
    stranger = listen(params={"since": "9" * 15})

    assert late.next() == (sequence, {"changed": None})
    assert stranger.next() == (sequence, {"changed": None})
    conversation_id = opened(connector, "bert")
    assert current.next()[1] == {"changed": [conversation_id]}


def test_what_changes_in_a_burst_is_told_together_and_in_bounds(connector: Any, listen: Any) -> None:
    page(connector)
    client_of = connector.sandbox._agent_page._inbox
    listener = listen()
    with connector.sandbox._state.ledger:
        for number in range(inbox._MAX_CHANGED + 5):
            client_of._clients[0].notify(str(number), number)

    assert listener.next()[1] == {"changed": None}
    assert client_of._clients[0].changed_ids == set()


def test_a_webhook_that_arrived_is_told_as_well_for_the_counters(connector: Any, listen: Any) -> None:
    listener = listen()
    connector.sandbox._server._loop.call_soon_threadsafe(connector.sandbox._dispatcher.settled)

    assert listener.next() == (connector.sandbox._state.ledger.sequence, {"changed": []})


def test_a_reset_tells_everybody_to_look_again(connector: Any, listen: Any) -> None:
    listener = listen()
    connector.sandbox.reset()

    assert listener.next()[1] == {"changed": None}


def test_streams_are_limited_in_number_and_free_their_place(
    connector: Any, listen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MAX_CLIENTS", 1)
    first = listen()
    assert first.response.status_code == 200
    assert connector.http.get("/agent/events").status_code == 503
    left = threading.Event()
    leave = connector.sandbox._agent_page._inbox.leave
    monkeypatch.setattr(
        connector.sandbox._agent_page._inbox, "leave", lambda client: (leave(client), left.set())
    )
    first.close()

    assert left.wait(5)
    assert listen().response.status_code == 200


def test_a_sandbox_stops_at_once_while_a_page_listens() -> None:
    with Sandbox() as sandbox:
        listener = Listener(sandbox.base)
        assert listener.response.status_code == 200
    with pytest.raises(httpx.RemoteProtocolError):
        listener.next()
    listener.close()


def test_nobody_follows_the_ledger_until_the_page_is_opened() -> None:
    with Sandbox() as sandbox:
        assert sandbox._state.ledger._listeners == ()
        httpx.get(sandbox.base, trust_env=False)
        assert len(sandbox._state.ledger._listeners) == 1
    assert sandbox._state.ledger._listeners == ()
