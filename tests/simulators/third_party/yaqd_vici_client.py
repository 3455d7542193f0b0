# mypy: ignore-errors
"""yaqd-vici's daemon switches a two-position valve and sees its position; it knows serial ports only."""

import asyncio
import sys
from typing import Any

from ports import device


def main(url: str) -> None:
    from yaqd_vici._vici_two_position import ViciTwoPosition

    async def drive() -> None:
        settings = {
            "serial_port": device(url), "baud_rate": 9600, "port": 39998, "device_id": None, "interface": "RS232",
            "identifiers": {"A": 0, "B": 1},
        }  # fmt: skip
        daemon = ViciTwoPosition("valve", settings, "none.toml")
        for position, name in ((1, "B"), (0, "A"), (1, "B")):
            daemon.set_position(position)
            await asyncio.wait_for(reached(daemon, name), 10)
            assert daemon.get_position() == position
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        daemon.close()

    asyncio.run(drive())


async def reached(daemon: Any, name: str) -> None:
    while daemon.busy() or daemon.get_identifier() != name:
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
