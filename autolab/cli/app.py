"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from autolab.cli import (
    asking,
    checking,
    comparing,
    exporting,
    failures,
    importing,
    labs,
    plugins,
    rehearsing,
    replaying,
    reporting,
    running,
    simulating,
    starting,
    studying,
    watching,
    wire,
)

app = typer.Typer(
    name="autolab",
    help="Autonomous laboratories: declare, rehearse, propose, perform, record, go round again.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
lab = typer.Typer(help="Look at a lab, or make it safe.", no_args_is_help=True)
drivers = typer.Typer(help="Look at the drivers that are installed.", no_args_is_help=True)


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the full traceback of an unexpected error.")] = False,
) -> None:
    """Autonomous laboratories: declare, rehearse, propose, perform, record, go round again."""
    failures.show_tracebacks(debug)


app.command()(starting.init)
app.command()(checking.check)
app.command()(rehearsing.rehearse)
app.command()(running.run)
app.command()(reporting.report)
app.command()(exporting.export)
app.command("import")(importing.import_results)
app.command()(watching.status)
app.command()(asking.approve)
app.command()(asking.reject)
app.command()(asking.resolve)
app.command()(asking.answer)
app.command()(asking.invalidate)
app.command()(comparing.prefer)
app.command()(asking.stop)
app.command()(replaying.replay)
app.command()(studying.study)
app.command()(simulating.simulate)
app.command()(checking.schema)
lab.command("list")(labs.list_instruments)
lab.command("safe")(labs.safe)
lab.command("doctor")(labs.doctor)
lab.command("probe")(labs.probe)
lab.command("wire")(wire.wire)
drivers.command("list")(plugins.list_drivers)
drivers.command("test")(plugins.try_driver)
app.add_typer(lab, name="lab")
app.add_typer(drivers, name="drivers")
