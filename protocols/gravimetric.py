"""Gravimetric calibration of a dosing pump: dose, weigh, repeat, empty."""

from __future__ import annotations

import math
import statistics
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from autolab.model.errors import InstrumentError, OutsideEnvelope, TrialFailed
from autolab.protocols.gravimetric_settings import GravimetricSettings
from autolab.protocols.protocol import Protocol

if TYPE_CHECKING:
    from autolab.model.contracts import LeasedLab, Plan
    from autolab.model.trial import OutcomeLike, Point
    from autolab.protocols.stubs import Weighing

ARRIVED = (0.2, 3.0)
"""A dose outside these multiples of the target is no inaccurate dose but a blocked nozzle, air, or a leak."""


EXCESS, MORE = 1.1, 2.0
"""To empty a vessel, draw this many times what is in it, and so many mL more: the line has a volume, too."""


@dataclass(frozen=True)
class _Way:
    """How one dose is made: rate mL/min, suck-back mL, what of it must be returned mL, dwell s."""

    rate: float
    suck_back: float
    returned: float
    dwell: float


class Gravimetric(Protocol):
    """Doses a target volume several times onto a balance and tells how exact that was.

    Needs the dosing `pump` (refilling itself from a stock through check valves), the vessel's `balance`, and a `waste`
    pump that draws from the vessel and pushes to the drain.

    A suck-back takes liquid out of the nozzle that the next dose has to bring back before anything falls. Therefore
    every dose pushes target + suck-back, and the first is preceded by an uncounted one (`prime_mL`), so that all
    counted doses begin with a nozzle that was sucked back alike. With a check valve in the outlet only a part of a
    large suck-back comes from the nozzle and the rest from the stock: that part then falls too much. `nozzle_uL` says
    how much can come back, where it is known; where not, finding a good suck-back is the planner's work.

    Weights are taken as they are: neither buoyancy of air (+0.1 % in ISO 8655-6) nor evaporation is corrected. Use a
    `density` that contains the former, where it matters; the latter belongs to what slow dosing costs.

    A point may set `rate` (mL/min), `suck_back` (uL) and `dwell` (s). Outcome: `error`, mean of the doses' absolute
    relative errors of mass, % (with standard error); `bias`, the same with sign; `spread`, their coefficient of
    variation, %; `seconds`, lab time of a dose from its start to the end of its dwell.

    `perform` expects an open run (events go to the stream `weighings`) and a vessel that was emptied; `recover`
    makes it so from any state.
    """

    needs: Mapping[str, str] = {"pump": "pump", "waste": "pump", "balance": "balance"}
    parameters: Mapping[str, str] = {"rate": "mL/min", "suck_back": "uL", "dwell": "s"}
    outcomes: Mapping[str, str] = {"error": "%", "bias": "%", "spread": "%", "seconds": "s"}
    Settings: ClassVar[type[GravimetricSettings]] = GravimetricSettings
    settings: GravimetricSettings

    def check(self, _lab: object, point: Point) -> None:
        """Raise OutsideEnvelope for a point that no pump could perform."""
        self._way(point)

    def perform(self, lab: LeasedLab, point: Point) -> Generator[Any, Any, OutcomeLike]:
        """Perform one attempt: refill, tare, prime, dose and weigh repeatedly, empty.

        Raises:
            TrialFailed: A dose that did not arrive or was far too large, a vessel that would overflow, a weight that
                does not settle after a dose.
            InstrumentError: The vessel could not be emptied, or the balance does not settle at rest.
        """
        from autolab.protocols import stubs

        chosen, way = self.settings, self._way(point)
        yield from stubs.expel(lab.waste, chosen.waste_rate)
        yield from self._fill(lab, chosen.prime_mL + chosen.repeats * (chosen.target_mL + way.returned))
        yield from stubs.tare(lab.balance)
        empty = yield from self._at_rest(lab)
        last = yield from self._prime(lab, way)
        doses, seconds = [], []
        for _repeat in range(chosen.repeats):
            last = yield from self._top_up(lab, way, last)
            self._check_room(last.grams - empty.grams, way)
            begun = lab.now()
            yield from self._dose(lab, chosen.target_mL, way)
            seconds.append(lab.now() - begun)
            weight = yield from self._after_dose(lab)
            doses.append(weight.grams - last.grams)
            self._check_dose(doses)
            last = weight
        yield from self._empty(lab, empty.grams)
        yield from self._check_empty(lab, empty.grams)
        return outcome_of(doses, chosen.target_mL * chosen.density, seconds)

    def recover(self, lab: LeasedLab) -> Plan:
        """Go from any state to ready: expel, empty by weight, refill, tare.

        What the vessel holds is not known, nor what the balance was tared with: it is emptied until strokes take
        nothing more away.
        """
        from autolab.protocols import stubs

        yield from stubs.expel(lab.waste, self.settings.waste_rate)
        yield from self._empty(lab)
        yield from stubs.refill(lab.pump, self.settings.refill_rate)
        yield from stubs.tare(lab.balance)

    def _way(self, point: Point) -> _Way:
        named = {name: _number(name, point.get(name, getattr(self.settings, name))) for name in self.parameters}
        if named["rate"] <= 0:
            msg = f"rate must be positive, got {named['rate']!r} mL/min"
            raise OutsideEnvelope(msg)
        suck_back = named["suck_back"] / 1000
        most = math.inf if self.settings.nozzle_uL is None else self.settings.nozzle_uL / 1000
        return _Way(named["rate"], suck_back, min(suck_back, most), named["dwell"])

    def _dose(self, lab: LeasedLab, volume: float, way: _Way) -> Plan:
        """Push a volume and what the last suck-back took, suck back, dwell."""
        from autolab.protocols import stubs

        yield from stubs.dispense(lab.pump, volume + way.returned, way.rate)
        if way.suck_back >= stubs.SMALLEST:
            yield from stubs.withdraw(lab.pump, way.suck_back, self.settings.suck_back_rate)
        yield from stubs.wait(way.dwell)

    def _prime(self, lab: LeasedLab, way: _Way) -> Generator[Any, Any, Weighing]:
        """Make a small dose that is not counted, and weigh: refilling, too, takes something out of the nozzle."""
        from autolab.protocols import stubs

        if self.settings.prime_mL < stubs.SMALLEST:
            return (yield from self._at_rest(lab))
        yield from self._dose(lab, self.settings.prime_mL, way)
        return (yield from self._after_dose(lab, stream=None))

    def _fill(self, lab: LeasedLab, volume: float) -> Plan:
        """Refill the dosing pump, to its capacity, if it holds less than `volume` and less than it can."""
        from autolab.protocols import stubs

        if (yield from stubs.contents(lab.pump)) < min(volume, stubs.capacity(lab.pump)):
            yield from stubs.refill(lab.pump, self.settings.refill_rate)

    def _top_up(self, lab: LeasedLab, way: _Way, last: Weighing) -> Generator[Any, Any, Weighing]:
        """Refill and prime before a dose that the pump does not hold; return the last weighing."""
        from autolab.protocols import stubs

        if (yield from stubs.contents(lab.pump)) >= self.settings.target_mL + way.returned:
            return last
        yield from stubs.refill(lab.pump, self.settings.refill_rate)
        return (yield from self._prime(lab, way))

    def _after_dose(self, lab: LeasedLab, stream: str | None = "weighings") -> Generator[Any, Any, Weighing]:
        """Let the vessel come to rest and weigh.

        Raises:
            TrialFailed: The weight does not settle: the nozzle drips, perhaps because of how the dose was made.
        """
        from autolab.protocols import stubs

        chosen = self.settings
        yield from stubs.wait(chosen.rest_s)
        weighing = yield from stubs.wait_until_stable(lab.balance, chosen.settle_g, chosen.settle_s, stream=stream)
        if not weighing.stable:
            msg = f"the weight did not settle to {chosen.settle_g:g} g within {chosen.settle_s:g} s of a dose: a drip?"
            raise TrialFailed(msg)
        return weighing

    def _at_rest(self, lab: LeasedLab) -> Generator[Any, Any, Weighing]:
        """Weigh while nothing is dosed.

        Raises:
            InstrumentError: The balance does not settle; no dose can be blamed.
        """
        from autolab.protocols import stubs

        chosen = self.settings
        weighing = yield from stubs.wait_until_stable(lab.balance, chosen.settle_g, chosen.settle_s)
        if not weighing.stable:
            msg = (
                f"does not settle to {chosen.settle_g:g} g within {chosen.settle_s:g} s: look for draught and vibration"
            )
            raise InstrumentError(msg, instrument=lab.balance.name)
        return weighing

    def _check_room(self, grams: float, way: _Way) -> None:
        """Raise TrialFailed when another dose would not fit into the vessel, or the nozzle runs on."""
        held, more = grams / self.settings.density, self.settings.target_mL + way.suck_back
        if held + more > self.settings.vessel_mL:
            msg = (
                f"the vessel holds {held:.1f} of {self.settings.vessel_mL:g} mL: another {more:g} mL would overflow it"
            )
            raise TrialFailed(msg)

    def _check_dose(self, doses: Sequence[float]) -> None:
        """Raise TrialFailed when the last dose is absurd."""
        target = self.settings.target_mL * self.settings.density
        low, high = (factor * target for factor in ARRIVED)
        if low <= doses[-1] <= high:
            return
        what = "hardly anything arrived (blocked nozzle, air in the line, stock empty?)"
        if doses[-1] > high:
            what = "far more arrived than was dosed (a leak, or something fell into the vessel?)"
        msg = f"dose {len(doses)} weighed {doses[-1]:.4f} g instead of {target:.4f} g: {what}"
        raise TrialFailed(msg)

    def _empty(self, lab: LeasedLab, empty: float | None = None) -> Plan:
        """Draw from the vessel and push to the drain until a stroke takes nothing more away.

        Args:
            lab: The lab.
            empty: What the balance says of the empty vessel, g, where that is known: saves drawing air.

        Raises:
            InstrumentError: There is no end to it.
        """
        from autolab.protocols import stubs

        chosen, most = self.settings, stubs.capacity(lab.waste)
        strokes = math.ceil(chosen.vessel_mL / most) + 2
        before = yield from stubs.weigh(lab.balance)
        for _stroke in range(strokes):
            expected = math.inf if empty is None else max(before.grams - empty, 0.0) / chosen.density
            room = most - (yield from stubs.contents(lab.waste))  # a trace too small to be expelled takes room, too
            yield from stubs.withdraw(lab.waste, min(room, EXCESS * expected + MORE), chosen.waste_rate)
            yield from stubs.expel(lab.waste, chosen.waste_rate)
            after = yield from stubs.weigh(lab.balance)
            if before.grams - after.grams < chosen.residue_g / 2:
                return
            before = after
        msg = (
            f"the vessel is not empty after {strokes} strokes of {most:g} mL: something flows in, or vessel_mL is wrong"
        )
        raise InstrumentError(msg, instrument=lab.waste.name)

    def _check_empty(self, lab: LeasedLab, empty: float) -> Plan:
        left = (yield from self._at_rest(lab)).grams - empty
        if left > self.settings.residue_g:
            msg = f"{left:.2f} g are left in the vessel (allowed: {self.settings.residue_g:g} g): look at its line"
            raise InstrumentError(msg, instrument=lab.waste.name)


def outcome_of(doses: Sequence[float], target: float, seconds: Sequence[float]) -> OutcomeLike:
    """Return the outcome of an attempt.

    Args:
        doses: Weights, g; two at least.
        target: What each should have weighed, g.
        seconds: Lab time of each.

    >>> outcome_of([1.01, 0.97], 1.0, [4.0, 4.5])["error"]
    (2.0, 1.0)
    """
    relative = [100 * (dose - target) / target for dose in doses]
    absolute = [abs(error) for error in relative]
    return {
        "error": (round(statistics.fmean(absolute), 6), round(_standard_error(absolute), 6)),
        "bias": (round(statistics.fmean(relative), 6), round(_standard_error(relative), 6)),
        "spread": round(100 * statistics.stdev(doses) / statistics.fmean(doses), 6),
        "seconds": round(statistics.fmean(seconds), 3),
    }


def _standard_error(values: Sequence[float]) -> float:
    return statistics.stdev(values) / math.sqrt(len(values))


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        msg = f"{name} must be a number, 0 or more, got {value!r}"
        raise OutsideEnvelope(msg)
    return float(value)
