"""The CONVERSATION endpoint: a batch of profile and conversation frames, each answered by an element."""

import json
from typing import Any

from lpnb.sandbox.http import strict_json
from lpnb.sandbox.http.messages import Answer, Request, json_answer, truncate
from lpnb.sandbox.service_context import Cloud
from lpnb.sandbox.services import sde_checks
from lpnb.sandbox.services.admission import admit, bad_request, ok
from lpnb.sandbox.services.authorisation import app_jwt_of, error_frame, installation_behind
from lpnb.sandbox.services.event_rules import problem_of_length
from lpnb.sandbox.services.frames import BatchError, Frame, ids_of, read_batch
from lpnb.sandbox.services.publish_event import TOO_LONG, publish, too_long
from lpnb.sandbox.state.conversations import Conversation, read_properties
from lpnb.sandbox.tokens import Consumer
from lpnb.sandbox.world import skill_routing
from lpnb.sandbox.world.models import Installation
from lpnb.sandbox.world.rules import Rules

PROFILE_SET = "OK User Profile set successfully"


def answer(cloud: Cloud, request: Request) -> Answer:
    """200 with one element per frame, or the error that kept the batch from being looked at."""
    who = admit(cloud, request)
    if not isinstance(who, Consumer):
        return who
    try:
        value = strict_json.read(request.body)
    except strict_json.StrictJsonError as error:
        return _refuse_batch(cloud, who, str(error), None, [])
    try:
        frames = read_batch(value)
    except BatchError as error:
        return _refuse_batch(cloud, who, str(error), error.req_id, ids_of(value))
    brand_id = frames[1].body.get("brandId")
    if brand_id is None or brand_id == "":
        return error_frame(cloud, 40001, consumer=who.ext_consumer_id)
    return _run(cloud, request, who, frames)


def _refuse_batch(
    cloud: Cloud, consumer: Consumer, sentence: str, req_id: str | None, req_ids: list[str]
) -> Answer:
    """400 for a batch none of which was done, in one of two shapes (see `Rules.batch_refusal`)."""
    payload: Any
    if cloud.rules.batch_refusal == "object":
        payload = bad_request(req_id, sentence)
    else:
        payload = [bad_request(frame_id, sentence) for frame_id in req_ids] or [bad_request(None, sentence)]
    return json_answer(400, payload, consumer=consumer.ext_consumer_id)


def _run(cloud: Cloud, request: Request, consumer: Consumer, frames: list[Frame]) -> Answer:
    """Do the frames in order and answer each for itself."""
    profile, conversation = frames[:2]
    refusal, unusual = set_profile(cloud, consumer, profile)
    elements = [refusal or ok(profile.id, msg=PROFILE_SET)]
    warnings = [*unusual, *_warnings(request, frames)]
    status = 200
    new_conversation = None
    if refusal and not cloud.rules.open_after_refused_profile:
        elements.append(bad_request(conversation.id, "Not opened: the profile before it was refused."))
        status = cloud.rules.refused_element_status
    elif problem := _problem(cloud.rules, consumer, conversation.body):
        elements.append(bad_request(conversation.id, problem))
        status = cloud.rules.refused_element_status
    else:
        installation = _installation(cloud, request, consumer)
        info = _customer_info(cloud, consumer, [] if refusal else sde_checks.elements(profile.body))
        landing, unknown, session_id = _landing_of(cloud, consumer, installation, info, conversation.body)
        if unknown and cloud.rules.unknown_ids == "refuse":
            sentence = f"{' '.join(unknown)} (The sandbox's own strictness: unknown_ids='refuse'.)"
            elements.append(bad_request(conversation.id, sentence))
            status = cloud.rules.refused_element_status
        else:
            new_conversation = cloud.state.open_conversation(
                consumer,
                client_id=installation.client_id,
                raw_request=request.body,
                raw_client_properties=request.header("client-properties"),
                warnings=(*warnings, *unknown),
                session_id=session_id,
                landing=landing,
            )
            if new_conversation is None:
                elements.append(bad_request(conversation.id, _already_open(consumer)))
                status = cloud.rules.already_open_status
            else:
                elements.append(ok(conversation.id, conversationId=new_conversation.conversation_id))
    for frame in frames[2:]:
        if new_conversation is None:
            elements.append(bad_request(frame.id, "Not published: no conversation was opened."))
        else:
            elements.append(_first_message(cloud, request, consumer, new_conversation, frame))
    return json_answer(status, elements, consumer=consumer.ext_consumer_id)


def set_profile(cloud: Cloud, consumer: Consumer, frame: Frame) -> tuple[dict[str, Any] | None, list[str]]:
    """Keep a profile; the element that refuses it, or None, and what is unusual about it.

    Kept even when the conversation is then refused: elements stand on their own.
    """
    unusual = sde_checks.findings(frame.body)
    if unusual and cloud.rules.sde_checks == "strict":
        sentence = f"{' '.join(unusual)} (The sandbox's own strictness: sde_checks='strict'.)"
        return bad_request(frame.id, sentence), []
    cloud.state.set_profile(consumer, sde_checks.elements(frame.body))
    return None, unusual


def _already_open(consumer: Consumer) -> str:
    """The service's own sentence, word for word (documented): clients match on it."""
    return (
        f"Consumer request conversation failed: User {consumer.lp_consumer_id} already has open "
        "conversation. Can't open another one."
    )


