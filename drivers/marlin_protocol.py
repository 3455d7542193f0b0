"""What is said to Marlin: numbered lines with a checksum, and how one knows afterwards which of them it has taken.

> N5 G1 X10.000 F600*17 LF       < ok                                 accepted, not finished
                                 < Error:checksum mismatch, Last Line: 4, Resend: 5, ok       damaged on its way
> N6 M114*35 LF                  < X:10.00 Y:0.00 Z:0.00 E:0.00 Count X:800 Y:0 Z:0, ok

A line is taken only if its number follows the last one. So where the answer to line 5 is lost, line 6 tells: if it is taken,
line 5 was; if the controller wants line 5 again, it was not, and may be sent again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from typing import Final

from autolab.drivers.query import Query, ReadUntil, Write
from autolab.model.errors import GarbledReply, InstrumentTimeout, LinkError

DEADLINE: Final = 1.5
_LINES: Final = 100  # in one answer, at most
_TRIES: Final = 3
OK: Final = re.compile(rb"ok(?: N(\d+))?(?: P\d+)?(?: B\d+)?")
_RESEND: Final = re.compile(r"Resend: ?(\d+)")
_PLACE: Final = r"(-?\d{1,5}(?:\.\d+)?)"
_WHERE: Final = re.compile(rf"(?:ok )?X:{_PLACE} Y:{_PLACE} Z:{_PLACE}(?: E\d*:{_PLACE})*(?: Count:? [-\x20-\x7e]*)?")
_NAME: Final = re.compile(r"FIRMWARE_NAME:([\x20-\x7e]+)")


class StartedOver(LinkError):
    """The controller counts its lines from the beginning: its power or its line was interrupted."""


@dataclass
class Count:
    """Which lines it has taken.

    Attributes:
        last: Number of the last line that it has certainly taken.
        sent: Number of the last line that was sent.
        doubt: A line that must be executed once, and of which nobody knows whether it was taken; None for none.
        taken: What became of the last such line.
    """

    last: int = 0
    sent: int = 0
    doubt: int | None = None
    taken: bool | None = None

    def next(self, *, once: bool = False) -> int:
        """Return the number of the line that is sent now."""
        self.sent += 1
        if once:
            self.doubt, self.taken = self.sent, None
        return self.sent

    def know(self, wanted: int) -> None:
        """Note that all lines before one were taken, and no others."""
        if self.doubt is not None:
            self.taken, self.doubt = self.doubt < wanted, None
        self.last = self.sent = wanted - 1

    def forget(self, wanted: int) -> None:
        """Note that it counts otherwise, and that what was sent before is past finding out."""
        self.last = self.sent = wanted - 1
        self.doubt = self.taken = None


def encode(marker: int, command: str) -> bytes:
    r"""Return a line as it goes over the wire.

    >>> encode(3, "T0"), encode(0, "M110 N0")
    (b'N3 T0*57\n', b'N0 M110 N0*125\n')
    """
    line = f"N{marker} {command}".encode("ascii")
    return line + f"*{reduce(lambda total, byte: total ^ byte, line)}\n".encode("ascii")


def order(count: Count, command: str, *, once: bool = False) -> Query[list[str]]:
    """Send a line and return what is said before its `ok`; again as long as it says that it has not taken it.

    What it says tells also which of the lines before it has taken.

    Args:
        count: Its lines.
        command: What to do.
        once: Keep in mind whether this line was taken.

    Raises:
        StartedOver: It counts otherwise.
        InstrumentTimeout: No answer: the next line will tell whether this one was taken.
    """
    for _ in range(_TRIES):
        marker = count.next(once=once)
        yield Write(encode(marker, command))
        wanted, lines = yield from _answer(marker)
        if wanted is None:
            count.know(marker + 1)
            return lines
        _want(count, wanted)
    msg = f"{command!r} was damaged on its way {_TRIES} times"
    raise GarbledReply(msg)


def refused(count: Count, said: bytes) -> None:
    """Note which line it wants again, as `Resend: 5` tells.

    Raises:
        StartedOver: It counts otherwise.
        GarbledReply: It tells no number.
    """
    found = _RESEND.fullmatch(said.decode("latin-1"))
    if found is None:
        msg = f"does not say which line it wants again: {said!r}"
        raise GarbledReply(msg)
    _want(count, int(found[1]))


def _want(count: Count, wanted: int) -> None:
    if not count.last < wanted <= count.sent:
        sent = count.sent
        count.forget(wanted)
        msg = f"wants line {wanted} instead of {sent}: it has started over, or somebody else talks to it"
        raise StartedOver(msg)
    count.know(wanted)


def where(count: Count) -> Query[tuple[float, float, float]]:
    """Return where it is planned to be, mm."""
    return places((yield from order(count, "M114")))


def who(count: Count) -> Query[str]:
    """Return how it introduces itself."""
    return name((yield from order(count, "M115")))


def restart(count: Count) -> Query[None]:
    """Have it count from 0."""
    yield Write(encode(0, "M110 N0"))
    wanted, _ = yield from _answer(0)
    if wanted is not None:
        msg = f"does not count from 0: it wants line {wanted}"
        raise GarbledReply(msg)
    count.forget(1)


def patiently(count: Count, boot_s: float) -> Query[None]:
    """Have it count from 0, as soon as its board has started.

    Args:
        count: Its lines.
        boot_s: Time that it may need to start before it answers, s.
    """
    for _ in range(int(boot_s / DEADLINE)):
        try:
            return (yield from restart(count))
        except InstrumentTimeout:
            continue
    return (yield from restart(count))


def send(data: bytes) -> Query[None]:
    """Send what is not answered, or not now."""
    yield Write(data)


def name(lines: list[str]) -> str:
    """Return how it introduces itself in the answer to M115.

    Raises:
        GarbledReply: It does not.
    """
    found = [match[1] for line in lines if (match := _NAME.fullmatch(line.removeprefix("ok ")))]
    if len(found) != 1:
        msg = f"the reply to M115 has no one FIRMWARE_NAME: {lines!r}"
        raise GarbledReply(msg)
    return found[0]


def places(lines: list[str]) -> tuple[float, float, float]:
    """Return the position in the answer to M114, mm.

    Raises:
        GarbledReply: There is none, or more than one.
    """
    found = [match for line in lines if (match := _WHERE.fullmatch(line))]
    if len(found) != 1:
        msg = f"the reply to M114 is no position: {lines!r}"
        raise GarbledReply(msg)
    return (float(found[0][1]), float(found[0][2]), float(found[0][3]))


def _answer(marker: int) -> Query[tuple[int | None, list[str]]]:
    """Return which line it wants again (None: none, it has taken this one), and what it says before its `ok`.

    Lines that are neither are kept for whoever asked: echoes, errors, what was asked for.
    """
    wanted: int | None = None
    lines: list[str] = []
    while len(lines) < _LINES:
        raw = ((yield ReadUntil(b"\n", DEADLINE)) or b"").strip()
        text = raw.decode("latin-1")
        done = OK.fullmatch(raw)
        if done is not None and wanted is None and done[1] not in (None, str(marker).encode()):
            continue  # the late answer to an earlier line
        if done is not None:
            return wanted, lines
        if _WHERE.fullmatch(text) and text.startswith("ok "):  # some say both in one line
            return wanted, [*lines, text]
        found = _RESEND.fullmatch(text)
        if found is not None:
            wanted = int(found[1])
        lines.append(text)
    msg = f"says {_LINES} lines without an ok"
    raise GarbledReply(msg)
