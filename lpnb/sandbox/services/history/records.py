"""A conversation as a history record, as of the moment that history has reached."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lpnb.sandbox.service_context import Cloud
from lpnb.sandbox.services.history.sde_names import sde_event
from lpnb.sandbox.state.conversations import AgentJoin, Conversation, Dialog, Message, read_properties
from lpnb.sandbox.world.models import Account
from lpnb.sandbox.world.skill_routing import parse_id

QUEUE_STATES = ("IN_QUEUE", "ACTIVE")
# Roles of the agents' side as history names their kind (inferred: nobody here is a bot).
_USER_TYPE = ("1", "Human")

_SENT_BY = {"CONSUMER": "Consumer", "CONTROLLER": "Controller"}
_TYPES = {"text/plain": "TEXT_PLAIN", "hosted/file": "HOSTED_FILE", "HostedFile": "HOSTED_FILE"}


@dataclass(frozen=True, slots=True)
class HistoryView:
    """What is known of a conversation at *moment*: what happened later has not reached history yet."""

    cloud: Cloud
    account: Account
    now: Conversation
    moment: float
    version: int

    @property
    def is_closed(self) -> bool:
        """Whether history has heard that it is closed."""
        return self.now.closed_at is not None and self.now.closed_at <= self.moment

    @property
    def skill_id(self) -> str:
        """The skill it was in at the moment."""
        changes = self.now.skill_changes
        later_changes = [change for change in changes if change.time > self.moment]
        return later_changes[0].source_skill_id if later_changes else self.now.skill_id

    @property
    def skill_ids(self) -> list[str]:
        """Every skill it has been in, the latest last."""
        earlier = [change.source_skill_id for change in self.now.skill_changes if change.time <= self.moment]
        return [*earlier, self.skill_id]

    @property
    def status(self) -> str:
        """Is "OPEN", or "CLOSE" when history has heard of the end."""
        return "CLOSE" if self.is_closed else "OPEN"

    @property
    def duration_ms(self) -> int:
        """From the start to the end, or to now while it is open (documented)."""
        end = self.now.closed_at if self.is_closed and self.now.closed_at is not None else self.cloud.now
        return _ms(end) - _ms(self.now.created_at)

    @property
    def end_ms(self) -> int | None:
        """When it ended; None while history has not heard of an end."""
        return _ms(self.now.closed_at) if self.is_closed else None

    @property
    def updated_ms(self) -> int:
        """When something happened in it last, a message included."""
        times = [message.time for message in self.messages[-1:]]
        if self.now.updated_at <= self.moment:
            times.append(self.now.updated_at)
        return _ms(max([self.now.created_at, *times]))

    @property
    def summary(self) -> dict[str, Any] | None:
        """The summary that an agent wrote, as soon as history has heard of it."""
        summary = self.now.summary
        return summary if summary and summary["lastUpdatedTime"] <= _ms(self.moment) else None

    @property
    def mcs(self) -> dict[str, Any] | None:
        """The score and its group, or None without one."""
        return self.now.mcs

    @property
    def csat(self) -> int | None:
        """The rate the consumer gave, or None."""
        csat = self.now.csat
        return None if csat is None or csat["status"] == "SKIPPED" else int(csat["csatRate"])

    @property
    def agent_joins(self) -> list[AgentJoin]:
        """Everybody of the agents' side who has joined until the moment."""
        return [join for join in self.now.agent_joins if join.time <= self.moment]

    @property
    def latest_agent(self) -> str | None:
        """The agent who was assigned last, still there or not."""
        joins = [join.agent_id for join in self.agent_joins if join.role == "ASSIGNED_AGENT"]
        return joins[-1] if joins else None

    @property
    def queue_state(self) -> str:
        """Is "ACTIVE" while an agent is assigned, "IN_QUEUE" while none is (inferred)."""
        has_agent = any(role == "ASSIGNED_AGENT" for _, role in self.now.agents)
        return "ACTIVE" if has_agent else "IN_QUEUE"

    @property
    def device(self) -> str:
        """The device family of the Client-Properties; "NA" when it is not known."""
        family = (read_properties(self.now.raw_client_properties) or {}).get("deviceFamily")
        return family if family in ("DESKTOP", "TABLET", "MOBILE") else "NA"

    def group_of(self, agent_id: str | None) -> str:
        """The group of an agent, "-1" without one."""
        agent = self.account.agents_by_id.get(agent_id or "")
        return agent.group if agent is not None and agent.group is not None else "-1"

    @property
    def messages(self) -> list[Message]:
        """What was said until the moment."""
        messages = self.cloud.state.messages(self.now.conversation_id)
        return [message for message in messages if message.time <= self.moment]

    @property
    def content_messages(self) -> list[Message]:
        """The messages but for those that only confirm others."""
        return [message for message in self.messages if message.event["type"] != "AcceptStatusEvent"]

    def sde_events(self, *, authenticated: bool) -> list[dict[str, Any]]:
        """The SDEs, as history names them."""
        state = self.cloud.state
        pairs: list[tuple[float, Any]]
        if authenticated:
            pairs = state.sdes(self.now.conversation_id)
        else:
            visit = state.visits.session(state.session_of(self.now.conversation_id) or "")
            pairs = [] if visit is None else list(visit.attributes)
        events = (
            sde_event(time, element, typed=self.version == 2)
            for time, element in pairs
            if time <= self.moment
        )
        return [event for event in events if event is not None]

    def to_record(self, contents: frozenset[str]) -> dict[str, Any]:
        """The record with ``info`` and what was asked for."""
        record: dict[str, Any] = {"info": _info(self)}
        for name, make in CONTENTS.items():
            if name in contents and (part := make(self)) is not None:
                record[name] = part
        return record


