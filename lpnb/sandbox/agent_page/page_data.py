"""What is on the page right now, gathered from the state and the world. No markup is made here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lpnb.sandbox.agent_page import wording
from lpnb.sandbox.agent_page.components import Listed, Page, Shown
from lpnb.sandbox.agent_page.inbox import Inbox, Row
from lpnb.sandbox.agent_page.thread import MESSAGES_SHOWN
from lpnb.sandbox.control.routing_trace import trace_of
from lpnb.sandbox.state.conversations import Conversation
from lpnb.sandbox.state.state import State
from lpnb.sandbox.webhooks.delivery import Courier
from lpnb.sandbox.world.models import Account, World

# Agents see what was reported without proof from so long before the conversation (documented).
_UNAUTHENTICATED_SECONDS = 12 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where the page's values come from."""

    state: State
    world: World
    inbox: Inbox
    courier: Courier
    account_id: str
    client_id: str
    client_secret: str
    """As the page may show it."""
    base: Callable[[], str]

    def page(self, token: str, wanted: str | None = None, *, problem: str | None = None) -> Page:
        """The page, with the conversation *wanted* open."""
        with self.state.ledger:
            rows = self.inbox.rows()
            listed = [self._listed(row, found) for row, found in rows]
            found = self.state.conversation(wanted) if wanted is not None else None
            return Page(
                token=token,
                sequence=self.inbox.sequence,
                account=self.world.accounts_by_id[self.account_id],
                base=self.base(),
                client_id=self.client_id,
                client_secret=self.client_secret,
                webhooks=self.courier.counts if self.courier.targets else None,
                listed=listed,
                shown=self._shown(found) if found is not None else None,
                missing=wanted if wanted is not None and found is None else None,
                problem=problem,
            )

    def _listed(self, row: Row, found: Conversation) -> Listed:
        account = self._account(found)
        agent_id = next((agent for agent, role in found.agents if role == "ASSIGNED_AGENT"), None)
        agent = account.agents_by_id.get(agent_id or "") if account else None
        # Of several Personal Infos the last counts.
        elements = [element for _, element in self.state.sdes(found.conversation_id)]
        return Listed(
            row=row,
            conversation=found,
            name=wording.consumer_name(elements, found.ext_consumer_id),
            skill=found.skill_name or ("Any skill" if found.skill_id == "-1" else f"Skill {found.skill_id}"),
            agent=agent.name if agent else agent_id,
        )

    def _shown(self, found: Conversation) -> Shown:
        row = self.inbox.row(found.conversation_id) or Row(found.conversation_id, found.updated_at)
        account = self._account(found)
        return Shown(
            listed=self._listed(row, found),
            messages=self.state.messages(found.conversation_id)[-MESSAGES_SHOWN:],
            groups=self._groups(found),
            trace=trace_of(self.world, self.state, found.conversation_id),
            skills=[(skill.id, skill.name) for skill in account.skills] if account else [],
        )

    def _groups(self, found: Conversation) -> list[wording.Group]:
        latest: dict[str, Any] = {}
        for _, element in self.state.sdes(found.conversation_id):
            latest[str(element.get("type"))] = element
        visit = self.state.visits.session(self.state.session_of(found.conversation_id) or "")
        since = found.created_at - _UNAUTHENTICATED_SECONDS
        until = found.created_at + _UNAUTHENTICATED_SECONDS
        reported = [element for time, element in visit.attributes if since <= time <= until] if visit else []
        return [
            *wording.groups(latest.values(), authenticated=True),
            *wording.groups(reported, authenticated=False),
        ]

    def _account(self, found: Conversation) -> Account | None:
        return self.world.accounts_by_id.get(found.account_id)
