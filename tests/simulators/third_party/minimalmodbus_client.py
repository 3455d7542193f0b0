# mypy: ignore-errors
"""minimalmodbus reads and sets a controller, one register at a time, and hears what it refuses."""

import sys
import time

from ports import device, let_serial_take_urls


def main(url: str) -> None:
    let_serial_take_urls()
    import minimalmodbus

    controller = minimalmodbus.Instrument(device(url), 1)
    controller.serial.timeout = 1.0
    assert 20.5 < controller.read_register(1, 1, signed=True) < 21.5
    assert controller.read_registers(121, 2)[1] == 0x2480
    controller.write_register(2, 40.0, 1, functioncode=6, signed=True)
    controller.write_register(2, 41.5, 1, functioncode=16, signed=True)
    assert controller.read_register(2, 1, signed=True) == 41.5
    refused = []
    for attempt in (
        lambda: controller.read_register(999),
        lambda: controller.write_register(2, 999, 1, functioncode=6),
    ):
        try:
            attempt()
        except Exception as error:
            refused.append(type(error).__name__)
    assert refused == ["IllegalRequestError", "IllegalRequestError"], refused
    controller.write_register(273, 0, functioncode=6)
    time.sleep(3)
    assert controller.read_register(3, 1) == 100.0
    assert controller.read_register(1, 1, signed=True) > 21.2
    controller.write_register(273, 1, functioncode=6)
    controller.write_register(3, 0, functioncode=6)
    assert controller.read_register(3, 1) == 0.0
    assert controller._perform_command(8, b"\0\0\xa5\x37") == b"\0\0\xa5\x37"
    silent = minimalmodbus.Instrument(controller.serial, 9)
    answer = ""
    try:
        silent.read_register(1)
    except Exception as error:
        answer = type(error).__name__
    assert answer == "NoResponseError", answer


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
