"""Settings of Mettler Toledo balances; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from autolab.drivers.settings import DriverSettings
from autolab.model.roles import Role


class BalanceSettings(DriverSettings):
    """How a balance that speaks MT-SICS is read."""

    instruments: ClassVar[str] = "Mettler Toledo balances and weigh modules that speak MT-SICS"
    checked_with: ClassVar[tuple[str, ...]] = (
        "mettler-toledo-device 1.5.0 (simulator)",
        "pylabrobot 0.2.2 (simulator)",
        "labmcp-mettler-toledo 0.1.3 (simulator)",
    )
    from_memory: ClassVar[tuple[str, ...]] = ("meaning of hardware fault numbers",)
    role: ClassVar[Role] = "balance"

    stability: Literal["stable", "immediate"] = Field(
        default="stable",
        description="stable: wait until the balance calls the weight stable; immediate: take what it shows now",
    )
    stable_timeout_s: float = Field(default=30.0, gt=0, le=3600, description="how long to wait for stability, s")
    on_unstable: Literal["dynamic", "fail"] = Field(
        default="dynamic", description="after that: take the moving weight, with stable = false, or fail"
    )
    serial_number: str | None = Field(default=None, description="refuse every other balance; by default any is taken")
    limits: dict[Literal["weight"], tuple[float, float]] = Field(
        default_factory=dict, description="lowest and highest weight, g; a reading outside is an alarm"
    )
