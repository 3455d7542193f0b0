# mypy: ignore-errors
"""flowchem reads and sets everything of a Heidolph hotplate stirrer; serial ports only.

Its `initialize` switches the link watch on, and its own task is what keeps it quiet: here everything is over sooner.
"""

import asyncio
import sys

from ports import device


async def talk(url: str) -> None:
    from flowchem import ureg
    from flowchem.devices.heidolph.hei_connect import HeiConnect

    plate = HeiConnect.from_config(device(url), "plate")
    await plate.initialize()
    assert "V1.24" in plate.device_info.version
    assert await plate.status() == "manual"
    assert await plate.get_temperature_control_mode() == "external-sensor"
    assert 20.0 < await plate.get_temperature() < 22.0
    assert await plate.set_temperature(ureg.Quantity("45 degC"))
    assert await plate.get_temperature_setpoint() == 45.0
    assert await plate.set_speed(ureg.Quantity("300 rpm"))
    assert await plate.get_speed_setpoint() == 300.0
    assert await plate.set_heating_mode("precise")
    assert await plate.get_heating_mode() == "precise"
    assert await plate.start_heating()
    assert await plate.start_stirring()
    await asyncio.sleep(3)
    assert await plate.status() == "remote-start"
    assert await plate.get_speed() == 300.0
    assert await plate.is_stirring_on()
    assert not await plate.is_temperature_target_reached()
    assert await plate._get_float("IN_PV_3") > 21.2
    assert await plate.stop_heating()
    assert await plate.stop_stirring()
    await asyncio.sleep(3)
    assert await plate.status() == "remote-stop"
    assert await plate.get_speed() == 0.0


if __name__ == "__main__":
    asyncio.run(talk(sys.argv[1]))
    sys.stdout.write("ok\n")
