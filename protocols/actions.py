"""Sending one action so that a pause of the RunEngine neither repeats nor loses it.

`RunEngine.resume` sends every message since the last checkpoint again, and a `wait` that was interrupted finds its
group empty (bluesky 1.15). A dispense must not run twice, and must not be taken for done while it runs. So the message
goes out in a section that cannot be rewound, and its status is looked at after every wait.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any

from bluesky.utils import Msg

_groups = itertools.count(1)


def message(command: str, obj: object = None, *args: object, **kwargs: object) -> Msg:
    """Return a bluesky message; its class ships without types."""
    return Msg(command, obj, *args, **kwargs)  # type: ignore[no-untyped-call]  # see above


@dataclass(frozen=True)
class Begun:
    """An action that was begun.

    Attributes:
        status: Its status; None where a plan is merely looked at.
        group: What to wait for.
    """

    status: Any
    group: str


def act(verb: str, device: Any, *args: object) -> Generator[Msg, Any, Any]:  # noqa: ANN401  any bluesky device
    """Yield the messages of one action and return its status, done; a checkpoint follows.

    Not rewindable, by construction: use it for whatever must happen once.

    Raises:
        Exception: What the action failed with.
    """
    begun = yield from begin(verb, device, *args)
    return (yield from finish(begun))


def begin(verb: str, device: Any, *args: object) -> Generator[Msg, Any, Begun]:  # noqa: ANN401  any bluesky device
    """Yield the messages that begin one action, for `finish` to wait for.

    Not rewindable either: what comes between it and `finish` may be rewound, and the action is not sent again. An
    action that fails meanwhile ends the plan at whatever message it has come to.

    Raises:
        Exception: The action was refused.
    """
    group = f"autolab-{verb}-{next(_groups)}"
    action = message(verb, device, *args, group=group)
    rewindable = yield message("rewindable", None, None)
    before = rewindable is not False
    yield message("rewindable", None, False)
    try:
        status = yield action
        if status is None and rewindable is not None:
            # A pause cut a handler short that had not begun yet. The same object: a RunEngine that keeps a record
            # knows it again. (What merely looks at plans answers None to everything, the question above included.)
            status = yield action
    except Exception:
        yield message("rewindable", None, before)
        raise
    yield message("rewindable", None, before)
    return Begun(status, group)


def finish(begun: Begun) -> Generator[Msg, Any, Any]:
    """Wait for an action that was begun and return its status, done; a checkpoint follows.

    Raises:
        Exception: What the action failed with.
    """
    status = begun.status
    yield message("wait", None, group=begun.group)
    while status is not None and not status.done:
        yield message("wait_for", None, [_until_done(status)])
    error = status.exception(0) if status is not None else None
    if error is not None:
        raise error
    yield message("checkpoint")
    return status


def reading_of(device: Any) -> Generator[Msg, Any, dict[str, Any]]:  # noqa: ANN401  any bluesky device
    """Yield the message that reads a device and return the reading; empty where a plan is merely looked at.

    What `resume` sends again is answered to nobody, so a reading that a pause cut off is asked for again.
    """
    for _time in range(3):
        reading = yield message("read", device)
        if reading is not None:
            return dict(reading)
    return {}


def _until_done(status: Any) -> Callable[[], Coroutine[Any, Any, None]]:  # noqa: ANN401  any bluesky Status
    async def until_done() -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        status.add_callback(lambda _status: loop.call_soon_threadsafe(over.set))
        await over.wait()

    return until_done
