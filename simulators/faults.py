"""Faults: what goes wrong with a reply, a line or an apparatus, and when.

| kind | what happens |
|---|---|
| `late` | the reply comes `seconds` later (1 by default), and holds up those behind it: a line keeps its order |
| `drop` | the command is obeyed and its reply is lost |
| `truncate` | the reply ends after its first half |
| `garble` | bytes in the middle of the reply are inverted |
| `duplicate` | the reply comes twice |
| `unheard` | the command never arrives |
| `hang` | this reply and all after it are lost, for `seconds` or until the wire is mended |
| `disconnect` | the line goes dead in place of the reply; it can be opened again after `seconds` (at once by default) |
| `power_cycle` | the instrument loses power instead of hearing the command, and comes back at once |
| `stuck` | what should move does not, for `seconds` or within `window` |
| `frozen` | what is sensed stays as it is, likewise |
| `drift` | what is sensed drifts by `amount` of itself an hour, likewise |

`drop` and the others down to `duplicate` count replies, the rest commands. When a fault is due is said by any of `nth` (once),
`every`, `probability` (drawn from a seed, the same each time), `window` (s of lab time since the bench was made) and
`matches` (a regular expression that the command must hold); several of them must all hold. A command is what was written
at once. Without any of them it is due at the first; `times` says how often at most.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np

from autolab.model.errors import InputError
from autolab.simulators.simulator import check_keys, choices

if TYPE_CHECKING:
    from autolab.model.actions import JSON

ReplyFault = Literal["late", "drop", "truncate", "garble", "duplicate", "hang", "disconnect"]
CommandFault = Literal["unheard", "power_cycle"]
Affliction = Literal["stuck", "frozen", "drift"]
FaultKind = ReplyFault | CommandFault | Affliction
OF_REPLIES: Final = get_args(ReplyFault)
OF_COMMANDS: Final = get_args(CommandFault)
AFFLICTIONS: Final = get_args(Affliction)
KINDS: Final = (*OF_REPLIES, *OF_COMMANDS, *AFFLICTIONS)


@dataclass
class Fault:
    """One fault and when it is due: see the table of this module.

    Attributes:
        kind: What happens.
        nth: At which operation from now on, from 1.
        seconds: How much later, or for how long, s of lab time.
        instrument: Whose operations count, and to whom it happens; empty for all on the wire.
        every: At each so many-th operation.
        window: Only within these lab times since the bench was made, s.
        matches: Only where the command holds this regular expression.
        probability: Of each operation, 0 to 1.
        times: How often at most.
        amount: Of a drift, as a share of the value an hour.
        seed: For `probability`.
        seen: Operations that have counted.
        happened: How often it was due.
    """

    kind: FaultKind
    nth: int | None = None
    seconds: float | None = None
    instrument: str = ""
    every: int | None = None
    window: tuple[float, float] | None = None
    matches: str | None = None
    probability: float | None = None
    times: int | None = None
    amount: float = 0.0
    seed: int = 0
    seen: int = 0
    happened: int = 0
    _pattern: re.Pattern[str] | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            msg = f"no fault is called {self.kind!r}. {choices(str(self.kind), KINDS)}"
            raise InputError(msg)
        if not self.conditions and self.window is None:
            self.nth = 1
        if self.nth is not None and self.times is None:
            self.times = 1
        self._check()
        if self.matches is not None:
            try:
                self._pattern = re.compile(self.matches)
            except re.error as error:
                msg = f"matches: {self.matches!r} is no regular expression: {error}"
                raise InputError(msg) from None

    def _check(self) -> None:
        wrong = [
            f"{name}: {value!r} must be {rule}"
            for name, value, good, rule in (
                ("nth", self.nth, self.nth is None or self.nth >= 1, "1 or more"),
                ("every", self.every, self.every is None or self.every >= 1, "1 or more"),
                ("times", self.times, self.times is None or self.times >= 1, "1 or more"),
                ("seconds", self.seconds, (self.seconds or 0) >= 0, "0 or more, s"),
                ("probability", self.probability, 0 <= (self.probability or 0) <= 1, "from 0 to 1"),
                (
                    "window",
                    self.window,
                    self.window is None or 0 <= self.window[0] < self.window[1],
                    "[begin, end] in s, with 0 <= begin < end",
                ),
            )
            if not good
        ]
        if wrong:
            raise InputError("; ".join(wrong))

    @property
    def conditions(self) -> list[object]:
        """What says when it is due, besides the time."""
        return [one for one in (self.nth, self.every, self.matches, self.probability) if one is not None]

    def due(self, name: str, elapsed: float, command: bytes) -> bool:
        """Take an operation of an instrument in and say whether the fault happens now.

        Args:
            name: Whose operation it is.
            elapsed: Since the bench was made, s of lab time.
            command: As last written to the wire.
        """
        if self.instrument not in ("", name) or (self.times is not None and self.happened >= self.times):
            return False
        if self.window is not None and not self.window[0] <= elapsed < self.window[1]:
            return False
        if self._pattern is not None and self._pattern.search(command.decode("latin-1")) is None:
            return False
        self.seen += 1
        hit = (
            (self.nth is None or self.seen == self.nth)
            and (self.every is None or self.seen % self.every == 0)
            and (self.probability is None or self._chance() < self.probability)
        )
        self.happened += hit
        return hit

    def wait(self) -> None:
        """Have the operation count again: another fault has had it."""
        self.seen -= 1
        self.happened -= 1

    @property
    def by_time(self) -> bool:
        """Whether it is an affliction that begins and ends by the clock alone."""
        return self.kind in AFFLICTIONS and not self.conditions

    def _chance(self) -> float:
        return float(np.random.default_rng([self.seed, self.seen]).random())


def read_faults(given: JSON, instruments: Mapping[str, object], seed: int) -> list[Fault]:
    """Return the faults that a lab file declares under `virtual.faults`.

    Raises:
        InputError: At the first that cannot be.
    """
    if not isinstance(given, list):
        msg = f"virtual.faults: {given!r} is not a list of faults; write `- {{kind: drop, instrument: NAME, nth: 3}}`"
        raise InputError(msg)
    return [_read(index, entry, instruments, seed) for index, entry in enumerate(given)]


def _read(index: int, entry: JSON, instruments: Mapping[str, object], seed: int) -> Fault:
    where = f"virtual.faults.{index}"
    if not isinstance(entry, dict) or "kind" not in entry:
        msg = f"{where}: {entry!r} is no fault; write `{{kind: drop, instrument: NAME, nth: 3}}`"
        raise InputError(msg)
    known = (
        "kind", "nth", "seconds", "instrument", "every", "window", "matches", "probability", "times", "amount", "seed",
    )  # fmt: skip
    check_keys(where, entry, known)
    named = str(entry.get("instrument", ""))
    if named and named not in instruments:
        msg = f"{where}.instrument: {named!r} is no instrument of this lab. {choices(named, instruments)}"
        raise InputError(msg)
    window = entry.get("window")
    values = {"seed": seed + index, **entry, "window": tuple(window) if isinstance(window, list) else None}
    try:
        return Fault(**values)  # type: ignore[arg-type]  # the file's own types are checked where it is read
    except (InputError, TypeError) as error:
        msg = f"{where}: {error}"
        raise InputError(msg) from None
