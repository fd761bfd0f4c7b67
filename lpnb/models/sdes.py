"""Customer Info and Personal Info: the SDEs that ``userprofile.SetUserProfile`` carries.

SDEs (engagement attributes) are what the agent sees of the consumer. In messaging an SDE replaces the
earlier one of its type as a whole, so send the complete object each time. The other types of SDE
belong to Monitoring and are not here.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from lpnb._internal.validation import join, must, one_of
from lpnb.errors import Complaint
from lpnb.models.base import Number, Text, Whole, WireModel

Gender = Literal["MALE", "FEMALE", "OTHER"]
PhoneType = Literal["HOME", "MOBILE", "WORK", "FAX", "MAIN", "HOME_FAX", "WORK_FAX", "PAGER", "OTHER"]
AuthMethod = Literal[
    "face", "fpt", "geo", "hwk", "iris", "kba", "mca", "mfa", "otp", "pin",
    "pwd", "rba", "retina", "sc", "sms", "swk", "tel", "user", "vbm", "wia",
]  # fmt: skip


class Day(WireModel):
    """A date as the wire has it, in three whole numbers. A ``datetime.date`` is taken as well.

    Example:
        >>> Day(day=15, month=10, year=2014).to_wire()
        {'day': 15, 'month': 10, 'year': 2014}
    """

    day: int = Field(ge=1, le=31)
    month: int = Field(ge=1, le=12)
    year: int = Field(ge=1, le=9999)

    @model_validator(mode="before")
    @classmethod
    def _from_date(cls, value: Any) -> Any:
        return _date_parts(value)


class Age(WireModel):
    """How old the consumer is: in years, or by date of birth. A ``datetime.date`` is taken as a birthday.

    Example:
        >>> Age(year=1980, month=4, day=15).to_wire()
        {'year': 1980, 'month': 4, 'day': 15}

    Source: Types of Engagement Attributes, Personal Info: without ``age`` the year is needed.
    """

    wire_root: ClassVar[str] = "age"

    age: Whole | None = Field(
        default=None, description="Age in years; derived from the birth date when left out."
    )
    year: Whole | None = Field(default=None, description="Year of birth; needed when age is left out.")
    month: int | None = Field(default=None, ge=1, le=12, description="Month of birth.")
    day: int | None = Field(default=None, ge=1, le=31, description="Day of birth.")

    @model_validator(mode="before")
    @classmethod
    def _from_date(cls, value: Any) -> Any:
        return _date_parts(value, "{age} or {year, month, day}")

    @model_validator(mode="after")
    def _needs_a_year(self) -> Self:
        if self.age is None and self.year is None and (self.month or self.day):
            raise PydanticCustomError("age_year", "must give the year when it does not give the age")
        return self


class Address(WireModel):
    """Where a contact lives: the country and region, no more.

    Example:
        >>> Address(country="US", region="North America").to_wire()
        {'country': 'US', 'region': 'North America'}
    """

    wire_root: ClassVar[str] = "address"

    country: Text | None = Field(
        default=None, description="Two letters, such as US (ISO 3166-1).", examples=["US"]
    )
    region: Text | None = Field(default=None, description="Free text.", examples=["North America"])


class Contact(WireModel):
    """One way to reach the consumer.

    Example:
        >>> Contact(email="john@example.com", phone_type="MOBILE").to_wire()
        {'email': 'john@example.com', 'phoneType': 'MOBILE'}
    """

    email: Text | None = Field(default=None, description="E-mail address.", examples=["john@example.com"])
    phone: Text | None = Field(
        default=None, description="Phone number, free form.", examples=["+1 212-555-0100"]
    )
    phone_type: PhoneType | None = Field(default=None, description="Kind of phone number.")
    address: Address | None = Field(default=None, description="Country and region.")


class Auth(WireModel):
    """How and by whom the consumer was authenticated. Known from a schema file only, rarely needed.

    Example:
        >>> Auth(amr=["pwd", "otp"], iss="https://login.example.com").to_wire()
        {'amr': ['pwd', 'otp'], 'iss': 'https://login.example.com'}
    """

    wire_root: ClassVar[str] = "auth"

    amr: list[AuthMethod] | None = Field(default=None, description="Method codes, as in RFC 8176.")
    iss: Text | None = Field(default=None, description="URI of the party that vouches for the identity.")


class Sde(WireModel):
    """What Customer Info and Personal Info share: a type, a body under its own key, optional ``auth``."""

    sde_type: ClassVar[str]
    body_key: ClassVar[str]
    wire_beside: ClassVar[tuple[str, ...]] = ("auth",)

    auth: Auth | None = Field(
        default=None, description="How the consumer was authenticated (schema file only)."
    )

    def to_wire(self) -> dict[str, Any]:
        """Return the element of ``lp_sdes`` that is sent."""
        body = super().to_wire()
        auth = body.pop("auth", None)
        element = self.around(body)
        return {**element, "auth": auth} if auth is not None else element

    @classmethod
    def around(cls, body: dict[str, Any]) -> dict[str, Any]:
        """The element of ``lp_sdes`` that holds *body*."""
        return {"type": cls.sde_type, cls.body_key: body}

    @classmethod
    def collect(cls, data: Any, path: str, unknown: str, complaints: list[Complaint]) -> Self | None:
        """Read an element of ``lp_sdes``; see ``read_sde`` for one of either type."""
        body = data.get(cls.body_key, {}) if isinstance(data, Mapping) else data
        if not isinstance(body, Mapping):
            complaints.append(must(join(path, cls.body_key), "must be an object", body))
            return None
        unknown_keys = [key for key in data if key not in ("type", cls.body_key, "auth")]
        complaints.extend(
            Complaint(
                join(path, str(key)),
                f"{join(path, str(key))} does not belong beside 'type' and {cls.body_key!r}. "
                f"The fields of {cls.sde_type} stand inside {cls.body_key!r}.",
            )
            for key in unknown_keys
        )
        auth = data.get("auth")
        before = len(complaints)
        if "auth" in body:
            auth_path = join(path, cls.body_key, "auth")
            complaints.append(
                Complaint(
                    auth_path, f"{auth_path} does not belong inside {cls.body_key!r}; it stands beside it."
                )
            )
        sde_auth = Auth.collect(auth, join(path, "auth"), unknown, complaints) if auth is not None else None
        sde = super().collect(body, join(path, cls.body_key), unknown, complaints)
        if sde is None or len(complaints) > before or unknown_keys:
            return None
        return sde.model_copy(update={"auth": sde_auth}) if sde_auth is not None else sde


class CustomerInfo(Sde):
    """The ``ctmrinfo`` SDE: who the consumer is to the brand.

    Every field is optional, and a field left as None is not sent. ``ctype`` and ``company_branch`` are the
    only ones that LivePerson's SDE rules can route by.

    Raises:
        InvalidValueError: Naming every field that is wrong, each with its path on the wire.

    Example:
        >>> CustomerInfo(ctype="vip", social_id="1234567890").to_wire()
        {'type': 'ctmrinfo', 'info': {'ctype': 'vip', 'socialId': '1234567890'}}
        >>> CustomerInfo(ctype="vip", extra={"loyaltyTier": "7"}).to_wire()["info"]
        {'ctype': 'vip', 'loyaltyTier': '7'}

    Source: Types of Engagement Attributes, Customer Info; schema file userprofile/customerInfo.
    """

    sde_type: ClassVar[str] = "ctmrinfo"
    body_key: ClassVar[str] = "info"
    wire_root: ClassVar[str] = "info"

    ctype: Text | None = Field(
        default=None,
        description="Customer type or tier, in small or capital letters; SDE rules can route by it.",
        examples=["vip"],
    )
    cstatus: Text | None = Field(
        default=None, description="Lifecycle status, from the brand's list.", examples=["cancelled"]
    )
    customer_id: Text | None = Field(
        default=None, description="The brand's id for the customer.", examples=["138766AC"]
    )
    balance: Number | None = Field(
        default=None, description="Financial balance; may be negative.", examples=[-400.99]
    )
    currency: Text | None = Field(
        default=None, description="Currency of the balance (ISO 4217).", examples=["USD"]
    )
    social_id: Text | None = Field(
        default=None, description="Id at a social network of your choice.", examples=["11256324780"]
    )
    imei: Text | None = Field(default=None, description="Unique device id.", examples=["3543546543545688"])
    user_name: Text | None = Field(default=None, description="User name or nickname.", examples=["user000"])
    company_size: Whole | None = Field(default=None, description="Number of employees.", examples=[500])
    company_branch: Text | None = Field(
        default=None,
        description="Branch of the company; SDE rules can route by it.",
        examples=["East village"],
    )
    account_name: Text | None = Field(
        default=None, description="Name of the customer's company.", examples=["bank corp"]
    )
    role: Text | None = Field(default=None, description="Job title.", examples=["broker"])
    last_payment_date: Day | None = Field(default=None, description="Day of the last payment.")
    registration_date: Day | None = Field(default=None, description="Day the customer registered.")
    login_status: Whole | None = Field(
        default=None, description="Login status; its values are not documented."
    )
    store_zip_code: Text | None = Field(
        default=None, description="Store's ZIP code; not usable in SetUserProfile.", examples=["12205"]
    )
    store_number: Text | None = Field(
        default=None, description="Store's number; not usable in SetUserProfile.", examples=["1241"]
    )


class PersonalInfo(Sde):
    """The ``personal`` SDE: who the agent is talking to.

    Every field is optional, and a field left as None is not sent. First and last name together make the
    name that the agent sees.

    Raises:
        InvalidValueError: Naming every field that is wrong, each with its path on the wire.

    Example:
        >>> PersonalInfo(firstname="John", gender="MALE").to_wire()
        {'type': 'personal', 'personal': {'firstname': 'John', 'gender': 'MALE'}}
        >>> PersonalInfo(gender="male")
        Traceback (most recent call last):
        lpnb.errors.InvalidValueError: personal.gender must be one of 'MALE', 'FEMALE', 'OTHER'; got 'male'. Did you mean 'MALE'?

    Source: Types of Engagement Attributes, Personal Info; schema file userprofile/personalInfo.
    """  # noqa: E501

    sde_type: ClassVar[str] = "personal"
    body_key: ClassVar[str] = "personal"
    wire_root: ClassVar[str] = "personal"

    firstname: Text | None = Field(default=None, description="Given name.", examples=["John"])
    lastname: Text | None = Field(default=None, description="Family name.", examples=["Doe"])
    gender: Gender | None = Field(default=None, description="MALE, FEMALE or OTHER, in capitals.")
    language: Text | None = Field(
        default=None, description="Language and country, such as en-US.", examples=["en-US"]
    )
    company: Text | None = Field(
        default=None, description="The consumer's company.", examples=["Microsoft Ltd."]
    )
    age: Age | None = Field(default=None, description="Age in years, or date of birth.")
    contacts: list[Contact] | None = Field(default=None, description="Ways to reach the consumer.")


AnySde = CustomerInfo | PersonalInfo
CustomerInfo.elsewhere = {"{}": (PersonalInfo,)}
PersonalInfo.elsewhere = {"{}": (CustomerInfo,)}
_TYPES: dict[str, type[CustomerInfo] | type[PersonalInfo]] = {
    "ctmrinfo": CustomerInfo,
    "personal": PersonalInfo,
}


def read_sde(data: Any, path: str, unknown: str, complaints: list[Complaint]) -> AnySde | None:
    """Read one element of ``lp_sdes``, adding to *complaints* whatever is wrong with it."""
    if isinstance(data, CustomerInfo | PersonalInfo):
        return data
    if not isinstance(data, Mapping):
        complaints.append(must(path, "must be an object with a 'type'", data))
        return None
    kind = data.get("type")
    if isinstance(kind, str) and kind in _TYPES:
        return _TYPES[kind].collect(data, path, unknown, complaints)
    complaint = one_of(join(path, "type"), kind, tuple(_TYPES))
    if kind is None and (type_name := next((name for name in _TYPES if name in data), None)) is not None:
        way_out = (
            f'Its type stands in "type": {{"type": "{type_name}", "{_TYPES[type_name].body_key}": {{...}}}}.'
        )
        complaint = Complaint(complaint.path, f"{complaint.sentence} {way_out}")
    complaints.append(complaint)
    return None


def _date_parts(value: Any, parts: str = "{day, month, year}") -> Any:
    if isinstance(value, datetime.date):
        return {"day": value.day, "month": value.month, "year": value.year}
    if not isinstance(value, Mapping | WireModel):
        rule = f"must be an object {parts} of whole numbers, or a datetime.date"
        raise PydanticCustomError("date_parts", "{rule}", {"rule": rule})
    return value
