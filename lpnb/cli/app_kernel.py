"""``AppKernelManager``: one kernel for all pages of ``lpnb app``, which no page ends."""

from __future__ import annotations

import asyncio

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager


class AppKernelManager(AsyncMappingKernelManager):
    """Gives every page the kernel of the first one, with the explorer in it: form, history, runs.

    Voila asks for a kernel for each page, and ends it when the page goes. Here a page is a view; the kernel
    ends with the server, by ``shutdown_all``, which does not go through ``shutdown_kernel``.
    """

    _first: asyncio.Task[str] | None = None

    async def start_kernel(self, **options: str) -> str:  # type: ignore[override]  # it has both kinds
        """The id of the kernel there is; it is started with the first page, or after it has died."""
        task = self._first
        if task is None or (task.done() and (task.exception() or task.result() not in self)):
            task = self._first = asyncio.ensure_future(super().start_kernel(**options))  # type: ignore[arg-type]
        return await asyncio.shield(task)

    async def shutdown_kernel(self, kernel_id: str, now: bool = False) -> None:  # type: ignore[override]
        """Nothing: a page has gone, and others may come."""
