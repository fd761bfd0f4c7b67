"""History's names for SDE types and fields, such as ``customerType`` for ``ctype`` (documented)."""

from typing import Any

# Type of the SDE to history's name of the type, of the member that holds it, and where it stood.
_KINDS = {
    "ctmrinfo": ("CUSTOMER_INFO", "customerInfo", "info"),
    "personal": ("PERSONAL_INFO", "personalInfo", "personal"),
    "mrktInfo": ("MARKETING_CAMPAIGN_INFO", "marketingCampaignInfo", "info"),
    "service": ("SERVICE_ACTIVITY", "serviceActivity", "service"),
    "lead": ("LEAD", "lead", "lead"),
    "error": ("VISITOR_ERROR", "visitorError", "error"),
    "cart": ("CART_STATUS", "cartStatus", None),
    "purchase": ("PURCHASE", "purchase", None),
    "prodView": ("VIEWED_PRODUCT", "viewedProduct", None),
    "searchInfo": ("SEARCH_CONTENT", "searchContent", None),
}
HOLDERS = tuple(holder for _, holder, _ in _KINDS.values())

_FIELDS = {
    "cstatus": "customerStatus",
    "ctype": "customerType",
    "firstname": "name",
    "lastname": "surname",
    "contacts": "personalContacts",
}
_AGE = {
    "age": "customerAgeInYears",
    "year": "customerYearOfBirth",
    "month": "customerMonthOfBirth",
    "day": "customerDateOfBirth",
}
# Under which names an SDE search looks: a holder, a field of one, or whatever there is.
SEARCH_NAMES = (
    *HOLDERS,
    "all",
    "userUpdate",
    *_FIELDS.values(),
    "customerId",
    "balance",
    "currency",
    "socialId",
    "imei",
    "userName",
    "companySize",
    "companyBranch",
    "accountName",
    "role",
    "loginStatus",
    "gender",
    "company",
    "language",
    "email",
    "phone",
    "topic",
    "orderId",
    "total",
    "keywords",
)


def sde_event(time: float, element: dict[str, Any], *, typed: bool) -> dict[str, Any] | None:
    """One element as an event; without *typed*, values are strings as in ``v=1`` (documented).

    >>> sde_event(1700000000.0, {"type": "ctmrinfo", "info": {"ctype": "vip", "companySize": 5}}, typed=False)
    {'sdeType': 'CUSTOMER_INFO', 'serverTimeStamp': '1700000000000', \
'customerInfo': {'serverTimeStamp': '1700000000000', \
'customerInfo': {'customerType': 'vip', 'companySize': '5'}}}
    """
    kind = _KINDS.get(str(element.get("type")))
    if kind is None:
        return None
    name, holder, inner = kind
    fields = element.get(inner) if inner else {key: value for key, value in element.items() if key != "type"}
    history_fields = _history_fields(fields) if isinstance(fields, dict) else {}
    at = int(time * 1000)
    stamp: int | str = at if typed else str(at)
    return {
        "sdeType": name,
        "serverTimeStamp": stamp,
        holder: {"serverTimeStamp": stamp, holder: history_fields if typed else _as_text(history_fields)},
    }


def _history_fields(fields: dict[str, Any]) -> dict[str, Any]:
    history_fields: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "age" and isinstance(value, dict):
            history_fields["customerAge"] = {_AGE.get(part, part): number for part, number in value.items()}
        elif name == "contacts" and isinstance(value, list):
            history_fields["personalContacts"] = [{"personalContact": contact} for contact in value]
        else:
            history_fields[_FIELDS.get(name, name)] = value
    return history_fields


def _as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_text(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) or value is None else str(value)


def values_in(event: dict[str, Any], name: str) -> list[str]:
    """Every value in an event that *name* stands for: a holder stands for all its fields.

    >>> event = sde_event(0.0, {"type": "ctmrinfo", "info": {"ctype": "vip", "balance": 1.5}}, typed=True)
    >>> values_in(event, "customerInfo"), values_in(event, "customerType")
    (['vip', '1.5'], ['vip'])
    """
    values: list[str] = []
    for holder in HOLDERS:
        fields = event.get(holder, {}).get(holder, {})
        pending = [(name in (holder, "all"), fields)]
        while pending:
            matches, item = pending.pop(0)
            if isinstance(item, dict):
                pending += [(matches or key == name, inner) for key, inner in item.items()]
            elif isinstance(item, list):
                pending += [(matches, inner) for inner in item]
            elif matches and item is not None:
                values.append(str(_as_text(item)))
    return values
