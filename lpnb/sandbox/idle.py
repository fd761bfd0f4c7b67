"""Automatic closing: the platform closes conversations in which the consumer has long said nothing.

Documented: the time is an account's setting, from 25 minutes to 90 days, 90 days by default, and
it runs only while the conversation waits for the consumer. That a conversation nobody has written
in waits for its consumer, too, is inferred.
"""

from .state import State

LONGEST = 90 * 24 * 3600.0


def close_idle(state: State, after: float) -> list[str]:
    """Close what has waited for its consumer for *after* seconds or more; return the ids, oldest first."""
    due = state.clock() - after
    closed = []
    # One step for everybody else: nobody writes between the look and the closing.
    with state.ledger:
        for conversation in state.conversations:
            if conversation.stage != "OPEN" or conversation.updated_at > due:
                continue
            messages = [
                message
                for message in state.messages(conversation.conversation_id)
                if message.event["type"] != "AcceptStatusEvent"
            ]
            if messages and (messages[-1].role == "CONSUMER" or messages[-1].time > due):
                continue
            state.close_conversation(conversation.conversation_id, by="SYSTEM")
            closed.append(conversation.conversation_id)
    return closed
