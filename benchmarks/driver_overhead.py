"""What a query costs through driver, codec and wire, when the instrument answers at once.

    python benchmarks/driver_overhead.py [--queries 2000]

The far end is a function that answers an NE-1000's query of its counters; so what is measured is ours alone: the coroutine,
the port's queue and its runner, the line's rules, the codec. Beside it, in the same run, the same bytes by a bare socket.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator

from autolab.drivers import new_era_protocol as wire
from autolab.drivers.new_era import NE1000
from autolab.drivers.testing import ScriptedChannel
from autolab.model.clock import Clock

REPLIES = {b"0VER\r": b"\x0200SNE1000V3.928\x03", b"0DIS\r": b"\x0200SI1.250W0.000ML\x03"}
EMPTY = b"\x0200S\x03"


def answer(data: bytes) -> list[bytes]:
    """Return what a pump at rest says."""
    return [REPLIES.get(data, EMPTY)]


def in_memory(mode: str, queries: int) -> list[float]:
    """Return the times of queries through the driver and a line in memory, s."""
    clock = Clock("virtual") if mode == "virtual" else Clock("real")
    channel = ScriptedChannel(answer, clock=clock if mode == "virtual" else None)
    pump = NE1000("pump", address="memory://scripted", channel=channel, clock=clock, syringe_mm=14.5, volume_mL=10)
    try:
        return timed(pump, queries)
    finally:
        pump.disconnect()
        clock.close()


def over_tcp(queries: int) -> tuple[list[float], list[float]]:
    """Return the times of queries over TCP on this machine, through the driver and by a bare socket, s."""
    with serving() as port:
        clock = Clock("real")
        pump = NE1000("pump", address=f"tcp://127.0.0.1:{port}", clock=clock, syringe_mm=14.5, volume_mL=10)
        try:
            through = timed(pump, queries)
        finally:
            pump.disconnect()
            clock.close()
    with serving() as port, socket.create_connection(("127.0.0.1", port)) as bare:
        bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain = []
        for _ in range(queries):
            begun = time.perf_counter()
            bare.sendall(b"0DIS\r")
            bare.recv(100)
            plain.append(time.perf_counter() - begun)
    return through, plain


def timed(pump: NE1000, queries: int) -> list[float]:
    """Return the time of each of so many queries, asked one after the other on the clock's loop, s."""

    async def ask() -> list[float]:
        times = []
        for _ in range(queries):
            begun = time.perf_counter()
            await pump.query(wire.dispensed(0))
            times.append(time.perf_counter() - begun)
        return times

    pump.connect()
    return pump.clock.run(ask())


class serving:  # noqa: N801  used as a function
    """Serve the answers on a TCP port of this machine, in a thread."""

    def __enter__(self) -> int:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        return int(self.server.getsockname()[1])

    def __exit__(self, *exception: object) -> None:
        self.server.close()
        self.thread.join(5)

    def _serve(self) -> None:
        connection, _ = self.server.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            while data := connection.recv(100):
                connection.sendall(answer(data)[0])


def figures(name: str, times: list[float]) -> Iterator[str]:
    """Yield a line with the median and the 95th percentile, us."""
    ordered = sorted(1e6 * one for one in times[len(times) // 10 :])  # without the warm-up
    yield f"| {name} | {statistics.median(ordered):.0f} | {ordered[int(0.95 * len(ordered))]:.0f} |"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--queries", type=int, default=2000)
    queries = parser.parse_args().queries
    through, plain = over_tcp(queries)
    rows: list[tuple[str, Callable[[], list[float]]]] = [
        ("in memory, virtual clock (a task on the loop)", lambda: in_memory("virtual", queries)),
        ("in memory, real clock (the port's thread)", lambda: in_memory("real", queries)),
        ("TCP on this machine", lambda: through),
        ("the same bytes by a bare socket", lambda: plain),
    ]
    print("| query of the counters | median, us | 95 %, us |\n|---|---|---|")
    for name, measure in rows:
        print(*figures(name, measure()), sep="\n")


if __name__ == "__main__":
    main()
