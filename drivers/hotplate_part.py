"""What heater and stirrer of a hotplate have in common, whoever made it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from autolab.drivers.component import RoleComponent
from autolab.drivers.signals import Reading
from autolab.model.actions import ActionClass, Verb
from autolab.model.errors import InstrumentAlarm, Refused

if TYPE_CHECKING:
    from autolab.drivers.hotplate import Plate

_log = logging.getLogger("autolab.drivers.hotplate")
NAN: Final = float("nan")


class Part(RoleComponent):
    """What heater and stirrer have in common: on or off, a target, and trouble that the next verb tells.

    A maker's own class gives `look`, `written`, `command`, `give`, `go_on` and `go_off`.

    Attributes:
        on: Whether it was switched on, as far as is known: the plate does not tell.
    """

    unit: ClassVar[str]
    same: ClassVar[float]
    """A set point that is told is the one that was sent when it is so near."""
    on: Reading
    setpoint: Reading
    readback: Reading

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:  # noqa: ANN401  ophyd's own
        super().__init__(prefix, **kwargs)
        self.target: float | None = None
        self.trouble = ""
        self._changing = False  # between two set points, when neither can be expected

    @property
    def started(self) -> bool:
        """Whether it has its set point and was switched on; not between two set points, when neither can be expected."""
        return self.target is not None and not self._changing

    @property
    def plate_device(self) -> Plate:
        """The instrument, as the class that it is."""
        plate: Plate = self.parent
        return plate

    # ---- what a maker's class implements -----------------------------------------------------------------------

    def written(self, value: float) -> str:
        """Return a set point as it is sent."""
        raise NotImplementedError

    def command(self, sent: str) -> str:
        """Return the command that gives it a set point."""
        raise NotImplementedError

    async def give(self, command: str) -> float:
        """Send a set point and return what the plate has then."""
        raise NotImplementedError

    async def go_on(self) -> None:
        """Switch on."""
        raise NotImplementedError

    async def go_off(self) -> float:
        """Switch off, see that the plate listens, and return its set point."""
        raise NotImplementedError

    async def look(self) -> None:
        """Read it, and tell the signals."""
        raise NotImplementedError

    async def examine(self) -> None:
        """Compare what `look` saw with what should be; give up where that contradicts."""
        raise NotImplementedError

    # ---- what may be asked of it -------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """An absolute set point can be given again."""
        return "read" if verb == "trigger" else "idempotent"

    def locate(self) -> Mapping[str, Any]:
        """Return the set point (None while it is off) and the last readback."""
        return {"setpoint": self.target, "readback": float(self.readback.get())}

    # ---- on and off --------------------------------------------------------------------------------------------

    async def switch_on(self, target: float) -> None:
        """Set the target, read it back, and switch on.

        Raises:
            Refused: The plate does not take this set point.
        """
        plate = self.plate_device
        was_on, self._changing = bool(self.on.get()), True
        self.on.tell(True)  # before anything is sent: whoever halts must know that it may be on
        try:
            await plate.wake()
            sent = self.written(target)
            told = await self._take(sent)
            if abs(told - float(sent)) > self.same:
                self.on.tell(was_on)
                await plate.slacken()
                msg = f"does not take {sent} {self.unit}: its set point stays at {told:g}. Look at its range and its panel"
                raise Refused(msg, instrument=self.name, port=self.address.port, command=self.command(sent))
            self.target = target
            await self.go_on()
        finally:
            self._changing = False

    async def _take(self, sent: str) -> float:
        """Send a set point, once more if it reads back otherwise, and return what it reads then."""
        told = NAN
        for _ in range(2):
            told = await self.give(self.command(sent))
            self.setpoint.tell(told)
            if abs(told - float(sent)) <= self.same:
                break
        return told

    async def switch_off(self) -> None:
        """Switch off, and disarm what watches over the line if nothing else is on."""
        self.setpoint.tell(await self.go_off())
        self.went_off()
        await self.plate_device.slacken()

    def went_off(self) -> None:
        """Note that it is off."""
        self.target = None
        self.on.tell(False)

    async def do_halt(self) -> None:
        """Switch this part off."""
        self.end_action()
        await self.ready()
        await self.switch_off()

    # ---- trouble -----------------------------------------------------------------------------------------------

    async def give_up(self, why: str) -> None:
        """Switch off what is not as it should be; the next verb tells why."""
        if not self.on.get():
            return
        self.trouble = why
        _log.error("%s: %s; it is switched off", self.name, why)
        await self.switch_off()

    def forgive(self) -> None:
        """Forget trouble: all is off and safe."""
        self.trouble = ""

    async def look_closely(self) -> None:
        """Read it, and see that it is as it should be.

        Raises:
            InstrumentAlarm: It went off by itself.
        """
        await self.look()
        if self.on.get():
            await self.examine()
        self.raise_trouble()

    def raise_trouble(self) -> None:
        """Raise InstrumentAlarm for trouble that nobody was told yet."""
        why, self.trouble = self.trouble, ""
        if why:
            raise self.alarm(f"{why}; it was switched off")

    def alarm(self, message: str) -> InstrumentAlarm:
        """Return the error for an apparatus that does not do what it was told."""
        return InstrumentAlarm(message, instrument=self.name, port=self.address.port)
