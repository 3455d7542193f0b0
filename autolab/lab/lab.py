"""The lab: named instruments, virtual or physical, connected together, leased by attempts, made safe in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autolab.lab.building import instruments_of
from autolab.lab.checks import lab_faults
from autolab.lab.connecting import connect_all
from autolab.lab.interlocks import Interlocks
from autolab.lab.lease import LabView, Lease
from autolab.lab.safety import SafeReport, at_once, in_turn, reach_declared, safe_sequence
from autolab.model.errors import InputError, LabNotReady, LeaseTaken
from autolab.model.names import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from autolab.lab.declaration import LabDeclaration
    from autolab.model.clock import Clock
    from autolab.model.stocks import Stock

logger = logging.getLogger(__name__)


class Lab:
    """Instruments that belong together; made by `Lab.build`.

    Args:
        declaration: What the lab file says.
        instruments: The instruments, not yet connected.
        clock: Lab time.
        bench: The virtual lab in this process, where there is one.
        physical: Whether hardware answers.

    Attributes:
        declaration: As given.
        instruments: By name, in the lab file's order.
        clock: As given.
        bench: As given.
        physical: As given.
        interlocks: Not watched until somebody says so.

    Raises:
        InputError: Plumbing, interlocks, limits or an order of making safe that contradict the instruments.
    """

    def __init__(
        self,
        declaration: LabDeclaration,
        instruments: Mapping[str, Any],
        *,
        clock: Clock,
        bench: Any = None,  # noqa: ANN401  a Bench, whose module needs not be loaded for a physical lab
        physical: bool = False,
    ) -> None:
        self.declaration, self.instruments, self.clock = declaration, dict(instruments), clock
        self.bench, self.physical = bench, physical
        roles = {name: str(getattr(one, "role", "") or "") for name, one in self.instruments.items()}
        parts = {name: _component_roles(one) for name, one in self.instruments.items()}
        faults = lab_faults(declaration, roles, parts)
        if faults:
            raise InputError("\n".join(str(fault) for fault in faults))
        self._order = safe_sequence(declaration.safe_order, roles)
        self._check_safe_values()
        self.interlocks = Interlocks(declaration.interlocks, self._part)
        self._leases: list[Lease] = []

    @classmethod
    def build(
        cls,
        declaration: LabDeclaration,
        *,
        clock: Clock,
        bench: Any = None,  # noqa: ANN401  a Bench
        addresses: Mapping[str, str] | None = None,
        physical: bool = False,
        wire_log: Path | None = None,
    ) -> Lab:
        """Make the instruments of a lab; nothing is opened yet.

        Args:
            declaration: What the lab file says.
            clock: Lab time.
            bench: Virtual lab in this process: its memory wires are used.
            addresses: Of a virtual lab in another process; only ptys and loopback TCP are allowed.
            physical: Use the addresses of the lab file: hardware moves.
            wire_log: File to which all that passes over the ports is appended.

        Raises:
            InputError: Not exactly one of these three, or something in the declaration or addresses that cannot be.
            UnknownPlugin: A driver that nobody knows.
        """
        instruments = instruments_of(
            declaration, clock=clock, bench=bench, addresses=addresses, physical=physical, wire_log=wire_log
        )
        return cls(declaration, instruments, clock=clock, bench=bench, physical=physical)

    def __repr__(self) -> str:
        return f"<{'physical' if self.physical else 'virtual'} lab: {', '.join(self.instruments)}>"

    def find(self, name: str) -> Any:  # noqa: ANN401  an instrument or a component of one
        """Return an instrument (`balance`) or a component (`plate.heater`, or as documents name it, `plate_heater`).

        Raises:
            InputError: The lab has none of that name.
        """
        if "." not in name and name not in self.instruments:
            for known, instrument in self.instruments.items():
                if name.startswith(f"{known}_"):
                    for part in getattr(instrument, "component_names", ()):
                        if name == getattr(instrument, part).name:
                            return getattr(instrument, part)
        return self._part(name)

    # ---- the whole lab -----------------------------------------------------------------------------------------

    async def do_connect(self) -> None:
        """Connect all instruments at the same time, moving nothing.

        Raises:
            LabNotReady: One report for all faults; every port has been given back.
        """
        try:
            await connect_all(self.instruments, self.clock)
        except BaseException:
            self.disconnect()
            raise

    def disconnect(self) -> None:
        """Give every port back, and watch no interlock any more."""
        self.interlocks.unwatch()
        for name, instrument in self.instruments.items():
            try:
                instrument.disconnect()
            except Exception:
                logger.exception("%s could not give its port back", name)

    async def do_halt(self) -> SafeReport:
        """Stop all motion now, everywhere at the same time; counters stay. Never raises for an instrument."""
        return await at_once(list(self.instruments), lambda name: self.instruments[name].do_halt(), self.clock)

    async def do_make_safe(self) -> SafeReport:
        """Bring all instruments to their safe state, in the lab file's order. Never raises for an instrument.

        Once begun it runs to its end, even if whoever waits for it is cancelled.
        """
        return await asyncio.shield(asyncio.ensure_future(in_turn(self._order, self._make_safe, self.clock)))

    def connect(self) -> None:
        """Connect, and wait for it; never on the loop."""
        self.clock.run(self.do_connect())

    def halt(self) -> SafeReport:
        """Stop all motion, and wait for it; never on the loop."""
        return self.clock.run(self.do_halt())

    def make_safe(self) -> SafeReport:
        """Make safe, and wait for it; never on the loop."""
        return self.clock.run(self.do_make_safe())

    async def _make_safe(self, name: str) -> None:
        instrument = self.instruments[name]
        await instrument.do_make_safe()
        await reach_declared(instrument, self.declaration.instruments[name].safe)

    # ---- leases ------------------------------------------------------------------------------------------------

    def check_roles(self, needs: Mapping[str, str], roles: Mapping[str, str]) -> None:
        """Raise InputError unless `roles` gives every need of a protocol an instrument of the right role.

        Args:
            needs: Role name in the protocol -> role that it must play.
            roles: Role name in the protocol -> instrument in the lab.
        """
        faults = [
            f"{name!r} is no need of the protocol: {did_you_mean(name, needs)}" for name in roles if name not in needs
        ]
        for name, role in needs.items():
            if name not in roles:
                faults.append(f"nothing plays {name!r} (a {role}): name an instrument of {', '.join(self.instruments)}")
                continue
            plays = getattr(self.find(roles[name]), "role", None)
            if plays != role:
                faults.append(f"{name!r} must be a {role}, but {roles[name]!r} is a {plays or 'part without a role'}")
        if faults:
            raise InputError("; ".join(faults))

    def stocks_of(self, roles: Mapping[str, str]) -> dict[str, Stock]:
        """Return what the pumps draw from, by role; a role without a declared stock is left out."""
        return self.declaration.stocks_of(roles)

    def view(self, roles: Mapping[str, str]) -> LabView:
        """Return the lab as a protocol's `check` sees it: nothing is leased."""
        return LabView(self.find, roles, self.stocks_of(roles))

    def lease(self, roles: Mapping[str, str], *names: str, holder: str = "") -> Lease:
        """Take instruments for one attempt.

        Args:
            roles: Role name in the protocol -> instrument or component in the lab.
            names: Further instruments to hold.
            holder: Who takes them, for messages.

        Raises:
            LeaseTaken: Another attempt holds one of them.
            LabNotReady: An interlock has tripped and was not reset.
            InputError: An instrument that the lab does not have.
        """
        wanted = list(dict.fromkeys((*roles.values(), *names)))
        devices = {name: self.find(name) for name in wanted}
        if self.interlocks.tripped:
            why = "; ".join(f"{name!r} tripped ({reading})" for name, reading in self.interlocks.tripped.items())
            msg = f"interlock {why}: look at the lab, remove the cause, then reset it"
            raise LabNotReady(msg)
        for lease in self._leases:
            taken = [name for name in wanted if any(_overlap(name, held) for held in lease.names)]
            if taken:
                msg = f"{', '.join(taken)}: held by {lease.holder or 'another attempt'} until it ends"
                raise LeaseTaken(msg)
        lease = Lease(
            devices,
            roles,
            now=self.clock.now,
            holder=holder,
            on_release=self._leases.remove,
            stocks=self.stocks_of(roles),
        )
        self._leases.append(lease)
        return lease

    def _part(self, path: str) -> Any:  # noqa: ANN401  an instrument, a component or a signal
        name, *parts = path.split(".")
        if name not in self.instruments:
            msg = f"the lab has no instrument {name!r}: {did_you_mean(name, self.instruments)}"
            raise InputError(msg)
        found = self.instruments[name]
        for part in parts:
            known = tuple(getattr(found, "component_names", ()))
            if part not in known:
                msg = f"{name!r} has no part {part!r} ({path!r}): {did_you_mean(part, known)}"
                raise InputError(msg)
            found = getattr(found, part)
        return found

    def _check_safe_values(self) -> None:
        for name, declared in self.declaration.instruments.items():
            for component, value in declared.safe.items():
                part = self._part(f"{name}.{component}")
                if value not in (False, "off", None) and hasattr(part, "check_value"):
                    try:
                        part.check_value(value)
                    except Exception as error:
                        msg = f"instruments.{name}.safe.{component}: {value!r} cannot be: {error}"
                        raise InputError(msg) from error


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _component_roles(instrument: Any) -> dict[str, str]:  # noqa: ANN401  any ophyd device
    parts = {part: getattr(getattr(instrument, part), "role", None) for part in _parts(instrument)}
    return {part: role for part, role in parts.items() if isinstance(role, str)}


def _parts(instrument: Any) -> tuple[str, ...]:  # noqa: ANN401  any ophyd device
    return tuple(getattr(instrument, "component_names", ()))
