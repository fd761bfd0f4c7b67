"""What can go wrong, named for what the caller can do next.

.. code-block:: text

    LpnbError
    ├── SettingsError         fix the settings; nothing was sent
    ├── InvalidValueError     fix the payload; it says every field that is wrong
    ├── JournalError          the file of a run cannot be used; nothing is sent that it could not hold
    ├── ReceiverError         webhooks cannot be received; what was received is not touched
    ├── RunError              the run is not started or gone on with, and it says what to do first
    │   └── ChangedCasesError     these are not the cases that the journal was begun with
    ├── NotSentError          no conversation was created; sending again is safe
    │   ├── UntrustedHostError    the Domain API named a host that gets no token
    │   └── ServiceError          Domain API, Sentinel, IDP or another service did not give what was asked
    │       ├── CredentialsError  Sentinel, or whoever reads history, is refused
    │       ├── FileStoreError    the file store took or gave no file
    │       └── MonitoringError   Monitoring refused, kept failing or kept loading
    ├── RefusedError          the service said no and created nothing
    │   ├── UnauthorizedError     401, and again after a fresh AppJWT
    │   └── AlreadyOpenError      this consumer has an open conversation
    └── NoAnswerError         the request left, no usable answer came: a conversation may exist

No error here keeps a request, a token or a secret. Those that follow a send keep the
``response``, with every byte that came back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from lpnb._printable import lines, one_line


class Response(Protocol):
    """What an error keeps of a send: a ``BatchResponse``."""

    @property
    def consumer_id(self) -> str:
        """For whom it was sent."""
        ...

    @property
    def outcome(self) -> str:
        """What became of it."""
        ...

    @property
    def pairs(self) -> tuple[Any, ...]:
        """One entry for each request."""
        ...

    @property
    def explanation(self) -> str:
        """What it means, in words."""
        ...

    @property
    def conversation_id(self) -> str | None:
        """The conversation that was created, if any."""
        ...

    @property
    def http_status(self) -> int | None:
        """The reply's status."""
        ...

    @property
    def raw(self) -> bytes:
        """The reply's bytes as they came."""
        ...


class LpnbError(Exception):
    """The root of every error that lpnb raises on purpose.

    Example:
        >>> from lpnb import open_run
        >>> try:
        ...     open_run("nowhere.sqlite")
        ... except LpnbError as error:
        ...     print(type(error).__name__)
        JournalError
    """

    #: Whether its text has lines of its own. Elsewhere a line break came with what it quotes, and is spelled.
    _has_lines = False

    def __str__(self) -> str:
        return (lines if self._has_lines else one_line)(super().__str__())


class SettingsError(LpnbError):
    """A setting is missing or unusable. Nothing was sent.

    Example:
        >>> from lpnb import connect
        >>> connect("nowhere")
        Traceback (most recent call last):
        lpnb.errors.SettingsError: ...
    """

    _has_lines = True


