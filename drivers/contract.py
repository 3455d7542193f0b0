"""The contract kit: what every driver must keep, as checks that anybody can run on an instrument and its simulator.

`autolab drivers test KEY` runs them over memory, TCP and a pseudo-terminal and prints a card. Each check is a function of
a `Rig`; it returns when the promise holds, and raises when it does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, Final, Protocol, TypeVar

from bluesky.protocols import Checkable, Configurable, Locatable, Movable, Readable, Stageable, Stoppable, Triggerable

from autolab.drivers.acting import Acting, ActionStatus
from autolab.drivers.component import RoleComponent
from autolab.drivers.instrument import OphydInstrument
from autolab.model.actions import JSON, ActionClass, Intent
from autolab.model.clock import Clock
from autolab.model.contracts import Instrument
from autolab.model.errors import AutolabError, InDoubt, InstrumentAlarm, InstrumentError, OutsideLimits, Refused
from autolab.model.roles import command_to_json

T = TypeVar("T")
BLUESKY: Final = (Readable, Configurable, Triggerable, Movable, Locatable, Stageable, Stoppable, Checkable)
AT_ONCE: Final = 0.05
"""s of wall time within which `set` and `trigger` return."""
FAULTS: Final = ("late", "drop", "truncate", "garble", "duplicate", "hang", "disconnect")
FEW_FAULTS: Final = ("drop", "garble", "disconnect")
LONGEST: Final = 3 * 3600.0
"""s of lab time after which an action of a sample counts as one that does not end."""


class Broken(AssertionError):
    """A driver does not keep its contract; the message says what it did instead."""


class Rig(Protocol):
    """An instrument on its simulator.

    Attributes:
        instrument: Under test; not connected yet.
        clock: Its clock.
        wire_s: Time in which every fault of the wire must have ended in an error, s of lab time.
        thorough: Whether time costs nothing, so that every kind of fault is tried at each of several replies.
    """

    instrument: OphydInstrument
    clock: Clock
    wire_s: float
    thorough: bool

    def inject(self, kind: str, **when: Any) -> None:  # noqa: ANN401  as the simulators' faults take it
        """Arrange for a fault of the wire."""

    def mend(self) -> None:
        """Forget all faults."""

    def restart(self) -> None:
        """Have the far end hang up, and be there again."""

    def is_safe(self) -> bool:
        """Say whether the apparatus, not the driver, is in its safe state."""

    def sent(self) -> int:
        """Return how many pieces were written to the wire so far."""


# ---- what checks are made of -----------------------------------------------------------------------------------------


def actors(instrument: OphydInstrument) -> Iterator[Acting]:
    """Yield the instrument and its components with a role: all that can be told to act."""
    yield instrument
    for name in instrument.component_names:
        part = getattr(instrument, name)
        if isinstance(part, RoleComponent):
            yield part


def commands(instrument: OphydInstrument) -> list[tuple[Acting, object]]:
    """Return what can be set, with a value for each: the kit's samples, in their order."""
    return [(actor, value) for actor in actors(instrument) for value in actor.samples()]


def lasting(rig: Rig, what: Coroutine[Any, Any, T], seconds: float = LONGEST) -> T:
    """Carry a coroutine out; Broken if it takes longer than so many seconds of lab time."""

    async def bounded() -> T:
        return await asyncio.wait_for(what, seconds)

    try:
        return rig.clock.run(bounded())
    except TimeoutError:
        msg = f"does not end within {seconds:g} s of lab time"
        raise Broken(msg) from None


def finish(rig: Rig, status: ActionStatus, seconds: float = LONGEST) -> Mapping[str, JSON]:
    """Wait for an action and return its result, or raise what it failed with."""

    async def over() -> None:
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        status.add_callback(lambda _: loop.call_soon_threadsafe(done.set))
        await done.wait()

    lasting(rig, over(), seconds)
    error = status.exception()
    if error is not None:
        raise error
    return status.result


def act(rig: Rig, actor: Acting, value: object, seconds: float = LONGEST) -> Mapping[str, JSON]:
    """Have an actor carry out a command, or take a reading where `value` is None."""
    return finish(rig, actor.trigger() if value is None else actor.set(value), seconds)


