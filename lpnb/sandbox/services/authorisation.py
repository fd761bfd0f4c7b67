"""AppJWT and ConsumerJWS checks of the Send API, with its five error frames (documented).

``Authorization`` carries the AppJWT, raw as the pages show it or with the ``Bearer`` of some
clients; ``X-LP-ON-BEHALF`` the ConsumerJWS.
"""

from lpnb.sandbox.http.messages import Answer, Request, json_answer
from lpnb.sandbox.service_context import Cloud
from lpnb.sandbox.tokens import Consumer
from lpnb.sandbox.world.models import Installation

# errorCode to title and details, word for word as the pages' table has them.
ERRORS = {
    40001: ("Missing parameter", "Brand Id is missing"),
    40102: ("Invalid AppJWT", "AppJWT has expired or is invalid"),
    40103: ("Invalid ConsumerJWS", "ConsumerJWS is invalid"),
    40104: ("ConsumerJWS is missing", "X_ON_BEHALF_HEADER is not present"),
    40105: ("AppJWT is missing", "AUTHORIZATION header is not present"),
}


def error_frame(cloud: Cloud, error_code: int, *, consumer: str | None = None) -> Answer:
    """The frame of one of the five errors; its ``code`` is always 401 (documented)."""
    title, details = ERRORS[error_code]
    frame = {
        "kind": "resp",
        "code": 401,
        "body": {"title": title, "details": details, "errorCode": error_code},
        "type": ".ReqBody$ErrorResp",
    }
    status = cloud.rules.brand_id_missing_status if error_code == 40001 else 401
    return json_answer(status, frame, consumer=consumer)


def app_jwt_of(request: Request) -> str:
    """The AppJWT in the Authorization header, without a Bearer in front; "" when there is none."""
    value = (request.header("authorization") or "").strip()
    scheme, _, rest = value.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else value


def installation_behind(cloud: Cloud, app_jwt: str, account_id: str) -> Installation | None:
    """The app installation a valid AppJWT was issued to, while the world has it."""
    account = cloud.account(account_id)
    installation = account.installations_by_id.get(cloud.keyring.client_behind(app_jwt)) if account else None
    return installation if installation is not None and installation.enabled else None


def authorise(cloud: Cloud, request: Request) -> Consumer | Answer:
    """The consumer the request speaks for, or the error frame.

    In which order the service checks is not documented (inferred: what is missing before what is
    invalid, the AppJWT before the ConsumerJWS).
    """
    app_jwt = app_jwt_of(request)
    consumer_jws = (request.header("x-lp-on-behalf") or "").strip()
    account = request.path_params["account_id"]
    if not app_jwt:
        return error_frame(cloud, 40105)
    if not consumer_jws:
        return error_frame(cloud, 40104)
    problem = cloud.keyring.app_jwt_problem(app_jwt, account, cloud.now)
    if problem == "claim missing":
        return error_frame(cloud, 40001)
    # An account this world does not have, or an installation it no longer has, has no valid AppJWT.
    if problem or installation_behind(cloud, app_jwt, account) is None:
        return error_frame(cloud, 40102)
    return cloud.keyring.consumer_behind(consumer_jws, account) or error_frame(cloud, 40103)