def _number(value: str | None) -> int:
    """A skill as history has it: a number, -1 for none (documented)."""
    number = parse_id(value)
    return -1 if number is None else number


def _ms(time: float | None) -> int:
    return -1 if time is None else int(time * 1000)


def _times(name: str, time: float | None) -> dict[str, Any]:
    """A moment as history has it: as text, and under a name with an L in milliseconds."""
    return {name: _timestamp_text(time), f"{name}L": _ms(time)}


def _timestamp_text(time: float | None) -> str:
    if time is None:
        return ""
    moment = datetime.fromtimestamp(time, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}+0000"


def _skill_name(view: HistoryView, skill_id: str) -> str:
    skill = view.account.skill(skill_id)
    return skill.name if skill else "Unassigned" if _number(skill_id) == -1 else skill_id


def _info(view: HistoryView) -> dict[str, Any]:
    now = view.now
    end = now.closed_at if view.is_closed else None
    agent = view.latest_agent
    agent_record = view.account.agents_by_id.get(agent or "")
    context = now.body.get("conversationContext") or {}
    info: dict[str, Any] = {
        **_times("startTime", now.created_at),
        **_times("endTime", end),
        "duration": view.duration_ms,
        "conversationId": now.conversation_id,
        "brandId": now.account_id,
        "latestAgentId": agent or "-1",
        "latestAgentNickname": agent_record.name if agent_record else "",
        "latestAgentFullName": agent_record.name if agent_record else "",
        "latestAgentLoginName": agent_record.login if agent_record else "",
        "agentDeleted": False,
        "latestAgentGroupId": _number(view.group_of(agent)),
        "latestQueueState": view.queue_state,
        "latestSkillId": _number(view.skill_id),
        "latestSkillName": _skill_name(view, view.skill_id),
        "source": now.source_name,
        "device": view.device,
        "isPartial": False,
        "closeReason": (now.close_reason or "") if view.is_closed else "",
        "status": view.status,
        "fullDialogStatus": view.status,
        "firstConversation": now.first_conversation,
        "ttr": now.ttr or {"ttrType": now.body.get("ttrDefName") or "NORMAL"},
        "language": context.get("lang"),
    }
    if now.csat is not None:
        info["csat"] = now.csat["csatRate"]
        info["csatRate"] = "Not answered" if now.csat["status"] == "SKIPPED" else now.csat["csatRate"]
    return info | (view.mcs or {})


def _campaign(view: HistoryView) -> dict[str, Any] | None:
    campaign = view.now.campaign
    if campaign is None:
        return None
    engagement = view.account.engagements_by_id.get(campaign["engagementId"] or "")
    return {
        "campaignId": campaign["campaignId"],
        "campaignName": campaign["campaignName"] or "",
        "campaignEngagementId": campaign["engagementId"],
        "campaignEngagementName": campaign["engagementName"] or "",
        "engagementSource": "APP" if engagement else "",
    }


