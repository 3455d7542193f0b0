# mypy: ignore-errors
"""flowchem finds the Microlab 600, initialises its syringe, moves it, stops it, and turns its valve by angle and by name.

It waits for a valve that it turned by name as if the position were a component, so it is told not to wait.
"""

import asyncio
import sys
import time

from ports import device


async def drive(url: str) -> None:
    from flowchem import ureg
    from flowchem.devices.hamilton.ml600 import ML600

    whole = ML600.from_config(port=device(url), syringe_volume="1 ml", name="pump")
    await whole.initialize()
    assert whole.pump_io.num_pump_connected == 1
    assert whole.device_info.version == "NV01.02.A"
    assert not whole.dual_syringe
    pump = whole.components[0]
    await whole.initialize_syringe(ureg.Quantity("4 sec/stroke"))
    await pump.wait_until_idle()
    assert await pump.get_current_volume() == 0
    assert await pump.withdraw(rate="20 ml/min", volume="0.5 ml")
    assert await pump.is_pumping()
    await pump.wait_until_idle()
    assert abs(await pump.get_current_volume() - 0.5) < 1e-4
    await pump.infuse(rate="30 ml/min", volume="0.2 ml")
    await pump.wait_until_idle()
    assert abs(await pump.get_current_volume() - 0.3) < 1e-4
    assert await pump.infuse(rate="3 ml/min", volume="0.3 ml")
    begun = time.monotonic()
    assert await pump.stop()
    assert time.monotonic() - begun < 4
    assert 0.1 < await pump.get_current_volume() < 0.3
    assert not await pump.is_pumping()
    await whole.set_raw_position("135")
    assert await whole.get_raw_position() == "135"
    await whole.set_valve_position_by_name(target_position="2", wait_for_movement_end=False)
    await pump.wait_until_idle()
    assert await whole.get_valve_position_by_name() == "2"
    await whole.set_return_steps(24)
    assert await whole.get_return_steps() == 24


def main(url: str) -> None:
    asyncio.run(drive(url))


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
