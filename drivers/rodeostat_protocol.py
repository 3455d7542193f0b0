"""The Rodeostat's lines without I/O: JSON objects, one a line; commands with their replies, and streamed samples."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from autolab.drivers.query import Query, ReadUntil, Write
from autolab.model.errors import GarbledReply, LinkError, Refused

LF: Final = b"\n"
REPLY: Final = 2.0
"""How long a reply may take, s."""
PACKET: Final = 64
_BETWEEN: Final = 5000  # samples that may stand before a reply


@dataclass(frozen=True)
class Sample:
    """One point of a run.

    Attributes:
        ms: Since the run began, ms.
        volts: V.
        microamperes: uA.
    """

    ms: int
    volts: float
    microamperes: float


def message(command: str, **more: object) -> bytes:
    r"""Return a command's line; a blank before it keeps its length off multiples of 64, which stay in the USB's buffer.

    >>> message("getVolt")
    b'{"command":"getVolt"}\n'
    """
    line = json.dumps({"command": command, **more}, separators=(",", ":")).encode() + LF
    return b" " + line if len(line) % PACKET == 0 else line


def parse(line: bytes) -> dict[str, Any]:
    """Return a line's object.

    Raises:
        GarbledReply: It is none.
    """
    try:
        found = json.loads(line.decode("ascii"), parse_constant=_no_constant)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        msg = "the line is no JSON object"
        raise GarbledReply(msg, seen=line)
    return found


def _no_constant(name: str) -> float:
    raise ValueError(name)


def is_streamed(line: bytes) -> bool:
    """Say whether a line belongs to a run: a sample, or the empty object at its end."""
    try:
        found = parse(line)
    except GarbledReply:
        return False
    return not found or ({"t", "v", "i"} <= found.keys() and "success" not in found)


def sample(found: Mapping[str, Any], line: bytes) -> Sample:
    """Return an object as a sample.

    Raises:
        GarbledReply: It is none, or of a multiplexer's channel.
    """
    numbers = [found.get(key) for key in ("t", "v", "i")]
    fine = all(isinstance(n, int | float) and not isinstance(n, bool) and math.isfinite(n) for n in numbers)
    if found.keys() != {"t", "v", "i"} or not fine or not isinstance(numbers[0], int):
        msg = "the line is no sample (t, v, i)"
        raise GarbledReply(msg, seen=line)
    return Sample(numbers[0], float(str(numbers[1])), float(str(numbers[2])))


def exchange(command: str, **more: object) -> Query[dict[str, Any]]:
    """Give a command and return its response; samples of a run in progress are passed over.

    Raises:
        Refused: It says that it did not do it.
        GarbledReply: The reply is none, or to another command.
    """
    yield Write(message(command, **more))
    return (yield from _response(command, more))


def _response(command: str, sent: Mapping[str, object]) -> Query[dict[str, Any]]:
    for place in range(_BETWEEN):
        line = (yield ReadUntil(LF, REPLY)) or b""
        if is_streamed(line) or (place == 0 and not line.startswith(b"{") and line.rstrip().endswith(b"}")):
            continue  # the latter is the tail of a line that was cut when the port was opened
        found = parse(line)
        success, response = found.get("success"), found.get("response")
        if not isinstance(success, bool) or not isinstance(response, dict):
            msg = f"the reply to {command} has no success and response"
            raise GarbledReply(msg, seen=line)
        if not success:
            msg = f"did not do it: {found.get('message', 'no reason given')}"
            raise Refused(msg, command=command, seen=line)
        if response.get("command") != command or ("test" in sent and response.get("test") != sent["test"]):
            msg = f"the reply is not to {command}"
            raise GarbledReply(msg, seen=line)
        return response
    msg = f"streams on without a reply to {command}"
    raise GarbledReply(msg)


def value(command: str, key: str, kind: type, **more: object) -> Query[Any]:
    """Give a command and return one value of its response.

    Raises:
        GarbledReply: It is not there, or of another kind.
    """
    response = yield from exchange(command, **more)
    found = response.get(key)
    if kind is float and isinstance(found, int) and not isinstance(found, bool):
        found = float(found)
    if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
        msg = f"the response to {command} has no {key}"
        raise GarbledReply(msg, seen=json.dumps(response).encode())
    return found


def identity() -> Query[tuple[str, int]]:
    """Ask for variant and device number: no reading looks like them."""
    variant = yield from value("getVariant", "variant", str)
    number = yield from value("getDeviceId", "deviceId", int)
    return variant, number


def stop() -> Query[float]:
    """End whatever runs, and return the potential that is asked for then, V.

    Samples may come behind the reply; an empty object comes behind them, also where nothing ran.
    """
    yield from exchange("stopTest")
    for _ in range(_BETWEEN):
        line = (yield ReadUntil(LF, REPLY)) or b""
        if not parse(line):
            break
    return float((yield from value("getVolt", "v", float)))


def run(
    test: str, period_ms: int, patience: float, on_sample: Callable[[Sample], None], halted: Callable[[], bool]
) -> Query[list[Sample]]:
    """Run a test and return its samples.

    Args:
        test: The firmware's name.
        period_ms: Between two samples: their times must be its multiples, each in its turn.
        patience: How long a sample may take, s.
        on_sample: Told each.
        halted: Says whether to stop; asked at each.

    Raises:
        Refused: It did not begin, or was stopped.
        LinkError: A sample is missing or garbled; the test was told to stop.
    """
    yield from exchange("runTest", test=test)
    samples: list[Sample] = []
    try:
        while True:
            line = (yield ReadUntil(LF, patience)) or b""
            if halted():
                yield from stop()
                msg = f"{test} was stopped after {len(samples)} samples"
                raise Refused(msg, command="stopTest")
            found = parse(line)
            if not found:
                return samples
            taken = sample(found, line)
            if taken.ms != (len(samples) + 1) * period_ms:
                msg = f"the sample at {(len(samples) + 1) * period_ms} ms is missing: the next is of {taken.ms} ms"
                raise GarbledReply(msg, seen=line)
            samples.append(taken)
            on_sample(taken)
    except LinkError:
        with contextlib.suppress(LinkError):
            yield Write(message("stopTest"))
        raise
