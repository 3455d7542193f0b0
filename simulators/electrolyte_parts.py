"""The parts of the electrolyte bench that hold liquid, made from the lab file: bottles, vessels, syringes, tubes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from autolab.model.errors import InputError
from autolab.model.stocks import Stock
from autolab.simulators.fluids import Fluid, Vessel, sum_of, vessel
from autolab.simulators.plumbing import SINKS
from autolab.simulators.plunger import HUB, Syringe
from autolab.simulators.simulator import check_keys, choices
from autolab.simulators.solvents import DENSITY
from autolab.simulators.tubes import FILM, Barrel, SyringeLine, Tube
from autolab.simulators.world import number, part

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.simulators.plumbing import Plumbing

KEYS = ("world", "vessels", "noise", "settings", "instruments", "faults", "stock_mL", "lines", "room", "immersion_mL")
LINE_KEYS = ("dead_mL", "inlet_mL", "outlet_mL", "film", "clogged")
BOTTLE = 1000.0  # mL in a bottle, unless the lab file says what was loaded
STOCK_LINE, OTHER_LINE = 0.30, 0.25  # mL of dead volume in each tube of a pump


class Parts:
    """Everything that holds liquid.

    Args:
        lab: The lab file's mapping.
        virtual: Its part `virtual`, settings included.
        plumbing: Its plumbing.

    Attributes:
        stocks: What the lab file says of them.
        vessels: By name.
        bottles: Of stocks, and drains, by name.
        lines: Syringes with their tubes, by pump.
        spilled: What overflowed.
        leaked: What clogged lines drove past their plungers.
        air: What evaporated.

    Raises:
        InputError: For names, keys or values that cannot be meant.
    """

    def __init__(self, lab: Mapping[str, JSON], virtual: Mapping[str, JSON], plumbing: Plumbing) -> None:
        self.plumbing = plumbing
        given = part(lab, "stocks")
        self.stocks = {name: Stock.from_json(name, part(given, name)) for name in given}
        self._check_stocks()
        entries = part(virtual, "vessels")
        self.vessels = {name: vessel(name, part(entries, name), self.stocks) for name in entries}
        plumbing.check([*self.vessels, *self.stocks])
        self._bottled, self._options = part(virtual, "stock_mL"), part(virtual, "lines")
        check_keys("virtual.stock_mL", self._bottled, self.stocks)
        check_keys("virtual.lines", self._options, plumbing.instruments)
        self.bottles: dict[str, Vessel] = {}
        self.lines: dict[str, SyringeLine] = {}
        self._filled: dict[str, float] = {}  # mL, as the lab file says, by bottle
        self._clean: dict[str, float] = {}  # share that passes, as the lab file says, by line
        self.spilled, self.leaked, self.air = Vessel("spilled"), Vessel("leaked"), Vessel("evaporated")

    def line(self, pump: str, syringe: Syringe) -> SyringeLine:
        """Return the syringe and tubes of a pump, connecting them at the first call.

        Those of a pump with a stock are full of it; the others hold air.
        """
        if pump in self.lines:
            return self.lines[pump]
        source, destination = self.plumbing.ends(pump)
        stock = self.plumbing.stock_of(pump)
        drawn = self._bottle(stock or "air") if source is None else self._place(source)
        inside = None if stock is None else self.stocks[stock]
        dead, film, passes = self._sizes(pump, STOCK_LINE if inside else OTHER_LINE)
        filled = syringe.contents + HUB * syringe.volume
        self.lines[pump] = SyringeLine(
            drawn,
            self._place(destination),
            self.spilled,
            self.leaked,
            Barrel(Fluid.of(inside, filled)) if inside else Barrel(Fluid(), filled),
            Tube(dead[1], Fluid.of(inside, dead[1]) if inside else None, film),
            _inlet(dead[0], inside, film) if self.plumbing.has_check_valves(pump) else None,
            passes,
        )
        self._clean[pump] = passes
        return self.lines[pump]

    def total(self) -> dict[str, float]:
        """Return how much there is of each species, g."""
        return sum_of([*(held.fluid for held in self._all().values()), *self._in_lines()]).grams

    def snapshot(self) -> dict[str, JSON]:
        """Return what is where, and what the lab file said of it."""
        return {
            "held": {name: held.fluid.snapshot() for name, held in self._all().items()},
            "lines": {name: line.snapshot() for name, line in self.lines.items()},
            "declared": {"bottles": dict(self._filled), "lines": dict(self._clean)},
        }

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`; what the lab file says otherwise since then was done by a person meanwhile."""
        for name, held in self._all().items():
            held.fluid.restore(part(part(state, "held"), name))
        for name, line in self.lines.items():
            line.restore(part(part(state, "lines"), name))
        declared = part(state, "declared")
        self._fill_up(part(declared, "bottles"))
        self._mend(part(declared, "lines"))

    def _fill_up(self, before: Mapping[str, JSON]) -> None:
        """Pour into bottles by how much more was loaded than before, mL; or take it out."""
        for name, filled in self._filled.items():
            more = filled - number(before, name, filled)
            if more > 0:
                self.bottles[name].add(Fluid.of(self.stocks[name], more))
            else:
                self.bottles[name].take(-more)

    def _mend(self, before: Mapping[str, JSON]) -> None:
        """Let those lines pass what the lab file says of which it said something else before."""
        for name, passes in self._clean.items():
            if number(before, name, passes) != passes:
                self.lines[name].passes = passes

    def _check_stocks(self) -> None:
        for name, stock in self.stocks.items():
            for species in (*stock.solvents, *stock.salts):
                if species not in DENSITY:
                    msg = f"stocks.{name}: this world knows no {species!r}. {choices(species, DENSITY)}"
                    raise InputError(msg)
        for pump in self.plumbing.instruments:
            wanted = self.plumbing.stock_of(pump)
            if wanted is not None and wanted not in self.stocks:
                msg = f"instruments.{pump}.stock: {wanted!r} is not under `stocks`. {choices(wanted, self.stocks)}"
                raise InputError(msg)

    def _sizes(self, pump: str, usual: float) -> tuple[tuple[float, float], float, float]:
        """Return the volumes of inlet and outlet (mL), the share of film, and the share that passes."""
        given, where = part(self._options, pump), f"virtual.lines.{pump}"
        check_keys(where, given, LINE_KEYS)
        dead = number(given, "dead_mL", usual)
        inlet, outlet = number(given, "inlet_mL", dead), number(given, "outlet_mL", dead)
        film, passes = number(given, "film", FILM), number(given, "clogged", 1.0)
        if not (inlet > 0 and outlet > 0 and 0 <= film < 1 and 0 <= passes <= 1):
            msg = (
                f"{where}: {dict(given)!r} is no line: tubes have more than 0 mL, `film` is a share below 1, and "
                "`clogged` is the share that still passes, 0 to 1"
            )
            raise InputError(msg)
        return (inlet, outlet), film, passes

    def _place(self, name: str) -> Vessel:
        return self.vessels[name] if name in self.vessels else self._bottle(name)

    def _bottle(self, name: str) -> Vessel:
        """Return a stock's bottle or a drain, which are shared by all that name them."""
        if name not in self.bottles:
            self.bottles[name] = Vessel(name)
            if name in self.stocks and name not in SINKS:
                stock = self.stocks[name]
                loaded = BOTTLE if stock.loaded is None else stock.loaded
                self._filled[name] = number(self._bottled, name, loaded)
                self.bottles[name].fluid = Fluid.of(stock, self._filled[name])
        return self.bottles[name]

    def _all(self) -> dict[str, Vessel]:
        extra = {f"({one.name})": one for one in (self.spilled, self.leaked, self.air)}
        return {**self.vessels, **{f"{name} (bottle)": bottle for name, bottle in self.bottles.items()}, **extra}

    def _in_lines(self) -> Iterator[Fluid]:
        for line in self.lines.values():
            yield line.liquid


def _inlet(volume: float, inside: Stock | None, film: float) -> Tube:
    return Tube(volume, Fluid.of(inside, volume) if inside else None, film)
