# mypy: ignore-errors
"""flowchem's simulated Heidolph hotplate stirrer, over TCP: warm at once, without a probe, silent to what it does not know."""

import asyncio
import sys


async def serve() -> None:
    from flowchem.devices.heidolph.hei_connect import SimulatedHeiConnect
    from flowchem.utils.exceptions import DeviceError

    plate = SimulatedHeiConnect.from_config("plate")

    async def talk(reader, writer) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        while line := await reader.readline():
            try:
                said = await plate._send_command(line.decode().strip())
            except (DeviceError, IndexError):
                continue
            writer.write(said.encode() + b"\r\n")

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    sys.stdout.write(f"listening on tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
