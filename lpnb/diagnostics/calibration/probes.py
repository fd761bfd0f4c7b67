"""The probes of a calibration: what each sends, and which guesses its reply settles.

Each is as small as can be; none is about a wrong secret, a limit or an expiry, which ``ON_PURPOSE`` lists.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lpnb._internal.redaction import Secret
from lpnb.api.history.credentials import HistoryWay, authorization, history_ways, login
from lpnb.api.tokens import claims, get_application_token
from lpnb.client.landings import LandingSource, find_landing
from lpnb.diagnostics.calibration.probe_session import Frame, ProbeReply, ProbeSession
from lpnb.errors import CredentialsError, LpnbError, SettingsError

#: What is never asked of an account, and why.
ON_PURPOSE = {
    "how a wrong client secret or password is answered": "Wrong credentials may lock an account.",
    "from which rate on requests are answered 429, and with which headers": (
        "A burst disturbs all callers of the account."
    ),
    "what an AppJWT and an upload URL that have ended are answered with": "It would take a long wait.",
    "after how long a conversation or a survey closes by itself": "It would stay open for up to 90 days.",
}
#: Which rules need to be told something, or to see something, and what.
NEEDS = {
    "routing_order": "It needs an engagement, a skill and a ctype that lead to three skills.",
    "fallback_when_offline": "It needs a skill that has a fallback, and nobody online.",
    "engagement_needs_agent": "It needs an engagement whose skill has nobody online, and its entry point.",
    "webhook_signature": "It needs a receiver that the account's webhooks reach.",
    "open_after_refused_profile": "The account refused no profile.",
}
#: What the sandbox does by default where only ids, a receiver or another rule make it show.
ASSUMED = {
    "open_after_refused_profile": "opens none",
    "fallback_when_offline": "sent it to another skill",
    "engagement_needs_agent": "did not offer it",
}
#: An id that no account, skill, conversation or file has.
NO_SUCH_ID = "999999999999999"
_BAD_VERSION = 33
_NO_CONVERSATION = "lpnb-calibrate-no-such-conversation"
_MULTI_DIALOG = {"type": ".ClientProperties", "features": ["MULTI_DIALOG"]}
#: A PNG of one pixel.
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
_PREVIEW = "data:image/png;base64," + base64.b64encode(_PIXEL).decode("ascii")
#: Long enough that a request with it has more than 5,000 characters, and below a preview's 30 KB.
_LONG_PREVIEW = _PREVIEW + "A" * 6_000
#: Conversations whose landing is asked for: any skill, one that is offline, three ways alone and by twos.
MAX_LANDINGS = 8


@dataclass(frozen=True, slots=True)
class KnownIds:
    """What is known of an account that no probe can find out: ids and values that lead somewhere.

    Args:
        campaign_id: A campaign, with *engagement_id* an engagement of it that has a skill of its own.
        engagement_id: See *campaign_id*.
        skill_id: A skill that may be named in a request.
        ctype: A value of Customer Info's ``ctype`` that is mapped to a skill.
        offline_skill_id: A skill that has a fallback, and nobody online.
        offline_engagement_id: An engagement whose skill has nobody online.
        offline_entry_point: Where that engagement is offered, such as "sec://mortgages".
    """

    campaign_id: str | None = None
    engagement_id: str | None = None
    skill_id: str | None = None
    ctype: str | None = None
    offline_skill_id: str | None = None
    offline_engagement_id: str | None = None
    offline_entry_point: str | None = None

    @property
    def names_three_ways(self) -> bool:
        """Whether a campaign, a skill and a ctype are known."""
        return None not in (self.campaign_id, self.engagement_id, self.skill_id, self.ctype)


@dataclass(slots=True)
class Observations:
    """What the probes have seen so far.

    ``values`` are the rules that were settled, each with what was seen and its evidence. ``facts`` are
    guesses without a switch. ``unsettled`` says of a rule what was seen instead, ``reasons`` why it was not
    asked.
    """

    values: dict[str, tuple[object, str, str]] = field(default_factory=dict)
    facts: dict[str, tuple[str, str]] = field(default_factory=dict)
    unsettled: dict[str, tuple[str, str]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def settle(self, rule: str, value: object, words: str, reply: ProbeReply | str) -> None:
        """A rule's value that fits the account."""
        self.values[rule] = (value, words, reply if isinstance(reply, str) else reply.evidence)

    def settle_by(self, rule: str, reply: ProbeReply, if_taken: object, if_refused: object) -> None:
        """A rule's value by whether the account did what was asked, or said no."""
        if reply.is_taken:
            self.settle(rule, if_taken, "took it", reply)
        elif reply.is_refused:
            self.settle(rule, if_refused, "refused it", reply)
        else:
            self.reasons[rule] = f"The reply does not settle it: {reply.evidence}"

    def note(self, guess: str, reply: ProbeReply) -> None:
        """What was seen of a guess without a switch: the status and the kind of reply."""
        if reply.status is None or reply.status >= 500 or reply.status in (408, 429):
            return
        code = reply.body("errorCode")
        words = f"HTTP {reply.status}{f', errorCode {code}' if code else ''}"
        self.facts[guess] = (words, reply.evidence)


