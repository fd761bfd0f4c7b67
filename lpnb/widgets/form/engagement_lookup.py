"""Ask Monitoring for an engagement and fill campaign, engagement and context into the form."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import ipywidgets as ipw

from lpnb._internal import event_loop
from lpnb._internal.display import esc
from lpnb.client import AsyncClient, Client
from lpnb.errors import InvalidValueError
from lpnb.models.engagement_attributes import (
    Attribute,
    Cart,
    ErrorEvent,
    Lead,
    MarketingInfo,
    ProductView,
    Purchase,
    SearchInfo,
    Service,
)
from lpnb.models.engagements import Engagement, EngagementRequest
from lpnb.models.visitors import Identity
from lpnb.widgets import html_views
from lpnb.widgets.form.batch_form import BatchForm
from lpnb.widgets.form.fields import model_fields
from lpnb.widgets.form.flatten import Path, assemble
from lpnb.widgets.html_views import error_text
from lpnb.widgets.styles import WidgetFactory, insert_after, set_visible

_ATTRIBUTE_TYPES: dict[str, type[Attribute]] = {
    attribute_type.sde_type: attribute_type
    for attribute_type in (MarketingInfo, Cart, Purchase, ProductView, Service, Lead, ErrorEvent, SearchInfo)
}
_DESCRIPTIONS = {
    "mrktInfo": "how the visitor came", "cart": "what lies in the cart", "purchase": "what was bought",
    "prodView": "what is looked at", "service": "what was asked for before", "lead": "what is wished for",
    "error": "what went wrong", "searchInfo": "what was searched for",
}  # fmt: skip
#: The fields of an offer, as the form has them.
_CAMPAIGN = "request.campaignInfo"
_CONTEXT = "request.conversationContext"


class EngagementLookup:
    """The drawer under "Where it goes" that asks Monitoring.

    Args:
        batch_form: Whose consumer and SDEs are told to Monitoring, and whose fields an offer goes into.
        factory: The panel's layouts.
        client: Returns who asks.
    """

    def __init__(
        self, batch_form: BatchForm, factory: WidgetFactory, client: Callable[[], Client | AsyncClient]
    ) -> None:
        self._batch_form, self._factory, self._client = batch_form, factory, client
        self.engagement: Engagement | None = None
        self._attributes: list[_AttributeForm] = []
        self._future: Future[None] | None = None
        self._is_open = False
        self.button = factory.button("Look it up with Monitoring", lambda _: self.toggle(), "lpnb-fold")
        self.body: Any = None

    def toggle(self) -> None:
        """Open or close the drawer, which is made when it is first opened."""
        if self.body is None:
            self._build(self._factory)
            insert_after(self._batch_form.left, self.button, self.body)
        self._is_open = not self._is_open
        set_visible(self.body, self._is_open)
        (self.button.add_class if self._is_open else self.button.remove_class)("lpnb-open")

    def _build(self, factory: WidgetFactory) -> None:
        text = {"layout": factory.plain, "style": factory.text}
        self.entry_points = ipw.Textarea(
            description="Entry points", placeholder="sec://cards\none a line", rows=2, **text
        )
        self.signed_in = ipw.Checkbox(
            description="The visitor is signed in (acr loa1)", indent=False, layout=factory.plain,
            _dom_classes=("lpnb-tick",),
        )  # fmt: skip
        self.issuer = ipw.Text(description="Issuer", placeholder="https://login.example.com", **text)
        self.include_sdes = ipw.Checkbox(
            description="Tell Monitoring the SDEs of this form", value=True, indent=False,
            layout=factory.plain, _dom_classes=("lpnb-tick",),
        )  # fmt: skip
        hint = "one of " + ", ".join(list(_ATTRIBUTE_TYPES)[:3]) + " …"
        self.attribute_type = ipw.Combobox(
            options=tuple(_ATTRIBUTE_TYPES), description="Attribute", placeholder=hint, **text
        )
        add = factory.button("Add", lambda _: self._add_attribute(), "lpnb-tool")
        self._rows = factory.vbox([], "lpnb-group")
        self.ask_button = factory.button("Ask Monitoring", lambda _: self.ask(), "lpnb-more")
        self.take_button = factory.button(
            "Take it over", lambda _: self.take_over(), "lpnb-hidden", "lpnb-more"
        )
        self.status = factory.html(html_views.status_html("idle", "Nothing asked yet."), "lpnb-status")
        self.result = factory.html("", "lpnb-answers")
        note = html_views.note_html(
            "Where the visitor is, such as sec://…, tel://…, lang://… or a page's address."
        )
        parts = [
            self.entry_points, factory.html(note, "lpnb-note"), self.signed_in, self.issuer,
            self.include_sdes,
            factory.box([self.attribute_type, add], "lpnb-tools"), self._rows,
            factory.box([self.ask_button, self.take_button], "lpnb-tools"), self.status, self.result,
        ]  # fmt: skip
        self.body = factory.vbox(parts, "lpnb-hidden", "lpnb-group", "lpnb-own")

    def _add_attribute(self) -> None:
        attribute_type = self.attribute_type.value.strip()
        if attribute_type not in _ATTRIBUTE_TYPES:
            self.status.value = html_views.status_html(
                "failed", f"An attribute is one of {', '.join(_ATTRIBUTE_TYPES)}."
            )
            return
        self.status.value = html_views.status_html(
            "idle", f"{attribute_type}: {_DESCRIPTIONS[attribute_type]}."
        )
        self._attributes.append(_AttributeForm(attribute_type, self._factory, self._remove_attribute))
        self.attribute_type.value = ""
        self._rows.children = [each.box for each in self._attributes]

    def _remove_attribute(self, form: _AttributeForm) -> None:
        self._attributes = [each for each in self._attributes if each is not form]
        self._rows.children = [each.box for each in self._attributes]

    # Asking

    def request(self) -> EngagementRequest:
        """What Monitoring would be asked now.

        Raises:
            InvalidValueError: Naming everything that is wrong.
        """
        consumer = self._batch_form.consumer_id.value
        attributes: list[Any] = [form.to_wire() for form in self._attributes]
        if self.include_sdes.value:
            if self._batch_form.batch is None:
                raise InvalidValueError(self._batch_form.complaints)
            attributes = [*self._batch_form.batch.profile.sdes, *attributes]
        acr = "loa1" if self.signed_in.value else "0"
        return EngagementRequest(
            consumer,
            entry_points=[line.strip() for line in self.entry_points.value.splitlines() if line.strip()],
            engagement_attributes=attributes,
            identities=[Identity(sub=consumer, acr=acr, iss=self.issuer.value.strip() or None)],
        )

    def ask(self) -> Future[None]:
        """Ask Monitoring without blocking anybody; return the future of it."""
        self.ask_button.disabled = True
        self.status.value = html_views.status_html("busy", "Asking Monitoring …")
        self._future = event_loop.submit(self._ask())
        return self._future

    async def _ask(self) -> None:
        client = self._client()
        try:
            # As with a send: the page holds back the last of what was typed before the press.
            await asyncio.sleep(0.25)
            engagement = await client.engine.engagement(self.request())
            if client is self._client():
                self._show(engagement)
        except Exception as error:  # an exception in a task would vanish unseen
            self.engagement = None
            set_visible(self.take_button, False)
            self.result.value = ""
            self.status.value = html_views.status_html("failed", error_text(error, client))
        finally:
            self.ask_button.disabled = False

    def _show(self, engagement: Engagement) -> None:
        self.engagement = engagement
        usable = engagement.outcome == "offered"
        set_visible(self.take_button, usable)
        self.status.value = html_views.status_html(
            "done" if usable else "ask", html_views.panel_text(engagement.explanation)
        )
        facts = [
            ("outcome", engagement.outcome), ("campaign", engagement.campaign_id),
            ("engagement", engagement.engagement_id), ("context", engagement.context_id),
            ("language", engagement.language), ("visitor", engagement.visitor_id),
            ("session", engagement.session_id), ("conversation", engagement.conversation_id),
            ("status", engagement.status),
        ]  # fmt: skip
        rows = "".join(f"<dt>{name}</dt><dd>{esc(value)}</dd>" for name, value in facts if value)
        raw = esc(engagement.raw.decode("utf-8", "replace")[:20_000])
        self.result.value = (
            f'<div class="lpnb-outcome" data-outcome="{"answered" if usable else "unknown"}"><dl>{rows}</dl>'
            '</div><details class="lpnb-raw"><summary>The reply as it came</summary>'
            f'<pre tabindex="0"><code>{raw}</code></pre></details>'
        )

    def reset(self) -> None:
        """Forget what was offered: another account knows nothing of these ids."""
        self.engagement = None
        if self.body is not None:
            set_visible(self.take_button, False)
            self.result.value = ""
            self.status.value = html_views.status_html("idle", "Nothing asked here yet.")

    def take_over(self) -> None:
        """Fill what was offered into the form; one step back takes it out again."""
        engagement = self.engagement
        if engagement is None or engagement.outcome != "offered":
            return
        context = engagement.conversation_context()
        values = {
            f"{_CAMPAIGN}.campaignId": engagement.campaign_id,
            f"{_CAMPAIGN}.engagementId": engagement.engagement_id,
            f"{_CONTEXT}.type": context.type,
            f"{_CONTEXT}.visitorId": context.visitor_id,
            f"{_CONTEXT}.sessionId": context.session_id,
            f"{_CONTEXT}.interactionContextId": context.interaction_context_id,
            f"{_CONTEXT}.lang": context.lang,
        }
        self._batch_form.fill({key: value or "" for key, value in values.items()})
        self.status.value = html_views.status_html(
            "done", "Taken over: campaign, engagement and context are filled in."
        )


class _AttributeForm:
    """The fields of one attribute, made from its model."""

    def __init__(
        self, attribute_type: str, factory: WidgetFactory, remove: Callable[[_AttributeForm], None]
    ) -> None:
        self._model = _ATTRIBUTE_TYPES[attribute_type]
        self._fields = tuple(model_fields(self._model, attribute_type))
        self._widgets = {field.key: field.widget(field.empty, factory) for field in self._fields}
        head = factory.html(f"<h4>{esc(attribute_type)}</h4><p>{esc(_DESCRIPTIONS[attribute_type])}</p>")
        remove_button = factory.button(
            "Remove", lambda _: remove(self), "lpnb-tool", tooltip=f"Remove {attribute_type}"
        )
        self.box = factory.vbox(
            [factory.box([head, remove_button], "lpnb-tools"), *self._widgets.values()], "lpnb-group"
        )

    def to_wire(self) -> dict[str, Any]:
        """The element of ``engagementAttributes``; only what is filled in is told."""
        leaves: dict[Path, Any] = {}
        for field in self._fields:
            if (engagement := field.to_wire(self._widgets[field.key].value)) is not None:
                leaves[field.path] = engagement
        body = assemble(leaves)[0]
        key = self._model.body_key
        return {"type": self._model.sde_type, **({key: body} if key else body)}
