"""The agent's page of the sandbox in a real browser: what a person does there, live."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import lpnb
from lpnb.sandbox import Sandbox

Show = Callable[..., Page]


class Hook:
    """A webhook receiver that keeps what came."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def texts(self) -> list[tuple[str, str]]:
        """Role and text of every message that came."""
        changes = [change for body in self.bodies for change in body["body"]["changes"]]
        return [
            (change["originatorMetadata"]["role"], change["event"]["message"])
            for change in changes
            if change.get("event", {}).get("type") == "ContentEvent"
        ]


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def sandbox(hook: Hook) -> Iterator[Sandbox]:
    with Sandbox(seed="browser", webhook=hook.url) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[lpnb.Client]:
    with lpnb.Client(lpnb.Settings.of(sandbox.environment())) as made:
        yield made


def live(page: Page) -> Page:
    expect(page.locator("#live")).to_have_text("Live")
    return page


@pytest.fixture
def show(sandbox: Sandbox, open_page: Callable[..., Page]) -> Show:
    """``show(path)`` opens a page of the sandbox; it closes before the sandbox does."""
    return lambda path="/", **options: live(open_page(sandbox.base + path, **options))


def consumer_says(sandbox: Sandbox, conversation_id: str, message: str) -> None:
    found = sandbox._state.conversation(conversation_id)
    assert found
    event = {"type": "ContentEvent", "message": message, "contentType": "text/plain"}
    sandbox._state.publish(
        conversation_id, conversation_id, event, originator_id=found.lp_consumer_id, role="CONSUMER"
    )


def test_a_conversation_appears_is_answered_and_the_webhook_arrives(
    show: Show, sandbox: Sandbox, client: lpnb.Client, hook: Hook
) -> None:
    page = show()
    expect(page.get_by_role("heading", name="No conversation yet")).to_be_visible()
    page.evaluate("window.notReloaded = true")

    reply = client.create_conversation(
        "anna-1",
        sdes=[
            lpnb.PersonalInfo(firstname="<script>alert(1)</script>", lastname="Ek"),
            lpnb.CustomerInfo(ctype="vip", customer_id="138766AC"),
        ],
    )
    row = page.get_by_role("link", name=re.compile("<script>alert"))
    expect(row).to_contain_text("<script>alert(1)</script> Ek")
    expect(row).to_contain_text("Private Clients")
    expect(row).to_contain_text("Sandbox Connector")
    assert page.evaluate("window.notReloaded") is True

    row.click()
    live(page)
    info = page.locator("#info")
    expect(info).to_contain_text("<script>alert(1)</script>")
    expect(info).to_contain_text("138766AC")
    expect(page.locator("#routing")).to_contain_text("Decided by: Customer Info rule.")
    page.evaluate("window.notReloaded = true")
    page.get_by_label("Your message").fill("Good morning 👋")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#thread .said-agent .bubble")).to_have_text("Good morning 👋")
    expect(page.get_by_label("Your message")).to_have_value("")

    assert reply.conversation_id
    consumer_says(sandbox, reply.conversation_id, "<img src=x onerror=alert(1)>")
    expect(page.locator("#thread .said-consumer .bubble")).to_have_text("<img src=x onerror=alert(1)>")
    assert page.evaluate("window.notReloaded") is True
    assert sandbox.webhooks_settled()
    assert hook.texts() == [
        ("ASSIGNED_AGENT", "Good morning 👋"),
        ("CONSUMER", "<img src=x onerror=alert(1)>"),
    ]
    expect(page.locator("#webhooks")).to_contain_text("delivered")


