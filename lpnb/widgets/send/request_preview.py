"""HTML preview of the HTTP request of a send: method, URL and headers, with tokens masked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpnb._internal.display import esc
from lpnb._internal.redaction import MASK, Secret
from lpnb.api.messaging import conversation_request
from lpnb.client import AsyncClient, Client
from lpnb.models.batches import ConversationBatch

if TYPE_CHECKING:
    from lpnb.transport.protocol import Request

#: Stands for the host as long as the Domain API has not been asked.
_UNKNOWN = "https://to-be-looked-up.invalid"
_SERVICE = "asyncMessagingEnt"


def masked_request(client: Client | AsyncClient, batch: ConversationBatch) -> Request:
    """What a send of *batch* posts now, with masks in place of the tokens. Request ids differ each time."""
    account_id = client.settings.account_id
    origin = client.engine.origins.get(_SERVICE, _UNKNOWN)
    return conversation_request(batch.outgoing(account_id), origin, account_id, (Secret(MASK), Secret(MASK)))


def request_html(client: Client | AsyncClient, batch: ConversationBatch | None) -> str:
    """The request's head as HTML; nothing while there is nothing to send."""
    if batch is None:
        return ""
    request = masked_request(client, batch)
    url = str(request.url)
    about = "The tokens are fetched when they are needed, and shown nowhere."
    if url.startswith(_UNKNOWN):
        url = url.replace(_UNKNOWN, f"https://{{{_SERVICE}}}")
        about = "The host comes from the Domain API, before the first send. " + about
    shown = {"content-type", "authorization", "x-lp-on-behalf", "client-properties", "connection"}
    names = {"x-lp-on-behalf": "X-LP-ON-BEHALF"}
    headers = "".join(
        f"<code>{esc(names.get(name, name.title()))}: {esc(value)}</code>"
        for name, value in request.headers.items()
        if name in shown
    )
    return (
        f'<div class="lpnb-request"><h3>The request</h3><p>{esc(about)}</p>'
        f"<code>{esc(request.method)} {esc(url)}</code>{headers}</div>"
    )
