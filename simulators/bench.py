"""The bench: a whole virtual lab, made from the lab file, on wires in memory, over TCP or on pseudo-terminals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import parse_qs, urlsplit

from autolab.model.errors import InputError
from autolab.model.seeds import noise_seed
from autolab.simulators.faults import Affliction, Fault, FaultKind, read_faults
from autolab.simulators.ledger import Ledger
from autolab.simulators.serving import MemoryChannel, Served, on_loop, serve
from autolab.simulators.simulator import Place, Simulator, choices, load
from autolab.simulators.wire import Wire
from autolab.simulators.world import World, number, part

if TYPE_CHECKING:
    from pathlib import Path

    from autolab.model.actions import JSON
    from autolab.model.clock import Clock

T = TypeVar("T")
NOT_SETTINGS = ("driver", "address", "limits", "safe", "calibrated", "calibrate_every_days")


class Bench:
    """A virtual lab: simulated instruments on their wires, and the world behind them.

    Instruments whose addresses differ in `?bus=` only share one wire. Everything simulated happens on the clock's
    loop; the methods below may be called from any thread but that of the loop, unless they say otherwise.

    Args:
        lab: The lab file's mapping in JSON form: `instruments`, `plumbing`, `virtual`.
        clock: Lab time.
        seed: The campaign's seed.
        ledger: File to which every movement of a plunger is appended.

    Raises:
        InputError: When the mapping contradicts itself.
        UnknownPlugin: When there is no such simulator or world.
    """

    def __init__(self, lab: Mapping[str, JSON], *, clock: Clock, seed: int = 0, ledger: Path | None = None) -> None:
        self.clock, self.seed = clock, seed
        self.ledger = Ledger(ledger)
        virtual = part(lab, "virtual")
        factory = load("autolab.worlds", str(virtual["world"])) if "world" in virtual else World
        self.world = cast("World", factory(lab, clock=clock, seed=seed, ledger=self.ledger))
        options = part({**virtual, **part(virtual, "settings")}, "instruments")
        instruments = part(lab, "instruments")
        for name in options:
            if name not in instruments:
                msg = f"virtual.instruments: {name!r} is no instrument of this lab. {choices(name, instruments)}"
                raise InputError(msg)
        self._ports = {name: _port(name, part(instruments, name)) for name in instruments}
        self._simulators = {
            name: self._make(name, part(instruments, name), part(options, name), number(virtual, "noise", 1.0))
            for name in instruments
        }
        self.wires = {
            port: Wire(self._on(port), clock, self._afflict)
            for port in dict.fromkeys(port for port, _ in self._ports.values())
        }
        self.faults = read_faults(virtual.get("faults", []), instruments, noise_seed(seed, "faults", 0, 0))
        for fault in self.faults:
            self._arrange(fault)
        self._channels: dict[str, MemoryChannel] = {}
        self._served: list[Served] = []

    @classmethod
    def single(
        cls,
        key: str,
        *,
        clock: Clock,
        seed: int = 0,
        settings: Mapping[str, JSON] | None = None,
        options: Mapping[str, JSON] | None = None,
        ledger: Path | None = None,
    ) -> Bench:
        """Return a bench with one instrument, named `instrument`, in a world without liquids.

        Args:
            key: Such as `new_era.NE1000`.
            clock: Lab time.
            seed: Of its noise.
            settings: As in its entry of a lab file.
            options: As under `virtual.instruments`.
            ledger: File for the movements of plungers.
        """
        entry: dict[str, JSON] = {"driver": key, "address": "memory://instrument", **(settings or {})}
        lab: dict[str, JSON] = {
            "instruments": {"instrument": entry},
            "virtual": {"instruments": {"instrument": dict(options or {})}},
        }
        return cls(lab, clock=clock, seed=seed, ledger=ledger)

    @property
    def names(self) -> list[str]:
        """Names of the instruments, in the lab file's order."""
        return list(self._simulators)

    def instrument(self, name: str) -> Any:  # noqa: ANN401  each simulator has more to offer than the contract
        """Return a simulated instrument, for tests: power-cycle it, look inside.

        Raises:
            InputError: When there is none of that name.
        """
        if name not in self._simulators:
            msg = f"no instrument is named {name!r}. {choices(name, self._simulators)}"
            raise InputError(msg)
        return self._simulators[name]

    def wire(self, name: str) -> Wire:
        """Return the wire on which an instrument is."""
        self.instrument(name)
        return self.wires[self._ports[name][0]]

    def channel(self, name: str) -> MemoryChannel:
        """Return the line in memory to an instrument; those on one wire share it."""
        self.instrument(name)
        port = self._ports[name][0]
        if port not in self._channels:
            self._channels[port] = MemoryChannel(self.wires[port], port.rpartition("/")[2] or name)
        return self._channels[port]

    def inject(self, name: str, kind: FaultKind, **when: Any) -> None:  # noqa: ANN401  as Fault takes it
        """Let something happen to an instrument, its line or its replies from now on.

        Args:
            name: The instrument.
            kind: What happens.
            when: As `faults.Fault` takes it; by default at the first operation.
        """
        self.wire(name).inject(Fault(kind, instrument=name, **when))

    def afflict(self, name: str, kind: Affliction, begins: bool = True, *, amount: float = 0.0) -> None:
        """Have an apparatus be stuck, or its sensor freeze or drift, or no longer.

        Args:
            name: The instrument.
            kind: `stuck`, `frozen` or `drift`.
            begins: False ends it.
            amount: Of a drift, as a share of the value an hour.

        Raises:
            InputError: There is nothing in this instrument that can be so.
        """
        simulator = self.instrument(name)
        own = getattr(simulator, "afflict", None)
        taken = own is not None and own(kind, begins, amount)
        if not (self.world.afflict(name, kind, begins, amount) or taken):
            msg = f"{name!r} has nothing that can be {kind!r}"
            raise InputError(msg)

    def serve(self, listen: str = "tcp://127.0.0.1:0") -> dict[str, str]:
        """Serve every wire and return the address of each instrument; blocking.

        Args:
            listen: `pty`, or `tcp://host:port`; with more than one wire the port must be 0.
        """
        self.clock.start()
        return self.clock.run(self.serve_on_loop(listen))

    async def serve_on_loop(self, listen: str = "tcp://127.0.0.1:0") -> dict[str, str]:
        """Serve every wire and return the address of each instrument; for a task on the clock's loop.

        Raises:
            InputError: When `listen` is nothing to listen on, or one port for several wires.
        """
        if len(self.wires) > 1 and listen != "pty" and not listen.endswith(":0"):
            msg = f"{listen}: this lab has {len(self.wires)} wires and each needs its own port; listen on port 0"
            raise InputError(msg)
        urls = {}
        for port, wire in self.wires.items():
            served = await (_by_itself(wire) or serve(wire, listen))
            self._served.append(served)
            urls[port] = served.url
        return {name: urls[port] + ("" if bus is None else f"?bus={bus}") for name, (port, bus) in self._ports.items()}

    def is_safe(self) -> dict[str, bool]:
        """Say of each instrument whether it is in its safe state."""
        return self._do(lambda: {name: simulator.is_safe() for name, simulator in self._simulators.items()})

    def reseed(self, trial: int, attempt: int) -> None:
        """Draw all noise of one attempt from its own seed."""

        def draw() -> None:
            self.world.reseed(trial, attempt)
            for name, simulator in self._simulators.items():
                simulator.reseed(noise_seed(self.seed, name, trial, attempt))

        self._do(draw)

    def snapshot(self) -> dict[str, JSON]:
        """Return the whole bench as JSON, times relative to now.

        Raises:
            ValueError: While something moves.
        """

        def take() -> dict[str, JSON]:
            instruments: dict[str, JSON] = {name: item.snapshot() for name, item in self._simulators.items()}
            state: dict[str, JSON] = {"world": self.world.snapshot(), "instruments": instruments}
            if self.faults:
                state["wires"] = {port: wire.snapshot() for port, wire in self.wires.items()}
            return state

        return cast("dict[str, JSON]", json.loads(json.dumps(self._do(take))))

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from a snapshot, at the present lab time."""

        def put() -> None:
            self.world.restore(part(state, "world"))
            for name, simulator in self._simulators.items():
                simulator.restore(part(part(state, "instruments"), name))
            for port, wire in self.wires.items():
                if self.faults:
                    wire.restore(part(part(state, "wires"), port))
                else:
                    wire.idle()
            for fault in self.faults:
                self._schedule(fault)

        self._do(put)

    def close(self) -> None:
        """Stop serving and close the ledger's file."""
        for channel in self._channels.values():
            channel.close()
        served, self._served = self._served, []
        if served and not self.clock.loop.is_closed():
            self.clock.run(_close_all(served))
        self.ledger.close()

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _make(self, name: str, entry: Mapping[str, JSON], options: Mapping[str, JSON], noise: float) -> Simulator:
        settings = {key: value for key, value in entry.items() if key not in NOT_SETTINGS}
        place = Place(
            name=name,
            clock=self.clock,
            world=self.world,
            bus=self._ports[name][1] or 0,
            settings=settings,
            options=options,
            seed=noise_seed(self.seed, name, 0, 0),
            noise=noise,
        )
        return cast("Simulator", load("autolab.simulators", str(entry.get("driver", "")))(place))

    def _arrange(self, fault: Fault) -> None:
        """Have a declared fault happen on the wire of its instrument, or on all."""
        for port, wire in self.wires.items():
            if not fault.instrument or self._ports[fault.instrument][0] == port:
                wire.inject(fault)
        self._schedule(fault)

    def _schedule(self, fault: Fault) -> None:
        """Have an affliction that goes by the clock alone begin and end then."""
        if not fault.by_time or fault.window is None:
            return
        begin, end = fault.window
        for name in [fault.instrument] if fault.instrument else list(self._simulators):
            elapsed = self.wire(name).elapsed
            if elapsed < end:
                self.clock.loop.call_later(max(0.0, begin - elapsed), self._afflict, fault, name, True)
                self.clock.loop.call_later(end - elapsed, self._afflict, fault, name, False)

    def _afflict(self, fault: Fault, name: str, begins: bool) -> None:
        self.afflict(name, cast("Affliction", fault.kind), begins, amount=fault.amount)

    def _on(self, port: str) -> dict[str, Simulator]:
        return {name: simulator for name, simulator in self._simulators.items() if self._ports[name][0] == port}

    def _do(self, call: Callable[[], T]) -> T:
        """Do something on the clock's loop, or here when it does not run."""
        loop = self.clock.loop
        if on_loop(loop) or not loop.is_running():
            return call()
        return asyncio.run_coroutine_threadsafe(_called(call), loop).result()


def _by_itself(wire: Wire) -> Coroutine[Any, Any, Served] | None:
    """Serve a simulator that speaks no bytes but a network's own protocol; None for all others."""
    own = [getattr(simulator, "serve", None) for simulator in wire.simulators.values()]
    return cast("Coroutine[Any, Any, Served]", own[0]()) if own and own[0] is not None else None


async def _called(call: Callable[[], T]) -> T:
    return call()


async def _close_all(served: list[Served]) -> None:
    for one in served:
        await one.close()


def _port(name: str, entry: Mapping[str, JSON]) -> tuple[str, int | None]:
    """Return the port of an instrument's address, and its address on the bus there."""
    address = str(entry.get("address", f"memory://{name}"))
    parts = urlsplit(address)
    bus = parse_qs(parts.query).get("bus", [None])[-1]
    if bus is not None and not bus.isdigit():
        msg = f"instruments.{name}.address: bus={bus!r} is not a bus address; write ?bus=0 to ?bus=99"
        raise InputError(msg)
    return parts._replace(query="", fragment="").geturl(), None if bus is None else int(bus)
