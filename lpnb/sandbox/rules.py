"""The guesses: where LivePerson's pages are silent or disagree, what the sandbox does instead.

What is documented is not switchable and not here. Each field says what is known.
"""

from dataclasses import dataclass, fields
from typing import Literal, get_args

SdeChecks = Literal["lenient", "strict"]

# What each switch may be; a bool field needs no entry.
_CHOICES: dict[str, tuple[object, ...]] = {
    "sde_checks": get_args(SdeChecks),
    "already_open_status": (200, 400),
    "refused_element_status": (200, 400),
    "brand_id_missing_status": (401, 400),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Switches for behaviour that was inferred. The defaults are the likelier guess.

    Args:
        sde_checks: How the service treats unknown SDE types, fields and wrong types is not
            documented. "lenient" accepts them and notes a warning on the conversation; "strict"
            answers BAD_REQUEST, in words that say it is the sandbox's own strictness.
        open_after_refused_profile: Whether a conversation still opens when its profile frame was
            refused. Elements are answered one by one (documented), but no such transcript exists.
        already_open_status: HTTP status when the consumer has an open conversation. The guide's
            prose says 400, its transcript shows only the body.
        refused_element_status: HTTP status when the conversation frame is refused for any other
            reason. "400 for invalid input" is documented, a transcript is not.
        brand_id_missing_status: HTTP status of authorisation error 40001. Its digits say 400, the
            prose says 401.
        require_version: Refuse a Domain API call without ``version``, a Sentinel V1 call without
            ``v=1.0`` and a CONVERSATION call without ``v=3``. The parameters are documented as
            mandatory, the refusal is not. A wrong version is refused either way.
        require_content_type: Refuse a body whose Content-Type is not the documented one.
        send_expires_in: Add ``expires_in`` to Sentinel's reply. Two clients read it; it is not
            documented.

    Example:
        >>> Rules(already_open_status=400).already_open_status
        400
        >>> Rules(sde_checks="stern")
        Traceback (most recent call last):
            ...
        ValueError: sde_checks must be one of 'lenient', 'strict'; got 'stern'.
    """

    sde_checks: SdeChecks = "lenient"
    open_after_refused_profile: bool = False
    already_open_status: int = 200
    refused_element_status: int = 400
    brand_id_missing_status: int = 401
    require_version: bool = True
    require_content_type: bool = True
    send_expires_in: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            allowed = _CHOICES.get(field.name, (True, False))
            if value not in allowed or isinstance(value, bool) is not isinstance(allowed[0], bool):
                choices = ", ".join(repr(choice) for choice in allowed)
                raise ValueError(f"{field.name} must be one of {choices}; got {value!r}.")
