"""Builds the view models of the agent's page from the state and the world."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lpnb.sandbox.agent_page import wording
from lpnb.sandbox.agent_page.components import ListRow, OpenConversation, Page
from lpnb.sandbox.agent_page.inbox import Inbox, InboxEntry
from lpnb.sandbox.agent_page.thread import MESSAGES_SHOWN
from lpnb.sandbox.control.routing_trace import trace_of
from lpnb.sandbox.state.conversations import Conversation
from lpnb.sandbox.state.state import State
from lpnb.sandbox.webhooks.delivery import WebhookDispatcher
from lpnb.sandbox.world.models import Account, World

# Agents see what was reported without proof from so long before the conversation (documented).
_UNAUTHENTICATED_SECONDS = 12 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class PageData:
    """Where the page's values come from."""

    state: State
    world: World
    inbox: Inbox
    dispatcher: WebhookDispatcher
    account_id: str
    client_id: str
    client_secret: str
    """As the page may show it."""
    base: Callable[[], str]

    def page(self, token: str, conversation_id: str | None = None, *, problem: str | None = None) -> Page:
        """The page, with the conversation *conversation_id* open."""
        with self.state.ledger:
            rows = [self._row(entry, conversation_row) for entry, conversation_row in self.inbox.entries()]
            conversation = self.state.conversation(conversation_id) if conversation_id is not None else None
            return Page(
                token=token,
                sequence=self.inbox.sequence,
                account=self.world.accounts_by_id[self.account_id],
                base=self.base(),
                client_id=self.client_id,
                client_secret=self.client_secret,
                webhooks=self.dispatcher.counts if self.dispatcher.targets else None,
                rows=rows,
                current=self._open_conversation(conversation) if conversation is not None else None,
                missing=conversation_id if conversation_id is not None and conversation is None else None,
                problem=problem,
            )

    def _row(self, entry: InboxEntry, conversation: Conversation) -> ListRow:
        account = self._account(conversation)
        agent_id = next((agent for agent, role in conversation.agents if role == "ASSIGNED_AGENT"), None)
        agent = account.agents_by_id.get(agent_id or "") if account else None
        # Of several Personal Infos the last counts.
        elements = [element for _, element in self.state.sdes(conversation.conversation_id)]
        return ListRow(
            entry=entry,
            conversation=conversation,
            name=wording.consumer_name(elements, conversation.ext_consumer_id),
            skill=conversation.skill_name
            or ("Any skill" if conversation.skill_id == "-1" else f"Skill {conversation.skill_id}"),
            agent=agent.name if agent else agent_id,
        )

    def _open_conversation(self, conversation: Conversation) -> OpenConversation:
        entry = self.inbox.entry(conversation.conversation_id) or InboxEntry(
            conversation.conversation_id, conversation.updated_at
        )
        account = self._account(conversation)
        return OpenConversation(
            row=self._row(entry, conversation),
            messages=self.state.messages(conversation.conversation_id)[-MESSAGES_SHOWN:],
            groups=self._groups(conversation),
            trace=trace_of(self.world, self.state, conversation.conversation_id),
            skills=[(skill.id, skill.name) for skill in account.skills] if account else [],
        )

    def _groups(self, conversation: Conversation) -> list[wording.SdeGroup]:
        latest: dict[str, Any] = {}
        for _, element in self.state.sdes(conversation.conversation_id):
            latest[str(element.get("type"))] = element
        visit = self.state.visits.session(self.state.session_of(conversation.conversation_id) or "")
        since = conversation.created_at - _UNAUTHENTICATED_SECONDS
        until = conversation.created_at + _UNAUTHENTICATED_SECONDS
        attributes = (
            [element for time, element in visit.attributes if since <= time <= until] if visit else []
        )
        return [
            *wording.sde_groups(latest.values(), authenticated=True),
            *wording.sde_groups(attributes, authenticated=False),
        ]

    def _account(self, conversation: Conversation) -> Account | None:
        return self.world.accounts_by_id.get(conversation.account_id)
