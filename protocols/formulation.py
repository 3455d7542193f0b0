"""Formulation of a liquid mixture: dose and weigh, mix, warm, measure its conductivity, empty, rinse."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from autolab.model.errors import InstrumentError
from autolab.model.stocks import MOLAR_MASS, Composition, Stock
from autolab.protocols import mixing
from autolab.protocols.formulation_settings import FIXED_NEEDS, FormulationSettings
from autolab.protocols.protocol import Protocol

if TYPE_CHECKING:
    from autolab.model.contracts import LeasedLab, Plan
    from autolab.model.facts import LabFacts, Remark
    from autolab.model.problem import Problem
    from autolab.model.trial import OutcomeLike, Point
    from autolab.protocols.rinsing import Measured

SALTY = 0.1
"""mol/kg: a solution with more salt conducts far better than a clean cell does."""


class Formulation(Protocol):
    """Mixes stocks by volume, verifies each dose by weight, and measures the conductivity at a temperature.

    Needs a pump for each of the setting `stocks` and one for the `rinse` liquid, all refilling themselves from bottles
    through check valves and pushing into a mixing vessel on the `balance`; a `transfer` pump from there to the cell on
    the hotplate (`heater`, `stirrer`), where the `cell`'s probe sits; a `waste` pump from the cell to the drain. What
    each stock is comes from the lab file.

    A point gives the volume fraction of each stock, and may give the `temperature` (degC). Outcome: `conductivity`,
    mean of the replicates with standard error, mS/cm; `cost` of 1 mL, exactly as the point's fractions and the stocks'
    prices say; `temperature_measured`, degC; and the composition as weighed, by species: mass fractions of the
    solvent (`EC`), mol per kg of solvent for salts (`LiPF6`). A species that is called like one of the point's
    parameters has `_measured` added to its name, too.

    A dose that weighs too little or too much, a vessel that does not empty, a probe that drifts and a cell that does
    not get clean are failures of the machine, never of the point: the planner learns nothing from them.

    `perform` expects an open run (events go to the streams `weighings`, `conductivity` and `rinses`), and vessels and
    transfer line empty; it leaves them so, and `recover` makes them so from any state.

    Attributes:
        needs: Role name in the protocol -> the role it must play; an instance's has its stocks.
        parameters: What a point may set -> its unit; an instance's has its stocks.
        outcomes: What `perform` returns -> its unit; an instance's has the species whose composition is limited.
    """

    needs: Mapping[str, str] = FIXED_NEEDS
    parameters: Mapping[str, str] = {"temperature": "degC"}
    outcomes: Mapping[str, str] = {"conductivity": "mS/cm", "cost": "", "temperature_measured": "degC"}
    Settings: ClassVar[type[FormulationSettings]] = FormulationSettings
    settings: FormulationSettings

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401  checked by the settings model
        super().__init__(**settings)
        names = self.settings.stocks
        self.needs = dict.fromkeys(names, "pump") | FIXED_NEEDS
        self.parameters = dict.fromkeys(names, "") | {"temperature": "degC"}
        limited = {self._told(name): "mol/kg" if name in MOLAR_MASS else "" for name in self.settings.composition}
        self.outcomes = {**type(self).outcomes, **limited}

    # ---- what a point means ------------------------------------------------------------------------------------

    def check(self, lab: Any, point: Point) -> None:  # noqa: ANN401  whatever has `stocks`
        """Raise OutsideEnvelope for a point that cannot be made, verified, or is not allowed.

        Args:
            lab: Its `stocks` tell what each role's pump draws.
            point: The point.
        """
        fractions = self._fractions(point)
        mixing.number_of(point, "temperature", self.settings.temperature)
        for role in (*self.settings.stocks, "rinse"):
            mixing.stock_of(role, lab.stocks)
        mixing.check_doses(mixing.doses_of(fractions, self.settings), lab.stocks, self.settings)
        mixing.check_composition(fractions, lab.stocks, self.settings.composition)

    def composition_of(self, point: Point, stocks: Mapping[str, Stock]) -> Composition:
        """Return the composition that a point asks for.

        Args:
            point: The point.
            stocks: Role -> stock.

        Raises:
            OutsideEnvelope: No fractions, or a stock that the lab does not describe.
        """
        return mixing.composition_of(self._fractions(point), stocks)

    def doses(self, point: Point) -> dict[str, float]:
        """Return what is dosed of each stock, mL; stocks of which nothing is dosed are left out.

        Raises:
            OutsideEnvelope: No fractions, or a dose too small for the pumps that is not to be rounded.
        """
        return mixing.doses_of(self._fractions(point), self.settings)

    def draws(self, point: Point, contents: Mapping[str, float], capacities: Mapping[str, float]) -> dict[str, float]:
        """Return what an attempt is going to draw from the bottles, by role, mL.

        Args:
            point: The point.
            contents: Role -> what the syringe holds, mL.
            capacities: Role -> what it can hold, mL.

        >>> protocol = Formulation(stocks=["pc", "salt"], batch_mL=10)
        >>> point = {"pc": 0.75, "salt": 0.25}
        >>> protocol.draws(point, {"pc": 6.0, "salt": 6.0, "rinse": 40.0}, dict.fromkeys(["pc", "salt", "rinse"], 50.0))
        {'pc': 44.0, 'salt': 0.0, 'rinse': 0.0}
        """
        wanted = dict.fromkeys(self.settings.stocks, 0.0) | self._needed(self.doses(point))
        return {role: mixing.drawn(volume, contents[role], capacities[role]) for role, volume in wanted.items()}

    def lab_faults(self, problem: Problem, facts: LabFacts) -> list[Remark]:
        """Return what of a campaign its lab cannot do, and what of its space would be refused."""
        from autolab.protocols.formulation_checks import lab_faults

        chosen = self.settings
        by_weight = {role: chosen.tolerance_g / stock.density for role, stock in facts.stocks.items()}
        refused = chosen.smallest_mL if chosen.small_doses == "refuse" else 0.0
        smallest = {role: max(least, refused) for role, least in by_weight.items()}
        if chosen.small_doses == "round":  # what is rounded up can be verified nearly always
            smallest = {role: least for role, least in smallest.items() if least > chosen.smallest_mL}
        volumes = {"mixer_mL": chosen.mixer_mL, "cell_mL": chosen.cell_mL}
        return lab_faults(chosen, problem, facts, smallest=smallest, volumes=volumes)

    # ---- plans -------------------------------------------------------------------------------------------------

    def perform(self, lab: LeasedLab, point: Point) -> Generator[Any, Any, OutcomeLike]:
        """Perform one attempt.

        Raises:
            OutsideEnvelope: As `check`; nothing was moved.
            DoseOff: A dose does not weigh what it should.
            NotEmpty: A vessel cannot be emptied.
            ProbeDrifts: Replicates do not agree, or a reading does not settle.
            NotClean: The cell does not get clean.
            InstrumentError: The balance does not settle, or the probe is not in the liquid.
        """
        from autolab.protocols import liquids, rinsing, stubs

        self.check(lab, point)
        doses = self.doses(point)
        yield from stubs.phase("prepare")
        empty = yield from self._prepare(lab, self._needed(doses))
        yield from stubs.phase("dose")
        made = yield from self._dose(lab, doses, empty)
        yield from stubs.phase("transfer")
        batch = sum(doses.values())
        yield from liquids.transfer(lab, self.settings, batch, empty)
        yield from self._warm(lab, mixing.number_of(point, "temperature", self.settings.temperature))
        yield from stubs.phase("measure")
        measured = yield from rinsing.measure(lab, self.settings)
        yield from stubs.heat_off(lab.heater)
        self._check_wet(lab, made, measured)
        yield from stubs.phase("empty")
        yield from liquids.empty_measured_cell(lab, self.settings, batch, measured.conductivity)
        yield from stubs.phase("rinse")
        yield from rinsing.rinse(lab, self.settings, empty)
        yield from stubs.stir_off(lab.stirrer)
        return self._outcome(made, measured, self._fractions(point), lab.stocks)

    def recover(self, lab: LeasedLab) -> Plan:
        """Go from any state to ready: heater and stirrer off, syringes, cell and mixing vessel empty, rinsed, tared.

        Nothing is taken for granted but what the instruments tell.

        Raises:
            NotEmpty: A vessel cannot be emptied.
            NotClean: The cell does not get clean.
            DoseOff: The rinse liquid does not come.
            InstrumentError: The balance does not settle.
        """
        from autolab.protocols import liquids, rinsing, stubs

        yield from stubs.heat_off(lab.heater)
        yield from stubs.stir_off(lab.stirrer)
        yield from liquids.empty_all(lab, self.settings)
        empty = yield from self._prepare(lab, self._needed({}))
        yield from stubs.stir(lab.stirrer, self.settings.stir_rpm)
        yield from rinsing.rinse(lab, self.settings, empty, recorded=False)
        yield from stubs.stir_off(lab.stirrer)
        yield from liquids.tare_empty(lab, self.settings)

    def _prepare(self, lab: LeasedLab, needed: Mapping[str, float]) -> Generator[Any, Any, float]:
        """Refill pumps that hold too little for the attempt, tare, and return what the balance shows, g."""
        from autolab.protocols import liquids, stubs

        pumps = {role: getattr(lab, role) for role in needed}
        yield from stubs.refill_together(pumps, needed, self.settings.refill_rate)
        return (yield from liquids.tare_empty(lab, self.settings))

    def _dose(self, lab: LeasedLab, doses: Mapping[str, float], shown: float) -> Generator[Any, Any, Composition]:
        """Dose the stocks one after the other, and return the composition by their weights."""
        from autolab.protocols import liquids

        grams = {}
        for role, volume in doses.items():
            after = yield from liquids.dose(lab, self.settings, role, volume, shown)
            grams[role], shown = after - shown, after
        return mixing.composition_of(
            {role: mass / lab.stocks[role].density for role, mass in grams.items()}, lab.stocks
        )

    def _warm(self, lab: LeasedLab, temperature: float) -> Plan:
        """Mix in the cell while it is warmed, and let it come to rest."""
        from autolab.protocols import stubs

        yield from stubs.phase("heat")
        yield from stubs.stir(lab.stirrer, self.settings.stir_rpm)
        begun = yield from stubs.begin_heating(lab.heater, temperature)
        yield from stubs.wait(self.settings.mix_s)
        yield from stubs.until_reached(begun)
        yield from stubs.phase("equilibrate")
        yield from stubs.wait(self.settings.equilibrate_s)

    # ---- numbers -----------------------------------------------------------------------------------------------

    def _fractions(self, point: Point) -> dict[str, float]:
        return mixing.fractions_of(point, self.settings.stocks)

    def _needed(self, doses: Mapping[str, float]) -> dict[str, float]:
        """Return what pumps must hold for an attempt, mL: its doses, and all rinses that it may come to."""
        return {**doses, "rinse": self.settings.max_rinses * self.settings.rinse_mL}

    def _check_wet(self, lab: LeasedLab, made: Composition, measured: Measured) -> None:
        """Raise InstrumentError when a salt solution conducts no better than a clean cell."""
        if sum(made.salts.values()) < SALTY or measured.conductivity > self.settings.clean_mS_cm:
            return
        msg = (
            f"reads {measured.conductivity:.4g} mS/cm in a salt solution, no more than in a clean cell "
            f"({self.settings.clean_mS_cm:g}): is the probe in the liquid, is it plugged in?"
        )
        raise InstrumentError(msg, instrument=lab.cell.name)

    def _outcome(
        self, made: Composition, measured: Measured, fractions: Mapping[str, float], stocks: Mapping[str, Stock]
    ) -> OutcomeLike:
        used = [stocks[role] for role in self.settings.stocks]
        species = dict.fromkeys(name for stock in used for name in (*stock.solvents, *stock.salts))
        return {
            "conductivity": (round(measured.conductivity, 6), round(measured.standard_error, 6)),
            "cost": round(mixing.cost_of(fractions, stocks), 9),
            "temperature_measured": round(measured.temperature, 3),
            **{self._told(name): round(made.amount(name), 6) for name in species},
        }

    def _told(self, species: str) -> str:
        """Return a species' name among the outcomes."""
        return f"{species}_measured" if species in self.settings.stocks else species
