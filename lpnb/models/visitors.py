"""A visitor's identities and device, as Monitoring takes them."""

from __future__ import annotations

import ipaddress
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from lpnb.models.base import Id, Text, WireModel


class Identity(WireModel):
    """Who the visitor is, and how sure that is: ``acr`` "loa1" is authenticated, "0" is not.

    Example:
        >>> Identity(sub="consumer-7f3a").to_wire()
        {'acr': '0', 'sub': 'consumer-7f3a'}

    Source: Monitoring API, Engagement; ``sub`` and ``acr`` are required.
    """

    iss: Text | None = Field(default=None, description="Who says so: the brand's URL when authenticated.")
    acr: Id = Field(default="0", description="loa1 is authenticated, 0 is not.", examples=["loa1", "0"])
    sub: Annotated[Text, Field(min_length=1)] = Field(description="The consumer, as for CONVERSATION.")


class VisitorProperties(WireModel):
    """Monitoring's ``clientProperties``: the visitor's device. Not those of the Client-Properties header.

    Example:
        >>> VisitorProperties(device_family="MOBILE", os="IOS", ip_address="192.0.2.7").to_wire()
        {'deviceFamily': 'MOBILE', 'ipAddress': '192.0.2.7', 'os': 'IOS'}

    Source: Monitoring API, Engagement. macOS is MAC_OSX here and OSX in messaging.
    """

    wire_root: ClassVar[str] = "clientProperties"

    app_version: Text | None = None
    device_family: Literal["DESKTOP", "TABLET", "MOBILE"] | None = None
    ip_address: Text | None = Field(default=None, description="A real IPv4 address.")
    os: Literal["WINDOWS", "MAC_OSX", "LINUX", "IOS", "ANDROID"] | None = None
    os_version: Text | None = None

    @field_validator("os", mode="before")
    @classmethod
    def _is_monitorings(cls, name: object) -> object:
        if name == "OSX":
            raise PydanticCustomError("os", "is 'MAC_OSX' in Monitoring, where messaging has 'OSX'")
        return name

    @field_validator("ip_address")
    @classmethod
    def _is_ipv4(cls, address: str | None) -> str | None:
        if address is not None:
            try:
                ipaddress.IPv4Address(address)
            except ValueError:
                raise PydanticCustomError("ipv4", "must be an IPv4 address") from None
        return address