@dataclass(slots=True)
class ProbeContext:
    """What a probe works with."""

    session: ProbeSession
    known_ids: KnownIds
    receiver: LandingSource | None
    wait: float
    results: Observations = field(default_factory=Observations)
    landing_ids: dict[str, str] = field(default_factory=dict)
    opened_at: float = 0.0
    bearers: dict[str, Any] = field(default_factory=dict)

    @property
    def plain(self) -> str:
        """The consumer of most conversations."""
        return self.session.consumers[0]

    @property
    def other(self) -> str:
        """Another consumer."""
        return self.session.consumers[1]

    @property
    def profile_consumer(self) -> str:
        """The consumer who has SDEs: a profile stays."""
        return self.session.consumers[2]


async def run_probes(context: ProbeContext) -> None:
    """Make every probe; one that fails is the reason why its rules are not known.

    Raises:
        ProbingEndedError: The service is in trouble.
        CredentialsError: It takes none of the tokens.
    """
    for probe in PROBES:
        context.session.check_trouble()
        try:
            await probe.run(context)
        except (CredentialsError, SettingsError):
            raise
        except LpnbError as error:
            context.session.note_trouble(str(error))
            for rule in probe.rules:
                context.results.reasons.setdefault(rule, str(error))


async def ask_versions(context: ProbeContext) -> None:
    """Ask for a host, a token and an engagement without a version parameter."""
    session, results = context.session, context.results
    settings = session.settings
    single = f"{settings.domain_api}{session.path('service/asyncMessagingEnt/baseURI.json')}"
    form = {
        "client_id": settings.client_id,
        "client_secret": settings.client_secret.reveal(),
        "grant_type": "client_credentials",
    }
    replies = {"the Domain API": await session.ask("Domain API, one service", "GET", single)}
    sentinel = await session.host("sentinel")
    token_url = f"{sentinel}/sentinel/api/account/{settings.account_id}/app/token"
    replies["Sentinel"] = await session.ask("Sentinel V1", "POST", token_url, form=form)
    replies["Monitoring"] = await _engagement(context, version="")
    members = ("baseURI", "baseURIs", "access_token", "sessionId")
    # An installation that Monitoring does not know is refused whatever the version is.
    acceptance = {
        name: reply.has(*members)
        for name, reply in replies.items()
        if reply.has(*members)
        or (reply.is_refused and (name != "Monitoring" or reply.member("internalCode") == _BAD_VERSION))
    }
    evidence = "; ".join(f"{name}: {reply.evidence}" for name, reply in replies.items())
    if len(acceptance) >= 2 and len(set(acceptance.values())) == 1:
        is_required = not next(iter(acceptance.values()))
        results.settle("require_version", is_required, "refused it" if is_required else "took it", evidence)
    elif len(acceptance) >= 2:
        words = ", ".join(
            f"{name} {'took' if is_taken else 'refused'} it" for name, is_taken in acceptance.items()
        )
        results.unsettled["require_version"] = (words, evidence)
    unknown = single.replace("asyncMessagingEnt", "lpnbNoSuchService") + "?version=1.0"
    results.note("an unknown service name at the Domain API", await session.ask("Domain API", "GET", unknown))


