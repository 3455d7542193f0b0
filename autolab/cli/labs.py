"""`autolab lab list` and `autolab lab safe`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autolab.cli.console import say, say_json, say_table
from autolab.cli.failures import WORK_FAILED, command, refuse
from autolab.cli.running import confirm_physical
from autolab.cli.targets import AsJson

if TYPE_CHECKING:
    from autolab.lab.lab import Lab
    from autolab.lab.safety import SafeReport

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


@command
def safe(
    lab: LabFile,
    addresses: Annotated[
        Path | None, typer.Option(help="File that `autolab simulate --addresses` wrote: its simulators answer.")
    ] = None,
    physical: Annotated[bool, typer.Option("--physical", help="Use the lab file's own addresses.")] = False,
    confirm: Annotated[
        str | None, typer.Option(metavar="LAB", help="With --physical: the lab's name, where nobody can type it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Connect to a lab and bring every instrument to its safe state, whatever becomes of the others."""
    from autolab.spec.addresses import load_addresses
    from autolab.spec.lab import load_lab

    if physical == (addresses is not None):
        raise refuse("say which lab: --physical, or --addresses with the file of a running `autolab simulate`")
    declared = load_lab(lab)
    served = load_addresses(addresses) if addresses is not None else None
    if physical:
        confirm_physical(lab.stem, confirm)
    report = _made_safe(declared, served)
    if as_json:
        say_json({"lab": lab.stem, **report.to_json()})
    else:
        rows = [[one.instrument, "safe" if one.ok else "NOT SAFE", one.error] for one in report.entries]
        say_table(["instrument", "state", "trouble"], rows)
        if not report.ok:
            say("Go to the lab and look at those that are not safe.", style="red")
    if not report.ok:
        raise typer.Exit(WORK_FAILED)


def _made_safe(declared: Any, served: Any) -> SafeReport:  # noqa: ANN401  a LabDeclaration; addresses, or None
    from autolab.lab.lab import Lab
    from autolab.model.clock import Clock

    scaled = served is not None and served.speed != 1
    clock = Clock("scaled", scale=served.speed) if scaled else Clock("real")
    addresses = None if served is None else served.instruments
    lab = Lab.build(declared, clock=clock, addresses=addresses, physical=served is None)
    try:
        clock.start()
        return clock.run(_connect_and_make_safe(lab))
    finally:
        lab.disconnect()
        clock.close()


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
