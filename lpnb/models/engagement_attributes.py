"""Engagement attributes (SDEs) that only Monitoring takes, impressions included.

Customer Info and Personal Info are in ``sdes``; Monitoring takes them too. SDEs that are reported here
count as *unauthenticated*: agents see them marked so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from lpnb._internal.validation import join, must, one_of
from lpnb.errors import Complaint
from lpnb.models.base import Id, Json, Number, Text, Whole, WireModel, placed, plain
from lpnb.models.sdes import CustomerInfo, PersonalInfo, read_sde


def _number_id(value: object) -> int:
    """Monitoring writes ids as numbers; CONVERSATION has the same ones as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**19:
        return value
    raise PydanticCustomError("number_id", "must be an id: a whole number, or its digits as text")


#: An id that is a number on the wire; its digits as text are taken too.
NumberId = Annotated[int, PlainValidator(_number_id), WithJsonSchema({"type": "integer"})]


class Attribute(WireModel):
    """An SDE that only Monitoring takes. ``appends`` says whether a second one stands beside the first."""

    sde_type: ClassVar[str]
    #: The key that the fields stand under; without one they stand beside ``type``.
    body_key: ClassVar[str | None] = None
    appends: ClassVar[bool] = False

    def to_wire(self) -> dict[str, Any]:
        """Return the element of ``engagementAttributes`` that is sent."""
        body = plain(self)
        if self.body_key is not None:
            return {"type": self.sde_type, self.body_key: body}
        return {"type": self.sde_type, **body}

    @classmethod
    def collect(cls, data: Any, path: str, unknown: str, complaints: list[Complaint]) -> Self | None:
        """Read an element of ``engagementAttributes``; see ``read_attribute`` for one of any type."""
        if cls.body_key is None:
            remaining = {key: value for key, value in data.items() if key != "type"}
            return super().collect(remaining, path, unknown, complaints)
        before = len(complaints)
        for key in data:
            if key not in ("type", cls.body_key):
                field_path = join(path, str(key))
                inside = f"The fields of {cls.sde_type} stand inside {cls.body_key!r}."
                complaints.append(
                    Complaint(field_path, f"{field_path} does not belong beside 'type'. {inside}")
                )
        model = super().collect(data.get(cls.body_key, {}), join(path, cls.body_key), unknown, complaints)
        return model if len(complaints) == before else None


class MarketingInfo(Attribute):
    """The ``mrktInfo`` SDE: how the visitor came.

    Example:
        >>> MarketingInfo(channel=1, affiliate="search-ads", campaign_id="spring").to_wire()
        {'type': 'mrktInfo', 'info': {'channel': 1, 'affiliate': 'search-ads', 'campaignId': 'spring'}}

    Source: Types of Engagement Attributes, Marketing Campaign Info.
    """

    sde_type: ClassVar[str] = "mrktInfo"
    body_key: ClassVar[str | None] = "info"
    wire_root: ClassVar[str] = "info"

    channel: Annotated[Whole, Field(ge=0, le=4)] | None = Field(
        default=None, description="0 direct, 1 search, 2 social, 3 e-mail, 4 referral."
    )
    affiliate: Text | None = None
    campaign_id: Id | None = Field(default=None, description="The marketing campaign, not LivePerson's.")


class Product(WireModel):
    """One product of a cart, a purchase or a page. The last two fields belong to viewed products.

    Example:
        >>> Product(name="Gold card", sku="GC-1", price=95).to_wire()
        {'name': 'Gold card', 'sku': 'GC-1', 'price': 95}
    """

    wire_root: ClassVar[str] = "product"

    name: Text | None = None
    category: Text | None = None
    sku: Text | None = None
    price: Number | None = None
    status_in_stock: Json = Field(default=None, description="Its type is not documented.")
    quantity_in_stock: Json = Field(default=None, description="Its type is not documented.")


class Item(WireModel):
    """A product and how many of it.

    Example:
        >>> Item(product=Product(name="Gold card"), quantity=2).to_wire()
        {'product': {'name': 'Gold card'}, 'quantity': 2}
    """

    product: Product
    quantity: Whole | None = None