async def _engagement(
    context: ProbeContext, version: str = "?v=1.1", entry_points: tuple[str, ...] = ()
) -> ProbeReply:
    session = context.session
    url = (
        f"{await session.host('smt')}{session.path('app')}/{session.settings.app_installation_id}/engagement"
    )
    body: Frame = {"consumerId": context.other}
    if entry_points:
        body["entryPoints"] = list(entry_points)
    return await session.ask("Monitoring, engagement", "POST", url + version, json_body=body)


async def ask_identity(context: ProbeContext) -> None:
    """Ask the IDP for one consumer twice, once as text/plain, and for a blank one."""
    session, results = context.session, context.results
    await session.engine.ready(context.plain)
    token = session.engine.account.app_token().reveal()
    url = f"{await session.host('idp')}{session.path('consumer')}?v=1.0"
    first = claims(session.engine.account.consumers[context.plain]).get("lp_consumer_id")
    body = b'{"ext_consumer_id": "%b"}' % context.plain.encode()
    headers = {"Authorization": token, "Content-Type": "text/plain"}
    by_idp = await session.ask("IDP", "POST", url, content=body, headers=headers)
    by_send = await session.send(context.plain, "userprofile.SetUserProfile", {}, content_type="text/plain")
    evidence = f"IDP: {by_idp.evidence}; SEND: {by_send.evidence}"
    if by_idp.has("token") and by_send.is_taken:
        results.settle("require_content_type", False, "took text/plain", evidence)
    elif by_idp.is_refused and by_send.is_refused:
        results.settle("require_content_type", True, "refused text/plain", evidence)
    elif not (by_idp.status is None or by_send.status is None):
        results.unsettled["require_content_type"] = ("the IDP and SEND differ", evidence)
    again = await session.ask(
        "IDP", "POST", url, content=body, headers=headers | {"Content-Type": "application/json"}
    )
    if again.has("token"):
        second = claims(Secret(str(again.value["token"]))).get("lp_consumer_id")
        is_hex = isinstance(first, str) and len(first) == 64 and set(first) <= set("0123456789abcdef")
        words = (
            f"{'the same' if first == second else 'another'} id, {'64' if is_hex else 'not 64'} hex digits"
        )
        results.facts["lp_consumer_id of the same consumer, asked for twice"] = (words, again.evidence)
    blank = await session.ask(
        "IDP", "POST", url, json_body={"ext_consumer_id": " "}, headers={"Authorization": token}
    )
    results.note("a blank ext_consumer_id at the IDP", blank)


async def ask_refused_batches(context: ProbeContext) -> None:
    """Send a batch without its conversation frame, one without brandId, and one with that of no account."""
    session, results = context.session, context.results
    reply = await session.request_conversation(context.plain, frames=1)
    await session.close(reply.conversation_id)
    if reply.is_refused and isinstance(reply.value, list) and reply.elements:
        results.settle("batch_refusal", "elements", "an array of elements", reply)
    elif reply.is_refused and reply.has("code", "reqId") and not reply.has("type"):
        results.settle("batch_refusal", "object", "one element", reply)
    else:
        results.unsettled["batch_refusal"] = ("another reply", reply.evidence)
    reply = await session.request_conversation(context.plain, {"brandId": None})
    await session.close(reply.conversation_id)
    if reply.body("errorCode") == 40001:
        results.settle("brand_id_missing_status", reply.status, f"HTTP {reply.status}", reply)
    else:
        words = "opened a conversation" if reply.conversation_id else "another reply"
        results.unsettled["brand_id_missing_status"] = (words, reply.evidence)
    reply = await session.request_conversation(context.plain, {"brandId": NO_SUCH_ID})
    await session.close(reply.conversation_id)
    if reply.conversation_id is not None:
        results.settle("check_brand_id", False, "opened the conversation", reply)
    elif reply.is_refused:
        results.settle("check_brand_id", True, "refused the conversation", reply)


