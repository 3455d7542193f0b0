"""The operator: a person as an instrument. `set("Fill bottle PC")` is done when somebody says that it is.

Who asks the person is given as `asker`. A campaign on a physical lab gives its own (`autolab answer`); in a notebook
or a plain RunEngine `ask_at_terminal` serves. Without one, the question goes over the wire to a simulated person:

> WHO                     < PERSON name
> ASK n "what to do"      < ASKED n
> STATE n                 < WAITING n, or DONE n {...}, CANNOT n {...}
> WITHDRAW                < WITHDRAWN
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers.instrument import ActionStatus, OphydInstrument
from autolab.drivers.operator_settings import PersonSettings
from autolab.drivers.query import Query, ReadUntil, Write
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Verb
from autolab.model.errors import GarbledReply, InstrumentTimeout, Refused
from autolab.model.people import LONGEST, Asker, Said
from autolab.model.roles import Role

_LF: Final = b"\n"
_SAID: Final = re.compile(r"(WAITING|DONE|CANNOT) (\d+)(?: (\{.*\}))?")


def ask_wire(command: str, pattern: str) -> Query[re.Match[str]]:
    """Send a line and return the match of its answer.

    Raises:
        GarbledReply: The answer is another.
    """
    yield Write(command.encode() + _LF)
    said = ((yield ReadUntil(_LF)) or b"").decode("utf-8", "replace").rstrip("\n")
    found = re.fullmatch(pattern, said)
    if found is None or "\ufffd" in said or not said.isprintable():
        msg = f"{said!r} is no answer to {command.split()[0]}"
        raise GarbledReply(msg, command=command)
    return found


class Person(OphydInstrument):
    """A person: `set(instruction)` asks, and is done when somebody says that it was done.

    After a kill nobody knows whether it was: its class is `once`, and a person settles it.

    Attributes:
        asker: Asks the person; None over the wire.
        instruction: The last one.
        answer: What was said to it.
        by: Who said so.
    """

    role: ClassVar[Role] = PersonSettings.role
    settings_model = PersonSettings
    settings: PersonSettings
    frame_end: ClassVar[bytes] = _LF

    instruction = Cpt(Reading, value="", dtype="string", kind=Kind.normal)
    answer = Cpt(Reading, value="", dtype="string", kind=Kind.hinted)
    by = Cpt(Reading, value="", dtype="string", kind=Kind.normal)

    def __init__(self, name: str, *, asker: Asker | None = None, **kwargs: Any) -> None:  # noqa: ANN401  the base's
        super().__init__(name, **kwargs)
        self.asker = asker
        self._number = 0

    # ---- meeting them ------------------------------------------------------------------------------------------

    def identify_query(self) -> Query[object]:
        """Ask who is there."""
        return self._who()

    def _who(self) -> Query[str]:
        return (yield from ask_wire("WHO", r"PERSON (.*)"))[1]

    async def do_connect(self) -> None:
        """Find the person; one who is asked by an asker is taken for granted.

        Raises:
            Refused: Nobody can be asked: the address is a person's, and there is no asker.
        """
        if self.asker is not None:
            self._met = True
        elif self.address.scheme == "people":
            msg = (
                "nobody can be asked here: run the campaign with autolab, or give the instrument an asker "
                "(autolab.drivers.operator.ask_at_terminal)"
            )
            raise Refused(msg, instrument=self.name, port=self.address.port)
        else:
            await super().do_connect()

    async def do_identify(self) -> Mapping[str, JSON]:
        """Return who it is."""
        name = self.settings.who or "a person" if self.asker is not None else await self.again(self._who)
        return {"model": name, "firmware": None, "serial_number": None}

    # ---- what may be asked -------------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """What a person did, only a person can tell."""
        return "read" if verb == "trigger" else "once"

    def check_value(self, value: object) -> None:
        """Check an instruction.

        Raises:
            OutsideLimits: It is no text that can be shown.
        """
        if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > LONGEST:
            raise self.outside(f"{value!r} is no instruction: one line of text of at most {LONGEST} characters")

    def samples(self) -> Sequence[object]:
        """Return an instruction."""
        return ("Look whether the vessel is empty",)

    def locate(self) -> Mapping[str, Any]:
        """Return the last instruction, and what was said to it."""
        return {"setpoint": str(self.instruction.get()), "readback": str(self.answer.get())}

    # ---- verbs -------------------------------------------------------------------------------------------------

    async def do_prepare(self, verb: Verb, value: object) -> Mapping[str, JSON]:
        """Note what is asked, for those who look at the journal."""
        return {"asked": str(value), "who": self.settings.who} if verb == "set" else {}

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Return the last answer."""
        return {"answer": str(self.answer.get()), "by": str(self.by.get())}

    async def do_set(self, value: str, status: ActionStatus) -> Mapping[str, JSON]:
        """Ask, and wait for the answer.

        Raises:
            Refused: The person says that it cannot be done, and did not do it.
            InstrumentTimeout: Nobody answers: whether it was done is not known.
        """
        self.instruction.tell(value)
        asker = self.asker or self._ask_over_the_wire
        try:
            said = await asyncio.wait_for(asker(self.name, value), self.settings.patience_s)
        except TimeoutError:
            msg = f"nobody answered within {self.settings.patience_s:g} s"
            raise InstrumentTimeout(msg, instrument=self.name, command=value) from None
        self.answer.tell(said.text or ("done" if said.done else "cannot be done"))
        self.by.tell(said.by)
        if not said.done:
            msg = f"{said.by} says that it cannot be done: {said.text or 'no reason given'}"
            raise Refused(msg, instrument=self.name, command=value)
        return {"answer": str(self.answer.get()), "by": said.by, "wall_time": said.wall_time}

    async def do_halt(self) -> None:
        """Withdraw the question."""
        self.end_action()
        if self.asker is None:
            await self.ready()
            await self.again(lambda: ask_wire("WITHDRAW", "WITHDRAWN"), urgent=True)

    # ---- over the wire -----------------------------------------------------------------------------------------

    async def _ask_over_the_wire(self, name: str, text: str) -> Said:
        self._number += 1
        number = self._number
        quoted = json.dumps(text)
        await self.again(
            lambda: ask_wire(f"ASK {number} {quoted}", f"ASKED {number}")
        )  # the number makes it one question
        while True:
            await asyncio.sleep(self.settings.poll_s)
            found = await self.again(lambda: ask_wire(f"STATE {number}", _SAID.pattern))
            if int(found[2]) == number and found[1] != "WAITING":
                return _read(found)


def _read(found: re.Match[str]) -> Said:
    try:
        told = json.loads(found[3] or "")
        return Said(found[1] == "DONE", str(told["by"]), str(told.get("text", "")), time.time())
    except (ValueError, KeyError, TypeError):
        msg = f"what was said cannot be read: {found[3]!r}"
        raise GarbledReply(msg) from None


async def ask_at_terminal(name: str, text: str) -> Said:
    """Ask whoever sits at the terminal or the notebook of this process: an `asker`.

    Return is done; anything else is why it cannot be done.
    """
    import getpass

    sys.stderr.write(f"{name}: {text}\n  Return when it is done, or say why it cannot be done: ")
    sys.stderr.flush()
    line = (await asyncio.to_thread(sys.stdin.readline)).strip()
    return Said(not line, getpass.getuser(), line, time.time())
