import asyncio
from collections.abc import Callable, Generator
from typing import Any

import pytest
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky import protocols as contracts
from bluesky.run_engine import RunEngine
from bluesky.utils import Msg

from autolab.lab.handles import Handle
from autolab.lab.lab import Lab
from autolab.model.clock import Clock
from autolab.model.errors import InputError, LeaseOver, LeaseTaken

BLUESKY = [
    contracts.Readable,
    contracts.Configurable,
    contracts.Triggerable,
    contracts.Movable,
    contracts.Locatable,
    contracts.Stageable,
    contracts.Stoppable,
    contracts.Subscribable,
    contracts.Checkable,
    contracts.Pausable,
    contracts.HasHints,
    contracts.HasName,
    contracts.HasParent,
    contracts.NamedMovable,
]


@pytest.mark.parametrize("contract", BLUESKY)
def test_a_handle_meets_what_the_instrument_meets(make_lab: Callable[..., Lab], contract: type) -> None:
    lab = make_lab("a")
    assert isinstance(lab.instruments["a"], contract)
    assert isinstance(lab.lease({"pump": "a"}).lab.pump, contract)


@pytest.mark.parametrize("contract", [contracts.Flyable, contracts.Preparable])
def test_a_handle_meets_nothing_that_the_instrument_does_not(make_lab: Callable[..., Lab], contract: type) -> None:
    assert not isinstance(make_lab("a").lease({"pump": "a"}).lab.pump, contract)


def test_the_verbs_are_real_methods(make_lab: Callable[..., Lab]) -> None:
    kind = type(make_lab("a").lease({"pump": "a"}).lab.pump)
    for verb in (
        "read",
        "describe",
        "set",
        "trigger",
        "stage",
        "unstage",
        "locate",
        "check_value",
        "stop",
        "subscribe",
    ):
        assert verb in vars(kind) or verb in vars(Handle)


def test_a_handle_is_hashable_and_always_the_same(make_lab: Callable[..., Lab]) -> None:
    lease = make_lab("a", "b").lease({"pump": "a", "same": "a", "other": "b"})
    assert lease.lab.pump is lease.lab.pump is lease.lab.same
    assert lease.lab.pump.heater is lease.lab.pump.heater
    assert len({lease.lab.pump, lease.lab.other, lease.lab.pump.heater}) == 3


