"""What a campaign of the protocol `formulation` asks of its lab, checked when the files are read.

Compositions that the stocks can reach, doses against syringes, the batch against vessels: all by arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from autolab.model.candidates import Candidates
from autolab.model.constraints import Linear
from autolab.model.errors import EmptySpace
from autolab.model.facts import LabFacts, Remark
from autolab.model.names import did_you_mean
from autolab.model.reachable import Ratio, amount_of, reach
from autolab.model.space import Space

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.stocks import Stock

_CLOSE = 1e-6  # of a limit's size: reached ranges that end so near to a limit keep it
_WHERE = ("protocol", "composition")


class Formulating(Protocol):
    """What is needed of the protocol's settings."""

    @property
    def stocks(self) -> Sequence[str]:
        """Parameters of the mixture, each the role of a pump."""

    @property
    def batch_mL(self) -> float:  # noqa: N802  the unit's symbol
        """Volume of a batch, mL."""

    @property
    def composition(self) -> Mapping[str, Sequence[float]]:
        """Species -> [least, greatest] mass fraction of the solvent, for a salt mol/kg."""


def lab_faults(
    settings: Formulating,
    problem: Problem,
    facts: LabFacts,
    *,
    smallest: Mapping[str, float] | None = None,
    volumes: Mapping[str, float] | None = None,
) -> list[Remark]:
    """Return what of a campaign its lab cannot do, and what of its space would be refused.

    Args:
        settings: The protocol's.
        problem: The campaign's.
        facts: The lab, by the protocol's roles.
        smallest: Role -> smallest dose that can be made and verified, mL; for notes.
        volumes: Setting -> what a vessel can hold, mL: `{"mixer_mL": 18}`; `batch_mL` is compared with them.
    """
    remarks = [*_unstocked(settings, facts), *_vessels(settings, facts, volumes or {})]
    stocks = {role: facts.stocks[role] for role in settings.stocks if role in facts.stocks}
    if len(stocks) < len(settings.stocks) or not set(stocks) <= set(problem.space.names):
        return remarks
    remarks += _doses(settings, problem.space, facts, smallest or {})
    remarks += _compositions(settings, problem.space, stocks)
    return remarks


def _unstocked(settings: Formulating, facts: LabFacts) -> Iterator[Remark]:
    for role in (*settings.stocks, "rinse"):
        if role not in facts.stocks and role in facts.settings:
            told = facts.settings[role].get("stock")
            problem = f"the pump of {role!r} draws from {told!r}, of which the lab file says nothing"
            if told is None:
                problem = f"the pump of {role!r} names no stock"
            remedy = "Name one of the lab file's `stocks` at the pump: what it brings must be known"
            yield Remark(("protocol", "with", role), problem, remedy)


def _vessels(settings: Formulating, facts: LabFacts, volumes: Mapping[str, float]) -> Iterator[Remark]:
    """Compare the batch with what vessels can hold: by the protocol's settings, and in the virtual lab."""
    key, batch = ("protocol", "batch_mL"), settings.batch_mL
    for setting, volume in volumes.items():
        if batch > volume:
            yield Remark(key, f"{batch:g} mL are more than `{setting}` allows, {volume:g} mL", "Make the batch smaller")
    for vessel, volume in facts.vessels.items():
        users = [role for role, places in facts.places.items() if places[-1:] == (vessel,)]
        if users and batch > volume:
            problem = f"{batch:g} mL do not fit into {vessel!r}, which holds {volume:g} mL"
            yield Remark(key, problem, f"Give at most {volume:g} mL, or a larger vessel in the lab file")