async def ask_refused_frames(context: ProbeContext) -> None:
    """Open a conversation with an SDE field, an urgency and a skill that do not exist; close what opens."""
    session, results = context.session, context.results
    info = {"type": "ctmrinfo", "info": {"lpnbNoSuchField": "x"}}
    reply = await session.request_conversation(
        context.profile_consumer, profile={"authenticatedData": {"lp_sdes": [info]}}
    )
    await session.close(reply.conversation_id)
    is_refused = reply.refuses(0)
    statuses: list[ProbeReply] = []
    if is_refused is not None:
        results.settle(
            "sde_checks",
            "strict" if is_refused else "lenient",
            "refused it" if is_refused else "took it",
            reply,
        )
        if is_refused:
            is_open = reply.conversation_id is not None
            words = "opened the conversation" if is_open else "opened none"
            results.settle("open_after_refused_profile", is_open, words, reply)
            statuses += [] if is_open else [reply]
    reply = await session.request_conversation(context.plain, {"ttrDefName": "LPNB_NO_SUCH_TTR"})
    await session.close(reply.conversation_id)
    statuses.insert(0, reply)
    reply = await session.request_conversation(context.plain, {"skillId": NO_SUCH_ID})
    await session.close(reply.conversation_id)
    if reply.conversation_id is not None:
        results.settle("unknown_ids", "accept", "opened the conversation", reply)
    elif reply.is_refused:
        results.settle("unknown_ids", "refuse", "refused the conversation", reply)
        statuses.append(reply)
    by_element = next((one for one in statuses if one.conversation_id is None and one.refuses(1)), None)
    if by_element is not None:
        results.settle("refused_element_status", by_element.status, f"HTTP {by_element.status}", by_element)
    else:
        results.reasons["refused_element_status"] = "The account refused no conversation frame."


async def ask_conversation(context: ProbeContext) -> None:
    """Open a conversation, another for the same consumer, write a chat state and files into it; close it."""
    session, results = context.session, context.results
    first = await session.request_conversation(context.plain)
    context.opened_at = time.monotonic()
    conversation_id = first.conversation_id
    if conversation_id is None:
        reason = f"No conversation was opened: {first.evidence}"
        for rule in ("already_open_status", "chat_state_sequence", "check_files", "csat_after_close"):
            results.reasons[rule] = reason
        return
    context.landing_ids["nothing"] = conversation_id
    await _look_into_history(context)
    await session.publish(
        context.plain, conversation_id, _text("This is a test by lpnb. Please do not answer.")
    )
    second = await session.request_conversation(context.plain)
    if second.conversation_id is None and second.refuses(1):
        results.settle("already_open_status", second.status, f"HTTP {second.status}", second)
    else:
        words = "opened another conversation" if second.conversation_id else "another reply"
        results.unsettled["already_open_status"] = (words, second.evidence)
        await session.close(second.conversation_id if second.conversation_id != conversation_id else None)
    chat_state = {"type": "ChatStateEvent", "chatState": "ACTIVE"}
    chat_state_reply = await session.publish(context.plain, conversation_id, chat_state)
    if chat_state_reply.is_taken:
        has_sequence = chat_state_reply.body("sequence") is not None
        words = "with a sequence" if has_sequence else "without a sequence"
        results.settle("chat_state_sequence", has_sequence, words, chat_state_reply)
    results.note(
        "a message to a conversation that does not exist",
        await session.publish(context.plain, _NO_CONVERSATION, chat_state),
    )
    results.note(
        "a message to another consumer's conversation",
        await session.publish(context.other, conversation_id, chat_state),
    )
    await _ask_files(context, conversation_id)
    await session.close(conversation_id)
    rating = await session.update(
        context.plain,
        conversation_id,
        field="CSATRate",
        csatRate=5,
        csatResolutionConfirmation=True,
        status="SKIPPED",
    )
    results.settle_by("csat_after_close", rating, True, False)


def _text(message: str) -> Frame:
    return {"type": "ContentEvent", "contentType": "text/plain", "message": message}


def _file(path: str, preview: str = _PREVIEW) -> Frame:
    message = {"caption": "lpnb", "relativePath": path, "fileType": "PNG", "preview": preview}
    return {"type": "ContentEvent", "contentType": "hosted/file", "message": message}


