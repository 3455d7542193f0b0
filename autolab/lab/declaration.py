"""What a lab file declares, as plain frozen objects; the lab itself is built from them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from autolab.model.actions import JSON
from autolab.model.errors import InputError
from autolab.model.names import did_you_mean
from autolab.model.stocks import Stock

Place = str | tuple[str, str]
"""Where a liquid goes or what a balance carries: one vessel, or (from, to)."""

_OWN = ("driver", "address", "limits", "safe", "calibrated", "calibrate_every_days")


@dataclass(frozen=True)
class InstrumentDeclaration:
    """One instrument.

    Attributes:
        name: In the lab.
        driver: Key of the driver plug-in, such as `new_era.NE1000`.
        address: Of its port, such as `serial:///dev/ttyUSB0?bus=1`; no part of the lab's digest.
        settings: The driver's own.
        limits: Narrower than the driver's own, by what they limit: `{"rate": [0.1, 10]}`.
        safe: State of its components beside the driver's own safe state: `{"heater": "off"}`.
        calibrated: Day of its last calibration, `2026-11-03`; empty where nobody says. No part of the lab's digest.
        calibrate_every_days: How long that lasts. Likewise.
    """

    name: str
    driver: str
    address: str
    settings: Mapping[str, JSON] = field(default_factory=dict)
    limits: Mapping[str, JSON] = field(default_factory=dict)
    safe: Mapping[str, JSON] = field(default_factory=dict)
    calibrated: str = ""
    calibrate_every_days: float | None = None

    def to_json(self, *, addresses: bool = False) -> dict[str, JSON]:
        """Return it as the lab file's mapping, with or without its address."""
        mapping: dict[str, JSON] = {"driver": self.driver}
        if addresses:
            mapping["address"] = self.address
            mapping |= {"calibrated": self.calibrated} if self.calibrated else {}
            mapping |= {"calibrate_every_days": self.calibrate_every_days} if self.calibrate_every_days else {}
        mapping |= _plain(self.settings)
        if self.limits:
            mapping["limits"] = _plain(self.limits)
        if self.safe:
            mapping["safe"] = _plain(self.safe)
        return mapping


@dataclass(frozen=True)
class InterlockDeclaration:
    """A condition that ends the attempt and makes the lab safe: a second line of defence.

    Attributes:
        condition: Such as `plate.heater > 65`.
        then: What follows.
    """

    condition: str
    then: Literal["make_safe"] = "make_safe"


@dataclass(frozen=True)
class VirtualDeclaration:
    """What the virtual lab needs to know beyond the instruments.

    Attributes:
        world: Key of the world plug-in.
        vessels: Name -> its properties (`{"volume_mL": 100}`).
        noise: Factor on all randomness; 0 is none.
        settings: The world's own.
    """

    world: str
    vessels: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    noise: float = 1.0
    settings: Mapping[str, JSON] = field(default_factory=dict)

    def to_json(self) -> dict[str, JSON]:
        """Return it as the lab file's mapping."""
        vessels: JSON = {name: _plain(vessel) for name, vessel in self.vessels.items()}
        return {"world": self.world, "vessels": vessels, "noise": self.noise, **_plain(self.settings)}


