"""Settings of a GRBL controller, `$0` to `$132`: what they are when it is new, and how they are changed."""

from __future__ import annotations

import re
from typing import Final

from autolab.simulators.grbl_gcode import GcodeError

SETTINGS: Final = {
    0: "10", 1: "25", 2: "0", 3: "0", 4: "0", 5: "0", 6: "0", 10: "1", 11: "0.010", 12: "0.002", 13: "0", 20: "0",
    21: "0", 22: "1", 23: "0", 24: "100.000", 25: "1500.000", 26: "250", 27: "1.000", 30: "1000", 31: "0", 32: "0",
    100: "250.000", 101: "250.000", 102: "250.000", 110: "3000.000", 111: "3000.000", 112: "1200.000",
    120: "200.000", 121: "200.000", 122: "100.000", 130: "200.000", 131: "200.000", 132: "80.000",
}  # fmt: skip
"""As `doc/markdown/interface.md` lists them; steps, speeds, accelerations and travel of a machine of our own."""
_SETTING: Final = re.compile(r"\$(\d+)=(.*)")


def change(dollar: dict[int, str], line: str) -> None:
    """Change what a line such as `$110=3000` tells.

    Raises:
        GcodeError: It is not known, no number, negative, or soft limits without homing.
    """
    found = _SETTING.fullmatch(line)
    if found is None or int(found[1]) not in dollar:
        raise GcodeError("3")
    try:
        value = float(found[2])
    except ValueError:
        raise GcodeError("2") from None
    if value < 0:
        raise GcodeError("4")
    key = int(found[1])
    if key == 20 and value and dollar[22] == "0":
        raise GcodeError("10")
    dollar[key] = f"{value:.3f}" if "." in SETTINGS[key] else f"{value:.0f}"
