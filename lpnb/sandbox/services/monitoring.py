"""Monitoring API: Engagement, Report and validate engagement, without credentials.

State is kept by ``vid`` (visitor) and ``sid`` (session). A session that has expired makes way for
a new one (inferred: the pages give 404 to ids that are unknown). The engagement carries the skill on
the server's side: no reply names it.
"""

from typing import Any

from lpnb.sandbox.http import strict_json
from lpnb.sandbox.http.messages import Answer, Request, json_answer, truncate
from lpnb.sandbox.service_context import Cloud
from lpnb.sandbox.services import monitoring_body as bodies
from lpnb.sandbox.state.visits import Visit
from lpnb.sandbox.tokens import consumer
from lpnb.sandbox.world.engagement_targeting import EngagementMatch, Visitor, match_engagements, values_at
from lpnb.sandbox.world.models import Account, Installation
from lpnb.sandbox.world.skill_routing import parse_id

VERSIONS = ("1.0", "1", "1.1")

BAD_BODY = 5
UNKNOWN_APP = 18
LOADING_V1_0 = 20
BAD_VERSION = 33
UNKNOWN_VISITOR = 37
LOADING_V1_1 = 38
UNKNOWN_SESSION = 39


class _RefusedError(Exception):
    def __init__(self, status: int, code: int, message: str) -> None:
        self.status, self.code, self.message = status, code, message


def answer_engagement(cloud: Cloud, request: Request) -> Answer:
    """201 for a new session, 200 for a known one; with engagementDetails when there is something to show."""
    try:
        account, installation = _installation_of(cloud, request)
        body = _read(cloud, request, for_report=False)
        visit, is_new = _visit(cloud, request, account, installation)
        with cloud.state.ledger:
            page_id = _record_report(cloud, visit, body)
            reply: dict[str, Any] = {
                "sessionId": visit.session_id,
                "visitorId": visit.visitor_id,
                "pageId": page_id,
            }
            if details := _details(cloud, account, installation, visit):
                reply["engagementDetails"] = [details]
    except _RefusedError as refused:
        return _error(cloud, refused)
    return json_answer(201 if is_new else 200, reply, consumer=_sub(visit))


def answer_report(cloud: Cloud, request: Request) -> Answer:
    """200 for a known session, 201 for a new one (the status list has both)."""
    try:
        if request.method == "POST" and (request.header("x-http-method-override") or "").upper() != "PUT":
            raise _RefusedError(
                405, BAD_BODY, "Send PUT, or POST with the header X-HTTP-Method-Override: PUT."
            )
        account, installation = _installation_of(cloud, request)
        body = _read(cloud, request, for_report=True)
        if not body.identities and not request.query_values("vid"):
            raise _RefusedError(
                400, BAD_BODY, "consumerId, an element of identities with sub, or vid must be sent."
            )
        visit, is_new = _visit(cloud, request, account, installation)
        for impression in body.impressions:
            if problem := _impression_problem(visit, impression):
                raise _RefusedError(400, BAD_BODY, problem)
        with cloud.state.ledger:
            page_id = _record_report(cloud, visit, body)
            for impression in body.impressions:
                cloud.state.visits.report_impression(visit.session_id, impression)
    except _RefusedError as refused:
        return _error(cloud, refused)
    reply = {"sessionId": visit.session_id, "visitorId": visit.visitor_id, "pageId": page_id}
    return json_answer(201 if is_new else 200, reply, consumer=_sub(visit))


def answer_validate(cloud: Cloud, request: Request) -> Answer:
    """Whether what a session was shown still holds. The reply's shape is not published (inferred)."""
    params = request.path_params
    account = cloud.account(params["account_id"])
    session_id = (request.query_values("sid") or [""])[0]
    visit = cloud.state.visits.session(session_id)
    try:
        if not all(params[name].isdigit() for name in ("campaign_id", "engagement_id")) or not session_id:
            raise _RefusedError(
                422, BAD_BODY, "campaign and engagement must be numbers, and sid must be sent."
            )
        if account is None or visit is None or visit.account_id != account.id:
            raise _RefusedError(404, UNKNOWN_SESSION, f"No session {truncate(session_id, 60)!r}.")
        if visit.visitor_id != params["visitor_id"]:
            raise _RefusedError(404, UNKNOWN_VISITOR, "The session is not this visitor's.")
        engagement = account.engagements_by_id.get(params["engagement_id"])
        if engagement is None or engagement.campaign != params["campaign_id"]:
            raise _RefusedError(404, BAD_BODY, "There is no such engagement in this campaign.")
    except _RefusedError as refused:
        return _error(cloud, refused)
    impression = visit.offers.get(params["context_id"])
    valid = (
        impression is not None
        and impression["engagementId"] == engagement.id
        and not visit.has_ended(cloud.now)
        and any(
            match.engagement is engagement and match.matched
            for match in _engagement_matches(cloud, account, visit)
        )
    )
    return json_answer(200, {"valid": valid})


