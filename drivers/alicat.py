"""Alicat mass flow controllers and meters.

Written from public descriptions of the protocol; not yet checked on hardware.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, TypeVar

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import alicat_protocol as wire
from autolab.drivers.alicat_settings import PER_UNIT, FlowControllerSettings
from autolab.drivers.flow_controller import NAN, GasFlowController
from autolab.drivers.query import Query
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON
from autolab.model.errors import InputError, InstrumentTimeout, Refused, WrongInstrument

T = TypeVar("T")
_log = logging.getLogger("autolab.drivers.alicat")
_LETTERS: Final = 26


class FlowController(GasFlowController):
    """An Alicat: its letter is that of its bus address, A for 0 (or none) to Z for 25.

    Attributes:
        pressure: In the unit of its display.
        temperature: Of the gas, degC.
        total: What its totaliser shows, in the unit of its display; NaN without one.
        gas: What it measures for.
        words: Status words of the last frame.
        model: As it tells it.
    """

    settings_model = FlowControllerSettings
    settings: FlowControllerSettings
    frame_end: ClassVar[bytes] = wire.CR
    line_settings: ClassVar[Mapping[str, str]] = {"baud": "19200"}

    pressure = Cpt(Reading, value=NAN, kind=Kind.normal)
    temperature = Cpt(Reading, value=NAN, units="degC", precision=2, kind=Kind.normal)
    total = Cpt(Reading, value=NAN, kind=Kind.normal)
    gas = Cpt(Reading, value="", dtype="string", kind=Kind.normal)
    words = Cpt(Reading, value="", dtype="string", kind=Kind.normal)
    model = Cpt(Reading, value="", dtype="string", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        bus = self.address.bus or 0
        if bus >= _LETTERS:
            msg = f"{name}: ?bus={bus} is no unit letter; write 0 for A to 25 for Z"
            raise InputError(msg)
        self.unit = chr(ord("A") + bus)
        self.firmware = ""

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask its firmware's version, whose answer is like no frame."""
        return wire.version(self.unit)

    async def do_greet(self) -> None:
        """Learn firmware, unit, full scale and what it controls; nothing is changed.

        Raises:
            WrongInstrument: Its unit, or what it controls, is not that of the settings.
        """
        self.firmware = await self.again(lambda: wire.version(self.unit))
        await self._learn_scale()
        if self.controls():
            await self._check_control()
        await self._poll()

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return model, firmware and serial number; None for what its firmware is too old to tell.

        Raises:
            WrongInstrument: Its serial number is not the one that is wanted.
        """
        self.firmware = self.firmware or await self.again(lambda: wire.version(self.unit))
        told = await self._try(lambda: wire.maker(self.unit, self.firmware)) or {}
        serial, wanted = told.get("serial_number"), self.settings.serial_number
        if wanted is not None and serial != wanted:
            msg = f"serial number {serial or '(not told)'} answers, wanted is {wanted}. Check the cables"
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port)
        self.model.tell(told.get("model", ""))
        return {"model": told.get("model"), "firmware": self.firmware, "serial_number": serial}

    async def _learn_scale(self) -> None:
        """Ask unit and full scale; old firmware does not tell, and is believed to be as the settings say.

        Raises:
            WrongInstrument: Its unit is another than the settings'.
        """
        told = await self._try(lambda: wire.full_scale(self.unit, self.firmware))
        if told is not None and told[1] != self.settings.unit:
            msg = (
                f"its mass flow is in {told[1]}, the settings say {self.settings.unit}: correct `unit`, or its display"
            )
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port, command="FPF 5")
        scale = self.settings.full_scale_mL_min
        if scale is None:
            if told is None:
                msg = "its firmware does not tell its full scale: say `full_scale_mL_min`"
                raise Refused(msg, instrument=self.name, port=self.address.port, command="FPF 5")
            scale = told[0] * self._per_unit
        self.full_scale.tell(scale)

    async def _check_control(self) -> None:
        """See that mass flow is what it controls, where it tells.

        Raises:
            WrongInstrument: It controls something else, so that a set point would mean something else.
        """
        told = await self._try(lambda: wire.register(self.unit, self.firmware, 122))
        if told not in (None, wire.MASS_FLOW):
            msg = f"controls variable {told}, not mass flow ({wire.MASS_FLOW}): change that at its panel, or write register 122"
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port, command="R122")

    async def _try(self, query: Callable[[], Query[T]]) -> T | None:
        """Ask what old firmware answers with `?`, or not at all; None then."""
        try:
            return await self.again(query, tries=2)
        except (Refused, InstrumentTimeout) as error:
            _log.info("%s does not tell: %s", self.name, error)
            return None

    # ---- flow --------------------------------------------------------------------------------------------------

    def controls(self) -> bool:
        """Say whether it has a valve."""
        return self.settings.kind == "controller"

    @property
    def _per_unit(self) -> float:
        return PER_UNIT[self.settings.unit]

    @property
    def step(self) -> float:
        """How near a set point reads back: half of the last decimal that goes out, or a thousandth of full scale."""
        return max(0.51 * 10.0**-self._decimals * self._per_unit, 0.001 * float(self.full_scale.get()))

    def details(self) -> Mapping[str, JSON]:
        """Return the gas, and status words."""
        return {"gas": self.gas.get(), "status": self.words.get()}

    async def look(self) -> None:
        """Poll it."""
        await self._poll()

    def objection(self) -> str:
        """Return that it measures for another gas than the settings want; empty where it does not."""
        wanted, told = self.settings.gas, self.gas.get()
        return (
            ""
            if wanted in (None, told)
            else f"measures for {told}, wanted is {wanted}: its flows are wrong. Use do_gas({wanted!r})"
        )

    def doubt(self) -> str:
        """Return which of its sensors is over range, or broken; empty for none."""
        words = [word for word in str(self.words.get()).split() if word in wire.FALSE_READINGS]
        told = "; ".join(f"{word}: {wire.STATUS[word]}" for word in words)
        return f"{told}; its reading of {self.flow.get():g} mL/min is not to be believed" if told else ""

    async def command(self, flow: float, *, urgent: bool = False) -> float:
        """Send a set point; the frame behind it tells it back. Closing cancels a hold of the valve.

        Raises:
            InstrumentAlarm: Its valve is held, so that the set point does nothing.
        """
        text = f"{flow / self._per_unit:.{self._decimals}f}"
        frame = await self.again(lambda: self._frame(f"S{text}", f"S {text}"), urgent=urgent)
        if "HLD" in frame.status and flow == 0 and frame.setpoint == 0:
            frame = await self.again(lambda: self._frame("$$C", "C"), urgent=urgent)
        self._tell(frame)
        if "HLD" in frame.status:
            raise self.alarm(f"HLD: {wire.STATUS['HLD']}")
        return (frame.setpoint or 0.0) * self._per_unit

    async def _poll(self) -> wire.Frame:
        frame = await self.again(lambda: self._frame(""))
        self._tell(frame)
        return frame

    @property
    def _decimals(self) -> int:
        """Decimals of a set point: enough for a hundredth of a mL/min, or nearly so in large units."""
        return 2 + math.ceil(math.log10(max(1.0, self._per_unit)) * 2 / 3)

    def _frame(self, *forms: str) -> Query[wire.Frame]:
        return wire.fenced(self.unit, self.firmware, *forms, meter=not self.controls())

    def _tell(self, frame: wire.Frame) -> None:
        self.flow.tell(frame.mass * self._per_unit)
        if frame.setpoint is not None:
            self.setpoint.tell(frame.setpoint * self._per_unit)
        self.pressure.tell(frame.pressure)
        self.temperature.tell(frame.temperature)
        self.total.tell(NAN if frame.total is None else frame.total)
        self.gas.tell(frame.gas)
        self.words.tell(" ".join(frame.status))

    # ---- for people --------------------------------------------------------------------------------------------

    async def do_gas(self, gas: str) -> None:
        """Have it measure for another gas, and read that back.

        Raises:
            OutsideLimits: A gas that is not known here.
            Refused: It does not take it.
        """
        if gas not in wire.GASES:
            raise self.outside(f"{gas!r} is no gas that is known here: {', '.join(wire.GASES)}")
        await self.ready()
        number = wire.GASES.index(gas)
        await self.again(lambda: wire.register(self.unit, self.firmware, 46, write=number, prefix="$$"))
        told = await self.again(lambda: wire.register(self.unit, self.firmware, 46, prefix="$$"))
        if told & 0x1FF != number:
            raise Refused(
                f"does not take {gas}: its gas reads {told & 0x1FF}", instrument=self.name, port=self.address.port
            )

    async def do_tare(self) -> None:
        """Take the present flow as zero, which is right only when nothing flows: close the gas behind it as well.

        Raises:
            Refused: Its set point is not 0.
        """
        await self._need_closed("tared")
        self._tell(await self.query(self._frame("$$V", "V")))

    async def do_reset_totaliser(self) -> None:
        """Let the totaliser count from zero; only while nothing flows.

        One source has it that `T` alone tares the flow, as the maker's manuals say of `V`. So `T 1` is sent first, nothing may
        flow, and the total must be seen to go back.

        Raises:
            Refused: It has no totaliser, gas flows, or the total stays.
        """
        await self._need_closed("reset")
        before, flow = float(self.total.get()), float(self.flow.get())
        if math.isnan(before):
            raise self._refused("has no totaliser")
        if abs(flow) > self.tolerance:
            raise self._refused(f"{flow:g} mL/min flow: its totaliser is reset only while nothing flows")
        frame = await self.again(lambda: self._frame("T 1", "T"))
        self._tell(frame)
        if before > 0 and (frame.total or 0.0) > 0.5 * before:
            raise self._refused(f"its total stays at {frame.total:g}: reset it at its panel")

    async def _need_closed(self, what: str) -> None:
        await self.ready()
        await self.look()
        if self.controls() and float(self.setpoint.get()) != 0:
            raise self._refused(f"is not {what} with a set point of {self.setpoint.get():g} mL/min: close it first")

    def _refused(self, message: str) -> Refused:
        return Refused(message, instrument=self.name, port=self.address.port)

    async def do_lock(self, *, locked: bool) -> None:
        """Lock its keys, or free them."""
        await self.ready()
        self._tell(await self.again(lambda: self._frame("$$L" if locked else "$$U", "L" if locked else "U")))

    async def do_release(self) -> None:
        """Cancel a hold of its valve: it follows its set point again."""
        await self.ready()
        self._tell(await self.again(lambda: self._frame("$$C", "C")))