async def _ask_files(context: ProbeContext, conversation_id: str) -> None:
    """Publish a file that is not stored, store one, and let another consumer ask for it."""
    session, results = context.session, context.results
    missing_path = f"/v1/AUTH_async-images/{session.settings.account_id}/lpnb-no-such-file.png"
    reply = await session.publish(context.plain, conversation_id, _file(missing_path))
    results.settle_by("check_files", reply, False, True)
    body = {"fileSize": str(len(_PIXEL)), "fileType": "PNG"}
    upload_reply = await session.send(context.plain, "ms.GenerateURLForUploadFile", body)
    path, query = upload_reply.body("relativePath"), upload_reply.body("queryParams")
    if not isinstance(path, str) or not isinstance(query, Mapping):
        for rule in ("files_of_others", "preview_counts"):
            results.reasons[rule] = f"No file could be stored: {upload_reply.evidence}"
        return
    query_text = "&".join(f"{name}={value}" for name, value in query.items())
    url = f"{await session.host('swift')}{path if path.startswith('/') else f'/{path}'}?{query_text}"
    store_reply = await session.ask(
        "file store", "PUT", url, content=_PIXEL, headers={"Content-Type": "image/png"}, expects_json=False
    )
    if store_reply.status is None or store_reply.status >= 300:
        for rule in ("files_of_others", "preview_counts"):
            results.reasons[rule] = f"No file could be stored: {store_reply.evidence}"
        return
    kind = "ms.GenerateURLForDownloadFile"
    own = await session.send(context.plain, kind, {"relativePath": path})
    foreign = await session.send(context.other, kind, {"relativePath": path})
    if own.is_taken:
        results.settle_by("files_of_others", foreign, True, False)
    else:
        results.reasons["files_of_others"] = f"Its own consumer may not open it either: {own.evidence}"
    short = await session.publish(context.plain, conversation_id, _file(path))
    if not short.is_taken:
        results.reasons["preview_counts"] = (
            f"The file was not published with a short preview: {short.evidence}"
        )
        return
    long = await session.publish(context.plain, conversation_id, _file(path, _LONG_PREVIEW))
    results.settle_by("preview_counts", long, False, True)


async def ask_survey(context: ProbeContext) -> None:
    """Open a conversation, change its skill, end its main dialog, open another; close both."""
    session, results = context.session, context.results
    first = await session.request_conversation(context.other, properties=_MULTI_DIALOG)
    conversation_id = first.conversation_id
    if conversation_id is None:
        results.reasons["survey_keeps_conversation"] = f"No conversation was opened: {first.evidence}"
        results.reasons["consumer_may_transfer"] = results.reasons["survey_keeps_conversation"]
        return
    skill = context.known_ids.skill_id or "-1"
    transfer = await session.update(context.other, conversation_id, field="Skill", type="UPDATE", skill=skill)
    results.settle_by("consumer_may_transfer", transfer, True, False)
    await session.update(
        context.other, conversation_id, field="ConversationStateField", conversationState="CLOSE"
    )
    urgency = await session.update(
        context.other, conversation_id, field="TTRField", ttrType="NORMAL", value=1200
    )
    if not urgency.is_taken:
        results.reasons["survey_keeps_conversation"] = f"No survey followed the close: {urgency.evidence}"
        await session.close(conversation_id)
        return
    second = await session.request_conversation(context.other)
    if second.conversation_id is not None:
        results.settle("survey_keeps_conversation", False, "opened another conversation", second)
    elif second.is_refused:
        results.settle("survey_keeps_conversation", True, "refused another conversation", second)
    await session.close(second.conversation_id)
    await session.close(conversation_id)


async def ask_engagements(context: ProbeContext) -> None:
    """Ask Monitoring for an engagement, and whether it still holds."""
    session, known_ids = context.session, context.known_ids
    online = await _engagement(context)
    details = online.value.get("engagementDetails") if online.has("engagementDetails") else None
    details = details[0] if isinstance(details, list) and details else details
    if isinstance(details, Mapping) and "contextId" in details:
        value = online.value
        url = (
            f"{await session.host('smt')}{session.path('monitoring/visitors')}/{value.get('visitorId')}"
            f"/visits/current/campaigns/{details.get('campaignId')}/engagements/{details.get('engagementId')}"
            f"/contexts/{details.get('contextId')}?v=1&sid={value.get('sessionId')}"
        )
        await session.ask("Monitoring, validate engagement", "GET", url)
    if known_ids.offline_engagement_id is None or known_ids.offline_entry_point is None:
        return
    offline = await _engagement(context, entry_points=(known_ids.offline_entry_point,))
    if not offline.has("sessionId"):
        context.results.reasons["engagement_needs_agent"] = f"Monitoring did not say: {offline.evidence}"
        return
    details = offline.value.get("engagementDetails") or []
    ids = {str(item.get("engagementId")) for item in details if isinstance(item, Mapping)}
    is_offered = known_ids.offline_engagement_id in ids
    words = "offered it" if is_offered else "did not offer it"
    context.results.settle("engagement_needs_agent", not is_offered, words, offline)


