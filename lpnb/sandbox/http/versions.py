"""The version parameters, which differ from family to family: ``version=1.0``, ``v=1.0``, ``v=3``."""

from lpnb.sandbox.http.messages import Answer, error_answer


def check_version(
    came: list[str], *, parameter: str, wanted: str, example: str, required: bool
) -> Answer | None:
    """400 unless *parameter* came once, as *wanted*; absence is fine when it is not *required*.

    >>> refuse_version(["1"], parameter="v", wanted="1.0", example="POST /x?v=1.0", required=True)
    >>> refuse_version([], parameter="v", wanted="3", example="POST /x?v=3", required=True).body
    b'{"error":"The query parameter v is missing. Send POST /x?v=3."}'
    """
    if not came:
        if not required:
            return None
        return error_answer(400, f"The query parameter {parameter} is missing. Send {example}.")
    if len(set(came)) > 1 or not _same_number(came[0], wanted):
        shown = ", ".join(repr(value[:20]) for value in came[:3])
        return error_answer(400, f"{parameter} must be {wanted}; got {shown}. Send {example}.")
    return None


def _same_number(came: str, wanted: str) -> bool:
    whole = wanted.removesuffix(".0")
    return came in (whole, f"{whole}.0")
