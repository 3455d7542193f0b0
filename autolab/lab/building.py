"""From a declaration to instruments: which driver, on which line."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from autolab.lab.plugins import resolve
from autolab.model.errors import InputError
from autolab.model.names import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from autolab.lab.declaration import InstrumentDeclaration, LabDeclaration
    from autolab.model.clock import Clock

SIMULATED_RECORDS = "autolab-sim-"
"""What the names of simulated EPICS records begin with, so that no server of a laboratory answers to them."""
_PTY = re.compile(r"/dev/(pts/\d+|ttys\d+)")  # Linux; macOS


def instruments_of(
    declaration: LabDeclaration,
    *,
    clock: Clock,
    bench: Any,  # noqa: ANN401  a Bench
    addresses: Mapping[str, str] | None,
    physical: bool,
    wire_log: Path | None = None,
) -> dict[str, Any]:
    """Return the instruments of a lab by name; nothing is opened.

    Raises:
        InputError: Not exactly one of `bench`, `addresses` and `physical`, or an address that must not be used.
    """
    if (bench is not None) + (addresses is not None) + physical != 1:
        msg = (
            "say which lab it is: bench= (virtual, in memory), addresses= (virtual, elsewhere) or physical=True, one of"
        )
        raise InputError(msg)
    from autolab.drivers.wire import Ports
    from autolab.drivers.wirelog import WireLog

    ports = Ports(clock, None if wire_log is None else WireLog(path=wire_log))
    where = {name: one.address for name, one in declaration.instruments.items()}
    if addresses is not None:
        where = _simulated(addresses, declaration)
    return {
        name: _made(one, where[name], clock, ports, None if bench is None else bench.channel(name))
        for name, one in declaration.instruments.items()
    }


def _made(declared: InstrumentDeclaration, address: str, clock: Clock, ports: object, channel: object) -> Any:  # noqa: ANN401  an instrument
    driver = resolve("drivers", declared.driver)
    try:
        return driver(
            declared.name,
            address=address,
            clock=clock,
            channel=channel,
            ports=ports,
            limits=dict(declared.limits),
            **declared.settings,
        )
    except (TypeError, ValueError) as error:
        msg = f"instruments.{declared.name} ({declared.driver}): {error}"
        raise InputError(msg) from error


def _simulated(addresses: Mapping[str, str], declaration: LabDeclaration) -> dict[str, str]:
    """Return the address of every instrument, all of them of simulators on this machine."""
    for name in addresses:
        if name not in declaration.instruments:
            msg = f"addresses: {name!r} is no instrument of this lab: {did_you_mean(name, declaration.instruments)}"
            raise InputError(msg)
    missing = [name for name in declaration.instruments if name not in addresses]
    if missing:
        msg = f"addresses: nothing for {', '.join(missing)}: serve the same lab file again"
        raise InputError(msg)
    for name, address in addresses.items():
        if not is_simulated(address):
            msg = (
                f"addresses.{name}: {address!r} may be hardware: a virtual lab is reached by a pty (/dev/pts/N) or by TCP "
                "on this machine only. For hardware use the lab file's own addresses and confirm the physical lab"
            )
            raise InputError(msg)
    return dict(addresses)


def is_simulated(address: str) -> bool:
    """Return whether only a process on this machine can answer at `address`.

    That is a pty, TCP on the loopback, or a simulated EPICS record that is served there.

    >>> is_simulated("serial:///dev/pts/7?bus=1"), is_simulated("tcp://127.0.0.1:4001"), is_simulated("serial://COM4")
    (True, True, False)
    """
    parts = urlsplit(address)
    if parts.scheme == "serial":
        return not parts.netloc and _PTY.fullmatch(parts.path) is not None
    if parts.scheme == "epics":
        host = parse_qs(parts.query).get("server", [""])[-1].rpartition(":")[0]
        return parts.netloc.startswith(SIMULATED_RECORDS) and _is_here(host)
    return parts.scheme == "tcp" and parts.hostname is not None and _is_here(parts.hostname)


def _is_here(host: str) -> bool:
    """Say whether a host is this machine, by its loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
