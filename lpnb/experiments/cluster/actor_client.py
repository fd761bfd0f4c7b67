"""Calls to a ``Sender`` on a Dask worker.

Dask's own stand-in for an actor is not used: it makes a call again that broke off, and looks for a client
that is global to the process. Here a call is made once, and whoever made it is told that it broke off.
"""

from __future__ import annotations

from typing import Any

from lpnb.experiments.cluster.messages import Parcel, Report


class ActorHands:
    """The worker at *address*, whose ``Sender`` Dask knows by *key*; *client* is an asynchronous one."""

    def __init__(self, client: Any, address: str, key: str) -> None:
        self._client = client
        self._address = address
        self._key = key

    async def take(self, parcel: Parcel, until: float) -> None:
        """See ``Sender.take``; so it is with the others."""
        await self._call("take", parcel, until)

    async def give(self, after: int, until: float) -> Report:
        """What came since report *after*."""
        report: Report = await self._call("give", after, until)
        return report

    async def recall(self) -> None:
        """Start nothing that is not under way."""
        await self._call("recall")

    async def close(self) -> None:
        """Let go of the connections."""
        await self._call("close")

    async def _call(self, function: str, *given: object) -> Any:
        from distributed.protocol.serialize import to_serialize

        wrap: Any = to_serialize  # it has no types
        message = {
            "actor": self._key,
            "function": function,
            "args": [wrap(value) for value in given],
            "kwargs": {},
        }
        if self._client.direct_to_workers:
            came = await self._client.rpc(self._address).actor_execute(**message)
        else:
            message["op"] = "actor_execute"
            came = await self._client.scheduler.proxy(worker=self._address, msg=message)
        if came["status"] != "OK":
            raise came["exception"]
        return came["result"]