def test_the_keyboard_is_enough_from_the_list_to_the_closed_conversation(
    show: Show, sandbox: Sandbox, client: lpnb.Client
) -> None:
    conversation_id = client.create_conversation("bert").conversation_id
    assert conversation_id
    page = show()

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the conversation")).to_be_focused()
    page.get_by_role("link", name=re.compile("bert")).focus()
    page.keyboard.press("Enter")
    live(page)
    page.get_by_label("Your message").focus()
    page.keyboard.type("First line")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("second line")
    page.keyboard.press("Enter")
    expect(page.locator("#thread .said-agent .bubble")).to_have_text("First line\nsecond line")
    expect(page.get_by_label("Your message")).to_be_focused()
    page.get_by_label("Private note, for agents only").focus()
    page.keyboard.press("Space")
    page.get_by_label("Your message").focus()
    page.keyboard.type("A note")
    page.keyboard.press("Enter")
    expect(page.locator("#thread .said-note .bubble")).to_have_text("A note")
    page.get_by_role("button", name="Close", exact=True).focus()
    page.keyboard.press("Enter")

    expect(page.locator("#composer")).to_contain_text("This conversation is closed.")
    assert sandbox.conversations[0].closed_by == "AGENT"


def test_a_transfer_reading_and_typing_are_told(
    show: Show, sandbox: Sandbox, client: lpnb.Client, hook: Hook
) -> None:
    conversation_id = client.create_conversation("cleo").conversation_id
    assert conversation_id
    page = show(f"/agent/conversations/{conversation_id}")
    page.get_by_role("button", name="Take it").click()
    expect(page.locator("#facts")).to_contain_text("With Mira Castellan")
    consumer_says(sandbox, conversation_id, "Hello?")
    page.get_by_label("Your message").press_sequentially("H")
    found = sandbox._state.conversation(conversation_id)
    assert found
    typing = {"type": "ChatStateEvent", "chatState": "COMPOSING"}
    sandbox._state.publish(
        conversation_id, conversation_id, typing, originator_id=found.lp_consumer_id, role="CONSUMER"
    )
    expect(page.locator("#typing")).to_have_text("cleo is typing…")
    page.get_by_label("Transfer to skill").select_option("Mortgages & Loans")
    page.get_by_role("button", name="Transfer", exact=True).click()
    expect(page.locator("#facts")).to_contain_text("Mortgages & Loans")
    expect(page.locator("#thread")).to_contain_text("Transferred to Mortgages & Loans")

    assert sandbox.webhooks_settled()
    events = [change.get("event") for body in hook.bodies for change in body["body"]["changes"]]
    assert {"type": "AcceptStatusEvent", "status": "READ", "sequenceList": [0]} in events
    assert {"type": "ChatStateEvent", "chatState": "COMPOSING"} in events


def test_the_page_says_when_the_sandbox_is_gone_and_is_live_again_when_it_is_back(
    open_page: Callable[..., Page], tmp_path: Path
) -> None:
    sandbox = Sandbox(state_file=tmp_path / "state").start()
    with lpnb.Client(lpnb.Settings.of(sandbox.environment())) as client:
        conversation_id = client.create_conversation("anna").conversation_id
    again = Sandbox(port=sandbox.port, state_file=tmp_path / "state")
    refused = ["net::ERR_"]  # in the page's console, and meant
    try:
        page = live(open_page(f"{sandbox.base}/agent/conversations/{conversation_id}", excused=refused))
        page.get_by_label("Your message").fill("Still here")
        sandbox.stop()
        expect(page.locator("#live")).to_have_text("Connecting…")
        again.start()
        expect(page.locator("#live")).to_have_text("Live", timeout=15_000)
        with page.expect_response(re.compile("/reply$")) as replied:
            page.get_by_role("button", name="Send", exact=True).click()
        assert replied.value.status == 204
        expect(page.locator("#thread .said-agent .bubble")).to_have_text("Still here")
        page.goto("about:blank")
    finally:
        sandbox.stop()
        again.stop()


