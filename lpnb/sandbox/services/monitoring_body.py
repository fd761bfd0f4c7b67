"""Parses the bodies of Monitoring's Engagement and Report; every member is optional (documented)."""

import ipaddress
from dataclasses import dataclass, field
from typing import Any

from lpnb.sandbox.choices import one_of
from lpnb.sandbox.world.models import SDE_TYPES

IMPRESSIONS = ("impDisplay", "impAccept", "impExpanded", "impTimeout", "impClose")
DEVICES = ("DESKTOP", "TABLET", "MOBILE")
SYSTEMS = ("WINDOWS", "MAC_OSX", "LINUX", "IOS", "ANDROID")


class BodyError(ValueError):
    """The body is refused; the message names the member."""


@dataclass(slots=True)
class MonitoringBody:
    """What a body says."""

    identities: list[dict[str, Any]] = field(default_factory=list)
    """The identities, and a consumerId as one that is not authenticated."""
    entry_points: list[str] | None = None
    attributes: list[dict[str, Any]] = field(default_factory=list)
    impressions: list[dict[str, Any]] = field(default_factory=list)
    page_id: str | None = None


def read(value: object, *, for_report: bool, strict: bool) -> MonitoringBody:
    """The body in a JSON value.

    Raises:
        BodyError: Naming the member that is wrong.

    Example:
        >>> read({"consumerId": "anna"}, for_report=False, strict=False).identities
        [{'iss': None, 'acr': '0', 'sub': 'anna'}]
    """
    if not isinstance(value, dict):
        raise BodyError("The body must be a JSON object.")
    if for_report and value.get("engagementAttributes") is None:
        raise BodyError("engagementAttributes is missing.")
    body = MonitoringBody(page_id=_text(value, "pageId"))
    body.identities = _identities(value)
    _check_client_properties(value.get("clientProperties"))
    points = value.get("entryPoints")
    if points is not None:
        if not isinstance(points, list) or not all(isinstance(point, str) for point in points):
            raise BodyError("entryPoints must be an array of strings, such as 'sec://cards'.")
        body.entry_points = points
    attributes = value.get("engagementAttributes")
    if attributes is not None and not isinstance(attributes, list):
        raise BodyError("engagementAttributes must be an array.")
    for position, element in enumerate(attributes or []):
        _add_attribute(
            body, element, f"engagementAttributes[{position}]", for_report=for_report, strict=strict
        )
    return body


def context_of(impression: dict[str, Any]) -> str | None:
    """The contextId that an impression is about."""
    contexts = impression.get("eContext")
    for context in contexts if isinstance(contexts, list) else []:
        if isinstance(context, dict) and context.get("type") == "engagementContext":
            return str(context.get("id"))
    return None


def _identities(value: dict[str, Any]) -> list[dict[str, Any]]:
    visitor_identities = []
    identities = value.get("identities")
    if identities is not None and not isinstance(identities, list):
        raise BodyError("identities must be an array.")
    for position, identity in enumerate(identities or []):
        path = f"identities[{position}]"
        if not isinstance(identity, dict):
            raise BodyError(f"{path} must be an object.")
        # acr is "0" or 0 where somebody is not authenticated.
        for name, kinds in (("sub", str), ("acr", str | int)):
            if not isinstance(identity.get(name), kinds) or identity[name] == "":
                raise BodyError(f"{path}.{name} is missing.")
        visitor_identities.append(
            {"iss": identity.get("iss"), "acr": str(identity["acr"]), "sub": identity["sub"]}
        )
    consumer_id = _text(value, "consumerId")
    if consumer_id is not None and not any(identity["sub"] == consumer_id for identity in visitor_identities):
        visitor_identities.append({"iss": None, "acr": "0", "sub": consumer_id})
    return visitor_identities


def _check_client_properties(value: object) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        raise BodyError("clientProperties must be an object.")
    address = value.get("ipAddress")
    if address is not None:
        try:
            ipaddress.IPv4Address(address if isinstance(address, str) else "")
        except ValueError:
            raise BodyError("clientProperties.ipAddress must be an IPv4 address.") from None
    # The table says ``os``, the sample ``osName``.
    for name, choices in (("deviceFamily", DEVICES), ("os", SYSTEMS), ("osName", SYSTEMS)):
        if name != "deviceFamily" and value.get(name) == "OSX":
            raise BodyError(f"clientProperties.{name} is 'MAC_OSX' in Monitoring, where messaging has 'OSX'.")
        if value.get(name) is not None and value[name] not in choices:
            raise BodyError(one_of(f"clientProperties.{name}", value[name], choices))


def _add_attribute(
    body: MonitoringBody, element: object, path: str, *, for_report: bool, strict: bool
) -> None:
    if not isinstance(element, dict) or not isinstance(element.get("type"), str):
        raise BodyError(f"{path} must be an object with a type.")
    kind = element["type"]
    if kind in IMPRESSIONS:
        if not for_report:
            raise BodyError(f"{path}.type {kind!r} belongs in a Report.")
        if context_of(element) is None:
            raise BodyError(f"{path}.eContext must hold an engagementContext with the contextId.")
        body.impressions.append(element)
        return
    if strict and kind not in SDE_TYPES:
        raise BodyError(one_of(f"{path}.type", kind, (*SDE_TYPES, *IMPRESSIONS)))
    body.attributes.append(element)


def _text(value: dict[str, Any], name: str) -> str | None:
    text = value.get(name)
    if text is not None and (not isinstance(text, str) or not text):
        raise BodyError(f"{name} must be a string.")
    return text
