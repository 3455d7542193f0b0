"""`autolab simulate`."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autolab.cli.console import say_line
from autolab.cli.failures import command, refuse

if TYPE_CHECKING:
    from types import FrameType

    from autolab.model.clock import Clock
    from autolab.simulators.bench import Bench


@command
def simulate(
    lab: Annotated[Path | None, typer.Argument(help="The lab file whose instruments are simulated.")] = None,
    instrument: Annotated[
        str | None, typer.Option(metavar="KEY", help="One instrument instead of a lab, such as new_era.NE1000.")
    ] = None,
    listen: Annotated[
        str, typer.Option(help="Where: `pty` (Linux, macOS) or `tcp://127.0.0.1:0` (0: any free port).")
    ] = "tcp://127.0.0.1:0",
    speed: Annotated[float, typer.Option(help="Lab seconds a wall second.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Of all noise.")] = 0,
    ledger: Annotated[
        Path | None, typer.Option(help="Append every movement of a plunger to this file (JSON lines).")
    ] = None,
    addresses: Annotated[
        Path | None,
        typer.Option(help="Write where the instruments answer to this file, for `autolab run --addresses`."),
    ] = None,
) -> None:
    """Serve a virtual lab's instruments on real ports until interrupted.

    Prints `listening on URL` once for each wire. It lives on when a campaign that uses it dies.
    """
    if (lab is None) == (instrument is None):
        raise refuse("give a lab file, or --instrument with a driver's key: one of the two")
    if not 0 < speed <= 1e6:
        raise refuse(f"--speed must be more than 0 and at most 1000000, got {speed:g}")
    from autolab.model.clock import Clock

    clock = Clock("real") if speed == 1 else Clock("scaled", scale=speed)
    try:
        bench = _bench(lab, instrument, clock, seed, ledger)
        with _ended_by_signal() as over:
            _serve(bench, listen, speed, addresses, over)
    finally:
        clock.close()


def _bench(lab: Path | None, instrument: str | None, clock: Clock, seed: int, ledger: Path | None) -> Bench:
    from autolab.simulators.bench import Bench

    if instrument is not None:
        return Bench.single(instrument, clock=clock, seed=seed, ledger=ledger)
    from autolab.spec.lab import load_lab

    declared = load_lab(lab or "")
    if declared.virtual is None:
        raise refuse(
            f"{lab}: the lab file has no `virtual` section: add one that names the world, such as `virtual: {{world: dosing}}`"
        )
    return Bench(declared.to_json(addresses=True), clock=clock, seed=seed, ledger=ledger)


def _serve(bench: Bench, listen: str, speed: float, addresses: Path | None, over: threading.Event) -> None:
    import os

    from autolab.spec.addresses import load_addresses, write_addresses

    try:
        served = bench.serve(listen)
        if addresses is not None:
            write_addresses(addresses, served, pid=os.getpid(), speed=speed)
        for url in dict.fromkeys(address.partition("?")[0] for address in served.values()):
            say_line(f"listening on {url}")
        while not over.wait(0.5):  # with a limit, because Windows delivers no signal to an endless wait
            pass
    finally:
        bench.close()
        if addresses is not None and addresses.exists():
            with suppress(Exception):
                if load_addresses(addresses).pid == os.getpid():
                    addresses.unlink()


@contextmanager
def _ended_by_signal() -> Iterator[threading.Event]:
    """Give an event that SIGINT and SIGTERM set, where signals can be caught."""
    over = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield over
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        over.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield over
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
