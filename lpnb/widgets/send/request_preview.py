"""HTML preview of the HTTP request of a send: method, URL and headers, with tokens masked."""

from __future__ import annotations

from lpnb._internal.display import esc
from lpnb._internal.redaction import MASK, Secret
from lpnb.api.messaging import conversation_request
from lpnb.client import AsyncClient, Client
from lpnb.models.outgoing import EncodedBatch

#: Stands for the host as long as the Domain API has not been asked.
_UNKNOWN = "https://to-be-looked-up.invalid"
_SERVICE = "asyncMessagingEnt"
#: Stands for either token.
_MASKED = Secret(MASK)


def request_html(client: Client | AsyncClient, outgoing: EncodedBatch | None) -> str:
    """The head of the request that posts *outgoing* as HTML; nothing while there is nothing to send."""
    if outgoing is None:
        return ""
    origin = client.engine.origins.get(_SERVICE, _UNKNOWN)
    request = conversation_request(outgoing, origin, client.settings.account_id, (_MASKED, _MASKED))
    url = str(request.url)
    about = "The tokens are fetched when they are needed, and shown nowhere."
    if url.startswith(_UNKNOWN):
        url = url.replace(_UNKNOWN, f"https://{{{_SERVICE}}}")
        about = "The host comes from the Domain API, before the first send. " + about
    shown = {"content-type", "authorization", "x-lp-on-behalf", "client-properties", "connection"}
    names = {"x-lp-on-behalf": "X-LP-ON-BEHALF"}
    lines = [f"{request.method} {url}"]
    lines += [
        f"{names.get(name, name.title())}: {value}"
        for name, value in request.headers.items()
        if name in shown
    ]
    code = "".join(f"<code>{line}</code>" for line in esc("\n".join(lines)).split("\n"))
    return f'<div class="lpnb-request"><h3>The request</h3><p>{about}</p>{code}</div>'
