# mypy: ignore-errors
"""flowchem finds out how many ports the valve has, and turns it; it knows serial ports only."""

import asyncio
import sys

from ports import device


def main(url: str) -> None:
    from flowchem.devices.runze.runze_valve import RunzeValve, RunzeValveHeads
    from flowchem.utils.exceptions import DeviceError

    async def drive() -> None:
        valve = RunzeValve.from_config(port=device(url), address=0, name="valve")
        assert await valve.get_valve_type() is RunzeValveHeads.TEN_PORT_TEN_POSITION
        assert await valve.get_raw_position() == "10"
        assert await valve.set_raw_position("3") is True
        assert (await valve.get_raw_position(), await valve.get_status()) == ("3", "00")
        refusal = ""
        try:
            await valve.set_raw_position("11")
        except DeviceError as error:
            refusal = str(error)
        assert "Parameter error" in refusal, "a port that it does not have was taken"
        assert await valve.set_address(5) == "00"
        assert await valve.get_raw_position() == "3"

    asyncio.run(drive())


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
