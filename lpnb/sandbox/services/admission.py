"""Version, credentials and Content-Type checks of CONVERSATION and SEND, and their reply elements."""

from typing import Any

from lpnb.sandbox.http.messages import Answer, Request, error_answer, is_json, media_type, truncate
from lpnb.sandbox.http.versions import check_version
from lpnb.sandbox.service_context import Cloud
from lpnb.sandbox.services.authorisation import authorise
from lpnb.sandbox.tokens import Consumer


def admit(cloud: Cloud, request: Request) -> Consumer | Answer:
    """The consumer the request speaks for, or why it is not looked at."""
    # What nearly everybody sends is not worth taking apart.
    if request.query != "v=3":
        refusal = check_version(request, "v", "3", required=cloud.rules.require_version)
        if refusal is not None:
            return refusal
    who = authorise(cloud, request)
    return (check_content_type(cloud, request) or who) if isinstance(who, Consumer) else who


def check_content_type(cloud: Cloud, request: Request) -> Answer | None:
    """415 unless the body is said to be JSON, or the rules take any."""
    if not cloud.rules.require_content_type or is_json(request):
        return None
    content_type = media_type(request) or "none"
    return error_answer(415, f"Send Content-Type: application/json; got {truncate(content_type)}.")


def ok(req_id: str, **body: object) -> dict[str, Any]:
    """The element of a frame that was done."""
    return {"code": "OK", "body": body, "reqId": req_id}


def bad_request(req_id: str | None, msg: str) -> dict[str, Any]:
    """The element of a frame that was refused; without a usable id there is no reqId."""
    element = {"code": "BAD_REQUEST", "body": {"msg": msg}}
    return element if req_id is None else {**element, "reqId": req_id}
