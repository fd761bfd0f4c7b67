"""Validation of Customer Info and Personal Info SDEs against the published schema.

How LivePerson treats any of these is not documented: `Rules.sde_checks` decides whether a
finding is a warning or a refusal.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

MAX_FINDINGS = 20

Findings = Sequence[str]

Check = Callable[[object], Findings]
"""What is unusual about a value: each finding without the path of the value in front, which is only
written when there is one."""


def findings(body: dict[str, Any]) -> list[str]:
    """What is unusual about the SDEs of a ``userprofile.SetUserProfile`` body, at most twenty.

    >>> findings({"authenticatedData": {"lp_sdes": [{"type": "ctmrinfo", "info": {"ctype": 5}}]}})
    ['lp_sdes[0].info.ctype must be a string; got 5.']
    >>> findings({})
    []
    """
    authenticated = body.get("authenticatedData", {})
    if not isinstance(authenticated, dict):
        return [f"authenticatedData must be an object; got {_in_words(authenticated)}."]
    sdes = authenticated.get("lp_sdes", [])
    if not isinstance(sdes, list):
        return [f"lp_sdes must be an array; got {_in_words(sdes)}."]
    return [*_sdes_findings(sdes)[:MAX_FINDINGS]]


def elements(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The SDEs of the two types supported here: what stays known of the consumer."""
    authenticated = body.get("authenticatedData")
    sdes = authenticated.get("lp_sdes") if isinstance(authenticated, dict) else None
    if not isinstance(sdes, list):
        return []
    return [sde for sde in sdes if isinstance(sde, dict) and sde.get("type") in ("ctmrinfo", "personal")]


def _sdes_findings(sdes: list[Any]) -> Findings:
    complaints: list[str] = []
    for position, sde in enumerate(sdes):
        path = f"lp_sdes[{position}]"
        if not isinstance(sde, dict):
            complaints.append(f"{path} must be an object; got {_in_words(sde)}.")
            continue
        kind = sde.get("type")
        check = _ELEMENTS.get(kind) if isinstance(kind, str) else None
        if check is None:
            complaints.append(f"{path}.type must be 'ctmrinfo' or 'personal'; got {_in_words(kind)}.")
            continue
        holder = "info" if kind == "ctmrinfo" else "personal"
        if holder not in sde:
            complaints.append(f"{path}.{holder} is missing: it holds the fields of {kind!r}.")
        complaints += [path + rest for rest in check(sde)]
        if len(complaints) >= MAX_FINDINGS:
            break
    return complaints


def _text(value: object) -> Findings:
    return () if isinstance(value, str) else (f" must be a string; got {_in_words(value)}.",)


def _number(value: object) -> Findings:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return (f" must be a number; got {_in_words(value)}.",)
    return ()


def _whole(value: object) -> Findings:
    if isinstance(value, bool) or not isinstance(value, int):
        return (f" must be an integer; got {_in_words(value)}.",)
    return ()


def _anything(_value: object) -> Findings:
    return ()


def _not_settable(_value: object) -> Findings:
    return (" cannot be set through SetUserProfile.",)


def _one_of(*choices: str) -> Check:
    def check(value: object) -> Findings:
        if value in choices:
            return ()
        return (f" must be one of {', '.join(map(repr, choices))}; got {_in_words(value)}.",)

    return check


def _like(pattern: str, example: str) -> Check:
    regex = re.compile(pattern)

    def check(value: object) -> Findings:
        if isinstance(value, str) and regex.fullmatch(value):
            return ()
        return (f" must look like {example!r}; got {_in_words(value)}.",)

    return check


def _record(*, required_names: tuple[str, ...] = (), **members: Check) -> Check:
    def check(value: object) -> Findings:
        if not isinstance(value, dict):
            return (f" must be an object; got {_in_words(value)}.",)
        complaints = [f".{name} is missing." for name in required_names if name not in value]
        for name, member in value.items():
            check_member = members.get(name)
            if check_member is None:
                complaints.append(f".{name[:80]} is not a published field.")
            elif findings := check_member(member):
                complaints += [f".{name}{rest}" for rest in findings]
            if len(complaints) >= MAX_FINDINGS:
                break
        return complaints

    return check


def _array(of: Check) -> Check:
    def check(value: object) -> Findings:
        if not isinstance(value, list):
            return (f" must be an array; got {_in_words(value)}.",)
        complaints: list[str] = []
        for position, member in enumerate(value):
            complaints += [f"[{position}]{rest}" for rest in of(member)]
            if len(complaints) >= MAX_FINDINGS:
                break
        return complaints

    return check


def _in_words(value: object) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


# The schema asks for all three parts when the object is there.
_DATE = _record(required_names=("day", "month", "year"), day=_whole, month=_whole, year=_whole)

_CUSTOMER_INFO = _record(
    accountName=_text,
    balance=_number,
    companyBranch=_text,
    companySize=_whole,
    cstatus=_text,
    ctype=_text,
    currency=_text,
    customerId=_text,
    imei=_text,
    lastPaymentDate=_DATE,
    loginStatus=_whole,
    registrationDate=_DATE,
    role=_text,
    socialId=_text,
    storeNumber=_not_settable,
    storeZipCode=_not_settable,
    userName=_text,
)

_CONTACT = _record(
    address=_record(country=_text, region=_text),
    email=_text,
    phone=_text,
    phoneType=_one_of("HOME", "MOBILE", "WORK", "FAX", "MAIN", "HOME_FAX", "WORK_FAX", "PAGER", "OTHER"),
)

_PERSONAL_INFO = _record(
    age=_record(age=_whole, day=_whole, month=_whole, year=_whole),
    company=_text,
    contacts=_array(_CONTACT),
    firstname=_text,
    gender=_one_of("MALE", "FEMALE", "OTHER"),
    language=_like(r"[a-z]{2}[-_][A-Z]{2}", "en-US"),
    lastname=_text,
)

# ``auth`` appears in the schema files only.
_ELEMENTS = {
    "ctmrinfo": _record(type=_anything, auth=_anything, info=_CUSTOMER_INFO),
    "personal": _record(type=_anything, auth=_anything, personal=_PERSONAL_INFO),
}
