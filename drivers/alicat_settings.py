"""Settings of Alicat mass flow controllers and meters; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, Literal

from pydantic import Field

from autolab.drivers.flow_settings import GasFlowSettings

Unit = Literal[
    "SmL/s", "SmL/m", "SmL/h", "SL/s", "SLPM", "SL/h", "SCCS", "SCCM",
    "NmL/s", "NmL/m", "NmL/h", "NL/s", "NLPM", "NL/h", "NCCS", "NCCM",
]  # fmt: skip
_SIZES: Final = {
    "mL/s": 60.0, "mL/m": 1.0, "mL/h": 1 / 60, "L/s": 60000.0, "LPM": 1000.0, "L/h": 1000 / 60, "CCS": 60.0, "CCM": 1.0,
}  # fmt: skip
PER_UNIT: Final[Mapping[str, float]] = {f"{kind}{unit}": size for kind in ("S", "N") for unit, size in _SIZES.items()}
"""mL/min, at the reference conditions that the unit's first letter stands for."""


class FlowControllerSettings(GasFlowSettings):
    """How an Alicat mass flow controller or meter is read and set."""

    instruments: ClassVar[str] = "Alicat mass flow controllers and meters (ASCII protocol)"
    checked_with: ClassVar[tuple[str, ...]] = (
        "alicat 0.9.0 (simulator)",
        "labmcp-alicat 0.1.2 (simulator)",
        "alicat 0.9.0 (driver)",
        "labmcp-alicat 0.1.2 (driver)",
    )
    from_memory: ClassVar[tuple[str, ...]] = (
        "set point 0 after power-up",
        "a set point out of range is taken at the end of the range",
    )

    unit: Unit = Field(
        description="unit of mass flow that its display shows: S for standard, N for normal conditions; its frames do not tell it",
        examples=["SCCM"],
    )
    kind: Literal["controller", "meter"] = Field(default="controller", description="whether it has a valve")
    full_scale_mL_min: float | None = Field(  # noqa: N815  the unit's symbol
        default=None, gt=0, description="full scale, mL/min; needed where its firmware is too old to tell (before 6v)"
    )
    gas: str | None = Field(
        default=None, description="gas that it must measure for, as it names it (N2, Ar, CO2); by default any"
    )
