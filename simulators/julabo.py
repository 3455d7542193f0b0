"""A Julabo circulator (commands end with CR, answers with CR LF or LF).

The facts are those of the project's instrument sheet, of the maker's manuals (FL, Eco and CF series: status and error
messages, pauses, that an order is obeyed only under remote control) and of public clients. `[M]` marks general
knowledge: that an alarm stops it and must be acknowledged by switching it off and on, and that set point and mode of
control are kept without power.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from autolab.model.errors import InputError
from autolab.simulators.baths import Bath
from autolab.simulators.simulator import Place
from autolab.simulators.talker import Talker
from autolab.simulators.world import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autolab.model.actions import JSON

ALARMS = {
    -1: "LOW LEVEL ALARM", -3: "EXCESS TEMPERATURE WARNING", -4: "LOW TEMPERATURE WARNING", -5: "WORKING SENSOR ALARM",
    -6: "SENSOR DIFFERENCE ALARM", -7: "I2C-BUS ERROR", -15: "EXTERNAL SENSOR ALARM", -33: "SAFETY SENSOR ALARM",
}  # fmt: skip
REFUSALS = {
    -8: "INVALID COMMAND", -9: "COMMAND NOT ALLOWED IN CURRENT OPERATING MODE", -10: "VALUE TOO SMALL",
    -11: "VALUE TOO LARGE",
}  # fmt: skip
STATES = ("MANUAL STOP", "MANUAL START", "REMOTE STOP", "REMOTE START")
FREE = {"SP_07": (1, 4), "MODE_01": (0, 2), "MODE_04": (0, 1),
        "PAR_06": (0.1, 99.9), "PAR_07": (3, 9999), "PAR_08": (0, 999),
        "PAR_09": (0.1, 99.9), "PAR_11": (3, 9999), "PAR_12": (0, 999)}  # fmt: skip
START = {"SP_07": 2.0, "MODE_01": 0.0, "MODE_04": 0.0, "PAR_06": 0.7, "PAR_07": 300.0, "PAR_08": 20.0,
         "PAR_09": 0.7, "PAR_11": 800.0, "PAR_12": 50.0}  # fmt: skip
WHOLE = ("SP_07", "MODE_01", "MODE_04", "PAR_07", "PAR_08", "PAR_11", "PAR_12")
_ORDER = re.compile(r"(IN|OUT)_([A-Z]+_\d\d)(?: +(\S+))?")


class CirculatorSimulator(Talker):
    """A circulator with its bath.

    Options (under `virtual.instruments.<name>` in the lab file): `version` (its name), `dialect` (`v1` or `v2`; that of
    the driver's settings), `remote` (false: its panel has it), `lowest_C` and `highest_C`, `alarm` (a code that it has
    from the start, such as -1), `strength` (what part of its power it still has), `probe` (false: no external sensor),
    `noise_C` (standard deviation of temperatures as told).

    Args:
        place: Where it stands.

    Attributes:
        remote: Whether it obeys orders.
        running: Whether it circulates.
        alarm: Code of its alarm; 0 for none.
    """

    frame_end: ClassVar[tuple[bytes, ...]] = (b"\r",)
    options: ClassVar[tuple[str, ...]] = (
        "version", "dialect", "remote", "lowest_C", "highest_C", "alarm", "strength", "probe", "noise_C",
    )  # fmt: skip
    kept: ClassVar[tuple[str, ...]] = ("remote", "running", "alarm", "target", "highest", "lowest", "free", "told")
    baud = 4800

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        options = place.options
        self.dialect = str(options.get("dialect", place.settings.get("dialect", "v2")))
        if self.dialect not in ("v1", "v2"):
            msg = f"dialect: {self.dialect!r} is not known here; write v1 or v2"
            raise InputError(msg)
        self.version = str(options.get("version", "JULABO FP50-HP VERSION 4.0"))
        self.remote, self.running = bool(options.get("remote", True)), False
        self.alarm = int(number(options, "alarm", 0))
        self.lowest, self.highest = number(options, "lowest_C", -30.0), number(options, "highest_C", 150.0)
        self.probe = bool(options.get("probe", True))
        self.noise = number(options, "noise_C", 0.005) * place.noise
        self.target, self.told = 20.0, 0
        self.free: dict[str, float] = dict(START)
        self.bath = self.world.body(place.name, Bath)
        self.bath.strength = number(options, "strength", 1.0)

    # ---- the world ---------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Come up stopped; set point and mode of control are kept, alarms are over."""
        self.told = self.alarm = 0
        self._run(on=False)

    def is_safe(self) -> bool:
        """Say whether it is stopped."""
        return not self.running

    def trip(self, code: int) -> None:
        """Have an alarm, for tests: one that is no warning stops it."""
        self.world.advance()
        self.alarm = code
        if "WARNING" not in ALARMS.get(code, ""):
            self._run(on=False)

    def press(self, celsius: float) -> None:
        """Turn the set point at its panel, for tests."""
        self._take("SP_00", celsius)

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`."""
        super().restore(state)
        self.free = dict(self.free)

    def snapshot(self) -> dict[str, JSON]:
        """Return its state as JSON."""
        return {**super().snapshot(), "free": dict(self.free)}

    def _run(self, *, on: bool) -> None:
        self.world.advance()
        self.running = on
        self.bath.target = self.target if on else None

    # ---- commands ----------------------------------------------------------------------------------------------

    def hear(self, frame: bytes) -> None:
        """Answer a question; carry an order out and say nothing."""
        self.world.advance()
        text = frame.decode("latin-1").strip().upper()
        if text == "VERSION":
            self._line_out(self.version)
        elif text == "STATUS":
            self._line_out(self._status())
        elif (found := _ORDER.fullmatch(text)) is None:
            self.told = -8 if text else self.told
        elif found[1] == "IN" and found[3] is None:
            self._question(found[2])
        elif found[1] == "OUT" and found[3] is not None:
            self._order(found[2], found[3])
        else:
            self.told = -8

    def _question(self, name: str) -> None:
        answers = self._answers()
        if name in answers:
            self._line_out(answers[name])
        else:
            self.told = -8

    def _answers(self) -> dict[str, str]:
        v1, bath = self.dialect == "v1", self.bath
        external = self._celsius(bath.temperature) if self.probe else "---.--"
        options = bath.options
        power = f"{100 * bath.power / (options.heater if bath.power >= 0 else options.cooler):.0f}"
        answers = {
            "PV_00": self._celsius(bath.temperature),
            "PV_01" if v1 else "PV_02": external,
            "PV_02" if v1 else "PV_01": power,
            "PV_03": self._celsius(bath.temperature + 0.3),
            "PV_04": f"{self.highest + 20:.0f}",
            "SP_00": f"{self.target:.2f}",
            "SP_01" if v1 else "SP_03": f"{self.highest:.2f}",
            "SP_02" if v1 else "SP_04": f"{self.lowest:.2f}",
            "MODE_05": str(int(self.running)),
        }
        return {**answers, **{name: f"{x:.0f}" if name in WHOLE else f"{x:.1f}" for name, x in self.free.items()}}

    def _order(self, name: str, text: str) -> None:
        value = _value(text)
        if name not in ("SP_00", "MODE_05", *self._settable, *FREE) or value is None:
            self.told = -8
        elif not self.remote or (name == "MODE_05" and value == 1 and self._stopped_by_alarm):
            self.told = -9
        elif name == "MODE_05":
            self._switch(value)
        else:
            self._take(name, value)

    @property
    def _settable(self) -> dict[str, str]:
        return {} if self.dialect == "v1" else {"SP_03": "highest", "SP_04": "lowest"}

    @property
    def _stopped_by_alarm(self) -> bool:
        return self.alarm != 0 and "WARNING" not in ALARMS.get(self.alarm, "")

    def _switch(self, value: float) -> None:
        if value in (0, 1):
            self._run(on=value == 1)
        else:
            self.told = -11 if value > 1 else -10

    def _take(self, name: str, value: float) -> None:
        low, high = (self.lowest, self.highest) if name == "SP_00" else FREE.get(name, (-100.0, 400.0))
        if not low <= value <= high:
            self.told = -10 if value < low else -11
        elif name == "SP_00":
            self.target = round(value, 2)
            self._run(on=self.running)
        elif name in FREE:
            self.free[name] = value
        else:
            setattr(self, self._settable[name], value)

    def _status(self) -> str:
        """Return what it says of the last order that it refused, once; else its alarm; else its state."""
        told, self.told = self.told, 0
        if told or self.alarm:
            code = told or self.alarm
            return f"{code:03d} {REFUSALS.get(code) or ALARMS.get(code, 'ALARM')}"
        state = 2 * self.remote + self.running
        return f"{state:02d} {STATES[state]}"

    # ---- form --------------------------------------------------------------------------------------------------

    def _celsius(self, value: float) -> str:
        return f"{value + self.noise * self.chance.normal():.2f}"

    def _line_out(self, text: str) -> None:
        self.say(text.encode("ascii") + (b"\r\n" if self.dialect == "v1" else b"\n"))


def _value(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[+-]?(?:\d+\.?\d*|\.\d+)", text) else None
