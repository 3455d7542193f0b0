"""What answers on a lab's ports, by identity queries only: which cable goes where.

On each port the declared instrument is asked first. Only where it does not answer are the other drivers of the same lab
asked, each by the one query that tells it from every other. Nothing is greeted, set or moved; but a query of one maker's
is noise to another's instrument, so nothing is asked that the lab file does not name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from autolab.lab.plugins import resolve
from autolab.model.errors import AutolabError, WrongInstrument

if TYPE_CHECKING:
    from autolab.lab.declaration import InstrumentDeclaration
    from autolab.model.actions import JSON
    from autolab.model.clock import Clock

_TRIES: Final = 2
"""Of each query: what another driver said before may still stand in the instrument's line."""


@dataclass(frozen=True)
class Answer:
    """What a port answered.

    Attributes:
        instrument: The name that the lab file has for it.
        address: Its address.
        wanted: Key of the driver that should answer there.
        driver: Key of the one that does; empty when none does.
        identity: What it said.
        trouble: What the declared one met with.
    """

    instrument: str
    address: str
    wanted: str
    driver: str = ""
    identity: str = ""
    trouble: str = ""

    @property
    def ok(self) -> bool:
        """Whether the declared one answers."""
        return self.driver == self.wanted

    def to_json(self) -> dict[str, JSON]:
        """Return it as JSON."""
        return {
            "instrument": self.instrument, "address": self.address, "wanted": self.wanted, "ok": self.ok,
            "answers": self.driver, "identity": self.identity, "trouble": self.trouble,
        }  # fmt: skip


async def probe(
    instruments: Mapping[str, InstrumentDeclaration], addresses: Mapping[str, str], clock: Clock
) -> list[Answer]:
    """Ask what answers at each address; for a task on the clock. Ports are asked at the same time, each in its turn.

    Args:
        instruments: Of the lab file.
        addresses: Of each; those on one port are asked one after the other.
        clock: For the queries; real or scaled.
    """
    ports: dict[str, list[str]] = {}
    for name, address in addresses.items():
        ports.setdefault(address.partition("?")[0], []).append(name)
    found = await asyncio.gather(*(_on_port(names, instruments, addresses, clock) for names in ports.values()))
    answers = {answer.instrument: answer for several in found for answer in several}
    return [answers[name] for name in addresses]


async def _on_port(
    names: list[str], instruments: Mapping[str, InstrumentDeclaration], addresses: Mapping[str, str], clock: Clock
) -> list[Answer]:
    return [await _at(instruments[name], addresses[name], instruments, clock) for name in names]


async def _at(
    declared: InstrumentDeclaration, address: str, instruments: Mapping[str, InstrumentDeclaration], clock: Clock
) -> Answer:
    others = {one.driver: one for one in instruments.values() if one.driver != declared.driver}
    trouble = ""
    for one in (declared, *others.values()):
        for _ in range(_TRIES):
            try:
                identity = await _identity(one, address, clock)
                break
            except AutolabError as error:
                trouble = trouble or str(getattr(error, "message", error))
        else:
            continue
        return Answer(declared.name, address, declared.driver, one.driver, identity, "" if one is declared else trouble)
    return Answer(declared.name, address, declared.driver, trouble=trouble)


async def _identity(declared: InstrumentDeclaration, address: str, clock: Clock) -> str:
    from autolab.drivers.wire import Ports

    ports = Ports(clock)
    made: Any = resolve("drivers", declared.driver)
    instrument = made(declared.name, address=address, clock=clock, ports=ports, **declared.settings)
    link = ports.attach(instrument.address, declared.name, takes=instrument.takes, terminator=instrument.frame_end)
    try:
        identity = await link.ask(instrument.identify_query())
        if not instrument.recognises(identity):
            msg = f"{identity!r} answers"
            raise WrongInstrument(msg, instrument=declared.name, port=address)
        return str(identity)
    finally:
        link.close()
