"""`autolab lab list`, `lab safe`, `lab doctor` and `lab probe`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autolab.cli.console import say, say_json, say_table
from autolab.cli.failures import WORK_FAILED, command, refuse
from autolab.cli.running import confirm_physical
from autolab.cli.targets import AsJson

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autolab.lab.doctor import Health
    from autolab.lab.lab import Lab
    from autolab.lab.safety import SafeReport
    from autolab.model.clock import Clock

LabFile = Annotated[Path, typer.Argument(help="The lab file.")]


@command
def list_instruments(lab: LabFile, as_json: AsJson = False) -> None:
    """List the instruments of a lab: role, driver, address, what they are joined to."""
    from autolab.spec.lab import load_lab, role_of

    declared = load_lab(lab)
    roles = {name: role_of(one.driver) for name, one in declared.instruments.items()}
    if as_json:
        whole = declared.to_json(addresses=True)
        say_json({"lab": lab.stem, "roles": roles, **whole})
        return
    rows = []
    for name, one in declared.instruments.items():
        place = declared.plumbing.get(name)
        joined = place if isinstance(place, str) or place is None else " -> ".join(place)
        rows.append([name, roles[name], one.driver, one.address, joined])
    say_table(["instrument", "role", "driver", "address", "joined to"], rows)


Addresses = Annotated[
    Path | None, typer.Option(help="File that `autolab simulate --addresses` wrote: its simulators answer.")
]
Physical = Annotated[bool, typer.Option("--physical", help="Use the lab file's own addresses.")]
Confirm = Annotated[
    str | None, typer.Option(metavar="LAB", help="With --physical: the lab's name, where nobody can type it.")
]
WireLogFile = Annotated[Path | None, typer.Option(help="Append all that passes over the ports: `autolab lab wire`.")]


@command
def safe(
    lab: LabFile,
    addresses: Addresses = None,
    physical: Physical = False,
    confirm: Confirm = None,
    as_json: AsJson = False,
) -> None:
    """Connect to a lab and bring every instrument to its safe state, whatever becomes of the others."""
    _insist(addresses, physical)
    with _opened(lab, addresses, physical, confirm) as built:
        report = built.clock.run(_connect_and_make_safe(built))
    if as_json:
        say_json({"lab": lab.stem, **report.to_json()})
    else:
        rows = [[one.instrument, "safe" if one.ok else "NOT SAFE", one.error] for one in report.entries]
        say_table(["instrument", "state", "trouble"], rows)
        if not report.ok:
            say("Go to the lab and look at those that are not safe.", style="red")
    if not report.ok:
        raise typer.Exit(WORK_FAILED)


@command
def doctor(
    lab: LabFile,
    addresses: Addresses = None,
    physical: Physical = False,
    confirm: Confirm = None,
    wire_log: WireLogFile = None,
    as_json: AsJson = False,
) -> None:
    """Ask every instrument how it is: who it says it is, how fast it answers, alarms, the age of its calibration.

    Connecting moves nothing. Without --physical or --addresses the virtual lab in this process is asked. Exit code 1:
    something is not well.
    """
    from autolab.lab.doctor import examine

    with _opened(lab, addresses, physical, confirm, wire_log) as built:
        found = built.clock.run(examine(built))
    if as_json:
        say_json({"lab": lab.stem, "instruments": [one.to_json() for one in found]})
    else:
        columns = ["instrument", "state", "identity", "round trip", "calibrated", "tells"]
        say_table(columns, [_health(one) for one in found])
        for one in found:
            if not one.ok:
                say(
                    f"{one.instrument}: {one.trouble}. Try: {one.remedy or 'see its page in the documentation'}",
                    style="red",
                )
    if not all(one.ok for one in found):
        raise typer.Exit(WORK_FAILED)


def _health(one: Health) -> list[object]:
    identity = ", ".join(str(value) for value in one.identity.values() if value is not None and value != "")
    told = "; ".join(f"{name} {value}" for name, value in one.state.items() if value not in ("", None))
    took = None if one.round_trip_s is None else f"{1000 * one.round_trip_s:.1f} ms"
    return [one.instrument, "well" if one.ok else "NOT WELL", identity, took, one.calibration, told]


@command
def probe(
    lab: LabFile,
    addresses: Addresses = None,
    physical: Physical = False,
    confirm: Confirm = None,
    as_json: AsJson = False,
) -> None:
    """Find out what answers on the ports of a lab: exchanged cables, wrong models, silent ports. Nothing is set or moved.

    On each port the instrument of the lab file is asked who it is; where it does not answer, those of the same file's
    other drivers. Exit code 1: something else answers than the lab file says.
    """
    from autolab.lab.probe import probe as ask
    from autolab.spec.lab import load_lab

    _insist(addresses, physical)
    declared = load_lab(lab)
    with _reached(lab, addresses, physical, confirm) as (clock, served):
        where = served if served is not None else {name: one.address for name, one in declared.instruments.items()}
        found = clock.run(ask(declared.instruments, where, clock))
    if as_json:
        say_json({"lab": lab.stem, "ports": [one.to_json() for one in found]})
    else:
        rows = [[one.address, one.instrument, one.wanted, one.driver or "nobody", one.identity] for one in found]
        say_table(["port", "instrument", "should answer", "answers", "says"], rows)
        for one in found:
            if not one.ok:
                answers = (
                    f"{one.driver} answers there: exchange the cables or correct the file"
                    if one.driver
                    else one.trouble
                )
                say(f"{one.instrument} on {one.address}: {answers}", style="red")
    if not all(one.ok for one in found):
        raise typer.Exit(WORK_FAILED)


def _insist(addresses: Path | None, physical: bool) -> None:
    """Have the person say which lab is meant: the virtual one in this process would be no answer."""
    if physical == (addresses is not None):
        raise refuse("say which lab: --physical, or --addresses with the file of a running `autolab simulate`")


@contextlib.contextmanager
def _reached(
    lab: Path, addresses: Path | None, physical: bool, confirm: str | None
) -> Iterator[tuple[Clock, dict[str, str] | None]]:
    """Give the clock of a lab, and the addresses of its simulators where they are given; confirm a physical one."""
    from autolab.model.clock import Clock
    from autolab.spec.addresses import load_addresses

    if physical and addresses is not None:
        raise refuse("--physical and --addresses exclude each other: hardware answers, or simulators do")
    served = load_addresses(addresses) if addresses is not None else None
    if physical:
        confirm_physical(lab.stem, confirm)
    scaled = served is not None and served.speed != 1
    clock = Clock("scaled", scale=served.speed) if served is not None and scaled else Clock("real")
    try:
        clock.start()
        yield clock, None if served is None else dict(served.instruments)
    finally:
        clock.close()


@contextlib.contextmanager
def _opened(
    lab: Path, addresses: Path | None, physical: bool, confirm: str | None, wire_log: Path | None = None
) -> Iterator[Lab]:
    """Make the lab that a person means: physical, served elsewhere, or else virtual in this process."""
    from autolab.lab.lab import Lab
    from autolab.spec.lab import load_lab

    declared = load_lab(lab)
    with contextlib.ExitStack() as stack:
        clock, served = stack.enter_context(_reached(lab, addresses, physical, confirm))
        bench = None
        if served is None and not physical:
            from autolab.simulators.bench import Bench

            bench = stack.enter_context(Bench(declared.to_json(addresses=True), clock=clock))
        built = Lab.build(declared, clock=clock, bench=bench, addresses=served, physical=physical, wire_log=wire_log)
        stack.callback(built.disconnect)
        yield built


async def _connect_and_make_safe(lab: Lab) -> SafeReport:
    """Connect to each instrument by itself: one that is absent must not keep the others from being made safe."""
    import asyncio

    from autolab.lab.safety import SafeEntry, SafeReport

    names = list(lab.instruments)
    found = await asyncio.gather(*(lab.instruments[name].do_connect() for name in names), return_exceptions=True)
    absent = {name: error for name, error in zip(names, found, strict=True) if isinstance(error, BaseException)}
    report = await lab.do_make_safe()
    return SafeReport(
        tuple(
            SafeEntry(one.instrument, f"not reached: {absent[one.instrument]}") if one.instrument in absent else one
            for one in report.entries
        )
    )
