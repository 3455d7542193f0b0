# mypy: ignore-errors
"""mettler-toledo-device asks the balance everything that it can ask; it knows serial ports only."""

import sys

from ports import device


def main(url: str) -> None:
    from mettler_toledo_device import MettlerToledoDevice

    balance = MettlerToledoDevice(port=device(url))
    assert balance.get_serial_number() == "B207696838"
    assert balance.get_balance_data() == ["XS204", "Excellence", "220.0000", "g"]
    assert balance.get_mtsics_level()[0] == "01"
    assert balance.get_software_version() == ["1.10", "18.6.4.1361.772"]
    assert balance.get_software_id() == "12121306C"
    assert balance.zero_stable() is True
    weight, unit, stable = balance.get_weight()
    assert abs(weight) < 0.01
    assert (unit, stable in ("S", "D")) == ("g", True)
    assert balance.zero() in ("S", "D")
    value = balance.get_weight_stable()
    assert value is not None
    assert abs(value[0]) < 0.01
    balance.close()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