async def ask_landings(context: ProbeContext) -> None:
    """Open a conversation for each way to a skill, and each two; close each, and see where it lands."""
    session, known_ids, results = context.session, context.known_ids, context.results
    campaign = {
        "campaignInfo": {"campaignId": known_ids.campaign_id, "engagementId": known_ids.engagement_id}
    }
    skill = {"skillId": known_ids.skill_id}
    plans: dict[str, tuple[str, Frame]] = {"any": (context.plain, {"skillId": "-1"})}
    if known_ids.offline_skill_id is not None:
        plans["offline"] = (context.plain, {"skillId": known_ids.offline_skill_id})
    if known_ids.names_three_ways:
        plans |= {
            "campaign": (context.plain, campaign),
            "skill": (context.plain, skill),
            "campaign skill": (context.plain, campaign | skill),
            "sde": (context.profile_consumer, {}),
            "campaign sde": (context.profile_consumer, campaign),
            "skill sde": (context.profile_consumer, skill),
        }
    visible = "history_delay" in results.values or context.receiver is not None
    if not visible:
        reason = results.reasons.get("history_delay") or "There is no way to see where a conversation landed."
        for rule in ("routing_order", "any_skill_is_no_choice", "fallback_when_offline"):
            results.reasons[rule] = reason
        return
    info = {"type": "ctmrinfo", "info": {"ctype": known_ids.ctype}}
    for name, (consumer, body) in plans.items():
        profile = {"authenticatedData": {"lp_sdes": [info]}} if "sde" in name else None
        reply = await session.request_conversation(consumer, body, profile=profile)
        if reply.conversation_id is not None:
            context.landing_ids[name] = reply.conversation_id
            await session.close(reply.conversation_id)
    landings = await _landings(context)
    _settle_any_skill(context, landings)
    _settle_fallback(context, landings)
    _settle_order(context, landings)


async def _landings(context: ProbeContext) -> dict[str, str]:
    """The first skill of every conversation whose landing is asked for, as far as anybody tells it."""

    async def look(name: str, conversation_id: str) -> tuple[str, str | None]:
        try:
            landing = await find_landing(
                context.session.engine, conversation_id, receiver=context.receiver, wait=context.wait
            )
        except LpnbError as error:
            context.results.reasons.setdefault("routing_order", str(error))
            return name, None
        first = landing.transfers[0].source_skill_id if landing.transfers else landing.skill_id
        return name, first

    pairs = await asyncio.gather(*(look(*item) for item in context.landing_ids.items()))
    return {name: skill for name, skill in pairs if skill is not None}


def _settle_any_skill(context: ProbeContext, landings: Mapping[str, str]) -> None:
    nothing, any_skill = landings.get("nothing"), landings.get("any")
    rule = "any_skill_is_no_choice"
    evidence = f"landed in {any_skill} with skillId -1, in {nothing} without one"
    if nothing is None or any_skill is None:
        context.results.reasons[rule] = f"Not every conversation was seen: {evidence}"
    elif nothing == "-1":
        context.results.reasons[rule] = "The account has no default skill, so both land in none."
    else:
        is_no_choice = any_skill == nothing
        words = "took -1 as no skill named" if is_no_choice else "took -1 as a choice"
        context.results.settle(rule, is_no_choice, words, evidence)


