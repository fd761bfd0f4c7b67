"""``cm.UpdateConversationField``: the conversation fields a consumer may change, and their effects."""

from collections.abc import Callable
from typing import Any

from lpnb.sandbox.choices import one_of, problem_of_choice
from lpnb.sandbox.http.messages import Request
from lpnb.sandbox.service_context import Cloud
from lpnb.sandbox.services.event_rules import problem_of_length
from lpnb.sandbox.state.conversations import Conversation, can_show_survey

# Word for word (documented); what the service says to the other fields is not published.
RESOLVED = "OK Conversation resolved successfully"
UPDATED = "OK Conversation updated successfully"

TTR_TYPES = ("CUSTOM", "NORMAL", "PRIORITIZED", "URGENT")
CSAT_STATUSES = ("FILLED", "PARTIALLY_FILLED", "SKIPPED")
AGENTS_OWN = ("Skill", "ParticipantsChange")

Field = dict[str, Any]
_Check = Callable[[Conversation, Field, str], str | None]
_Work = Callable[[Cloud, Request, str, Field], str]


def problem_of(cloud: Cloud, conversation: Conversation, updates: list[Any]) -> str | None:
    """Why these fields are refused, or None; nothing is changed unless all can be."""
    if not updates:
        return "conversationField must hold at least one field."
    for position, update in enumerate(updates):
        path = "conversationField" if len(updates) == 1 else f"conversationField[{position}]"
        if not isinstance(update, dict):
            return f"{path} must be an object such as {{'field': 'ConversationStateField', ...}}."
        functions = _FIELDS.get(update["field"]) if isinstance(update.get("field"), str) else None
        if functions is None:
            return one_of(f"{path}.field", update.get("field"), tuple(_FIELDS))
        if update["field"] in AGENTS_OWN and not cloud.rules.consumer_may_transfer:
            return f"{path}.field {update['field']!r} is the agents' to change, not the consumer's."
        if problem := functions[0](conversation, update, path):
            return problem
    return None


def fits_closed(cloud: Cloud, updates: list[Field]) -> bool:
    """Whether these fields can be set on a conversation that is closed."""
    return cloud.rules.csat_after_close and all(update["field"] == "CSATRate" for update in updates)


def meets_closed_dialog(conversation: Conversation, updates: list[Field]) -> bool:
    """Whether one of these fields would close a dialog that is closed, while the conversation is not."""
    closed = {dialog.dialog_id for dialog in conversation.dialogs if dialog.state == "CLOSE"}
    return any(_dialog_to_close(conversation, update) in closed for update in updates)


def update(cloud: Cloud, request: Request, conversation_id: str, updates: list[Field]) -> str:
    """Set the fields in their order; return what the service says to that."""
    msg = UPDATED
    for field in updates:
        msg = _FIELDS[field["field"]][1](cloud, request, conversation_id, field)
    return msg


def _dialog_to_close(conversation: Conversation, update: Field) -> str | None:
    if update["field"] == "ConversationStateField":
        return conversation.conversation_id
    return str(update["dialog"]["dialogId"]) if update["field"] == "DialogChange" else None


def _check_close(_conversation: Conversation, update: Field, path: str) -> str | None:
    return problem_of_choice(f"{path}.conversationState", update.get("conversationState"), ("CLOSE",))


def _check_dialog(conversation: Conversation, update: Field, path: str) -> str | None:
    if problem := problem_of_choice(f"{path}.type", update.get("type"), ("UPDATE",)):
        return problem
    dialog = update.get("dialog")
    if not isinstance(dialog, dict):
        return f"{path}.dialog must be an object with dialogId and state."
    if problem := problem_of_choice(f"{path}.dialog.state", dialog.get("state"), ("CLOSE",)):
        return problem
    cause = dialog.get("closedCause")
    if cause is not None and not isinstance(cause, str):
        return f"{path}.dialog.closedCause must be a string."
    dialog_id = dialog.get("dialogId")
    if not isinstance(dialog_id, str) or conversation.dialog(dialog_id) is None:
        return f"{path}.dialog.dialogId is no dialog of this conversation."
    return None


def _check_ttr(_conversation: Conversation, update: Field, path: str) -> str | None:
    if problem := problem_of_choice(f"{path}.ttrType", update.get("ttrType"), TTR_TYPES):
        return problem
    value = update.get("value")
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return f"{path}.value must be seconds, a whole number from 0."
    return None


