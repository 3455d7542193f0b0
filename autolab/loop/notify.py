"""Telling people who do not watch: a command that is run when a campaign stops, or asks."""

from __future__ import annotations

import logging
import shlex
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autolab.loop.progress import Progress, Watcher

logger = logging.getLogger(__name__)

TOLD = frozenset({"stopped", "question", "review"})
"""What a person is told of."""


def notifying(watcher: Watcher, command: str) -> Watcher:
    """Return a watcher that also runs `command` when a person should know, with the text as its last argument.

    The command is started and left alone: it may fail or hang, and harms nothing. No shell is involved.

    Raises:
        ValueError: Quotes in `command` that are not closed.
    """
    words = shlex.split(command)

    def watch(progress: Progress) -> None:
        watcher(progress)
        if progress.kind in TOLD:
            _start([*words, f"autolab: {progress.kind}: {progress.text}"])

    return watch


def _start(command: list[str]) -> None:
    nothing = subprocess.DEVNULL
    try:
        process = subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing)  # noqa: S603  the person's own command
    except (OSError, ValueError) as error:
        logger.warning("the notification command %r could not be started: %s", command[0], error)
        return
    _STARTED.append(process)
    _STARTED[:] = [each for each in _STARTED if each.poll() is None]  # so that none is left a zombie


_STARTED: list[subprocess.Popen[bytes]] = []
