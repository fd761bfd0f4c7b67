"""The conversation fields that ``cm.UpdateConversationField`` changes, one class each.

How they travel is ``frames``' business (``FieldUpdate``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from lpnb._internal.json_codec import json_trouble
from lpnb.models.base import Id, Text, Whole, WireModel


class FieldOfConversation(WireModel):
    """One field and what it becomes; ``field`` is its name on the wire."""

    wire_root: ClassVar[str] = "conversationField"
    field_name: ClassVar[str]
    #: What goes along with every change of this field.
    fixed: ClassVar[Mapping[str, str]] = {}

    def to_wire(self) -> dict[str, Any]:
        """Return the element of ``conversationField`` that is sent."""
        return {"field": self.field_name, **self.fixed, **super().to_wire()}


class Close(FieldOfConversation):
    """Closes the conversation as the consumer does; a survey may follow.

    Example:
        >>> Close().to_wire()
        {'field': 'ConversationStateField', 'conversationState': 'CLOSE'}

    Source: Send API, SEND.
    """

    field_name: ClassVar[str] = "ConversationStateField"
    fixed: ClassVar[Mapping[str, str]] = {"conversationState": "CLOSE"}


class CloseStage(FieldOfConversation):
    """Closes the conversation as a whole; no survey follows.

    Example:
        >>> CloseStage().to_wire()
        {'field': 'Stage', 'conversationState': 'CLOSE'}

    Source: Send API, SEND.
    """

    field_name: ClassVar[str] = "Stage"
    fixed: ClassVar[Mapping[str, str]] = {"conversationState": "CLOSE"}


class CloseDialog(FieldOfConversation):
    """Closes one dialog. Closing the main one starts the survey, closing the survey ends it.

    A survey needs MULTI_DIALOG among the client's features.

    Example:
        >>> CloseDialog(dialog_id="c-1").to_wire()
        {'field': 'DialogChange', 'type': 'UPDATE', 'dialog': {'dialogId': 'c-1', 'state': 'CLOSE'}}

    Source: post-conversation survey tutorial.
    """

    field_name: ClassVar[str] = "DialogChange"

    dialog_id: Annotated[Text, Field(min_length=1, max_length=64)]
    closed_cause: Text | None = None

    def to_wire(self) -> dict[str, Any]:
        """Return the element of ``conversationField`` that is sent."""
        dialog = {"dialogId": self.dialog_id, "state": "CLOSE"}
        if self.closed_cause is not None:
            dialog["closedCause"] = self.closed_cause
        return {"field": self.field_name, "type": "UPDATE", "dialog": dialog, **self.extra}


class Urgency(FieldOfConversation):
    """Within how many seconds the consumer should be answered.

    Example:
        >>> Urgency(ttr_type="URGENT", value=300).to_wire()
        {'field': 'TTRField', 'ttrType': 'URGENT', 'value': 300}

    Source: schema file cm/types; both are required.
    """

    field_name: ClassVar[str] = "TTRField"

    ttr_type: Literal["CUSTOM", "NORMAL", "PRIORITIZED", "URGENT"]
    value: Annotated[Whole, Field(ge=0)] = Field(description="Seconds.")


class Satisfaction(FieldOfConversation):
    """How satisfied the consumer was, sent around closing.

    Example:
        >>> Satisfaction(csat_rate=5, csat_resolution_confirmation=True).to_wire()["csatRate"]
        5

    Source: schema file types/csat; all three are required.
    """

    field_name: ClassVar[str] = "CSATRate"

    csat_rate: Annotated[Whole, Field(ge=1, le=5)]
    csat_resolution_confirmation: bool
    status: Literal["FILLED", "PARTIALLY_FILLED", "SKIPPED"] = "FILLED"


class SkillTransfer(FieldOfConversation):
    """Moves the conversation to another skill, which is the agents' to do; the service may refuse it.

    Example:
        >>> SkillTransfer(skill=2741903011).to_wire()
        {'field': 'Skill', 'type': 'UPDATE', 'skill': '2741903011'}

    Source: schema file cm/types. Whether a consumer may is not documented.
    """

    field_name: ClassVar[str] = "Skill"
    fixed: ClassVar[Mapping[str, str]] = {"type": "UPDATE"}

    skill: Id


class Participant(FieldOfConversation):
    """Adds or removes a participant, which is the agents' to do; the service may refuse it.

    Example:
        >>> Participant(type="ADD", role="MANAGER").to_wire()
        {'field': 'ParticipantsChange', 'type': 'ADD', 'role': 'MANAGER'}

    Source: schema file cm/types. Whether a consumer may is not documented.
    """

    field_name: ClassVar[str] = "ParticipantsChange"

    type: Literal["ADD", "REMOVE", "UPDATE", "SUGGEST"]
    role: Literal["MANAGER", "READER", "ASSIGNED_AGENT"]


def _field(value: object) -> Any:
    if isinstance(value, FieldOfConversation):
        return value
    if not isinstance(value, Mapping) or not isinstance(value.get("field"), str):
        raise PydanticCustomError("field", "must be an object with a 'field', such as Close()")
    if trouble := json_trouble(value):
        raise PydanticCustomError("field", "{rule}", {"rule": trouble})
    return dict(value)


def _wire(value: Any) -> Any:
    return value.to_wire() if isinstance(value, FieldOfConversation) else value


#: One of the classes above, or a dict as the wire has it: fields that are not known here pass.
ConversationField = Annotated[
    Any, PlainValidator(_field), PlainSerializer(_wire), WithJsonSchema({"type": "object"})
]
