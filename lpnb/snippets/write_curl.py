"""A request as curl commands for bash: the whole chain, with the secret and the tokens on no command line."""

from __future__ import annotations

from typing import Any

from lpnb.errors import Complaint, InvalidValueError
from lpnb.snippets.request_spec import (
    ACCOUNT,
    DOMAIN_API,
    RequestSpec,
    SnippetPlaceholder,
    check_origin,
    filled_template,
    json_string,
    json_text,
    request_spec,
)

#: What one argument of a command may be long on Linux is 131,072 bytes; the rest goes in by standard input.
_LONGEST = 100_000


def as_curl(batch: Any, consumer_id: str, *, domain_api: str = DOMAIN_API) -> str:
    """Write the send as a bash script of curl commands: Domain API, AppJWT, ConsumerJWS, CONVERSATION.

    It needs bash and curl 7.55 or newer, and reads ``LP_ACCOUNT_ID``, ``LP_CLIENT_ID`` and
    ``LP_CLIENT_SECRET`` from the environment, and ``LP_DOMAIN_API`` if it is there. The secret and the
    tokens are handed over in a way that lists of processes do not show, and as by lpnb to LivePerson's hosts
    and those of ``LP_TRUSTED_HOSTS`` alone.

    Args:
        batch: A ``ConversationBatch``, a ``RawBatch``, or frames as ``send_batch`` takes them.
        consumer_id: For whom it is sent.
        domain_api: Where host names are looked up, unless the environment says otherwise.

    Raises:
        InvalidValueError: The frames or the consumer id are wrong, or raw bytes hold a NUL, which no
            command line can.

    Example:
        >>> from lpnb import ConversationBatch
        >>> as_curl(ConversationBatch.build(), "consumer-1").count("curl ")
        4
    """
    spec = request_spec(batch, consumer_id)
    identity = f'{{"ext_consumer_id":{json_string(spec.consumer_id)}}}'
    header = ""
    if spec.client_properties is not None:
        header = f" \\\n  -H {shell_quoted(f'Client-Properties: {spec.client_properties}')}"
    body = _body(spec)
    data = f"--data-raw {body}" if len(body.encode()) <= _LONGEST else "--data-binary @-"
    before = f"printf %s {body} | " if len(body.encode()) > _LONGEST else ""
    values = {
        "api": check_origin(domain_api),
        "identity": shell_quoted(identity),
        "header": header,
        "data": data,
        "before": before,
    }
    return filled_template("curl.sh", values)


def shell_quoted(text: str) -> str:
    """*text* as one word for bash.

    Example:
        >>> print(shell_quoted("it's $(never) run"))
        'it'\\''s $(never) run'
    """
    return "'" + text.replace("'", "'\\''") + "'"


def _body(spec: RequestSpec) -> str:
    if spec.raw is not None:
        return _raw(spec.raw)
    text = json_text(spec.frames, _mark_placeholder)
    # The account is the one thing that the shell fills in; its quotes end before and go on after it.
    return shell_quoted(text).replace(_MARK, "'\"$LP_ACCOUNT_ID\"'")


#: No JSON text that was escaped holds this.
_MARK = "\x00"


def _mark_placeholder(placeholder: SnippetPlaceholder) -> str:
    # Each command has a connection of its own, on which no late answer to another request can come.
    return f'"{_MARK}"' if placeholder == ACCOUNT else f'"{placeholder.number + 1}"'


def _raw(content: bytes) -> str:
    if b"\x00" in content:
        sentence = "frames hold a NUL byte, which no command line can. as_httpx takes any bytes."
        raise InvalidValueError([Complaint("frames", sentence)])
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if text and all(letter.isprintable() or letter in "\n\t" for letter in text):
        return shell_quoted(text)
    letters = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}" for byte in content
    )
    return f"$'{letters}'"
