"""What the settings of all drivers have in common; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from autolab.model.roles import Role


class DriverSettings(BaseModel):
    """Base of settings: frozen, no key but those declared, and limits (where a driver declares any) in order.

    What `autolab drivers list` and the table of drivers tell is declared here too. A setting that must be given has
    `examples`, whose first suits a simulator: the contract kit makes an instrument of it.

    Attributes:
        instruments: What the driver is for, in words: makers, models, dialect.
        checked_with: Programs by other people with which driver or simulator work, each `package version (simulator)`,
            where a client met the simulator, or `package version (driver)`, where another's simulator met the driver.
        on_hardware: What it was checked on; empty for never.
        on_wire: Whether its bytes pass a port of ours, so that the contract kit can try it with faults in virtual time.
        from_memory: Facts for which no source was at hand, each in a few words; the family's page has more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    instruments: ClassVar[str] = ""
    checked_with: ClassVar[tuple[str, ...]] = ()
    on_hardware: ClassVar[str] = ""
    on_wire: ClassVar[bool] = True
    from_memory: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _limits_in_order(self) -> Self:
        limits: dict[str, tuple[float, float]] = getattr(self, "limits", {})
        for quantity, (low, high) in limits.items():
            if low > high:
                msg = f"limits of {quantity} must be low <= high, got [{low:g}, {high:g}]"
                raise ValueError(msg)
        return self


class SyringePumpSettings(DriverSettings):
    """What all pumps with a syringe need to know of it."""

    role: ClassVar[Role] = "pump"

    volume_mL: float = Field(gt=0, le=9999, description="capacity of the syringe, mL", examples=[10.0])  # noqa: N815  the unit's symbol
    contents_mL: float = Field(default=0.0, ge=0, description="what the syringe holds at the very first start, mL")  # noqa: N815  the unit's symbol
    stock: str | None = Field(default=None, description="what it draws from, as the lab's plumbing calls it")
    poll_s: float = Field(
        default=0.5, gt=0, description="between two looks whether the pump has stopped, s of lab time"
    )
    watch_s: float = Field(
        default=15.0, gt=0, description="between two looks while it has to move anyway, s of lab time"
    )

    @model_validator(mode="after")
    def _syringe_holds_it(self) -> Self:
        if self.contents_mL > self.volume_mL:
            msg = f"contents_mL {self.contents_mL:g} is more than the syringe holds (volume_mL {self.volume_mL:g})"
            raise ValueError(msg)
        return self


class CountingPumpSettings(SyringePumpSettings):
    """What pumps need to know that push a bare syringe and count what they have moved.

    A driver declares `syringe_mm` anew, with the diameters that its pump takes.
    """

    syringe_mm: float = Field(gt=0, description="inner diameter of the syringe, mm")
    refill: Literal["check_valve", "none"] = Field(
        default="none",
        description="check_valve: drawing in refills from the stock, pushing goes to the outlet; none: one line for both",
    )
    max_rate: float | None = Field(
        default=None, gt=0, description="highest rate, mL/min; by default the pump's for this syringe"
    )
    limits: dict[Literal["rate", "volume"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest rate (mL/min) and volume (mL) of one command"
    )

    @property
    def rate_range(self) -> tuple[float, float]:
        """Lowest and highest rate for this syringe, mL/min."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _limits_not_negative(self) -> Self:
        not_negative(self.limits)
        return self


class PositionPumpSettings(SyringePumpSettings):
    """What pumps with an absolute position and a valve need to know."""

    components: ClassVar[Mapping[str, Role]] = {"valve": "valve"}

    valve_ports: dict[str, str] = Field(
        default_factory=dict, description="the valve's ports: names, and what the pump calls each of them"
    )
    inlet: str = Field(default="in", description="port that Withdraw draws in by")
    outlet: str = Field(default="out", description="port that Dispense pushes out by")
    valve_s: float = Field(default=10.0, gt=0, description="the valve must have turned within so long, s of lab time")
    initialize_s: float = Field(
        default=60.0, gt=0, description="initialising must be done within so long, s of lab time"
    )
    limits: dict[Literal["rate", "volume"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest rate (mL/min) and volume (mL) of one command"
    )

    @property
    def model_name(self) -> str:
        """Return the model, as identities tell it."""
        raise NotImplementedError

    @field_validator("valve_ports", mode="before")
    @classmethod
    def _numbers_are_words(cls, given: object) -> object:
        """Take a port's number as it is written without quotes."""
        if not isinstance(given, Mapping):
            return given
        return {name: str(place) if type(place) is int else place for name, place in given.items()}

    @model_validator(mode="after")
    def _ports_have_names(self) -> Self:
        for setting, port in (("inlet", self.inlet), ("outlet", self.outlet)):
            if port not in self.valve_ports:
                msg = f"{setting} {port!r} is none of the ports: {', '.join(self.valve_ports) or 'none is named'}"
                raise ValueError(msg)
        for place in self.valve_ports.values():
            if list(self.valve_ports.values()).count(place) > 1:
                msg = f"valve_ports: {place!r} has two names: {dict(self.valve_ports)}"
                raise ValueError(msg)
        return self


def not_negative(limits: Mapping[Literal["rate", "volume"], tuple[float, float]]) -> None:
    """Raise ValueError for limits below zero."""
    for quantity, (low, high) in limits.items():
        if low < 0:
            msg = f"limits of {quantity} must be 0 <= low <= high, got [{low:g}, {high:g}]"
            raise ValueError(msg)


def dwell_within(dwell_s: float, timeout_s: float) -> None:
    """Raise ValueError where what has to stay for so long could not do so in time."""
    if dwell_s >= timeout_s:
        msg = f"dwell_s {dwell_s:g} must be less than timeout_s {timeout_s:g}"
        raise ValueError(msg)


def area_cm2(diameter_mm: float) -> float:
    """Return the cross-section of a syringe, cm^2."""
    return math.pi / 4 * (diameter_mm / 10) ** 2
