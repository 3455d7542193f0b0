# mypy: ignore-errors
"""flowchem's VICI valve learns, homes and switches a two-position valve.

It reads no answers (its number of lines is 0 everywhere), so the positions are read here by its own port. Its
`timed_toggle` sends the unit along with the delay, which no actuator can take; it is left out.
"""

import asyncio
import sys

from ports import device


def main(url: str) -> None:
    from flowchem.devices.vicivalco.vici_valve import ViciCommand, ViciValve

    async def drive() -> None:
        valve = ViciValve.from_config(port=device(url), address=None, name="valve")

        async def position() -> str:
            await asyncio.sleep(0.6)
            valve.valve_io._serial.reset_input_buffer()
            valve.valve_io._serial.write(b"CP\r")
            return valve.valve_io._serial.read_until(b"\r").decode()

        valve.valve_io._serial.write(bytes(ViciCommand("CP")))
        assert valve.valve_io._serial.read_until(b"\r") == b"CPA\r"
        await valve.set_raw_position("B")
        assert await position() == "CPB\r"
        await valve.home()
        assert await position() == "CPA\r"
        await valve.learn_positions()
        await asyncio.sleep(3.5)
        assert await position() == "CPA\r"
        await valve.version()
        await asyncio.sleep(0.3)
        lines = valve.valve_io._serial.read_all().decode().split("\r")
        assert len(lines) == 6, lines

    asyncio.run(drive())


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