def _settle_fallback(context: ProbeContext, landings: Mapping[str, str]) -> None:
    landing_skill, offline_skill = landings.get("offline"), context.known_ids.offline_skill_id
    if offline_skill is None:
        return
    if landing_skill is None:
        context.results.reasons["fallback_when_offline"] = "The conversation was not seen."
        return
    words = "left it in the skill" if landing_skill == offline_skill else "sent it to another skill"
    evidence = f"skill {offline_skill} was named, and it landed in {landing_skill}"
    context.results.settle("fallback_when_offline", landing_skill != offline_skill, words, evidence)


def _settle_order(context: ProbeContext, landings: Mapping[str, str]) -> None:
    """Which of two ways won, three times over, and the one order that fits."""
    results, ways = context.results, ("campaign", "skill", "sde")
    if "campaign" not in context.landing_ids:
        return
    single_landings = {way: landings.get(way) for way in ways}
    evidence = ", ".join(f"{name} landed in {skill}" for name, skill in landings.items())
    if None in single_landings.values() or len(set(single_landings.values())) < 3:
        results.reasons["routing_order"] = f"The three ways do not lead to three different skills: {evidence}"
        return
    wins = dict.fromkeys(ways, 0)
    for pair in ("campaign skill", "campaign sde", "skill sde"):
        winner = next((way for way in pair.split() if landings.get(pair) == single_landings[way]), None)
        if winner is None:
            results.unsettled["routing_order"] = (f"neither of {pair.replace(' ', ' and ')}", evidence)
            return
        wins[winner] += 1
    order = sorted(ways, key=lambda way: -wins[way])
    if sorted(wins.values()) != [0, 1, 2]:
        results.unsettled["routing_order"] = ("no one order", evidence)
        return
    results.settle("routing_order", ">".join(order), ">".join(order), evidence)


async def find_history(context: ProbeContext) -> None:
    """Search history in vain: with the connector's own token, and without source."""
    session, results = context.session, context.results
    settings = session.settings
    own = HistoryWay("application", "", "", settings.client_id, settings.client_secret)
    reply = await _search(context, own, _NO_CONVERSATION)
    way = own if reply.status in (200, 204) else None
    if way is not None:
        results.settle("history_takes_app_token", True, "took it", reply)
    elif reply.status in (401, 403):
        results.settle("history_takes_app_token", False, "refused it", reply)
    for other in history_ways(settings):
        if (
            way is None
            and other.whose != own.whose
            and (other.kind, other.client_id) != (own.kind, own.client_id)
        ):
            other_reply = await _search(context, other, _NO_CONVERSATION)
            way, reply = (other, other_reply) if other_reply.status in (200, 204) else (way, reply)
    if way is None:
        for rule in ("history_empty_status", "history_source_required", "history_delay"):
            results.reasons[rule] = f"No credentials of the settings may read history: {reply.evidence}"
        return
    context.bearers["way"] = way
    results.settle("history_empty_status", reply.status, f"HTTP {reply.status}", reply)
    bare = await _search(context, way, _NO_CONVERSATION, source=False)
    if bare.status in (200, 204):
        results.settle("history_source_required", False, "took it", bare)
    elif bare.is_refused:
        results.settle("history_source_required", True, "refused it", bare)


async def _search(
    context: ProbeContext, way: HistoryWay, conversation_id: str, *, source: bool = True
) -> ProbeReply:
    """Search history for one conversation, by one way."""
    session = context.session
    engine, settings = session.engine, session.settings
    key = f"{way.kind} {way.client_id}"
    try:
        if way.takes_bearer and key not in context.bearers:
            if way.kind == "application":
                sentinel = await session.host("sentinel")
                flow = get_application_token(
                    settings, sentinel, way.client_id, way.client_secret, engine.retry_delay
                )
                context.bearers[key] = (await engine.run(flow)).token
            else:
                context.bearers[key] = await engine.run(
                    login(settings, await session.host("agentVep"), engine.retry_delay)
                )
        origin = await session.host("msgHist")
    except LpnbError as error:
        return ProbeReply(None, None, str(error))
    url = (
        f"{origin}/messaging_history/api/account/{settings.account_id}/conversations/conversation/search"
        f"?v=2{'&source=lpnb' if source else ''}"
    )
    headers = {"Authorization": authorization(settings, way, "POST", url, context.bearers.get(key))}
    body = {"conversationId": conversation_id}
    return await session.ask(
        "history, by conversation", "POST", url, json_body=body, headers=headers, expects_json=False
    )


