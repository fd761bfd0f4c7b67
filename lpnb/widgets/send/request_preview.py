"""HTML preview of the HTTP request of a send: method, URL and headers, with tokens masked."""

from __future__ import annotations

from lpnb._internal.display import esc
from lpnb._internal.redaction import MASK, Secret
from lpnb.api.messaging import request_head
from lpnb.client import AsyncClient, Client
from lpnb.models.outgoing import EncodedBatch

_SERVICE = "asyncMessagingEnt"
#: Stands for either token.
_MASKED = Secret(MASK)


def request_html(client: Client | AsyncClient, outgoing: EncodedBatch | None) -> str:
    """The head of the request that posts *outgoing* as HTML; nothing while there is nothing to send."""
    if outgoing is None:
        return ""
    origin = client.engine.origins.get(_SERVICE)
    about = "The tokens are fetched when they are needed, and shown nowhere."
    if origin is None:
        origin = f"https://{{{_SERVICE}}}"
        about = f"The host comes from the Domain API, before the first send. {about}"
    url, headers = request_head(outgoing, origin, client.settings.account_id, (_MASKED, _MASKED))
    lines = [f"POST {url}", *(f"{name}: {value}" for name, value in headers.items())]
    code = "".join(f"<code>{line}</code>" for line in esc("\n".join(lines)).split("\n"))
    return f'<div class="lpnb-request"><h3>The request</h3><p>{about}</p>{code}</div>'
