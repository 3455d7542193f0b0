"""A server of Channel Access for one simulated record, on this machine's loopback; it needs caproto."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import TYPE_CHECKING, Any, Final

from autolab.model.errors import MissingExtra

try:
    import caproto  # type: ignore[import-not-found,import-untyped,unused-ignore]  # an extra, and without types
    from caproto.asyncio.server import Context  # type: ignore[import-not-found,import-untyped,unused-ignore]
except ImportError as missing:
    _TEXT = "a simulated EPICS record needs caproto, which is not installed. pip install 'autolab-sdl[epics]'"
    raise MissingExtra(_TEXT) from missing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from autolab.simulators.epics import Record, Value

HERE: Final = "127.0.0.1"
_BEACONS: Final = {"EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO", "EPICS_CAS_BEACON_ADDR_LIST": ""}
TICK: Final = 0.02  # s of wall time between two looks at what changed by itself


class ServedRecord:
    """A record that is served.

    Attributes:
        url: Its address for a lab file.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self.port = _free_port()
        self.url = f"epics://{record.pv}?server={HERE}:{self.port}"
        self.channels = {field: self._channel(field, value) for field, value in record.fields().items()}
        self._tasks: list[asyncio.Task[Any]] = []
        self._context: Any = None

    async def start(self) -> None:
        """Serve it; returns when it can be found."""
        database = {f"{self.record.pv}{'.' if field else ''}{field}": one for field, one in self.channels.items()}
        self._context = Context(database, [HERE])
        self._context.ca_server_port = self.port
        loop = asyncio.get_running_loop()
        with _no_beacons():
            self._tasks = [loop.create_task(self._context.run()), loop.create_task(self._follow())]
            while HERE not in self._context.udp_socks:
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Stop serving."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for circuit in list(self._context.circuits):
            circuit.client.close()
        await asyncio.sleep(0)  # the transports' turn to close

    async def _follow(self) -> None:
        """Tell listeners what changes by itself."""
        while True:
            await self.tell()
            await asyncio.sleep(TICK * self.record.place.clock.scale)

    async def tell(self) -> None:
        """Tell listeners what has changed."""
        for field, value in self.record.fields().items():
            channel = self.channels[field]
            if _plain(channel.value) != value:
                await channel.write(value, verify_value=False)

    def _channel(self, field: str, value: Value) -> Any:  # noqa: ANN401  caproto ships no types
        async def put(written: object) -> None:
            self.record.put(field, _plain(written))
            await self.tell()

        if isinstance(value, str):
            return _Text(put, value=value)
        if isinstance(value, int):
            return _Whole(put, value=value)
        low, high = self.record.limits if field in ("", "VAL", "RBV") else (0.0, 0.0)
        return _Number(
            put, value=value, units=self.record.unit, precision=4, lower_ctrl_limit=low, upper_ctrl_limit=high
        )


@contextlib.contextmanager
def _no_beacons() -> Iterator[None]:
    """Keep a server that starts now from telling the network that it is there; it asks the environment."""
    before = {name: os.environ.get(name) for name in _BEACONS}
    os.environ.update(_BEACONS)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Written:
    """What a field has of ours: it tells who wrote what, and keeps what the record makes of it."""

    def __init__(self, put: Callable[[object], Awaitable[None]], **kwargs: Any) -> None:  # noqa: ANN401  caproto's
        self._put = put
        super().__init__(**kwargs)

    async def write_from_dbr(self, data: Any, data_type: Any, metadata: Any, *, flags: int = 0) -> None:  # noqa: ANN401  caproto's
        """Take what a client wrote."""
        await super().write_from_dbr(data, data_type, metadata, flags=flags)  # type: ignore[misc]  # a mix-in
        await self._put(self.value)  # type: ignore[attr-defined]  # likewise


class _Number(_Written, caproto.ChannelDouble):  # type: ignore[misc]  # caproto ships no types
    """A field that holds a number."""


class _Whole(_Written, caproto.ChannelInteger):  # type: ignore[misc]  # likewise
    """A field that holds a whole number."""


class _Text(_Written, caproto.ChannelString):  # type: ignore[misc]  # likewise
    """A field that holds a text."""


async def serve_record(record: Record) -> ServedRecord:
    """Serve a record on the clock's loop."""
    served = ServedRecord(record)
    await served.start()
    return served


def _plain(value: Any) -> Any:  # noqa: ANN401  what a channel holds: a value, or a list of one
    return value[0] if isinstance(value, list | tuple) and len(value) == 1 else value


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        port: int = probe.getsockname()[1]
        return port
