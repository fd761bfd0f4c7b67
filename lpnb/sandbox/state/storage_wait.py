"""Delays an answer until the events before it are stored in the state file."""

import asyncio
from concurrent.futures import Future

from lpnb.sandbox.http.messages import Answer, error_answer
from lpnb.sandbox.state.state_file import StateFileError


async def wait_until_stored(pending: "Future[None] | None") -> Answer | None:
    """Wait until *pending* (see `Ledger.unstored`) is done; a 500 when it cannot be.

    At once when nothing is stored, or nothing new.
    """
    if pending is not None:
        try:
            await asyncio.shield(asyncio.wrap_future(pending))
        except StateFileError as error:
            return error_answer(500, str(error))
    return None
