"""Both runners, every kind of fault, and what is heard after it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autolab.drivers.query import Query, ReadUntil, Sleep, Write, ask
from autolab.drivers.testing import ScriptedChannel
from autolab.drivers.wire import Link, Ports, ports_of
from autolab.drivers.wirelog import WireLog
from autolab.model.clock import Clock
from autolab.model.errors import (
    GarbledReply,
    InputError,
    InstrumentDisconnected,
    InstrumentTimeout,
    Refused,
    WrongInstrument,
)

MakePorts = Callable[[Clock], Ports]


def echo(data: bytes) -> list[Any]:
    """Answer `X\\n` by `x:<n>\\n`-like text: who? -> `me`, anything else comes back in capitals."""
    return [b"me\n"] if data == b"who\n" else [data.upper()]


def who() -> Query[object]:
    yield Write(b"who\n")
    for _ in range(20):
        reply = yield ReadUntil(b"\n", 0.2)
        if reply in (b"me\n", b"you\n"):
            return reply
    raise GarbledReply("nobody")


def say(text: bytes, deadline: float = 0.2) -> Query[bytes]:
    """Ask, and insist on the right answer, as drivers do."""
    reply = yield from ask(text + b"\n", b"\n", deadline)
    if reply != text.upper() + b"\n":
        raise GarbledReply("not my answer", seen=reply)
    return reply


def met(link: Link, clock: Clock) -> Link:
    link.identity = clock.run(link.ask(who()))
    return link


@pytest.fixture
def bench(clock: Clock, ports: MakePorts) -> tuple[Clock, ScriptedChannel, Link]:
    channel = ScriptedChannel(echo, clock=clock)
    link = ports(clock).attach("memory://scripted", "thing", identify=who, channel=channel)
    return clock, channel, met(link, clock)


Bench = tuple[Clock, ScriptedChannel, Link]


def test_a_query_is_carried_out_by_either_runner(bench: Bench) -> None:
    clock, channel, link = bench
    assert clock.run(link.ask(say(b"a"))) == b"A\n"
    assert channel.sent == [b"who\n", b"a\n"]


def test_sleep_paces_the_line_in_the_clocks_own_kind_of_time(bench: Bench) -> None:
    clock, _, link = bench

    def paced() -> Query[str]:
        yield Sleep(0.05)
        return "done"

    begun = clock.now()
    assert clock.run(link.ask(paced())) == "done"
    assert clock.now() - begun >= 0.05 - 1e-6


def late(channel: ScriptedChannel) -> None:
    channel.answer = lambda data: [(0.35, data.upper())]


def dropped(channel: ScriptedChannel) -> None:
    channel.answer = lambda data: []


def truncated(channel: ScriptedChannel) -> None:
    channel.answer = lambda data: [data.upper()[:-1]]


def garbled(channel: ScriptedChannel) -> None:
    channel.answer = lambda data: [b"\xff\xfe\n"]


def babble(channel: ScriptedChannel) -> None:
    channel.answer = lambda data: [b"x" * 70000]


@pytest.mark.parametrize(
    ("fault", "error", "match"),
    [
        (late, InstrumentTimeout, "no reply within 0.2 s"),
        (dropped, InstrumentTimeout, "no reply within 0.2 s"),
        (truncated, InstrumentTimeout, "reply incomplete within 0.2 s"),
        (garbled, GarbledReply, "not my answer"),
        (babble, GarbledReply, "babbles"),
    ],
)
def test_a_fault_is_a_typed_error_in_time_and_the_next_answer_is_right(
    bench: Bench, fault: Callable[[ScriptedChannel], None], error: type[Exception], match: str
) -> None:
    clock, channel, link = bench
    fault(channel)
    begun = time.monotonic()
    with pytest.raises(error, match=match) as caught:
        clock.run(link.ask(say(b"a")))
    assert time.monotonic() - begun < 2.0
    assert (caught.value.instrument, caught.value.port, caught.value.command) == (  # type: ignore[attr-defined]  # all are
        "thing",
        "memory://scripted",
        b"a\n",
    )
    channel.answer = echo
    for text in (b"b", b"c"):
        assert clock.run(link.ask(say(text))) == text.upper() + b"\n"
    assert channel.sent[2:] == [b"who\n", b"b\n", b"c\n"]


def test_a_duplicated_reply_is_not_the_answer_to_the_next_command(bench: Bench) -> None:
    clock, channel, link = bench
    channel.answer = lambda data: [data.upper(), data.upper()]
    assert clock.run(link.ask(say(b"a"))) == b"A\n"
    channel.answer = echo
    assert clock.run(link.ask(say(b"b"))) == b"B\n"
    assert channel.sent[2:] == [b"who\n", b"b\n"]


def test_a_duplicate_in_one_piece_with_its_reply_is_not_the_next_answer(bench: Bench) -> None:
    clock, channel, link = bench
    channel.answer = lambda data: [data.upper() * 2]
    assert clock.run(link.ask(say(b"a"))) == b"A\n"
    channel.answer = echo
    assert clock.run(link.ask(say(b"b"))) == b"B\n"


def test_a_reply_later_than_the_draining_is_passed_over_while_resynchronising(bench: Bench) -> None:
    clock, channel, link = bench
    channel.answer = lambda data: [(0.38, data.upper())]  # 0.2 s deadline, 0.1 s draining, then `who`
    with pytest.raises(InstrumentTimeout):
        clock.run(link.ask(say(b"a")))
    channel.answer = lambda data: [(0.15, b"me\n")] if data == b"who\n" else [data.upper()]
    assert clock.run(link.ask(say(b"b"))) == b"B\n"


def test_before_an_instrument_was_met_the_draining_alone_keeps_a_late_reply_away(
    clock: Clock, ports: MakePorts
) -> None:
    channel = ScriptedChannel(lambda data: [(0.25, data.upper())], clock=clock)
    link = ports(clock).attach("memory://x", "thing", identify=who, channel=channel)
    with pytest.raises(InstrumentTimeout):
        clock.run(link.ask(say(b"a")))
    channel.answer = lambda data: [(0.1, data.upper())]
    assert clock.run(link.ask(say(b"b"))) == b"B\n"


def test_a_hanging_instrument_fails_each_command_within_its_deadline(bench: Bench) -> None:
    clock, channel, link = bench
    dropped(channel)
    for _ in range(2):
        with pytest.raises(InstrumentTimeout):
            clock.run(link.ask(say(b"a")))
    assert channel.sent.count(b"a\n") == 1  # the second was never sent: the line could not be trusted
    channel.answer = echo
    assert clock.run(link.ask(say(b"b"))) == b"B\n"


def test_a_refusal_leaves_the_line_trusted(bench: Bench) -> None:
    clock, channel, link = bench

    def refused() -> Query[None]:
        yield from ask(b"x\n", b"\n")
        raise Refused("no")

    with pytest.raises(Refused, match=r"thing on memory://scripted: no .sent b'x.n', saw b'X.n'"):
        clock.run(link.ask(refused()))
    clock.run(link.ask(say(b"b")))
    assert channel.sent.count(b"who\n") == 1


def test_a_query_may_handle_its_own_timeout(bench: Bench) -> None:
    clock, channel, link = bench

    def patient() -> Query[str]:
        try:
            yield from ask(b"a\n", b"\n", 0.05)
        except InstrumentTimeout:
            return "gave up"
        return "answered"

    dropped(channel)
    assert clock.run(link.ask(patient())) == "gave up"
    channel.answer = echo
    clock.run(link.ask(say(b"b")))
    assert channel.sent[2:] == [b"who\n", b"b\n"]  # yet the line was not trusted before it was asked


def test_a_dead_line_is_a_disconnect_and_is_opened_again(bench: Bench) -> None:
    clock, channel, link = bench
    channel.die()
    for _ in range(2):
        with pytest.raises(InstrumentDisconnected, match="line is down"):
            clock.run(link.ask(say(b"a")))
    channel.revive()
    assert clock.run(link.ask(say(b"b"))) == b"B\n"
    assert channel.opened == 2
    assert channel.sent[1:] == [b"who\n", b"b\n"]


def test_a_line_that_was_lost_in_trouble_is_opened_again_before_the_next_command(bench: Bench) -> None:
    clock, channel, link = bench
    dropped(channel)
    with pytest.raises(InstrumentTimeout):
        clock.run(link.ask(say(b"a")))
    channel.die()
    channel.revive()
    channel.answer = echo
    assert clock.run(link.ask(say(b"b"))) == b"B\n"
    assert channel.opened == 2
    assert channel.sent[1:] == [b"a\n", b"who\n", b"b\n"]


def test_a_line_that_dies_while_an_answer_is_awaited_is_a_disconnect(real: Clock, ports: MakePorts) -> None:
    channel = ScriptedChannel(echo)
    link = met(ports(real).attach("memory://x", "thing", identify=who, channel=channel), real)

    def deadly(data: bytes) -> list[Any]:
        threading.Timer(0.02, channel.die).start()
        return []

    channel.answer = deadly
    with pytest.raises(InstrumentDisconnected) as caught:
        real.run(link.ask(say(b"a", 5.0)))
    assert caught.value.command == b"a\n"


def test_another_instrument_after_a_reconnect_is_refused_until_the_right_one_is_back(bench: Bench) -> None:
    clock, channel, link = bench
    channel.die()  # as when a cable is changed
    with pytest.raises(InstrumentDisconnected):
        clock.run(link.ask(say(b"lost")))
    channel.revive()
    channel.answer = lambda data: [b"you\n"] if data == b"who\n" else [data.upper()]
    for _ in range(2):
        with pytest.raises(WrongInstrument, match=r"another instrument answers: b'you\\n' instead of b'me\\n'"):
            clock.run(link.ask(say(b"a")))
    assert b"a\n" not in channel.sent
    channel.answer = echo
    assert clock.run(link.ask(say(b"b"))) == b"B\n"


def test_unsolicited_frames_go_to_the_instrument_and_are_no_answer(clock: Clock, ports: MakePorts) -> None:
    channel = ScriptedChannel(echo, clock=clock)
    taken: list[tuple[bytes, bytes]] = []

    def takes(frame: bytes, sent: bytes) -> bool:
        if frame.startswith(b"!"):
            taken.append((frame, sent))
        return frame.startswith(b"!")

    link = ports(clock).attach("memory://x", "thing", identify=who, takes=takes, channel=channel)
    met(link, clock)
    channel.answer = lambda data: [b"!alarm\n", data.upper(), b"!again\n"]
    assert clock.run(link.ask(say(b"a"))) == b"A\n"
    channel.answer = echo
    assert clock.run(link.ask(say(b"b"))) == b"B\n"
    assert taken[0] == (b"!alarm\n", b"a\n")
    assert [frame for frame, _ in taken] == [b"!alarm\n", b"!again\n"]
    assert channel.sent.count(b"who\n") == 1  # expected by nobody, yet no reason for distrust


def test_two_threads_on_one_port_never_see_each_others_answers(real: Clock, ports: MakePorts) -> None:
    channel = ScriptedChannel(lambda data: [(0.001, data.upper())])
    link = ports(real).attach("memory://x", "thing", channel=channel)
    wrong: list[object] = []

    def work(letter: bytes) -> None:
        for number in range(40):
            text = letter + str(number).encode()
            if real.run(link.ask(say(text, 2.0))) != text.upper() + b"\n":
                wrong.append(text)

    threads = [threading.Thread(target=work, args=(letter,)) for letter in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(channel.sent) == 80


def test_urgent_queries_go_first_and_a_cancelled_one_is_never_sent(bench: Bench) -> None:
    clock, channel, link = bench
    channel.answer = lambda data: [(0.15, data.upper())]

    async def crowd() -> list[object]:
        first = asyncio.ensure_future(link.ask(say(b"a")))
        await asyncio.sleep(0)
        await asyncio.sleep(0.005)
        others = [asyncio.ensure_future(link.ask(say(text))) for text in (b"b", b"c")]
        urgent = asyncio.ensure_future(link.ask(say(b"stop"), urgent=True))
        await asyncio.sleep(0)
        others[0].cancel()
        return await asyncio.gather(first, *others, urgent, return_exceptions=True)

    results = clock.run(crowd())
    assert isinstance(results[1], asyncio.CancelledError)
    assert channel.sent[1:] == [b"a\n", b"stop\n", b"c\n"]


def test_a_query_under_way_runs_to_its_end_when_its_caller_is_cancelled(bench: Bench) -> None:
    clock, channel, link = bench
    channel.answer = lambda data: [(0.05, data.upper())]

    async def impatient() -> bytes:
        task = asyncio.ensure_future(link.ask(say(b"a")))
        await asyncio.sleep(0.01)
        task.cancel()
        return await link.ask(say(b"b"))

    assert clock.run(impatient()) == b"B\n"
    assert channel.sent[1:] == [b"a\n", b"b\n"]  # in step: nothing to drain or to re-synchronise


def test_instruments_of_a_bus_share_one_port_until_the_last_one_leaves(clock: Clock, ports: MakePorts) -> None:
    registry = ports(clock)
    channel = ScriptedChannel(echo, clock=clock)
    first = registry.attach("memory://bus?bus=1", "one", channel=channel)
    second = registry.attach("memory://bus?bus=2", "two", channel=channel)
    assert first.port is second.port
    assert len(registry) == 1
    clock.run(first.ask(say(b"a")))
    clock.run(second.ask(say(b"b")))
    assert channel.opened == 1
    first.close()
    first.close()
    assert clock.run(second.ask(say(b"c"))) == b"C\n"
    with pytest.raises(InstrumentDisconnected, match="one on memory://scripted: the port was given back"):
        clock.run(first.ask(say(b"d")))
    second.close()
    assert len(registry) == 0
    if clock.mode == "real":
        assert not channel.is_open


def test_a_bus_refuses_two_instruments_in_one_place_and_contradicting_settings(real: Clock, ports: MakePorts) -> None:
    registry = ports(real)
    registry.attach("serial:///dev/ttyNONE?bus=1", "one")
    with pytest.raises(InputError, match=r"'two' and 'one' are both on serial:///dev/ttyNONE at bus address 1"):
        registry.attach("serial:///dev/ttyNONE?bus=1", "two")
    with pytest.raises(InputError, match="both on"):
        registry.attach("serial:///dev/ttyNONE", "two")
    with pytest.raises(InputError, match=r"another instrument uses .* with default settings"):
        registry.attach("serial:///dev/ttyNONE?bus=2&baud=19200", "two")


def test_virtual_time_refuses_a_line_that_needs_a_thread(virtual: Clock, ports: MakePorts) -> None:
    with pytest.raises(InputError, match="virtual time needs a virtual lab in memory"):
        ports(virtual).attach("tcp://127.0.0.1:9", "thing")


def test_an_idle_port_sleeps(real: Clock, ports: MakePorts) -> None:
    channel = ScriptedChannel(echo)
    link = ports(real).attach("memory://x", "thing", channel=channel)
    real.run(link.ask(say(b"a")))
    reads = []
    channel.read = lambda timeout: reads.append(timeout) or b""  # type: ignore[method-assign, func-returns-value]  # counts
    before = time.process_time()
    threading.Event().wait(0.15)
    assert time.process_time() - before < 0.1
    assert not reads


def test_closing_the_port_ends_a_long_wait(real: Clock, ports: MakePorts) -> None:
    registry = ports(real)
    channel = ScriptedChannel(lambda data: [])
    link = registry.attach("memory://x", "thing", channel=channel)
    threading.Timer(0.05, registry.close).start()
    begun = time.monotonic()
    with pytest.raises(InstrumentDisconnected, match="port was closed"):
        real.run(link.ask(say(b"a", 30.0)))
    assert time.monotonic() - begun < 2


def test_the_wire_log_has_every_byte_with_direction_port_and_both_times(bench: Bench) -> None:
    clock, _, link = bench
    clock.run(link.ask(say(b"a")))
    records = link.port.log.tail("memory://scripted")
    bytes_only = [(record.direction, record.data) for record in records if record.direction != "note"]
    assert bytes_only[-2:] == [("out", b"a\n"), ("in", b"A\n")]
    assert ("note", b"opened") in [(record.direction, record.data) for record in records]
    assert all(record.port == "memory://scripted" for record in records)
    assert all(abs(record.wall - time.time()) < 60 and record.lab <= clock.now() for record in records)


def test_traffic_is_logged_for_the_reader_of_logs(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    clock, _, link = bench
    with caplog.at_level(logging.DEBUG, "autolab.wire"):
        clock.run(link.ask(say(b"a")))
    assert any("memory://scripted > b'a\\n'" in message for message in caplog.messages)


def test_the_instruments_of_a_clock_share_its_ports(real: Clock) -> None:
    assert ports_of(real) is ports_of(real)


def test_an_error_of_the_query_itself_reaches_its_caller(bench: Bench) -> None:
    clock, _, link = bench

    def broken() -> Query[None]:
        yield from ask(b"a\n", b"\n")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        clock.run(link.ask(broken()))
    assert clock.run(link.ask(say(b"b"))) == b"B\n"


def test_the_wire_log_can_go_to_a_file(tmp_path: Path) -> None:
    log = WireLog(size=2, path=tmp_path / "wire.log")
    for number in range(3):
        log.add(float(number), "memory://x", "out", bytes([65 + number]))
    log.add(3.0, "memory://x", "note", b"opened")
    log.close()
    log.close()
    lines = (tmp_path / "wire.log").read_text().splitlines()
    assert [line.split(" ", 2)[1:] for line in lines[::3]] == [
        ["0.000000", "memory://x > b'A'"],
        ["3.000000", "memory://x # opened"],
    ]
    assert [record.data for record in log.records] == [b"C", b"opened"]