#: "incomplete": a text does not hold the frames whole; "own limit": lpnb's, not the service's; "read anyway":
#: it was read, and the program that it is from may send it otherwise; "left out": of what was read.
ComplaintKind = Literal[
    "", "incomplete", "own limit", "read anyway", "left out", "placeholder", "unknown column"
]


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong: where it stands on the wire, and a whole sentence about it.

    ``values`` is how many values it is about: a rule that many cells of a column break is one complaint.
    ``kind`` says what follows from it, where something does; two complaints are the same without it.
    """

    path: str
    sentence: str
    values: int = 1
    kind: ComplaintKind = field(default="", compare=False)


class InvalidValueError(LpnbError, ValueError):
    """A payload holds values that must not be sent. ``complaints`` has one entry for each.

    Where thousands of cells can be wrong, ``more`` counts those that are not written out.

    Example:
        >>> raise InvalidValueError([Complaint("personal.gender", "personal.gender must be text; got 1.")])
        Traceback (most recent call last):
        lpnb.errors.InvalidValueError: personal.gender must be text; got 1.
    """

    def __init__(self, complaints: Iterable[Complaint], more: int = 0) -> None:
        self.complaints = tuple(complaints)
        self.more = more
        super().__init__(self.complaints)

    def __str__(self) -> str:
        sentences = [one_line(complaint.sentence) for complaint in self.complaints]
        if len(sentences) == 1 and not self.more:
            return sentences[0]
        list_text = "\n".join(f"  - {line}" for line in sentences)
        rest = f"\n  ... and {self.more:,} more." if self.more else ""
        total = sum(complaint.values for complaint in self.complaints) + self.more
        return f"{total:,} values are wrong:\n{list_text}{rest}"


class JournalError(LpnbError):
    """The file of a run is missing, damaged, foreign, in use or full.

    Nothing is sent that could not be written down first.

    Example:
        >>> from lpnb import open_run
        >>> open_run("nowhere.sqlite")
        Traceback (most recent call last):
        lpnb.errors.JournalError: ...
    """


class ReceiverError(LpnbError):
    """The receiver of webhooks cannot start, or its file is damaged, foreign, in use or full.

    Example:
        >>> from lpnb import Receiver, Settings
        >>> settings = Settings("12345678", "client-id", "secret")
        >>> with Receiver(settings) as first, Receiver(settings, port=first.port):
        ...     pass
        Traceback (most recent call last):
        lpnb.errors.ReceiverError: ...
    """


class RunError(LpnbError):
    """A run was not started or not gone on with. Nothing was sent by this call.

    Example:
        >>> from lpnb import Client, Settings, run_experiment
        >>> with Client(Settings("12345678", "client-id", "secret")) as client:
        ...     run_experiment(client, [{"ctmrinfo.ctype": "vip"}])
        Traceback (most recent call last):
        lpnb.errors.RunError: ...
    """

    _has_lines = True


class ChangedCasesError(RunError):
    """The cases given are not those of the journal. ``changes`` has (case, column, before, after) of each.

    Example:
        >>> changed = [("tier", "ctmrinfo.ctype", "vip", "gold")]
        >>> ChangedCasesError("One case has changed.", changed).changes
        (('tier', 'ctmrinfo.ctype', 'vip', 'gold'),)
    """

    def __init__(self, message: str, changes: Iterable[tuple[str, str, object, object]]) -> None:
        super().__init__(message)
        self.changes = tuple(changes)


class NotSentError(LpnbError):
    """No conversation was created: nothing left this machine, or it was refused before it was acted on.

    Sending again is safe. ``response`` is there when a CONVERSATION request was tried.

    Example:
        >>> from lpnb import BatchResponse
        >>> BatchResponse("consumer-1", "not sent", (), "Nothing left this machine.").raise_for_outcome()
        Traceback (most recent call last):
        lpnb.errors.NotSentError: Nothing left this machine.
    """

    def __init__(self, message: str, response: Response | None = None) -> None:
        super().__init__(message)
        self.response = response


class UntrustedHostError(NotSentError):
    """The Domain API named a host that tokens are never sent to.

    Example:
        >>> from lpnb.settings import Settings
        >>> from lpnb.api.trusted_hosts import origin_of
        >>> origin_of("collector.example.com", "sentinel", Settings("12345678", "client-id", "secret"))
        Traceback (most recent call last):
        lpnb.errors.UntrustedHostError: ...
    """


class ServiceError(NotSentError):
    """A service other than CONVERSATION (Domain API, Sentinel, IDP ...) did not give what was asked for.

    Example:
        >>> from lpnb import Client, Settings
        >>> nobody = Settings("12345678", "client-id", "secret", domain_api="http://127.0.0.1:9")
        >>> with Client(nobody, wait_scale=0) as client:
        ...     client.create_conversation("consumer-1")
        Traceback (most recent call last):
        lpnb.errors.ServiceError: Domain API ...
    """


class CredentialsError(ServiceError):
    """Sentinel refused the client id and secret, or history what it is read with.

    Example:
        >>> from lpnb import Client, Sandbox, Settings
        >>> with Sandbox() as sandbox:
        ...     wrong = {**sandbox.environment(), "LP_CLIENT_SECRET": "wrong"}
        ...     with Client(Settings.of(wrong)) as client:
        ...         client.create_conversation("consumer-1")
        Traceback (most recent call last):
        lpnb.errors.CredentialsError: Sentinel refused LP_CLIENT_ID and LP_CLIENT_SECRET...
    """


class MonitoringError(ServiceError):
    """Monitoring refused (4xx: fix the request), kept failing, or the account kept loading.

    ``http_status`` and ``internal_code`` are Monitoring's; None where no answer came.

    Example:
        >>> error = MonitoringError("Monitoring does not know this app installation.", 404, 18)
        >>> error.http_status, error.internal_code
        (404, 18)
    """

    def __init__(
        self, message: str, http_status: int | None = None, internal_code: int | None = None
    ) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.internal_code = internal_code


class FileStoreError(ServiceError):
    """The file store did not take a file, or did not give one. No message was published.

    ``http_status`` is the store's; 401 says that the URL has expired or is not its own.

    Example:
        >>> FileStoreError("The URL has expired.", 401).http_status
        401
    """

    def __init__(self, message: str, http_status: int | None = None) -> None:
        super().__init__(message)
        self.http_status = http_status


class RefusedError(LpnbError):
    """The service answered no and created nothing. Sending the same again will not help.

    Example:
        >>> from lpnb import BatchResponse
        >>> BatchResponse("consumer-1", "refused", (), "The skill does not exist.").raise_for_outcome()
        Traceback (most recent call last):
        lpnb.errors.RefusedError: The skill does not exist.
    """

    def __init__(self, message: str, response: Response) -> None:
        super().__init__(message)
        self.response = response


class UnauthorizedError(RefusedError):
    """401, and 401 again with a fresh AppJWT.

    Example:
        >>> from lpnb import BatchResponse
        >>> refused = BatchResponse("consumer-1", "refused", (), "The AppJWT is refused.", http_status=401)
        >>> refused.raise_for_outcome()
        Traceback (most recent call last):
        lpnb.errors.UnauthorizedError: The AppJWT is refused.
    """


class AlreadyOpenError(RefusedError):
    """This consumer has an open conversation, and a consumer can have only one.

    Example:
        >>> from lpnb import Client, Sandbox, Settings
        >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        ...     first = client.create_conversation("consumer-1")
        ...     client.create_conversation("consumer-1").raise_for_outcome()
        Traceback (most recent call last):
        lpnb.errors.AlreadyOpenError: The profile was accepted; the conversation was refused...
    """


class NoAnswerError(LpnbError):
    """The request left and no usable answer came: a conversation may exist. Do not repeat it blindly.

    Example:
        >>> from lpnb import BatchResponse
        >>> BatchResponse("consumer-1", "unknown", (), "The connection was cut.").raise_for_outcome()
        Traceback (most recent call last):
        lpnb.errors.NoAnswerError: The connection was cut.
    """

    def __init__(self, message: str, response: Response) -> None:
        super().__init__(message)
        self.response = response
