"""A lost reply after RUN: in doubt, settled by the counter, never sent again; and the check fails when it is sent again."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from autolab.drivers.new_era import NE1000
from autolab.model.errors import AutolabError
from autolab.simulators.wire import Wire

SILENCE = 8.0
"""s of lab time without a reply from the pumps: longer than the driver asks again."""


@pytest.fixture
def silent_after_run(monkeypatch: pytest.MonkeyPatch) -> list[Wire]:
    """Have the pumps' wire go silent once, just after the third RUN was obeyed; return the wires that did."""
    arrive, runs, silent = Wire._arrive, [0], list[Wire]()

    def lose(wire: Wire, data: bytes) -> None:
        runs[0] += b"RUN" in data
        if runs[0] == 3 and not silent:
            silent.append(wire)
            wire.hanging = True
            wire.clock.loop.call_later(SILENCE, wire.mend)
        arrive(wire, data)

    monkeypatch.setattr(Wire, "_arrive", lose)
    return silent


def test_a_lost_reply_is_in_doubt_and_settled_by_the_counter(
    dosing: Callable[..., Any], silent_after_run: list[Wire]
) -> None:
    campaign = dosing()
    assert campaign.go(1).ok
    assert len(silent_after_run) == 1
    (doubtful,) = [event for event in campaign.events("outcome") if event.body["status"] == "in_doubt"]
    (settled,) = campaign.events("settled")
    assert (settled.trial, settled.attempt, settled.action) == (doubtful.trial, doubtful.attempt, doubtful.action)
    assert settled.body["verdict"] in ("happened", "partial")
    assert campaign.broken_promises() == []


def test_the_check_fails_when_a_timeout_is_retried(
    dosing: Callable[..., Any], silent_after_run: list[Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    do_set = NE1000.do_set

    async def retry(pump: NE1000, value: Any, status: Any) -> Mapping[str, Any]:
        try:
            return await do_set(pump, value, status)
        except AutolabError:
            silent_after_run[0].mend()
            return await do_set(pump, value, status)

    monkeypatch.setattr(NE1000, "do_set", retry)
    campaign = dosing()
    campaign.go(1)
    assert len(silent_after_run) == 1
    assert any("ledger" in broken for broken in campaign.broken_promises())
