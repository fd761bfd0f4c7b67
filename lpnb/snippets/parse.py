"""Read a request out of somebody's text: frames as JSON, curl commands, Postman collections.

The text is taken apart and never run; no file and no address it names is opened, and tokens in it are not
kept.
"""

from __future__ import annotations

from lpnb._internal.display import brief
from lpnb._internal.json_codec import JsonError, read_json
from lpnb.errors import Complaint
from lpnb.snippets.parse_curl import curl_calls, is_curl
from lpnb.snippets.parse_postman import data_calls, is_data, is_postman, postman_calls
from lpnb.snippets.parsed_request import ParsedRequest, check_frames, choose_conversations

#: The longest text that is read, in characters.
MAX_TEXT = 4_000_000


def read_request(text: str) -> ParsedRequest:
    """Read frames, curl commands or a Postman collection out of *text*. Never raises for what it says.

    Frames are JSON: the array that CONVERSATION takes. Of curl, the usual ways of quoting are understood
    ("Copy as cURL (bash)" too), of Postman collections v2.0 and v2.1 and the data files of ``as_postman``.
    The consumer is known when the text asks the IDP for a token, or holds one.

    Args:
        text: At most four million characters.

    Example:
        >>> found = read_request("curl https://va.msg.liveperson.net/api/account/1/messaging/consumer/"
        ...                      "conversation?v=3 -H 'Authorization: ey' -d '[{}, 7]'")
        >>> found.kind, found.frames
        ('curl', [{}, 7])
        >>> print(found.complaints[0].sentence)
        Authorization was left out: lpnb gets tokens of its own.
    """
    if not isinstance(text, str):
        return _nothing(f"text must be text; got {brief(text)}.")
    if len(text) > MAX_TEXT:
        return _nothing(f"text must have at most {MAX_TEXT:,} characters; got {len(text):,}.")
    text = text.strip().removeprefix("\ufeff").strip()
    if not text:
        return _nothing("text is empty.")
    if text[0] in "[{":
        return _read_json(text)
    if is_curl(text):
        calls, complaints = curl_calls(text)
        return choose_conversations("curl", calls, complaints)
    return _nothing(
        "text must be frames as JSON, a curl command or a Postman collection; "
        f"it begins with {brief(text[:40])}."
    )


def _nothing(sentence: str) -> ParsedRequest:
    return ParsedRequest("nothing", complaints=(Complaint("text", sentence),))


def _read_json(text: str) -> ParsedRequest:
    try:
        value = read_json(text)
    except JsonError as error:
        return ParsedRequest("frames", complaints=(Complaint("frames", f"frames are not JSON: {error}."),))
    if is_postman(value):
        return choose_conversations("postman", *postman_calls(value))
    if is_data(value):
        return choose_conversations("postman", data_calls(value), [])
    frames, complaints = check_frames(value)
    return ParsedRequest("frames", frames, complaints=tuple(complaints))
