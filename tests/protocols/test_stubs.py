import asyncio
from collections.abc import Callable, Generator
from types import SimpleNamespace
from typing import Any

import pytest
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp

from autolab.model.errors import OutsideLimits
from autolab.model.roles import Dispense, Withdraw
from autolab.protocols import stubs

Plan = Generator[Any, Any, Any]
Answer = Callable[[Any], object]


class Done:
    """A status that is done."""

    done = True
    result: dict[str, object] = {}  # noqa: RUF012  never changed

    def exception(self, _timeout: float) -> None:
        return None


def messages(plan: Plan, answer: Answer = lambda _message: None) -> tuple[list[Any], Any]:
    """Return the messages of a plan whose messages are answered by `answer`, and what it returns."""
    seen, reply = [], None
    while True:
        try:
            seen.append(plan.send(reply))
        except StopIteration as end:
            return seen, end.value
        reply = answer(seen[-1])


def commands(seen: list[Any]) -> list[str]:
    return [message.command for message in seen]


def about(number: float) -> Any:
    """Return what equals `number` but for rounding; untyped, so that it fits into commands."""
    return pytest.approx(number)


def device(**fields: object) -> Any:
    reading = {f"x_{field}": {"value": value} for field, value in fields.items()}
    return SimpleNamespace(name="x", read_configuration=lambda: reading, reading=reading)


# ---- messages


def test_dispense_is_one_set_that_cannot_be_rewound() -> None:
    pump = device()
    seen, _ = messages(stubs.dispense(pump, 1.5, 3.0), lambda message: Done() if message.command == "set" else True)
    assert commands(seen) == ["rewindable", "rewindable", "set", "rewindable", "wait", "checkpoint"]
    assert [message.args for message in seen if message.command == "rewindable"] == [(None,), (False,), (True,)]
    (command,) = [message for message in seen if message.command == "set"]
    assert command.obj is pump
    assert command.args == (Dispense(1.5, 3.0),)
    assert command.kwargs["group"] == seen[4].kwargs["group"]


def test_two_actions_have_two_groups() -> None:
    groups = [messages(stubs.withdraw(device(), 1, 1))[0][2].kwargs["group"] for _time in range(2)]
    assert groups[0] != groups[1]


def test_a_section_that_was_not_rewindable_stays_so() -> None:
    seen, _ = messages(stubs.dispense(device(), 1, 1), lambda message: Done() if message.command == "set" else False)
    assert seen[3].args == (False,)


def test_the_pumps_own_count_is_returned() -> None:
    class Counted(Done):
        result = {"volume_mL": 0.998}  # noqa: RUF012  never changed

    _, moved = messages(stubs.dispense(device(), 1, 1), lambda message: Counted() if message.command == "set" else None)
    assert moved == 0.998
    _, moved = messages(stubs.withdraw(device(), 1.25, 1), lambda message: Done() if message.command == "set" else None)
    assert moved == 1.25


def test_a_message_that_a_pause_cut_off_is_sent_again_as_the_same_object() -> None:
    replies = iter([True, None, None, Done(), None, None, None])
    seen, _ = messages(stubs.dispense(device(), 1, 1), lambda _message: next(replies))
    assert commands(seen)[2:4] == ["set", "set"]
    assert seen[2] is seen[3]


def test_who_merely_looks_at_a_plan_sees_one_set() -> None:
    seen, _ = messages(stubs.dispense(device(), 1, 1))
    assert commands(seen).count("set") == 1


def test_a_refusal_leaves_the_section() -> None:
    plan = stubs.dispense(device(), 1, 1)
    plan.send(None)
    plan.send(True)
    plan.send(None)
    after = plan.throw(OutsideLimits("too much"))
    assert (after.command, after.args) == ("rewindable", (True,))
    with pytest.raises(OutsideLimits, match="too much"):
        plan.send(None)


@pytest.mark.parametrize(
    ("held", "to", "drawn"),
    [(4.0, None, 6.0), (0.0, 2.5, 2.5), (10.0, None, None), (9.9999, None, None), (3.0, 2.0, None)],
)
def test_refill_draws_what_is_missing(held: float, to: float | None, drawn: float | None) -> None:
    pump = device(contents_mL=held, capacity=10.0)
    answer: Answer = lambda message: {"read": pump.reading, "set": Done()}.get(message.command)  # noqa: E731
    seen, moved = messages(stubs.refill(pump, 5.0, to=to), answer)
    sets = [message.args[0] for message in seen if message.command == "set"]
    assert sets == ([] if drawn is None else [Withdraw(about(drawn), 5.0)])
    assert moved == pytest.approx(drawn or 0.0)


