"""The contract kit run on a driver and its simulator, over memory, TCP and a pseudo-terminal: a card of what holds."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from autolab.lab.plugins import names, resolve, settings_model
from autolab.model.clock import Clock
from autolab.model.errors import InputError

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.simulators.bench import Bench

Transport = Literal["memory", "tcp", "pty"]
TRANSPORTS: Final = get_args(Transport)
SCALE: Final = 200.0
"""Lab seconds a wall second over real ports."""
_WIRE_S: Final = 120.0
_LISTEN: Final = {"tcp": "tcp://127.0.0.1:0", "pty": "pty"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: Its name.
        transport: Over what.
        trouble: What does not hold; empty where all does.
        seconds: Wall time that it took, s.
    """

    check: str
    transport: Transport
    trouble: str
    seconds: float


@dataclass(frozen=True)
class Card:
    """What holds of a driver.

    Attributes:
        driver: Its key.
        findings: Of every check over every transport.
    """

    driver: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return not any(finding.trouble for finding in self.findings)

    def to_json(self) -> dict[str, JSON]:
        """Return it as JSON."""
        rows: list[JSON] = [
            {"check": one.check, "over": one.transport, "ok": not one.trouble, "trouble": one.trouble}
            for one in self.findings
        ]
        return {"driver": self.driver, "ok": self.ok, "checks": rows}


@dataclass
class SimulatedRig:
    """An instrument on its simulator: what the kit's checks need (see `drivers.contract.Rig`)."""

    instrument: Any
    clock: Clock
    bench: Bench
    transport: Transport
    ports: Any
    wire_s: float = field(init=False)
    thorough: bool = field(init=False)

    def __post_init__(self) -> None:
        self.wire_s = _WIRE_S * max(1.0, self.clock.scale)
        self.thorough = self.clock.mode == "virtual"

    def inject(self, kind: str, **when: Any) -> None:  # noqa: ANN401  as the simulators' faults take it
        """Arrange for a fault of the wire."""
        kind = "drop" if kind == "disconnect" and self.transport == "pty" else kind  # a pty cannot be unplugged
        self.bench.inject("instrument", kind, **when)  # type: ignore[arg-type]  # a name of the kit's own

    def mend(self) -> None:
        """Forget all faults."""
        self.bench.wire("instrument").mend()

    def restart(self) -> None:
        """Have the far end hang up, and be there again; a pty has no plug to pull."""
        if self.transport == "memory":
            self.bench.channel("instrument").cut()
        elif self.transport == "tcp":
            self.clock.run(self._hang_up())

    async def _hang_up(self) -> None:
        self.bench.wire("instrument").hang_up()
        await asyncio.sleep(0)

    def is_safe(self) -> bool:
        """Say whether the apparatus is in its safe state."""
        return self.bench.is_safe()["instrument"]

    def sent(self) -> int:
        """Return how many pieces were written to the wire so far."""
        return sum(record.direction == "out" for record in self.ports.log.records)


def example_settings(key: str) -> dict[str, Any]:
    """Return settings with which an instrument can be made: the first example of each that must be given."""
    fields: Mapping[str, Any] = getattr(settings_model(key), "model_fields", {})
    needed = {name: one for name, one in fields.items() if one.is_required()}
    missing = [name for name, one in needed.items() if not one.examples]
    if missing:
        msg = (
            f"driver {key!r}: {', '.join(missing)} must be given and have no examples: name a lab file that gives them"
        )
        raise InputError(msg)
    return {name: one.examples[0] for name, one in needed.items()}


def tried() -> list[str]:
    """Return the keys of all drivers that the kit can try: those with a wire and a simulator."""
    simulated = set(names("simulators"))
    return [key for key in names("drivers") if key in simulated and getattr(settings_model(key), "on_wire", True)]


@contextlib.contextmanager
def rig(
    key: str, over: Transport, settings: Mapping[str, JSON], *, scale: float | None = None
) -> Iterator[SimulatedRig]:
    """Make an instrument on its simulator.

    Args:
        key: Of the driver and its simulator.
        over: Memory in virtual time, TCP or a pseudo-terminal in scaled time.
        settings: The driver's own.
        scale: For scaled time in memory, too.

    Raises:
        InputError: There is no simulator of that key, or settings that cannot be.
    """
    if key not in names("simulators"):
        msg = f"driver {key!r} has no simulator: there is nothing to try it on. Give it one in `autolab.simulators`"
        raise InputError(msg)
    if not getattr(settings_model(key), "on_wire", True):
        msg = f"driver {key!r} is not reached by a port of ours, so the kit cannot put faults on its wire: see its page"
        raise InputError(msg)
    from autolab.drivers.wire import Ports
    from autolab.simulators.bench import Bench

    clock = Clock("virtual") if over == "memory" and scale is None else Clock("scaled", scale=scale or SCALE)
    ports = Ports(clock)
    own = {name: value for name, value in settings.items() if name != "limits"}
    try:
        with Bench.single(key, clock=clock, settings=own) as bench:
            channel = bench.channel("instrument") if over == "memory" else None
            address = "memory://instrument" if over == "memory" else bench.serve(_LISTEN[over])["instrument"]
            instrument = resolve("drivers", key)(
                "one", address=address, clock=clock, channel=channel, ports=ports, **settings
            )
            yield SimulatedRig(instrument, clock, bench, over, ports)
            instrument.disconnect()
    finally:
        ports.close()
        clock.close()


def check_driver(
    key: str,
    *,
    over: Sequence[Transport] = TRANSPORTS,
    settings: Mapping[str, JSON] | None = None,
    checks: Sequence[str] = (),
) -> Iterator[Finding]:
    """Yield what each check of the kit finds, one after the other.

    Args:
        key: Of the driver.
        over: Over what.
        settings: The driver's own; by default its examples.
        checks: Names of those to run; all by default.

    Raises:
        InputError: There is no such driver or simulator, or settings are missing.
    """
    from autolab.drivers.contract import CHECKS

    given = example_settings(key) if settings is None else dict(settings)
    for transport in over:
        for name in checks or CHECKS:
            yield _found(key, transport, name, given)


def _found(key: str, transport: Transport, name: str, settings: Mapping[str, JSON]) -> Finding:
    from autolab.drivers.contract import CHECKS

    # A plain RunEngine and threads know wall time only: over memory they have scaled time there, too.
    scale = SCALE if name in ("its_documents_are_valid", "threads_do_not_mix_replies") else None
    begun, trouble = time.perf_counter(), ""
    try:
        with rig(key, transport, settings, scale=scale) as one:
            CHECKS[name](one)
    except InputError:
        raise
    except Exception as error:
        _log.debug("%s over %s: %s", key, transport, name, exc_info=True)
        trouble = f"{error}" if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
    return Finding(name, transport, trouble, round(time.perf_counter() - begun, 3))
