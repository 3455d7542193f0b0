# mypy: ignore-errors
"""pymodbus's server with the registers of an Eurotherm 2400; its temperature follows its set point at once."""

import asyncio
import socket
import threading
import time

from serve_lines import announce

REGISTERS = {1: 210, 2: 200, 3: 0, 111: 3000, 112: 0, 121: 14, 122: 0x2480, 258: 0, 273: 1}


def main(framing: str) -> None:
    from pymodbus import FramerType
    from pymodbus.server import StartAsyncTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    last = dict(REGISTERS)

    async def follow(function, start, address, count, current, written) -> None:  # noqa: ANN001
        if written is not None:
            last.update(dict(enumerate(written, address)))
        if last[273] == 0:
            current[1 - start] = last[2]

    blocks = [SimData(place, values=word, datatype=DataType.REGISTERS) for place, word in REGISTERS.items()]
    unit = SimDevice(1, simdata=blocks, action=follow)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    framer = FramerType.RTU if framing == "rtu" else FramerType.SOCKET
    server = StartAsyncTcpServer([unit], address=("127.0.0.1", port), framer=framer)
    threading.Thread(target=asyncio.run, args=(server,), daemon=True).start()
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.1)
    announce(port)
