"""What source meters and multimeters that speak SCPI share: how they are met."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers.instrument import OphydInstrument
from autolab.drivers.query import Query
from autolab.drivers.scpi_protocol import ENDS, Identity, Talk
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON
from autolab.model.errors import WrongInstrument

MAKERS: Final = ("KEITHLEY", "KEYSIGHT", "AGILENT")


class ScpiMeter(OphydInstrument):
    """Base of instruments that `*IDN?` tells apart.

    Attributes:
        model: As it says.
        firmware: Likewise.
        serial_number: Likewise.
    """

    model = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    firmware = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    serial_number = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    line_settings: ClassVar[Mapping[str, str]] = {}

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self.talk = Talk(ENDS[self.settings.terminator])

    def identify_query(self) -> Query[object]:
        """Ask who it is: no reading looks like the answer."""
        return self.talk.identity()

    async def do_greet(self) -> None:
        """See that it is the right one; change nothing.

        Raises:
            WrongInstrument: It is another model or has another serial number.
        """
        found = await self.again(self.talk.identity)
        wanted = self.settings.serial_number
        if found.model != self.settings.model or not found.maker.upper().startswith(MAKERS):
            raise self.wrong(f"{found.maker} {found.model} answers instead of a {self.settings.model}")
        if wanted is not None and found.serial_number != wanted:
            raise self.wrong(f"number {found.serial_number!r} answers instead of {wanted!r}")

    def wrong(self, message: str) -> WrongInstrument:
        """Return the error for another instrument."""
        remedy = "Check the cables or the lab file"
        return WrongInstrument(f"{message}. {remedy}", instrument=self.name, port=self.address.port, command="*IDN?")

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return maker, model, firmware and serial number."""
        found: Identity = await self.again(self.talk.identity)
        self.model.tell(found.model)
        self.firmware.tell(found.firmware)
        self.serial_number.tell(found.serial_number)
        return {
            "maker": found.maker,
            "model": found.model,
            "firmware": found.firmware,
            "serial_number": found.serial_number,
        }