@pytest.mark.parametrize(("held", "pushed"), [(0.0, None), (0.0004, None), (7.5, 7.5)])
def test_expel_pushes_out_what_is_held(held: float, pushed: float | None) -> None:
    pump = device(contents_mL=held)
    answer: Answer = lambda message: {"read": pump.reading, "set": Done()}.get(message.command)  # noqa: E731
    seen, _ = messages(stubs.expel(pump, 5.0), answer)
    assert [message.args[0] for message in seen if message.command == "set"] == (
        [] if pushed is None else [Dispense(pushed, 5.0)]
    )


def test_a_pump_that_does_not_tell_is_named() -> None:
    with pytest.raises(ValueError, match="x does not tell its capacity: its configuration needs 'x_capacity'"):
        stubs.capacity(device())
    with pytest.raises(ValueError, match="its reading needs 'x_contents_mL'"):
        messages(stubs.contents(device()), lambda _message: {})
    with pytest.raises(ValueError, match="its reading needs 'x_weight', in g"):
        messages(stubs.weigh(device()), lambda message: {} if message.command == "read" else None)


def test_weigh_makes_an_event_only_where_a_stream_is_named() -> None:
    balance = device(weight=1.25, stable=False)
    answer: Answer = lambda message: balance.reading if message.command == "read" else None  # noqa: E731
    seen, weighing = messages(stubs.weigh(balance), answer)
    assert weighing == stubs.Weighing(1.25, stable=False)
    assert not {"create", "save"} & set(commands(seen))
    seen, _ = messages(stubs.weigh(balance, stream="weights"), answer)
    assert commands(seen)[-4:] == ["create", "read", "save", "checkpoint"]
    assert seen[-4].kwargs == {"name": "weights"}


def test_a_reading_that_a_pause_cut_off_is_asked_for_again() -> None:
    replies = iter([None, device(contents_mL=2.0).reading])
    seen, held = messages(stubs.contents(device()), lambda _message: next(replies))
    assert commands(seen) == ["read", "read"]
    assert held == 2.0


def test_a_balance_without_a_stability_flag_is_taken_as_stable() -> None:
    _, weighing = messages(
        stubs.weigh(device(weight=1.0)), lambda m: device(weight=1.0).reading if m.command == "read" else None
    )
    assert weighing.stable


@pytest.mark.parametrize(("word", "stub"), [("tare", stubs.tare), ("zero", stubs.zero)])
def test_tare_and_zero_are_commands_of_the_balance(word: str, stub: Callable[[Any], Plan]) -> None:
    seen, _ = messages(stub(device()))
    assert [message.args for message in seen if message.command == "set"] == [(word,)]


@pytest.mark.parametrize(
    ("reading", "grams"), [({"weight": 1.0, "tare": 24.5}, 24.5), ({"weight": 1.0}, 0.0), ({}, 0.0)]
)
def test_what_a_balance_was_tared_with_is_told(reading: dict[str, float], grams: float) -> None:
    balance = device(**reading)
    assert messages(stubs.tared(balance), lambda _message: balance.reading)[1] == grams


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_no_time_needs_no_message(seconds: float) -> None:
    assert messages(stubs.wait(seconds)) == ([], None)


def test_a_phase_is_a_message_that_any_run_engine_ignores() -> None:
    seen, _ = messages(stubs.phase("dose"))
    assert [(one.command, one.obj, one.args, one.kwargs) for one in seen] == [("null", None, (), {"phase": "dose"})]


def test_sense_tells_the_field_that_is_asked_for() -> None:
    sensor = device(pH=6.5, stable=False)
    answer: Answer = lambda message: sensor.reading if message.command == "read" else None  # noqa: E731
    seen, sensed = messages(stubs.sense(sensor, "pH"), answer)
    assert sensed == stubs.Sensed(6.5, stable=False)
    assert commands(seen).count("trigger") == 1
    assert not {"create", "save"} & set(commands(seen))


