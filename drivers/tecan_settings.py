"""Settings of Tecan Cavro and TriContinent syringe pumps; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

import re
from typing import ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from autolab.drivers.settings import PositionPumpSettings

Model = Literal["xcalibur", "xlp6000", "c3000"]
_MODELS: Final[dict[Model, tuple[str, int, int]]] = {
    "xcalibur": ("Tecan Cavro XCalibur", 3000, 6000),
    "xlp6000": ("Tecan Cavro XLP 6000", 6000, 6000),
    "c3000": ("TriContinent C3000", 3000, 3000),
}
"""Name, increments of a stroke in the standard mode, pulses of a stroke in which speeds are told."""
SLOWEST, FASTEST = 5, 6000  # pulses/s


class XCaliburSettings(PositionPumpSettings):
    """How a Tecan Cavro or TriContinent syringe pump, its syringe and its valve are set up."""

    instruments: ClassVar[str] = (
        "Tecan Cavro XCalibur, XLP 6000, TriContinent C-series; DT or OEM protocol, 0..14 on one bus"
    )
    checked_with: ClassVar[tuple[str, ...]] = (
        "labmcp-cavro 0.1.3 (simulator)",
        "labmcp-cavro 0.1.3 (driver)",
        "matterlab-pumps 1.2.1 (simulator)",
    )
    from_memory: ClassVar[tuple[str, ...]] = (
        "?19 and what it answers (a pump that does not know it is taken as initialised until it says error 7)",
        "pulses of a stroke of TriContinent pumps",
        "what a repeated report is answered",
    )

    model: Model = Field(default="xcalibur", description="which pump it is")
    protocol: Literal["dt", "oem"] = Field(
        default="oem",
        description="dt: terminal lines; oem: frames with checksum and sequence number, in which a command can be repeated "
        "and is done once. A pump keeps to the one that it heard first until its power goes",
    )
    resolution: Literal["standard", "fine"] = Field(
        default="fine", description="steps of a stroke: those of the model, or eight times as many"
    )
    valve_ports: dict[str, str] = Field(
        default={"in": "i", "out": "o", "bypass": "b"},
        description="names of the valve's ports, and what the pump calls each: i, o, b, e, or a number",
    )
    home: Literal["Z", "Y", "W"] = Field(
        default="Z", description="initialises: valve clockwise, counter-clockwise, or the plunger alone"
    )
    force: int | None = Field(
        default=None,
        ge=0,
        le=40,
        description="force of initialising: 0 full, 1 half, 2 a third; 10..40 a speed code; by default as the syringe needs",
    )
    home_in: int = Field(
        default=0, ge=0, le=15, description="numbered port on the input side while initialising; 0: first"
    )
    home_out: int = Field(
        default=0, ge=0, le=15, description="numbered port that the contents are pushed out by; 0: the last"
    )
    pulses: int | None = Field(
        default=None, gt=0, description="pulses of a stroke in which it counts speeds; by default the model's"
    )
    firmware: str | None = Field(default=None, description="how its firmware must begin; by default any will do")

    @model_validator(mode="after")
    def _places_exist(self) -> Self:
        places = list(self.valve_ports.values())
        if any(not re.fullmatch(r"[iobe]|1[0-5]|[1-9]", place) for place in places):
            msg = f"valve_ports must be i, o, b, e or numbers from 1 to 15, got {places}"
            raise ValueError(msg)
        if len({place.isdigit() for place in places}) > 1:
            msg = f"valve_ports are all letters (input, output, bypass, extra) or all numbers, got {places}"
            raise ValueError(msg)
        return self

    @property
    def model_name(self) -> str:
        """Return the model, as identities tell it."""
        return _MODELS[self.model][0]

    @property
    def increments(self) -> int:
        """Steps of a stroke in the standard mode."""
        return _MODELS[self.model][1]

    @property
    def stroke_pulses(self) -> int:
        """Pulses of a stroke in which speeds are told."""
        return self.pulses or _MODELS[self.model][2]

    @property
    def home_command(self) -> str:
        """Return the command that initialises, without `R`."""
        force = self.force
        if force is None:  # table 3-6 of the maker's manual
            force = 0 if self.volume_mL >= 1.0 else 1 if self.volume_mL >= 0.25 else 2
        ports = f",{self.home_in},{self.home_out}" if self.home_in or self.home_out else ""
        return f"{self.home}{force}{ports}"