def test_nothing_is_wider_than_the_window(show: Show, sandbox: Sandbox, client: lpnb.Client) -> None:
    long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3
    sdes = [lpnb.PersonalInfo(firstname=long, lastname="عمر"), lpnb.CustomerInfo(account_name=long)]
    conversation_id = client.create_conversation(long, sdes=sdes).conversation_id
    assert conversation_id
    consumer_says(sandbox, conversation_id, long)
    page = show()
    too_wide = []
    for path in ("/", f"/agent/conversations/{conversation_id}"):
        page.goto(sandbox.base + path)
        for width in (360, 680, 1000, 1360, 1900):
            page.set_viewport_size({"width": width, "height": 800})
            if page.evaluate("document.documentElement.scrollWidth") > width:
                too_wide.append((path, width))

    assert too_wide == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(
    show: Show, sandbox: Sandbox, client: lpnb.Client, scheme: str
) -> None:
    conversation_id = _a_full_page(sandbox, client)
    page = show(f"/agent/conversations/{conversation_id}", color_scheme=scheme)
    expect(page.locator("#thread .bubble")).to_have_count(6)
    expect(page.locator("#webhooks")).to_have_text(re.compile(r"^Webhooks: \d+ delivered$"))
    page.locator("#thread").evaluate("box => box.scrollTop = box.scrollHeight")

    if "LPNB_PICTURES" in os.environ:
        kept = Path(os.environ["LPNB_PICTURES"], f"agent-{scheme}.png")
        page.screenshot(path=kept, animations="disabled", caret="hide")

    # WCAG AA: 4.5 to 1 for text of this size.
    assert page.evaluate(_CONTRAST) == []


def test_the_theme_can_be_chosen_and_is_kept(show: Show, sandbox: Sandbox) -> None:
    page = show()
    button = page.get_by_role("button", name="Dark theme")
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)

    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert page.evaluate(ground) != before
    page.reload()

    expect(button).to_have_attribute("aria-pressed", "true")


def _a_full_page(sandbox: Sandbox, client: lpnb.Client) -> str:
    """Several conversations as a customer would have them; the id of the one to show."""
    people = [
        ("omar", "عمر", "الحسن", {"ctype": "gold"}, "مرحبا، لا أستطيع الدخول إلى حسابي"),
        (
            "noor",
            "Noor",
            "de Vries",
            {"ctype": "business", "company_size": 24},
            "Can we raise our credit line?",
        ),
        ("sam", "Sam", "O'Neill", {"ctype": "standard"}, "Thanks, that is all."),
    ]
    for name, first, last, info, said in people:
        sdes = [lpnb.PersonalInfo(firstname=first, lastname=last), lpnb.CustomerInfo(**info)]
        conversation_id = client.create_conversation(name, sdes=sdes).conversation_id
        assert conversation_id
        consumer_says(sandbox, conversation_id, said)
    sandbox.agent_closes(conversation_id)
    shown = client.create_conversation(
        "hanna",
        sdes=[
            lpnb.PersonalInfo(firstname="Hanna", lastname="Lindqvist", language="en-US"),
            lpnb.CustomerInfo(
                ctype="vip",
                customer_id="138766AC",
                balance=1240.5,
                currency="EUR",
                company_branch="Vale Park",
            ),
        ],
        campaign_info=lpnb.CampaignInfo(campaign_id="880524010", engagement_id="880524110"),
    ).conversation_id
    assert shown
    consumer_says(sandbox, shown, "Hello, I think I lost my card on the ferry this morning.")
    sandbox.agent_says(shown, "I am sorry to hear that, Hanna. I have blocked it just now.")
    consumer_says(sandbox, shown, "That was quick, thank you!\nCan you send the new one to my office?")
    sandbox.agent_notes(shown, "Office address is on file, checked by phone.")
    sandbox.agent_says(shown, "It goes out today, and should be with you on Thursday.")
    consumer_says(sandbox, shown, "Perfect.")
    assert sandbox.webhooks_settled()
    return shown


# Every element that holds text of its own, against the nearest ground below it.
_CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const parse = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest("[disabled]")) continue;
    let below = element;
    while (below && parse(getComputedStyle(below).backgroundColor)[3] === 0) below = below.parentElement;
    const pair = [getComputedStyle(element).color, getComputedStyle(below || document.body).backgroundColor];
    const [front, back] = pair.map((color) => light(parse(color))).sort((a, b) => b - a);
    const contrast = (front + 0.05) / (back + 0.05);
    if (contrast < 4.5) found.push(`${element.tagName}.${element.className}: ${contrast.toFixed(2)}`);
  }
  return [...new Set(found)];
}"""
