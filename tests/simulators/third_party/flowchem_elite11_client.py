# mypy: ignore-errors
"""flowchem sets up, runs and reads a Pump 11 Elite.

Known fault of the client, worked around here: it expects an address in each prompt, which pump 0 does not tell, so the
pump is given address 6 first, as a person would at its panel. `is_moving`, and with it `wait_until_idle` and `crate`, takes the
third character of a string that has only the prompt in it for `T*`, and fails: the prompt is read by hand here.

Its port is a subclass of `serial.Serial`, so that it needs a device's path.
"""

import asyncio
import sys

import serial
from ports import device


async def talk(url: str) -> None:
    from flowchem import ureg
    from flowchem.devices.harvardapparatus._pumpio import PumpStatus
    from flowchem.devices.harvardapparatus.elite11 import Elite11

    pump = Elite11.from_config(port=device(url), syringe_diameter="14.43 mm", syringe_volume="10 ml", address=6)
    await pump.initialize()
    assert await pump.version() == "11 ELITE I/W Single 3.0.4"
    assert not pump._infuse_only
    assert pump._parse_version(await pump.version()) == (3, 0, 4)
    assert await pump.get_syringe_diameter() == "14.4300 mm"
    assert ureg(await pump.get_syringe_volume()).m_as("ml") == 10
    assert await pump.get_force() == 30
    await pump.set_flow_rate("8 ml/min")
    assert await pump.get_flow_rate() == 8.0
    await pump.set_flow_rate("100 ml/min")  # too much: it is bounded to what `irate lim` tells
    assert 25 < await pump.get_flow_rate() < 27
    await pump.set_withdrawing_flow_rate("6 ml/min")
    assert await pump.get_withdrawing_flow_rate() == 6.0
    info = await pump.pump_info()
    assert "Pump 11" in str(info)
    await pump.set_target_volume("0.2 ml")
    await pump.withdraw()

    async def status() -> PumpStatus:
        reply = await pump._send_command_and_read_reply(" ", parse=False)
        return pump.pump_io.parse_response_line(reply)[1]

    assert await status() is PumpStatus.WITHDRAWING
    await asyncio.sleep(3)
    assert await status() is PumpStatus.TARGET_REACHED
    await pump.set_target_volume("1 ml")
    await pump.set_flow_rate("6 ml/min")
    await pump.infuse()
    assert await status() is PumpStatus.INFUSING
    await pump.stop()
    assert await status() is PumpStatus.IDLE
    pump.pump_io._serial.close()


def main(url: str) -> None:
    with serial.serial_for_url(device(url), baudrate=115200, timeout=0.2) as line:
        line.write(b"address 6\r\n")
        assert b"set to 6" in line.read(100)
    asyncio.run(talk(url))


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