def read(rig: Rig, actor: Acting, seconds: float = LONGEST) -> Mapping[str, JSON]:
    """Take a reading; an instrument that refuses while there is nothing to read is told its first sample before."""
    try:
        return act(rig, actor, None, seconds)
    except Refused:
        samples = actor.samples()
        if not samples:
            raise
        act(rig, actor, samples[0])
        return act(rig, actor, None, seconds)


def lead_to(rig: Rig, actor: Acting, place: int) -> object:
    """Carry out the sample before one, or if that cannot be done from here all before it; return the one."""
    samples = actor.samples()
    try:
        for value in samples[max(0, place - 1) : place]:
            act(rig, actor, value)
    except (Refused, InstrumentAlarm):
        for value in samples[:place]:
            act(rig, actor, value)
    return samples[place]


def expect(holds: bool, message: str) -> None:
    """Raise Broken with a message unless something holds."""
    if not holds:
        raise Broken(message)


def _is_json(value: object, what: str) -> None:
    try:
        expect(
            json.loads(json.dumps(value, allow_nan=False)) == value,
            f"{what} changes on its way through JSON: {value!r}",
        )
    except (TypeError, ValueError) as error:
        msg = f"{what} is not JSON: {value!r} ({error})"
        raise Broken(msg) from None


# ---- the checks --------------------------------------------------------------------------------------------------------


def meets_the_contracts(rig: Rig) -> None:
    """It has bluesky's verbs and the lab's."""
    for contract in (*BLUESKY, Instrument):
        expect(isinstance(rig.instrument, contract), f"is not {contract.__name__}")


def describes_what_it_reads(rig: Rig) -> None:
    """`read` and `describe` have the same keys, of the shape and type told; before and after it was connected."""
    for _ in range(2):
        for kind in ("", "_configuration"):
            reading = getattr(rig.instrument, f"read{kind}")()
            description = getattr(rig.instrument, f"describe{kind}")()
            expect(
                list(reading) == list(description),
                f"read{kind} has {list(reading)}, describe{kind} {list(description)}",
            )
            for name, key in description.items():
                _fits(name, key, reading[name]["value"])
            _is_json(description, f"describe{kind}")
        rig.instrument.connect()


def _fits(name: str, key: Mapping[str, Any], value: object) -> None:
    kinds: dict[str, tuple[type, ...]] = {
        "number": (float, int), "integer": (int,), "boolean": (bool,), "string": (str,), "array": (list, tuple),
    }  # fmt: skip
    expect(key["dtype"] in kinds, f"{name}: dtype {key['dtype']!r}")
    plain = value.tolist() if hasattr(value, "tolist") else value
    expect(isinstance(plain, kinds[key["dtype"]]), f"{name}: {value!r} is no {key['dtype']}")
    expect(bool(key["shape"]) == (key["dtype"] == "array"), f"{name}: shape {key['shape']} for a {key['dtype']}")


def says_who_it_is(rig: Rig) -> None:
    """It says who it is, the same after its port was given back and when somebody asks twice."""
    first = rig.instrument.identify()
    expect({"model", "firmware", "serial_number"} <= set(first), f"identify tells {sorted(first)}")
    _is_json(dict(first), "identify")
    rig.instrument.disconnect()
    expect(rig.instrument.identify() == first, "says something else after it was connected again")


def connecting_changes_nothing(rig: Rig) -> None:
    """Connecting moves, heats and opens nothing."""
    rig.instrument.connect()
    expect(rig.is_safe(), "the apparatus is not in its safe state after it was connected")


def refuses_nonsense(rig: Rig) -> None:
    """A value of another kind, NaN and infinity are refused before anything is sent."""
    rig.instrument.connect()
    before = rig.sent()
    for actor in actors(rig.instrument):
        for nonsense in (object(), math.nan, math.inf, -math.inf, [], "\0 no command"):
            try:
                actor.set(nonsense)
            except OutsideLimits as error:
                expect("nothing was sent" in str(error), f"{error} does not say that nothing was sent")
                expect(actor.name in str(error), f"{error} does not name {actor.name}")
            else:
                expect(False, f"{actor.name} takes {nonsense!r}")
    expect(rig.sent() == before, "sent something for a value that it refused")


