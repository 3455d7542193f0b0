"""A Bronkhorst mass flow controller that speaks propar over RS-232 (38400 8N1), binary or ASCII, as it is spoken to.

The facts are those of the project's instrument sheet, and of the maker's manual 9.17.027 and its Python package (tables of
parameters, control modes, status codes). `[M]`: set point 0 after power-up; framing is known by the first byte; other nodes
stay silent; the form of the identification string; the speed of wink.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from autolab.simulators import bronkhorst_frames as frames
from autolab.simulators.bronkhorst_frames import Broken, Message
from autolab.simulators.gas import PLENTY, FlowBody
from autolab.simulators.simulator import Place
from autolab.simulators.talker import Talker
from autolab.simulators.world import number

FULL: Final = 32000  # of measure and set point
LOCAL: Final = 0x80
VALVE_FULL: Final = 0xFFFFFF
PURGED: Final = 1.3  # of capacity, with the valve fully open
RANGE: Final = (-23593, 41942)
FOLLOWS, CLOSED, IDLE, WIDE, PURGE = (0, 11, 18), (1, 3, 12, 22), 4, 7, 8
KINDS: Final = {"c": frames.BYTE, "i": frames.WORD, "l": frames.LONG, "f": frames.LONG, "s": frames.TEXT}
Value = float | str


@dataclass(frozen=True)
class Parameter:
    """One parameter: its form, how it is told, and how it is taken (None where it is read only)."""

    form: str
    tell: Callable[[], Value]
    take: Callable[[Value], bool] | None = None


class FlowControllerSimulator(Talker):
    """A controller at its node; it answers 128 where it is alone.

    Options: `capacity`, `unit` (such as `mln/min`), `fluid`, `model`, `serial_number`, `firmware`, `node` (where the address
    names none), `floats` (false: an old one without fMeasure and fSetpoint), `supply`, `drift` (of the zero, a minute),
    `tau_s`, `control_mode`, `alarm` (bits of its alarm info).

    Attributes:
        setpoint: In the unit of its capacity.
        mode: Control mode.
        winks: How often it was told to wink.
    """

    options: ClassVar[tuple[str, ...]] = (
        "capacity", "unit", "fluid", "model", "serial_number", "firmware", "node", "floats", "supply", "drift", "tau_s",
        "control_mode", "alarm",
    )  # fmt: skip
    kept: ClassVar[tuple[str, ...]] = ("setpoint", "mode", "winks", "tag", "alarm")
    baud = 38400
    reaction = 0.005

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        options = place.options
        self.alone = place.bus in (0, LOCAL)
        self.node = int(number(options, "node", 3)) if self.alone else place.bus
        self.capacity = number(options, "capacity", 500.0)
        self.setpoint, self.mode = 0.0, int(number(options, "control_mode", 0))
        self.winks, self.tag, self.alarm = 0, "USERTAG", int(number(options, "alarm", 0))
        body = FlowBody(number(options, "tau_s", 0.3), number(options, "supply", PLENTY), number(options, "drift", 0.0))
        self.body = self.world.body(place.name, lambda: body)
        self.parameters = self._parameters()
        self._steer()

    def is_safe(self) -> bool:
        """Say whether its valve is closed."""
        return self.body.asked == 0

    def wake(self) -> None:
        """Come up with a set point of 0; the control mode is kept."""
        self.setpoint = 0.0
        self._steer()

    # ---- messages

    def take(self) -> bytes | None:
        """Return the next frame, of either kind."""
        frame, self._line = frames.split(self._line)
        return frame

    def hear(self, frame: bytes) -> None:
        """Answer a message for its node; what is broken is not answered, but in ASCII told."""
        try:
            message = frames.read(frame)
        except Broken:
            if frame.startswith(b":"):
                self.say(b":0104\r\n")  # error in the message
            return
        if message.node != self.node and not (self.alone and message.node == LOCAL):
            return
        self.world.advance()
        data = self._answer(message)
        if data:
            self.say(frames.written(Message(message.seq, message.node, data)))

    def _answer(self, message: Message) -> bytes:
        command = message.data[0]
        try:
            if command == frames.REQUEST:
                return self._told(message.data)
            if command in (frames.WRITE_ACK, frames.WRITE):
                status = self._taken(message.data)
                end = len(message.data) - (0 if message.seq is None else 1)
                return self._status(status, end) if command == frames.WRITE_ACK else b""
        except Broken:
            return self._status(frames.PROTOCOL, 0)
        return self._status(frames.NO_COMMAND, 0)

    def _status(self, status: int, at: int) -> bytes:
        return bytes((frames.STATUS, status, at))

    def _told(self, request: bytes) -> bytes:
        """Return the values that were asked for, each behind the indices that the request gave it."""
        answer = bytes((frames.WRITE,))
        for one in frames.asked(request):
            parameter = self.parameters.get((one.process, one.parameter))
            if parameter is None:
                return self._status(self._unknown(one.process), len(answer))
            if KINDS[parameter.form] != one.kind:
                return self._status(frames.BAD_TYPE, len(answer))
            answer += one.head + frames.packed(parameter.tell(), parameter.form, one.size)
        return answer

    def _taken(self, data: bytes) -> int:
        """Take what is written, and return the status."""
        for one in frames.given(data):
            parameter = self.parameters.get((one.process, one.parameter))
            if parameter is None:
                return self._unknown(one.process)
            if KINDS[parameter.form] != one.kind:
                return frames.BAD_TYPE
            if parameter.take is None:
                return frames.READ_ONLY
            if not parameter.take(_value(one.value, parameter.form)):
                return frames.BAD_VALUE
        self._steer()
        return frames.OK

    def _unknown(self, process: int) -> int:
        known = any(process == other for other, _ in self.parameters)
        return frames.NO_PARAMETER if known else frames.NO_PROCESS

    # ---- parameters

    def _parameters(self) -> dict[tuple[int, int], Parameter]:
        options = self.place.options
        unit, fluid = str(options.get("unit", "mln/min")), str(options.get("fluid", "N2"))
        serial = str(options.get("serial_number", "M6212345A"))
        model, firmware = str(options.get("model", "F-201CV-500-AAD-33-V")), str(options.get("firmware", "V8.42"))
        table = {
            (0, 0): Parameter("s", lambda: f"\x07SN{serial}", self._wink),
            (0, 1): Parameter("c", lambda: self.node),
            (0, 3): Parameter("c", lambda: 0),
            (1, 0): Parameter("i", self._measure),
            (1, 1): Parameter("i", lambda: round(self.setpoint / self.capacity * FULL), self._set_part),
            (1, 4): Parameter("c", lambda: self.mode, self._set_mode),
            (1, 13): Parameter("f", lambda: self.capacity),
            (1, 16): Parameter("c", lambda: 0),
            (1, 17): Parameter("s", lambda: fluid),
            (1, 20): Parameter("c", lambda: self.alarm),
            (1, 31): Parameter("s", lambda: unit),
            (113, 1): Parameter("s", lambda: "DMFC"),
            (113, 2): Parameter("s", lambda: model),
            (113, 3): Parameter("s", lambda: serial),
            (113, 5): Parameter("s", lambda: firmware),
            (113, 6): Parameter("s", lambda: self.tag, self._set_tag),
            (114, 1): Parameter("l", self._valve),
            (104, 1): Parameter("f", lambda: self.body.total),
        }
        if options.get("floats", True):
            table[33, 0] = Parameter("f", lambda: self.body.shown)
            table[33, 3] = Parameter("f", lambda: self.setpoint, self._set)
            table[33, 7] = Parameter("f", lambda: 21.5)
        return table

    def _measure(self) -> int:
        return max(RANGE[0], min(RANGE[1], round(self.body.shown / self.capacity * FULL)))

    def _valve(self) -> int:
        opened = min(1.0, 0.2 + 0.6 * self.body.asked / self.capacity) if self.body.asked > 0 else 0.0
        return round(opened * VALVE_FULL)

    def _set(self, value: Value) -> bool:
        wanted = float(value)
        if not 0 <= wanted <= self.capacity * (1 + 1e-6):
            return False
        self.setpoint = wanted
        return True

    def _set_part(self, value: Value) -> bool:
        return self._set(float(value) / FULL * self.capacity)

    def _set_mode(self, value: Value) -> bool:
        if not 0 <= float(value) <= 25:
            return False
        self.mode = int(value)
        return True

    def _set_tag(self, value: Value) -> bool:
        self.tag = str(value).strip()
        return True

    def _wink(self, value: Value) -> bool:
        if str(value).strip() not in set("123456789"):
            return False
        self.winks += 1
        return True

    def _steer(self) -> None:
        """Ask the valve for what the control mode says."""
        if self.mode in FOLLOWS:
            self.body.asked = self.setpoint
        elif self.mode != IDLE:
            self.body.asked = {WIDE: self.capacity, PURGE: PURGED * self.capacity}.get(self.mode, 0.0)


def _value(data: bytes, form: str) -> Value:
    if form == "s":
        return data.decode("latin-1")
    if form == "f":
        value: float = struct.unpack(">f", data)[0]
        return value
    return int.from_bytes(data, "big")
