"""Mettler Toledo balances and weigh modules that speak MT-SICS.

Written from public descriptions of the command set; not yet checked on hardware.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, TypeVar

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import mettler_toledo_sics as sics
from autolab.drivers.instrument import ActionStatus, OphydInstrument
from autolab.drivers.mettler_toledo_settings import BalanceSettings
from autolab.drivers.query import Query
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import GarbledReply, InstrumentAlarm, InstrumentTimeout, Refused, WrongInstrument
from autolab.model.roles import Role

T = TypeVar("T")
_log = logging.getLogger("autolab.drivers.mettler_toledo")
_WALL_MARGIN: Final = 2.0
COMMANDS: Final = ("tare", "zero", "clear_tare")


class Unstable(InstrumentAlarm):
    """The weight did not become stable in time, and the settings call that a failure."""


class Balance(OphydInstrument):
    """A balance: `trigger` weighs, `set("tare")`, `set("zero")` and `set("clear_tare")` do what they say.

    Attributes:
        weight: g, net.
        stable: Whether the balance called it stable.
        tare: The tare that the last `set("tare")` took, g.
        supported: The commands that it listed when it was met.
    """

    role: ClassVar[Role] = BalanceSettings.role
    settings_model = BalanceSettings
    settings: BalanceSettings
    frame_end: ClassVar[bytes] = sics.CRLF

    weight = Cpt(Reading, value=float("nan"), units="g", kind=Kind.hinted)
    stable = Cpt(Reading, value=False, dtype="boolean", kind=Kind.normal)
    tare = Cpt(Reading, value=0.0, units="g", kind=Kind.normal)
    model = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    firmware = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    serial_number = Cpt(Reading, value="", dtype="string", kind=Kind.config)
    capacity = Cpt(Reading, value=0.0, units="g", kind=Kind.config)

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401  the base's and the settings'
        super().__init__(name, **kwargs)
        self.supported: frozenset[str] = sics.BASIC
        self._restarted = False
        self._last: str | None = None

    # ---- meeting it --------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask for the serial number."""
        return sics.serial_number()

    def takes(self, frame: bytes, sent: bytes) -> bool:
        """Take the `I4 A "..."` that a balance says by itself when it is switched on: its tare is lost."""
        if not frame.startswith(b"I4 A ") or sent.strip() in (b"I4", b"@"):
            return False
        self._restarted = True
        return True

    async def do_greet(self) -> None:
        """Get through to the balance, reset it only if it does not answer otherwise, and learn what it can do."""
        number = await self._get_through()
        wanted = self.settings.serial_number
        if wanted is not None and number != wanted:
            msg = f"balance {number!r} answers instead of {wanted!r}. Check the cables or the lab file"
            raise WrongInstrument(msg, instrument=self.name, port=self.address.port, command="I4")
        self._restarted = False
        self.supported = await self.query(sics.commands())
        if "M21" in self.supported:
            await self.query(sics.do("M21 0 0"))

    async def _get_through(self) -> str:
        for command in ("I4", "I4"):
            try:
                return await self.query(sics.serial_number(command))
            except (InstrumentTimeout, GarbledReply) as error:
                _log.info("%s: %s", self.name, error)
        return await self.query(sics.serial_number("@"))

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return model, software and serial number."""
        number = await self.query(sics.serial_number())
        model, capacity = await self.query(sics.model())
        firmware = await self.query(sics.text("I3")) if "I3" in self.supported else ""
        self.serial_number.tell(number)
        self.model.tell(model)
        self.firmware.tell(firmware)
        self.capacity.tell(capacity)
        return {"model": model, "firmware": firmware, "serial_number": number, "capacity_g": capacity}

    # ---- verbs -------------------------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """Weighing reads; taring and zeroing can be done again."""
        return "read" if verb == "trigger" else "idempotent"

    def check_value(self, value: object) -> None:
        """Check a command.

        Raises:
            OutsideLimits: It is none.
        """
        if value not in COMMANDS:
            raise self.outside(f"{value!r} is no command of a balance; there are {', '.join(map(repr, COMMANDS))}")

    def samples(self) -> Sequence[object]:
        """Return the commands."""
        return COMMANDS

    def locate(self) -> Mapping[str, Any]:
        """Return the last command and the last weight, g."""
        return {"setpoint": self._last, "readback": float(self.weight.get())}

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Weigh.

        Raises:
            Unstable: The weight did not become stable, where that is to fail.
            InstrumentAlarm: Overload, underload, a fault, or a weight outside the limits.
        """
        weight = await self._weigh()
        self.weight.tell(weight.grams)
        self.stable.tell(weight.stable)
        bounds = self.settings.limits.get("weight")
        if bounds is not None and not bounds[0] <= weight.grams <= bounds[1]:
            msg = f"weight {weight.grams:g} g is outside the limits {bounds[0]:g}..{bounds[1]:g} g"
            raise InstrumentAlarm(msg, instrument=self.name, port=self.address.port)
        return {"weight_g": weight.grams, "stable": weight.stable}

    async def do_set(self, value: str, status: ActionStatus) -> Mapping[str, JSON]:
        """Tare, zero, or forget the tare."""
        self._last = value
        if value == "clear_tare":
            await self._ask(sics.do("TAC"))
            self.tare.tell(0.0)
            return {"tare_g": 0.0}
        letter = "T" if value == "tare" else "Z"
        self._restarted = False  # what a restart lost is made good now
        answer = await self._settled(letter)
        if answer is None:
            answer = await self._now(letter)
        stable = answer.status in "SA"
        if letter == "Z":
            return {"stable": stable}
        tare = sics.weight(answer)
        self.tare.tell(tare.grams)
        return {"tare_g": tare.grams, "stable": stable}

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Taring and zeroing leave nothing to compare with; they can be done again."""
        return Reconciled("unknown", why=f"a balance does not tell whether {intent.value!r} was done; do it again")

    async def do_show(self, text: str | None) -> None:
        """Show a text on the balance's display, or with None the weight again.

        Raises:
            Refused: It has no display that can be written.
        """
        command = "DW" if text is None else f'D "{text}"'
        if command.partition(" ")[0] not in self.supported:
            raise Refused("has no display that can be written", instrument=self.name, command=command)
        await self._ask(sics.do(command))

    # ---- the wire ----------------------------------------------------------------------------------------------

    async def _weigh(self) -> sics.Weight:
        answer = await self._settled("S")
        return sics.weight(answer if answer is not None else await self._now("S"))

    async def _settled(self, letter: str) -> sics.Answer | None:
        """Do it (S, T, Z) when the weight is stable; None where that was not to be waited for or did not come."""
        if self.settings.stability == "immediate":
            return None
        seconds = self.settings.stable_timeout_s
        patience = seconds / min(1.0, self.clock.scale)
        if f"{letter}C" in self.supported:
            answer = await self._ask(sics.exchange(f"{letter}C {round(seconds * 1000)}", patience + _WALL_MARGIN))
            if answer.status == "D":
                self._accept_unstable()
            return answer
        cancel = "C" if "C" in self.supported else "@"
        found = await self._ask(sics.within(letter, patience, cancel))
        if found is None:
            self._accept_unstable()
        return found

    async def _now(self, letter: str) -> sics.Answer:
        return await self._ask(sics.exchange(f"{letter}I"))

    def _accept_unstable(self) -> None:
        if self.settings.on_unstable == "fail":
            msg = f"did not become stable within {self.settings.stable_timeout_s:g} s"
            raise Unstable(msg, instrument=self.name, port=self.address.port)

    async def _ask(self, query: Query[T]) -> T:
        """Carry a query out.

        Raises:
            InstrumentAlarm: The balance was switched on again meanwhile, so that its tare is lost.
        """
        answer = await self.query(query)
        if self._restarted:
            self._restarted = False
            msg = "was switched off and on: its tare and zero are lost. Tare again"
            raise InstrumentAlarm(msg, instrument=self.name, port=self.address.port)
        return answer
