"""Agent login (``agentVep``): user name and password for the Bearer that history needs.

That it gives a Bearer is documented; path, body and reply are those that agents' clients use (inferred).
"""

from lpnb.sandbox.cloud import Cloud
from lpnb.sandbox.http import strict_json
from lpnb.sandbox.http.messages import Answer, Request, error_answer, json_answer
from lpnb.sandbox.http.versions import check_version

BEARER_SECONDS = 10 * 3600


def answer(cloud: Cloud, request: Request) -> Answer:
    """200 with the bearer, 401 for a login that does not fit."""
    refusal = check_version(
        request.query_values("v"),
        parameter="v",
        expected="1.3",
        example=f"POST {request.path}?v=1.3",
        required=False,
    )
    if refusal is not None:
        return refusal
    try:
        body = strict_json.read(request.body)
    except strict_json.StrictJsonError as error:
        return error_answer(400, str(error))
    username, password = (
        body.get(name) if isinstance(body, dict) else None for name in ("username", "password")
    )
    if not isinstance(username, str) or not isinstance(password, str):
        return error_answer(400, 'Send {"username": "...", "password": "..."} as strings.')
    account = cloud.account(request.path_params["account_id"])
    agents = account.agents if account else ()
    agent = next((agent for agent in agents if (agent.login, agent.password) == (username, password)), None)
    if account is None or agent is None:
        return error_answer(
            401, "No agent of this account has this login and password; the world lists them."
        )
    bearer = cloud.keyring.agent_bearer(account.id, agent.id, cloud.now, BEARER_SECONDS)
    return json_answer(
        200,
        {
            "bearer": bearer,
            "sessionTTl": str(BEARER_SECONDS),
            "config": {"loginName": agent.login, "userId": agent.id, "userPrivileges": []},
        },
    )