def _dialogs(view: HistoryView) -> list[dict[str, Any]]:
    return [_dialog(view, dialog) for dialog in view.now.dialogs if dialog.created_at <= view.moment]


def _dialog(view: HistoryView, dialog: Dialog) -> dict[str, Any]:
    is_closed = dialog.closed_at is not None and dialog.closed_at <= view.moment
    return {
        "dialogId": dialog.dialog_id,
        "dialogType": dialog.dialog_type,
        "dialogChannelType": "MESSAGING",
        "status": "CLOSE" if is_closed else "OPEN",
        **_times("startTime", dialog.created_at),
        **_times("endTime", dialog.closed_at if is_closed else None),
        "closeReason": (dialog.closed_by or "") if is_closed else "",
        "skillId": _number(view.skill_id),
        "skillName": _skill_name(view, view.skill_id),
    }


def _transfers(view: HistoryView) -> list[dict[str, Any]]:
    return [
        {
            **_times("time", change.time),
            "sourceSkillId": _number(change.source_skill_id),
            "sourceSkillName": _skill_name(view, change.source_skill_id),
            "targetSkillId": _number(change.target_skill_id),
            "targetSkillName": change.target_skill_name or _skill_name(view, change.target_skill_id),
            "reason": change.reason,
            "by": change.by,
        }
        for change in view.now.skill_changes
        if change.time <= view.moment
    ]


def _skill_changes(view: HistoryView) -> list[dict[str, Any]]:
    starts = [view.now.created_at, *(change.time for change in view.now.skill_changes)]
    return [
        {
            "skillId": _number(skill_id),
            "skillName": _skill_name(view, skill_id),
            **_times("startTime", start),
        }
        for skill_id, start in zip(view.skill_ids, starts, strict=False)
    ]


def _messages(view: HistoryView) -> list[dict[str, Any]]:
    return [
        {
            "type": message_type(message),
            "messageData": _data_of(message),
            "messageId": f"ams::dialog:{message.dialog_id}::msg:{message.sequence}",
            "seq": message.sequence,
            "dialogId": message.dialog_id,
            "participantId": message.originator_id,
            "sentBy": _SENT_BY.get(message.role, "Agent"),
            "audience": message.audience,
            "source": "APP" if message.role == "CONSUMER" else "AGENT",
            **_times("time", message.time),
        }
        for message in view.content_messages
    ]


def message_type(message: Message) -> str:
    """The type of a message record, such as "TEXT_PLAIN"."""
    if message.event["type"] == "RichContentEvent":
        return "RICH_CONTENT"
    return _TYPES.get(str(message.event.get("contentType")), "TEXT_PLAIN")


def _data_of(message: Message) -> dict[str, Any]:
    event = message.event
    if event["type"] == "RichContentEvent":
        return {"richContent": {"content": event.get("content", event.get("message"))}}
    if message_type(message) == "HOSTED_FILE":
        return {"file": event["message"]}
    return {"msg": {"text": event["message"]}}


def _statuses(view: HistoryView) -> list[dict[str, Any]]:
    return [
        {
            "messageId": f"ams::dialog:{message.dialog_id}::msg:{parse_id}",
            "seq": parse_id,
            "dialogId": message.dialog_id,
            "messageDeliveryStatus": message.event["status"],
            "participantId": message.originator_id,
            "participantType": _SENT_BY.get(message.role, "Agent"),
            **_times("time", message.time),
        }
        for message in view.messages
        if message.event["type"] == "AcceptStatusEvent"
        for parse_id in message.event["sequenceList"]
    ]


def message_text(message: Message) -> str:
    """The text of a message, the caption of a file, or the texts in structured content."""
    event = message.event
    if event["type"] == "RichContentEvent":
        return " ".join(_texts_in(event.get("content", event.get("message"))))
    content = event.get("message")
    if isinstance(content, dict):
        return str(content.get("caption") or "")
    return str(content or "")


