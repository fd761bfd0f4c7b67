"""Checks of the version parameters, which differ by API: ``version=1.0``, ``v=1.0``, ``v=3``."""

from lpnb.sandbox.http.messages import Answer, Request, error_answer, truncate


def check_version(
    request: Request,
    parameter: str,
    expected: str,
    *,
    required: bool,
    also: tuple[str, ...] = (),
    sent_versions: list[str] | None = None,
) -> Answer | None:
    """400 unless *parameter* was sent once, as *expected* or one of *also*; absent only if not *required*.

    It is looked for in the query, unless *sent_versions* has what was sent.

    >>> check_version(Request("POST", "/x", "v=1"), "v", "1.0", required=True)
    >>> check_version(Request("POST", "/x"), "v", "3", required=True).body
    b'{"error":"The query parameter v is missing. Send POST /x?v=3."}'
    """
    versions = request.query_values(parameter) if sent_versions is None else sent_versions
    example = f"{request.method} {truncate(request.path)}?{parameter}={expected}"
    if not versions:
        if not required:
            return None
        return error_answer(400, f"The query parameter {parameter} is missing. Send {example}.")
    if len(set(versions)) > 1 or not any(_same_number(versions[0], version) for version in (expected, *also)):
        versions_text = ", ".join(repr(value[:20]) for value in versions[:3])
        return error_answer(400, f"{parameter} must be {expected}; got {versions_text}. Send {example}.")
    return None


def _same_number(version: str, expected: str) -> bool:
    whole_number = expected.removesuffix(".0")
    return version in (whole_number, f"{whole_number}.0")
