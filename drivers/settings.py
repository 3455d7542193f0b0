"""What the settings of all drivers have in common; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator


class DriverSettings(BaseModel):
    """Base of settings: frozen, no key but those declared, and limits (where a driver declares any) in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="after")
    def _limits_in_order(self) -> Self:
        limits: dict[str, tuple[float, float]] = getattr(self, "limits", {})
        for quantity, (low, high) in limits.items():
            if low > high:
                msg = f"limits of {quantity} must be low <= high, got [{low:g}, {high:g}]"
                raise ValueError(msg)
        return self
