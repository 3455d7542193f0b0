"""What the settings of all rotary valves have in common; imports nothing heavy, so that files can be checked."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from autolab.drivers.settings import DriverSettings
from autolab.model.roles import Role

Place = int | Literal["A", "B", "home"]
"""Where a rotor can stand: at a numbered port, at A or B, or where it is homed to."""


class RotaryValveSettings(DriverSettings):
    """What all valves with a rotor need to know."""

    role: ClassVar[Role] = "valve"

    direction: Literal["shortest", "cw", "ccw"] = Field(
        default="shortest",
        description="which way it turns; the rotor opens the ports that it passes for a moment",
    )
    allowed: tuple[Place, ...] | None = Field(
        default=None, description="positions that may be set; null for all: leave out ports that must never be opened"
    )
    safe_position: Place | None = Field(
        default=None, description="where making safe turns it; null: it stays where it stands"
    )
    timeout_s: float = Field(
        default=20.0, gt=0, description="a position that is not reached within so long is an alarm, s of lab time"
    )
    poll_s: float = Field(default=0.25, gt=0, description="between two looks where it is, s of lab time")
    limits: dict[Literal["position"], tuple[int, int]] = Field(
        default_factory=dict, description="lowest and highest numbered position that may be set"
    )

    @property
    def places(self) -> tuple[Place, ...]:
        """Every position that it has."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _positions_exist(self) -> Self:
        safe = () if self.safe_position is None else (self.safe_position,)
        for key, places in (("allowed", self.allowed or ()), ("safe_position", safe)):
            for place in places:
                if place not in self.places:
                    msg = f"{key}: {place!r} is no position of it; it has {told(self.places)}"
                    raise ValueError(msg)
        return self


def told(places: tuple[Place, ...]) -> str:
    """Return positions as people write them.

    >>> told((1, 2, 3, 4, "home")), told(("A", "B"))
    ('1 to 4, home', 'A, B')
    """
    numbers = [place for place in places if isinstance(place, int)]
    if numbers and len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return ", ".join([f"{numbers[0]} to {numbers[-1]}", *(str(place) for place in places if place not in numbers)])
    return ", ".join(str(place) for place in places)
