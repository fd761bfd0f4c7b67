"""CONVERSATION: a profile and a conversation in one batch, each frame answered by an element of its own."""

from typing import Any

from . import sde_checks, strict_json
from .authorisation import authorise, error_frame
from .cloud import Cloud
from .exchange import Answer, Request, json_answer, media_type, says_json, shortened, teach
from .frames import BatchError, Frame, read_batch
from .tokens import Consumer
from .versions import refuse_version

PROFILE_SET = "OK User Profile set successfully"
ANY_SKILL = "-1"


def answer(cloud: Cloud, request: Request) -> Answer:
    """200 with one element per frame, or the error that kept the batch from being looked at."""
    version_refusal = refuse_version(
        request.query_values("v"),
        parameter="v",
        wanted="3",
        example=f"POST {shortened(request.path)}?v=3",
        required=cloud.rules.require_version,
    )
    if version_refusal is not None:
        return version_refusal
    who = authorise(cloud, request)
    if isinstance(who, Answer):
        return who
    if cloud.rules.require_content_type and not says_json(request):
        came = media_type(request) or "none"
        return teach(415, f"Send Content-Type: application/json; got {shortened(came)}.")
    try:
        frames = read_batch(strict_json.read(request.body))
    except strict_json.StrictJsonError as error:
        return _refuse_batch(str(error), None, who)
    except BatchError as error:
        return _refuse_batch(str(error), error.req_id, who)
    brand_id = frames[1].body.get("brandId")
    if brand_id is None or brand_id == "":
        return error_frame(cloud, 40001, consumer=who.ext_consumer_id)
    return _run(cloud, request, who, frames)


def _refuse_batch(sentence: str, req_id: str | None, who: Consumer) -> Answer:
    """400 for a batch none of which was done: shaped like the guide's samples for SEND (inferred)."""
    refusal = _bad_request(req_id, sentence)
    if req_id is None:
        del refusal["reqId"]
    return json_answer(400, refusal, consumer=who.ext_consumer_id)


def _run(cloud: Cloud, request: Request, who: Consumer, frames: list[Frame]) -> Answer:
    """Do the frames in order and answer each for itself."""
    profile, conversation = frames[:2]
    unusual = sde_checks.findings(profile.body)
    strict = cloud.rules.sde_checks == "strict"
    warnings = [*([] if strict else unusual), *_warnings(request, frames)]
    profile_refused = strict and bool(unusual)
    elements = []
    if profile_refused:
        elements.append(
            _bad_request(
                profile.id, f"{' '.join(unusual)} (The sandbox's own strictness: sde_checks='strict'.)"
            )
        )
    else:
        # Kept even when the conversation is then refused: elements stand on their own.
        cloud.state.keep_profile(who, sde_checks.elements(profile.body))
        elements.append(_ok(profile.id, msg=PROFILE_SET))

    status = 200
    opened_id = None
    if profile_refused and not cloud.rules.open_after_refused_profile:
        elements.append(_bad_request(conversation.id, "Not opened: the profile before it was refused."))
        status = cloud.rules.refused_element_status
    elif problem := _problem(cloud, conversation.body):
        elements.append(_bad_request(conversation.id, problem))
        status = cloud.rules.refused_element_status
    else:
        opened = cloud.state.open_conversation(
            who,
            client_id=cloud.client_id,
            raw_request=request.body,
            raw_client_properties=request.header("client-properties"),
            warnings=tuple(warnings),
            session_id=None,
            landing={
                "skill_id": _skill(conversation.body),
                "skill_name": None,
                "source_name": cloud.client_id,
                "campaign": None,
                "trace": {},
            },
        )
        if opened is None:
            elements.append(_bad_request(conversation.id, _already_open(who)))
            status = cloud.rules.already_open_status
        else:
            opened_id = opened.conversation_id
            elements.append(_ok(conversation.id, conversationId=opened_id))
    for frame in frames[2:]:
        if opened_id is None:
            elements.append(_bad_request(frame.id, "Not published: no conversation was opened."))
        else:
            elements.append(_ok(frame.id, sequence=0))
    return json_answer(status, elements, consumer=who.ext_consumer_id)


def _ok(req_id: str, **body: object) -> dict[str, Any]:
    return {"code": "OK", "body": body, "reqId": req_id}


def _bad_request(req_id: str | None, msg: str) -> dict[str, Any]:
    return {"code": "BAD_REQUEST", "body": {"msg": msg}, "reqId": req_id}


def _already_open(who: Consumer) -> str:
    """The service's own sentence, word for word (documented): clients match on it."""
    return (
        f"Consumer request conversation failed: User {who.lp_consumer_id} already has open conversation. "
        "Can't open another one."
    )


def _problem(cloud: Cloud, body: dict[str, Any]) -> str | None:
    """Why the conversation frame is refused, in the sandbox's words, or None."""
    # Some clients send ids as numbers; null stands for "not sent".
    if not _is_id(body["brandId"]) or str(body["brandId"]) != cloud.account_id:
        return f"brandId must be the account of the path, {cloud.account_id!r}."
    if body.get("channelType") not in (None, "MESSAGING"):
        return "channelType must be 'MESSAGING'."
    # CUSTOM is in older pages only; it is accepted with a warning.
    if body.get("ttrDefName") not in (None, "NORMAL", "URGENT", "PRIORITIZED", "CUSTOM"):
        return "ttrDefName must be one of 'NORMAL', 'URGENT', 'PRIORITIZED' or null."
    skill = body.get("skillId")
    if skill is not None and (not _is_id(skill) or skill == ""):
        return "skillId must be a string, such as '-1' for any skill."
    campaign = body.get("campaignInfo")
    if campaign is not None:
        if not isinstance(campaign, dict):
            return "campaignInfo must be an object with campaignId and engagementId."
        for name in ("campaignId", "engagementId"):
            if campaign.get(name) is not None and not _is_id(campaign[name]):
                return f"campaignInfo.{name} must be a string."
    for name, kind, words in (
        ("conversationContext", dict, "an object, such as {'type': 'SharkContext'}"),
        ("metadata", list, "an array"),
    ):
        if body.get(name) is not None and not isinstance(body[name], kind):
            return f"{name} must be {words}."
    return None


def _is_id(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _skill(body: dict[str, Any]) -> str:
    """The skill the request names; "-1", any skill, without one (documented)."""
    skill = body.get("skillId")
    return ANY_SKILL if skill is None else str(skill)


def _warnings(request: Request, frames: list[Frame]) -> list[str]:
    """What was let through although the pages have it differently."""
    found = []
    body = frames[1].body
    if body.get("ttrDefName") == "CUSTOM":
        found.append("ttrDefName 'CUSTOM' is in older pages only.")
    context = body.get("conversationContext")
    if isinstance(context, dict) and not isinstance(context.get("type"), str):
        found.append("conversationContext.type is missing; with Monitoring's ids it is 'SharkContext'.")
    if len(frames) == 3:
        found.append("An ms.PublishEvent in the batch is the oldest page's way; use SEND.")
    properties = request.header("client-properties")
    if properties is not None:
        try:
            readable = isinstance(strict_json.read(properties.encode("latin-1")), dict)
        except strict_json.StrictJsonError:
            readable = False
        if not readable:
            found.append(f"Client-Properties is not a JSON object: {shortened(properties, 60)!r}.")
    return found
