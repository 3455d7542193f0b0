"""Atlas Scientific EZO-pH: pH.

Written from public descriptions of the commands; not yet checked on hardware.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import atlas_ezo_protocol as wire
from autolab.drivers.atlas_ezo_compensated import Compensated
from autolab.drivers.atlas_ezo_ph_settings import PHSettings
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON
from autolab.model.errors import GarbledReply, Refused

RANGE: Final = (0.0, 14.0)  # datasheet: .001 to 14.000
EXTENDED: Final = (-1.6, 15.6)  # datasheet: pHext
BUFFERS: Final = {"mid": (6.0, 8.0), "low": (0.0, 7.0), "high": (7.0, 14.0)}
NAN: Final = float("nan")


class PH(Compensated):
    """An EZO-pH circuit with its electrode.

    Attributes:
        pH: The reading.
        acid_slope: Of the electrode below the middle, percent of an ideal one; known with calibration.
        base_slope: Likewise above it.
        zero_offset: What the electrode gives at pH 7, mV; 0 is ideal. Older firmware does not tell it.
    """

    settings_model = PHSettings
    settings: PHSettings
    circuit: ClassVar[str] = "PH"

    pH = Cpt(Reading, value=NAN, precision=3, kind=Kind.hinted)  # noqa: N815  the quantity's symbol
    acid_slope = Cpt(Reading, value=NAN, units="%", precision=1, kind=Kind.config)
    base_slope = Cpt(Reading, value=NAN, units="%", precision=1, kind=Kind.config)
    zero_offset = Cpt(Reading, value=NAN, units="mV", precision=2, kind=Kind.config)

    async def do_configure(self) -> None:
        """Set compensation and range where they differ.

        Raises:
            NotUnderstood: The extended range is wanted, and its firmware is too old.
        """
        await super().do_configure()
        try:
            await self.settle("pHext", float(self.settings.extended_range), digits=0)
        except wire.NotUnderstood:
            if self.settings.extended_range:
                raise

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return model and firmware, and tell what is known of calibration and electrode."""
        identity = await super().do_identify()
        await self.do_slope()
        return identity

    async def do_slope(self) -> Mapping[str, JSON]:
        """Return how good the electrode is, by the calibration: `acid_percent`, `base_percent`, `zero_mV`."""
        try:
            told = await self.ask("Slope,?")
        except wire.NotUnderstood:
            return {"acid_percent": None, "base_percent": None, "zero_mV": None}
        if len(told) not in (2, 3):
            msg = (
                f"the reply to 'Slope,?' holds {len(told)} fields instead of 3 (older firmware: 2): {','.join(told)!r}"
            )
            raise GarbledReply(msg, instrument=self.name, command="Slope,?")
        values = [wire.number(text, "slope") for text in told]
        for signal, value in zip((self.acid_slope, self.base_slope, self.zero_offset), values, strict=False):
            signal.tell(value)
        zero: JSON = values[2] if len(values) == 3 else None
        return {"acid_percent": values[0], "base_percent": values[1], "zero_mV": zero}

    def tolerance(self, mean: float) -> float:
        """Return how far agreeing readings may lie apart."""
        return self.settings.within_pH

    def check_reading(self, values: Sequence[float]) -> None:
        """Check a reading.

        Raises:
            GarbledReply: No pH.
            InstrumentAlarm: At an end of the range, which stands for all that lies beyond.
        """
        low, high = EXTENDED if self.settings.extended_range else RANGE
        if not low <= values[0] <= high:
            msg = f"{values[0]:g} is no pH of {low:g}..{high:g}"
            raise GarbledReply(msg, instrument=self.name, port=self.address.port, command="R")
        if values[0] in (low, high):
            raise self.alarm(
                f"reads {values[0]:g}, an end of its range, which stands for all beyond: is the electrode plugged in, wet "
                "and whole? For strong acids and bases say `extended_range: true`"
            )

    def do_tell(self, values: Sequence[float]) -> Mapping[str, JSON]:
        """Tell the signals a reading, and return it.

        Raises:
            InstrumentAlarm: The pH is outside the limits.
        """
        self.pH.tell(values[0])
        self.check_range("pH", values[0], "")
        return {"pH": values[0], "temperature_C": float(self.temperature.get())}

    def locate(self) -> Mapping[str, Any]:
        """Return the last pH."""
        return {"setpoint": None, "readback": float(self.pH.get())}

    # ---- for people: mid first, for it forgets the others ----------------------------------------------------------

    async def do_calibrate_at(self, point: str, buffer: float) -> int:
        """Calibrate at `mid`, `low` or `high`; return how many points the circuit counts.

        Raises:
            OutsideLimits: No such buffer.
            Refused: The middle is missing; or it is being read.
        """
        low, high = BUFFERS[point]
        if isinstance(buffer, bool) or not isinstance(buffer, int | float) or not low <= buffer <= high:
            raise self.outside(f"pH {buffer!r} is no buffer for the {point} point; it must lie in {low:g}..{high:g}")
        await self.idle()
        if point != "mid" and await self.do_calibration() == 0:
            msg = f"the {point} point comes after the middle one, which would forget it: calibrate_mid(7.0) first"
            raise Refused(msg, instrument=self.name, command=f"Cal,{point}")
        points = await self.do_calibrate(f"Cal,{point},{buffer:.3f}")
        await self.do_slope()
        return points

    def calibrate_mid(self, buffer: float = 7.0) -> int:
        """Calibrate in the middle buffer, the first step: it forgets the other points; return how many there are."""
        return self.people(lambda: self.do_calibrate_at("mid", buffer))

    def calibrate_low(self, buffer: float = 4.0) -> int:
        """Calibrate in the acid buffer, the second step; return how many points there are."""
        return self.people(lambda: self.do_calibrate_at("low", buffer))

    def calibrate_high(self, buffer: float = 10.0) -> int:
        """Calibrate in the basic buffer, the third step; return how many points there are."""
        return self.people(lambda: self.do_calibrate_at("high", buffer))

    def slope(self) -> Mapping[str, JSON]:
        """Return how good the electrode is, by the calibration, and wait for it."""
        return self.people(self.do_slope)
