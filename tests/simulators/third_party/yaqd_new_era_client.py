# mypy: ignore-errors
"""yaqd-new-era's daemon drives the pump to positions; it knows serial ports only."""

import asyncio
import sys
from typing import Any

from ports import device


def main(url: str) -> None:
    from yaqd_new_era._new_era_ne1000 import NewEraNe1000

    async def drive() -> None:
        settings = {
            "serial_port": device(url), "baud_rate": 9600, "address": 0, "port": 39999,
            "out_of_limits": "closest", "rate_units": "milliliter/minute", "volume_units": "milliliter", "limits": [0.0, 10.0],
        }  # fmt: skip
        daemon = NewEraNe1000("pump", settings, "none.toml")
        await asyncio.wait_for(cached(daemon), 10)
        daemon.set_rate(12.0)
        await asyncio.sleep(0.5)
        assert daemon.get_rate() == 12.0, daemon.get_rate()
        daemon.set_position(0.3)
        await asyncio.wait_for(reached(daemon, 0.3), 15)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        daemon.close()

    asyncio.run(drive())


async def cached(daemon: Any) -> None:
    while daemon.get_rate() is None:
        await asyncio.sleep(0.05)


async def reached(daemon: Any, position: float) -> None:
    while abs(daemon.get_position() - position) > 1e-6:
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