def _landing_of(
    cloud: Cloud, consumer: Consumer, installation: Installation, info: dict[str, Any], body: dict[str, Any]
) -> tuple[dict[str, Any], list[str], str | None]:
    """Where the conversation goes, what it names that does not exist, and its Monitoring session."""
    account = cloud.world.accounts_by_id[consumer.account_id]
    context = body.get("conversationContext") or {}
    session_id = context.get("sessionId")
    visit = cloud.state.visits.session(session_id) if isinstance(session_id, str) else None
    if visit is not None and visit.account_id != account.id:
        visit = None
    monitoring = None
    if visit is not None:
        monitoring = {
            "sessionId": visit.session_id,
            "visitorId": visit.visitor_id,
            "considered": visit.engagement_matches,
            "shown": visit.offers.get(str(context.get("interactionContextId"))),
        }
    campaign = body.get("campaignInfo") or {}
    routing_request = skill_routing.RoutingRequest(
        source_name=installation.name,
        campaign_id=_text(campaign.get("campaignId")),
        engagement_id=_text(campaign.get("engagementId")),
        skill_id=_text(body.get("skillId")),
        ctype=_string(info.get("ctype")),
        company_branch=_string(info.get("companyBranch")),
    )
    landing, unknown = cloud.landing_for(account, routing_request)
    if monitoring is not None:
        landing = {**landing, "trace": {**landing["trace"], "monitoring": monitoring}}
    return landing, unknown, visit.session_id if visit else None


def _customer_info(cloud: Cloud, consumer: Consumer, sdes: list[dict[str, Any]]) -> dict[str, Any]:
    """The consumer's Customer Info: what came just now, or what is known from before."""
    return (
        skill_routing.customer_info(sdes)
        or skill_routing.customer_info(cloud.state.profile_of(consumer))
        or {}
    )


def _installation(cloud: Cloud, request: Request, consumer: Consumer) -> Installation:
    installation = installation_behind(cloud, app_jwt_of(request), consumer.account_id)
    assert installation is not None  # noqa: S101 - the request was authorised
    return installation


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _first_message(
    cloud: Cloud, request: Request, consumer: Consumer, conversation: Conversation, frame: Frame
) -> dict[str, Any]:
    """Publish the oldest page's first message, with which the conversation opens, as SEND would."""
    content = json.dumps([frame.body, frame.metadata], separators=(",", ":"), ensure_ascii=False)
    if too_long(cloud, len(content), frame):
        return bad_request(frame.id, TOO_LONG)
    element = publish(cloud, request, consumer, frame, conversation.conversation_id, conversation.dialogs[0])
    return bad_request(frame.id, element) if isinstance(element, str) else element


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _problem(rules: Rules, consumer: Consumer, body: dict[str, Any]) -> str | None:
    """Why the conversation frame is refused, in the sandbox's words, or None."""
    # Some clients send ids as numbers; null stands for "not sent".
    if not _is_id(body["brandId"]) or (rules.check_brand_id and str(body["brandId"]) != consumer.account_id):
        return f"brandId must be the account of the path, {consumer.account_id!r}."
    if body.get("channelType") not in (None, "MESSAGING"):
        return "channelType must be 'MESSAGING'."
    # CUSTOM is in older pages only; it is accepted with a warning.
    if body.get("ttrDefName") not in (None, "NORMAL", "URGENT", "PRIORITIZED", "CUSTOM"):
        return "ttrDefName must be one of 'NORMAL', 'URGENT', 'PRIORITIZED' or null."
    skill = body.get("skillId")
    if skill is not None and (not _is_id(skill) or skill == ""):
        return "skillId must be a string, such as '-1' for any skill."
    if problem := problem_of_length("skillId", skill):
        return problem
    campaign = body.get("campaignInfo")
    if campaign is not None:
        if not isinstance(campaign, dict):
            return "campaignInfo must be an object with campaignId and engagementId."
        for name in ("campaignId", "engagementId"):
            if campaign.get(name) is not None and not _is_id(campaign[name]):
                return f"campaignInfo.{name} must be a string."
            if problem := problem_of_length(f"campaignInfo.{name}", campaign.get(name)):
                return problem
    for name, kind, words in (
        ("conversationContext", dict, "an object, such as {'type': 'SharkContext'}"),
        ("metadata", list, "an array"),
    ):
        if body.get(name) is not None and not isinstance(body[name], kind):
            return f"{name} must be {words}."
    return None


def _is_id(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _warnings(request: Request, frames: list[Frame]) -> list[str]:
    """What was let through although the pages have it differently."""
    warnings = []
    body = frames[1].body
    if body.get("ttrDefName") == "CUSTOM":
        warnings.append("ttrDefName 'CUSTOM' is in older pages only.")
    context = body.get("conversationContext")
    if isinstance(context, dict) and not isinstance(context.get("type"), str):
        warnings.append("conversationContext.type is missing; with Monitoring's ids it is 'SharkContext'.")
    if len(frames) == 3:
        warnings.append("An ms.PublishEvent in the batch is the oldest page's way; use SEND.")
    properties = request.header("client-properties")
    if properties is not None and read_properties(properties) is None:
        warnings.append(f"Client-Properties is not a JSON object: {truncate(properties, 60)!r}.")
    return warnings