@dataclass(frozen=True)
class LabDeclaration:
    """A lab: instruments, plumbing, interlocks, order of making safe, virtual lab, stocks.

    Attributes:
        instruments: By name, in the file's order.
        plumbing: Instrument -> where it delivers, or (from, to).
        interlocks: In the file's order.
        safe_order: Instruments, or roles in the plural (`pumps`), to be made safe first, in this order.
        virtual: None when there is no virtual lab.
        stocks: Name, as pumps name it -> solution; what was loaded is no part of the lab's digest.
    """

    instruments: Mapping[str, InstrumentDeclaration]
    plumbing: Mapping[str, Place] = field(default_factory=dict)
    interlocks: Sequence[InterlockDeclaration] = ()
    safe_order: Sequence[str] = ()
    virtual: VirtualDeclaration | None = None
    stocks: Mapping[str, Stock] = field(default_factory=dict)

    def to_json(self, *, addresses: bool = False) -> dict[str, JSON]:
        """Return it as the lab file's mapping.

        Without addresses this is what the lab's digest is taken of: what bottles hold is left out, too.
        """
        mapping: dict[str, JSON] = {
            "instruments": {name: one.to_json(addresses=addresses) for name, one in self.instruments.items()},
            "plumbing": {name: list(at) if isinstance(at, tuple) else at for name, at in self.plumbing.items()},
            "interlocks": [{"if": one.condition, "then": one.then} for one in self.interlocks],
            "safe_order": list(self.safe_order),
        }
        if self.virtual is not None:
            mapping["virtual"] = self.virtual.to_json()
        if self.stocks:
            mapping["stocks"] = {name: stock.to_json(loaded=addresses) for name, stock in self.stocks.items()}
        return mapping

    @property
    def loaded(self) -> dict[str, float]:
        """What the bottles held when the campaign began, by stock, mL; without those of which nobody says."""
        return {name: stock.loaded for name, stock in self.stocks.items() if stock.loaded is not None}

    def stock_of(self, instrument: str) -> Stock | None:
        """Return the stock that an instrument draws from; None where it names none that is declared."""
        declared = self.instruments.get(instrument)
        return self.stocks.get(str(declared.settings.get("stock"))) if declared is not None else None

    def stocks_of(self, roles: Mapping[str, str]) -> dict[str, Stock]:
        """Return the stocks by the roles of the pumps that draw from them.

        Args:
            roles: Role name in the protocol -> instrument in the lab.
        """
        found = {role: self.stock_of(name) for role, name in roles.items()}
        return {role: stock for role, stock in found.items() if stock is not None}

    @classmethod
    def from_json(cls, mapping: Mapping[str, Any]) -> LabDeclaration:
        """Return what `to_json` wrote; a missing address is empty.

        Raises:
            InputError: A part that is missing, unknown, or of another shape.
        """
        known = ("instruments", "plumbing", "interlocks", "safe_order", "virtual", "stocks", "autolab")
        for key in mapping:
            if key not in known:
                msg = f"a lab has no part {key!r}: {did_you_mean(key, known)}"
                raise InputError(msg)
        virtual = mapping.get("virtual")
        instruments = _mapping(mapping.get("instruments", {}), "instruments")
        plumbing = _mapping(mapping.get("plumbing") or {}, "plumbing")
        stocks = _mapping(mapping.get("stocks") or {}, "stocks")
        return cls(
            {name: _instrument(name, _mapping(one, f"instruments.{name}")) for name, one in instruments.items()},
            {name: _place(name, at) for name, at in plumbing.items()},
            tuple(_interlock(one) for one in mapping.get("interlocks") or ()),
            tuple(mapping.get("safe_order") or ()),
            None if virtual is None else _virtual(_mapping(virtual, "virtual")),
            {name: Stock.from_json(name, _mapping(one, f"stocks.{name}")) for name, one in stocks.items()},
        )


def _instrument(name: str, mapping: Mapping[str, Any]) -> InstrumentDeclaration:
    if not isinstance(mapping.get("driver"), str):
        msg = f"instruments.{name}: names no driver, such as 'driver: new_era.NE1000'"
        raise InputError(msg)
    settings = {key: copy.deepcopy(value) for key, value in mapping.items() if key not in _OWN}
    limits = _mapping(mapping.get("limits") or {}, f"instruments.{name}.limits")
    safe = _mapping(mapping.get("safe") or {}, f"instruments.{name}.safe")
    address = str(mapping.get("address", ""))
    every = mapping.get("calibrate_every_days")
    return InstrumentDeclaration(
        name,
        mapping["driver"],
        address,
        settings,
        _plain(limits),
        _plain(safe),
        str(mapping.get("calibrated", "")),
        None if every is None else float(every),
    )


def _place(name: str, at: object) -> Place:
    if isinstance(at, str):
        return at
    if isinstance(at, list | tuple) and len(at) == 2 and all(isinstance(one, str) for one in at):
        return (at[0], at[1])
    msg = f"plumbing.{name}: {at!r} must be the name of a vessel or [from, to]"
    raise InputError(msg)


def _interlock(mapping: object) -> InterlockDeclaration:
    if not isinstance(mapping, Mapping) or set(mapping) - {"if", "then"} or not isinstance(mapping.get("if"), str):
        msg = f"interlocks: {mapping!r} must be like {{if: 'plate.heater > 65', then: make_safe}}"
        raise InputError(msg)
    return InterlockDeclaration(mapping["if"], mapping.get("then", "make_safe"))


def _virtual(mapping: Mapping[str, Any]) -> VirtualDeclaration:
    if not isinstance(mapping.get("world"), str):
        msg = f"virtual.world: {mapping.get('world')!r} must name a world, such as 'dosing'"
        raise InputError(msg)
    vessels = _mapping(mapping.get("vessels") or {}, "virtual.vessels")
    rest = {key: value for key, value in mapping.items() if key not in ("world", "vessels", "noise")}
    return VirtualDeclaration(
        mapping["world"],
        {name: _plain(_mapping(vessel, f"virtual.vessels.{name}")) for name, vessel in vessels.items()},
        float(mapping.get("noise", 1.0)),
        _plain(rest),
    )


def _mapping(value: object, key: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        msg = f"{key}: {value!r} must be a mapping from names"
        raise InputError(msg)
    return value


def _plain(mapping: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return an independent copy, so that what is frozen stays so."""
    return copy.deepcopy(dict(mapping))
