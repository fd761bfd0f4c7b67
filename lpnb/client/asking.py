"""What both clients can ask Monitoring: an engagement for a visitor; and what they report to it.

Each method is there twice, for ``Client`` and for ``AsyncClient``; the engine does the work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lpnb._internal import event_loop
from lpnb._internal.validation import check_consumer_id
from lpnb.client.engine import Engine
from lpnb.models.engagements import Engagement, EngagementRequest, Reported, ReportRequest


class Asks:
    """The methods of ``Client``."""

    engine: Engine

    def engagement(self, consumer_id: str | None = None, **visitor: Any) -> Engagement:
        """Ask Monitoring whether there is an engagement for a visitor, or a conversation already.

        The visitor and session ids that come back are kept for the consumer and sent again next time; when
        the service no longer knows them, they are dropped and it is asked once more. While the account
        loads, and when the service fails, it is asked again after 3, 10, 30 and 90 s.

        Args:
            consumer_id: As for ``create_conversation``.
            **visitor: The fields of ``EngagementRequest``: ``entry_points``, ``engagement_attributes``,
                ``identities``, ``client_properties``, ``version``, ``on_behalf``, ``visitor_id`` and
                ``session_id``.

        Returns:
            An ``Engagement`` whose ``outcome`` is "offered", "none" or "already open".

        Raises:
            InvalidValueError: Something given is wrong; nothing was sent.
            MonitoringError: Monitoring refused, kept failing, or the account kept loading.

        Example:
            >>> from lpnb import Client, Sandbox, Settings
            >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
            ...     offer = client.engagement("consumer-1", entry_points=["sec://payments"])
            ...     reply = client.create_conversation("consumer-1", engagement=offer)
            >>> offer
            <Engagement offered: Engagement 888889 of campaign 99999 is offered; batch.with_engagement(engagement) routes by it.>
        """  # noqa: E501
        return event_loop.wait(self.engine.engagement(_engagement_request(consumer_id, visitor)))

    def report(self, consumer_id: str | None, engagement_attributes: Any, **visitor: Any) -> Reported:
        """Report SDEs of a visitor to Monitoring, or what became of an engagement that was offered.

        Args:
            consumer_id: As for ``create_conversation``.
            engagement_attributes: SDEs of any type, such as ``Cart`` or ``engagement.impression(...)``.
            **visitor: As for ``engagement``; and ``page_id``.

        Raises:
            InvalidValueError: Something given is wrong; nothing was sent.
            MonitoringError: Monitoring refused, kept failing, or nobody knows whether it was taken.
        """
        request = _report_request(consumer_id, engagement_attributes, visitor)
        return event_loop.wait(self.engine.report(request))


class AsyncAsks:
    """The methods of ``AsyncClient``."""

    engine: Engine

    async def engagement(self, consumer_id: str | None = None, **visitor: Any) -> Engagement:
        """Ask Monitoring for an engagement; see ``Client.engagement``."""
        return await event_loop.awaitable(self.engine.engagement(_engagement_request(consumer_id, visitor)))

    async def report(self, consumer_id: str | None, engagement_attributes: Any, **visitor: Any) -> Reported:
        """Report SDEs of a visitor to Monitoring; see ``Client.report``."""
        request = _report_request(consumer_id, engagement_attributes, visitor)
        return await event_loop.awaitable(self.engine.report(request))


def _engagement_request(consumer_id: str | None, visitor: Mapping[str, Any]) -> EngagementRequest:
    if consumer_id is not None:
        check_consumer_id(consumer_id)
    return EngagementRequest(consumer_id, **visitor)


def _report_request(consumer_id: str | None, sdes: Any, visitor: Mapping[str, Any]) -> ReportRequest:
    if consumer_id is not None:
        check_consumer_id(consumer_id)
    return ReportRequest(consumer_id, engagement_attributes=sdes, **visitor)
