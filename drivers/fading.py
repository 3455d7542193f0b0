"""What readings of a hotplate mean: whether its heater went off by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_LOOKS: Final = 3
"""So many readings in a row must tell the same before a heater is called off."""
_FALL: Final = 1.0
"""And the temperature must have fallen by so much meanwhile, degC."""
_BELOW: Final = 2.0
"""While it is at least so far below its set point, degC: nearer, a controller may rest."""


@dataclass
class Fading:
    """Whether a heater that should be on is off: liquid and plate both cool though it is too cold.

    After something cold was poured in, the plate grows hotter; near its set point, a controller may rest.
    """

    _looks: list[tuple[float, float]] = field(default_factory=list)

    def see(self, readback: float, plate: float, target: float) -> bool:
        """Take readings (degC) and say whether the heater must be off."""
        falling = not self._looks or (readback < self._looks[-1][0] and plate < self._looks[-1][1])
        if target - readback < _BELOW or not falling:
            self._looks = [(readback, plate)] if target - readback >= _BELOW else []
            return False
        self._looks.append((readback, plate))
        return len(self._looks) > _LOOKS and self._looks[0][0] - readback >= _FALL
