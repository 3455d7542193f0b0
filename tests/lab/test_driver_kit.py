"""The contract kit: every driver keeps it on its simulator, over memory, TCP and a pty; and it can fail."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from autolab.drivers import contract
from autolab.drivers.mettler_toledo import Balance
from autolab.drivers.new_era import NE1000
from autolab.lab import driver_kit
from autolab.lab.driver_kit import TRANSPORTS, Card, Finding, check_driver, example_settings, rig, tried
from autolab.model.errors import InputError, InstrumentTimeout

KEYS = tried()
SHORT = ("carries_out_its_samples", "comes_back_after_the_line_was_lost")
"""Of the kit over real ports; `docs/make_driver_tables.py --kit` runs it whole."""
REAL_PORTS = [
    pytest.param("tcp", marks=pytest.mark.slow),
    pytest.param(
        "pty",
        marks=[pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")],
    ),
]


@pytest.mark.parametrize("key", KEYS)
def test_every_driver_keeps_the_contract(key: str) -> None:
    broken = [f"{one.check}: {one.trouble}" for one in check_driver(key, over=["memory"]) if one.trouble]
    assert broken == []


@pytest.mark.parametrize("over", REAL_PORTS)
@pytest.mark.parametrize("key", KEYS)
def test_every_driver_works_over_real_ports(key: str, over: Any) -> None:
    found = check_driver(key, over=[over], checks=SHORT)
    assert [f"{one.check}: {one.trouble}" for one in found if one.trouble] == []


def test_a_driver_without_a_simulator_cannot_be_tried() -> None:
    with pytest.raises(InputError, match="no simulator"), rig("no.Driver", "memory", {}):
        pass


def test_settings_come_from_the_examples() -> None:
    assert example_settings("new_era.NE1000") == {"syringe_mm": 14.5, "volume_mL": 10.0}


def test_a_card_tells_what_does_not_hold() -> None:
    card = Card("a.B", (Finding("one", "memory", "", 0.1), Finding("two", "tcp", "is late", 0.2)))
    assert not card.ok
    assert card.to_json()["checks"] == [
        {"check": "one", "over": "memory", "ok": True, "trouble": ""},
        {"check": "two", "over": "tcp", "ok": False, "trouble": "is late"},
    ]
    assert Card("a.B", card.findings[:1]).ok
    assert set(TRANSPORTS) == {"memory", "tcp", "pty"}


# ---- it sees drivers that break it -----------------------------------------------------------------------------------


class Blocks(NE1000):
    def set(self, value: Any) -> Any:
        self.clock.loop.call_soon_threadsafe(lambda: None)
        import time

        time.sleep(2 * contract.AT_ONCE)
        return super().set(value)


class HeedsStop(NE1000):
    def stop(self, *, success: bool = False) -> None:
        super().stop(success=False)


class NeverSafe(NE1000):
    async def do_make_safe(self) -> None:
        await self.ready()


class TakesAnything(NE1000):
    def check_value(self, value: object) -> None:
        return


class Forgets(NE1000):
    def describe(self) -> Any:
        return dict(list(super().describe().items())[1:])


class CountsWrong(NE1000):
    async def do_reconcile(self, intent: Any) -> Any:
        from autolab.model.actions import Reconciled

        return Reconciled("happened")


class Another(Balance):
    async def do_identify(self) -> Any:
        self.times = getattr(self, "times", 0) + 1
        return {**await super().do_identify(), "serial_number": self.times}


class Believes(Balance):
    """Takes whatever number it is told for a weight, and asks twice without looking."""

    async def do_trigger(self, status: Any) -> Any:
        try:
            return await super().do_trigger(status)
        except InstrumentTimeout:
            return {"weight_g": 999.0, "stable": True}


class NotJson(Balance):
    async def do_trigger(self, status: Any) -> Any:
        return {**await super().do_trigger(status), "raw": float("nan")}


@pytest.mark.parametrize(
    ("driver", "key", "check", "message"),
    [
        (Blocks, "new_era.NE1000", contract.begins_at_once, "took 0.1.* s to begin"),
        (HeedsStop, "new_era.NE1000", contract.stop_with_success_changes_nothing, "was cut short"),
        (NeverSafe, "new_era.NE1000", contract.is_safe_after_make_safe, "is not safe after make_safe in the middle"),
        (TakesAnything, "new_era.NE1000", contract.refuses_nonsense, "takes <object"),
        (Forgets, "new_era.NE1000", contract.describes_what_it_reads, "describe"),
        (CountsWrong, "new_era.NE1000", contract.settles_what_is_in_doubt, "says 'happened' .* was not carried out"),
        (Another, "mettler_toledo.Balance", contract.says_who_it_is, "says something else"),
        (Another, "mettler_toledo.Balance", contract.comes_back_after_the_line_was_lost, "says that it is"),
        (Another, "mettler_toledo.Balance", contract.threads_do_not_mix_replies, "a thread was told"),
        (Believes, "mettler_toledo.Balance", contract.faults_are_told_and_the_next_is_right, "weight_g 999.0 instead"),
        (NotJson, "mettler_toledo.Balance", contract.carries_out_its_samples, "is not JSON"),
    ],
)
def test_the_kit_sees_a_broken_driver(
    driver: Any, key: str, check: Callable[[contract.Rig], None], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver_kit, "resolve", lambda group, name: driver)
    scale = 200.0 if check is contract.threads_do_not_mix_replies else None
    with (
        pytest.raises(Exception, match=message) as caught,
        rig(key, "memory", example_settings(key), scale=scale) as one,
    ):
        check(one)
    assert not isinstance(caught.value, InputError)
