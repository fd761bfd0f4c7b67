"""The ``webhooks`` capability of an app installation, spelled as in the installation record."""

import ipaddress
from collections.abc import Iterator
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lpnb.sandbox.choices import one_of

CONTENT = "ms.MessagingEventNotification.ContentEvent"
RICH_CONTENT = "ms.MessagingEventNotification.RichContentEvent"
ACCEPT_STATUS = "ms.MessagingEventNotification.AcceptStatusEvent"
CHAT_STATE = "ms.MessagingEventNotification.ChatStateEvent"
CONVERSATION_CHANGE = "cqm.ExConversationChangeNotification"

EVENT_KEYS = (CONTENT, RICH_CONTENT, ACCEPT_STATUS, CHAT_STATE, CONVERSATION_CHANGE)

# The longest that is kept for a receiver that is away (documented).
LONGEST_RETENTION = 259_200


def _endpoint(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError(f"{url!r} is no URL.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"a webhook's endpoint must be an http or https URL; got {url!r}.")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a webhook's endpoint must hold no password; use a header.")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"a webhook's endpoint must be plain ASCII without spaces; got {url!r}.")
    return url


Endpoint = Annotated[str, AfterValidator(_endpoint)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class Header(_Part):
    """A header that goes along with every delivery."""

    header_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$")]
    header_value: Annotated[str, Field(pattern=r"^[\t\x20-\x7e]{0,1024}$", repr=False)]


class Subscription(_Part):
    """One kind of event and where it goes."""

    endpoint: Endpoint
    max_retries: Annotated[int, Field(ge=0, le=5)] = 5
    """0 takes the event out of the retries; otherwise the retention time decides."""
    headers: Annotated[tuple[Header, ...], Field(strict=False, max_length=20)] = ()


class Retry(_Part):
    """How long a delivery is tried again, in seconds."""

    retention_time: Annotated[int, Field(ge=2, le=LONGEST_RETENTION)] = LONGEST_RETENTION


class Webhooks(_Part):
    """The capability as the installation record has it.

    >>> sorted(Webhooks.to_all("http://127.0.0.1:8080/hook").by_key())[0]
    'cqm.ExConversationChangeNotification'
    """

    content: Annotated[Subscription | None, Field(alias=CONTENT)] = None
    rich_content: Annotated[Subscription | None, Field(alias=RICH_CONTENT)] = None
    accept_status: Annotated[Subscription | None, Field(alias=ACCEPT_STATUS)] = None
    chat_state: Annotated[Subscription | None, Field(alias=CHAT_STATE)] = None
    conversation_change: Annotated[Subscription | None, Field(alias=CONVERSATION_CHANGE)] = None
    retry: Retry = Retry()

    @classmethod
    def to_all(cls, url: str) -> Self:
        """All five kinds to one endpoint.

        Raises:
            ValueError: When *url* is none.
        """
        every = {key: Subscription.model_construct(endpoint=_endpoint(url)) for key in EVENT_KEYS}
        return cls.model_validate(every)

    def with_endpoint(self, key: str | None, url: str | None) -> Self:
        """The same with another endpoint for one kind, or for all where *key* is None; None takes it out.

        Raises:
            ValueError: When *url* is none, or there is no such kind.
        """
        keys = EVENT_KEYS if key is None else (event_key(key),)
        subscription = None if url is None else Subscription.model_construct(endpoint=_endpoint(url))
        every: dict[str, Any] = {name: self.by_key().get(name) for name in EVENT_KEYS}
        every |= dict.fromkeys(keys, subscription)
        return type(self).model_validate({**every, "retry": self.retry})

    def by_key(self) -> dict[str, Subscription]:
        """Every subscription there is, under its event's key."""
        messages = (self.content, self.rich_content, self.accept_status, self.chat_state)
        pairs = zip(EVENT_KEYS, (*messages, self.conversation_change), strict=True)
        return {key: item for key, item in pairs if item is not None}

    def foreign_endpoints(self) -> Iterator[str]:
        """The endpoints that are not on this machine."""
        for subscription in self.by_key().values():
            if not is_loopback(subscription.endpoint):
                yield subscription.endpoint


def event_key(kind: str) -> str:
    """The event's key for a kind, such as "ContentEvent"; a key stays as it is.

    >>> event_key("ContentEvent")
    'ms.MessagingEventNotification.ContentEvent'

    Raises:
        ValueError: There is no such kind.
    """
    for key in EVENT_KEYS:
        if kind in (key, key.rpartition(".")[2], key.rpartition(".")[2].removesuffix("Notification")):
            return key
    raise ValueError(one_of("kind", kind, tuple(key.rpartition(".")[2] for key in EVENT_KEYS)))


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine by its spelling; no name is looked up.

    >>> [is_loopback(url) for url in ("http://127.0.0.1:1/", "http://[::1]/", "http://10.0.0.1/")]
    [True, True, False]
    """
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
