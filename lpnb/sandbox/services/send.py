"""The SEND endpoint: one frame to an open conversation.

Documented are the three kinds of frame and the two of files, the 5,000 characters, the closed
conversation's refusal and the five authorisation errors; the other refusals are the sandbox's own
sentences in the guide's shape (inferred).
"""

from collections.abc import Callable
from typing import Any

from lpnb.sandbox.choices import one_of
from lpnb.sandbox.http import strict_json
from lpnb.sandbox.http.messages import Answer, Request, json_answer
from lpnb.sandbox.service_context import Cloud
from lpnb.sandbox.services import conversation_fields, file_store
from lpnb.sandbox.services.admission import admit, bad_request, ok
from lpnb.sandbox.services.authorisation import error_frame
from lpnb.sandbox.services.conversation import PROFILE_SET, set_profile
from lpnb.sandbox.services.frames import PUBLISH_EVENT, SET_PROFILE, BatchError, Frame, read_frame
from lpnb.sandbox.services.publish_event import TOO_LONG, publish, too_long
from lpnb.sandbox.state.conversations import Conversation
from lpnb.sandbox.tokens import Consumer

# Word for word as the guide's sample has it.
CLOSED = "Bad Request, Conversation is close"

UPDATE_FIELD = "cm.UpdateConversationField"
UPLOAD_URL = "ms.GenerateURLForUploadFile"
DOWNLOAD_URL = "ms.GenerateURLForDownloadFile"

Element = dict[str, Any]


class _RefusedError(Exception):
    """The frame is refused; the message is what the element says."""


class _OtherConsumerError(Exception):
    """The conversation is another consumer's."""


def answer(cloud: Cloud, request: Request) -> Answer:
    """200 with the frame's element, or why it was refused."""
    who = admit(cloud, request)
    if isinstance(who, Answer):
        return who
    try:
        value = strict_json.read(request.body)
        frame = read_frame(value)
    except strict_json.StrictJsonError as error:
        return _refuse(None, str(error), who)
    except BatchError as error:
        return _refuse(error.req_id, str(error), who)
    if too_long(cloud, len(request.body.decode()), frame):
        return _refuse(frame.id, TOO_LONG, who)
    work = _FRAMES.get(frame.type)
    if work is None:
        return _refuse(frame.id, one_of("frame.type", frame.type, tuple(_FRAMES)), who)
    try:
        with cloud.state.ledger:
            element = work(cloud, request, who, frame)
    except _RefusedError as error:
        return _refuse(frame.id, str(error), who)
    except _OtherConsumerError:
        return error_frame(cloud, 40103, consumer=who.ext_consumer_id)
    return json_answer(200, element, consumer=who.ext_consumer_id)


def _refuse(req_id: str | None, sentence: str, consumer: Consumer) -> Answer:
    return json_answer(400, bad_request(req_id, sentence), consumer=consumer.ext_consumer_id)


def _set_profile(cloud: Cloud, _request: Request, consumer: Consumer, frame: Frame) -> Element:
    refusal, _ = set_profile(cloud, consumer, frame)
    if refusal is not None:
        raise _RefusedError(refusal["body"]["msg"])
    return ok(frame.id, msg=PROFILE_SET)


def _publish(cloud: Cloud, request: Request, consumer: Consumer, frame: Frame) -> Element:
    body = frame.body
    dialog_id = _id(body, "dialogId", meaning="the conversationId, for the main dialog")
    conversation = _own_conversation(
        cloud, consumer, cloud.state.conversation_with(dialog_id), f"dialog {dialog_id[:80]!r}"
    )
    if body.get("conversationId") not in (None, conversation.conversation_id):
        raise _RefusedError("conversationId and dialogId are not of one conversation.")
    dialog = conversation.dialog(dialog_id)
    assert dialog is not None  # noqa: S101 - the conversation was found by it
    if dialog.state == "CLOSE":
        raise _RefusedError(CLOSED)
    element = publish(cloud, request, consumer, frame, conversation.conversation_id, dialog)
    if isinstance(element, str):
        raise _RefusedError(element)
    return element


def _update(cloud: Cloud, request: Request, consumer: Consumer, frame: Frame) -> Element:
    conversation_id = _id(frame.body, "conversationId", meaning="the id CONVERSATION answered with")
    conversation = _own_conversation(
        cloud, consumer, cloud.state.conversation(conversation_id), f"conversation {conversation_id[:80]!r}"
    )
    fields = frame.body.get("conversationField")
    updates: list[Any] = fields if isinstance(fields, list) else [fields]
    if problem := conversation_fields.problem_of(cloud, conversation, updates):
        raise _RefusedError(problem)
    if conversation.stage == "CLOSE" and not conversation_fields.fits_closed(cloud, updates):
        raise _RefusedError(CLOSED)
    if conversation_fields.meets_closed_dialog(conversation, updates):
        raise _RefusedError(CLOSED)
    return ok(frame.id, msg=conversation_fields.update(cloud, request, conversation.conversation_id, updates))


def _file_url(
    url_for: Callable[[Cloud, Consumer, dict[str, Any]], dict[str, Any] | str],
) -> Callable[[Cloud, Request, Consumer, Frame], Element]:
    def work(cloud: Cloud, _request: Request, consumer: Consumer, frame: Frame) -> Element:
        element = url_for(cloud, consumer, frame.body)
        if isinstance(element, str):
            raise _RefusedError(element)
        return ok(frame.id, **element)

    return work


_FRAMES: dict[str, Callable[[Cloud, Request, Consumer, Frame], Element]] = {
    SET_PROFILE: _set_profile,
    PUBLISH_EVENT: _publish,
    UPDATE_FIELD: _update,
    UPLOAD_URL: _file_url(file_store.upload_url),
    DOWNLOAD_URL: _file_url(file_store.download_url),
}


def _id(body: dict[str, Any], name: str, *, meaning: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise _RefusedError(f"{name} must be a string: {meaning}.")
    return value


def _own_conversation(
    cloud: Cloud, consumer: Consumer, conversation: Conversation | None, what: str
) -> Conversation:
    """The conversation, when there is one and it is this consumer's."""
    if conversation is None or conversation.account_id != consumer.account_id:
        raise _RefusedError(f"Bad Request, there is no {what}.")
    if conversation.lp_consumer_id != consumer.lp_consumer_id:
        raise _OtherConsumerError
    return conversation
