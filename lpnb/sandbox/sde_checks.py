"""What the pages say about Customer Info and Personal Info, checked; findings are sentences.

How LivePerson treats any of these is not documented: `Rules.sde_checks` decides whether a
finding is a warning or a refusal.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

MOST_FINDINGS = 20

Check = Callable[[str, object], Iterator[str]]


def findings(body: dict[str, Any]) -> list[str]:
    """What is unusual about the SDEs of a ``userprofile.SetUserProfile`` body, at most twenty.

    >>> findings({"authenticatedData": {"lp_sdes": [{"type": "ctmrinfo", "info": {"ctype": 5}}]}})
    ['lp_sdes[0].info.ctype must be a string; got 5.']
    >>> findings({})
    []
    """
    return list(islice(_findings(body), MOST_FINDINGS))


def elements(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The SDEs of the two types supported here: what stays known of the consumer."""
    authenticated = body.get("authenticatedData")
    sdes = authenticated.get("lp_sdes") if isinstance(authenticated, dict) else None
    if not isinstance(sdes, list):
        return []
    return [sde for sde in sdes if isinstance(sde, dict) and sde.get("type") in ("ctmrinfo", "personal")]


def _findings(body: dict[str, Any]) -> Iterator[str]:
    authenticated = body.get("authenticatedData", {})
    if not isinstance(authenticated, dict):
        yield f"authenticatedData must be an object; got {_shown(authenticated)}."
        return
    sdes = authenticated.get("lp_sdes", [])
    if not isinstance(sdes, list):
        yield f"lp_sdes must be an array; got {_shown(sdes)}."
        return
    for position, sde in enumerate(sdes):
        path = f"lp_sdes[{position}]"
        if not isinstance(sde, dict):
            yield f"{path} must be an object; got {_shown(sde)}."
            continue
        kind = sde.get("type")
        members = _ELEMENTS.get(kind) if isinstance(kind, str) else None
        if members is None:
            yield f"{path}.type must be 'ctmrinfo' or 'personal'; got {_shown(kind)}."
            continue
        holder = "info" if kind == "ctmrinfo" else "personal"
        if holder not in sde:
            yield f"{path}.{holder} is missing: it holds the fields of {kind!r}."
        yield from members(path, sde)


def _text(path: str, value: object) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{path} must be a string; got {_shown(value)}."


def _number(path: str, value: object) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield f"{path} must be a number; got {_shown(value)}."


def _whole(path: str, value: object) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int):
        yield f"{path} must be an integer; got {_shown(value)}."


def _anything(path: str, value: object) -> Iterator[str]:
    yield from ()


def _elsewhere(path: str, value: object) -> Iterator[str]:
    yield f"{path} cannot be set through SetUserProfile."


def _one_of(*allowed: str) -> Check:
    def check(path: str, value: object) -> Iterator[str]:
        if value not in allowed:
            yield f"{path} must be one of {', '.join(map(repr, allowed))}; got {_shown(value)}."

    return check


def _like(pattern: str, example: str) -> Check:
    compiled = re.compile(pattern)

    def check(path: str, value: object) -> Iterator[str]:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            yield f"{path} must look like {example!r}; got {_shown(value)}."

    return check


def _record(*, required: tuple[str, ...] = (), **members: Check) -> Check:
    def check(path: str, value: object) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path} must be an object; got {_shown(value)}."
            return
        for name in required:
            if name not in value:
                yield f"{path}.{name} is missing."
        for name, member in value.items():
            known = members.get(name)
            if known is None:
                yield f"{path}.{name[:80]} is not a published field."
            else:
                yield from known(f"{path}.{name}", member)

    return check


def _array(of: Check) -> Check:
    def check(path: str, value: object) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{path} must be an array; got {_shown(value)}."
            return
        for position, member in enumerate(value):
            yield from of(f"{path}[{position}]", member)

    return check


def _shown(value: object) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


# The schema asks for all three parts when the object is there.
_DATE = _record(required=("day", "month", "year"), day=_whole, month=_whole, year=_whole)

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
    storeNumber=_elsewhere,
    storeZipCode=_elsewhere,
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
