"""Settings of VICI actuators; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from autolab.drivers.rotary_valve_settings import Place, RotaryValveSettings


class ValveSettings(RotaryValveSettings):
    """How a VICI actuator and its valve are set up."""

    instruments: ClassVar[str] = (
        "VICI Valco actuators, universal (EUH, EUD, EUT, UMH, UMD, UMT) and microelectric (EHCA, EMH, E2CA)"
    )
    checked_with: ClassVar[tuple[str, ...]] = (
        "flowchem 1.1.6 (simulator)",
        "yaqd-vici 2022.8.0 (simulator)",
        "vicivalve 0.1.0 (simulator)",
        "matterlab-valves 1.2.1 (simulator)",
    )
    from_memory: ClassVar[tuple[str, ...]] = ("what it says while it turns", "number of lines of VR")

    positions: int = Field(
        ge=2, le=96, description="how many positions it has; 2 for a valve with A and B", examples=[10, 2]
    )
    interface: Literal["rs232", "rs485", "rs485_z"] = Field(
        default="rs232",
        description="how commands are addressed: by the bare id, by /id, or by /Z and the id",
    )
    device_id: str | None = Field(
        default=None,
        pattern="^[0-9A-Z]$",
        description="its id; by default the address's bus number, or none (Z on RS-485)",
    )
    strict_direction: bool = Field(
        default=True, description="refuse a valve that turns one way only when `direction` says shortest"
    )

    @property
    def two_position(self) -> bool:
        """Whether it goes to A and B."""
        return self.positions == 2

    @property
    def places(self) -> tuple[Place, ...]:
        """Every position that it has."""
        return ("A", "B") if self.two_position else tuple(range(1, self.positions + 1))

    @model_validator(mode="after")
    def _two_positions_have_one_way(self) -> Self:
        if self.two_position and self.direction != "shortest":
            msg = f"direction: {self.direction} cannot be chosen with two positions: clockwise is A, the other way B"
            raise ValueError(msg)
        return self
