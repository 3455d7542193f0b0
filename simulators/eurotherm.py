"""An Eurotherm controller that speaks EI-Bisynch (9600 7E1).

The facts are those of the project's instrument sheet. `[M]` marks general knowledge: that EOT answers a mnemonic that
there is not, the numbers in EE, that a value outside its limits is not acknowledged, that the set point is kept without
power, and that NAK from the host has the last answer said again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from autolab.simulators.baths import BLOCK, Bath
from autolab.simulators.simulator import Place
from autolab.simulators.talker import Talker
from autolab.simulators.world import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autolab.model.actions import JSON

STX, ETX, EOT, ENQ, ACK, NAK = 2, 3, 4, 5, 6, 0x15
NONE, UNKNOWN, DAMAGED, OUTSIDE, NO_NUMBER = 0, 1, 2, 4, 5  # numbers in EE
FREE = {"XP": 10.0, "TI": 120.0, "TD": 20.0, "HO": 100.0, "OR": 0.0, "AT": 0.0}
_NUMBER = re.compile(rb" *[+-]?(?:\d+\.?\d*|\.\d+) *")


class ControllerSimulator(Talker):
    """A controller with the block that it heats.

    Options (under `virtual.instruments.<name>` in the lab file): `identity` (what it answers to `II`), `lowest_C` and
    `highest_C`, `manual_output` (%, which its panel has set; null for automatic), `after_power` (`continue` or `off`),
    `strength` (what part of its power it still has), `noise_C`.

    Args:
        place: Where it stands; its `bus` is group and unit in two digits, 1 where it has none.

    Attributes:
        target: Set point, degC.
        error: What EE tells of the last command that failed.
    """

    longest: ClassVar[int] = 64
    options: ClassVar[tuple[str, ...]] = (
        "identity", "lowest_C", "highest_C", "manual_output", "after_power", "strength", "noise_C",
    )  # fmt: skip
    kept: ClassVar[tuple[str, ...]] = ("target", "error", "free")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        options = place.options
        group, unit = divmod(place.bus or 1, 10)
        self.address = f"{group}{group}{unit}{unit}".encode()
        self.identity = str(options.get("identity", place.settings.get("identity") or ">2480"))
        self.lowest, self.highest = number(options, "lowest_C", 0.0), number(options, "highest_C", 300.0)
        self.after_power = str(options.get("after_power", "continue"))
        self.noise = number(options, "noise_C", 0.02) * place.noise
        self.target, self.error = 0.0, NONE
        self.free: dict[str, float] = dict(FREE)
        self._last = b""
        self.bath = self.world.body(place.name, lambda: Bath(BLOCK))
        self.bath.strength = number(options, "strength", 1.0)
        if options.get("manual_output") is not None:
            self.bath.manual = number(options, "manual_output", 0.0) / 100 * BLOCK.heater
        self.bath.target = self.target

    # ---- the world ---------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Come up as it was, or with nothing to heat for."""
        if self.after_power == "off":
            self.press(0.0)
        self.error, self._last = NONE, b""

    def is_safe(self) -> bool:
        """Say whether it gives no power and has nothing to heat for."""
        return self.bath.power <= 0 and self.target <= self.bath.options.room

    def press(self, celsius: float) -> None:
        """Turn the set point at its panel."""
        self.target = self.bath.target = celsius

    def snapshot(self) -> dict[str, JSON]:
        """Return its state as JSON."""
        return {**super().snapshot(), "free": dict(self.free)}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`."""
        super().restore(state)
        self.free = dict(self.free)

    # ---- frames ------------------------------------------------------------------------------------------------

    def take(self) -> bytes | None:
        """Return the next question or order, from behind its EOT; what stands before an EOT is forgotten.

        A single NAK is the host's wish to hear the last answer again.
        """
        line = bytes(byte & 0x7F for byte in self._line)
        begin = line.find(EOT)
        if begin < 0:
            self._line = b""
            return bytes([NAK]) if bytes([NAK]) in line else None
        end = _end(line[begin:])
        again = line.find(EOT, begin + 1, begin + end - 1 if end else None)  # a check character may be one by chance
        if again > 0:
            self._line = line[again:]  # a new beginning ends what was not complete
            return self.take()
        if end == 0:
            self._line = line[begin:]
            return None
        self._line = line[begin + end :]
        return line[begin + 1 : begin + end]

    def hear(self, frame: bytes) -> None:
        """Answer a question or an order that is for this controller."""
        if frame == bytes([NAK]):
            self.say(self._last)
            return
        if frame[:4] != self.address:
            self._last = b""
            return
        self.world.advance()
        if frame[4] == STX:
            self._answer(bytes([ACK if self._order(frame[5:]) else NAK]))
        else:
            self._question(frame[4:6].decode("latin-1"))

    def _answer(self, data: bytes) -> None:
        self._last = data
        self.say(data)

    def _question(self, mnemonic: str) -> None:
        told = self._told()
        if mnemonic not in told:
            self.error = UNKNOWN
            self._answer(bytes([EOT]))
            return
        body = f"{mnemonic}{told[mnemonic]}".encode() + bytes([ETX])
        self._answer(bytes([STX]) + body + bytes([_check(body)]))

    def _told(self) -> dict[str, str]:
        power = 100 * self.bath.power / self.bath.options.heater
        told = {
            "PV": _text(self.bath.temperature + self.noise * float(self.chance.normal())),
            "SL": _text(self.target),
            "SP": _text(self.target),
            "OP": _text(power),
            "LS": _text(self.lowest),
            "HS": _text(self.highest),
            "EE": f">{self.error:04X}",
            "II": self.identity,
        }
        return {**told, **{name: _text(value) for name, value in self.free.items()}}

    def _order(self, body: bytes) -> bool:
        """Carry an order out, and say whether it is acknowledged; EE tells why not."""
        mnemonic, value = body[:2].decode("latin-1"), body[2:-2]
        self.error = NONE
        if _check(body[:-1]) != body[-1]:
            self.error = DAMAGED
        elif mnemonic not in self._told():
            self.error = UNKNOWN
        elif not _NUMBER.fullmatch(value):
            self.error = NO_NUMBER
        elif mnemonic == "SL" and self.lowest <= float(value) <= self.highest:
            self.press(round(float(value), 1))
        elif mnemonic in self.free:
            self.free[mnemonic] = float(value)
        else:
            self.error = OUTSIDE
        return self.error == NONE


def _end(line: bytes) -> int:
    """Return the length of the frame that begins with EOT; 0 while it is incomplete."""
    if len(line) > 5 and line[5] == STX:
        at = line.find(ETX, 5)
        return at + 2 if 0 <= at < len(line) - 1 else 0
    return 8 if len(line) >= 8 and line[7] == ENQ else 0


def _check(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
    return value


def _text(value: float) -> str:
    return f"{round(value, 1) + 0.0:5.1f}"
