"""Asking people while a campaign runs: an instruction waits until somebody answers by a request in the journal."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from autolab.model.people import Said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from autolab.journal.events import Request


class People:
    """Who is asked what, now.

    Args:
        tell: Takes a question's text, for the display and for notifications.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._asked: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Future[Said]]] = {}

    def attach(self, instruments: Iterable[Any]) -> None:
        """Be the asker of all operators who are people and not simulated ones."""
        for instrument in instruments:
            if getattr(instrument, "role", "") == "operator" and instrument.address.scheme == "people":
                instrument.asker = self.ask

    async def ask(self, operator: str, text: str) -> Said:
        """Ask, and wait for the answer; a task on the clock's loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Said] = loop.create_future()
        self._asked[operator] = (loop, future)
        self._tell(f"{operator}: {text} Answer with: autolab answer CAMPAIGN {operator} --done")
        try:
            return await future
        finally:
            self._asked.pop(operator, None)

    def answer(self, request: Request) -> str:
        """Give an operator's question its answer; called by any thread.

        Raises:
            ValueError: Nobody of that name is asked anything now.
        """
        operator, done = str(request.body.get("operator")), bool(request.body.get("done"))
        asked = self._asked.get(operator)
        if asked is None:
            msg = f"{operator!r} is not asked anything now; asked now: {', '.join(self._asked) or 'nobody'}"
            raise ValueError(msg)
        loop, future = asked
        said = Said(done, request.by, str(request.body.get("why") or ""), request.wall_time or time.time())
        loop.call_soon_threadsafe(_settle, future, said)
        return f"{operator}: {'done' if done else 'cannot be done'}"


def _settle(future: asyncio.Future[Said], said: Said) -> None:
    if not future.done():
        future.set_result(said)