def _installation_of(cloud: Cloud, request: Request) -> tuple[Account, Installation]:
    """The account and installation in the path, once the version is right and the account is loaded."""
    version = request.query_values("v")
    if (not version and cloud.rules.require_version) or any(value not in VERSIONS for value in version):
        versions = truncate(", ".join(version), 40) or "none"
        raise _RefusedError(400, BAD_VERSION, f"Unsupported version: {versions}. Send v=1.0 or v=1.1.")
    account = cloud.account(request.path_params["account_id"])
    app = request.path_params["app_id"]
    installation = account.installations_by_id.get(app) if account else None
    if account is None or installation is None or not (installation.engagements and installation.enabled):
        raise _RefusedError(
            404,
            UNKNOWN_APP,
            f"App installation {truncate(app, 60)!r} not found. Send the client id of one that has the "
            "engagement capability.",
        )
    if cloud.account_loading.take():
        _refuse_while_loading(cloud, request, account, installation, "1.1" in version)
    return account, installation


def _refuse_while_loading(
    cloud: Cloud, request: Request, account: Account, app: Installation, v1_1: bool
) -> None:
    """Refuse, as an account does that is not in memory yet; the visitor is known all the same."""
    requested_id = (request.query_values("vid") or [""])[0]
    visitor_id = requested_id
    if cloud.state.visits.account_of_visitor(requested_id) != account.id:
        visitor_id = cloud.state.visits.start(account.id, app.client_id).visitor_id
    message = f"Loading account: {account.id}, vid: {visitor_id}"
    if v1_1:
        raise _RefusedError(202, LOADING_V1_1, message)
    raise _RefusedError(500, LOADING_V1_0, message)


def _read(cloud: Cloud, request: Request, *, for_report: bool) -> bodies.MonitoringBody:
    obh = request.query_values("obh")
    if any(value.lower() not in ("true", "false") for value in obh):
        raise _RefusedError(400, BAD_BODY, "obh must be true or false.")
    try:
        value = strict_json.read(request.body) if request.body.strip() else {}
        return bodies.read(value, for_report=for_report, strict=cloud.rules.sde_checks == "strict")
    except (strict_json.StrictJsonError, bodies.BodyError) as error:
        raise _RefusedError(400, BAD_BODY, str(error)) from None


def _visit(cloud: Cloud, request: Request, account: Account, app: Installation) -> tuple[Visit, bool]:
    """The session of the request, and whether it was just begun."""
    visits = cloud.state.visits
    visitor_id = next(iter(request.query_values("vid")), None) or None
    session_id = next(iter(request.query_values("sid")), None) or None
    if visitor_id is not None and visits.account_of_visitor(visitor_id) != account.id:
        raise _RefusedError(404, UNKNOWN_VISITOR, f"Visitor id not found: {truncate(visitor_id, 60)}.")
    if session_id is not None:
        session = visits.session(session_id)
        if (
            session is None
            or session.account_id != account.id
            or visitor_id not in (None, session.visitor_id)
        ):
            raise _RefusedError(404, UNKNOWN_SESSION, f"Session id not found: {truncate(session_id, 60)}.")
        if not session.has_ended(cloud.now):
            return session, False
        visitor_id = session.visitor_id
    return visits.start(account.id, app.client_id, visitor_id), True


def _record_report(cloud: Cloud, visit: Visit, body: bodies.MonitoringBody) -> str:
    return cloud.state.visits.report(
        visit.session_id,
        page_id=body.page_id,
        identities=body.identities,
        entry_points=body.entry_points,
        attributes=body.attributes,
    )


