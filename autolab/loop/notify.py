"""Telling people who do not watch: a command or a web address that is told when a campaign ends, fails or asks.

All of it is best effort, beside the campaign: it may fail, hang or be slow, and the loop does not notice.
"""

from __future__ import annotations

import json
import logging
import queue
import shlex
import subprocess
import threading
import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Literal, get_args
from urllib.parse import urlsplit

from autolab.loop.progress import NEEDS_A_LOOK

if TYPE_CHECKING:
    from autolab.loop.progress import Progress, Watcher
    from autolab.model.actions import JSON

logger = logging.getLogger(__name__)

Occasion = Literal["finish", "failure", "question"]
OCCASIONS: tuple[Occasion, ...] = get_args(Occasion)

TIMEOUT = 10.0
"""How long a web address may take to answer, s of wall time."""

PATIENCE = 3.0
"""How long the end of a run waits for what is still to be sent, s of wall time."""

WAITING = 100
"""Messages that wait for a slow web address; more are dropped."""


class Notifier:
    """Passes progress on to a watcher, and tells people of some of it.

    Args:
        watcher: Is told everything.
        campaign: Name of the campaign.
        command: Started with the message as its last argument, and left alone. No shell is involved.
        webhook: Gets a POST of JSON, from a thread of its own.
        on: What people are told of.

    Raises:
        ValueError: Quotes in `command` that are not closed, or a `webhook` that is no web address.
    """

    def __init__(
        self,
        watcher: Watcher,
        campaign: str = "",
        *,
        command: str | None = None,
        webhook: str | None = None,
        on: Collection[str] = OCCASIONS,
    ) -> None:
        if webhook is not None and not is_web_address(webhook):
            msg = f"notify.webhook: {public(webhook)!r} is no web address, such as https://host/path"
            raise ValueError(msg)
        self._watcher, self._campaign, self._on = watcher, campaign, frozenset(on)
        self._words = shlex.split(command) if command else []
        self._post = _Post(webhook) if webhook is not None else None

    def watch(self, progress: Progress) -> None:
        """Take one step in."""
        try:
            self._watcher(progress)
        finally:  # a display that fails keeps nobody from being told
            occasion = occasion_of(progress)
            if occasion is not None and _wanted(occasion, progress, self._on):
                self._tell(occasion, progress)

    def _tell(self, occasion: Occasion, progress: Progress) -> None:
        if self._words:
            _start([*self._words, f"autolab: {progress.kind}: {progress.text}"])
        if self._post is not None:
            self._post.put(_message(self._campaign, occasion, progress))

    def close(self) -> None:
        """Give what is still to be sent a moment."""
        if self._post is not None:
            self._post.close()


def occasion_of(progress: Progress) -> Occasion | None:
    """Return what a step is to people who do not watch; None for what they are never told."""
    if progress.kind in ("question", "review"):
        return "question"
    if progress.kind == "trial" and progress.result in ("trial_failed", "machine_failed"):
        return "failure"
    if progress.kind != "stopped":
        return None
    return "failure" if progress.result in NEEDS_A_LOOK else "finish"


def _wanted(occasion: Occasion, progress: Progress, on: frozenset[str]) -> bool:
    return occasion in on or (progress.kind == "stopped" and "finish" in on)  # a run that failed is over, too


def is_web_address(text: str) -> bool:
    """Return whether a text is an address that can be posted to.

    >>> is_web_address("https://example.org/hook?key=1"), is_web_address("file:///etc/passwd")
    (True, False)
    """
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def public(webhook: str) -> str:
    """Return what may be journaled and logged of a web address: path, query and user are often secrets.

    >>> public("https://me:word@example.org:8443/services/T0/B1?key=1")
    'https://example.org:8443/...'
    """
    try:
        parts = urlsplit(webhook)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return "..."
    return f"{parts.scheme}://{parts.hostname or ''}{port}/..."


def journaled(notify: Mapping[str, JSON] | None) -> dict[str, JSON] | None:
    """Return what the journal keeps of `notify`: no secrets."""
    if notify is None:
        return None
    webhook = notify.get("webhook")
    return {**notify, "webhook": public(webhook) if isinstance(webhook, str) else None}


def _message(campaign: str, occasion: Occasion, progress: Progress) -> dict[str, JSON]:
    return {
        "campaign": campaign,
        "kind": occasion,
        "text": progress.text,
        "trial": progress.trial,
        "result": progress.result,
        "done": progress.done,
        "of": progress.of,
        "best": dict(progress.best),
        "lab_time": progress.lab_time,
        "wall_time": time.time(),
    }


class _Post:
    """Posts messages one after the other from a daemon thread."""

    def __init__(self, webhook: str) -> None:
        self._webhook = webhook
        self._waiting: queue.Queue[dict[str, JSON] | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._work, name="autolab-notify", daemon=True)
        self._thread.start()

    def put(self, message: dict[str, JSON]) -> None:
        """Leave a message to be posted."""
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            logger.warning("%s is too slow: a notification was dropped", public(self._webhook))

    def close(self) -> None:
        """End the thread, and wait for it a moment."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(PATIENCE)

    def _work(self) -> None:
        while (message := self._waiting.get()) is not None:
            try:
                post(self._webhook, message)
            except Exception as error:  # noqa: BLE001, RUF100  whatever goes wrong out there harms nothing in here
                why = f"{type(error).__name__} {getattr(error, 'code', '')}".rstrip()
                logger.warning("%s could not be told: %s", public(self._webhook), why)


def post(webhook: str, message: Mapping[str, JSON]) -> None:
    """Post a message as JSON.

    Raises:
        OSError: Nobody took it.
    """
    from urllib.request import Request, urlopen  # loaded late: few campaigns need it

    headers = {"Content-Type": "application/json", "User-Agent": "autolab"}
    request = Request(webhook, json.dumps(dict(message)).encode(), headers, method="POST")  # noqa: S310  http(s): checked
    with urlopen(request, timeout=TIMEOUT) as reply:  # noqa: S310  http(s): checked
        reply.read(0)


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