def carries_out_its_samples(rig: Rig) -> None:
    """Each command ends, tells a result in JSON, and has a class; readings too."""
    rig.instrument.connect()
    for actor in _readers(rig.instrument):
        _is_json(dict(read(rig, actor)), "a reading")
    for actor, value in commands(rig.instrument):
        cls = actor.action_class("set", value)
        expect(cls in ("idempotent", "queryable", "once"), f"action_class {cls!r} of {value!r}")
        _is_json(dict(act(rig, actor, value)), f"the result of {value!r}")
        _is_json({key: None if _nan(one) else one for key, one in actor.locate().items()}, "locate")


def _readers(instrument: OphydInstrument) -> list[Acting]:
    """Return what plays a role and can be read."""
    return [actor for actor in actors(instrument) if actor is not instrument or instrument.role]


def _nan(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def begins_at_once(rig: Rig) -> None:
    """`set` and `trigger` return at once while the instrument is slow."""
    rig.instrument.connect()
    rig.inject("late", every=1, seconds=0.2)
    for actor, value in commands(rig.instrument)[:1] or [(rig.instrument, None)]:
        begun = time.perf_counter()
        status = actor.trigger() if value is None else actor.set(value)
        took = time.perf_counter() - begun
        expect(took < AT_ONCE, f"{value!r} took {took:.3f} s to begin")
        finish(rig, status)
    rig.mend()


def stop_with_success_changes_nothing(rig: Rig) -> None:
    """A RunEngine's own `stop(success=True)`, which it says at each of its ends, changes nothing."""
    rig.instrument.connect()
    for actor, value in commands(rig.instrument)[:1] or [(rig.instrument, None)]:
        status = actor.trigger() if value is None else actor.set(value)
        _pass(rig, 0.5)
        actor.stop(success=True)
        finish(rig, status)


def is_safe_after_make_safe(rig: Rig) -> None:
    """After `make_safe` the apparatus is in its safe state: at rest, twice, and in the middle of every command."""
    rig.instrument.connect()
    for _ in range(2):
        rig.instrument.make_safe()
        expect(rig.is_safe(), "is not safe at rest")
    places = [(actor, place) for actor in actors(rig.instrument) for place in range(len(actor.samples()))]
    for actor, place in places:
        value = lead_to(rig, actor, place)
        status = actor.set(value)
        _pass(rig, 1.0)
        rig.instrument.make_safe()
        expect(rig.is_safe(), f"is not safe after make_safe in the middle of {value!r}")
        try:
            finish(rig, status)
        except (AutolabError, TimeoutError):
            continue  # it was cut short, and says so


def _pass(rig: Rig, seconds: float) -> None:
    rig.clock.run(asyncio.sleep(seconds))


def faults_are_told_and_the_next_is_right(rig: Rig) -> None:
    """Each fault of the wire, at each of the first replies, ends in a typed error or a right reading; so does the next."""
    rig.instrument.connect()
    reader = _readers(rig.instrument)[0]
    if reader.action_class("trigger", None) != "read":
        return _identity_survives_faults(rig)
    before = read(rig, reader)
    for kind in FAULTS if rig.thorough else FEW_FAULTS:
        for nth in (1, 2, 3) if rig.thorough else (1,):
            rig.inject(kind, nth=nth, **({"seconds": 2.0 * rig.clock.scale} if kind in ("late", "hang") else {}))
            with contextlib.suppress(InstrumentError, InDoubt):
                _same(before, act(rig, reader, None, rig.wire_s), f"a reading with {kind} at reply {nth}")
            rig.mend()
            try:
                after = act(rig, reader, None, rig.wire_s)
            except InstrumentError as error:
                msg = f"the reading after {kind} at reply {nth} fails: {error}"
                raise Broken(msg) from error
            _same(before, after, f"the reading after {kind} at reply {nth}")
    return None


def _identity_survives_faults(rig: Rig) -> None:
    first = rig.instrument.identify()
    for kind in FAULTS if rig.thorough else FEW_FAULTS:
        rig.inject(kind, **({"seconds": 2.0 * rig.clock.scale} if kind in ("late", "hang") else {}))
        with contextlib.suppress(InstrumentError):
            expect(rig.instrument.identify() == first, f"says that it is another with {kind}")
        rig.mend()
        expect(rig.instrument.identify() == first, f"says that it is another after {kind}")


def _same(before: Mapping[str, JSON], after: Mapping[str, JSON], what: str) -> None:
    """Compare readings of an apparatus at rest: the same keys, and numbers as near as noise allows."""
    expect(list(before) == list(after), f"{what} has {list(after)} instead of {list(before)}")
    for name, value in before.items():
        told = after[name]
        if isinstance(value, bool | str) or not isinstance(value, int | float):
            continue
        near = isinstance(told, int | float) and abs(told - value) <= 0.05 * abs(value) + 0.5
        expect(near, f"{what} tells {name} {told!r} instead of {value!r}")


def threads_do_not_mix_replies(rig: Rig) -> None:
    """Two threads that ask at the same time each have their own answers."""
    first = rig.instrument.identify()
    told: list[object] = []

    def ask() -> None:
        for _ in range(5):
            try:
                told.append(rig.instrument.identify())
            except AutolabError as error:
                told.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wrong = [one for one in told if one != first]
    expect(not wrong, f"a thread was told {wrong[:1]} instead of {first}")


def comes_back_after_the_line_was_lost(rig: Rig) -> None:
    """When the far end has hung up and is there again, at most one command fails, by a typed error."""
    first = rig.instrument.identify()
    rig.restart()
    try:
        again = rig.instrument.identify()
    except InstrumentError:
        again = rig.instrument.identify()
    expect(again == first, f"says that it is {again} and not {first} after the line was lost")


def settles_what_is_in_doubt(rig: Rig) -> None:
    """`reconcile` gives a verdict: an action that was not begun did not happen, one that was carried out did."""
    rig.instrument.connect()
    for actor, value in commands(rig.instrument):
        cls = actor.action_class("set", value)
        for done in (False, True):
            context = lasting(rig, actor.do_prepare("set", value))
            _is_json(dict(context), "what do_prepare saw")
            if done:
                act(rig, actor, value)
            lasting(rig, actor.do_halt())
            verdict = _verdict(rig, actor, value, cls, context)
            if cls != "queryable":
                continue
            allowed = ("happened",) if done else ("not", "unknown")
            expect(verdict in allowed, f"says {verdict!r} of {value!r} that was {'' if done else 'not '}carried out")


def _verdict(rig: Rig, actor: Acting, value: object, cls: ActionClass, context: Mapping[str, JSON]) -> str:
    intent = Intent(actor.name, "set", command_to_json(value), cls, context)
    return lasting(rig, actor.do_reconcile(intent)).verdict


def its_documents_are_valid(rig: Rig) -> None:
    """`count` and `mv` in a plain RunEngine give documents that bluesky's schemas accept. Not in virtual time."""
    from bluesky import RunEngine, plan_stubs, plans
    from event_model import DocumentNames, schema_validators

    if rig.clock.mode == "virtual":
        return
    rig.instrument.connect()
    documents: list[tuple[str, dict[str, Any]]] = []
    engine = RunEngine(context_managers=[])
    engine.subscribe(lambda name, document: documents.append((name, document)))  # type: ignore[no-untyped-call]  # bluesky ships few types
    for actor, value in commands(rig.instrument)[:1]:
        engine(plan_stubs.mv(actor, value))
    engine(plans.count([rig.instrument]))
    expect({name for name, _ in documents} >= {"start", "descriptor", "event", "stop"}, "documents are missing")
    for name, document in documents:
        schema_validators[DocumentNames[name]].validate(document)


CHECKS: Final[Mapping[str, Callable[[Rig], None]]] = {
    check.__name__: check
    for check in (
        meets_the_contracts,
        describes_what_it_reads,
        says_who_it_is,
        connecting_changes_nothing,
        refuses_nonsense,
        carries_out_its_samples,
        begins_at_once,
        stop_with_success_changes_nothing,
        is_safe_after_make_safe,
        faults_are_told_and_the_next_is_right,
        threads_do_not_mix_replies,
        comes_back_after_the_line_was_lost,
        settles_what_is_in_doubt,
        its_documents_are_valid,
    )
}
"""The kit, in the order in which it is run; each check has an instrument of its own that was not connected yet."""
