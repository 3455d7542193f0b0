"""Ismatec Reglo ICC: a peristaltic pump with one to four channels, each a pump of its own.

Written from public descriptions of the protocol; not yet checked on hardware.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import ismatec_protocol as wire
from autolab.drivers.instrument import ActionStatus, OphydInstrument
from autolab.drivers.ismatec_channel import Channel
from autolab.drivers.ismatec_settings import RegloICCSettings
from autolab.drivers.query import Query
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Verb
from autolab.model.errors import GarbledReply, InputError, Refused, WrongInstrument


class RegloICC(OphydInstrument):
    """A Reglo ICC: `ch1` to `ch4` are pumps; the whole is read, halted and made safe.

    Attributes:
        ch1, ch2, ch3, ch4: The channels; those that the pump does not have refuse.
        model: As the pump tells it.
        serial: Its serial number, once it was met.
        count: How many channels it has; 0 before it was met.
        lost: Channels whose counters mean nothing until they are cleared.
    """

    role: ClassVar[Literal[""]] = RegloICCSettings.role
    settings_model = RegloICCSettings
    settings: RegloICCSettings
    frame_end: ClassVar[bytes] = wire.END

    ch1 = Cpt(Channel, kind=Kind.hinted)
    ch2 = Cpt(Channel, kind=Kind.normal)
    ch3 = Cpt(Channel, kind=Kind.normal)
    ch4 = Cpt(Channel, kind=Kind.normal)
    model = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    firmware = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    serial_number = Cpt(Reading, value="", dtype="string", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        if self.address.bus is not None:
            msg = f"{name}: with channel addressing a pump has its line for itself; leave ?bus= out"
            raise InputError(msg)
        self.serial, self.count, self.lost = "", 0, set[int]()

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels that it has."""
        return tuple(channel for channel in (self.ch1, self.ch2, self.ch3, self.ch4) if channel.index <= self.count)

    # ---- meeting it --------------------------------------------------------------------------------------------

    def takes(self, frame: bytes, sent: bytes) -> bool:
        """Take events: a channel runs (`^U`), or has stopped (`^X`)."""
        event = wire.event(frame)
        if event is None:
            return False
        letter, number = event
        channel: Channel = getattr(self, f"ch{number}")
        channel.running.tell(letter == "U")
        return True

    def identify_query(self) -> Query[object]:
        """Ask for the serial number; a pump without channel addressing is brought back to it, its counters in doubt."""
        serial = yield from wire.serial_number()
        if (yield from wire.data("1~")) != "1":
            yield from wire.order("1~1")
            self.lost.update((1, 2, 3, 4))
            yield from wire.guard(serial)
            if (yield from wire.data("1~")) != "1":
                raise GarbledReply("does not turn channel addressing on", command="1~1")
        return {"serial_number": serial}

    async def do_greet(self) -> None:
        """Learn who it is and what it has; events are turned off, and taken wherever they come nevertheless.

        Raises:
            WrongInstrument: Its serial number is not the one that is wanted.
        """
        found: Any = await self.again(self.identify_query)
        self.serial = found["serial_number"]
        wanted = self.settings.serial_number
        if wanted is not None and self.serial != wanted:
            msg = f"serial number {self.serial!r} answers, wanted is {wanted!r}. Check the cables"
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port, command="1xS")
        await self.again(lambda: wire.put("1xE", "0", "0", self.serial))
        count = await self.again(lambda: wire.told("1xA", self.serial))
        if count not in ("1", "2", "3", "4"):
            msg = f"says that it has {count!r} channels"
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port, command="1xA")
        self.count = int(count)
        for channel in self.channels:
            await channel.look()
            await channel.learn()

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return model, firmware and serial number."""
        said = await self.again(lambda: wire.told("1#", self.serial))
        fields = said.rsplit(" ", 2)
        if len(fields) != 3 or "ICC" not in fields[0].upper():
            msg = f"{said!r} answers, wanted is a Reglo ICC. Check the cables"
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port, command="1#")
        self.model.tell(fields[0])
        self.firmware.tell(fields[1])
        self.serial_number.tell(self.serial)
        return {"model": fields[0], "firmware": fields[1], "serial_number": self.serial, "channels": self.count}

    # ---- verbs -------------------------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """The whole is only read."""
        return "read" if verb == "trigger" else "once"

    def check_value(self, value: object) -> None:
        """Refuse: channels are set, not the whole."""
        raise self.outside(f"{value!r}: set {self.name}.ch1 to {self.name}.ch4, not the whole")

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read every channel."""
        return {channel.attr_name: dict(await channel.do_trigger(status)) for channel in self.channels}

    async def do_halt(self) -> None:
        """Stop all channels, those first that may run."""
        for part in (self, self.ch1, self.ch2, self.ch3, self.ch4):
            part.end_action()
        await self.ready()
        trouble: Exception | None = None
        for channel in sorted(self.channels, key=lambda channel: not channel.running.get()):
            try:
                await channel.do_halt()
            except Exception as error:
                trouble = error  # the others must be stopped all the same
        if trouble is not None:
            raise trouble

    # ---- for people --------------------------------------------------------------------------------------------

    async def do_save(self) -> None:
        """Have the pump keep its settings without power (`*`): hose diameters, and channel addressing.

        Raises:
            Refused: A channel runs.
        """
        for channel in self.channels:
            if await channel.look():
                msg = f"is not saved: {channel.name} runs"
                raise Refused(msg, instrument=self.name, port=self.address.port)
        await self.again(lambda: wire.order("1*"))
