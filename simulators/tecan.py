"""A Tecan Cavro XCalibur, XLP 6000 or TriContinent C3000: a syringe pump with a valve, in both of its protocols.

Frames, status, reports and errors are those of the maker's manual of the XLP 6000 (734237-C, chapter 3) and of public
clients. `[M]` marks general knowledge: what a broken frame is answered (nothing), that a repeated report is answered in
full, `?19` and what it says, `_` as everybody's address, and the text of the firmware.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import reduce
from typing import TYPE_CHECKING, ClassVar, Final

from autolab.model.errors import InputError
from autolab.simulators.plunger import Syringe
from autolab.simulators.simulator import Place, choices
from autolab.simulators.talker import Talker
from autolab.simulators.tecan_program import INVALID_COMMAND, OVERFLOW, Drive, read
from autolab.simulators.world import number, part

if TYPE_CHECKING:
    from autolab.model.actions import JSON

STX, ETX, CR = b"\x02", b"\x03", b"\r"
MODELS: Final = {"xcalibur": (3000, 6000, 30.0), "xlp6000": (6000, 6000, 60.0), "c3000": (3000, 3000, 30.0)}
"""Increments of a stroke, pulses of a stroke in which speeds are told, length of the stroke (mm)."""
FIRMWARE: Final = {"xcalibur": "XCALIBUR V2.07", "xlp6000": "XLP6000 V4.12", "c3000": "C3000 V1.14"}


class XCaliburSimulator(Talker):
    """A pump that answers to `/1...` and to OEM frames, whichever it hears first after power came.

    Options (under `virtual.instruments.<name>`): `initialized` (false: it has to be initialised first, as after power
    came), `firmware`, `numbered_ports` (of its valve; by default as the instrument's `valve_ports` say), `stuck` (a way of the
    plunger ends half-way by an overload), `tells_initialized` and `tells_mode` (false: it does not know `?19`, `?28`).

    Args:
        place: Where it stands.
    """

    options: ClassVar[tuple[str, ...]] = (
        "initialized", "firmware", "numbered_ports", "stuck", "tells_initialized", "tells_mode",
    )  # fmt: skip
    frame_end: ClassVar[tuple[bytes, ...]] = (CR,)
    kept: ClassVar[tuple[str, ...]] = ("dialect", "sequence")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        model = str(place.settings.get("model", "xcalibur"))
        if model not in MODELS:
            msg = f"{place.name}: model {model!r}. {choices(model, MODELS)}"
            raise InputError(msg)
        increments, pulses, stroke = MODELS[model]
        volume, contents = number(place.settings, "volume_mL", 1.0), number(place.settings, "contents_mL", 0.0)
        diameter = math.sqrt(4000.0 * volume / (math.pi * stroke))
        plunger = place.world.plunger(place.name, Syringe(diameter, volume, contents, valve=True))
        ports = int(number(place.options, "numbered_ports", _numbered(place.settings)))
        stuck = bool(place.options.get("stuck", False))
        self.drive = Drive(plunger, increments, pulses, stroke, ports, self.later, stuck)
        self.drive.valve = "1" if ports else "i"
        self.firmware = str(place.options.get("firmware", FIRMWARE[model]))
        self.address = 0x31 + place.bus
        self.dialect, self.sequence = "", 0
        self._loaded = ""
        if place.options.get("initialized", True):
            self.drive.initialized = True
            self.drive.values["mode"] = 0 if place.settings.get("resolution") == "standard" else 1
        else:
            self.drive.origin = plunger.position

    def wake(self) -> None:
        """Come up: not initialised, with the speeds of the factory, deaf to no protocol yet."""
        valve = self.drive.valve
        self.drive.drop()
        place = self.drive
        self.drive = Drive(
            place.plunger, place.increments, place.pulses, place.stroke, place.valves, self.later, place.stuck
        )
        self.drive.valve, self.drive.origin = valve, self.drive.plunger.position
        self.dialect, self.sequence, self._loaded = "", 0, ""

    def is_safe(self) -> bool:
        """Say whether nothing moves."""
        self.world.advance()
        return not self.drive.working

    def snapshot(self) -> dict[str, JSON]:
        """Return its state."""
        return {**super().snapshot(), "drive": self.drive.to_json()}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from `snapshot`."""
        super().restore(state)
        self._loaded = ""
        self.drive.from_json(part(state, "drive"))

    # ---- the line ----------------------------------------------------------------------------------------------

    def take(self) -> bytes | None:
        """Return the next frame of either protocol, from its first character on; what stands before it is dropped."""
        begins = [at for at in (self._line.find(b"/"), self._line.find(STX)) if at >= 0]
        if not begins:
            self._line = b""
            return None
        self._line = self._line[min(begins) :]
        if self._line[:1] == STX:
            end = self._line.find(ETX, 3)
            end = end + 2 if end >= 0 else len(self._line) + 1  # the checksum comes behind ETX
        else:
            end = self._line.find(CR) + 1
        if not 0 < end <= len(self._line):
            return None
        frame, self._line = self._line[:end], self._line[end:]
        return frame

    def hear(self, frame: bytes) -> None:
        """Take one frame; once it has heard one protocol it is deaf to the other until power goes."""
        dialect = "oem" if frame[:1] == STX else "dt"
        if self.dialect not in ("", dialect):
            return
        repeated = False
        if dialect == "oem":
            if reduce(lambda left, right: left ^ right, frame) != 0 or frame[2] & 0xF0 != 0x30:
                return
            repeated = bool(frame[2] & 0x08) and frame[2] & 0x07 == self.sequence
            body = frame[3:-2]
        else:
            body = frame[2:-1]
        if frame[1] not in (self.address, ord("_")):
            return
        self.dialect, self.sequence = dialect, frame[2] & 0x07 if dialect == "oem" else 0
        self.world.advance()
        error, data = self._obey(body.decode("ascii", "replace"), repeated=repeated)
        if frame[1] == self.address:
            self._answer(error, data)

    def _answer(self, error: int | None, data: str) -> None:
        drive = self.drive
        code = drive.error if error is None else error
        status = bytes([0x40 | (0 if drive.busy else 0x20) | code])
        if self.dialect == "oem":
            frame = STX + b"0" + status + data.encode("ascii") + ETX
            self.say(frame + bytes([reduce(lambda left, right: left ^ right, frame)]))
        else:
            self.say(b"/0" + status + data.encode("ascii") + ETX + b"\r\n")

    # ---- commands ----------------------------------------------------------------------------------------------

    def _obey(self, text: str, *, repeated: bool) -> tuple[int | None, str]:
        """Carry a command string out; return the error to tell at once (None: the one that stands) and data."""
        reports = self._reports()
        if text in reports:
            return None, reports[text]()
        if text in ("Q", "?29"):
            return self._query(), ""
        if repeated:
            return None, ""  # it was heard before: acknowledged, and not done twice
        if text == "T":
            self.drive.terminate()
            return None, ""
        return self._string(text), ""

    def _query(self) -> int:
        error = self.drive.error
        if not self.drive.working:
            self.drive.error = 0  # told, and so over; what has to be initialised says so at the next movement
        return error

    def _string(self, text: str) -> int | None:
        drive = self.drive
        if text == "R" and drive.halted:
            drive.resume()
            return None
        execute = text.endswith("R")
        program = self._loaded + text.removesuffix("R") if execute else text
        steps = read(program)
        if steps is None:
            return INVALID_COMMAND
        if drive.working:
            if any(letter != "V" for letter, _ in steps):
                return OVERFLOW
            for _, numbers in steps:
                if numbers and numbers[0] is not None:
                    drive.values["top"] = numbers[0]
            return None
        if not execute:
            self._loaded = program
            return None
        self._loaded = ""
        return drive.run(steps)

    def _reports(self) -> dict[str, Callable[[], str]]:
        drive, values = self.drive, self.drive.values
        reports: dict[str, Callable[[], str]] = {
            "?": lambda: str(drive.position),
            "?1": lambda: str(values["start"]),
            "?2": lambda: str(values["top"]),
            "?3": lambda: str(values["cutoff"]),
            "?4": lambda: str(drive.position),
            "?6": lambda: drive.valve,
            "?10": lambda: str(int(bool(self._loaded))),
            "F": lambda: str(int(bool(self._loaded))),
            "?12": lambda: str(values["backlash"]),
            "?15": lambda: str(drive.counts["initialized"]),
            "?16": lambda: str(drive.counts["plunger"]),
            "?17": lambda: str(drive.counts["valve"]),
            "?19": lambda: str(int(drive.initialized)),
            "?20": lambda: "4D2A",
            "#": lambda: "4D2A",
            "?23": lambda: self.firmware,
            "?24": lambda: str(values["home"]),
            "?25": lambda: str(values["slope"]),
            "?28": lambda: str(values["mode"]),
            "?76": lambda: f"{self.firmware},{drive.increments},{drive.valves or 3}",
            "&": lambda: self.firmware,
            "*": lambda: "240",
        }
        for option, report in (("tells_initialized", "?19"), ("tells_mode", "?28")):
            if not self.place.options.get(option, True):
                del reports[report]
        return reports


def _numbered(settings: Mapping[str, JSON]) -> int:
    """Return the numbered ports of a valve, by the instrument's `valve_ports`; 0 where they are letters."""
    ports = part(settings, "valve_ports")
    return max([int(str(place)) for place in ports.values() if str(place).isdigit()] or [0])