class Cart(Attribute):
    """The ``cart`` SDE: what lies in the visitor's cart.

    Example:
        >>> Cart(total=95, currency="USD", num_items=1, products=[Item(product=Product(name="Card"))]).to_wire()
        {'type': 'cart', 'total': 95, 'currency': 'USD', 'numItems': 1, 'products': [{'product': {'name': 'Card'}}]}

    Source: Types of Engagement Attributes, Cart Status; ``total`` and ``numItems`` are mandatory.
    """  # noqa: E501

    sde_type: ClassVar[str] = "cart"

    total: Number
    currency: Text | None = Field(default=None, examples=["USD"])
    num_items: Whole
    products: list[Item] | None = None


class BoughtCart(WireModel):
    """What was bought, inside a ``Purchase``.

    Example:
        >>> BoughtCart(products=[], num_items=2).to_wire()
        {'products': [], 'numItems': 2}
    """

    wire_root: ClassVar[str] = "cart"

    products: list[Item]
    num_items: Whole | None = None


class Purchase(Attribute):
    """The ``purchase`` SDE: what the visitor bought. A second one stands beside the first.

    Example:
        >>> Purchase(total=95.5, order_id="o-1", cart=BoughtCart(products=[])).to_wire()
        {'type': 'purchase', 'total': 95.5, 'orderId': 'o-1', 'cart': {'products': []}}

    Source: Types of Engagement Attributes, Purchase.
    """

    sde_type: ClassVar[str] = "purchase"
    appends: ClassVar[bool] = True

    total: Number | None = None
    currency: Text | None = Field(default=None, examples=["USD"])
    order_id: Text | None = None
    cart: BoughtCart | None = None


class ProductView(Attribute):
    """The ``prodView`` SDE: which products the visitor looked at. A second one stands beside the first.

    Example:
        >>> ProductView(currency="USD", products=[Item(product=Product(sku="GC-1"))]).to_wire()
        {'type': 'prodView', 'currency': 'USD', 'products': [{'product': {'sku': 'GC-1'}}]}

    Source: Types of Engagement Attributes, Viewed Product.
    """

    sde_type: ClassVar[str] = "prodView"
    appends: ClassVar[bool] = True

    currency: Text | None = Field(default=None, examples=["USD"])
    products: list[Item] | None = None


class Service(Attribute):
    """The ``service`` SDE: what the visitor did about a service, and how that stands.

    Status: 0 complete, 1 in progress, 2 approved, 3 cancelled, 4 not approved, 5 reviewed, 6 missing
    details, 7 closed, 8 removed, 9 assigned, 10 waiting for customer response, 11 waiting for response,
    12 pending, 13 resolved.

    Example:
        >>> Service(topic="card", status=1).to_wire()
        {'type': 'service', 'service': {'topic': 'card', 'status': 1}}

    Source: Types of Engagement Attributes, Service Activity.
    """

    sde_type: ClassVar[str] = "service"
    body_key: ClassVar[str | None] = "service"
    wire_root: ClassVar[str] = "service"

    topic: Text | None = None
    status: Annotated[Whole, Field(ge=0, le=13)] | None = None
    category: Text | None = None
    service_id: Text | None = None


class Lead(Attribute):
    """The ``lead`` SDE: what the visitor may become worth. A second one stands beside the first.

    Example:
        >>> Lead(topic="mortgage", value=250_000, currency="USD", lead_id="l-1").to_wire()["lead"]["value"]
        250000

    Source: Types of Engagement Attributes, Lead.
    """

    sde_type: ClassVar[str] = "lead"
    body_key: ClassVar[str | None] = "lead"
    wire_root: ClassVar[str] = "lead"
    appends: ClassVar[bool] = True

    topic: Text | None = None
    value: Number | None = None
    currency: Text | None = Field(default=None, examples=["USD"])
    lead_id: Text | None = None


class ErrorEvent(Attribute):
    """The ``error`` SDE: what went wrong for the visitor. A second one stands beside the first.

    Example:
        >>> ErrorEvent(context_id="form", message="Card declined", code="E7", level=2, resolved=False).to_wire()
        {'type': 'error', 'error': {'contextId': 'form', 'message': 'Card declined', 'code': 'E7', 'level': 2, 'resolved': False}}

    Source: Types of Engagement Attributes, Visitor Error.
    """  # noqa: E501

    sde_type: ClassVar[str] = "error"
    body_key: ClassVar[str | None] = "error"
    wire_root: ClassVar[str] = "error"
    appends: ClassVar[bool] = True

    context_id: Text | None = None
    message: Text | None = None
    code: Text | None = None
    level: Whole | None = None
    resolved: bool | None = None


