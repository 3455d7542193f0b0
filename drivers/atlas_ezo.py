"""Atlas Scientific EZO circuits on a serial port: the conductivity circuit EZO-EC.

Written from public descriptions of the commands; not yet checked on hardware.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers.atlas_ezo_compensated import Compensated
from autolab.drivers.atlas_ezo_settings import OUTPUTS, ECSettings
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON
from autolab.model.errors import GarbledReply

RANGE: Final = (0.07, 500_000.0)  # uS/cm; the sheet's. A probe in air reads below it, which is no fault
_PER_MS: Final = 1000.0


class EC(Compensated):
    """An EZO-EC circuit with its conductivity probe.

    Attributes:
        conductivity: mS/cm.
        temperature: For which the circuit compensates, degC; at 25 it leaves readings alone.
        dissolved: Dissolved solids, ppm; where `outputs` has TDS.
        salinity: PSU; where `outputs` has S.
        gravity: Relative density; where `outputs` has SG.
        cell_constant: K of the probe as the circuit has it, 1/cm.
    """

    settings_model = ECSettings
    settings: ECSettings
    circuit: ClassVar[str] = "EC"

    conductivity = Cpt(Reading, value=float("nan"), units="mS/cm", kind=Kind.hinted)
    dissolved = Cpt(Reading, value=float("nan"), units="ppm", kind=Kind.normal)
    salinity = Cpt(Reading, value=float("nan"), units="PSU", kind=Kind.normal)
    gravity = Cpt(Reading, value=float("nan"), kind=Kind.normal)
    cell_constant = Cpt(Reading, value=float("nan"), units="1/cm", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self._further = {"TDS": self.dissolved, "S": self.salinity, "SG": self.gravity}
        for output, signal in self._further.items():
            if output not in self.settings.outputs:
                signal.kind = Kind.omitted

    @property
    def numbers(self) -> int:
        """How many numbers a reading holds."""
        return len(self.settings.outputs)

    async def do_configure(self) -> None:
        """Set probe constant, compensation and outputs where they differ."""
        self.cell_constant.tell(await self.settle("K", self.settings.cell_constant))
        await super().do_configure()
        if "TDS" in self.settings.outputs:
            await self.settle("TDS", self.settings.tds_factor)
        await self.choose_outputs(OUTPUTS, self.settings.outputs)

    async def do_verify(self) -> None:
        """See that the numbers were what they were taken for.

        Raises:
            InstrumentAlarm: Somebody has changed the outputs.
        """
        await self.verify_outputs(OUTPUTS, self.settings.outputs)

    def tolerance(self, mean: float) -> float:
        """Return how far agreeing readings may lie apart, uS/cm."""
        return max(abs(mean) * self.settings.within_percent / 100, self.settings.within_mS_cm * _PER_MS)

    def check_reading(self, values: Sequence[float]) -> None:
        """Check a reading, uS/cm and so on.

        Raises:
            GarbledReply: A number is negative.
            InstrumentAlarm: The conductivity is beyond the circuit's range.
        """
        if min(values) < 0:
            msg = f"a reading is negative: {', '.join(f'{value:g}' for value in values)}"
            raise GarbledReply(msg, instrument=self.name, port=self.address.port, command="R")
        if values[0] > RANGE[1]:
            msg = f"conductivity {values[0]:g} uS/cm is beyond its range, {RANGE[0]:g}..{RANGE[1]:g} uS/cm"
            raise self.alarm(msg)

    def do_tell(self, values: Sequence[float]) -> Mapping[str, JSON]:
        """Tell the signals a reading, and return it.

        Raises:
            InstrumentAlarm: The conductivity is outside the limits.
        """
        conductivity = values[0] / _PER_MS
        self.conductivity.tell(conductivity)
        for output, value in zip(self.settings.outputs[1:], values[1:], strict=True):
            self._further[output].tell(value)
        self.check_range("conductivity", conductivity, " mS/cm")
        further = {
            {"TDS": "dissolved_ppm", "S": "salinity_PSU", "SG": "relative_density"}[output]: value
            for output, value in zip(self.settings.outputs[1:], values[1:], strict=True)
        }
        return {"conductivity_mS_cm": conductivity, "temperature_C": float(self.temperature.get()), **further}

    def locate(self) -> Mapping[str, Any]:
        """Return the last conductivity, mS/cm."""
        return {"setpoint": None, "readback": float(self.conductivity.get())}

    # ---- for people: dry first, then one solution, or a low and a high one -----------------------------------------

    def calibrate_dry(self) -> int:
        """Calibrate the dry probe, the first step; return how many points the circuit counts."""
        return self.people(lambda: self.do_calibrate("Cal,dry"))

    def calibrate_one(self, conductivity_uS: float) -> int:  # noqa: N803  the unit's symbol
        """Calibrate at the only solution, uS/cm; return how many points the circuit counts."""
        solution = self._solution(conductivity_uS)
        return self.people(
            lambda: self.do_calibrate(f"Cal,one,{solution}", f"Cal,{solution}")
        )  # the latter: older firmware

    def calibrate_low(self, conductivity_uS: float) -> int:  # noqa: N803  the unit's symbol
        """Calibrate at the lower of two solutions, uS/cm; return how many points the circuit counts."""
        solution = self._solution(conductivity_uS)
        return self.people(lambda: self.do_calibrate(f"Cal,low,{solution}"))

    def calibrate_high(self, conductivity_uS: float) -> int:  # noqa: N803  the unit's symbol
        """Calibrate at the higher of two solutions, uS/cm; return how many points the circuit counts."""
        solution = self._solution(conductivity_uS)
        return self.people(lambda: self.do_calibrate(f"Cal,high,{solution}"))

    def _solution(self, conductivity: float) -> str:
        """Write the conductivity of a solution, uS/cm.

        Raises:
            OutsideLimits: No solution for this circuit.
        """
        if isinstance(conductivity, bool) or not RANGE[0] <= conductivity <= RANGE[1]:
            low, high = RANGE
            raise self.outside(f"{conductivity!r} uS/cm is no calibration solution; it must lie in {low:g}..{high:g}")
        return f"{conductivity:.10g}"
