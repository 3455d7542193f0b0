"""Atlas Scientific EZO-DO: dissolved oxygen.

Written from public descriptions of the commands; not yet checked on hardware.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import atlas_ezo_protocol as wire
from autolab.drivers.atlas_ezo_compensated import Compensated
from autolab.drivers.atlas_ezo_do_settings import OUTPUTS, DOSettings
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON
from autolab.model.errors import GarbledReply

MOST: Final = {"mg": (100.0, "mg/L"), "%": (400.0, "%")}  # datasheet: 100+ mg/L, 400+ percent
_KPA_PER_BAR: Final = 100.0
_SAME_PSU: Final = 0.0051
NAN: Final = float("nan")


class DO(Compensated):
    """An EZO-DO circuit with its probe.

    Attributes:
        oxygen: Dissolved oxygen, mg/L; where `outputs` has mg.
        saturation: Percent of that in water under air; where `outputs` has %.
        salinity: For which the circuit compensates, PSU.
        pressure: For which the circuit compensates, bar.
    """

    settings_model = DOSettings
    settings: DOSettings
    circuit: ClassVar[str] = "DO"

    oxygen = Cpt(Reading, value=NAN, units="mg/L", precision=2, kind=Kind.hinted)
    saturation = Cpt(Reading, value=NAN, units="%", precision=1, kind=Kind.hinted)
    salinity = Cpt(Reading, value=NAN, units="PSU", precision=2, kind=Kind.config)
    pressure = Cpt(Reading, value=NAN, units="bar", precision=4, kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self._told = {"mg": (self.oxygen, "oxygen"), "%": (self.saturation, "saturation")}
        for output, (signal, _) in self._told.items():
            if output not in self.settings.outputs:
                signal.kind = Kind.omitted

    @property
    def numbers(self) -> int:
        """How many numbers a reading holds."""
        return len(self.settings.outputs)

    async def do_configure(self) -> None:
        """Set compensations and outputs where they differ."""
        await super().do_configure()
        self.salinity.tell(await self._settle_salinity(self.settings.salinity_PSU))
        kilopascal = await self.settle("P", self.settings.pressure_bar * _KPA_PER_BAR)
        self.pressure.tell(kilopascal / _KPA_PER_BAR)
        await self.choose_outputs(OUTPUTS, self.settings.outputs)

    async def _settle_salinity(self, wanted: float) -> float:
        """Set the salinity where the circuit has another, PSU; it may have been told a conductivity.

        Raises:
            GarbledReply: It reads back otherwise.
        """
        for attempt in (1, 2):
            told, *unit = await self.ask("S,?")
            value = wire.number(told, "salinity")
            if abs(value - wanted) < _SAME_PSU and (value == 0.0 or [one.lower() for one in unit] == ["ppt"]):
                return value
            if attempt == 1:
                await self.again(lambda: wire.put(f"S,{wanted:.2f},ppt"))
        msg = f"the salinity reads back {' '.join((told, *unit))!r} after it was set to {wanted:g} ppt"
        raise GarbledReply(msg, instrument=self.name, command="S,?")

    async def do_verify(self) -> None:
        """See that one number was what it was taken for: mg/L and percent look alike.

        Raises:
            InstrumentAlarm: Somebody has changed the outputs.
        """
        await self.verify_outputs(OUTPUTS, self.settings.outputs)

    def tolerance(self, mean: float) -> float:
        """Return how far agreeing readings may lie apart."""
        return max(abs(mean) * self.settings.within_percent / 100, self.settings.within_mg_L)

    def check_reading(self, values: Sequence[float]) -> None:
        """Check a reading.

        Raises:
            GarbledReply: A number is negative.
            InstrumentAlarm: A number is beyond the circuit's range.
        """
        for output, value in zip(self.settings.outputs, values, strict=True):
            most, unit = MOST[output]
            if value < 0:
                msg = f"a reading is negative: {value:g} {unit}"
                raise GarbledReply(msg, instrument=self.name, port=self.address.port, command="R")
            if value > most:
                raise self.alarm(f"{value:g} {unit} of oxygen is beyond its range, 0..{most:g} {unit}")

    def do_tell(self, values: Sequence[float]) -> Mapping[str, JSON]:
        """Tell the signals a reading, and return it.

        Raises:
            InstrumentAlarm: A number is outside the limits.
        """
        names = {"mg": "oxygen_mg_L", "%": "saturation_percent"}
        for output, value in zip(self.settings.outputs, values, strict=True):
            self._told[output][0].tell(value)
        for output, value in zip(self.settings.outputs, values, strict=True):
            self.check_range(self._told[output][1], value, f" {MOST[output][1]}")
        told = {names[output]: value for output, value in zip(self.settings.outputs, values, strict=True)}
        return {**told, "temperature_C": float(self.temperature.get())}

    def locate(self) -> Mapping[str, Any]:
        """Return the last reading: mg/L, or percent where it is all there is."""
        signal, _ = self._told[self.settings.outputs[0]]
        return {"setpoint": None, "readback": float(signal.get())}

    # ---- for people ------------------------------------------------------------------------------------------------

    def calibrate_air(self) -> int:
        """Calibrate the dry probe in air; return how many points the circuit counts."""
        return self.people(lambda: self.do_calibrate("Cal"))

    def calibrate_zero(self) -> int:
        """Calibrate in a solution free of oxygen; return how many points the circuit counts."""
        return self.people(lambda: self.do_calibrate("Cal,0"))
