"""What can be wrong with a lab's declaration beyond its grammar: names, plumbing, volumes, interlocks."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autolab.lab.interlocks import Condition
from autolab.lab.safety import safe_sequence
from autolab.model.errors import InputError
from autolab.model.names import did_you_mean

if TYPE_CHECKING:
    from autolab.lab.declaration import LabDeclaration, Place

PLUMBED = ("pump", "valve", "balance")
"""Roles that need plumbing: a virtual lab cannot say where their liquid goes without."""

PLACED = ("heater", "stirrer", "sensor")
"""Roles that stand at a vessel, where the virtual lab has any."""


@dataclass(frozen=True)
class LabFault:
    """One fault of a lab's declaration.

    Attributes:
        key: Dotted, as in the lab file: `plumbing.waste`.
        problem: What is wrong, with the value.
        remedy: What is allowed.
    """

    key: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}" + (f". {self.remedy}" if self.remedy else "")


def lab_faults(
    lab: LabDeclaration, roles: Mapping[str, str | None], parts: Mapping[str, Mapping[str, str]] | None = None
) -> list[LabFault]:
    """Return everything that is wrong with a declaration.

    Args:
        lab: The declaration.
        roles: Instrument -> its driver's role, where it is known.
        parts: Instrument -> the roles of its components by name, where they are known.
    """
    return [
        *_names(lab),
        *_plumbing(lab, roles),
        *_standing(lab, roles, parts or {}),
        *_stocks(lab, roles),
        *_vessels(lab),
        *_interlocks(lab),
        *_safety(lab, roles),
    ]


def _names(lab: LabDeclaration) -> Iterator[LabFault]:
    if not lab.instruments:
        yield LabFault("instruments", "there are none", "Declare at least one")
    for name in lab.instruments:
        if not name.isidentifier():
            rule = "Use letters, digits and underscores, not starting with a digit: dots are for components"
            yield LabFault(f"instruments.{name}", f"{name!r} cannot name an instrument", rule)


def _plumbing(lab: LabDeclaration, roles: Mapping[str, str | None]) -> Iterator[LabFault]:
    for name, place in lab.plumbing.items():
        if name not in lab.instruments:
            yield LabFault(f"plumbing.{name}", "is no instrument", did_you_mean(name, lab.instruments))
        else:
            yield from _places(lab, name, place, roles.get(name))
    if lab.virtual is None and not lab.plumbing:
        return
    for name in lab.instruments:
        if roles.get(name) in PLUMBED and name not in lab.plumbing:
            remedy = f"Say where it goes, such as '{name}: beaker' or '{name}: [beaker, drain]'"
            yield LabFault("plumbing", f"{name!r} is a {roles[name]} and is joined to nothing", remedy)


def _standing(
    lab: LabDeclaration, roles: Mapping[str, str | None], parts: Mapping[str, Mapping[str, str]]
) -> Iterator[LabFault]:
    """Tell of hotplates and sensors that stand nowhere, or at two vessels."""
    for name in lab.instruments:
        kinds = [kind for kind in (roles.get(name), *parts.get(name, {}).values()) if kind in PLACED]
        place = lab.plumbing.get(name)
        if not kinds:
            continue
        if isinstance(place, tuple):
            problem = f"a {kinds[0]} stands at one vessel, not {list(place)!r}"
            yield LabFault(f"plumbing.{name}", problem, f"Such as '{name}: {place[0]}'")
        elif place is None and (vessels := _vessel_names(lab)):
            problem = f"{name!r} is a {' and '.join(kinds)} and stands at no vessel"
            yield LabFault("plumbing", problem, f"Say where, such as '{name}: {vessels[-1]}'")


def _stocks(lab: LabDeclaration, roles: Mapping[str, str | None]) -> Iterator[LabFault]:
    """Tell of pumps that draw from no known stock, where stocks are declared, or bring theirs nowhere."""
    if not lab.stocks:
        return
    for name, one in lab.instruments.items():
        stock = one.settings.get("stock")
        if stock is None:
            continue
        if stock not in lab.stocks:
            remedy = did_you_mean(str(stock), lab.stocks)
            yield LabFault(f"instruments.{name}.stock", f"{stock!r} is none of the lab's stocks", remedy)
        elif name not in lab.plumbing and roles.get(name) == "pump" and lab.virtual is None and not lab.plumbing:
            remedy = f"Say where it goes, such as 'plumbing: {{{name}: mixer}}'"
            yield LabFault(f"instruments.{name}.stock", f"{stock!r} is drawn and brought nowhere", remedy)


def _places(lab: LabDeclaration, name: str, place: Place, role: str | None) -> Iterator[LabFault]:
    key, vessels = f"plumbing.{name}", _vessel_names(lab)
    if isinstance(place, str):
        stock = lab.instruments[name].settings.get("stock")
        if role == "pump" and not stock:
            yield LabFault(
                key, f"{name!r} delivers to {place!r} but draws from nothing", "Give it a stock, or [from, to]"
            )
        if vessels and place not in vessels:
            yield LabFault(key, f"{place!r} is no vessel", did_you_mean(place, vessels))
        return
    source, destination = place
    if source == destination:
        yield LabFault(key, f"goes from {source!r} to itself", "Give two different places")
    if role == "balance":
        yield LabFault(key, f"a balance carries one vessel, not {list(place)!r}", f"Such as '{name}: {source}'")
    if vessels and source not in vessels:
        yield LabFault(key, f"draws from {source!r}, which is no vessel", did_you_mean(source, vessels))
    if vessels and destination not in vessels and difflib.get_close_matches(destination, vessels, n=1, cutoff=0.8):
        yield LabFault(key, f"delivers to {destination!r}, which is no vessel", did_you_mean(destination, vessels))


def _vessel_names(lab: LabDeclaration) -> list[str]:
    return list(lab.virtual.vessels) if lab.virtual is not None else []


def _vessels(lab: LabDeclaration) -> Iterator[LabFault]:
    if lab.virtual is None:
        return
    for name, vessel in lab.virtual.vessels.items():
        volume = vessel.get("volume_mL")
        if volume is not None and not _positive(volume):
            key = f"virtual.vessels.{name}.volume_mL"
            yield LabFault(key, f"{volume!r} is no volume", "It must be a positive number of mL")
    if not (math.isfinite(lab.virtual.noise) and lab.virtual.noise >= 0):
        yield LabFault("virtual.noise", f"{lab.virtual.noise!r} is no factor", "It must be 0 (none) or more")


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _interlocks(lab: LabDeclaration) -> Iterator[LabFault]:
    for index, interlock in enumerate(lab.interlocks):
        key = f"interlocks.{index}"
        if interlock.then != "make_safe":
            yield LabFault(f"{key}.then", f"{interlock.then!r} cannot be done", "The one thing to do is make_safe")
        try:
            condition = Condition.parse(interlock.condition)
        except InputError as error:
            yield LabFault(f"{key}.if", str(error))
            continue
        instrument = condition.path.partition(".")[0]
        if instrument not in lab.instruments:
            remedy = did_you_mean(instrument, lab.instruments)
            yield LabFault(f"{key}.if", f"{instrument!r} is no instrument", remedy)


def _safety(lab: LabDeclaration, roles: Mapping[str, str | None]) -> Iterator[LabFault]:
    known = {name: roles.get(name) or "" for name in lab.instruments}
    if not all(known.values()):  # a plural may stand for a role that is not known here
        return
    for word in lab.safe_order:
        try:
            safe_sequence([word], known)
        except InputError as error:
            yield LabFault("safe_order", str(error).removeprefix("safe_order: "))
