# mypy: ignore-errors
"""The package sartorius reads, tares and identifies a balance, over a serial port or over TCP.

Known faults of the client: it waits for a line after taring, which a balance does not send, and logs that as a timeout; and
it takes `ESC T` for zeroing. It sends its commands without CR LF.
"""

import asyncio
import sys
from urllib.parse import urlsplit


async def talk(url: str) -> None:
    from sartorius import Scale

    parts = urlsplit(url)
    scale = Scale(address=parts.path if parts.scheme == "serial" else parts.netloc, timeout=1.0)
    await asyncio.sleep(2.0)
    reading = await scale.get()
    assert (reading["measurement"], reading["units"], reading["stable"]) == ("net", "g", True), reading
    assert abs(reading["mass"]) < 0.01, reading
    info = await scale.get_info()
    assert info == {"model": "ENTRIS224I-1S", "serial": "0037454321", "software": "00-37-09"}, info
    await scale.zero()
    await asyncio.sleep(3.0)
    reading = await scale.get()
    assert abs(reading["mass"]) < 0.01, reading
    scale.hw.close()


if __name__ == "__main__":
    asyncio.run(talk(sys.argv[1]))
    sys.stdout.write("ok\n")