async def _look_into_history(context: ProbeContext) -> None:
    """Look once, right after the conversation has opened: history without a delay has it already."""
    way = context.bearers.get("way")
    if way is not None and _is_there(await _search(context, way, context.landing_ids["nothing"])):
        context.results.settle(
            "history_delay", 0, "shown at once", "the conversation was there at the first look"
        )


def _is_there(reply: ProbeReply) -> bool:
    records = reply.value.get("conversationHistoryRecords") if isinstance(reply.value, Mapping) else None
    return isinstance(records, list) and bool(records)


async def await_history(context: ProbeContext) -> None:
    """Ask history for the first conversation every second until it shows it, or the wait is over."""
    way, results = context.bearers.get("way"), context.results
    conversation_id = context.landing_ids.get("nothing")
    if "history_delay" in results.values or way is None:
        return
    if conversation_id is None:
        results.reasons["history_delay"] = "No conversation was opened."
        return
    last_absence = 0.0  # the latest moment at which it was not there
    while True:
        start = time.monotonic() - context.opened_at
        reply = await _search(context, way, conversation_id)
        elapsed = time.monotonic() - context.opened_at
        if _is_there(reply):
            evidence = f"not there after {last_absence:.1f} s, there after {elapsed:.1f} s"
            results.settle(
                "history_delay", round((last_absence + elapsed) / 2), f"shown after {elapsed:.1f} s", evidence
            )
            return
        last_absence = start
        remaining_seconds = context.wait - elapsed
        if remaining_seconds <= 0:
            results.reasons["history_delay"] = f"History had not shown a conversation after {elapsed:.0f} s."
            return
        await asyncio.sleep(min(context.session.engine.scaled(1.0), remaining_seconds))


async def read_signature(context: ProbeContext) -> None:
    """See how the webhooks are signed that came to the receiver."""
    receiver: Any = context.receiver
    if receiver is None:
        return
    conversation_id = context.landing_ids.get("nothing", "")
    deadline = time.monotonic() + context.wait
    while receiver.signature_form is None and (remaining_seconds := deadline - time.monotonic()) > 0:
        news = receiver.news(conversation_id)
        try:
            async with asyncio.timeout(remaining_seconds):
                await asyncio.wrap_future(news)
        except TimeoutError:
            break
        finally:
            news.cancel()
    form = receiver.signature_form
    if form is None:
        context.results.reasons["webhook_signature"] = f"No webhook came within {context.wait:g} s."
    else:
        context.results.settle("webhook_signature", form, form, "the signature of a webhook that came")


@dataclass(frozen=True, slots=True)
class Probe:
    """One step: which rules it settles, and how many conversations it opens at the most."""

    run: Callable[[ProbeContext], Awaitable[None]]
    rules: tuple[str, ...]
    conversations: int = 0

    @property
    def sentence(self) -> str:
        """What it does."""
        return (self.run.__doc__ or "").strip()


#: In the order in which they are made.
PROBES = (
    Probe(ask_versions, ("require_version",)),
    Probe(ask_identity, ("require_content_type",)),
    Probe(ask_refused_batches, ("batch_refusal", "brand_id_missing_status", "check_brand_id"), 3),
    Probe(
        ask_refused_frames,
        ("sde_checks", "open_after_refused_profile", "refused_element_status", "unknown_ids"),
        3,
    ),
    Probe(find_history, ("history_takes_app_token", "history_empty_status", "history_source_required")),
    Probe(ask_engagements, ("engagement_needs_agent",)),
    Probe(
        ask_conversation,
        (
            "already_open_status",
            "chat_state_sequence",
            "check_files",
            "files_of_others",
            "preview_counts",
            "csat_after_close",
        ),
        2,
    ),
    Probe(ask_survey, ("consumer_may_transfer", "survey_keeps_conversation"), 2),
    Probe(await_history, ("history_delay",)),
    Probe(ask_landings, ("routing_order", "any_skill_is_no_choice", "fallback_when_offline"), MAX_LANDINGS),
    Probe(read_signature, ("webhook_signature",)),
)
