"""`Delivery`: signature algorithm, timing and bounds of webhook delivery."""

from dataclasses import dataclass

from lpnb.sandbox.choices import one_of
from lpnb.sandbox.webhooks.signing import ALGORITHMS, ENCODINGS, Algorithm, Encoding


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How webhooks are delivered.

    Args:
        signature: "sha1", or "sha256" on request; by default as the rule `webhook_signature` has it.
        encoding: "base64" or "hex"; by default as that rule has it.
        time_scale: Multiplies the gaps between tries and the retention time; 0.001 makes the ladder
            2, 4, 8 milliseconds.
        any_host: Post to other machines too. Without it the sandbox never sends anything off this one.
        timeout: Seconds to connect, and to wait for the answer.
        most_waiting: How many deliveries may wait; a new one beyond that is dropped.
        most_waiting_bytes: How many bytes their bodies may have together; likewise.

    Example:
        >>> Delivery(signature="md5")
        Traceback (most recent call last):
            ...
        ValueError: signature must be one of 'sha1', 'sha256'; got 'md5'.
    """

    signature: Algorithm | None = None
    encoding: Encoding | None = None
    time_scale: float = 1.0
    any_host: bool = False
    timeout: float = 5.0
    most_waiting: int = 10_000
    most_waiting_bytes: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        for name, choices in (("signature", ALGORITHMS), ("encoding", ENCODINGS)):
            if getattr(self, name) not in (None, *choices):
                raise ValueError(one_of(name, getattr(self, name), choices))
        for name in ("time_scale", "timeout", "most_waiting", "most_waiting_bytes"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0; got {getattr(self, name)!r}.")
