"""Steps of the formulation protocol that measure: replicates in the cell, and rinsing until it is clean."""

from __future__ import annotations

import math
import statistics
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autolab.model.errors import InstrumentError
from autolab.protocols import liquids, stubs
from autolab.protocols.replicates import Series

if TYPE_CHECKING:
    from autolab.model.contracts import LeasedLab
    from autolab.protocols.formulation_settings import FormulationSettings


class ProbeDrifts(InstrumentError):
    """Readings of one liquid at one temperature do not agree."""


class NotClean(InstrumentError):
    """The cell conducts after all rinses."""


@dataclass(frozen=True)
class Measured:
    """What was measured in the cell.

    Attributes:
        conductivity: Mean, mS/cm.
        standard_error: Of the mean, mS/cm.
        temperature: Mean, degC.
    """

    conductivity: float
    standard_error: float
    temperature: float


def measure(lab: LeasedLab, settings: FormulationSettings) -> Generator[Any, Any, Measured]:
    """Measure conductivity and temperature in the cell, several times.

    A series that drifts or scatters is measured anew, as often as the settings say.

    Raises:
        ProbeDrifts: No series is explained by noise, or a reading does not settle.
    """
    for _series in range(settings.series):
        series, temperatures = yield from _replicates(lab, settings)
        sigma = math.hypot(settings.noise_percent / 100 * series.mean, settings.noise_mS_cm)
        fault = series.fault(sigma)
        if not fault:
            return Measured(series.mean, series.standard_error, statistics.fmean(temperatures))
    told = ", ".join(f"{value:.4g}" for value in series.values)
    msg = (
        f"the probe drifts, it read {told} mS/cm: {fault}. Rinse the probe and look for a bubble or film on it, "
        "calibrate it; is equilibrate_s long enough?"
    )
    raise ProbeDrifts(msg, instrument=lab.cell.name)


def _replicates(lab: LeasedLab, settings: FormulationSettings) -> Generator[Any, Any, tuple[Series, list[float]]]:
    seconds, values, temperatures = [], [], []
    for number in range(settings.replicates):
        if number:
            yield from stubs.wait(settings.replicate_s)
        temperatures.append((yield from stubs.sense(lab.heater, "readback")).value)
        seen = yield from stubs.sense(lab.cell, "conductivity", stream="conductivity", beside=[lab.heater])
        if not seen.stable:
            msg = (
                f"reading {number + 1} does not settle (last: {seen.value:.4g} mS/cm): look for a bubble on the probe, "
                "a loose plug, a liquid that is not yet mixed (mix_s) or warm (equilibrate_s)"
            )
            raise ProbeDrifts(msg, instrument=lab.cell.name)
        seconds.append(lab.now())
        values.append(seen.value)
    return Series(seconds, values), temperatures


def rinse(
    lab: LeasedLab, settings: FormulationSettings, empty: float, *, recorded: bool = True
) -> Generator[Any, Any, float]:
    """Rinse mixing vessel, line and cell until a rinse is clean, and return what it conducted, mS/cm.

    The stirrer must run. Mixing vessel and cell end empty.

    Args:
        lab: The lab.
        settings: The protocol's.
        empty: What the balance showed of the empty mixing vessel, g; nothing but a residue is in it.
        recorded: Whether a run is open, for the events.

    Raises:
        NotClean: The last rinse that is allowed still conducts.
        DoseOff: The rinse liquid did not come.
    """
    weighings, rinses = ("weighings", "rinses") if recorded else (None, None)
    shown = (yield from liquids.settled(lab, settings)).grams
    for number in range(1, settings.max_rinses + 1):
        yield from liquids.dose(lab, settings, "rinse", settings.rinse_mL, shown, stream=weighings)
        shown = yield from liquids.transfer(lab, settings, settings.rinse_mL, empty)
        yield from stubs.wait(settings.rinse_s)
        seen = yield from stubs.sense(lab.cell, "conductivity", stream=rinses)
        yield from liquids.empty_cell(lab, settings, settings.rinse_mL)
        if number >= settings.rinses and seen.value <= settings.clean_mS_cm:
            return seen.value
    msg = (
        f"still reads {seen.value:.4g} mS/cm after {settings.max_rinses} rinses of {settings.rinse_mL:g} mL (clean: "
        f"{settings.clean_mS_cm:g}): does the cell empty, is the rinse liquid pure, is the probe fouled? "
        "More rinses: max_rinses"
    )
    raise NotClean(msg, instrument=lab.cell.name)
