"""Settings of the operator; imports nothing heavy, so that files can be checked without ophyd."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from autolab.drivers.settings import DriverSettings
from autolab.model.roles import Role


class PersonSettings(DriverSettings):
    """Who does what no instrument does."""

    role: ClassVar[Role] = "operator"
    instruments: ClassVar[str] = "a person, asked through the command line, a notebook or a terminal"

    who: str = Field(default="", description="whom to ask, as it is shown: a name, a shift, a telephone number")
    patience_s: float = Field(
        default=43200.0, gt=0, description="an instruction that nobody answers for so long is in doubt, s of lab time"
    )
    poll_s: float = Field(default=2.0, gt=0, description="between two looks for an answer, s of lab time")
