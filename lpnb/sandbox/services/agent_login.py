"""Agent login (``agentVep``): login of users and applications, refresh and logout.

Documented (User Login, Application Login): the paths, the bodies, the members of the reply and the
``Session_id`` cookie, and internal code 10 for a wrong csrf. The refusal of wrong credentials, and what
stands in the members of ``accountData`` and ``config`` beside the names, is inferred.
"""

from datetime import UTC, datetime
from typing import Any

from lpnb.sandbox.http import strict_json
from lpnb.sandbox.http.messages import Answer, Request, error_answer, json_answer
from lpnb.sandbox.http.versions import check_version
from lpnb.sandbox.service_context import Cloud
from lpnb.sandbox.services.domain_api import base_uris
from lpnb.sandbox.state.agent_sessions import AgentSession
from lpnb.sandbox.world.models import Account, Agent

SESSION_SECONDS = 8 * 3600
_APPLICATION_KEYS = ("appKey", "secret", "accessToken", "accessTokenSecret")
_WRONG_CSRF = 10
_NO_STORE = ("cache-control", "no-store")


def answer(cloud: Cloud, request: Request) -> Answer:
    """200 with bearer, csrf and session; 401 for a login that does not fit."""
    body = _read_body(request)
    if isinstance(body, Answer):
        return body
    account = cloud.account(request.path_params["account_id"])
    username = body.get("username")
    sent_keys = [name for name in _APPLICATION_KEYS if name in body]
    names = ("username", *_APPLICATION_KEYS) if sent_keys else ("username", "password")
    if not all(isinstance(body.get(name), str) for name in names):
        return error_answer(
            400,
            'Send {"username": "...", "password": "..."}, or for an application username, appKey, secret, '
            "accessToken and accessTokenSecret; all as strings.",
        )
    agents = account.agents if account else ()
    agent = next((agent for agent in agents if agent.login == username), None)
    if account is None or agent is None or not _credentials_fit(account, agent, body, bool(sent_keys)):
        return error_answer(
            401, "No user of this account has this login and password, or these keys; the world lists them."
        )
    session = cloud.state.agent_sessions.start(account.id, agent.id, SESSION_SECONDS, cloud.now)
    cookie = f"Session_id={session.session_id}; Path=/; HttpOnly; SameSite=Strict"
    return json_answer(
        200,
        _login_reply(cloud, request, account, agent, session),
        headers=(_NO_STORE, ("set-cookie", cookie)),
    )


def answer_refresh(cloud: Cloud, request: Request) -> Answer:
    """200 without a body: the session lasts eight hours from now."""
    session = _session_of(cloud, request)
    if isinstance(session, Answer):
        return session
    cloud.state.agent_sessions.extend(session, SESSION_SECONDS, cloud.now)
    return Answer(200, b"")


def answer_logout(cloud: Cloud, request: Request) -> Answer:
    """200 without a body: the session and its bearer have ended."""
    session = _session_of(cloud, request)
    if isinstance(session, Answer):
        return session
    cloud.state.agent_sessions.end(session)
    return Answer(200, b"", headers=(("set-cookie", "Session_id=; Path=/; Max-Age=0"),))


def agent_behind(cloud: Cloud, account_id: str, bearer: str) -> str | None:
    """The agent whose session a bearer belongs to; None when it is none of ours, too old or logged out."""
    claims = cloud.keyring.agent_claims(bearer, account_id)
    if claims is None:
        return None
    session = cloud.state.agent_sessions.session(str(claims.get("sid")))
    expires_at = claims["exp"] if session is None else session.expires_at
    return str(claims["agent_id"]) if cloud.now < expires_at else None


def _read_body(request: Request) -> dict[str, Any] | Answer:
    if refusal := check_version(request, "v", "1.3", required=False):
        return refusal
    try:
        body = strict_json.read(request.body)
    except strict_json.StrictJsonError as error:
        return error_answer(400, str(error))
    return body if isinstance(body, dict) else error_answer(400, "Send a JSON object.")


def _credentials_fit(account: Account, agent: Agent, body: dict[str, Any], application: bool) -> bool:
    if not application:
        return bool(agent.password == body["password"])
    credentials = tuple(body[name] for name in _APPLICATION_KEYS)
    keys = {(key.consumer_key, key.consumer_secret, key.token, key.token_secret) for key in account.api_keys}
    installation = account.installations_by_id.get(body["appKey"])
    # The newest page: a client id and its secret, and whatever stands in the place of the two tokens.
    secret = installation.client_secret if installation is not None and installation.enabled else None
    return credentials in keys or body["secret"] == secret


def _session_of(cloud: Cloud, request: Request) -> AgentSession | Answer:
    """The session that a csrf token belongs to, while it lasts."""
    body = _read_body(request)
    if isinstance(body, Answer):
        return body
    csrf = body.get("csrf")
    session = cloud.state.agent_sessions.by_csrf(csrf) if isinstance(csrf, str) else None
    account_id = request.path_params["account_id"]
    if session is None or session.account_id != account_id or cloud.now >= session.expires_at:
        error = {"statusCode": 401, "internalCode": _WRONG_CSRF, "message": "The csrf is not of a session."}
        return json_answer(401, {"error": error})
    return session


def _login_reply(
    cloud: Cloud, request: Request, account: Account, agent: Agent, session: AgentSession
) -> dict[str, Any]:
    bearer = cloud.keyring.agent_bearer(account.id, agent.id, session.session_id, cloud.now, SESSION_SECONDS)
    return {
        "csrf": session.csrf,
        "wsuk": str(int(session.session_id[-12:], 16)),
        "bearer": bearer,
        "sessionTTl": str(SESSION_SECONDS * 1000),
        "sessionId": session.session_id,
        "csdsCollectionResponse": {"baseURIs": base_uris(cloud, account.id, request)},
        "accountData": {"permanentAccountData": {"eula": "", "products": {}}},
        "config": {
            "loginName": agent.login,
            "userId": agent.id,
            "userPrivileges": [],
            "isAdmin": agent.manager,
            "isLPA": False,
            "serverCurrentTime": int(cloud.now * 1000),
            "timeDiff": 0,
            "serverTimeZoneName": datetime.fromtimestamp(cloud.now, UTC).tzname(),
            "serverTimeGMTDiff": 0,
            "accountTimeZoneId": "UTC",
        },
    }