def test_a_sensor_without_a_stability_flag_is_taken_as_stable() -> None:
    answer: Answer = lambda message: device(pH=7).reading if message.command == "read" else None  # noqa: E731
    assert messages(stubs.sense(device(), "pH"), answer)[1] == stubs.Sensed(7.0, stable=True)


def test_sense_puts_others_into_its_event() -> None:
    sensor, heater = device(pH=6.5), device(readback=40.0)
    answer: Answer = lambda message: message.obj.reading if message.command == "read" else None  # noqa: E731
    seen, _ = messages(stubs.sense(sensor, "pH", stream="acidity", beside=[heater]), answer)
    assert commands(seen)[-5:] == ["create", "read", "read", "save", "checkpoint"]
    assert [one.obj for one in seen[-4:-2]] == [sensor, heater]
    assert seen[-5].kwargs == {"name": "acidity"}


def test_a_field_that_a_sensor_does_not_tell_is_named() -> None:
    answer: Answer = lambda message: {} if message.command == "read" else None  # noqa: E731
    with pytest.raises(ValueError, match="x does not tell 'pH': its reading needs 'x_pH'"):
        messages(stubs.sense(device(), "pH"), answer)


def test_pumps_are_refilled_together_where_they_hold_too_little() -> None:
    pumps = {str(held): device(contents_mL=held, capacity=10.0) for held in (0.0, 4.0, 4.9998, 5.0, 10.0)}
    answer: Answer = lambda message: {"read": message.obj and message.obj.reading, "set": Done()}.get(message.command)  # noqa: E731
    seen, _ = messages(stubs.refill_together(pumps, dict.fromkeys(pumps, 5.0), 3.0), answer)
    sets = [message.args[0] for message in seen if message.command == "set"]
    assert sets == [Withdraw(10.0, 3.0), Withdraw(6.0, 3.0)]
    first_wait = commands(seen).index("wait")
    assert "set" not in commands(seen)[first_wait:]


def test_a_full_syringe_is_enough_for_more_than_it_holds() -> None:
    pump = device(contents_mL=10.0, capacity=10.0)
    answer: Answer = lambda message: pump.reading if message.command == "read" else None  # noqa: E731
    seen, _ = messages(stubs.refill_together({"a": pump}, {"a": 25.0}, 3.0), answer)
    assert commands(seen) == ["read"]


# ---- in a RunEngine, in virtual time


def test_stubs_move_what_they_say(bench: Any) -> None:
    def plan() -> Plan:
        yield from stubs.refill(bench.pump, 5.0)
        moved = yield from stubs.dispense(bench.pump, 1.5, 3.0)
        yield from stubs.wait(20)
        return moved, (yield from stubs.weigh(bench.balance))

    began = bench.clock.now()
    moved, weighing = bench.run(plan())
    assert moved == 1.5
    assert weighing == stubs.Weighing(about(1.5), stable=True)
    assert bench.clock.now() - began == pytest.approx(120 + 30 + 20 + 1.5)


def test_what_the_instrument_refuses_reaches_the_plan(bench: Any) -> None:
    def plan() -> Plan:
        try:
            yield from stubs.dispense(bench.pump, 99.0, 3.0)
        except OutsideLimits:
            yield from stubs.refill(bench.pump, 5.0, to=1.0)
            return "refilled"

    assert bench.run(plan()) == "refilled"


def test_weighing_goes_on_until_the_last_ones_agree(bench: Any) -> None:
    bench.balance.errors = iter([0.5, 0.1, 0.02, 0.0015, 0.0005, 0.0, 9.0])
    weighing = bench.run(stubs.wait_until_stable(bench.balance, 0.002, 60.0, interval=2.0, agreeing=3))
    assert weighing == stubs.Weighing(0.0, stable=True)
    assert len(bench.done) == 6


@pytest.mark.parametrize("trouble", ["noise", "flag"])
def test_weighing_ends_when_the_time_is_over(bench: Any, trouble: str) -> None:
    bench.balance.stable = trouble != "flag"
    bench.balance.errors = iter([0.1 * (n % 2) for n in range(100)] if trouble == "noise" else [])
    began = bench.clock.now()
    weighing = bench.run(stubs.wait_until_stable(bench.balance, 0.002, 20.0, interval=2.0))
    assert not weighing.stable
    assert len(bench.done) == 11
    assert bench.clock.now() - began == pytest.approx(10 * 2.0 + 11 * 1.5)


