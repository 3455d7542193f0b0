"""A temperature controller that speaks Modbus RTU or TCP, as an Eurotherm 2400 or a Watlow EZ-ZONE PM.

The facts are those of the project's instrument sheet and of the makers' manuals; the frames are made here by hand. `[M]`
marks general knowledge: identity registers, numbers of the modes, that they are kept without power, that a set point
outside the limits is exception 3.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from autolab.model.errors import InputError
from autolab.simulators.baths import BLOCK, Bath
from autolab.simulators.simulator import Place
from autolab.simulators.talker import Talker
from autolab.simulators.world import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autolab.model.actions import JSON

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
LONGEST_READ = 125
SILENCE = 0.5  # s: far more than the 3.5 characters of the specification, for lines that hold bytes back
WATLOW_MODES = {10: "auto", 62: "off", 54: "manual"}
Cell = tuple[Callable[[], int], Callable[[int], bool] | None]
"""How a register is read, and what writing it does (false for a bad value); None where it cannot be written."""


def crc(data: bytes) -> bytes:
    """Return the check sum of an RTU frame, low byte first.

    >>> crc(bytes.fromhex("010300010001")).hex()
    'd5ca'
    """
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


class ControllerSimulator(Talker):
    """A controller with the block that it heats.

    Options (under `virtual.instruments.<name>` in the lab file): `make` (`eurotherm_2400` or `watlow_pm`; by default
    the driver's `map`), `identity` (registers 121 and 122 of the Eurotherm), `lowest_C` and `highest_C`, `after_power`
    (`continue` or `off`), `broken` (its sensor), `strength` (what part of its power it still has), `noise_C`.

    Args:
        place: Where it stands; its `bus` is its unit address, 1 where it has none.

    Attributes:
        mode: `auto`, `manual` or `off`.
        target: Set point, degC.
        output: Power in manual, %.
    """

    longest: ClassVar[int] = 300
    options: ClassVar[tuple[str, ...]] = (
        "make", "identity", "lowest_C", "highest_C", "after_power", "broken", "strength", "noise_C",
    )  # fmt: skip
    kept: ClassVar[tuple[str, ...]] = ("mode", "target", "output", "broken", "_held")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        options = place.options
        self.unit, self.tcp = place.bus or 1, place.settings.get("framing") == "tcp"
        self.make = str(options.get("make", place.settings.get("map", "eurotherm_2400")))
        self.lowest, self.highest = number(options, "lowest_C", 0.0), number(options, "highest_C", 300.0)
        self.after_power = str(options.get("after_power", "continue"))
        self.broken = bool(options.get("broken", False))
        self.noise = number(options, "noise_C", 0.02) * place.noise
        identity = options.get("identity", [0x0E, 0x2480])
        self.identity = [int(str(word)) for word in identity] if isinstance(identity, list) else [0x0E, 0x2480]
        self.mode, self.target, self.output = "manual", 20.0, 0.0
        self._heard = 0.0  # loop time of the last bytes, s
        self._held: dict[str, int] = {"6": 50, "8": 360, "9": 60, "30": 1000, "37": 0, "270": 0}
        self.bath = self.world.body(place.name, lambda: Bath(BLOCK))
        self.bath.strength = number(options, "strength", 1.0)
        makes = {"eurotherm_2400": self._eurotherm, "watlow_pm": self._watlow}
        if self.make not in makes:
            msg = f"no simulated make {self.make!r}: say `make`, {' or '.join(makes)}, under virtual.instruments.{place.name}"
            raise InputError(msg)
        self._cells = makes[self.make]()

    # ---- the world ---------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Come up as it was, or off."""
        if self.after_power == "off":
            self.mode, self.output = "manual" if self.make == "eurotherm_2400" else "off", 0.0
        self._control()

    def is_safe(self) -> bool:
        """Say whether it gives no power and controls nothing."""
        return self.mode == "off" or (self.mode == "manual" and self.output <= 0)

    def press(self, celsius: float) -> None:
        """Turn the set point at its panel, for tests."""
        self.target = celsius
        self._control()

    def snapshot(self) -> dict[str, JSON]:
        """Return its state as JSON."""
        return {**super().snapshot(), "_held": dict(self._held)}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`."""
        super().restore(state)
        self._held = dict(self._held)

    def _control(self) -> None:
        self.bath.target = self.target if self.mode == "auto" else None
        self.bath.manual = self.output / 100 * self.bath.options.heater if self.mode == "manual" else None

    def _power(self) -> float:
        return 100 * self.bath.power / self.bath.options.heater

    def _felt(self) -> float:
        return self.bath.temperature + self.noise * float(self.chance.normal())

    # ---- frames ------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes from the line; after a silence a new frame begins, whatever was left of one."""
        now = self.place.clock.loop.time()
        if now - self._heard > SILENCE:
            self._line = b""
        self._heard = now
        super().receive(data)

    def take(self) -> bytes | None:
        """Return the next frame for anybody; what cannot begin one is forgotten."""
        if self.tcp:
            size = 6 + int.from_bytes(self._line[4:6], "big") if len(self._line) >= 6 else 7
        elif len(self._line) >= 7 and self._line[1] == 16:
            size = 9 + self._line[6]
        else:
            size = 8
        if len(self._line) < size:
            return None
        frame, self._line = self._line[:size], self._line[size:]
        return frame

    def hear(self, frame: bytes) -> None:
        """Answer a frame that is whole and its own."""
        if self.tcp:
            header, unit, pdu = frame[:4], frame[6], frame[7:]
            if frame[2:4] != b"\0\0" or len(pdu) < 1:
                return
        else:
            unit, pdu = frame[0], frame[1:-2]
            if crc(frame[:-2]) != frame[-2:]:
                self._line = b""  # what follows has lost its beginning: silence ends a frame, and there was none
                return
        if unit != self.unit:
            return
        self.world.advance()
        answer = bytes([unit]) + self._answer(pdu)
        self.say(header + struct.pack(">H", len(answer)) + answer if self.tcp else answer + crc(answer))

    def _answer(self, pdu: bytes) -> bytes:
        function = pdu[0]
        try:
            if function in (3, 4) and len(pdu) == 5:
                return self._read(function, *struct.unpack(">HH", pdu[1:]))
            if function == 6 and len(pdu) == 5:
                address, value = struct.unpack(">HH", pdu[1:])
                self._write(address, [value])
                return pdu
            if function == 8 and pdu[1:3] == b"\0\0":
                return pdu
            if function == 16 and len(pdu) >= 6 and len(pdu) == 6 + pdu[5]:
                address, count = struct.unpack(">HH", pdu[1:5])
                if pdu[5] != 2 * count:
                    raise _Exception(ILLEGAL_VALUE)
                self._write(address, list(struct.unpack(f">{count}H", pdu[6:])))
                return pdu[:5]
            raise _Exception(ILLEGAL_FUNCTION)
        except _Exception as error:
            return bytes([function | 0x80, error.code])

    def _read(self, function: int, address: int, count: int) -> bytes:
        if not 1 <= count <= LONGEST_READ:
            raise _Exception(ILLEGAL_VALUE)
        wanted = range(address, address + count)
        if any(place not in self._cells for place in wanted):
            raise _Exception(ILLEGAL_ADDRESS)
        words = [self._cells[place][0]() & 0xFFFF for place in wanted]
        return struct.pack(f">BB{count}H", function, 2 * count, *words)

    def _write(self, address: int, words: list[int]) -> None:
        for place, word in enumerate(words, address):
            write = self._cells.get(place, (None, None))[1]
            if write is None:
                raise _Exception(ILLEGAL_ADDRESS)
            if not write(word):
                raise _Exception(ILLEGAL_VALUE)
        self._control()

    # ---- makes -------------------------------------------------------------------------------------------------

    def _eurotherm(self) -> dict[int, Cell]:
        cells: dict[int, Cell] = {
            1: (lambda: _tenths(self._felt()), None),
            2: (lambda: _tenths(self.target), self._set_target),
            3: (lambda: _tenths(self._power()), self._set_output),
            5: (lambda: _tenths(self.target), None),
            24: (lambda: _tenths(self.target), self._set_target),
            107: (lambda: 0x0461, None),
            111: (lambda: _tenths(self.highest), None),
            112: (lambda: _tenths(self.lowest), None),
            121: (lambda: self.identity[0], None),
            122: (lambda: self.identity[1], None),
            258: (lambda: int(self.broken), None),
            273: (lambda: int(self.mode == "manual"), self._set_manual),
        }
        for name in self._held:
            cells[int(name)] = (lambda name=name: self._held[name], lambda word, name=name: self._hold(name, word))  # type: ignore[misc]  # defaults bind the name
        return cells

    def _watlow(self) -> dict[int, Cell]:
        self.mode = "off"
        self._open, self._wanted = [0, 0], list(_float(self._fahrenheit(self.target)))
        cells: dict[int, Cell] = {
            1880: (lambda: next(code for code, mode in WATLOW_MODES.items() if mode == self.mode), self._set_mode),
            1881: (lambda: 0, None),
            2162: (lambda: 0, None),
            2163: (lambda: 0, None),
        }
        for half in (0, 1):
            cells[360 + half] = (lambda half=half: _float(self._fahrenheit(self._felt()))[half], None)  # type: ignore[misc]
            cells[1904 + half] = (lambda half=half: _float(self._power())[half], None)  # type: ignore[misc]
            cells[2160 + half] = (
                lambda half=half: _float(self._fahrenheit(self.target))[half],  # type: ignore[misc]
                lambda word, half=half: self._set_half(half, word),  # type: ignore[misc]
            )
        return cells

    def _fahrenheit(self, celsius: float) -> float:
        return celsius * 1.8 + 32

    def _set_target(self, word: int) -> bool:
        celsius = _signed(word) / 10
        if self.lowest <= celsius <= self.highest:
            self.target = celsius
            return True
        return False

    def _set_output(self, word: int) -> bool:
        percent = _signed(word) / 10
        if self.mode != "manual" or not 0 <= percent <= 100:
            return False
        self.output = percent
        return True

    def _set_manual(self, word: int) -> bool:
        if word not in (0, 1):
            return False
        if word == 1 and self.mode == "auto":
            self.output = max(0.0, self._power())  # without a bump
        self.mode = "manual" if word else "auto"
        return True

    def _hold(self, name: str, word: int) -> bool:
        self._held[name] = word
        return True

    def _set_mode(self, word: int) -> bool:
        if word not in WATLOW_MODES:
            return False
        self.mode, self.output = WATLOW_MODES[word], 0.0
        return True

    def _set_half(self, half: int, word: int) -> bool:
        """Take one half of the set point; the high word comes second and completes it."""
        self._wanted[half] = word
        if half == 0:
            return True
        celsius = (struct.unpack(">f", struct.pack(">HH", self._wanted[1], self._wanted[0]))[0] - 32) / 1.8
        if not self.lowest - 1e-3 <= celsius <= self.highest + 1e-3:  # not a number is neither
            return False
        self.target = celsius
        return True


class _Exception(Exception):
    """A Modbus exception, on its way to the answer."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def _signed(word: int) -> int:
    return word - 0x10000 if word & 0x8000 else word


def _tenths(value: float) -> int:
    return round(value * 10)


def _float(value: float) -> tuple[int, int]:
    """Return a float as low and high word."""
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return low, high
