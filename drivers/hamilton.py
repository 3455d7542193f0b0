"""Hamilton Microlab 600: one or two syringes, each with a valve, in Protocol 1/RNO+.

Written from public descriptions of the protocol; not yet checked on hardware.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from autolab.drivers.hamilton_protocol import DriveLine
from autolab.drivers.hamilton_settings import ML600Settings
from autolab.drivers.position_pump import PositionPump
from autolab.drivers.pump_positions import PumpState
from autolab.drivers.query import Query
from autolab.model.errors import InputError, WrongInstrument
from autolab.model.roles import Dispense, Withdraw

_FULL: Final = 48000  # steps of a full stroke
_SHORTEST, _LONGEST = 2, 3692  # s for a stroke
_COARSE: Final = 0.05  # part by which a rate may differ from what can be told
_SIDES: Final = {"single": "", "left": "B", "right": "C"}
_NEAR: Final = 3  # degrees; a valve stops a degree beside its place, says flowchem


class ML600(PositionPump):
    """A Hamilton Microlab 600, or one of its two drives.

    Speeds are told in whole seconds for a stroke: rates near the highest one are coarse, and one that cannot be told
    within 5 % is refused.
    """

    settings_model = ML600Settings
    settings: ML600Settings
    frame_end: ClassVar[bytes] = b"\r"
    line_settings: ClassVar[Mapping[str, str]] = {"bits": "7", "parity": "O"}

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        bus = self.address.bus or 0
        if bus > 15:
            msg = f"{name}: bus address {bus} does not exist; a chain has 0..15, in the order of its cables"
            raise InputError(msg)
        self._drive_line = DriveLine(bus, _SIDES[self.settings.drive])

    # ---- who it is ---------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask for the firmware, twice."""
        return self._drive_line.firmware()

    async def do_greet(self) -> None:
        """Take state, position and valve over, and see that it has as many syringes as the settings say.

        Raises:
            WrongInstrument: It has one or two where the settings say otherwise.
        """
        await self.query(self.identify_query())
        if await self.again(self._drive_line.single) != (self.settings.drive == "single"):
            has, say = (
                ("one syringe", "single") if self.settings.drive != "single" else ("two syringes", "left or right")
            )
            msg = f"has {has}: set `drive` to {say}"
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port)
        await super().do_greet()

    # ---- steps and rates ---------------------------------------------------------------------------------------

    @property
    def strokes(self) -> int:
        """Steps of a full stroke."""
        return _FULL

    @property
    def rate_range(self) -> tuple[float, float]:
        """Lowest and highest rate with this syringe, mL/min."""
        return self._rate(_LONGEST), self._rate(_SHORTEST)

    def nearest_rate(self, rate: float) -> float:
        """Return the rate in whole seconds for a stroke, mL/min."""
        return self._rate(self._seconds(rate))

    def check_resolution(self, command: Dispense | Withdraw) -> None:
        """Raise OutsideLimits for less than a step, and for a rate that cannot be told."""
        super().check_resolution(command)
        if abs(self.nearest_rate(command.rate) - command.rate) > _COARSE * command.rate:
            exact = 60.0 * self.settings.volume_mL / command.rate
            slower, faster = self._rate(math.ceil(exact)), self._rate(max(math.floor(exact), _SHORTEST))
            raise self.outside(
                f"rate {command.rate:g} mL/min cannot be told in whole seconds for a stroke: near it are {slower:.4g} and "
                f"{faster:.4g} mL/min"
            )

    def _seconds(self, rate: float) -> int:
        return min(max(round(60.0 * self.settings.volume_mL / rate), _SHORTEST), _LONGEST)

    def _rate(self, seconds: int) -> float:
        return round(60.0 * self.settings.volume_mL / seconds, 9)

    # ---- looking -----------------------------------------------------------------------------------------------

    async def look(self) -> PumpState:
        """Ask for what is at work, errors, and position."""
        state = await self.again(self._drive_line.state)
        return PumpState(state.position / _FULL, state.moving, state.initialized, state.trouble)

    async def read_place(self) -> str:
        """Return where the valve is; an angle beside that of a port is the port's."""
        if self.settings.valve_by == "place":
            return await self.again(lambda: self._drive_line.question("LQPR", "[1-9]"))
        told = int(await self.again(lambda: self._drive_line.question("LQAR", r"\d{1,3}")))
        beside = {place: abs((told - int(place) + 180) % 360 - 180) for place in self.settings.valve_ports.values()}
        nearest = min(beside, key=lambda place: beside[place])
        return nearest if beside[nearest] <= _NEAR else str(told)

    # ---- commands ----------------------------------------------------------------------------------------------

    async def begin_move(self, steps: int, rate: float) -> None:
        """Send the plunger to an absolute position, in so many seconds for a stroke."""
        await self.query(self._drive_line.command(f"M{steps}S{self._seconds(rate)}R"))

    async def begin_initialize(self) -> None:
        """Send valve and plunger home; of two drives this one alone, its valve first."""
        speed = f"S{self.settings.home_s}" if self.settings.home_s else ""
        if self.settings.drive == "single":
            await self.query(self._drive_line.command(f"X{speed}R"))
            return
        await self.query(self._drive_line.command("LXR"))
        await self.settled(self.settings.valve_s, "initialising the valve")
        await self.query(self._drive_line.command(f"X1{speed}R"))

    async def begin_turn(self, place: str) -> None:
        """Turn the valve clockwise to a place or an angle."""
        await self.query(self._drive_line.command(f"{'LP0' if self.settings.valve_by == 'place' else 'LA0'}{place}R"))

    async def send_stop(self) -> None:
        """Halt, then forget what waits in the buffer: halted alone, it would go on at `$`."""
        await self.query(self._drive_line.command("K"), urgent=True)
        await self.query(self._drive_line.command("V"), urgent=True)