def test_only_the_settled_weight_is_an_event(bench: Any) -> None:
    bench.run(bpp.run_wrapper(stubs.wait_until_stable(bench.balance, stream="weights")))  # type: ignore[no-untyped-call]
    assert bench.events() == [{"balance_weight": 0.0, "balance_stable": True}]


def everything(bench: Any) -> Plan:
    """Yield every kind of stub once, in one run, and return the weight."""
    yield from bps.open_run()
    yield from stubs.refill(bench.pump, 5.0, to=4.0)
    yield from stubs.tare(bench.balance)
    yield from stubs.dispense(bench.pump, 1.0, 2.0)
    yield from stubs.wait(5)
    first = yield from stubs.weigh(bench.balance, stream="weights")
    yield from stubs.withdraw(bench.pump, 0.25, 2.0)
    yield from stubs.expel(bench.pump, 5.0)
    second = yield from stubs.weigh(bench.balance, stream="weights")
    yield from bps.close_run()
    return first.grams, second.grams


DONE = [Withdraw(4.0, 5.0), Dispense(1.0, 2.0), Withdraw(0.25, 2.0), Dispense(3.25, 5.0)]
ALL = 57
"""How many messages `everything` has; compared below."""


def test_the_count_of_messages_is_right(bench: Any) -> None:
    seen: list[Any] = []
    bench.engine.msg_hook = seen.append
    assert bench.run(everything(bench)) == pytest.approx((1.0, 4.25))
    assert len(seen) == ALL


@pytest.mark.parametrize("turns", [0, 1, 2])
@pytest.mark.parametrize("index", range(ALL - 2))  # the last two end the run, and are not of these stubs
def test_a_pause_at_any_message_repeats_nothing_and_loses_nothing(bench: Any, index: int, turns: int) -> None:
    seen: list[Any] = []

    async def pause() -> None:
        for _turn in range(turns):
            await asyncio.sleep(0)
        if bench.engine.state == "running":
            await bench.engine._request_pause_coro()

    tasks = []

    def hook(message: Any) -> None:
        seen.append(message)
        if len(seen) == index + 1:
            tasks.append(bench.clock.loop.create_task(pause()))

    bench.engine.msg_hook = hook
    assert bench.run(everything(bench)) == pytest.approx((1.0, 4.25))
    assert bench.commands("dosing") == DONE
    numbered = {document["seq_num"]: document["data"] for name, document in bench.documents if name == "event"}
    # A pause right after a save has bluesky save again, under the same number.
    assert [numbered[number]["balance_weight"] for number in (1, 2)] == pytest.approx([1.0, 4.25])
    assert len(numbered) == 2


@pytest.mark.parametrize("seconds", [1.0, 47.0, 70.0, 95.0])
def test_a_pause_while_the_pump_runs_waits_for_its_end(bench: Any, seconds: float) -> None:
    async def pause() -> None:
        await asyncio.sleep(seconds)
        await bench.engine._request_pause_coro()

    started: list[Any] = []

    def hook(_message: Any) -> None:
        if not started:
            started.append(bench.clock.loop.create_task(pause()))

    bench.engine.msg_hook = hook
    assert bench.run(everything(bench)) == pytest.approx((1.0, 4.25))
    assert bench.commands("dosing") == DONE


def test_a_failed_action_is_told_after_a_pause_too(bench: Any) -> None:
    from ophyd.status import Status

    status = Status()
    bench.pump.set = lambda _command: status

    async def pause_then_fail() -> None:
        await asyncio.sleep(1)
        await bench.engine._request_pause_coro()
        await asyncio.sleep(0)
        status.set_exception(OutsideLimits("stalled"))

    started: list[Any] = []

    def hook(message: Any) -> None:
        if message.command == "wait" and not started:
            started.append(bench.clock.loop.create_task(pause_then_fail()))

    bench.engine.msg_hook = hook
    with pytest.raises(OutsideLimits, match="stalled"):
        bench.run(stubs.dispense(bench.pump, 1.0, 1.0))
