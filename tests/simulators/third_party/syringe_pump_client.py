# mypy: ignore-errors
"""python-syringe-pump, written for a KDS Legato 100, sets, runs and reads a pump that speaks the same.

Its port is a subclass of `serial.Serial`, so that it needs a device's path.
"""

import asyncio
import sys

import aioserial
from ports import device
from quantiphy import Quantity
from syringe_pump import Pump
from syringe_pump.exceptions import PumpCommandError, PumpStateError


async def talk(url: str) -> None:
    serial = aioserial.AioSerial(port=device(url), baudrate=115200, timeout=2)
    async with Pump(serial=serial) as pump:
        version = await pump.version()
        assert (version.firmware, version.address, version.serial_number) == ("v3.0.4", 0, "D101754")
        await pump.set_force(15)
        assert await pump.get_force() == 15
        await pump.syringe.set_diameter(14.43)
        assert abs(await pump.syringe.get_diameter() - 14.43e-3) < 1e-6
        low, high = await pump.infusion_rate.get_limits()
        assert 0 < low < 1e-6 < 1e-3 < high
        await pump.infusion_rate.set(Quantity("6 ml/min"))
        assert await pump.infusion_rate.get() == 0.006
        await pump.withdrawal_rate.set(Quantity("199.49 ul/min"))
        assert round(await pump.withdrawal_rate.get(), 8) == 0.00019949
        await pump.target_volume.clear()
        assert await pump.target_volume.get() is None
        await pump.infusion_volume.clear()
        assert await pump.infusion_volume.get() == 0
        try:
            await pump.target_volume.set(Quantity("2000 ml"))
        except (ValueError, PumpCommandError):
            pass
        else:
            raise AssertionError("a target beyond the syringe was taken")
        await pump.target_volume.set(Quantity("0.2 ml"))
        assert await pump.target_volume.get() == 0.0002
        await pump.run("infuse")
        await asyncio.sleep(3)
        assert abs(await pump.infusion_volume.get() - 0.0002) < 1e-9
        try:
            await pump.infusion_rate.set(Quantity("5 ml/min"))  # at its target it is in no state that the client likes
        except PumpStateError:
            await pump.stop()
        assert await pump.set_address(2) == 2
        assert await pump.set_address(0) == 0
        await pump.run("withdraw")
        await asyncio.sleep(0.5)
        assert await pump.withdrawal_volume.get() > 0
    serial.close()


def main(url: str) -> None:
    asyncio.run(talk(url))


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