def _check_csat(_conversation: Conversation, update: Field, path: str) -> str | None:
    rate = update.get("csatRate")
    if isinstance(rate, bool) or not isinstance(rate, int) or not 1 <= rate <= 5:
        return f"{path}.csatRate must be a whole number from 1 to 5."
    if not isinstance(update.get("csatResolutionConfirmation"), bool):
        return f"{path}.csatResolutionConfirmation must be true or false."
    return problem_of_choice(f"{path}.status", update.get("status"), CSAT_STATUSES)


def _check_skill(_conversation: Conversation, update: Field, path: str) -> str | None:
    if problem := problem_of_choice(f"{path}.type", update.get("type"), ("UPDATE",)):
        return problem
    if not isinstance(update.get("skill"), str) or not update["skill"]:
        return f"{path}.skill must be a string."
    return problem_of_length(f"{path}.skill", update["skill"])


def _check_participants(_conversation: Conversation, update: Field, path: str) -> str | None:
    kinds, roles = ("ADD", "REMOVE", "UPDATE", "SUGGEST"), ("MANAGER", "READER", "ASSIGNED_AGENT")
    problem = problem_of_choice(f"{path}.type", update.get("type"), kinds)
    return problem or problem_of_choice(f"{path}.role", update.get("role"), roles)


def _close(cloud: Cloud, request: Request, conversation_id: str, _update: Field) -> str:
    """The consumer's way to close: the main dialog ends, and a survey may follow (documented)."""
    _close_main(cloud, request, conversation_id, None)
    return RESOLVED


def _close_stage(cloud: Cloud, _request: Request, conversation_id: str, _update: Field) -> str:
    """The whole conversation closes, without a survey (documented)."""
    cloud.state.close_conversation(conversation_id, by="CONSUMER")
    return RESOLVED


def _change_dialog(cloud: Cloud, request: Request, conversation_id: str, update: Field) -> str:
    dialog = update["dialog"]
    if dialog["dialogId"] == conversation_id:
        _close_main(cloud, request, conversation_id, dialog.get("closedCause"))
        return UPDATED
    # Closing the survey ends the conversation (documented).
    cloud.state.close_dialog(
        conversation_id, dialog["dialogId"], by="CONSUMER", cause=dialog.get("closedCause")
    )
    cloud.state.close_conversation(conversation_id, by="CONSUMER")
    return UPDATED


def _close_main(cloud: Cloud, request: Request, conversation_id: str, cause: str | None) -> None:
    conversation = cloud.state.conversation(conversation_id)
    assert conversation is not None  # noqa: S101 - looked up a moment ago, under the same lock
    account = cloud.world.accounts_by_id[conversation.account_id]
    if conversation.state == "CLOSE":
        return
    # Now, or when the conversation opened.
    shows_survey = any(
        map(can_show_survey, (request.header("client-properties"), conversation.raw_client_properties))
    )
    if not (account.survey and shows_survey):
        cloud.state.close_conversation(conversation_id, by="CONSUMER")
        return
    frees = not cloud.rules.survey_keeps_conversation
    cloud.state.close_dialog(
        conversation_id, conversation_id, by="CONSUMER", cause=cause, frees_consumer=frees
    )
    cloud.state.open_dialog(conversation_id, "POST_SURVEY")


def _setter(field: str, *names: str) -> _Work:
    def work(cloud: Cloud, _request: Request, conversation_id: str, update: Field) -> str:
        value = {name: update[name] for name in names}
        cloud.state.update_field(conversation_id, field, value, by="CONSUMER")
        return UPDATED

    return work


def _change_skill(cloud: Cloud, _request: Request, conversation_id: str, update: Field) -> str:
    conversation = cloud.state.conversation(conversation_id)
    assert conversation is not None  # noqa: S101 - looked up a moment ago, under the same lock
    skill = cloud.world.accounts_by_id[conversation.account_id].skill(update["skill"])
    cloud.state.change_skill(
        conversation_id,
        skill.id if skill else update["skill"],
        skill.name if skill else None,
        by=conversation.lp_consumer_id,
    )
    return UPDATED


def _change_participants(_cloud: Cloud, _request: Request, _conversation_id: str, _update: Field) -> str:
    """Taken and left without effect: the schema does not say whom a consumer would add."""
    return UPDATED


# Why a field is refused, and what it does.
_FIELDS: dict[str, tuple[_Check, _Work]] = {
    "ConversationStateField": (_check_close, _close),
    "Stage": (_check_close, _close_stage),
    "DialogChange": (_check_dialog, _change_dialog),
    "TTRField": (_check_ttr, _setter("ttr", "ttrType", "value")),
    "CSATRate": (_check_csat, _setter("csat", "csatRate", "csatResolutionConfirmation", "status")),
    "Skill": (_check_skill, _change_skill),
    "ParticipantsChange": (_check_participants, _change_participants),
}
