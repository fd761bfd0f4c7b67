"""IDP: a ConsumerJWS for an AppJWT and the brand's id of a consumer.

The failures are inferred: the pages print none.
"""

from lpnb.sandbox.http import strict_json
from lpnb.sandbox.http.messages import (
    Answer,
    Request,
    error_answer,
    json_answer,
)
from lpnb.sandbox.http.versions import check_version
from lpnb.sandbox.service_context import Cloud
from lpnb.sandbox.services.admission import check_content_type
from lpnb.sandbox.services.authorisation import app_jwt_of, installation_behind
from lpnb.sandbox.tokens import consumer

# No length is documented. A longer id would make a ConsumerJWS that fits in no header.
MAX_CONSUMER_ID = 1024


def answer(cloud: Cloud, request: Request) -> Answer:
    """201 with ``{"token": ConsumerJWS}``."""
    # It is documented, but one client leaves it out and works.
    if refusal := check_version(request, "v", "1.0", required=False):
        return refusal
    token = app_jwt_of(request)
    if not token:
        return error_answer(401, "No AppJWT. Send the one Sentinel issued in the Authorization header.")
    account = request.path_params["account_id"]
    problem = cloud.keyring.app_jwt_problem(token, account, cloud.now)
    if problem or installation_behind(cloud, token, account) is None:
        return error_answer(401, "The AppJWT has expired or is invalid. Get a new one from Sentinel.")
    if refusal := check_content_type(cloud, request):
        return refusal
    try:
        body = strict_json.read(request.body)
    except strict_json.StrictJsonError as error:
        return error_answer(400, str(error))
    ext_consumer_id = body.get("ext_consumer_id") if isinstance(body, dict) else None
    if not isinstance(ext_consumer_id, str) or not ext_consumer_id.strip():
        return error_answer(
            400, 'Send {"ext_consumer_id": "..."}: your own id of the consumer, as a string, not blank.'
        )
    if len(ext_consumer_id) > MAX_CONSUMER_ID:
        return error_answer(
            400, f"ext_consumer_id has {len(ext_consumer_id)} characters; {MAX_CONSUMER_ID} is the most here."
        )
    who = consumer(account, ext_consumer_id)
    jws = cloud.keyring.consumer_jws(account, who)
    return json_answer(201, {"token": jws}, consumer=ext_consumer_id)
