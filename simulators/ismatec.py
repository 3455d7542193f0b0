"""An Ismatec Reglo ICC: a peristaltic pump with one to four channels that turn independently.

The facts are those of the project's instrument sheet and of the maker's public manuals (14-036, revisions C and D, and the
older one of the legacy commands). `[M]` marks what comes from memory or is assumed: that events end in CR LF, what stands
behind `^U1|` and `^X1|`, and that `^U` comes each second; that `:` and `W` are about one channel; that `f` and `v` answer
with what they were set to; that a channel that runs refuses `H` with `#`; that without power all goes back to what was
saved by `*`, events and channel addressing too; flows of hoses other than 0.13 and 0.19 mm.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from autolab.model.errors import InputError
from autolab.simulators.ismatec_channel import Channel
from autolab.simulators.ismatec_commands import COMMANDS, data
from autolab.simulators.ismatec_hoses import Hose, Hoses
from autolab.simulators.talker import Talker
from autolab.simulators.world import number, part

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.simulators.simulator import Place

FRAME = re.compile(r"(\d)(xx?[A-Za-z!]|VM|VH|TM|TH|DA|.)(.*)", re.DOTALL)
EVENT_S = 1.0


class RegloICCSimulator(Talker):
    """The pump.

    Settings from the lab file: `channels` (its `tubing_mm` are what the pump was set up with). Options (under
    `virtual.instruments.<name>`): `channels` (how many there are), `serial_number`, `firmware`, `legacy` (begins without
    channel addressing), `events` (begins with events on), `slip` (fraction that each channel moves less than it counts),
    `stuck` (a channel whose rollers do not turn, 0 for none).

    Args:
        place: Where it stands.
    """

    frame_end: ClassVar[tuple[bytes, ...]] = (b"\r\n", b"\r")
    options: ClassVar[tuple[str, ...]] = (
        "channels", "serial_number", "firmware", "legacy", "events", "slip", "stuck",
    )  # fmt: skip
    kept: ClassVar[tuple[str, ...]] = ("addressing", "events", "name_shown", "language")
    baud = 9600
    reaction = 0.003

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        count = int(number(place.options, "channels", 4))
        if not 1 <= count <= 4:
            msg = f"virtual.instruments.{place.name}.channels: {count} is not 1 to 4"
            raise InputError(msg)
        self.serial = str(place.options.get("serial_number", "A123456789"))
        self.firmware = str(place.options.get("firmware", "0208"))
        slip, stuck = number(place.options, "slip", 0.0), int(number(place.options, "stuck", 0))
        hoses = self.world.body(
            place.name,
            lambda: Hoses({ch: Hose(self.world, f"{place.name}.ch{ch}", slip) for ch in range(1, count + 1)}),
        )
        self.channels = {
            ch: Channel(hose, self.later, partial(self._event, ch), stuck=stuck == ch)
            for ch, hose in hoses.hoses.items()
        }
        declared = part(place.settings, "channels")
        for ch, channel in self.channels.items():
            channel.settings.tube = number(part(declared, f"ch{ch}"), "tubing_mm", 1.52)
        self.language, self.name_shown, self.address = 0, "", 1
        self._addressing, self._events = not place.options.get("legacy"), bool(place.options.get("events"))
        self.addressing, self.events = self._addressing, self._events
        self._saved = {ch: channel.snapshot() for ch, channel in self.channels.items()}
        self._pump = self._pump_commands()

    # ---- the line ----------------------------------------------------------------------------------------------

    def hear(self, frame: bytes) -> None:
        """Take one command."""
        self.world.advance()
        text = frame.decode("latin-1").lstrip("\n")
        if text.startswith("@"):
            self._set_address(text[1:])
            return
        found = FRAME.fullmatch(text)
        if found is None:
            self.say(b"#")
            return
        address = int(found[1])
        if not self.addressing and address != self.address:
            return  # of another pump on the line
        self.say(self._answer(address, found[2], found[3]).encode("latin-1"))

    def _set_address(self, text: str) -> None:
        good = text.isdigit() and 1 <= int(text) <= 8
        self.address = int(text) if good else self.address
        self.say(b"*" if good else b"#")

    def _answer(self, address: int, name: str, rest: str) -> str:
        if name in self._pump:
            return self._pump[name](rest)
        if name not in COMMANDS:
            return "#"
        channels = list(self.channels.values()) if address == 0 or not self.addressing else [self.channels.get(address)]
        answers = ["#" if channel is None else COMMANDS[name](channel, rest) for channel in channels]
        return next((each for each in answers if each in ("#", "-")), answers[0])

    def _event(self, ch: int, letter: str) -> None:
        """Tell of a start or an end; while it runs, tell again each second."""
        if not self.events or not self.addressing:
            return
        channel = self.channels[ch]
        if letter == "X":
            self.say(f"^X{ch}|A\r\n".encode("ascii"))
            return
        left = (channel.volume or 0.0) - channel.hose.moved
        seconds = max(0.0, 60.0 * left / channel.rate)
        dosed = channel.hose.moved * 1e6
        self.say(f"^U{ch}|A|{seconds * 10:.0f}|{dosed:.0f}|{channel.settings.cycles}\r\n".encode("ascii"))
        self.later(EVENT_S, partial(self._again, ch))

    def _again(self, ch: int) -> None:
        self.world.advance()
        if self.channels[ch].running:
            self._event(ch, "U")

    # ---- commands ----------------------------------------------------------------------------------------------

    def _pump_commands(self) -> dict[str, Callable[[str], str]]:
        count = len(self.channels)
        return {
            "~": self._set_addressing, "xE": self._set_events, "x!": lambda rest: data("8"),
            "xS": self._set_serial, "xA": lambda rest: "*" if rest else data(str(count)),
            "(": lambda rest: data(self.firmware), "#": lambda rest: data(f"REGLO ICC {self.firmware} {count}08"),
            ")": lambda rest: "*" if rest else data(f"0{count}08"), "xL": self._set_language,
            "xN": self._set_name, "*": self._save, "0": self._reset, "A": _yes, "B": _yes, "D": _yes, "DA": _yes,
            "xt": _yes, "xs": _yes, "xu": _yes, "C": lambda rest: "-",
            "U": lambda rest: "*" if rest else data("00000"), "u": lambda rest: "*" if rest else data("00000"),
        }  # fmt: skip

    def _set_addressing(self, rest: str) -> str:
        if not rest:
            return data("1" if self.addressing else "0")
        if rest not in ("0", "1"):
            return "#"
        self.addressing = rest == "1"
        return "*"

    def _set_events(self, rest: str) -> str:
        if not rest:
            return data("1" if self.events else "0")
        if rest not in ("0", "1"):
            return "#"
        self.events = rest == "1"
        return "*"

    def _set_serial(self, rest: str) -> str:
        if not rest:
            return data(self.serial)
        self.serial = rest
        return "*"

    def _set_language(self, rest: str) -> str:
        if not rest:
            return data(str(self.language))
        self.language = int(rest) if rest in "0123" else self.language
        return "*" if rest in "0123" else "#"

    def _set_name(self, rest: str) -> str:
        self.name_shown = rest
        return "*"

    def _save(self, rest: str) -> str:
        self._saved = {ch: channel.snapshot() for ch, channel in self.channels.items()}
        self._addressing, self._events = self.addressing, self.events
        return "*"

    def _reset(self, rest: str) -> str:
        for channel in self.channels.values():
            channel.stop()
            channel.reset()
        return "*"

    # ---- the simulator's contract ------------------------------------------------------------------------------

    def is_safe(self) -> bool:
        """Say whether all channels stand still."""
        self.world.advance()
        return not any(channel.running for channel in self.channels.values())

    def power_cycle(self) -> None:
        """Lose power and come back with what was saved; the counters are at zero."""
        self.world.advance()
        self.events, events = False, self._events
        for ch, channel in self.channels.items():
            channel.stop()
            channel.restore(self._saved[ch])
            channel.hose.total = 0.0
        super().power_cycle()
        self.addressing, self.events, self.address = self._addressing, events, 1

    def snapshot(self) -> dict[str, JSON]:
        """Return its state; it must stand."""
        channels: dict[str, JSON] = {str(ch): channel.snapshot() for ch, channel in self.channels.items()}
        return {**super().snapshot(), "channels": channels}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`, at a standstill."""
        super().restore(state)
        for ch, channel in self.channels.items():
            channel.restore(part(part(state, "channels"), str(ch)))


def _yes(rest: str) -> str:
    return "*"
