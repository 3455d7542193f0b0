"""Tecan Cavro XCalibur and XLP 6000, TriContinent C-series: a syringe pump with a valve.

Written from public descriptions of the protocol; not yet checked on hardware.
"""

from __future__ import annotations

from typing import Any, ClassVar

from autolab.drivers import tecan_protocol as wire
from autolab.drivers.position_pump import PositionPump
from autolab.drivers.pump_positions import PumpState, whole_steps
from autolab.drivers.query import Query
from autolab.drivers.tecan_settings import FASTEST, SLOWEST, XCaliburSettings
from autolab.model.errors import GarbledReply, InputError, WrongInstrument

_MODES = {"standard": 0, "fine": 1}


class XCalibur(PositionPump):
    """A Cavro pump with its valve, in DT lines or OEM frames.

    Error 7 after its power came means that it must be initialised: a command, `set("initialize")`, never done by
    connecting.
    """

    settings_model = XCaliburSettings
    settings: XCaliburSettings
    frame_end: ClassVar[bytes] = b"\x03"

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        bus = self.address.bus or 0
        if bus > 14:
            msg = f"{name}: bus address {bus} does not exist; the switch of these pumps has 0..14"
            raise InputError(msg)
        self._pump_line = wire.PumpLine(bus, oem=self.settings.protocol == "oem")
        self._wanted_mode = _MODES[self.settings.resolution]

    # ---- who it is ---------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask for the firmware, twice.

        Raises:
            WrongInstrument: It begins otherwise than the settings say.
        """
        told = yield from self._pump_line.firmware()
        if not told.startswith(self.settings.firmware or ""):
            msg = f"{told!r} answers, wanted is a firmware that begins with {self.settings.firmware!r}"
            raise WrongInstrument(msg)
        return told

    @property
    def strokes(self) -> int:
        """Steps of a full stroke in the resolution that is wanted."""
        return self.settings.increments * (8 if self._wanted_mode else 1)

    @property
    def rate_range(self) -> tuple[float, float]:
        """Lowest and highest rate with this syringe, mL/min."""
        return self._rate(SLOWEST), self._rate(FASTEST)

    def nearest_rate(self, rate: float) -> float:
        """Return the rate in whole pulses a second, mL/min."""
        return self._rate(self._speed(rate))

    def _speed(self, rate: float) -> int:
        return whole_steps(rate, self.settings.volume_mL, self.settings.stroke_pulses)

    def _rate(self, speed: int) -> float:
        return round(speed * 60.0 * self.settings.volume_mL / self.settings.stroke_pulses, 9)

    # ---- looking -----------------------------------------------------------------------------------------------

    async def look(self) -> PumpState:
        """Ask for status, mode, whether it was initialised, and position."""
        status, mode, told, steps = await self.again(self._pump_line.state)
        fine = self._wanted_mode if mode is None else int(mode)
        error = self._pump_line.error
        initialized = None if told is None else told == "1"
        if error in (wire.NOT_INITIALIZED, *wire.MUST_INITIALIZE):
            initialized = False
        elif status.ready:
            self._pump_line.error = 0  # told now, and over
        trouble = "" if error in (0, wire.NOT_INITIALIZED) else wire.words(error)
        return PumpState(
            steps / (self.settings.increments * (8 if fine else 1)), not status.ready, initialized, trouble
        )

    async def read_place(self) -> str:
        """Return where the valve is: a letter or a number."""
        return await self.again(lambda: self._pump_line.report("?6", "[iobe]|1?[0-9]"))

    # ---- commands ----------------------------------------------------------------------------------------------

    async def load_rate(self, rate: float) -> None:
        """Set the top speed and read it back.

        Raises:
            GarbledReply: It reads back otherwise.
        """
        speed = self._speed(rate)
        await self.again(lambda: self._pump_line.command(f"V{speed}R"))
        told = await self.again(lambda: self._pump_line.report("?2", r"\d{1,5}"))
        if int(told) != speed:
            msg = f"its top speed reads back {told} after it was set to {speed}"
            raise GarbledReply(msg, command="?2")

    async def set_scale(self) -> None:
        """Set how fine positions are and read it back, unless it is so; where the pump does not tell, set it anyway.

        Raises:
            GarbledReply: It reads back otherwise.
        """
        told = await self.again(self._pump_line.mode)
        if told == str(self._wanted_mode):
            return
        await self.again(lambda: self._pump_line.command(f"N{self._wanted_mode}R"))
        if told is not None and (told := await self.again(self._pump_line.mode)) != str(self._wanted_mode):
            msg = f"its mode reads back {told} after it was set to {self._wanted_mode}"
            raise GarbledReply(msg, command="?28")

    async def begin_move(self, steps: int, rate: float) -> None:
        """Send the plunger to an absolute position."""
        await self.query(self._pump_line.command(f"A{steps}R"))

    async def begin_initialize(self) -> None:
        """Send plunger and valve home."""
        await self.query(self._pump_line.command(f"{self.settings.home_command}R"))

    async def begin_turn(self, place: str) -> None:
        """Turn the valve: to a letter, or clockwise to a number."""
        await self.query(self._pump_line.command(f"I{place}R" if place.isdigit() else f"{place.upper()}R"))

    async def send_stop(self) -> None:
        """Terminate what it does."""
        await self.query(self._pump_line.exchange("T"), urgent=True)
