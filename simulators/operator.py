"""A simulated person, who does what they are asked after a while of lab time.

WHO is answered by `PERSON name`; `ASK n "text"` by `ASKED n`, the same question asked again likewise; `STATE n` by
`WAITING n`, `DONE n {...}` or `CANNOT n {...}`; WITHDRAW by WITHDRAWN; all else by `WHAT`. A person who leaves (a power
cycle) forgets what they were asked.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

from autolab.model.errors import InputError
from autolab.simulators.talker import Talker
from autolab.simulators.world import number

if TYPE_CHECKING:
    from autolab.simulators.simulator import Place


class PersonSimulator(Talker):
    """A person at a terminal.

    Options: `name`, `takes_s` (how long everything takes, s of lab time), `cannot` (list of texts; an instruction that
    holds one of them is answered by CANNOT).

    Args:
        place: Where they stand.

    Attributes:
        asked: Number of the question, 0 for none.
        text: What was asked.
        due: Whether it is still being done.
    """

    frame_end: ClassVar[tuple[bytes, ...]] = (b"\n",)
    longest: ClassVar[int] = 4096
    options: ClassVar[tuple[str, ...]] = ("name", "takes_s", "cannot")
    kept: ClassVar[tuple[str, ...]] = ("asked", "text", "due")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.baud, self.reaction = 115200, 0.005
        self.who = str(place.options.get("name", "simulated person"))
        self.takes = number(place.options, "takes_s", 120.0)
        cannot = place.options.get("cannot", [])
        if not isinstance(cannot, list):
            msg = f"virtual.instruments.{place.name}.cannot: {cannot!r} is no list of texts; write `[PC, vial]`"
            raise InputError(msg)
        self.cannot = [str(one) for one in cannot]
        self.asked, self.text, self.due = 0, "", False

    def hear(self, frame: bytes) -> None:
        """Answer a line."""
        word, _, rest = frame.decode("utf-8", "replace").strip().partition(" ")
        answers = {"WHO": self._name, "ASK": self._take, "STATE": self._state, "WITHDRAW": self._forget}
        answer = answers[word](rest) if word in answers else None
        self.say(f"{answer or 'WHAT'}\n".encode())

    def _name(self, rest: str) -> str:
        return f"PERSON {self.who}"

    def _take(self, rest: str) -> str | None:
        told, _, quoted = rest.partition(" ")
        try:
            question, text = int(told), json.loads(quoted)
        except ValueError:
            return None
        if question != self.asked:
            self.asked, self.text, self.due = question, str(text), True
            self.later(self.takes, self._finish)
        return f"ASKED {question}"

    def _finish(self) -> None:
        self.due = False

    def _state(self, rest: str) -> str | None:
        if rest != str(self.asked) or not self.asked:
            return None
        if self.due:
            return f"WAITING {self.asked}"
        reason = next((one for one in self.cannot if one in self.text), None)
        said = json.dumps({"by": self.who, "text": "" if reason is None else f"there is no {reason}"})
        return f"{'DONE' if reason is None else 'CANNOT'} {self.asked} {said}"

    def _forget(self, rest: str) -> str:
        self.wake()
        self.forget_timers()
        return "WITHDRAWN"

    def restore(self, state: object) -> None:
        """Go on from `snapshot`; what was being done is done."""
        super().restore(state)  # type: ignore[arg-type]  # the contract's own mapping
        self.due = False

    def wake(self) -> None:
        """Forget what was asked."""
        self.asked, self.text, self.due = 0, "", False

    def is_safe(self) -> bool:
        """Say whether nobody is asked anything."""
        return not self.due
