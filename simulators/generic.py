"""An instrument that is described in the lab file, simulated from that description.

It answers the questions that the lab file declares, in the forms that its options give, with a value of its own or with
what the world's probe sees. A value that was set is approached exponentially.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from autolab.model.errors import InputError
from autolab.simulators.simulator import Place, choices
from autolab.simulators.talker import Talker
from autolab.simulators.world import number, part

if TYPE_CHECKING:
    from autolab.model.actions import JSON

NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"


class Lag:
    """A value that approaches its target exponentially: exact in however many pieces the time comes.

    Args:
        value: At the start, and its target.
        response: Time constant, s; 0 is there at once.
    """

    def __init__(self, value: float, response: float) -> None:
        self.value = self.target = value
        self.response = response

    def aim(self, target: float) -> None:
        """Go to a target from now on."""
        self.target = target
        if self.response <= 0:
            self.value = target

    def integrate(self, dt: float) -> None:
        """Go on for `dt` s."""
        if self.response > 0:
            self.value = self.target + (self.value - self.target) * math.exp(-dt / self.response)

    def snapshot(self) -> dict[str, JSON]:
        """Return what changes."""
        return {"value": self.value, "target": self.target}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go back to `snapshot`."""
        self.value, self.target = float(str(state["value"])), float(str(state["target"]))


class QuerySimulator(Talker):
    """The instrument.

    Settings from the lab file: `query`, `pattern`, `terminator`, `send_terminator`, `identify`, `set`. Options (under
    `virtual.instruments.<name>`): `value` (at the start, 20), `quantity` (read what the world's probe sees instead:
    `temperature`, `conductivity`), `reply` (form of a reading: `{value:.3f}`), `identity` (answer to `identify`),
    `answer` (to what is set: `OK`, if one is expected), `response_s` (time constant of what is set, 5), `stuck` (what is
    set does not come), `unknown` (answer to anything else; empty for none), `noise` (standard deviation).

    Args:
        place: Where it stands.
    """

    options: ClassVar[tuple[str, ...]] = (
        "value", "quantity", "reply", "identity", "answer", "response_s", "stuck", "unknown", "noise",
    )  # fmt: skip

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        settings, options = place.settings, place.options
        end = str(settings.get("terminator", "\r\n"))
        self._end = end.encode("ascii")
        sent = settings.get("send_terminator")
        self.frame_end = ((end if sent is None else str(sent)).encode("ascii"),)  # type: ignore[misc]  # the lab file's
        self.query, self.reply = str(settings.get("query", "READ?")), str(options.get("reply", "{value:.3f}"))
        self.identify, self.set = part(settings, "identify"), part(settings, "set")
        self.identity = str(options.get("identity", "SIMULATED"))
        self.answer = str(options.get("answer", "OK")) if self.set.get("answer") is not None else ""
        self.unknown, self.noise = str(options.get("unknown", "")), number(options, "noise", 0.0)
        self.readback = str(part(self.set, "readback").get("query", self.query))
        self.stuck = bool(options.get("stuck", False))
        self.lag = self.world.body(
            place.name, lambda: Lag(number(options, "value", 20.0), number(options, "response_s", 5.0))
        )
        self.quantity = str(options.get("quantity", ""))
        self._check(str(settings.get("pattern", "(?P<value>.*)")))
        before, _, behind = str(self.set.get("template", "")).partition("{")
        self._takes = (
            re.compile(re.escape(before) + NUMBER + re.escape(behind.rpartition("}")[2])) if self.set else None
        )

    def _check(self, pattern: str) -> None:
        """Refuse a description that its own answers do not fit."""
        where = f"virtual.instruments.{self.name}"
        if self.quantity:
            seen = self.world.site(self.name).seen
            if self.quantity not in seen:
                msg = f"{where}.quantity: {self.quantity!r} is not seen there. {choices(self.quantity, seen)}"
                raise InputError(msg)
            if self.set:
                msg = f"{where}.quantity: what the world tells cannot be set; leave `set` or `quantity` out"
                raise InputError(msg)
        for key, said, wanted in (
            ("reply", self._form(self.lag.value), pattern),
            ("identity", self.identity, str(self.identify.get("pattern", ".*"))),
            ("answer", self.answer, str(self.set.get("answer") or ".*")),
        ):
            if not re.fullmatch(wanted, said):
                msg = f"{where}.{key}: the simulator would say {said!r}, which is not {wanted!r}; give `{key}`"
                raise InputError(msg)

    # ---- the line ----------------------------------------------------------------------------------------------

    def hear(self, frame: bytes) -> None:
        """Take one line."""
        self.world.advance()
        text = frame.decode("latin-1")
        if self.identify and text == self.identify.get("query"):
            self._tell(self.identity)
        elif text == self.query:
            self._tell(self._form(self._reading()))
        elif self.set and text == self.readback:
            self._tell(self._form(self.lag.target))
        elif self._takes is not None and (found := self._takes.fullmatch(text)) is not None:
            if not self.stuck:
                self.lag.aim(float(found[1]))
            if self.set.get("answer") is not None:  # an expected answer may be an empty line
                self.say(self.answer.encode("latin-1") + self._end)
        else:
            self._tell(self.unknown)

    def _tell(self, text: str) -> None:
        if text:
            self.say(text.encode("latin-1") + self._end)

    def _reading(self) -> float:
        true = self.world.site(self.name).seen[self.quantity] if self.quantity else self.lag.value
        return true + self.noise * self.place.noise * float(self.chance.standard_normal()) if self.noise else true

    def _form(self, value: float) -> str:
        try:
            return self.reply.format(value=value)
        except (KeyError, IndexError, ValueError) as error:
            msg = f"virtual.instruments.{self.name}.reply: {self.reply!r} is no form such as '{{value:.3f}}': {error}"
            raise InputError(msg) from None

    # ---- the simulator's contract ------------------------------------------------------------------------------

    def is_safe(self) -> bool:
        """Say whether it stands at its safe value, where it has one."""
        safe = self.set.get("safe")
        return safe is None or abs(self.lag.target - number(self.set, "safe", 0.0)) < 1e-9
