# mypy: ignore-errors
"""The EI-Bisynch driver of NOMAD CAMELS reads and sets a controller.

What it stands on (NOMAD CAMELS, ophyd, VISA) is replaced by a port with the two methods that it uses. Known faults of the
client: it takes the digits of ETX as it writes it (`\\x03`) for the last ones of a number, so that 21.0 is read as 21.003;
its check character is right only behind an even number of characters, of which its numbers have five; it leaves the check
character of an answer unread, which is thrown away here.
"""

import sys
import time
import types

import serial
from ports import device


class Port:
    """A pyserial port, as the client uses VISA's."""

    def __init__(self, url: str) -> None:
        self.port = serial.serial_for_url(device(url), timeout=2)

    def write(self, text: str) -> None:
        self.port.write(text.encode("latin-1") + b"\r\n")

    def read_bytes(self, count: int) -> bytes:
        data = self.port.read(count)
        if data == b"\x03":
            assert self.port.read(1)
        return data


def replace_what_it_stands_on() -> None:
    """Put empty modules where the client imports NOMAD CAMELS and ophyd."""
    names = {
        "nomad_camels": {}, "nomad_camels.bluesky_handling": {},
        "nomad_camels.bluesky_handling.visa_signal": {"VISA_Device": object},
        "nomad_camels.bluesky_handling.custom_function_signal": {
            "Custom_Function_Signal": object, "Custom_Function_SignalRO": object,
        },
        "ophyd": {"Component": lambda *arguments, **settings: None},
    }  # fmt: skip
    for name, contents in names.items():
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(contents)
    sys.modules["nomad_camels.bluesky_handling"].visa_signal = sys.modules["nomad_camels.bluesky_handling.visa_signal"]


def main(url: str) -> None:
    replace_what_it_stands_on()
    from nomad_camels_driver_eurotherm_bisynch.eurotherm_bisynch_ophyd import Eurotherm_Bisynch

    oven = Eurotherm_Bisynch.__new__(Eurotherm_Bisynch)
    oven.visa_instrument, oven.eurotherm_group, oven.eurotherm_unit = Port(url), "0", "1"
    assert 20.5 < oven.read_bisynch("PV") < 21.5
    oven.write_bisynch("SL", 60.0)
    assert abs(oven.read_bisynch("SL") - 60.0) < 0.01
    oven.write_bisynch("XP", 5.0)
    assert abs(oven.read_bisynch("XP") - 5.0) < 0.01
    refusal = ""
    try:
        oven.write_bisynch("SL", 900.0)
    except ValueError as error:
        refusal = str(error)
    assert "Error writing" in refusal
    time.sleep(3)
    assert oven.read_bisynch("PV") > 21.2
    assert oven.read_bisynch("OP") > 99.0
    oven.write_bisynch("SL", 0.0)
    assert oven.read_bisynch("OP") < 0.01


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
