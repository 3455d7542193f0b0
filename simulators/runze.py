"""A Runze selector valve (SV-06), which speaks frames of eight bytes with a sum (57600 8N1).

The frames, functions and states are those of the project's instrument sheet and of public clients (flowchem,
matterlab-valves, runze-control). `[M]` marks general knowledge: what it tells of its port while it turns (busy) and
where it is homed (unknown place), its version, what it says to functions that it does not know, how long it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from autolab.simulators.rotor import Rotor
from autolab.simulators.simulator import Place
from autolab.simulators.talker import Talker
from autolab.simulators.world import number

if TYPE_CHECKING:
    from autolab.model.actions import JSON

HEAD, TAIL = 0xCC, 0xDD
SHORT, LONG = 8, 14
PASSWORD = bytes((0xFF, 0xEE, 0xBB, 0xAA))
FINE, FRAME_ERROR, BAD_PARAMETER, BUSY, STALLED, LOST, UNDER_WAY = 0x00, 0x01, 0x02, 0x04, 0x05, 0x06, 0xFE
TURN = 5.0  # s for a whole turn, at most, as the data sheet has it
VERSION = 0x0109  # [M]
SPEEDS = (9600, 19200, 38400, 57600, 115200)
FACTORY = {"address": 0, "rs232": 3, "rs485": 3, "reset": 1}
_PLACES = {0x00: "address", 0x01: "rs232", 0x02: "rs485", 0x0E: "reset"}  # what a factory command sets
_HIGHEST = {"address": 0x7F, "rs232": len(SPEEDS) - 1, "rs485": len(SPEEDS) - 1, "reset": 1}


class ValveSimulator(Talker):
    """A selector valve: its rotor connects one of the ports with the middle one; homed it connects none.

    Options (under `virtual.instruments.<name>` in the lab file): `positions` (ports of its head, where that is not what is
    declared), `reset` (false: it does not home itself when power comes), `stuck` (its motor stalls), `at` (the port at
    which it stands in the beginning; 0, by default, is homed), `step_s`, `version`.

    Args:
        place: Where it stands.

    Attributes:
        rotor: What turns.
        memory: What factory commands set, and power leaves alone.
    """

    options: ClassVar[tuple[str, ...]] = ("positions", "reset", "stuck", "at", "step_s", "version")
    kept: ClassVar[tuple[str, ...]] = ("memory", "stalled")
    baud = 57600

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        options = place.options
        self.ports = int(number(options, "positions", number(place.settings, "positions", 10)))
        self.version = int(number(options, "version", VERSION))
        self.memory: dict[str, int] = {**FACTORY, "reset": int(bool(options.get("reset", True)))}
        self.memory["address"] = place.bus or int(number(place.settings, "device_address", 0))
        self.rotor = Rotor(self, self.ports, number(options, "step_s", TURN / self.ports))
        self.rotor.stuck = bool(options.get("stuck", False))
        self.stalled = False
        at = int(number(options, "at", 0))
        self.rotor.stand(at or self.ports, between=at == 0)

    @property
    def homed(self) -> bool:
        """Whether it stands behind the last port, where it connects none."""
        return self.rotor.between and self.rotor.at == self.ports and not self.rotor.moving

    def wake(self) -> None:
        """Come up, and home by itself if it is set to."""
        self.rotor.stop()
        self.stalled = False
        if self.memory["reset"]:
            self._home()

    def is_safe(self) -> bool:
        """Say whether the rotor stands."""
        return not self.rotor.moving

    def snapshot(self) -> dict[str, JSON]:
        """Return its state as JSON."""
        return {**super().snapshot(), "memory": dict(self.memory), "at": self.rotor.at, "between": self.rotor.between}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`."""
        super().restore(state)
        self.rotor.stand(int(str(state["at"])), between=bool(state["between"]))

    # ---- frames ----------------------------------------------------------------------------------------------------

    def take(self) -> bytes | None:
        """Return the next frame; what does not begin one is passed over."""
        while True:
            start = self._line.find(HEAD)
            self._line = self._line[start:] if start >= 0 else b""
            if len(self._line) < SHORT:
                return None
            length = LONG if self._line[3:7] == PASSWORD else SHORT
            if len(self._line) < length:
                return None
            if self._line[length - 3] == TAIL:
                frame, self._line = self._line[:length], self._line[length:]
                return frame
            self._line = self._line[1:]

    def hear(self, frame: bytes) -> None:
        """Take one frame; those for another address are not answered."""
        if frame[1] != self.memory["address"]:
            return
        if sum(frame[:-2]) & 0xFFFF != frame[-2] | frame[-1] << 8:
            self._answer(FRAME_ERROR)
        elif len(frame) == LONG:
            self._factory(frame[2], int.from_bytes(frame[7:11], "little"))
        else:
            self._command(frame[2], frame[3], frame[4])

    def _answer(self, status: int, value: int = 0) -> None:
        body = bytes((HEAD, self._address, status, value & 0xFF, value >> 8, TAIL))
        total = sum(body)
        self.say(body + bytes((total & 0xFF, total >> 8)))

    @property
    def _address(self) -> int:
        return self.memory["address"]

    # ---- commands --------------------------------------------------------------------------------------------------

    def _command(self, function: int, low: int, high: int) -> None:
        questions = {
            0x20: lambda: self._answer(FINE, self._address),
            0x21: lambda: self._answer(FINE, self.memory["rs232"]),
            0x22: lambda: self._answer(FINE, self.memory["rs485"]),
            0x2E: lambda: self._answer(FINE, self.memory["reset"]),
            0x3E: self._tell_port,
            0x3F: lambda: self._answer(FINE, self.version),
            0x4A: self._tell_motor,
            0x49: self._stop,
        }
        movements: dict[int, Callable[[], None]] = {
            0x44: lambda: self._go(low + (high << 8)),
            0x45: self._go_home,
            0x4F: self._go_home,
            0xA4: lambda: self._go_by(low, high),
            0xB4: lambda: self._go_between(low, high),
        }
        if function in questions:
            questions[function]()
        elif function not in movements:
            self._answer(FRAME_ERROR)
        elif self.rotor.moving:
            self._answer(BUSY)
        else:
            self.stalled = False
            movements[function]()

    def _factory(self, function: int, value: int) -> None:
        """Take a factory command: what it sets is in force at once, and stays without power."""
        if function == 0xFF:
            self._answer(FINE)
            self.memory = dict(FACTORY)
            return
        name = _PLACES.get(function)
        if name is None or value > _HIGHEST[name]:
            self._answer(BAD_PARAMETER)
            return
        self._answer(FINE)
        self.memory[name] = value

    def _tell_port(self) -> None:
        if self.rotor.moving:
            self._answer(BUSY)
        elif self.rotor.between:
            self._answer(LOST)
        else:
            self._answer(FINE, self.rotor.at)

    def _tell_motor(self) -> None:
        self._answer(BUSY if self.rotor.moving else STALLED if self.stalled else FINE)

    def _stop(self) -> None:
        self.rotor.stop()
        self._answer(FINE)

    def _exists(self, port: int) -> bool:
        return 1 <= port <= self.ports

    def _go(self, port: int) -> None:
        if not self._exists(port):
            self._answer(BAD_PARAMETER)
            return
        self._answer(UNDER_WAY)
        self.rotor.go(port, "shortest", self._arrived)

    def _go_by(self, through: int, port: int) -> None:
        """Go to a port and come to it from a neighbour, which says which way."""
        up, down = port % self.ports + 1, (port - 2) % self.ports + 1
        if not self._exists(port) or through not in (up, down):
            self._answer(BAD_PARAMETER)
            return
        self._answer(UNDER_WAY)
        self.rotor.go(port, "down" if through == up else "up", self._arrived)

    def _go_between(self, port: int, other: int) -> None:
        """Go between two neighbours, where no port is open."""
        if not self._exists(port) or other != port % self.ports + 1:
            self._answer(BAD_PARAMETER)
            return
        self._answer(UNDER_WAY)
        self.rotor.go(port, "shortest", lambda: self._rest(port))

    def _go_home(self) -> None:
        self._answer(UNDER_WAY)
        self._home()

    def _home(self) -> None:
        """Turn against the clock to the place between the last port and the first."""
        if not self.homed:
            self.rotor.go(self.ports, "down", lambda: self._rest(self.ports))

    def _rest(self, port: int) -> None:
        if not self.rotor.stuck:
            self.rotor.stand(port, between=True)
        self._arrived()

    def _arrived(self) -> None:
        self.stalled = self.rotor.stuck