def _doses(
    settings: Formulating, space: Space | Candidates, facts: LabFacts, smallest: Mapping[str, float]
) -> Iterator[Remark]:
    total = dict.fromkeys(settings.stocks, 1.0)
    for role in settings.stocks:
        low, high = (share * settings.batch_mL for share in reach(space, Ratio({role: 1.0}, total)))
        syringe = facts.volume(role)
        if syringe is not None and high > syringe * (1 + _CLOSE):
            problem = f"{role!r} is dosed up to {high:.4g} mL, and the syringe of its pump holds {syringe:g} mL"
            most = settings.batch_mL * syringe / high
            remedy = f"Give a batch of at most {most:.4g} mL, a lower bound for {role!r}, or a larger syringe"
            yield Remark(("protocol", "batch_mL"), problem, remedy)
        least = smallest.get(role, 0.0)
        if high < least:
            problem = f"{role!r} is dosed {high:.3g} mL at most, and doses below {least:.3g} mL cannot be verified"
            yield Remark(("protocol", "batch_mL"), problem, "Make the batch larger, or widen the bounds")
        elif low < least:
            share = least / settings.batch_mL
            problem = (
                f"doses of {role!r} between 0 and {least:.3g} mL (a share of {share:.3g}) are refused as too small"
            )
            yield Remark(("protocol", "batch_mL"), problem, "A larger batch makes smaller shares possible", fatal=False)


def _compositions(settings: Formulating, space: Space | Candidates, stocks: Mapping[str, Stock]) -> Iterator[Remark]:
    """Compare each limited species with the range that the space reaches."""
    known = list(dict.fromkeys(one for stock in stocks.values() for one in (*stock.solvents, *stock.salts)))
    wanted: list[Linear] = []
    possible = True
    for species, (low, high) in settings.composition.items():
        if species not in known:
            possible = False
            remedy = did_you_mean(species, known)
            yield Remark((*_WHERE, species), f"no stock in use holds {species!r}", remedy[:1].upper() + remedy[1:])
            continue
        ratio = amount_of(species, stocks)
        ends = reach(space, ratio)
        outside = _outside(ends, (low, high))
        if outside == "all":
            possible = False
            problem = f"[{low:g}, {high:g}] cannot be reached: the space gives {species} {_range(species, ends)}"
            yield Remark((*_WHERE, species), problem, "Change the limits, the bounds of the stocks, or the stocks")
            continue
        sides = _sides(ratio, (low, high), ends)
        wanted += sides
        if outside == "some":
            yield _partly(species, ends, (low, high), sides, space)
    if possible:
        yield from _together(space, wanted)


def _outside(ends: tuple[float, float], limits: tuple[float, float]) -> str:
    close = _CLOSE * max(abs(limits[0]), abs(limits[1]), 1e-9)
    if ends[1] < limits[0] - close or ends[0] > limits[1] + close:
        return "all"
    return "some" if ends[0] < limits[0] - close or ends[1] > limits[1] + close else "none"


def _sides(ratio: Ratio, limits: tuple[float, float], ends: tuple[float, float]) -> list[Linear]:
    """Return the linear constraints that keep a species within its limits, where the space does not by itself."""
    close = _CLOSE * max(abs(limits[0]), abs(limits[1]), 1e-9)
    low = ratio.at_least(limits[0]) if ends[0] < limits[0] - close else None
    high = ratio.at_most(limits[1]) if ends[1] > limits[1] + close else None
    return [one for one in (low, high) if one is not None]


def _partly(
    species: str,
    ends: tuple[float, float],
    limits: tuple[float, float],
    sides: Sequence[Linear],
    space: Space | Candidates,
) -> Remark:
    reached = _range(species, ends)
    problem = f"the space gives {species} {reached}; points outside [{limits[0]:g}, {limits[1]:g}] are refused"
    if isinstance(space, Candidates):
        return Remark((*_WHERE, species), problem, "Leave such candidates out", fatal=False)
    texts = " and ".join(f'"{side}"' for side in sides)
    return Remark((*_WHERE, species), problem, f"To leave them out, add to space.constraints: {texts}", fatal=False)


def _together(space: Space | Candidates, wanted: Sequence[Linear]) -> Iterator[Remark]:
    """Tell where limits that can be kept one by one cannot be kept at once."""
    if isinstance(space, Candidates):
        if not any(all(side.excess(point) <= 0 for side in wanted) for point in space.points):
            yield Remark(_WHERE, "no candidate keeps all limits at once", "Widen a limit, or add candidates")
        return
    try:
        Space(space.parameters, [*space.constraints, *wanted])
    except EmptySpace as error:
        yield Remark(_WHERE, f"no point keeps all limits at once: {error}", "Widen a limit or the bounds of the stocks")


def _range(species: str, ends: tuple[float, float]) -> str:
    return f"{ends[0]:.4g} to {ends[1]:.4g}"
