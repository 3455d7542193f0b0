"""The simulated Rodeostat after its firmware, line for line."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.simulators.bench import Bench
from autolab.simulators.rodeostat_waveforms import waveforms
from autolab.simulators.simulator import Simulator


class Person:
    """Somebody who talks to it in lab time."""

    def __init__(self, clock: Clock, **options: Any) -> None:
        self.clock = clock
        self.bench = Bench.single(
            "rodeostat.Rodeostat", clock=clock, options={"cell": "resistor", "ohm": 1e4, **options}
        )
        self.inside = self.bench.instrument("instrument")
        self.heard = b""
        self.channel = self.bench.channel("instrument")
        self.channel.open()
        self.channel.on_bytes(self._hear)

    def _hear(self, data: bytes) -> None:
        self.heard += data

    def say(self, data: bytes, wait: float = 0.1) -> bytes:
        self.heard = b""
        self.channel.write(data)
        self.clock.run(asyncio.sleep(wait))
        return self.heard

    def ask(self, command: str, **more: Any) -> dict[str, Any]:
        lines = self.say(json.dumps({"command": command, **more}).encode() + b"\n").splitlines()
        found: dict[str, Any] = json.loads(lines[0])
        assert found["success"] is True, found
        assert found["response"]["command"] == command
        return dict(found["response"])

    def refused(self, command: str, **more: Any) -> str:
        found = json.loads(self.say(json.dumps({"command": command, **more}).encode() + b"\n"))
        assert found["success"] is False
        return str(found["message"])

    def run(self, test: str, wait: float, **param: Any) -> list[dict[str, Any]]:
        if param:
            self.ask("setParam", test=test, param=param)
        said = self.say(json.dumps({"command": "runTest", "test": test}).encode() + b"\n", wait)
        lines = [json.loads(line) for line in said.splitlines()]
        assert lines[0] == {"success": True, "response": {"command": "runTest", "test": test}}
        assert lines[-1] == {}
        return lines[1:-1]


@pytest.fixture
def stat(clock: Clock) -> Person:
    return Person(clock)


def test_a_line_as_the_firmware_prints_it(stat: Person) -> None:
    assert isinstance(stat.inside, Simulator)
    assert stat.say(b'{"command":"getVersion"}\n') == (
        b'{"success":true,"response":{"command":"getVersion","version":"FW0.0.7"}}\r\n'
    )
    assert stat.ask("getVariant")["variant"] == "10V_microAmpV0.2"
    assert stat.ask("getHardwareVersion")["version"] == "V0.2"
    assert stat.ask("setDeviceId", deviceId=7)["deviceId"] == 7
    assert stat.ask("getDeviceId")["deviceId"] == 7


def test_nonsense(stat: Person) -> None:
    for line in (b"hello\n", b"\n", b"[1]\n", b"{\n", b"\xff\n"):
        assert json.loads(stat.say(line)) == {"success": False, "message": "unable to parse json", "response": {}}
    assert json.loads(stat.say(b"{}\n"))["message"] == "CommandTable: command not found"
    assert stat.refused("fly") == "command, fly, not found"
    assert stat.ask("getVolt")["v"] == pytest.approx(0.0, abs=3e-4)


@pytest.mark.parametrize(
    ("command", "more", "words"),
    [
        ("setVolt", {}, "json does not contain key: v"),
        ("setVolt", {"v": "1"}, "unable to convert volt to float"),
        ("setVoltRange", {"voltRange": "3V"}, "voltRange, 3V, not found"),
        ("setCurrRange", {"currRange": "60nA"}, "currRange, 60nA, not found"),
        ("setSamplePeriod", {"samplePeriod": 0}, "json samplePeriod value is too small"),
        ("setSamplePeriod", {"samplePeriod": 1001}, "json samplePeriod value is too large"),
        ("setSamplePeriod", {"samplePeriod": 1.5}, "json samplePeriod value is not uin32_t"),
        ("setDeviceId", {"deviceId": -1}, "deviceId is not integer"),
        ("runTest", {}, "json does not contain key: test"),
        ("runTest", {"test": "magic"}, "test not found"),
        ("getParam", {"test": "magic"}, "test not found"),
        ("setParam", {"test": "cyclic"}, "key param missing"),
        ("setParam", {"test": "cyclic", "param": 1}, "param not JsonObject"),
        (
            "setParam",
            {"test": "cyclic", "param": {"period": 1.5, "offset": "x"}},
            "offset not a float, period not uint32",
        ),
        ("setParam", {"test": "chronoamp", "param": {}}, "step key not found"),
        ("setParam", {"test": "chronoamp", "param": {"step": [[1, 0.1]] * 3}}, "step array too large"),
        ("setParam", {"test": "chronoamp", "param": {"step": [[1, 1]]}}, "step item[1] not float"),
        ("setParam", {"test": "multiStep", "param": {"step": [[0.5, 0.1]]}}, "step item[0] not uint32"),
        ("setParam", {"test": "multiStep", "param": {"step": [[1]]}}, "step item size!=2"),
        ("setParam", {"test": "multiStep", "param": {"step": [1]}}, "step item not JsonArary"),
        ("setParam", {"test": "multiStep", "param": {"step": 1}}, "step not a JsonArray"),
        ("setMuxEnabled", {"muxEnabled": 1}, "unable to convert muxEnabled to bool"),
        ("setEnabledMuxChannels", {"muxChannel": [9]}, "muxChannel element out of range"),
        ("setMuxRefElectConnected", {"connected": True}, "mux not enabled - unable to connect/disconnect"),
        ("setRefElectConnected", {"connected": 1}, "unable to convert 'connected' to bool"),
    ],
)
def test_what_it_refuses(stat: Person, command: str, more: Any, words: str) -> None:
    assert stat.refused(command, **more) == words


def test_voltage_current_and_ranges(stat: Person) -> None:
    assert stat.ask("getVoltRange")["voltRange"] == "1V"
    assert stat.ask("setVolt", v=0.5)["v"] == pytest.approx(0.5, abs=3e-4)
    assert stat.ask("getCurr")["i"] == pytest.approx(0.0, abs=0.01)  # nothing is connected
    stat.ask("setAllElectConnected", connected=True)
    stat.ask("setCurrRange", currRange="100uA")
    assert stat.ask("getCurr")["i"] == pytest.approx(50.0, abs=0.1)
    assert stat.ask("getRefVolt")["r"] == pytest.approx(0.5, abs=3e-4)
    assert not stat.inside.is_safe()
    assert stat.ask("setVolt", v=3)["v"] == 1.0  # the range's end
    stat.ask("setVoltRange", voltRange="5V")
    assert stat.ask("getVolt")["v"] == pytest.approx(3.0, abs=2e-3)
    stat.ask("setCurrRange", currRange="10uA")
    assert stat.ask("getCurr")["i"] == pytest.approx(10.0, abs=0.01)  # cut off


def test_names_and_parameters(stat: Person) -> None:
    names = ["cyclic", "sinusoid", "constant", "squareWave", "linearSweep", "chronoamp", "multiStep"]
    assert stat.ask("getTestNames")["testNames"] == names
    assert stat.ask("getMuxTestNames")["testNames"] == [name for name in names if name != "squareWave"]
    for name in names:
        assert {"quietValue", "quietTime"} <= stat.ask("getParam", test=name)["param"].keys()
    assert stat.ask("getTestDoneTime", test="cyclic")["testDoneTime"] == 10000
    stat.ask("setParam", test="cyclic", param={"numCycles": 2, "quietTime": 500})
    assert stat.ask("getTestDoneTime", test="cyclic")["testDoneTime"] == 2500
    assert stat.ask("setSamplePeriod", samplePeriod=20)["samplePeriod"] == 20


def test_a_run_streams_its_samples(stat: Person) -> None:
    stat.ask("setCurrRange", currRange="100uA")
    samples = stat.run("cyclic", 1.5, amplitude=0.5, period=1000, numCycles=1)
    assert [sample["t"] for sample in samples] == list(range(10, 1001, 10))
    assert samples[49]["v"] == pytest.approx(0.5)
    for sample in samples[:-1]:
        assert sample["i"] == pytest.approx(sample["v"] * 100, abs=0.2)
    assert stat.inside.is_safe()


def test_other_commands_are_answered_in_between(stat: Person) -> None:
    stat.say(b'{"command":"runTest","test":"cyclic"}\n', 0.1)
    assert stat.say(b'{"command":"getVersion"}\n', 0.05).count(b'"version"') == 1


def test_stopping_ends_with_an_empty_object_also_when_nothing_runs(stat: Person) -> None:
    end = b'{"success":true,"response":{"command":"stopTest"}}\r\n{}\r\n'
    assert stat.say(b'{"command":"stopTest"}\n') == end
    stat.say(b'{"command":"runTest","test":"cyclic"}\n', 0.1)
    assert stat.say(b'{"command":"stopTest"}\n', 1.0).endswith(end)
    assert stat.inside.is_safe()


def test_the_range_follows_the_test_and_electrodes_connect_by_themselves(stat: Person) -> None:
    stat.say(b'{"command":"setParam","test":"constant","param":{"value":4.0,"duration":300}}\n')
    stat.say(b'{"command":"runTest","test":"constant"}\n', 0.1)
    assert (stat.inside.volt_range, stat.inside.live) == ("5V", True)
    stat.clock.run(asyncio.sleep(1.0))
    assert not stat.inside.live
    stat.ask("setElectAutoConnect", autoConnect=False)
    stat.say(b'{"command":"runTest","test":"constant"}\n', 0.1)
    assert not stat.inside.live
    assert stat.ask("getElectAutoConnect")["autoConnect"] is False


def test_electrodes(stat: Person) -> None:
    for part in ("Ref", "Ctr", "Wrk"):
        assert stat.ask(f"get{part}ElectConnected")["connected"] is False
        assert stat.ask(f"set{part}ElectConnected", connected=True)["connected"] is True
    assert stat.ask("getAllElectConnected")["connected"] is True


def test_the_multiplexer_takes_turns(stat: Person) -> None:
    stat.ask("setMuxEnabled", muxEnabled=True)
    assert stat.refused("runTest", test="squareWave") == "test, squareWave, is not mux compatible"
    assert "no enabled working electrode" in stat.refused("runTest", test="cyclic")
    stat.ask("setEnabledMuxChannels", muxChannel=[2, 5])
    assert stat.ask("setMuxWrkElectConnected", connected=5)["connected"] == 5
    assert stat.refused("setMuxWrkElectConnected", connected=3) == "mux channel is not enabled"
    stat.ask("disconnectAllMuxElect")
    samples = stat.run("constant", 0.5, value=0.1, duration=100)
    assert [sample["n"] for sample in samples] == [2, 5] * 5


@pytest.mark.parametrize(
    ("test", "param", "volts"),
    [
        ("linearSweep", {"startValue": 0.0, "finalValue": 1.0, "duration": 100}, [0.1, 0.5, 1.0]),
        ("sinusoid", {"amplitude": 0.5, "offset": 0.1, "period": 100}, [0.1 + 0.5 * math.sin(0.2 * math.pi), 0.1, 0.1]),
        ("constant", {"value": 0.3, "duration": 100}, [0.3, 0.3, 0.3]),
        ("chronoamp", {"step": [[50, 0.1], [50, -0.2]]}, [0.1, 0.1, -0.2]),
        ("multiStep", {"step": [[20, 0.1], [80, 0.2]]}, [0.1, 0.2, 0.2]),
    ],
)
def test_waveforms(test: str, param: Any, volts: list[float]) -> None:
    form = waveforms()[test]
    form.set({"quietTime": 10, "quietValue": 0.7, **param})
    assert form.volts(5_000) == 0.7
    assert [form.volts(10_000 + t) for t in (10_000, 50_000, 100_000)] == pytest.approx(volts)


def test_a_square_wave_gives_forward_less_reverse(stat: Person) -> None:
    stat.ask("setCurrRange", currRange="100uA")
    samples = stat.run("squareWave", 1.0, startValue=-0.1, finalValue=0.1, stepValue=0.01, amplitude=0.05)
    assert len(samples) in (19, 20)
    assert [sample["i"] for sample in samples[1:-1]] == pytest.approx([10.0] * (len(samples) - 2), abs=0.2)
    assert samples[4]["v"] == pytest.approx(-0.05)


def test_full_packets_stay_in_the_usb_buffer(clock: Clock) -> None:
    stat = Person(clock, usb_bug=True)
    line = b'{"command":"getVersion"}'
    full = line + b" " * (63 - len(line)) + b"\n"
    assert [stat.say(full) for _ in range(3)] == [b""] * 3
    assert stat.say(full).count(b"getVersion") == 4
    assert stat.say(b" " + full) != b""


def test_power_cycle(stat: Person) -> None:
    stat.ask("setSamplePeriod", samplePeriod=50)
    stat.say(b'{"command":"runTest","test":"cyclic"}\n', 0.2)
    stat.inside.power_cycle()
    assert stat.inside.is_safe()
    assert stat.say(b'{"command":"getSamplePeriod"}\n', 1.0).count(b"\n") == 1
    assert stat.ask("getSamplePeriod")["samplePeriod"] == 10


def test_snapshot_and_restore(stat: Person) -> None:
    stat.ask("setSamplePeriod", samplePeriod=50)
    stat.ask("setParam", test="cyclic", param={"numCycles": 3})
    state = json.loads(json.dumps(stat.bench.snapshot()))
    stat.inside.power_cycle()
    stat.bench.restore(state)
    assert stat.ask("getSamplePeriod")["samplePeriod"] == 50
    assert stat.ask("getParam", test="cyclic")["param"]["numCycles"] == 3
    stat.say(b'{"command":"runTest","test":"cyclic"}\n', 0.2)
    with pytest.raises(ValueError, match="a test runs"):
        stat.bench.snapshot()


def test_other_boards(clock: Clock) -> None:
    stat = Person(clock, variant="10V_nanoAmpV0.2")
    assert stat.ask("setCurrRange", currRange="60nA")["currRange"] == "60nA"
    stat = Person(clock, variant="milliAmpV0.1", firmware="0.0.5")
    assert stat.ask("getCurrRange")["currRange"] == "1000uA"
    assert stat.ask("getVersion")["version"] == "0.0.5"
