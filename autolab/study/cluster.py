"""Many runs at once on a Dask cluster."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from typing import Any

from autolab.model.errors import InputError, MissingExtra
from autolab.study.runs import Result, Run, perform
from autolab.study.workers import Lost

SECONDS = 10
"""How long a scheduler may take to answer."""


def on_cluster(runs: Sequence[Run], address: str) -> Iterator[Result | Lost]:
    """Perform runs on a Dask cluster, and yield what becomes of them as it does.

    Its workers must have this version of autolab, and one thread each (`--nthreads 1`). When the iteration ends early,
    runs that have not begun are taken back.

    Args:
        runs: In the order to begin them.
        address: Of the scheduler, such as `tcp://10.0.0.5:8786`.

    Raises:
        MissingExtra: Dask is not installed.
        InputError: No scheduler answers there.
    """
    client, as_completed = _connected(address)
    futures: dict[Any, Run] = {}
    try:
        for i, run in enumerate(runs):  # in order: the first ones asked for begin first
            futures[client.submit(perform, run, pure=False, priority=-i)] = run
        for future in as_completed(list(futures)):
            run = futures.pop(future)
            try:
                done = future.result()
            except Exception as error:
                done = Lost(run, f"{type(error).__name__}: {error}")
            yield done
    finally:
        if futures:
            client.cancel(list(futures))
        client.close()


def _connected(address: str) -> tuple[Any, Any]:
    try:
        distributed = importlib.import_module("distributed")
    except ImportError:
        msg = "a Dask cluster needs the package distributed: run  pip install 'autolab-sdl[dask]'"
        raise MissingExtra(msg) from None
    try:
        return distributed.Client(address, timeout=SECONDS), distributed.as_completed
    except (OSError, ValueError, TypeError) as error:
        msg = f"no Dask scheduler answers at {address!r}: {error}. Start one (`dask scheduler`) and give its address"
        raise InputError(msg) from None
