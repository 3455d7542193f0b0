"""Settings of Bronkhorst mass flow controllers; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, Literal

from pydantic import Field

from autolab.drivers.flow_settings import GasFlowSettings

PER_UNIT: Final[Mapping[str, float]] = {
    f"{prefix}{kind}/{time}": size * per
    for prefix, size in (("m", 1.0), ("", 1000.0))
    for kind in ("ln", "ls", "l")
    for time, per in (("min", 1.0), ("h", 1 / 60), ("s", 60.0))
}
"""mL/min for each unit that it may tell; n stands for normal, s for standard conditions."""


class FlowControllerSettings(GasFlowSettings):
    """How a Bronkhorst mass flow controller is read and set."""

    instruments: ClassVar[str] = (
        "Bronkhorst mass flow controllers (propar: RS-232, or one node of a FLOW-BUS behind it)"
    )
    checked_with: ClassVar[tuple[str, ...]] = (
        "bronkhorst-propar 1.3.0 (simulator)",
        "bronkhorst-propar 1.3.0 (driver)",
    )
    from_memory: ClassVar[tuple[str, ...]] = ("set point 0 after power-up",)

    framing: Literal["binary", "ascii"] = Field(
        default="binary", description="how messages are framed; binary ones are numbered, which is safer"
    )
    unit: str | None = Field(
        default=None, description="unit of its capacity that it must tell, such as mln/min; by default any of gas flow"
    )
    gas: str | None = Field(default=None, description="fluid that it must be set to, as it names it; by default any")
