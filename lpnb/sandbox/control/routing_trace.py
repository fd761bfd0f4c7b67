"""The routing trace of a conversation: rules in order, and why each engagement matched or not.

The decision was recorded when the conversation opened. Engagements are considered by Monitoring; for
a conversation without a Monitoring session they are evaluated when the trace is read.
"""

from typing import Any

from lpnb.sandbox.state.conversations import Conversation
from lpnb.sandbox.state.state import State
from lpnb.sandbox.world.engagement_targeting import Visitor, match_engagements, values_at
from lpnb.sandbox.world.models import World


def trace_of(world: World, state: State, conversation_id: str) -> dict[str, Any]:
    """The trace of a conversation, with all ``engagements`` and who considered them.

    Raises:
        KeyError: When there is no such conversation, or it has been forgotten.
    """
    with state.ledger:
        trace = state.trace(conversation_id)
        conversation = state.conversation(conversation_id)
        sdes = tuple(element for _, element in state.sdes(conversation_id))
    assert conversation is not None  # noqa: S101 - it has a trace
    monitoring = trace.get("monitoring")
    if monitoring is not None and monitoring["considered"]:
        return {**trace, "engagements": monitoring["considered"], "consideredBy": "Monitoring"}
    account = world.accounts_by_id.get(conversation.account_id)
    matches = [] if account is None else match_engagements(account, _visitor(conversation, sdes))
    return {
        **trace,
        "engagements": [match.to_json() for match in matches],
        "consideredBy": "nobody: Monitoring was not asked; this is what it would have offered",
    }


def _visitor(conversation: Conversation, sdes: tuple[dict[str, Any], ...]) -> Visitor:
    """The consumer as CONVERSATION knows it: authenticated, because a trusted app says who it is."""
    context = conversation.body.get("conversationContext")
    lang = context.get("lang") if isinstance(context, dict) else None
    languages = [str(value) for value in (*values_at(sdes, "personal.language"), lang) if value]
    return Visitor(authenticated=True, languages=tuple(languages), sdes=sdes)
