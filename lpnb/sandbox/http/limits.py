"""Limits on the size and duration of requests."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes in bytes and times in seconds. LivePerson's own limits are not published."""

    head_bytes: int = 64 * 1024
    body_bytes: int = 1024 * 1024
    head_seconds: float = 10.0
    body_seconds: float = 20.0
    idle_seconds: int = 65
    connections: int = 900

    @property
    def drained_bytes(self) -> int:
        """How much of a body that is too long is read and thrown away, so that the 413 arrives.

        A server that closes while the client is still writing resets the connection, and the
        reset destroys the answer.
        """
        return 16 * self.body_bytes

    @property
    def raw_bytes(self) -> int:
        """The most one request may weigh on the wire, chunk framing and trailers included."""
        return self.head_bytes + 32 * self.body_bytes
