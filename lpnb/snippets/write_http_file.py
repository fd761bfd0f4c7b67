"""A request as an ``.http`` file, as REST clients of editors read it (VS Code's REST Client above all)."""

from __future__ import annotations

from typing import Any

from lpnb.snippets.request_spec import (
    ACCOUNT,
    DOMAIN_API,
    SnippetPlaceholder,
    check_origin,
    filled_template,
    json_frames,
    json_text,
    one_line,
    request_spec,
)


def as_http_file(batch: Any, consumer_id: str, *, domain_api: str = DOMAIN_API) -> str:
    """Write the send as an ``.http`` file with one request for each step of the chain, to be sent in order.

    The account, the client id and the secret are read from the environment (``$processEnv``), hosts and
    tokens from the replies before. Such a file cannot check the hosts, and says so. A doubled brace in a
    value is escaped, so that no client takes it for a variable.

    Args:
        batch: A ``ConversationBatch``, a ``RawBatch`` of JSON, or frames as ``send_batch`` takes them.
        consumer_id: For whom it is sent.
        domain_api: Where host names are looked up.

    Raises:
        InvalidValueError: The frames or the consumer id are wrong, or raw bytes are not JSON.

    Example:
        >>> from lpnb import ConversationBatch
        >>> as_http_file(ConversationBatch.build(), "consumer-1").count("###")
        6
    """
    spec = request_spec(batch, consumer_id)
    frames = json_frames(spec, "An .http file")
    header = f"\nClient-Properties: {spec.client_properties}" if spec.client_properties is not None else ""
    values = {
        "about": one_line(f"For the consumer {spec.consumer_id}"),
        "api": check_origin(domain_api),
        "scheme": domain_api.partition(":")[0],
        "identity": json_text({"ext_consumer_id": spec.consumer_id}, _placeholder_text, braces=True),
        "header": header.replace("{{", "\\u007b\\u007b"),
        "frames": json_text(frames, _placeholder_text, braces=True),
    }
    return filled_template("requests.http", values)


def _placeholder_text(placeholder: SnippetPlaceholder) -> str:
    return '"{{account}}"' if placeholder == ACCOUNT else '"{{$guid}}"'
