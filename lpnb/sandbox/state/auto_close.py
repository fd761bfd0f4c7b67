"""Automatic closing of conversations that wait too long for their consumer, and of idle surveys.

Documented: the time is an account's setting, from 25 minutes to 90 days, 90 days by default, and
it runs only while the conversation waits for the consumer; a survey that has been idle for over a
week is closed. That a conversation nobody has written in waits for its consumer, too, is inferred,
and so is that the setting leaves surveys alone.
"""

from lpnb.sandbox.state.conversations import Conversation, Message
from lpnb.sandbox.state.state import State

DEFAULT_AUTO_CLOSE_SECONDS = 90 * 24 * 3600.0
SURVEY_IDLE_SECONDS = 7 * 24 * 3600.0


def close_idle(state: State, after: float) -> list[str]:
    """Close what has waited for its consumer for *after* seconds or more, and surveys left for over a week.

    Returns the ids, oldest first.
    """
    now = state.clock()
    closed_ids = []
    # One step for everybody else: nobody writes between the look and the closing.
    with state.ledger:
        for conversation in state.conversations:
            if conversation.stage != "OPEN" or now - conversation.updated_at < min(
                after, SURVEY_IDLE_SECONDS
            ):
                continue
            all_messages = state.messages(conversation.conversation_id)
            messages = [message for message in all_messages if message.event["type"] != "AcceptStatusEvent"]
            # The main dialog is closed and the conversation is not: a survey runs.
            if conversation.state == "CLOSE":
                is_idle = now - _last_activity(conversation, messages) > SURVEY_IDLE_SECONDS
            else:
                consumers_turn = not messages or messages[-1].role != "CONSUMER"
                is_idle = consumers_turn and now - _last_activity(conversation, messages) >= after
            if is_idle:
                state.close_conversation(conversation.conversation_id, by="SYSTEM")
                closed_ids.append(conversation.conversation_id)
    return closed_ids


def _last_activity(conversation: Conversation, messages: list[Message]) -> float:
    """When something last happened in it."""
    return max(conversation.updated_at, messages[-1].time if messages else 0.0)
