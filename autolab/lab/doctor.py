"""How a lab's instruments are, asked without moving anything: who answers, how fast, what they complain of."""

from __future__ import annotations

import asyncio
import datetime
import statistics
import time
from collections import Counter
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from autolab.lab.connecting import advice
from autolab.lab.safety import PATIENCE, patience
from autolab.model.errors import AutolabError, InstrumentError

if TYPE_CHECKING:
    from autolab.lab.declaration import InstrumentDeclaration
    from autolab.lab.lab import Lab
    from autolab.model.actions import JSON

_ASKED: Final = 3
"""Times that the identity query is asked for a round-trip time,"""
_LONG_S: Final = 0.15
"""unless it took so long already, s."""


@dataclass(frozen=True)
class Health:
    """How one instrument is.

    Attributes:
        instrument: Name in the lab.
        driver: Key of its driver.
        address: Where it was looked for.
        identity: Model, firmware, serial number, as far as it tells them.
        round_trip_s: Time of its identity query, s of wall time, pacing included; None where it was not met.
        state: What else it tells of itself: alarms, calibration points, supply voltage.
        calibration: Days since it was calibrated, and whether that is too long; empty where the lab file does not say.
        trouble: Why it is not well; empty where it is.
        remedy: What to try.
    """

    instrument: str
    driver: str
    address: str
    identity: Mapping[str, JSON] = field(default_factory=dict)
    round_trip_s: float | None = None
    state: Mapping[str, JSON] = field(default_factory=dict)
    calibration: str = ""
    trouble: str = ""
    remedy: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is well."""
        return not self.trouble

    def to_json(self) -> dict[str, JSON]:
        """Return it as JSON."""
        return {
            "instrument": self.instrument, "driver": self.driver, "address": self.address, "ok": self.ok,
            "identity": dict(self.identity), "round_trip_s": self.round_trip_s, "state": dict(self.state),
            "calibration": self.calibration, "trouble": self.trouble, "remedy": self.remedy,
        }  # fmt: skip


async def examine(lab: Lab, today: datetime.date | None = None) -> list[Health]:
    """Connect to all instruments at the same time and ask each how it is; for a task on the lab's clock.

    Args:
        lab: Its instruments are connected, and stay so.
        today: For the age of calibrations.
    """
    day = today or datetime.date.today()
    names = list(lab.instruments)
    met = await asyncio.gather(*(_patiently(lab, _meet(lab.instruments[name])) for name in names))
    shared = Counter(_port(lab.instruments[name]) for name in names)
    lines = {port: asyncio.Lock() for port, count in shared.items() if count > 1}
    timed = await asyncio.gather(
        *(
            _patiently(lab, _measured(lab.instruments[name], found, lines.get(_port(lab.instruments[name]))))
            for name, found in zip(names, met, strict=True)
        )
    )
    return [_health(lab, name, found, day) for name, found in zip(names, timed, strict=True)]


def _health(lab: Lab, name: str, found: dict[str, Any], today: datetime.date) -> Health:
    declared = lab.declaration.instruments[name]
    calibration, overdue = calibrated(declared, today)
    if overdue and not found.get("trouble"):
        found |= {
            "trouble": f"calibration is overdue: {calibration}",
            "remedy": "calibrate it, then correct `calibrated`",
        }
    return Health(name, declared.driver, str(lab.instruments[name].address), calibration=calibration, **found)


async def _patiently(lab: Lab, what: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Return what is found of an instrument, or the trouble with it."""
    try:
        return await asyncio.wait_for(what, patience(lab.clock, PATIENCE))
    except (AutolabError, TimeoutError) as error:
        return {"trouble": _words(error), "remedy": advice(error)}


async def _meet(instrument: Any) -> dict[str, Any]:  # noqa: ANN401  an instrument
    await instrument.do_connect()
    found: dict[str, Any] = {"identity": dict(getattr(instrument, "told", None) or await instrument.do_identify())}
    state = found["state"] = dict(await instrument.do_diagnose()) if hasattr(instrument, "do_diagnose") else {}
    if state.get("alarm"):
        remedy = "look at the instrument, remove the cause, clear the alarm"
        return {**found, "trouble": f"alarm: {state['alarm']}", "remedy": remedy}
    return found


async def _measured(instrument: Any, found: dict[str, Any], line: asyncio.Lock | None) -> dict[str, Any]:  # noqa: ANN401  likewise
    """Add the round-trip time of the identity query: that of being met, or where others share the line one of its own."""
    if "trouble" in found or not hasattr(instrument, "identify_query"):
        return found
    if line is None:
        return {**found, "round_trip_s": round(instrument.round_trip_s, 6)}
    times: list[float] = []
    async with line:
        while len(times) < _ASKED and sum(times) < _LONG_S:
            begun = time.perf_counter()
            await instrument.query(instrument.identify_query())
            times.append(time.perf_counter() - begun)
    return {**found, "round_trip_s": round(statistics.median(times), 6)}


def _port(instrument: Any) -> str:  # noqa: ANN401  likewise
    return str(getattr(instrument.address, "port", instrument.address))


def _words(error: BaseException) -> str:
    if isinstance(error, InstrumentError):
        seen = f" (sent {error.command!r}, saw {error.seen!r})" if error.command or error.seen else ""
        return f"{type(error).__name__}: {error.message}{seen}"
    return str(error) or f"no end within {PATIENCE:g} s"


def calibrated(declared: InstrumentDeclaration, today: datetime.date) -> tuple[str, bool]:
    """Return in words how long ago an instrument was calibrated, and whether that is too long.

    >>> from autolab.lab.declaration import InstrumentDeclaration
    >>> scale = InstrumentDeclaration("scale", "a.B", "", calibrated="2026-01-10", calibrate_every_days=90)
    >>> calibrated(scale, datetime.date(2026, 5, 10))
    ('120 days ago, due every 90', True)
    """
    if not declared.calibrated:
        return "", False
    days = (today - datetime.date.fromisoformat(declared.calibrated)).days
    every = declared.calibrate_every_days
    return f"{days} days ago" + (f", due every {every:g}" if every else ""), bool(every and days > every)
