"""The agent's page as an HTML document: head, banner and conversation list."""

from lpnb.sandbox.agent_page import wording
from lpnb.sandbox.agent_page.components import BASE, ListRow, Page, initials, link, stage_chip, when
from lpnb.sandbox.agent_page.empty_state import empty_state
from lpnb.sandbox.agent_page.inbox import MAX_LISTED
from lpnb.sandbox.agent_page.markup import Html, tag
from lpnb.sandbox.agent_page.thread import conversation_panel

# Of a name, a skill or a source in the list.
_MAX_LABEL = 60


def document(page: Page) -> bytes:
    """The whole page."""
    current = page.current
    title = current.row.name if current else "Conversations"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{wording.truncate_line(title, 60)} · Agent · lpnb sandbox"),
        tag("link", rel="icon", href=f"{BASE}/static/icon.svg", type="image/svg+xml"),
        tag("link", rel="stylesheet", href=f"{BASE}/static/agent.css"),
        tag("script", src=f"{BASE}/static/agent.js", defer=True),
    )
    body = tag(
        "body",
        tag("a.skip", "Skip to the conversation", href="#conversation"),
        _banner(page),
        tag(
            "div",
            _list(page),
            conversation_panel(page, current) if current else empty_state(page),
            class_="panes" if current else "panes panes-unchosen",
        ),
        data_sequence=page.sequence,
        data_base=BASE,
        data_shown=current.row.conversation.conversation_id if current else None,
    )
    return ("<!doctype html>\n" + tag("html", head, body, lang="en")).encode()


def _banner(page: Page) -> Html:
    counts = page.webhooks
    if counts is None:
        text = "No webhooks"
        tone = "quiet"
    else:
        parts = [f"{counts.delivered} delivered"]
        if counts.waiting:
            parts.append(f"{counts.waiting} waiting")
        if counts.expired + counts.dropped:
            parts.append(f"{counts.expired + counts.dropped} lost")
        text = "Webhooks: " + ", ".join(parts)
        tone = "wait" if counts.waiting else "bad" if counts.expired + counts.dropped else "good"
    return tag(
        "header.banner",
        tag(
            "a.brand",
            tag("img", src=f"{BASE}/static/icon.svg", alt="", width=24, height=24),
            tag("span.brand-name", "Agent workspace"),
            href="/",
        ),
        tag(
            "p.account",
            tag("bdi", page.account.name),
            tag("span.mono.faint", page.account.id),
            tag(
                "span.badge",
                "Sandbox",
                title="This is not LivePerson: a sandbox on this machine imitates it.",
            ),
        ),
        tag("p#webhooks", text, class_=f"pill pill-{tone}", data_live=True),
        tag("p.pill.pill-quiet#live", "Not live", role="status", hidden=True),
        tag("button#theme", "Dark theme", type="button", aria_pressed="false", hidden=True),
    )


def _list(page: Page) -> Html:
    open_count = sum(item.conversation.stage == "OPEN" for item in page.rows)
    current_id = page.current.row.conversation.conversation_id if page.current else None
    if len(page.rows) >= MAX_LISTED:
        count = f"the latest {MAX_LISTED}"
    else:
        count = f"{open_count} open, {len(page.rows) - open_count} closed" if page.rows else "none yet"
    rows = [tag("li", _row(item, item.conversation.conversation_id == current_id)) for item in page.rows]
    return tag(
        "nav.pane.list-pane",
        tag("h1", "Conversations ", tag("span.faint#count", count, data_live=True)),
        tag(
            "ul.list#list",
            rows or tag("li.faint.hint", "New conversations appear here by themselves."),
            data_live=True,
        ),
        aria_label="Conversations",
    )


def _row(item: ListRow, is_current: bool) -> Html:
    name, skill, source = (
        wording.truncate_line(text, _MAX_LABEL)
        for text in (item.name, item.skill, item.conversation.source_name)
    )
    entry, conversation = item.entry, item.conversation
    preview: object = entry.preview or "No message yet"
    if entry.typing:
        preview = tag("em", "is typing…")
    elif entry.preview and entry.preview_role != "CONSUMER":
        preview = f"You: {entry.preview}"
    unread = None
    if entry.unread:
        unread = tag("span.unread", entry.unread, tag("span.unseen", " unread"), title="Unread messages")
    return tag(
        "a",
        tag("span", initials(item.name), class_=f"face face-{conversation.number % 6}", aria_hidden="true"),
        tag(
            "span.row",
            tag("span.name", name, dir="auto"),
            when(entry.at),
            tag("span.preview", preview, dir="auto"),
            unread,
            tag(
                "span.meta",
                stage_chip(item, name_agent=False),
                tag("bdi.skill", skill, title="Skill"),
                tag("bdi.source.faint", source, title="Source: campaign or connector"),
            ),
        ),
        href=link(conversation.conversation_id),
        aria_current="page" if is_current else None,
        class_="closed" if conversation.stage == "CLOSE" else None,
    )
