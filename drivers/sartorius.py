"""Sartorius balances that speak SBI.

Written from public descriptions of the protocol; not yet checked on hardware.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import sartorius_sbi as sbi
from autolab.drivers.instrument import ActionStatus, OphydInstrument
from autolab.drivers.query import Query, Write
from autolab.drivers.sartorius_settings import BalanceSettings
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import InstrumentAlarm, WrongInstrument
from autolab.model.roles import Role

COMMANDS: Final = {"tare": "T", "zero": "V"}


class Unstable(InstrumentAlarm):
    """The weight did not become stable in time, and that is a failure by the settings, or its unit is not known."""


class Balance(OphydInstrument):
    """A balance: `trigger` weighs, `set("tare")` and `set("zero")` do what they say and see that it is done.

    Attributes:
        weight: g, net.
        stable: Whether the balance called it stable.
    """

    role: ClassVar[Role] = BalanceSettings.role
    settings_model = BalanceSettings
    settings: BalanceSettings
    frame_end: ClassVar[bytes] = sbi.CRLF
    line_settings: ClassVar[Mapping[str, str]] = {"parity": "O"}

    weight = Cpt(Reading, value=float("nan"), units="g", kind=Kind.hinted)
    stable = Cpt(Reading, value=False, dtype="boolean", kind=Kind.normal)
    model = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    firmware = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    serial_number = Cpt(Reading, value="", dtype="string", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self._unit = ""  # of the last stable weight: others come without one
        self._last: str | None = None

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask for the serial number."""
        return sbi.text("x2_")

    async def do_greet(self) -> None:
        """See that it is the one that is wanted.

        Raises:
            WrongInstrument: It is another one.
        """
        self._unit = ""
        told, wanted = await self.again(lambda: sbi.text("x2_")), self.settings.serial_number
        if wanted is not None and told != wanted:
            msg = f"balance {told!r} answers instead of {wanted!r}. Check the cables or the lab file"
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port, command="x2_")

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return model, software and serial number."""
        model = await self.again(lambda: sbi.text("x1_"))
        serial = await self.again(lambda: sbi.text("x2_"))
        firmware = await self.again(lambda: sbi.text("x3_"))
        for signal, told in ((self.model, model), (self.serial_number, serial), (self.firmware, firmware)):
            signal.tell(told)
        return {"model": model, "firmware": firmware, "serial_number": serial}

    # ---- verbs -------------------------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """Weighing reads; taring and zeroing can be done again."""
        return "read" if verb == "trigger" else "idempotent"

    def check_value(self, value: object) -> None:
        """Check a command.

        Raises:
            OutsideLimits: It is none.
        """
        if not isinstance(value, str) or value not in COMMANDS:
            raise self.outside(f"{value!r} is no command of a balance; there are {', '.join(map(repr, COMMANDS))}")

    def samples(self) -> Sequence[object]:
        """Return the commands."""
        return tuple(COMMANDS)

    def locate(self) -> Mapping[str, Any]:
        """Return the last command and the last weight, g."""
        return {"setpoint": self._last, "readback": float(self.weight.get())}

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Weigh.

        Raises:
            Unstable: The weight did not become stable, where that is to fail or its unit was never told.
            InstrumentAlarm: Overload, underload, a fault, or a weight outside the limits.
        """
        weight = await self._look()
        if self.settings.stability == "stable" and not (weight and weight.stable):
            weight = await self._settled()
        grams = self._grams(weight)
        self.weight.tell(grams)
        stable = weight is not None and weight.stable
        self.stable.tell(stable)
        bounds = self.settings.limits.get("weight")
        if bounds is not None and not bounds[0] <= grams <= bounds[1]:
            raise self._alarm(f"weight {grams:g} g is outside the limits {bounds[0]:g}..{bounds[1]:g} g")
        return {"weight_g": grams, "stable": stable}

    async def do_set(self, value: str, status: ActionStatus) -> Mapping[str, JSON]:
        """Tare or zero, and see that the weight is stable at 0 then: the command itself is not answered.

        Raises:
            InstrumentAlarm: It is not, in time.
        """
        self._last = value
        await self.query(_say(COMMANDS[value]))
        seen: list[sbi.Weight] = []

        async def done() -> bool:
            weight = await self._look()
            if weight is not None and weight.stable:
                seen[:] = [weight]
                return abs(weight.number) <= self.settings.zero_digits * 10.0**-weight.decimals * 1.001
            return False

        seconds = self.settings.stable_timeout_s
        await asyncio.sleep(self.settings.poll_s)  # what it shows at once may be older than the command
        if not await self.until(done, poll_s=self.settings.poll_s, timeout_s=seconds):
            told = f"it shows {self._grams(seen[-1]):g} g" if seen else "its weight did not become stable"
            remedy = "is the load within its zero range" if value == "zero" else "is it free of draughts"
            raise self._alarm(f"did not {value} within {seconds:g} s: {told}. Look at its pan and display: {remedy}?")
        residual = self._grams(seen[-1])
        self.weight.tell(residual)
        self.stable.tell(True)
        return {"weight_g": residual, "stable": True}

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Taring and zeroing leave nothing to compare with; they can be done again."""
        return Reconciled("unknown", why=f"a balance does not tell whether {intent.value!r} was done; do it again")

    # ---- the wire ----------------------------------------------------------------------------------------------

    async def _look(self) -> sbi.Weight | None:
        """Return the weight as it is told now; None while the balance is busy with itself."""
        weight = await self.again(sbi.weight)
        if weight is not None and weight.stable:
            self._unit = weight.unit
        return weight

    async def _settled(self) -> sbi.Weight | None:
        """Wait for a stable weight; return the last one that was told where that does not come.

        Raises:
            Unstable: It does not come, and that is to fail.
        """
        seen: list[sbi.Weight | None] = [None]

        async def done() -> bool:
            seen[0] = await self._look() or seen[0]
            return seen[0] is not None and seen[0].stable

        seconds = self.settings.stable_timeout_s
        if not await self.until(done, poll_s=self.settings.poll_s, timeout_s=seconds) and (
            self.settings.on_unstable == "fail"
        ):
            raise Unstable(f"did not become stable within {seconds:g} s", instrument=self.name, port=self.address.port)
        return seen[0]

    def _grams(self, weight: sbi.Weight | None) -> float:
        """Return a weight in g.

        Raises:
            Unstable: There is none, or its unit is not known.
        """
        if weight is None:
            msg = "is busy with an adjustment and tells no weight: wait for it"
            raise Unstable(msg, instrument=self.name, port=self.address.port)
        unit = weight.unit or self._unit
        if not unit:
            msg = f"tells {weight.number:g} without a unit, as balances do while a weight is not stable, and none was stable yet"
            raise Unstable(msg, instrument=self.name, port=self.address.port)
        return round(weight.number * sbi.GRAMS[unit], 9)

    def _alarm(self, message: str) -> InstrumentAlarm:
        return InstrumentAlarm(message, instrument=self.name, port=self.address.port)


def _say(what: str) -> Query[None]:
    """Send a command that is not answered."""
    yield Write(sbi.command(what))
