"""Settings of instruments that speak SCPI; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field, model_validator

from autolab.drivers.settings import DriverSettings
from autolab.model.roles import Role

Terminator = Literal["LF", "CRLF", "CR"]
ENVELOPES: Final = {
    "2400": ((21.0, 1.05), (210.0, 0.105)),
    "2401": ((21.0, 1.05),),
    "2450": ((21.0, 1.05), (210.0, 0.105)),
}
"""Highest voltage (V) and current (A) that go together, by model."""  # datasheet
UNITS: Final = {
    "voltage_dc": "V",
    "current_dc": "A",
    "resistance_2w": "Ohm",
    "resistance_4w": "Ohm",
    "temperature": "degC",
}
"""Unit of what a multimeter's function measures."""
_TERMINATOR: Final = "end of its lines, as it is set at the panel; a network has LF"


class SourceMeterSettings(DriverSettings):
    """How a source meter sources and measures."""

    instruments: ClassVar[str] = "Keithley 2400, 2401, 2450 (SCPI)"
    checked_with: ClassVar[tuple[str, ...]] = (
        "pymeasure 0.16.0 (simulator)",
        "labmcp-keithley-smu 0.1.2 (simulator)",
        "labmcp-keithley-smu 0.1.2 (driver)",
    )
    from_memory: ClassVar[tuple[str, ...]] = (
        "power envelope of the 2401",
        "what a 2450 answers to READ? while its output is off",
    )
    role: ClassVar[Role] = "source_meter"

    source: Literal["voltage", "current"] = Field(description="what is sourced", examples=["voltage"])
    compliance: float = Field(
        gt=0, description="highest current, A, where voltage is sourced; highest voltage, V, else", examples=[0.01]
    )
    model: Literal["2400", "2401", "2450"] = Field(default="2400", description="which model must answer")
    source_range: float | None = Field(
        default=None, gt=0, description="range of the source, V or A; by default it follows the level"
    )
    nplc: float = Field(default=1.0, ge=0.01, le=10, description="integration time, power line cycles")
    four_wire: bool = Field(default=False, description="sense the voltage at the load by two more wires")
    terminals: Literal["front", "rear"] = Field(default="front", description="terminals in use")
    settle_s: float = Field(
        default=0.1, ge=0, le=3600, description="between the level and the reading behind it, s of lab time"
    )
    on_compliance: Literal["tell", "fail"] = Field(
        default="tell", description="where the limit holds: tell it with the reading, or fail with the output off"
    )
    serial_number: str | None = Field(default=None, description="refuse every other; by default any is taken")
    terminator: Terminator = Field(default="LF", description=_TERMINATOR)
    limits: dict[Literal["voltage", "current"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest level, V and A; the compliance must keep them too"
    )

    @model_validator(mode="after")
    def _compliance_possible(self) -> SourceMeterSettings:
        most = max(pair[1 if self.source == "voltage" else 0] for pair in ENVELOPES[self.model])
        if self.compliance > most:
            msg = f"compliance {self.compliance:g} is more than a {self.model} can: at most {most:g}"
            raise ValueError(msg)
        return self


class MultimeterSettings(DriverSettings):
    """What a multimeter measures."""

    instruments: ClassVar[str] = "Keithley 2000, Keysight 34461A (SCPI)"
    checked_with: ClassVar[tuple[str, ...]] = ("pymeasure 0.16.0 (simulator)",)
    from_memory: ClassVar[tuple[str, ...]] = (
        "how a 34461A is told its temperature probe",
        "that FUNCtion? tells a 34461A's function without DC",
    )
    role: ClassVar[Role] = "sensor"

    function: Literal["voltage_dc", "current_dc", "resistance_2w", "resistance_4w", "temperature"] = Field(
        description="what is measured", examples=["voltage_dc"]
    )
    model: Literal["2000", "34461A"] = Field(default="34461A", description="which model must answer")
    nplc: float = Field(
        default=10.0, ge=0.02, le=100, description="integration time, power line cycles; 2000: 0.01 to 10"
    )
    range: float | None = Field(default=None, gt=0, description="in the function's unit; by default automatic")
    probe: str | None = Field(
        default=None,
        pattern=r"^[A-Z]+$",
        description="temperature probe as the instrument names it: J, K, T (2000); RTD, FRTD, THER, FTH (34461A)",
    )
    serial_number: str | None = Field(default=None, description="refuse every other; by default any is taken")
    terminator: Terminator = Field(default="LF", description=_TERMINATOR)
    limits: dict[Literal["value"], tuple[float, float]] = Field(
        default_factory=dict,
        description="lowest and highest value in the function's unit; a reading outside is an alarm",
    )

    @model_validator(mode="after")
    def _fits(self) -> MultimeterSettings:
        if self.model == "2000" and not 0.01 <= self.nplc <= 10:
            msg = f"nplc {self.nplc:g} is more than a 2000 can: 0.01 to 10"
            raise ValueError(msg)
        if self.function == "temperature" and self.range is not None:
            msg = "a temperature has no range: leave it out"
            raise ValueError(msg)
        return self

    @property
    def unit(self) -> str:
        """The unit of its readings."""
        return UNITS[self.function]
