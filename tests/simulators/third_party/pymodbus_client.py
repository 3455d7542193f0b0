# mypy: ignore-errors
"""pymodbus's client reads and sets a controller, over a serial line or RTU frames on TCP."""

import sys
import time
from urllib.parse import urlsplit


def main(url: str) -> None:
    from pymodbus import FramerType
    from pymodbus.client import ModbusSerialClient, ModbusTcpClient

    parts = urlsplit(url)
    if parts.scheme == "serial":
        client = ModbusSerialClient(parts.path, framer=FramerType.RTU, baudrate=9600, timeout=1)
    else:
        client = ModbusTcpClient(parts.hostname, port=parts.port, framer=FramerType.RTU, timeout=1)
    assert client.connect()
    assert 205 < client.read_holding_registers(1, count=1, device_id=1).registers[0] < 215
    assert client.read_input_registers(121, count=2, device_id=1).registers == [14, 0x2480]
    assert not client.write_register(2, 400, device_id=1).isError()
    assert not client.write_registers(2, [415], device_id=1).isError()
    assert client.read_holding_registers(2, count=1, device_id=1).registers == [415]
    assert client.read_holding_registers(999, count=1, device_id=1).exception_code == 2
    assert client.write_register(2, 9990, device_id=1).exception_code == 3
    assert client.read_coils(1, count=1, device_id=1).exception_code == 1
    client.write_register(273, 0, device_id=1)
    time.sleep(3)
    assert client.read_holding_registers(1, count=1, device_id=1).registers[0] > 212
    client.write_register(273, 1, device_id=1)
    client.write_register(3, 0, device_id=1)
    assert client.read_holding_registers(3, count=1, device_id=1).registers == [0]
    client.close()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
