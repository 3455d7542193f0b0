"""Settings of Hamilton's Microlab 600; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from autolab.drivers.settings import PositionPumpSettings


class ML600Settings(PositionPumpSettings):
    """How a Hamilton Microlab 600, its syringe and its valve are set up."""

    instruments: ClassVar[str] = "Hamilton Microlab 600 (ML600), one or two syringes; Protocol 1/RNO+, 0..15 on one bus"
    checked_with: ClassVar[tuple[str, ...]] = ("flowchem 1.1.6 (simulator)",)
    from_memory: ClassVar[tuple[str, ...]] = (
        "which places the ports in and out have",
        "NAK while at work and before initialising",
    )

    drive: Literal["single", "left", "right"] = Field(
        default="single", description="which syringe of the apparatus this is; single where it has one"
    )
    valve_by: Literal["place", "angle"] = Field(
        default="place",
        description="what valve_ports says of each port: its place, 1 to 8, or its angle, 0 to 359 degrees, which does not "
        "depend on how the valve was configured",
    )
    valve_ports: dict[str, str] = Field(
        default={"in": "1", "out": "2", "wash": "3"},
        description="names of the valve's ports, and where each is, as `valve_by` says",
    )
    home_s: int | None = Field(
        default=None,
        ge=2,
        le=3692,
        description="initialising takes so long for a full stroke, s; by default as the pump does",
    )

    @model_validator(mode="after")
    def _places_exist(self) -> Self:
        low, high = (1, 8) if self.valve_by == "place" else (0, 359)
        for port, place in self.valve_ports.items():
            if not place.isdigit() or not low <= int(place) <= high:
                msg = f"valve_ports: {port} is at {place!r}; with valve_by: {self.valve_by} it must be {low} to {high}"
                raise ValueError(msg)
        return self

    @property
    def model_name(self) -> str:
        """Return the model, as identities tell it."""
        return "Hamilton Microlab 600"
