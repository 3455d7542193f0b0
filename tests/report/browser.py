"""Headless Chromium, driven over a pipe by the DevTools protocol: no port, no other package."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
)
SECONDS = 60
"""Longest wait for one answer: Chromium starts slowly on a busy machine."""


def chromium() -> str | None:
    """Return where Chromium is, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@dataclass
class Seen:
    """What a page did while it was open.

    Attributes:
        errors: Errors and warnings on its console, and exceptions that nobody caught.
        requests: Addresses that it asked for; itself, and what it holds itself (`data:`), left out.
    """

    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


class Browser:
    """One Chromium with one page.

    Args:
        profile: An empty folder for what it keeps.
    """

    def __init__(self, profile: Path) -> None:
        program = chromium()
        if program is None:
            msg = f"no Chromium: none of {', '.join(NAMES)} is on the path"
            raise FileNotFoundError(msg)
        to_read, self._write = _far_pipe()
        self._read, to_write = _far_pipe()

        def connect() -> None:  # in the child: DevTools listens on 3 and answers on 4
            os.dup2(to_read, 3)
            os.dup2(to_write, 4)

        self._process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4, to_read, to_write),
            preexec_fn=connect,
        )
        os.close(to_read)
        os.close(to_write)
        self._numbers = itertools.count(1)
        self._rest = b""
        self.seen = Seen()
        self._session: str | None = None
        self._page = ""

    def __enter__(self) -> Self:
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._session = None
        try:
            self._ask("Browser.close")
            self._process.wait(SECONDS)
        except (OSError, TimeoutError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        os.close(self._write)

    def open(self, path: Path, width: int, height: int = 900) -> None:
        """Show a file in a window of a size, and wait until it is drawn."""
        self.seen, self._page = Seen(), path.resolve().as_uri()
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._ask("Page.navigate", url=self._page)
        self._until(lambda message: message.get("method") == "Page.loadEventFired")
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def run(self, script: str) -> Any:
        """Return what an expression in the page amounts to; promises are awaited."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def screenshot(self, *, whole: bool = False, of: str = "") -> bytes:
        """Return a PNG of the window, of the whole page, or of the first element that a selector finds."""
        how: dict[str, Any] = {"format": "png", "captureBeyondViewport": whole or bool(of)}
        if of:
            box = self.run(f"(e => {{const b = e.getBoundingClientRect(); return [b.x, b.y + scrollY, b.width, b.height]}})"
                           f"(document.querySelector({json.dumps(of)}))")  # fmt: skip
            how["clip"] = dict(zip(("x", "y", "width", "height"), box, strict=True)) | {"scale": 1}
        return base64.b64decode(self._ask("Page.captureScreenshot", **how)["data"])

    def pdf(self) -> bytes:
        """Return the page as it prints."""
        return base64.b64decode(self._ask("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"])

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        answer = self._until(lambda message: message.get("id") == number)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            message = self._receive()
            self._note(message)
            if wanted(message):
                return message

    def _receive(self) -> dict[str, Any]:
        import select

        while b"\0" not in self._rest:
            if not select.select([self._read], [], [], SECONDS)[0]:
                msg = f"Chromium gave no answer within {SECONDS} s"
                raise TimeoutError(msg)
            got = os.read(self._read, 1 << 20)
            if not got:
                msg = f"Chromium ended with {self._process.wait()}"
                raise ConnectionError(msg)
            self._rest += got
        told, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(told)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        told = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.seen.errors.append(str(told["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if told["type"] in {"error", "warning", "assert"}:
                self.seen.errors.append(str(told["args"]))
            case "Log.entryAdded" if told["entry"]["level"] in {"error", "warning"}:
                self.seen.errors.append(str(told["entry"]))
            case "Network.requestWillBeSent" if not told["request"]["url"].startswith((self._page, "data:", "blob:")):
                self.seen.requests.append(told["request"]["url"])


def _far_pipe() -> tuple[int, int]:
    """Return a pipe whose ends are not in the way of 3 and 4."""
    import fcntl

    near = os.pipe()
    far = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10) for one in near]
    for one in near:
        os.close(one)
    return far[0], far[1]
