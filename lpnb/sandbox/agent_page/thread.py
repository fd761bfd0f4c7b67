"""The thread of an open conversation as HTML: header, messages, reply form and action buttons."""

from lpnb.sandbox.agent_page import wording
from lpnb.sandbox.agent_page.components import ListRow, OpenConversation, Page, link, stage_chip, when
from lpnb.sandbox.agent_page.markup import Html, tag
from lpnb.sandbox.agent_page.sidebar import sidebar
from lpnb.sandbox.state.conversations import Conversation, Message

# Longer threads show their end; the control API has them whole.
MESSAGES_SHOWN = 300

_VERBS = {"message": "Reply to the consumer", "note": "Private note, for agents only"}


def conversation_panel(page: Page, current: OpenConversation) -> Html:
    """The thread, and beside it what is known of the consumer."""
    item = current.row
    conversation = item.conversation
    opened = conversation.state == "OPEN"
    return tag(
        "main",
        tag(
            "section",
            tag(
                "header",
                tag("a", "‹ All conversations", href="/", class_="back"),
                tag("h2", item.name, id="consumer", dir="auto", title=item.name, data_live=True),
                tag(
                    "p",
                    stage_chip(item),
                    tag("bdi", item.skill, class_="skill"),
                    tag("span", "from ", tag("bdi", conversation.source_name), class_="faint"),
                    tag("span", conversation.conversation_id, class_="mono faint id", title="conversationId"),
                    class_="meta",
                    id="facts",
                    data_live=True,
                ),
                tag("div", _actions(page, current), class_="actions", id="actions", data_live=True),
                class_="thread-head",
            ),
            tag(
                "ol",
                _thread(current),
                id="thread",
                class_="thread",
                role="log",
                aria_label="Messages",
                tabindex=0,
                data_unread=item.entry.unread,
                data_assigned=True if item.agent else None,
            ),
            tag("p", _typing(item), class_="typing faint", id="typing", data_live=True),
            tag("div", _reply(page, current), id="composer", data_state="open" if opened else "closed"),
            class_="pane thread-pane",
            id="conversation",
            aria_labelledby="consumer",
            tabindex=-1,
        ),
        sidebar(current),
        class_="conversation",
    )


def _actions(page: Page, current: OpenConversation) -> list[object]:
    item = current.row
    conversation = item.conversation
    if conversation.stage == "CLOSE":
        return [_button(page, conversation, "resume", "Open again", "quiet")]
    if conversation.state == "CLOSE":
        return [_button(page, conversation, "close", "Close conversation", "quiet danger")]
    options = [
        tag("option", name, value=skill_id, disabled=skill_id == conversation.skill_id)
        for skill_id, name in current.skills
    ]
    transfer = tag(
        "form",
        _hidden(page),
        tag("label", "Transfer to skill", for_="skill", class_="unseen"),
        tag(
            "select",
            tag("option", "Transfer to…", value=""),
            options,
            name="skill",
            id="skill",
            required=True,
        ),
        tag("button", "Transfer", type="submit", class_="quiet"),
        method="post",
        action=link(conversation.conversation_id, "transfer"),
        class_="inline",
    )
    return [
        None if item.agent else _button(page, conversation, "join", "Take it", "quiet"),
        transfer if options else None,
        _button(page, conversation, "close", "Close", "quiet danger"),
    ]


def _button(page: Page, conversation: Conversation, verb: str, label: str, looks: str) -> Html:
    return tag(
        "form",
        _hidden(page),
        tag("button", label, type="submit", class_=looks),
        method="post",
        action=link(conversation.conversation_id, verb),
    )


def _hidden(page: Page) -> Html:
    return tag("input", type="hidden", name="token", value=page.token)


def _thread(current: OpenConversation) -> list[Html]:
    conversation = current.row.conversation
    lines = (
        [_line("opened", conversation.created_at, "Conversation opened")]
        if len(current.messages) < MESSAGES_SHOWN
        else []
    )
    entries: list[tuple[float, Html]] = []
    read: set[int] = set()
    for message in current.messages:
        if message.event.get("type") == "AcceptStatusEvent":
            if message.role == "CONSUMER" and message.event.get("status") == "READ":
                read.update(item for item in message.event.get("sequenceList", ()) if isinstance(item, int))
            continue
        entries.append((message.time, _message(message, current)))
    for position, change in enumerate(conversation.skill_changes):
        name = change.target_skill_name or change.target_skill_id
        entries.append((change.time, _line(f"skill-{position}", change.time, f"Transferred to {name}")))
    entries.sort(key=lambda pair: pair[0])
    lines += [entry for _, entry in entries]
    if conversation.closed_at is not None:
        by = {"AGENT": "the agent", "CONSUMER": "the consumer"}.get(
            conversation.closed_by or "", "the system"
        )
        lines.append(
            _line(f"closed-{round(conversation.closed_at * 1000)}", conversation.closed_at, f"Closed by {by}")
        )
    return lines


def _line(name: str, at: float, text: str) -> Html:
    return tag("li", tag("bdi", text), " ", when(at), class_="line", id=f"line-{name}")


def _message(message: Message, current: OpenConversation) -> Html:
    consumer = message.role == "CONSUMER"
    private = message.audience != "ALL"
    agents_side = "Manager" if message.role == "MANAGER" else (current.row.agent or "Agent")
    who = current.row.name if consumer else agents_side
    kind = " · structured content" if message.event.get("type") == "RichContentEvent" else ""
    return tag(
        "li",
        tag(
            "p",
            tag("bdi", who),
            " · private note · " if private else f"{kind} · ",
            when(message.time),
            class_="who",
        ),
        tag("p", wording.message_text(message.event), class_="bubble", dir="auto"),
        class_="said " + ("said-consumer" if consumer else "said-note" if private else "said-agent"),
        id=f"message-{message.dialog_id}-{message.sequence}",
    )


def _typing(item: ListRow) -> object:
    return [tag("bdi", item.name), " is typing…"] if item.entry.typing else None


def _reply(page: Page, current: OpenConversation) -> Html:
    conversation = current.row.conversation
    if conversation.state != "OPEN":
        return tag("p", "This conversation is closed. Its consumer can start a new one.", class_="notice")
    choices = [
        tag(
            "label",
            tag("input", type="radio", name="audience", value=value, checked=value == "message"),
            tag("span", label),
        )
        for value, label in _VERBS.items()
    ]
    return tag(
        "form",
        _hidden(page),
        tag("label", "Your message", for_="text", class_="unseen"),
        tag(
            "textarea",
            name="text",
            id="text",
            rows=2,
            maxlength=5000,
            required=True,
            dir="auto",
            placeholder="Write to the consumer…",
            aria_describedby="keys",
        ),
        tag("div", tag("fieldset", tag("legend", "Who sees it", class_="unseen"), choices), class_="choices"),
        tag("p", "Enter sends, Shift+Enter starts a new line.", class_="faint keys", id="keys", hidden=True),
        tag("button", "Send", type="submit", class_="primary"),
        tag("p", page.problem, id="problem", class_="problem", role="alert"),
        method="post",
        action=link(conversation.conversation_id, "reply"),
        class_="reply",
    )
