"""Instruments that are absent, wrong or babbling at the start, that die in the middle, and that come back."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from autolab.loop.budget import Budget
from autolab.model.errors import InputError, LabNotReady
from autolab.protocols.gravimetric import Gravimetric

MakeDosing = Callable[..., Any]
DOSE = "dosing: set Dispense"


def absent(campaign: Any, name: str) -> None:
    """Let an instrument be switched off: what is sent to it has no effect."""
    wire = campaign.bench.wire(name)
    wire.receive = lambda _data: None


def babbling(campaign: Any, name: str) -> None:
    """Let something send bytes without end on an instrument's line, whatever it is asked."""
    wire = campaign.bench.wire(name)
    wire.receive = lambda _data: wire._reply(name, b"\x00\xffspam\r\n" * 3)


# ---- at the start


def test_an_absent_instrument_is_reported_and_nothing_is_started(dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.when_ready.append(lambda: absent(campaign, "balance"))
    with pytest.raises(LabNotReady, match=r"1 of 3 instruments are not ready; nothing was started:\n  balance on"):
        campaign.go(1)
    assert [event.kind for event in campaign.events()] == ["opened", "owned"]
    assert len(campaign.bench.ledger) == 0
    assert all(campaign.bench.is_safe().values())


def test_what_is_there_is_made_safe_although_another_is_absent(dosing: MakeDosing) -> None:
    campaign = dosing()
    moving: list[bool] = []

    def leave_a_pump_running() -> None:
        absent(campaign, "balance")
        pump, loop = campaign.bench.instrument("dosing"), campaign.executor.clock.loop
        for command in ("", "VOL5.000", "RAT1.000MM", "DIRWDR", "RUN"):  # the first is eaten by the power-up alarm
            loop.call_soon_threadsafe(pump.receive, f"00{command}\r".encode())
        loop.call_soon_threadsafe(lambda: moving.append(not pump.is_safe()))

    campaign.when_ready.append(leave_a_pump_running)
    with pytest.raises(LabNotReady):
        campaign.go(1)
    assert moving == [True]
    assert all(campaign.bench.is_safe().values())


def test_all_that_is_wrong_is_in_one_report(dosing: MakeDosing) -> None:
    campaign = dosing()
    settings = {**campaign.lab.instruments["balance"].settings, "serial_number": "B999"}
    balance = dataclasses.replace(campaign.lab.instruments["balance"], settings=settings)
    lab = dataclasses.replace(campaign.lab, instruments={**campaign.lab.instruments, "balance": balance})
    campaign.lab = dataclasses.replace(
        lab,
        virtual=dataclasses.replace(
            lab.virtual, settings={**lab.virtual.settings, "instruments": {"balance": {"serial_number": "B207696838"}}}
        ),
    )
    campaign.when_ready.append(lambda: absent(campaign, "dosing"))
    with pytest.raises(LabNotReady) as caught:
        campaign.go(1)
    heading, *lines = str(caught.value).splitlines()
    assert heading == "3 of 3 instruments are not ready; nothing was started:"
    assert [line.split()[0] for line in lines] == ["dosing", "waste", "balance"]
    assert "InstrumentTimeout" in lines[0]
    assert "WrongInstrument" in lines[2]
    assert "'B207696838' answers instead of 'B999'" in lines[2]
    assert all("Try:" in line for line in lines)


def test_a_babbling_line_is_reported(dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.when_ready.append(lambda: babbling(campaign, "balance"))
    with pytest.raises(LabNotReady, match=r"1 of 3 .*\n  balance on .*saw b'.*spam"):
        campaign.go(1)
    assert [event.kind for event in campaign.events()] == ["opened", "owned"]


def test_after_a_bad_start_the_campaign_starts_when_all_is_there(dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.when_ready.append(lambda: absent(campaign, "balance"))
    with pytest.raises(LabNotReady):
        campaign.go(1)
    campaign.when_ready.clear()
    assert campaign.go(1).completed == 1
    assert campaign.broken_promises() == []


def test_a_role_that_nobody_plays_is_refused_before_anything_is_opened(dosing: MakeDosing) -> None:
    campaign = dosing(roles={"pump": "dosing", "waste": "balance"})
    with pytest.raises(
        InputError, match=r"'waste' must be a pump, but 'balance' is a balance; nothing plays 'balance'"
    ):
        campaign.go(1)
    assert len(campaign.bench.ledger) == 0


# ---- in the middle


@pytest.mark.parametrize("fault", ["drop", "garble", "late", "disconnect"])
@pytest.mark.parametrize("name", ["dosing", "balance"])
@pytest.mark.parametrize("nth", [1, 7])
def test_one_bad_reply_costs_little(nth: int, name: str, fault: Any, dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.during(
        DOSE,
        lambda: campaign.bench.inject(name, fault, nth=nth, **({"seconds": 5.0} if fault == "late" else {})),
        nth=3,
        after=1.0,
    )
    assert campaign.go(2, wait=False).completed == 2
    # A line lost while an answer is waited for is found lost by the next command: in virtual time a second attempt.
    assert len(campaign.events("attempt_started")) <= (4 if (name, fault) == ("balance", "disconnect") else 3)
    assert campaign.broken_promises() == []


def test_an_instrument_that_comes_back_is_used_again(dosing: MakeDosing) -> None:
    campaign = dosing()
    campaign.during("balance: trigger", lambda: campaign.bench.inject("balance", "hang"), nth=12)

    def mend() -> None:
        campaign.bench.wire("balance").mend()

    campaign.on("trial", mend)
    assert campaign.go(2).completed == 2
    (failed, *rest) = [trial_attempt.ending for trial_attempt in campaign.history.trial(1).attempts]
    assert (failed, rest) == ("machine_failed", ["completed"])
    assert "balance" in campaign.history.trial(1).attempts[0].reason
    assert campaign.broken_promises() == []


def test_an_instrument_that_stays_away_ends_the_run_by_the_streak(dosing: MakeDosing) -> None:
    campaign = dosing(budget=Budget(failure_streak=2))
    campaign.during("balance: trigger", lambda: absent(campaign, "balance"), nth=12)
    result = campaign.go()
    assert (result.reason, result.completed) == ("failure_streak", 0)
    assert "InstrumentTimeout" in result.detail
    assert [attempt.ending for attempt in campaign.history.trial(1).attempts] == ["machine_failed"] * 2
    assert campaign.broken_promises() == []
    assert dosing().go(1).completed == 1


def test_a_pump_that_goes_silent_in_mid_dispense_is_never_asked_to_dispense_twice(dosing: MakeDosing) -> None:
    campaign = dosing(budget=Budget(failure_streak=2))
    campaign.during(DOSE, lambda: campaign.bench.inject("dosing", "hang"), nth=3, after=5.0)
    campaign.on("trial", lambda: campaign.bench.wire("dosing").mend())
    result = campaign.go(1)
    intents = [(e.attempt, e.action) for e in campaign.events("intent")]
    assert len(intents) == len(set(intents))
    (question,) = campaign.history.questions
    assert "could not be asked" in question.text
    assert result.reason == "waiting"
    assert all(campaign.bench.is_safe().values())


def test_the_lab_is_made_safe_in_its_order_although_one_does_not_answer(dosing: MakeDosing) -> None:
    class Failing(Gravimetric):
        def perform(self, lab: Any, point: Any) -> Any:
            yield from super().perform(lab, point)
            absent(campaign, "dosing")  # and waste, on the same line
            msg = "a bug"
            raise RuntimeError(msg)

    campaign = dosing(protocol=Failing(repeats=2, rest_s=5.0), budget=Budget(failure_streak=1))
    assert campaign.go(1).reason == "failure_streak"
    safe = campaign.events("attempt_ended")[0].body["safe"]
    assert safe["order"] == ["dosing", "waste", "balance"]
    assert list(safe["faults"]) == ["dosing", "waste"]
