"""Reading SEND's response to a frame, and explaining it.

The shapes are those of ``responses``, so that a message tabulates like a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lpnb._internal.display import brief
from lpnb.models.responses import Outcome, Pair, Reading, Says, read_batch, sequence_of
from lpnb.models.status_meanings import MEANINGS

#: The guide's sentence about a conversation that is closed, as the service spells it.
CLOSED = "Conversation is close"


def read_frame(content: bytes, requests: Sequence[tuple[str, str]], conversation_id: str | None) -> Reading:
    """Read SEND's reply like a batch's of one; *conversation_id* is where the frame was sent to.

    Example:
        >>> reply = b'{"reqId":"1","code":"OK","body":{"sequence":0}}'
        >>> reading = read_frame(reply, [("1", "ms.PublishEvent")], "c-1")
        >>> reading.says, reading.pairs[0].message, reading.pairs[0].conversation_id
        ('settled', 'sequence 0', 'c-1')
    """
    reading = read_batch(content, requests)
    pairs = tuple(_with_message(pair, conversation_id) for pair in reading.pairs)
    # What else stands in the answer decides nothing: only its code does.
    says: Says = reading.says
    if says == "" and pairs and all(pair.ok for pair in pairs) and not reading.strays:
        says = "settled"
    numbered_pairs = [pair for pair in pairs if not pair.ok and sequence_of(pair) is not None]
    if says == "refused" and numbered_pairs:  # whoever believed the code would send it a second time
        code = brief(numbered_pairs[0].code)
        anomaly = f"{numbered_pairs[0].type} came back with the code {code}, and yet with a sequence number."
        return replace(reading, pairs=pairs, says="", anomaly=anomaly)
    return replace(reading, pairs=pairs, says=says)


def explain_frame(reading: Reading, outcome: Outcome, status: int | None, failure: str | None) -> str:
    """Say in words what became of a frame and what to do about it."""
    pair = reading.pairs[0] if reading.pairs else Pair("", "")
    is_success = failure is None and status is not None and 200 <= status < 300
    anomaly = f" {reading.anomaly}" if reading.anomaly and is_success else ""
    in_conversation = f" in conversation {pair.conversation_id}" if pair.conversation_id else ""
    if outcome == "answered":
        message = f": {pair.message}" if pair.message else ""
        return f"Accepted{in_conversation}{message}.{anomaly}"
    if outcome == "unknown":
        reason = failure or (f"HTTP {status} came back" if status else "no answer came")
        return (
            f"The request left, and {reason}.{anomaly} It may have been accepted, so it "
            "was not repeated. Look at the conversation before you send it again."
        )
    if outcome == "not sent":
        return f"Nothing was sent: {failure or f'HTTP {status}'}. Sending again is safe."
    if pair.code in MEANINGS:
        return f"Refused with {pair.code}, {pair.message}. {MEANINGS[pair.code]}"
    if CLOSED in (pair.message or ""):
        return (
            f"Refused with {pair.code}: {pair.message}. A consumer cannot write into a closed conversation; "
            "open a new one."
        )
    if pair.code and not pair.code.startswith("http-"):
        message = f": {pair.message.rstrip('.')}" if pair.message else ""
        return f"Refused with {pair.code}{message}.{anomaly}"
    return f"The service refused the call with {(pair.message or f'HTTP {status}').rstrip('.')}.{anomaly}"


def _with_message(pair: Pair, conversation_id: str | None) -> Pair:
    if not pair.ok:
        return pair
    number = sequence_of(pair)
    body = pair.body.get("body") if isinstance(pair.body, dict) else None
    path = body.get("relativePath") if isinstance(body, dict) else None
    message = pair.message if number is None else f"sequence {number}"
    if isinstance(path, str):
        message = path  # what stands beside it is the permission to write or read there
    return replace(pair, message=message, conversation_id=conversation_id)
