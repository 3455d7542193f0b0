# mypy: ignore-errors
"""flowchem takes a vacuum controller over, sets a pressure and reads pressure and status.

Known limits of the client: it neither starts nor stops the pump (`power_on` sets its speed only), so that START and STOP
are sent here as it sends its own commands.
"""

import asyncio
import sys

from ports import device


async def use(url: str) -> None:
    from flowchem import ureg
    from flowchem.devices.vacuubrand.constants import PumpControlMode, PumpState
    from flowchem.devices.vacuubrand.cvc3000 import CVC3000

    controller = CVC3000.from_config(port=url, name="vacuum", timeout=1.0)
    await controller.initialize()
    assert controller.device_info.version == "CVC 3000 V2.30"
    assert await controller.get_pressure() == 1000.0
    await controller.set_pressure(ureg.Quantity("700 mbar"))
    assert (await controller._send_command_and_read_reply("IN_SP_1")).strip() == "0700 mbar"
    assert (await controller._send_command_and_read_reply("START")).strip() == "1"
    status = await controller.status()
    assert (status.is_pump_on, status.control, status.state) == (True, PumpControlMode.VAC_CONTROL, PumpState.PUMP_DOWN)
    await asyncio.sleep(2.5)
    assert abs(await controller.get_pressure() - 700.0) < 5.0
    assert (await controller.status()).state == PumpState.VACUUM_REACHED
    assert (await controller._send_command_and_read_reply("STOP 1")).strip() == "1"
    status = await controller.status()
    assert (status.is_pump_on, status.state) == (False, PumpState.OFF)


def main(url: str) -> None:
    asyncio.run(use(device(url)))


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