class SearchInfo(Attribute):
    """The ``searchInfo`` SDE: what the visitor looked for. A second one stands beside the first.

    Example:
        >>> SearchInfo(keywords=["rates", "loan"]).to_wire()
        {'type': 'searchInfo', 'keywords': ['rates', 'loan']}

    Source: Types of Engagement Attributes, Search Content; for web pages only.
    """

    sde_type: ClassVar[str] = "searchInfo"
    appends: ClassVar[bool] = True

    keywords: list[Text]


class Impression(Attribute):
    """What became of an engagement that was offered: shown, accepted, expanded, timed out or closed.

    It belongs in a report of the very session that was offered the engagement;
    ``engagement.impression(...)`` fills everything in.

    Example:
        >>> Impression(kind="impDisplay", campaign="99999", eng_id=888888, revision=21, context_id="1").to_wire()
        {'type': 'impDisplay', 'campaign': 99999, 'engId': 888888, 'revision': 21, 'eContext': [{'type': 'engagementContext', 'id': '1'}]}

    Source: Monitoring API, Report; Types of Engagement Attributes, Impression events.
    """  # noqa: E501

    model_config = placed(kind="type")
    sde_type: ClassVar[str] = "imp"
    appends: ClassVar[bool] = True

    kind: Literal["impDisplay", "impAccept", "impExpanded", "impTimeout", "impClose"]
    campaign: NumberId
    eng_id: NumberId
    revision: NumberId | None = None
    context_id: Id

    def to_wire(self) -> dict[str, Any]:
        """Return the element of ``engagementAttributes`` that is sent."""
        body = plain(self)
        context = {"type": "engagementContext", "id": body.pop("contextId")}
        return {**body, "eContext": [context]}

    @classmethod
    def collect(cls, data: Any, path: str, unknown: str, complaints: list[Complaint]) -> Self | None:
        """Read an impression as the wire has it, the ``contextId`` out of its ``eContext``."""
        contexts = data.get("eContext")
        context_ids = [
            context.get("id")
            for context in (contexts if isinstance(contexts, list) else [contexts])
            if isinstance(context, Mapping) and context.get("type") == "engagementContext"
        ]
        if not context_ids:
            context_path = join(path, "eContext")
            complaints.append(must(context_path, "must hold an engagementContext with its id", contexts))
            return None
        remaining = {key: value for key, value in data.items() if key != "eContext"}
        return super(Attribute, cls).collect(
            {**remaining, "contextId": context_ids[0]}, path, unknown, complaints
        )


class OtherAttribute(Attribute):
    """An SDE of any type, with any fields: for what lpnb has no class for.

    Example:
        >>> OtherAttribute(type="newSde", extra={"level": 7}).to_wire()
        {'type': 'newSde', 'level': 7}
    """

    sde_type: ClassVar[str] = ""
    appends: ClassVar[bool] = True

    type: Annotated[Text, Field(min_length=1)]

    def to_wire(self) -> dict[str, Any]:
        """Return the element of ``engagementAttributes`` that is sent."""
        return plain(self)


AnyAttribute = Attribute | CustomerInfo | PersonalInfo
IMPRESSIONS = ("impDisplay", "impAccept", "impExpanded", "impTimeout", "impClose")
KINDS = (MarketingInfo, Cart, Purchase, ProductView, Service, Lead, ErrorEvent, SearchInfo)
_TYPES: dict[str, type[Attribute]] = {
    **{kind.sde_type: kind for kind in KINDS},
    **dict.fromkeys(IMPRESSIONS, Impression),
}


def read_attribute(data: Any, path: str, complaints: list[Complaint]) -> AnyAttribute | None:
    """Read one element of ``engagementAttributes``, adding to *complaints* whatever is wrong with it.

    Example:
        >>> read_attribute({"type": "service", "service": {"topic": "card"}}, "", [])
        Service(topic='card')
    """
    if isinstance(data, Attribute | CustomerInfo | PersonalInfo):
        return data
    if not isinstance(data, Mapping):
        complaints.append(must(path, "must be an SDE, or an object with a 'type'", data))
        return None
    kind = data.get("type")
    if kind in ("ctmrinfo", "personal"):
        return read_sde(data, path, "refuse", complaints)
    if isinstance(kind, str) and kind in _TYPES:
        return _TYPES[kind].collect(data, path, "refuse", complaints)
    complaint = one_of(join(path, "type"), kind, ("ctmrinfo", "personal", *_TYPES))
    sentence = f"{complaint.sentence} To send it all the same, use OtherAttribute."
    complaints.append(Complaint(complaint.path, sentence))
    return None
