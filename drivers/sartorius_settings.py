"""Settings of Sartorius balances; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from autolab.drivers.settings import DriverSettings
from autolab.model.roles import Role


class BalanceSettings(DriverSettings):
    """How a balance that speaks SBI is read."""

    instruments: ClassVar[str] = "Sartorius and Minebea Intec balances that speak SBI"
    checked_with: ClassVar[tuple[str, ...]] = (
        "sartorius 0.7.1 (simulator)",
        "labmcp-sartorius 0.1.2 (simulator)",
        "labmcp-sartorius 0.1.2 (driver)",
    )
    from_memory: ClassVar[tuple[str, ...]] = ("what a balance does that cannot tare or zero",)
    role: ClassVar[Role] = "balance"

    stability: Literal["stable", "immediate"] = Field(
        default="stable",
        description="stable: wait until the balance calls the weight stable; immediate: take what it shows now",
    )
    stable_timeout_s: float = Field(
        default=30.0, gt=0, le=3600, description="how long to wait for stability, and for a tare or zero, s of lab time"
    )
    on_unstable: Literal["dynamic", "fail"] = Field(
        default="dynamic", description="after that: take the moving weight, with stable = false, or fail"
    )
    poll_s: float = Field(default=0.3, gt=0, le=60, description="between two looks at the weight, s of lab time")
    zero_digits: int = Field(
        default=10,
        ge=1,
        le=1000,
        description="a tare or zero is done when the weight is within so many last digits of 0",
    )
    serial_number: str | None = Field(default=None, description="refuse every other balance; by default any is taken")
    limits: dict[Literal["weight"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest weight, g; a reading outside is an alarm"
    )
