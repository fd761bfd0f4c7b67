"""Webhook bodies: ledger events as LivePerson's notifications.

A change of a conversation carries its full state each time (documented). Seen in a
capture are ``sentTs``, and ``effectiveTTR`` -1 once an agent has answered.
"""

import json
from collections.abc import Callable
from typing import Any

from lpnb.sandbox.state.conversations import Conversation, Dialog, read_properties
from lpnb.sandbox.state.event_ledger import Event
from lpnb.sandbox.world.webhook_subscriptions import (
    ACCEPT_STATUS,
    CHAT_STATE,
    CONTENT,
    CONVERSATION_CHANGE,
    RICH_CONTENT,
)

_KEYS = {
    "ContentEvent": CONTENT,
    "RichContentEvent": RICH_CONTENT,
    "AcceptStatusEvent": ACCEPT_STATUS,
    "ChatStateEvent": CHAT_STATE,
}

_PUBLISHED = frozenset({"message_published", "receipt_published", "chat_state_published"})

# A profile is no part of a conversation's state, and sessions and files are not told of.
_CHANGES = frozenset(
    {
        "conversation_opened",
        "field_updated",
        "agent_joined",
        "agent_left",
        "skill_changed",
        "dialog_opened",
        "dialog_closed",
        "conversation_closed",
        "conversation_resumed",
    }
)


def key_of(event: Event) -> str | None:
    """Which of the five kinds of webhook tells of *event*; None when none does."""
    if event.kind in _PUBLISHED:
        return _KEYS.get(event.data["event"].get("type"))
    if event.kind == "field_updated" and event.data["field"] in ("mcs", "summary"):
        return None  # history's alone
    return CONVERSATION_CHANGE if event.kind in _CHANGES else None


def body_of(event: Event, find: Callable[[str], Conversation | None]) -> dict[str, Any]:
    """The webhook's body; *find* gives the conversation as of the event.

    Raises:
        KeyError: When the conversation is forgotten already.
    """
    if event.kind in _PUBLISHED:
        return _envelope("ms.MessagingEventNotification", message_change(event), event.time)
    conversation = find(event.conversation_id or "")
    if conversation is None:
        raise KeyError(event.conversation_id)
    return _envelope(CONVERSATION_CHANGE, conversation_change(conversation), event.time)


def to_bytes(body: dict[str, Any]) -> bytes:
    """Compact JSON in UTF-8, emoji and all; what UTF-8 cannot hold stays escaped."""
    try:
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(body, separators=(",", ":")).encode()


def message_change(event: Event) -> dict[str, Any]:
    """A published event as one change; a chat state has neither sequence nor time."""
    data = event.data
    originator: dict[str, Any] = {"id": data["originator_id"], "role": data["role"]}
    if (properties := read_properties(data.get("client_properties"))) is not None:
        originator["clientProperties"] = properties
    who = {"originatorId": data["originator_id"], "originatorMetadata": originator}
    where = {"conversationId": event.conversation_id, "dialogId": data["dialog_id"]}
    if event.kind == "chat_state_published":
        return who | {"event": data["event"]} | where
    change = {"sequence": data["sequence"]} | who | {"serverTimestamp": _ms(event.time)}
    change |= {"event": data["event"]} | where | {"messageAudience": data["audience"]}
    return change | ({"metadata": data["metadata"]} if data["metadata"] else {})


def conversation_change(conversation: Conversation) -> dict[str, Any]:
    """The conversation in full, as one change."""
    return {
        "type": "UPSERT",
        "result": {
            "convId": conversation.conversation_id,
            "effectiveTTR": conversation.response_due_ms,
            "conversationDetails": details(conversation),
        },
    }


def details(conversation: Conversation) -> dict[str, Any]:
    """``conversationDetails``; what does not apply is left out."""
    body = conversation.body
    details: dict[str, Any] = {
        "skillId": conversation.skill_id,
        "participants": [{"id": who, "role": role} for who, role in _participants(conversation)],
        "dialogs": [_dialog(dialog, conversation) for dialog in conversation.dialogs],
        "brandId": conversation.account_id,
        "state": conversation.state,
        "stage": conversation.stage,
        "startTs": _ms(conversation.created_at),
        "metaDataLastUpdateTs": _ms(conversation.updated_at),
        "firstConversation": conversation.first_conversation,
        "ttr": conversation.response_ttr,
        "delay": {"type": "UNDELAYED", "tillWhen": -1},
        "conversationHandlerDetails": {
            "accountId": conversation.account_id,
            "skillId": conversation.skill_id,
        },
    }
    if conversation.campaign is not None:
        details["campaignInfo"] = {
            name: None if conversation.campaign.get(name) is None else str(conversation.campaign[name])
            for name in ("campaignId", "engagementId")
        }
    if isinstance(body.get("conversationContext"), dict):
        details["context"] = body["conversationContext"]
    if conversation.csat is not None:
        details["csat"] = conversation.csat
    if conversation.close_reason is not None:
        details["closeReason"] = conversation.close_reason
    if conversation.closed_at is not None:
        details["endTs"] = _ms(conversation.closed_at)
    return details


def _dialog(dialog: Dialog, conversation: Conversation) -> dict[str, Any]:
    result: dict[str, Any] = {
        "dialogId": dialog.dialog_id,
        "participantsDetails": [
            {"id": who, "role": role, "state": "ACTIVE"} for who, role in _participants(conversation)
        ],
        "dialogType": dialog.dialog_type,
        "channelType": "MESSAGING",
        "metaData": {"appInstallId": conversation.client_id},
        "state": dialog.state,
        "creationTs": _ms(dialog.created_at),
        "metaDataLastUpdateTs": _ms(dialog.closed_at or dialog.created_at),
    }
    if dialog.closed_at is not None:
        result["endTs"] = _ms(dialog.closed_at)
    for name, value in (("closedBy", dialog.closed_by), ("closedCause", dialog.closed_cause)):
        if value is not None:
            result[name] = value
    return result


def _participants(conversation: Conversation) -> list[tuple[str, str]]:
    return [(conversation.lp_consumer_id, "CONSUMER"), *conversation.agents]


def _envelope(kind: str, change: dict[str, Any], time: float) -> dict[str, Any]:
    body = {"sentTs": _ms(time), "changes": [change]}
    return {"kind": "notification", "body": body, "type": kind}


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
