"""Names texts that hold no request: a status, a page, a token, other APIs' answers, settings, a table."""

from __future__ import annotations

import re

from lpnb._internal.redaction import Secret
from lpnb.api.tokens import claims
from lpnb.errors import Complaint
from lpnb.snippets.parsed_request import Kind, ParsedRequest, RecordedReply, RecordedToken

_STATUS = re.compile(
    r"(?:HTTP/[\d.]+\s+|status(?: code)?:?\s+)?([1-5]\d\d)(?:[ :-]{1,3}[A-Z][\w ]{1,40})?\s*", re.I
)
_PAGE = re.compile(r"<(?:!doctype html|html|head|title)\b", re.I)
_PAGE_STATUS = re.compile(r"<(?:title|h1|h2)[^>]{0,200}>[^<]{0,80}?\b([45]\d\d)\b", re.I)
_TOKEN = re.compile(
    r"(?:(?:authorization|x-lp-on-behalf)\s*:\s*)?(?:bearer\s+)?(eyJ[\w-]{5,}\.[\w-]+\.[\w-]*)", re.I
)
_OAUTH_ERROR = re.compile(
    r"invalid_(?:client|grant|request|scope|token)|unauthorized_client|unsupported_grant_type|access_denied"
)
_SETTINGS = re.compile(r"(?:#[^\n]*\n|\s)*(?:export\s+|\$env:)?(?:LP|LPNB|LIVEPERSON)_[A-Z_]{2,60}\s*=", re.I)
_TABLE = re.compile(r"\"?[A-Za-z][\w .]{0,60}\"?(?:[,;\t]\"?[A-Za-z][\w .]{0,60}\"?){1,200}\r?\n")
_CUT_OFF = re.compile(r"[\[{][^\n]{0,400}?\\*[\"'](?:kind|type|reqId|lp_sdes|brandId)\\*[\"']\s*:")


def read_other_text(text: str) -> ParsedRequest | None:
    """What a text without a request is, or None where that is not known.

    Example:
        >>> read_other_text("401 Unauthorized").reply.status, read_other_text("LP_CLIENT_SECRET=x").kind
        (401, 'settings')
    """
    if match := _STATUS.fullmatch(text.partition("\n\n")[0].partition("\n")[0]):
        body = text.partition("\n\n")[2].strip()
        return ParsedRequest("reply", reply=RecordedReply(int(match[1]), body or None))
    if _PAGE.match(text):
        status = _PAGE_STATUS.search(text[:20_000])
        note = "It is a page (HTML), which a proxy or a gateway writes: LivePerson answers in JSON."
        if status:
            return ParsedRequest("reply", reply=RecordedReply(int(status[1]), text))
        return _other_text("page", f"{note} Give the status that came with it: --status.")
    if match := _TOKEN.fullmatch(text):
        token_claims = claims(Secret(match[1]))
        header = "X-LP-ON-BEHALF" if "ext_consumer_id" in token_claims else "Authorization"
        return ParsedRequest("token", tokens=(RecordedToken(header, token_claims),))
    if _SETTINGS.match(text):
        return _other_text(
            "settings", "lpnb doctor says what is wrong with settings; explain reads requests."
        )
    if (match := _CUT_OFF.search(text[:200_000])) is not None:
        sentence = (
            "The JSON in the text is cut off or broken, as where a log keeps so many characters of a line."
        )
        return _other_text("cut off", f"{sentence} Give the whole request.")
    if _TABLE.match(text):
        return _other_text("table", "lpnb columns FILE says how it is read; explain reads requests.")
    return None


def read_other_value(value: object) -> ParsedRequest | None:
    """What JSON is that is neither a request nor CONVERSATION's answer, or None where that is not known.

    Example:
        >>> read_other_value({"error": "invalid_client"}).complaints[0].sentence[:45]
        'Sentinel gave no AppJWT, and says invalid_cli'
        >>> read_other_value({"kind": "notification", "body": {"changes": []}}).kind
        'event'
    """
    if not isinstance(value, dict):
        return None
    for name, header, whose in (
        ("access_token", "Authorization", "Sentinel's, with an AppJWT in it"),
        ("token", "X-LP-ON-BEHALF", "the IDP's, with a ConsumerJWS in it"),
    ):
        if isinstance(value.get(name), str) and _TOKEN.fullmatch(value[name]):
            token = RecordedToken(header, claims(Secret(value[name])))
            return ParsedRequest("answer", tokens=(token,), notes=(f"It is {whose}; lpnb gets its own.",))
    if isinstance(error := value.get("error"), str) and (
        "error_description" in value or _OAUTH_ERROR.fullmatch(error)
    ):
        sentence = (
            f"Sentinel gave no AppJWT, and says {error[:60]}. Check LP_CLIENT_ID and LP_CLIENT_SECRET, and "
            "that they are this account's; lpnb doctor tries them."
        )
        return ParsedRequest("answer", complaints=(Complaint("text", sentence),))
    if "internalErrorCode" in value:
        sentence = (
            "The IDP gave no ConsumerJWS. Check the AppJWT and ext_consumer_id; lpnb doctor tries both."
        )
        return ParsedRequest("answer", complaints=(Complaint("text", sentence),))
    if "baseURIs" in value or {"service", "baseURI"} <= set(value):
        note = "It is the Domain API's: the hosts of an account. lpnb asks for them itself."
        return ParsedRequest("answer", notes=(note,))
    if {"sessionId", "visitorId"} <= set(value) and ("contextId" in value or "engagementId" in value):
        note = (
            "It is Monitoring's: campaign, engagement and context for a conversation; client.engagement asks."
        )
        return ParsedRequest("answer", notes=(note,))
    kind = str(value.get("type", ""))
    if value.get("kind") == "notification" or kind.endswith("Notification"):
        return ParsedRequest("event", notes=("lpnb receives such events itself: lpnb.webhooks.",))
    if value.get("kind") == "req" and kind.startswith(("ms.", "cm.Update", "ams.")):
        note = "It goes to .../conversation/send; explain looks into requests for CONVERSATION alone."
        return ParsedRequest("send", notes=(note,))
    if set(value) == {"ext_consumer_id"}:
        note = "It is what the IDP is asked with, for a ConsumerJWS; lpnb asks itself."
        return ParsedRequest("answer", notes=(note,))
    return None


def _other_text(kind: Kind, sentence: str) -> ParsedRequest:
    return ParsedRequest(kind, complaints=(Complaint("text", sentence),))
