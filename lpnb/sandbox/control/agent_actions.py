"""The agent's side of a conversation: join, reply, transfer, close, and webhook controls.

Everything here is recorded in the ledger like what clients send, and so becomes webhooks.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from lpnb.sandbox.choices import one_of
from lpnb.sandbox.errors import ControlError, UnknownNameError
from lpnb.sandbox.state.conversations import Conversation, can_show_survey
from lpnb.sandbox.state.state import State
from lpnb.sandbox.webhooks.attempts import WebhookAttempt, WebhookCounts
from lpnb.sandbox.webhooks.delivery import WebhookDispatcher
from lpnb.sandbox.webhooks.targets import target_of
from lpnb.sandbox.world.models import Account, Agent, Skill, World
from lpnb.sandbox.world.rules import Rules
from lpnb.sandbox.world.webhook_subscriptions import Webhooks

# A SEND frame's limit (documented); the agents' own is not published.
MAX_TEXT = 5000

# For a world without agents.
FALLBACK_AGENT = "sandbox-agent"
FALLBACK_MANAGER = "sandbox-manager"


class AgentActions:
    """What agents do, over the state of the played world."""

    world: World
    account_id: str
    client_id: str
    rules: Rules
    _state: State
    _dispatcher: WebhookDispatcher

    def agent_joins(self, conversation_id: str, agent: str | None = None) -> str:
        """Let an agent take the conversation; return the agent's id.

        Args:
            conversation_id: An open conversation.
            agent: The id or login of an agent of the world; by default one who serves the skill.

        Raises:
            KeyError: When there is no such conversation or agent.
            ValueError: When the conversation is closed.
        """
        with self._state.ledger:
            conversation = self._open_conversation(conversation_id)
            agent_id = self._choose(conversation, agent)
            for other, role in conversation.agents:
                if role == "ASSIGNED_AGENT" and other != agent_id:
                    self._state.remove_agent(conversation_id, other)
            if (agent_id, "ASSIGNED_AGENT") not in conversation.agents:
                self._state.join_agent(conversation_id, agent_id)
            return agent_id

    def agent_says(self, conversation_id: str, text: str, *, agent: str | None = None) -> int:
        """Publish a text as the assigned agent, who joins first when there is none; return its sequence."""
        _check_text(text)
        event = {"type": "ContentEvent", "message": text, "contentType": "text/plain"}
        return self._publish(conversation_id, event, agent)

    def agent_sends_rich(
        self,
        conversation_id: str,
        content: Mapping[str, Any],
        *,
        metadata: Iterable[Any] = (),
        agent: str | None = None,
    ) -> int:
        """Publish structured content, such as a card with buttons; return its sequence."""
        plain = json.loads(json.dumps(dict(content), allow_nan=False))
        event = {"type": "RichContentEvent", "content": plain}
        return self._publish(conversation_id, event, agent, metadata=metadata)

    def agent_notes(self, conversation_id: str, text: str, *, agent: str | None = None) -> int:
        """Leave a private note, which consumers do not see but webhooks tell of; return its sequence."""
        _check_text(text)
        event = {"type": "ContentEvent", "message": text, "contentType": "text/plain"}
        return self._publish(conversation_id, event, agent, audience="AGENTS_AND_MANAGERS")

    def agent_summarises(self, conversation_id: str, text: str) -> None:
        """Write the conversation's summary, also after its end; history shows it and finds it by its words.

        Raises:
            KeyError: When there is no such conversation.
            ValueError: When the text is empty or too long.
        """
        _check_text(text)
        with self._state.ledger:
            agent = self._assigned_agent(self._conversation(conversation_id)) or FALLBACK_AGENT
            value = {"text": text, "lastUpdatedTime": int(self._state.clock() * 1000)}
            self._state.update_field(conversation_id, "summary", value, by=agent)

    def set_mcs(self, conversation_id: str, score: int) -> None:
        """Give a conversation its Meaningful Connection Score; the service computes it, the sandbox does not.

        Its group, which history has as ``alertedMCS``, is negative (-1) below 40, neutral (0) below 60 and
        positive (1) from there (inferred).

        Args:
            conversation_id: Open or closed.
            score: From 0 to 100.

        Raises:
            KeyError: When there is no such conversation.
            ValueError: When the score is none.
        """
        if isinstance(score, bool) or not isinstance(score, int) or not 0 <= score <= 100:
            raise ControlError(f"score must be a whole number from 0 to 100; got {score!r}.")
        self._conversation(conversation_id)
        group = -1 if score < 40 else 0 if score < 60 else 1
        self._state.update_field(conversation_id, "mcs", {"mcs": score, "alertedMCS": group}, by="SYSTEM")

    def agent_types(self, conversation_id: str, chat_state: str = "COMPOSING") -> None:
        """Show that the assigned agent is typing, or has stopped ("PAUSE")."""
        states = ("ACTIVE", "INACTIVE", "GONE", "COMPOSING", "PAUSE")
        if chat_state not in states:
            raise ControlError(one_of("chat_state", chat_state, states))
        self._publish(conversation_id, {"type": "ChatStateEvent", "chatState": chat_state}, None)

    def agent_reads(self, conversation_id: str) -> list[int]:
        """Confirm the consumer's messages that no agent has read yet; return their sequences."""
        with self._state.ledger:
            conversation = self._open_conversation(conversation_id)
            messages = self._state.messages(conversation_id)
            read_sequences = {
                sequence
                for message in messages
                if message.event["type"] == "AcceptStatusEvent" and message.role != "CONSUMER"
                for sequence in message.event.get("sequenceList", ())
            }
            unread_sequences = [
                message.sequence
                for message in messages
                if message.role == "CONSUMER"
                and message.dialog_id == conversation.conversation_id
                and message.event["type"] in ("ContentEvent", "RichContentEvent")
                and message.sequence not in read_sequences
            ]
            if unread_sequences:
                event = {"type": "AcceptStatusEvent", "status": "READ", "sequenceList": unread_sequences}
                self._publish(conversation_id, event, None)
            return unread_sequences

    def manager_joins(self, conversation_id: str, manager: str | None = None) -> str:
        """Let a manager join the conversation beside the assigned agent; return the manager's id.

        Args:
            conversation_id: An open conversation.
            manager: The id or login of an agent of the world; by default the first whose `manager` is true,
                else any who is not assigned.

        Raises:
            KeyError: When there is no such conversation or agent.
            ValueError: When the conversation is closed, or that agent is assigned to it.
        """
        with self._state.ledger:
            conversation = self._open_conversation(conversation_id)
            manager_id = self._choose_manager(conversation, manager)
            if (manager_id, "MANAGER") not in conversation.agents:
                self._state.join_agent(conversation_id, manager_id, "MANAGER")
            return manager_id

    def manager_says(self, conversation_id: str, text: str, *, manager: str | None = None) -> int:
        """Publish a text as a manager, who joins first when there is none; return its sequence.

        Args:
            conversation_id: An open conversation.
            text: What is said, 1 to 5,000 characters.
            manager: As in `manager_joins`; by default the manager who is in it.

        Raises:
            KeyError: When there is no such conversation or agent.
            ValueError: When the conversation is closed, or the text is empty or too long.
        """
        _check_text(text)
        with self._state.ledger:
            conversation = self._open_conversation(conversation_id)
            present = next((agent for agent, role in conversation.agents if role == "MANAGER"), None)
            if present is None or (
                manager is not None and self._choose_manager(conversation, manager) != present
            ):
                present = self.manager_joins(conversation_id, manager)
            event = {"type": "ContentEvent", "message": text, "contentType": "text/plain"}
            sequence = self._state.publish(
                conversation_id, conversation_id, event, originator_id=present, role="MANAGER"
            )
            return -1 if sequence is None else sequence

    def manager_leaves(self, conversation_id: str) -> None:
        """Let every manager leave the conversation; nothing happens when there is none.

        Raises:
            KeyError: When there is no such conversation.
            ValueError: When the conversation is closed.
        """
        with self._state.ledger:
            for agent, role in self._open_conversation(conversation_id).agents:
                if role == "MANAGER":
                    self._state.remove_agent(conversation_id, agent)

    def transfer(self, conversation_id: str, skill: str) -> None:
        """Hand the conversation to another skill, by id or name; the assigned agent leaves it.

        Raises:
            KeyError: When there is no such conversation or skill.
            ValueError: When the conversation is closed.
        """
        with self._state.ledger:
            conversation = self._open_conversation(conversation_id)
            account = self._account(conversation)
            target = account.skill(str(skill)) if account else None
            if target is None:
                names_text = ", ".join(repr(item.name) for item in account.skills) if account else "none"
                raise UnknownNameError(
                    f"skill must be one of {names_text}, or its id; got {str(skill)[:60]!r}."
                )
            by = self._assigned_agent(conversation) or self._choose(conversation, None)
            self._state.change_skill(conversation_id, target.id, target.name, reason="Skill", by=by)

    def agent_closes(self, conversation_id: str) -> None:
        """Close the conversation as the agent; one that is closed stays so.

        A survey follows when the account has one and the consumer's side declared MULTI_DIALOG; closing
        again ends that too.

        Raises:
            KeyError: When there is no such conversation.
        """
        with self._state.ledger:
            conversation = self._conversation(conversation_id)
            account = self._account(conversation)
            if conversation.state == "CLOSE" or not (
                account and account.survey and can_show_survey(conversation.raw_client_properties)
            ):
                self._state.close_conversation(conversation_id, by="AGENT")
                return
            frees = not self.rules.survey_keeps_conversation
            self._state.close_dialog(conversation_id, conversation_id, by="AGENT", frees_consumer=frees)
            self._state.open_dialog(conversation_id, "POST_SURVEY")

    def agent_resumes(self, conversation_id: str) -> bool:
        """Open a closed conversation again; False when its consumer has another one open by now."""
        with self._state.ledger:
            self._conversation(conversation_id)
            return self._state.resume_conversation(conversation_id, by="AGENT")

    @property
    def webhook_counts(self) -> WebhookCounts:
        """How webhooks fared: delivered, retried, expired, dropped, and how many wait."""
        return self._dispatcher.counts

    @property
    def webhook_attempts(self) -> list[WebhookAttempt]:
        """The last thousand tries to deliver a webhook, oldest first."""
        return self._dispatcher.attempts

    def webhooks_settled(self, seconds: float = 10) -> bool:
        """Wait until no webhook waits to be delivered; False when that takes longer."""
        return self._dispatcher.wait_until_settled(seconds)

    def webhooks_tried(self, count: int, seconds: float = 10) -> bool:
        """Wait until there were *count* tries to deliver one; False when that takes longer."""
        return self._dispatcher.wait_for_attempts(count, seconds)

    def set_webhook(
        self,
        url: str | None,
        *,
        kind: str | None = None,
        client_id: str | None = None,
        account_id: str | None = None,
    ) -> None:
        """Post webhooks to *url* from now on.

        Args:
            url: An endpoint on this machine; None for no webhooks. What waits for an earlier one goes there.
            kind: One kind of webhook, such as "ContentEvent" or "ExConversationChangeNotification"; all five
                when left out.
            client_id: The app installation whose webhooks they are; that of `environment` when left out.
            account_id: The account of that installation; that of `environment` when left out.

        Raises:
            ValueError: When it is no URL, or on another machine and that was not allowed, or there is no such
                kind, installation or account.
        """
        account_id = account_id or self.account_id
        client_id = client_id or self.client_id
        if account_id not in self.world.accounts_by_id:
            raise ControlError(one_of("account_id", account_id, tuple(self.world.accounts_by_id)))
        present = next(
            (
                target.webhooks
                for target in self._dispatcher.targets
                if (target.account_id, target.client_id) == (account_id, client_id)
            ),
            Webhooks(),
        )
        try:
            target = target_of(self.world, present, url, kind, account_id, client_id)
            self._dispatcher.set_target(target)
        except ValueError as error:
            raise ControlError(str(error)) from None

    def fail_webhooks(self, fault: str, times: int = 1) -> None:
        """ "lose", "duplicate" or "reorder" the next webhooks: all three may happen (documented)."""
        self._dispatcher.fail(fault, times)

    def _publish(
        self,
        conversation_id: str,
        event: dict[str, Any],
        agent: str | None,
        *,
        audience: str = "ALL",
        metadata: Iterable[Any] = (),
    ) -> int:
        with self._state.ledger:
            conversation = self._open_conversation(conversation_id)
            agent_id = self._assigned_agent(conversation)
            if agent_id is None or (agent is not None and self._choose(conversation, agent) != agent_id):
                agent_id = self.agent_joins(conversation_id, agent)
            sequence = self._state.publish(
                conversation_id,
                conversation_id,
                event,
                originator_id=agent_id,
                role="ASSIGNED_AGENT",
                audience=audience,
                metadata=metadata,
            )
            return -1 if sequence is None else sequence

    def _open_conversation(self, conversation_id: str) -> Conversation:
        conversation = self._conversation(conversation_id)
        if conversation.state != "OPEN":
            raise ControlError(f"Conversation {conversation_id!r} is closed.")
        return conversation

    def _conversation(self, conversation_id: str) -> Conversation:
        if not isinstance(conversation_id, str):
            rule = "text, such as reply.conversation_id or conversation.id"
            raise ControlError(f"conversation_id must be {rule}; got a {type(conversation_id).__name__}.")
        conversation = self._state.conversation(conversation_id)
        if conversation is None:
            raise UnknownNameError(f"No conversation {conversation_id!r} in this sandbox.")
        return conversation

    def _account(self, conversation: Conversation) -> Account | None:
        return self.world.accounts_by_id.get(conversation.account_id)

    @staticmethod
    def _assigned_agent(conversation: Conversation) -> str | None:
        return next((agent for agent, role in conversation.agents if role == "ASSIGNED_AGENT"), None)

    def _choose(self, conversation: Conversation, agent_name: str | None) -> str:
        account = self._account(conversation)
        agents = account.agents if account else ()
        if agent_name is not None:
            for agent in agents:
                if agent_name in (agent.id, agent.login):
                    return agent.id
            logins_text = ", ".join(repr(agent.login) for agent in agents) or "none: the world has no agents"
            raise UnknownNameError(f"agent must be one of {logins_text}; got {agent_name[:60]!r}.")
        skill = account.skill(conversation.skill_id) if account else None
        online_agents = [agent for agent in agents if self._is_online(conversation.account_id, agent)]
        serving_agents = [agent for agent in online_agents if skill is not None and _serves(agent, skill)]
        for candidates in (serving_agents, online_agents, list(agents)):
            if candidates:
                return candidates[0].id
        return FALLBACK_AGENT

    def _choose_manager(self, conversation: Conversation, manager: str | None) -> str:
        agent_id = self._assigned_agent(conversation)
        if manager is not None:
            manager_id = self._choose(conversation, manager)
            if manager_id == agent_id:
                raise ControlError(f"{manager!r} is the assigned agent of this conversation.")
            return manager_id
        account = self._account(conversation)
        other_agents = [agent for agent in (account.agents if account else ()) if agent.id != agent_id]
        managers = [agent for agent in other_agents if agent.manager] or other_agents
        return managers[0].id if managers else FALLBACK_MANAGER

    def _is_online(self, account_id: str, agent: Agent) -> bool:
        set_online = self._state.online(account_id, agent.id)
        return agent.online if set_online is None else set_online


def _serves(agent: Agent, skill: Skill) -> bool:
    return not agent.skills or skill.id in agent.skills or skill.name in agent.skills


def _check_text(text: str) -> None:
    if not isinstance(text, str) or not text.strip():
        raise ControlError("text must not be empty.")
    if len(text) > MAX_TEXT:
        raise ControlError(f"text must be {MAX_TEXT} characters or fewer; got {len(text)}.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ControlError("text holds half a character (a lone surrogate).") from None
