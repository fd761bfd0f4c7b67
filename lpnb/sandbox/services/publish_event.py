"""Publishes a consumer's ``ms.PublishEvent``, alone in SEND or as the third frame of CONVERSATION."""

from typing import Any

from lpnb.sandbox.http.messages import Request
from lpnb.sandbox.service_context import Cloud
from lpnb.sandbox.services.admission import ok
from lpnb.sandbox.services.event_rules import problem_of_event, problem_of_metadata
from lpnb.sandbox.services.frames import Frame
from lpnb.sandbox.state.conversations import Dialog
from lpnb.sandbox.tokens import Consumer

MAX_REQUEST = 5000

# Word for word as the guide's sample has it.
TOO_LONG = "Bad Request"


def publish(
    cloud: Cloud, request: Request, consumer: Consumer, frame: Frame, conversation_id: str, dialog: Dialog
) -> dict[str, Any] | str:
    """Publish the frame's event in *dialog* and return its element; a sentence when it is refused."""
    body = frame.body
    event = body.get("event")
    if problem := problem_of_event(cloud, event, dialog_type=dialog.dialog_type):
        return problem
    # The pages have it in either place, and nowhere say what both together mean.
    metadata = body.get("metadata")
    metadata = frame.metadata if metadata is None else metadata
    if problem := problem_of_metadata(metadata):
        return problem
    sequence = cloud.state.publish(
        conversation_id,
        dialog.dialog_id,
        body["event"],
        originator_id=consumer.lp_consumer_id,
        role="CONSUMER",
        metadata=metadata or (),
        client_properties=request.header("client-properties"),
    )
    if sequence is not None:
        return ok(frame.id, sequence=sequence)
    return ok(frame.id, sequence=dialog.next_sequence) if cloud.rules.chat_state_sequence else ok(frame.id)


def too_long(cloud: Cloud, length: int, frame: Frame) -> bool:
    """Whether a request of so many characters has more than SEND takes, as they count towards the limit."""
    if length <= MAX_REQUEST or cloud.rules.preview_counts:
        return length > MAX_REQUEST
    event = frame.body.get("event")
    message = event.get("message") if isinstance(event, dict) else None
    preview = message.get("preview") if isinstance(message, dict) else None
    return length - (len(preview) if isinstance(preview, str) else 0) > MAX_REQUEST