def test_a_part_knows_its_handle_and_never_the_instrument(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("a")
    pump = lab.lease({"pump": "a"}).lab.pump
    assert pump.parent is None
    assert pump.heater.parent is pump
    assert pump.heater.readback.parent is pump.heater
    assert pump.heater.lab_name == "a.heater"
    assert pump.heater.name == "a_heater"
    assert pump.instrument is lab.instruments["a"]
    assert pump.role == "pump"


def test_now_is_lab_time(make_lab: Callable[..., Lab], clock: Clock) -> None:
    lab = make_lab("a").lease({"pump": "a"}).lab
    before = lab.now()
    clock.run(asyncio.sleep(90))
    assert lab.now() == pytest.approx(before + 90)


def test_only_verbs_and_parts_can_be_used(make_lab: Callable[..., Lab]) -> None:
    pump = make_lab("a").lease({"pump": "a"}).lab.pump
    with pytest.raises(AttributeError, match=r"a protocol cannot use a.do_make_safe"):
        pump.do_make_safe()
    with pytest.raises(AttributeError, match=r"a protocol cannot use a.voume: did you mean 'volume'"):
        _ = pump.voume


def test_an_undeclared_role_is_told(make_lab: Callable[..., Lab]) -> None:
    view = make_lab("a").lease({"pump": "a"}).lab
    with pytest.raises(
        AttributeError, match=r"was given no 'pmp': did you mean 'pump'.*Declare it in the protocol's needs"
    ):
        _ = view.pmp
    assert set(dir(view)) == {"now", "pump", "stocks"}


def test_a_check_sees_stocks_and_instruments_by_role(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("a")
    view = lab.view({"pump": "a", "heater": "a.heater"})
    assert view.stocks == lab.lease({"pump": "a"}).lab.stocks == {}
    assert view.pump is lab.instruments["a"]
    assert view.heater is lab.instruments["a"].heater
    with pytest.raises(AttributeError, match="was given no 'pmp': did you mean 'pump'"):
        _ = view.pmp


def test_stop_never_reaches_the_instrument(make_lab: Callable[..., Lab], told: list[str]) -> None:
    lease = make_lab("a").lease({"pump": "a"})
    lease.lab.pump.stop()
    lease.lab.pump.stop(success=False)
    lease.release()
    lease.lab.pump.stop(success=True)
    assert told == []


@pytest.mark.parametrize("verb", ["set", "trigger", "stage", "unstage", "read", "configure", "subscribe"])
def test_after_its_attempt_a_handle_does_nothing(make_lab: Callable[..., Lab], told: list[str], verb: str) -> None:
    lease = make_lab("a").lease({"pump": "a"}, holder="trial 3")
    pump, heater = lease.lab.pump, lease.lab.pump.heater
    lease.release()
    arguments = {"set": (1.0,), "configure": ({},), "subscribe": (print,)}.get(verb, ())
    for handle in (pump, heater):
        with pytest.raises(LeaseOver, match=rf"{verb}: the lease of trial 3 is over, nothing was sent"):
            getattr(handle, verb)(*arguments)
    assert told == []


def test_what_touches_nothing_is_still_told(make_lab: Callable[..., Lab]) -> None:
    lease = make_lab("a").lease({"pump": "a"})
    lease.release()
    pump = lease.lab.pump
    assert "a_volume" in pump.describe()
    assert pump.locate()["readback"] == 0.0
    assert pump.hints == {"fields": ["a_volume", "a_heater_readback"]}
    assert "lease over" in repr(pump)


def test_subscriptions_end_with_the_lease(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("a")
    lease = lab.lease({"pump": "a"})
    seen: list[float] = []
    lease.lab.pump.volume.subscribe(lambda value, **_: seen.append(value), run=False)
    lab.instruments["a"].volume.put(1.0)
    lease.release()
    lab.instruments["a"].volume.put(2.0)
    assert seen == [1.0]


def test_an_instrument_serves_one_attempt_at_a_time(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("a", "b")
    first = lab.lease({"pump": "a"}, holder="trial 1")
    with pytest.raises(LeaseTaken, match="a: held by trial 1 until it ends"):
        lab.lease({"pump": "b", "waste": "a"})
    second = lab.lease({"pump": "b"})
    first.release()
    first.release()
    third = lab.lease({"pump": "a"})
    assert third.live
    assert second.live
    assert not first.live


@pytest.mark.parametrize(("held", "wanted"), [("a", "a.heater"), ("a.heater", "a"), ("a.heater", "a.heater")])
def test_a_component_and_its_instrument_exclude_each_other(
    make_lab: Callable[..., Lab], held: str, wanted: str
) -> None:
    lab = make_lab("a")
    lab.lease({"x": held})
    with pytest.raises(LeaseTaken, match="held by another attempt"):
        lab.lease({"x": wanted})


def test_two_components_do_not_exclude_each_other(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("a")
    heater = lab.lease({"heater": "a.heater"}).lab.heater
    assert lab.lease({"volume": "a.volume"}).live
    assert heater.parent is None
    heater.set(40.0)
    assert lab.instruments["a"].heater.readback.get() == 40.0


def test_instruments_without_a_role_can_be_held(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("a", "b")
    lab.lease({"pump": "a"}, "b")
    with pytest.raises(LeaseTaken, match=r"^b: held"):
        lab.lease({"pump": "b"})


def test_a_refused_lease_takes_nothing(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("a", "b")
    with pytest.raises(InputError, match="no instrument 'c'"):
        lab.lease({"pump": "a", "waste": "c"})
    assert lab.lease({"pump": "a", "waste": "b"}).live


def test_a_lease_ends_with_its_block(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("a")
    with pytest.raises(ZeroDivisionError), lab.lease({"pump": "a"}) as lease:
        _ = 1 / 0
    assert not lease.live


def test_handles_work_in_anybodys_run_engine(make_lab: Callable[..., Lab], told: list[str]) -> None:
    pump = make_lab("a").lease({"pump": "a"}).lab.pump
    documents: list[tuple[str, dict[str, Any]]] = []

    def plan() -> Generator[Any, Any, None]:
        yield from bps.stage(pump)
        yield from bps.mv(pump, 3.0)
        location: Any = yield Msg("locate", pump)  # type: ignore[no-untyped-call]
        assert location["readback"] == 3.0
        yield from bps.trigger_and_read([pump])
        yield from bps.monitor(pump.volume, name="watch")
        yield from bps.mv(pump, 4.0)
        yield from bps.unmonitor(pump.volume)
        yield from bps.unstage(pump)

    engine = RunEngine({})
    engine(bpp.run_wrapper(plan()), lambda name, document: documents.append((name, document)))  # type: ignore[no-untyped-call]
    assert told == ["a.set(3.0)", "a.set(4.0)"]
    events = [document["data"] for name, document in documents if name == "event"]
    assert {"a_volume": 3.0, "a_heater_readback": 20.0, "a_heater_power": 0.0} in events
    assert {"a_volume": 4.0} in events