def _texts_in(content: Any) -> list[str]:
    texts: list[str] = []
    pending = [content]
    while pending:
        item = pending.pop(0)
        if isinstance(item, dict):
            texts += [item[name] for name in ("text", "title", "caption") if isinstance(item.get(name), str)]
            pending += item.values()
        elif isinstance(item, list):
            pending += item
    return texts


def _agent_names(view: HistoryView, agent_id: str, prefix: str) -> dict[str, Any]:
    agent = view.account.agents_by_id.get(agent_id)
    name = agent.name if agent else agent_id
    return {
        f"{prefix}Id": agent_id,
        f"{prefix}FullName": name,
        f"{prefix}Nickname": name,
        f"{prefix}LoginName": agent.login if agent else agent_id,
    }


def _interactions(view: HistoryView) -> list[dict[str, Any]]:
    """Stretches of one agent's answering: one for each time that an agent was assigned."""
    joins = [join for join in view.agent_joins if join.role == "ASSIGNED_AGENT"]
    return [
        {
            **_agent_names(view, join.agent_id, "assignedAgent"),
            **_times("interactionTime", join.time),
            "interactiveSequence": sequence,
            "dialogId": view.now.conversation_id,
        }
        for sequence, join in enumerate(joins, start=1)
    ]


def _agents(view: HistoryView) -> list[dict[str, Any]]:
    """Everybody of the agents' side who has joined, in order."""
    return [_participant(view, join) for join in view.agent_joins]


def _active_agents(view: HistoryView) -> list[dict[str, Any]]:
    """Who of the agents' side is in it now."""
    latest = {(join.agent_id, join.role): join for join in view.agent_joins}
    return [_participant(view, latest[agent]) for agent in view.now.agents if agent in latest]


def _participant(view: HistoryView, join: AgentJoin) -> dict[str, Any]:
    user_type, user_type_name = _USER_TYPE
    return {
        **_agent_names(view, join.agent_id, "agent"),
        "agentDeleted": False,
        "agentGroupId": _number(view.group_of(join.agent_id)),
        "userType": user_type,
        "userTypeName": user_type_name,
        "role": join.role,
        **_times("time", join.time),
        "dialogId": view.now.conversation_id,
    }


def _consumers(view: HistoryView) -> list[dict[str, Any]]:
    personal: dict[str, Any] = {}
    for _, element in view.cloud.state.sdes(view.now.conversation_id):
        if element.get("type") == "personal" and isinstance(element.get("personal"), dict):
            personal = element["personal"]
    return [
        {
            "participantId": view.now.lp_consumer_id,
            "firstName": personal.get("firstname", ""),
            "lastName": personal.get("lastname", ""),
            "token": "",
            "email": "",
            **_times("time", view.now.created_at),
            "dialogId": view.now.conversation_id,
        }
    ]


def _monitoring(view: HistoryView) -> dict[str, Any] | None:
    session_id = view.cloud.state.session_of(view.now.conversation_id)
    visit = view.cloud.state.visits.session(session_id or "")
    if visit is None:
        return None
    return {"visitorId": visit.visitor_id, "sessionId": visit.session_id, "entryPoints": visit.entry_points}


def _sdes(view: HistoryView) -> dict[str, Any]:
    return {"events": view.sde_events(authenticated=True)}


def _unauth_sdes(view: HistoryView) -> dict[str, Any] | None:
    # v=1 knows authenticated ones only (documented).
    return {"events": view.sde_events(authenticated=False)} if view.version == 2 else None


def _response_time(view: HistoryView) -> dict[str, Any]:
    return {
        "latestEffectiveResponseDueTime": view.now.response_due_ms,
        "configuredResponseTime": view.now.response_ttr.get("value"),
    }


CONTENTS: dict[str, Callable[[HistoryView], Any]] = {
    "campaign": _campaign,
    "messageRecords": _messages,
    "agentParticipants": _agents,
    "agentParticipantsActive": _active_agents,
    "consumerParticipants": _consumers,
    "transfers": _transfers,
    "skillChanges": _skill_changes,
    "interactions": _interactions,
    "dialogs": _dialogs,
    "messageStatuses": _statuses,
    "sdes": _sdes,
    "unAuthSdes": _unauth_sdes,
    "monitoring": _monitoring,
    "responseTime": _response_time,
    "summary": lambda view: view.summary,
}
