"""A small instrument that meets the contracts, and labs made of it."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import pytest
from ophyd import Component as Cpt
from ophyd import Device, Kind, Signal
from ophyd.status import Status

from autolab.lab.declaration import InstrumentDeclaration, LabDeclaration
from autolab.lab.lab import Lab
from autolab.model.clock import Clock
from autolab.model.errors import OutsideLimits


class Heater(Device):  # type: ignore[misc]  # ophyd ships no types
    """A component with a role of its own."""

    role: ClassVar[str] = "heater"
    readback = Cpt(Signal, value=20.0, kind=Kind.hinted)
    power = Cpt(Signal, value=0.0, kind=Kind.normal)

    def set(self, value: float) -> Status:
        self.readback.put(value)
        status = Status()
        status.set_finished()
        return status

    def check_value(self, value: float) -> None:
        if value > 60:
            msg = f"{value} degC is above 60 degC"
            raise OutsideLimits(msg, instrument=self.name)


class Plate(Device):  # type: ignore[misc]  # ophyd ships no types
    """An instrument that notes what was asked of it; `trouble` says what goes wrong: an error, or "hang"."""

    role: ClassVar[str] = "pump"
    volume = Cpt(Signal, value=0.0, kind=Kind.hinted)
    heater = Cpt(Heater)

    def __init__(self, name: str, told: list[str], trouble: Mapping[str, Any] | None = None) -> None:
        super().__init__("", name=name)
        self.told, self.trouble = told, dict(trouble or {})

    async def _do(self, what: str) -> None:
        self.told.append(f"{self.name}.{what}")
        trouble = self.trouble.get(what)
        if trouble == "hang":
            await asyncio.sleep(1e6)
        if isinstance(trouble, BaseException):
            raise trouble

    async def do_connect(self) -> None:
        await self._do("connect")

    async def do_halt(self) -> None:
        await self._do("halt")

    async def do_make_safe(self) -> None:
        await self._do("make_safe")

    def disconnect(self) -> None:
        self.told.append(f"{self.name}.disconnect")
        if "disconnect" in self.trouble:
            raise self.trouble["disconnect"]

    def set(self, value: float) -> Status:
        self.told.append(f"{self.name}.set({value})")
        self.volume.put(value)
        status = Status()
        status.set_finished()
        return status

    def stop(self, success: bool = False) -> None:
        self.told.append(f"{self.name}.stop({success})")

    def locate(self) -> dict[str, Any]:
        return {"setpoint": None, "readback": self.volume.get()}

    def check_value(self, value: float) -> None:
        if value < 0:
            msg = f"{value} mL is negative"
            raise OutsideLimits(msg, instrument=self.name)


MakeLab = Callable[..., Lab]


@pytest.fixture
def told() -> list[str]:
    """What was asked of the instruments, in order."""
    return []


@pytest.fixture
def clock() -> Iterator[Clock]:
    made = Clock("virtual")
    yield made
    made.close()


@pytest.fixture
def make_lab(clock: Clock, told: list[str]) -> MakeLab:
    """Return a function that makes a lab of instruments `a`, `b`, ...; `trouble` by instrument and verb."""

    def make(
        *names: str,
        trouble: Mapping[str, Mapping[str, Any]] | None = None,
        safe: Mapping[str, Any] | None = None,
        **rest: Any,
    ) -> Lab:
        troubles = trouble or {}
        plates = {name: Plate(name, told, troubles.get(name)) for name in names}
        declared = {
            name: InstrumentDeclaration(name, "x.Plate", f"serial://COM{index}", safe=(safe or {}).get(name, {}))
            for index, name in enumerate(names)
        }
        return Lab(LabDeclaration(declared, **rest), plates, clock=clock)

    return make