def _details(cloud: Cloud, account: Account, app: Installation, visit: Visit) -> dict[str, Any] | None:
    """The element of engagementDetails: the conversation that is open, or what may be shown, or none."""
    connector = {"connectorId": int(app.connector_id)}
    if (conversation := _open_conversation(cloud, account, visit)) is not None:
        campaign = conversation.campaign or {}
        engagement = account.engagements_by_id.get(campaign.get("engagementId") or "")
        parsed_ids = {name: parse_id(campaign.get(name)) for name in ("campaignId", "engagementId")}
        ids: dict[str, Any] = {name: value for name, value in parsed_ids.items() if value is not None}
        revision = {"engagementRevision": engagement.revision} if engagement else {}
        return {
            **ids,
            **revision,
            "conversationId": conversation.conversation_id,
            **connector,
            "status": "conversation",
        }
    matches = list(_engagement_matches(cloud, account, visit))
    matching_engagement = next((match.engagement for match in matches if match.matched), None)
    offer: dict[str, Any] | None = None
    if matching_engagement is not None:
        offer = {
            "campaignId": matching_engagement.campaign,
            "engagementId": matching_engagement.id,
            "revision": matching_engagement.revision,
        }
    context_id = cloud.state.visits.record_engagement(
        visit.session_id, [match.to_json() for match in matches], offer
    )
    if matching_engagement is None:
        return None
    details: dict[str, Any] = {
        "campaignId": int(matching_engagement.campaign),
        "engagementId": int(matching_engagement.id),
        "engagementRevision": matching_engagement.revision,
        "contextId": context_id,
        **connector,
        "status": "expose",
    }
    # In the page's table, not in its samples.
    if matching_engagement.window_id is not None:
        details["windowId"] = matching_engagement.window_id
    if matching_engagement.language is not None:
        details["language"] = matching_engagement.language
    return details


def _engagement_matches(cloud: Cloud, account: Account, visit: Visit) -> list[EngagementMatch]:
    sdes = tuple(element for _, element in visit.attributes)
    languages = [str(value) for value in values_at(sdes, "personal.language")]
    languages += [point[len("lang://") :] for point in visit.entry_points if point.startswith("lang://")]
    visitor = Visitor(
        authenticated=any(identity.get("acr") == "loa1" for identity in visit.identities),
        entry_points=tuple(visit.entry_points),
        languages=tuple(languages),
        sdes=sdes,
    )
    matches = []
    for match in match_engagements(account, visitor):
        skill = account.skill(match.engagement.skill)
        if (
            match.matched
            and cloud.rules.engagement_needs_agent
            and skill is not None
            and not cloud.online(account, skill)
        ):
            matches.append(EngagementMatch(match.engagement, False, f"Nobody of {skill.name!r} is online."))
        else:
            matches.append(match)
    return matches


def _open_conversation(cloud: Cloud, account: Account, visit: Visit) -> Any:
    """The open conversation of whoever the session is known to be, or that came out of it."""
    for identity in visit.identities:
        who = consumer(account.id, identity["sub"])
        if (conversation := cloud.state.open_conversation_of(who.lp_consumer_id)) is not None:
            return conversation
    if visit.conversation_id is not None:
        conversation = cloud.state.conversation(visit.conversation_id)
        if conversation is not None and conversation.stage == "OPEN":
            return conversation
    return None


def _impression_problem(visit: Visit, impression: dict[str, Any]) -> str | None:
    context_id = bodies.context_of(impression)
    offer = visit.offers.get(context_id or "")
    if offer is None:
        return f"{impression['type']}: this session was shown nothing with context {context_id!r}."
    ids = (str(impression.get("campaign")), str(impression.get("engId")))
    if ids != (offer["campaignId"], offer["engagementId"]):
        return f"{impression['type']}: campaign and engId are not those shown with context {context_id!r}."
    return None


def _sub(visit: Visit) -> str | None:
    return visit.identities[0]["sub"] if visit.identities else None


def _error(cloud: Cloud, error: _RefusedError) -> Answer:
    body = {"time": int(cloud.now * 1000), "message": error.message, "internalCode": error.code}
    return json_answer(error.status, body)
