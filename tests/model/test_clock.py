import asyncio
import threading

import pytest

from autolab.model.clock import Clock


@pytest.fixture
def clock():  # type: ignore[no-untyped-def]  # noqa: ANN201  a fixture
    made = Clock("virtual")
    yield made
    made.close()


@pytest.mark.parametrize(("mode", "scale"), [("scaled", 0.0), ("scaled", -1.0), ("real", 2.0), ("virtual", 2.0)])
def test_a_scale_belongs_to_scaled_time(mode: str, scale: float) -> None:
    with pytest.raises(ValueError, match="scale must be positive, and 1 unless the mode is 'scaled'"):
        Clock(mode, scale=scale)  # type: ignore[arg-type]


def test_virtual_time_jumps_from_timer_to_timer(clock: Clock) -> None:
    async def nap() -> list[float]:
        seen = []
        for seconds in (1.5, 3600.0, 1e-3):
            await asyncio.sleep(seconds)
            seen.append(clock.now())
        return seen

    assert clock.run(nap()) == [1.5, 3601.5, 3601.501]


def test_timers_fire_in_order_of_time_whatever_their_order(clock: Clock) -> None:
    fired: list[tuple[str, float]] = []

    async def task(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        fired.append((name, clock.now()))

    async def all_of_them() -> None:
        await asyncio.gather(task("late", 3.0), task("early", 1.0), task("middle", 2.0))

    clock.run(all_of_them())
    assert fired == [("early", 1.0), ("middle", 2.0), ("late", 3.0)]


def test_virtual_time_stands_while_nobody_runs_or_somebody_holds(clock: Clock) -> None:
    woke = threading.Event()
    clock.start()
    clock.loop.call_soon_threadsafe(lambda: clock.loop.call_later(5.0, woke.set))
    assert not clock.may_advance
    assert not woke.wait(0.05)
    with clock.hold():
        clock.plan_started()
        assert not clock.may_advance
        assert not woke.wait(0.05)
        assert clock.now() == 0.0
    assert woke.wait(5)
    clock.plan_ended()
    assert clock.now() == 5.0


def test_a_ticker_does_not_run_away_while_the_clock_is_held(clock: Clock) -> None:
    async def ticker() -> None:
        while True:
            await asyncio.sleep(1.0)

    async def work() -> float:
        task = asyncio.ensure_future(ticker())
        hold = clock.hold()
        hold.__enter__()
        before = clock.now()
        await asyncio.get_running_loop().run_in_executor(None, threading.Event().wait, 0.02)
        gone = clock.now() - before
        hold.__exit__(None, None, None)
        task.cancel()
        return gone

    assert clock.run(work()) == 0.0


def test_time_resumes_where_it_was_left(clock: Clock) -> None:
    clock.resume_at(1000.0)
    clock.run(asyncio.sleep(2.0))
    assert clock.now() == 1002.0


def test_a_blocking_call_on_the_loop_itself_is_refused(clock: Clock) -> None:
    async def inner() -> None:
        """Never awaited: the refusal closes it."""

    async def wrong() -> None:
        clock.run(inner())

    with pytest.raises(RuntimeError, match="await the coroutine instead"):
        clock.run(wrong())


def test_an_error_in_a_coroutine_reaches_the_caller(clock: Clock) -> None:
    async def fails() -> None:
        await asyncio.sleep(1.0)
        raise KeyError("no such thing")

    with pytest.raises(KeyError, match="no such thing"):
        clock.run(fails())
    clock.run(asyncio.sleep(1.0))
    assert clock.now() == 2.0


def test_scaled_time_runs_faster_than_the_wall() -> None:
    clock = Clock("scaled", scale=1000.0)
    started = clock.now()
    clock.run(asyncio.sleep(5.0))  # 5 ms of wall time
    assert clock.now() - started >= 5.0
    assert repr(clock) == "Clock('scaled', scale=1000.0)"
    clock.close()
    clock.close()


def test_closing_cancels_what_is_left() -> None:
    clock = Clock("virtual")
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.sleep(1e9)
        finally:
            ended.append("cancelled")

    async def begin() -> None:
        clock.loop.kept = asyncio.ensure_future(forever())  # type: ignore[attr-defined]  # so that it is not collected
        await asyncio.sleep(0)

    clock.run(begin())
    clock.close()
    assert ended == ["cancelled"]
    assert clock.loop.is_closed()
