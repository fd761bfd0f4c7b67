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
    is_open = conversation.state == "OPEN"
    return tag(
        "main.conversation",
        tag(
            "section.pane.thread-pane#conversation",
            tag(
                "header.thread-head",
                tag("a.back", "‹ All conversations", href="/"),
                tag("h2#consumer", item.name, dir="auto", title=item.name, data_live=True),
                tag(
                    "p.meta#facts",
                    stage_chip(item),
                    tag("bdi.skill", item.skill),
                    tag("span.faint", "from ", tag("bdi", conversation.source_name)),
                    tag("span.mono.faint.id", conversation.conversation_id, title="conversationId"),
                    data_live=True,
                ),
                tag("div.actions#actions", _actions(page, current), data_live=True),
            ),
            tag(
                "ol.thread#thread",
                _thread(current),
                role="log",
                aria_label="Messages",
                tabindex=0,
                data_unread=item.entry.unread,
                data_assigned=True if item.agent else None,
            ),
            tag("p.typing.faint#typing", _typing(item), data_live=True),
            tag("div#composer", _reply(page, current), data_state="open" if is_open else "closed"),
            aria_labelledby="consumer",
            tabindex=-1,
        ),
        sidebar(current),
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
        "form.inline",
        _token_field(page),
        tag("label.unseen", "Transfer to skill", for_="skill"),
        tag("select#skill", tag("option", "Transfer to…", value=""), options, name="skill", required=True),
        tag("button.quiet", "Transfer", type="submit"),
        method="post",
        action=link(conversation.conversation_id, "transfer"),
    )
    return [
        None if item.agent else _button(page, conversation, "join", "Take it", "quiet"),
        transfer if options else None,
        _button(page, conversation, "close", "Close", "quiet danger"),
    ]


def _button(page: Page, conversation: Conversation, verb: str, label: str, css_class: str) -> Html:
    return tag(
        "form",
        _token_field(page),
        tag("button", label, type="submit", class_=css_class),
        method="post",
        action=link(conversation.conversation_id, verb),
    )


def _token_field(page: Page) -> Html:
    return tag("input", type="hidden", name="token", value=page.token)


def _thread(current: OpenConversation) -> list[Html]:
    conversation = current.row.conversation
    lines = (
        [_line("opened", conversation.created_at, "Conversation opened")]
        if len(current.messages) < MESSAGES_SHOWN
        else []
    )
    entries: list[tuple[float, Html]] = []
    read_sequences: set[int] = set()
    for message in current.messages:
        if message.event.get("type") == "AcceptStatusEvent":
            if message.role == "CONSUMER" and message.event.get("status") == "READ":
                read_sequences.update(
                    item for item in message.event.get("sequenceList", ()) if isinstance(item, int)
                )
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
    return tag("li.line", tag("bdi", text), " ", when(at), id=f"line-{name}")


def _message(message: Message, current: OpenConversation) -> Html:
    consumer = message.role == "CONSUMER"
    private = message.audience != "ALL"
    agents_side = "Manager" if message.role == "MANAGER" else (current.row.agent or "Agent")
    who = current.row.name if consumer else agents_side
    kind = " · structured content" if message.event.get("type") == "RichContentEvent" else ""
    return tag(
        "li",
        tag("p.who", tag("bdi", who), " · private note · " if private else f"{kind} · ", when(message.time)),
        tag("p.bubble", wording.message_text(message.event), dir="auto"),
        class_="said " + ("said-consumer" if consumer else "said-note" if private else "said-agent"),
        id=f"message-{message.dialog_id}-{message.sequence}",
    )


def _typing(item: ListRow) -> object:
    return [tag("bdi", item.name), " is typing…"] if item.entry.typing else None


def _reply(page: Page, current: OpenConversation) -> Html:
    conversation = current.row.conversation
    if conversation.state != "OPEN":
        return tag("p.notice", "This conversation is closed. Its consumer can start a new one.")
    choices = [
        tag(
            "label",
            tag("input", type="radio", name="audience", value=value, checked=value == "message"),
            tag("span", label),
        )
        for value, label in _VERBS.items()
    ]
    return tag(
        "form.reply",
        _token_field(page),
        tag("label.unseen", "Your message", for_="text"),
        tag(
            "textarea#text",
            name="text",
            rows=2,
            maxlength=5000,
            required=True,
            dir="auto",
            placeholder="Write to the consumer…",
            aria_describedby="keys",
        ),
        tag("div.choices", tag("fieldset", tag("legend.unseen", "Who sees it"), choices)),
        tag("p.faint.keys#keys", "Enter sends, Shift+Enter starts a new line.", hidden=True),
        tag("button.primary", "Send", type="submit"),
        tag("p.problem#problem", page.problem, role="alert"),
        method="post",
        action=link(conversation.conversation_id, "reply"),
    )
