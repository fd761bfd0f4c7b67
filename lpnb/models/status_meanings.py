"""What error codes and HTTP statuses of CONVERSATION mean, and what to do about each."""

from __future__ import annotations

#: What an error code in the answer of a frame means.
MEANINGS = {
    "40001": "The brand id is missing, or the AppJWT lacks a claim such as iss.",
    "40102": "The AppJWT has expired or is invalid.",
    "40103": "The ConsumerJWS is invalid, or the conversation belongs to another consumer.",
    "40104": "The X-LP-ON-BEHALF header with the ConsumerJWS is missing.",
    "40105": "The Authorization header with the AppJWT is missing.",
}
#: What to do about each.
CODE_ADVICE = {
    "40001": "Check the account id: brandId and the AppJWT must name the same one.",
    "40102": "Get a new AppJWT and send once more; lpnb does so by itself.",
    "40103": "Check the consumer id, and get a new ConsumerJWS for it from the IDP; lpnb gets its own.",
    "40104": "Send the ConsumerJWS in X-LP-ON-BEHALF; lpnb does so by itself.",
    "40105": "Send the AppJWT in Authorization; lpnb does so by itself.",
}
#: What a bare status means, and what to do; the table of the page "Explain a 400" has the same.
STATUS_MEANINGS = {
    400: (
        "The frames are not understood; nothing was created.",
        "ConversationBatch.from_wire(frames) names the field.",
    ),
    401: (
        "The AppJWT or the ConsumerJWS is missing, has ended, or is another account's; nothing was created.",
        "Check LP_CLIENT_ID and LP_CLIENT_SECRET with lpnb doctor.",
    ),
    403: (
        "The tokens are known, but may not do this on this account; nothing was created.",
        "Check the account id, and that the app installation has the scope msg.consumer.",
    ),
    404: (
        "There is nothing at this address: host, account or path are wrong; nothing was created.",
        "Check LP_ACCOUNT_ID and LP_DOMAIN_API; the path is /api/account/{account}/messaging/consumer/"
        "conversation?v=3.",
    ),
    405: (
        "The address takes another method than the one of this call; nothing was created.",
        "Send POST.",
    ),
    413: (
        "The batch is too large; nothing was created.",
        "Shorten its texts, or leave out SDEs.",
    ),
    415: (
        "The body is not said to be JSON; nothing was created.",
        "Send the header Content-Type: application/json; curl -d alone names a form.",
    ),
    429: (
        "Too many calls; nothing was done.",
        "Wait as long as Retry-After says, and send again. lpnb does so by itself.",
    ),
}
#: The same for 408 and 5xx.
UNKNOWN_MEANING = (
    "It is not known whether the conversation was created.",
    "Look for the consumer's open conversation before you send again: "
    "client.find_open_conversation(consumer_id).",
)


def status_meaning(status: int) -> tuple[str, str] | None:
    """What an HTTP status of CONVERSATION means and what to do, or None when nothing is known of it.

    Example:
        >>> status_meaning(503)[0]
        'It is not known whether the conversation was created.'
    """
    return UNKNOWN_MEANING if status == 408 or 500 <= status < 600 else STATUS_MEANINGS.get(status)
