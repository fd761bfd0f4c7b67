"""Calls to a ``RequestWorker`` on a Dask worker, each made once.

Dask's own stand-in for an actor is not used: it makes a call again that broke off, and looks for a client
that is global to the process. Here a call is made once, and whoever made it is told that it broke off.
"""

from __future__ import annotations

from typing import Any

from lpnb.experiments.cluster.messages import MessageBatch, Report


class ActorClient:
    """The worker at *address*, whose ``RequestWorker`` has *key*; *client* is Dask's asynchronous one."""

    def __init__(self, client: Any, address: str, key: str) -> None:
        self._client = client
        self._address = address
        self._key = key

    async def accept(self, batch: MessageBatch, until: float) -> None:
        """See ``RequestWorker.accept``."""
        await self._call("accept", batch, until)

    async def report_after(self, after: int, until: float) -> Report:
        """The responses since report *after*."""
        report: Report = await self._call("report_after", after, until)
        return report

    async def recall(self) -> None:
        """Start nothing that is not under way."""
        await self._call("recall")

    async def close(self) -> None:
        """Let go of the connections."""
        await self._call("close")

    async def _call(self, function: str, *arguments: object) -> Any:
        from distributed.protocol.serialize import to_serialize

        wrap: Any = to_serialize  # it has no types
        message = {
            "actor": self._key,
            "function": function,
            "args": [wrap(value) for value in arguments],
            "kwargs": {},
        }
        if self._client.direct_to_workers:
            reply = await self._client.rpc(self._address).actor_execute(**message)
        else:
            message["op"] = "actor_execute"
            reply = await self._client.scheduler.proxy(worker=self._address, msg=message)
        if reply["status"] != "OK":
            raise reply["exception"]
        return reply["result"]
