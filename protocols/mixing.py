"""What a point of a mixture means: doses, composition, cost, and what bottles give for it. No plans here.

Notation: a point's fractions are volume fractions of the stocks; volumes add up on mixing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from autolab.model.errors import OutsideEnvelope
from autolab.model.stocks import MOLAR_MASS, Composition, Stock, grams_of

if TYPE_CHECKING:
    from autolab.model.trial import Point
    from autolab.protocols.formulation_settings import FormulationSettings

TRACE = 0.0005
"""mL: half the last digit of a common syringe pump; less is nothing."""
_EXACTLY = 1e-6  # fractions add up to 1, and compositions keep their ranges, this closely


def fractions_of(point: Point, names: Sequence[str]) -> dict[str, float]:
    """Return the volume fractions of the stocks.

    Raises:
        OutsideEnvelope: One is no number of 0 or more, or they do not add up to 1.

    >>> fractions_of({"pc": 0.75, "salt": 0.25, "temperature": 30}, ["pc", "salt"])
    {'pc': 0.75, 'salt': 0.25}
    """
    fractions = {name: number_of(point, name) for name in names}
    for name, fraction in fractions.items():
        if fraction < -_EXACTLY:
            msg = f"{name} = {fraction:g} is no volume fraction: it must be 0 or more"
            raise OutsideEnvelope(msg)
    total = sum(fractions.values())
    if abs(total - 1) > _EXACTLY:
        told = ", ".join(f"{name} {fraction:g}" for name, fraction in fractions.items())
        msg = f"the volume fractions of the stocks must add up to 1, not {total:g} ({told})"
        raise OutsideEnvelope(msg)
    return {name: max(fraction, 0.0) for name, fraction in fractions.items()}


def number_of(point: Point, name: str, default: float = 0.0) -> float:
    """Return what a point says of `name`.

    Raises:
        OutsideEnvelope: It is no finite number.
    """
    value = point.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        msg = f"{name} must be a number, got {value!r}"
        raise OutsideEnvelope(msg)
    return float(value)


def doses_of(fractions: Mapping[str, float], settings: FormulationSettings) -> dict[str, float]:
    """Return what is dosed of each stock, mL; stocks of which nothing is dosed are left out.

    Raises:
        OutsideEnvelope: A dose is too small for the pumps, and small doses are to be refused.
    """
    doses, smallest = {}, settings.smallest_mL
    for name, fraction in fractions.items():
        volume = fraction * settings.batch_mL
        if TRACE < volume < smallest:
            if settings.small_doses == "refuse":
                msg = (
                    f"{name}: a dose of {volume:.4f} mL is too small for a pump: the smallest is {smallest:g} mL "
                    f"(smallest_mL), a fraction of {smallest / settings.batch_mL:.4g}; or use none of it"
                )
                raise OutsideEnvelope(msg)
            volume = smallest if volume >= smallest / 2 else 0.0
        if volume > TRACE:
            doses[name] = volume
    return doses


def check_doses(doses: Mapping[str, float], stocks: Mapping[str, Stock], settings: FormulationSettings) -> None:
    """Raise OutsideEnvelope for a dose that the balance cannot verify, or a batch that does not fit."""
    for name, volume in doses.items():
        density = stock_of(name, stocks).density
        if volume * density < settings.tolerance_g:
            least = settings.tolerance_g / density
            msg = (
                f"{name}: a dose of {volume:.4f} mL weighs {volume * density:.4f} g, too little for the balance to "
                f"verify within {settings.tolerance_g:g} g (tolerance_g): the smallest is {least:.3f} mL, a fraction of "
                f"{least / settings.batch_mL:.4g}"
            )
            raise OutsideEnvelope(msg)
    total = sum(doses.values())
    for vessel, holds in (("mixing vessel", settings.mixer_mL), ("cell", settings.cell_mL)):
        if total > holds + TRACE:
            msg = f"{total:.3f} mL do not fit into the {vessel} of {holds:g} mL: use a smaller batch_mL"
            raise OutsideEnvelope(msg)


def stock_of(role: str, stocks: Mapping[str, Stock]) -> Stock:
    """Return the stock that a role's pump draws from.

    Raises:
        OutsideEnvelope: The lab names none.
    """
    if role not in stocks:
        msg = (
            f"the lab does not say what the pump of {role!r} draws: give it `stock: NAME`, and describe NAME in the lab "
            f"file's `stocks` (solvents, salts, density). Known: {', '.join(stocks) or 'none'}"
        )
        raise OutsideEnvelope(msg)
    return stocks[role]


def composition_of(fractions: Mapping[str, float], stocks: Mapping[str, Stock]) -> Composition:
    """Return the composition of a mixture of so much volume of each stock.

    Raises:
        OutsideEnvelope: The lab does not say what a stock is.
    """
    used = {name: volume for name, volume in fractions.items() if volume > 0}
    return Composition.of(grams_of(used, {name: stock_of(name, stocks) for name in used}))


def check_composition(
    fractions: Mapping[str, float], stocks: Mapping[str, Stock], allowed: Mapping[str, tuple[float, float]]
) -> None:
    """Raise OutsideEnvelope for a composition outside the ranges, by species."""
    mixed = composition_of(fractions, stocks)
    for species, (low, high) in allowed.items():
        value = mixed.amount(species)
        if low - _EXACTLY <= value <= high + _EXACTLY:
            continue
        unit = "mol/kg" if species in MOLAR_MASS else "of the solvent's mass"
        more, less = _ways(species, fractions, stocks, above=value > high, bound=high if value > high else low)
        ways = [f"more {' or '.join(more)}"] * bool(more) + [f"less {' or '.join(less)}"] * bool(less)
        msg = f"{species} would be {value:.4g} {unit}, and the protocol allows {low:g} to {high:g} (composition): " + (
            f"use {', '.join(ways)}" if ways else "no other fractions of these stocks would help: widen the range"
        )
        raise OutsideEnvelope(msg)


def _ways(
    species: str, fractions: Mapping[str, float], stocks: Mapping[str, Stock], *, above: bool, bound: float
) -> tuple[list[str], list[str]]:
    """Return the stocks of which more, and of which less would bring a species from above (or below) to its bound."""
    own = {name: composition_of({name: 1.0}, stocks).amount(species) for name in fractions}
    rich, poor = ([one for one in own if own[one] > bound], [one for one in own if own[one] < bound])
    more, less = (poor, rich) if above else (rich, poor)
    return (more, [name for name in less if fractions[name] > 0]) if more else ([], [])


def cost_of(fractions: Mapping[str, float], stocks: Mapping[str, Stock]) -> float:
    """Return the price of 1 mL of the mixture, in the lab's currency."""
    return sum(fraction * stock_of(name, stocks).price for name, fraction in fractions.items() if fraction > 0)


def strokes(volume: float, held: float, capacity: float) -> Iterator[tuple[float, float]]:
    """Yield what a pump refills (to its capacity, when it holds too little) and then pushes, mL, until all is dosed.

    Args:
        volume: To be dosed, mL.
        held: What its syringe holds, mL.
        capacity: What its syringe can hold, mL.

    >>> list(strokes(12.0, 3.0, 10.0))
    [(7.0, 10.0), (10.0, 2.0)]
    """
    while volume > TRACE:
        refill = capacity - held if held + TRACE < min(volume, capacity) else 0.0
        push = min(volume, held + refill)
        yield refill, push
        held, volume = held + refill - push, volume - push


def drawn(volume: float, held: float, capacity: float) -> float:
    """Return what a pump draws from its bottle to dose a volume, mL; arguments as for `strokes`."""
    return sum(refill for refill, _push in strokes(volume, held, capacity))
