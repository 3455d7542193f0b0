"""Steps of the formulation protocol that move liquid: dose and verify by weight, transfer, empty."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from autolab.model.errors import InstrumentError
from autolab.protocols import stubs
from autolab.protocols.mixing import stock_of

if TYPE_CHECKING:
    from bluesky.utils import Msg

    from autolab.model.contracts import LeasedLab
    from autolab.protocols.formulation_settings import FormulationSettings
    from autolab.protocols.stubs import Weighing

    Step = Generator[Msg, Any, None]

EXCESS = 1.1
"""To empty a vessel, draw this many times what should be in it: lines have a volume, too."""
TRIES = 3
"""Strokes more that a vessel gets when the first did not empty it."""
ROOM = 0.9
"""Of a vessel is filled when nobody knows how much is going to come."""
LITTLE = 1.0
"""mL: less room in the mixing vessel is not worth a stroke."""


class DoseOff(InstrumentError):
    """A dose does not weigh what it should: the machine failed, not the experiment.

    Attributes:
        stock: Name of the stock.
        wanted: g.
        found: g.
    """

    def __init__(self, message: str, *, instrument: str, stock: str, wanted: float, found: float) -> None:
        super().__init__(message, instrument=instrument)
        self.stock, self.wanted, self.found = stock, wanted, found


class NotEmpty(InstrumentError):
    """A vessel cannot be emptied."""


def dose(
    lab: LeasedLab,
    settings: FormulationSettings,
    role: str,
    volume: float,
    before: float,
    *,
    stream: str | None = "weighings",
) -> Generator[Any, Any, float]:
    """Dose a volume (mL) into the mixing vessel, verify it by weight, and return what the balance shows then, g.

    Where too little came, air may be behind it in the syringe: that is driven out before the attempt fails, so that the
    next one begins with what the bottle gives.

    Args:
        lab: The lab.
        settings: The protocol's.
        role: Of the stock's pump.
        volume: mL.
        before: What the balance shows now, g.
        stream: For the weighing; None where no run is open.

    Raises:
        DoseOff: It is off by more than the tolerance.
        InstrumentError: The balance does not settle.
    """
    pump, stock = getattr(lab, role), stock_of(role, lab.stocks)
    rate = settings.rinse_rate if role == "rinse" else settings.dose_rate
    yield from _push(pump, volume, rate, settings.refill_rate)
    after = (yield from settled(lab, settings, stream)).grams
    found, wanted = after - before, volume * stock.density
    allowed = max(settings.tolerance_percent / 100 * wanted, settings.tolerance_g)
    if abs(found - wanted) <= allowed:
        return after
    if found < wanted:
        yield from _drive_air_out(lab, settings, pump, after, stock.density)
    look = (
        "too little came: is the bottle empty, is air in the line, is the line or its nozzle clogged?"
        if found < wanted
        else "too much came: does a line leak or siphon, did something fall into the vessel?"
    )
    msg = (
        f"dosed {round(found, 3) + 0.0:.3f} g of {stock.name} instead of {wanted:.3f} g ({volume:.3f} mL of {stock.density:g} g/mL; "
        f"allowed are {allowed:.3f} g more or less): {look}"
    )
    raise DoseOff(msg, instrument=pump.name, stock=stock.name, wanted=wanted, found=found)


def _drive_air_out(
    lab: LeasedLab, settings: FormulationSettings, pump: stubs.Device, shown: float, density: float
) -> Step:
    """Push out what a pump holds until its liquid comes as it should, the mixing vessel is full or the syringe empty.

    Args:
        lab: The lab.
        settings: The protocol's.
        pump: Whose dose was short.
        shown: What the balance shows now, g.
        density: Of the pump's stock, g/mL.
    """
    room = ROOM * settings.mixer_mL - max(settings.batch_mL, settings.rinse_mL)
    while room >= LITTLE and (held := (yield from stubs.contents(pump))) >= stubs.SMALLEST:
        pushed = min(held, room)
        yield from stubs.dispense(pump, pushed, settings.dose_rate)
        now = (yield from settled(lab, settings)).grams
        came, shown = (now - shown) / density, now
        if came >= pushed * (1 - settings.tolerance_percent / 100):
            return
        room -= max(came, 0.0)


def tare_empty(lab: LeasedLab, settings: FormulationSettings) -> Generator[Any, Any, float]:
    """Tare the empty mixing vessel, and return what the balance shows of it, g.

    A balance that was switched on under load weighs less than its zero when the load is gone, and cannot be tared. It
    is left as it is: differences tell as much.

    Raises:
        InstrumentError: The balance does not settle.
    """
    shown = yield from settled(lab, settings)
    if shown.grams + (yield from stubs.tared(lab.balance)) < 0:
        return shown.grams
    yield from stubs.tare(lab.balance)
    return (yield from settled(lab, settings)).grams


def settled(lab: LeasedLab, settings: FormulationSettings, stream: str | None = None) -> Generator[Any, Any, Weighing]:
    """Let the mixing vessel come to rest and weigh it.

    Raises:
        InstrumentError: The balance does not settle.
    """
    yield from stubs.wait(settings.rest_s)
    weighing = yield from stubs.wait_until_stable(
        lab.balance, settings.settle_g, settings.settle_s, agreeing=2, stream=stream
    )
    if not weighing.stable:
        msg = (
            f"does not settle to {settings.settle_g:g} g within {settings.settle_s:g} s: "
            "look for a drip, draught and vibration"
        )
        raise InstrumentError(msg, instrument=lab.balance.name)
    return weighing


def transfer(lab: LeasedLab, settings: FormulationSettings, volume: float, empty: float) -> Generator[Any, Any, float]:
    """Move what is in the mixing vessel into the cell, and return what the balance shows then, g.

    Args:
        lab: The lab.
        settings: The protocol's.
        volume: Some so much is in it, mL.
        empty: What the balance showed of the empty vessel, g.

    Raises:
        NotEmpty: More than a residue is left.
        InstrumentError: The balance does not settle.
    """
    yield from _through(lab.transfer, EXCESS * volume + settings.air_mL, settings.transfer_rate)
    for _try in range(TRIES):
        shown = (yield from settled(lab, settings)).grams
        if shown - empty <= settings.residue_g:
            return shown
        yield from _through(lab.transfer, EXCESS * (shown - empty) + settings.air_mL, settings.transfer_rate)
    shown = (yield from settled(lab, settings)).grams
    if shown - empty > settings.residue_g:
        msg = (
            f"{shown - empty:.2f} g are left in the mixing vessel (allowed: {settings.residue_g:g} g): does its line "
            "reach the bottom, is it clogged, does it draw air?"
        )
        raise NotEmpty(msg, instrument=lab.transfer.name)
    return shown


def empty_cell(lab: LeasedLab, settings: FormulationSettings, volume: float) -> Step:
    """Move what is in the cell, at most `volume` mL, to the drain."""
    yield from _through(lab.waste, EXCESS * volume + settings.air_mL, settings.waste_rate)


def empty_measured_cell(lab: LeasedLab, settings: FormulationSettings, volume: float, conductivity: float) -> Step:
    """Empty the cell and see by the probe, which read `conductivity` (mS/cm) in the liquid, that it is dry.

    Raises:
        NotEmpty: The probe still sees the liquid.
    """
    wet = max(conductivity / 2, settings.clean_mS_cm)
    for _try in range(2):
        yield from empty_cell(lab, settings, volume)
        if conductivity <= settings.clean_mS_cm:
            return  # such a liquid looks as air does
        seen = yield from stubs.sense(lab.cell, "conductivity")
        if seen.value <= wet:
            return
    msg = (
        f"the cell is not empty: the probe still reads {seen.value:.4g} mS/cm (the liquid had {conductivity:.4g}). "
        "Does the waste line reach the bottom, is it clogged, does it draw air?"
    )
    raise NotEmpty(msg, instrument=lab.waste.name)


def empty_all(lab: LeasedLab, settings: FormulationSettings) -> Step:
    """Empty syringes, cell and mixing vessel, of which nobody knows what they hold; the cell never overflows.

    The waste pump may always push to the drain; the transfer pump pushes into the cell, so that this is emptied before
    each stroke. The mixing vessel is empty when a stroke takes nothing more away, whatever the balance was tared with.

    Raises:
        NotEmpty: There is no end to it.
        InstrumentError: The balance does not settle.
    """
    yield from stubs.expel(lab.waste, settings.waste_rate)
    yield from empty_cell(lab, settings, settings.cell_mL)
    portion = ROOM * settings.cell_mL
    while (held := (yield from stubs.contents(lab.transfer))) >= stubs.SMALLEST:
        yield from stubs.dispense(lab.transfer, min(held, portion), settings.transfer_rate)
        yield from empty_cell(lab, settings, min(held, portion))
    portion = min(portion, stubs.capacity(lab.transfer))
    before = (yield from settled(lab, settings)).grams
    for _stroke in range(math.ceil(settings.mixer_mL / portion) + TRIES):
        yield from _through(lab.transfer, portion, settings.transfer_rate)
        after = (yield from settled(lab, settings)).grams
        if before - after < settings.residue_g / 2:
            yield from empty_cell(lab, settings, settings.residue_g)
            return
        yield from empty_cell(lab, settings, portion)
        before = after
    msg = (
        f"the mixing vessel gives more than the {settings.mixer_mL:g} mL that it holds: does something flow in, "
        "or is mixer_mL wrong?"
    )
    raise NotEmpty(msg, instrument=lab.transfer.name)


def _push(pump: stubs.Device, volume: float, rate: float, refill_rate: float) -> Step:
    """Dose a volume, refilling as `mixing.strokes` tells."""
    most = stubs.capacity(pump)
    while volume > stubs.SMALLEST:
        held = yield from stubs.contents(pump)
        if held + stubs.SMALLEST < min(volume, most):
            yield from stubs.refill(pump, refill_rate)
            held = yield from stubs.contents(pump)
        push = min(volume, held)
        yield from stubs.dispense(pump, push, rate)
        volume -= push


def _through(pump: stubs.Device, volume: float, rate: float) -> Step:
    """Draw a volume from one side and push it to the other, in as many strokes as the syringe needs."""
    most = stubs.capacity(pump)
    while volume > stubs.SMALLEST:
        room = most - (yield from stubs.contents(pump))  # a trace too small to be expelled takes room, too
        stroke = min(volume, room)
        yield from stubs.withdraw(pump, stroke, rate)
        yield from stubs.expel(pump, rate)
        volume -= stroke
