# mypy: ignore-errors
"""flowchem reads and sets a Huber thermostat.

Known faults of the client: it takes 0 degC of the process probe for no probe, and -151 degC for a temperature; it counts
the bits of the status word from their high end.
"""

import asyncio
import sys

import serial
from ports import device


async def talk(url: str) -> None:
    from flowchem import ureg
    from flowchem.devices.huber.chiller import HuberChiller

    chiller = HuberChiller(Port(url), "bath")
    await chiller.initialize()
    assert chiller.device_info.serial_number == "123456"
    assert await chiller.temperature_limits() == (-40.0, 200.0)
    assert 20.5 < await chiller.internal_temperature() < 21.5
    assert await chiller.process_temperature() == -151.0
    await chiller.set_temperature(ureg.Quantity("40 degC"))
    assert await chiller.get_temperature_setpoint() == 40.0
    await chiller._send_command_and_read_reply("{M140001")
    await asyncio.sleep(2)
    assert await chiller.internal_temperature() > 21.1
    assert await chiller._send_command_and_read_reply("{M160000") == "{S160001\r\n"  # tempering needs circulation
    assert await chiller._send_command_and_read_reply("{M140000") == "{S140000\r\n"


class Port:
    """A pyserial port, with the two coroutines that the client uses of aioserial."""

    def __init__(self, url: str) -> None:
        self.port = serial.serial_for_url(device(url), timeout=2)

    async def write_async(self, data: bytes) -> int:
        return self.port.write(data)

    async def readline_async(self) -> bytes:
        return self.port.read_until(b"\n")


if __name__ == "__main__":
    asyncio.run(talk(sys.argv[1]))
    sys.stdout.write("ok\n")
