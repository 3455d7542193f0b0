"""The simulated Rodeostat after its firmware, line for line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.simulators.conftest import Speaker
from autolab.simulators.rodeostat_waveforms import waveforms
from autolab.simulators.simulator import Simulator


def ask(stat: Speaker, command: str, **more: Any) -> dict[str, Any]:
    lines = stat.say(json.dumps({"command": command, **more}).encode() + b"\n").splitlines()
    found: dict[str, Any] = json.loads(lines[0])
    assert found["success"] is True, found
    assert found["response"]["command"] == command
    return dict(found["response"])


def refused(stat: Speaker, command: str, **more: Any) -> str:
    found = json.loads(stat.say(json.dumps({"command": command, **more}).encode() + b"\n"))
    assert found["success"] is False
    return str(found["message"])


def run(stat: Speaker, test: str, wait: float, **param: Any) -> list[dict[str, Any]]:
    if param:
        ask(stat, "setParam", test=test, param=param)
    said = stat.say(json.dumps({"command": "runTest", "test": test}).encode() + b"\n", wait)
    lines = [json.loads(line) for line in said.splitlines()]
    assert lines[0] == {"success": True, "response": {"command": "runTest", "test": test}}
    assert lines[-1] == {}
    return lines[1:-1]


@pytest.fixture
def make(meet_one: Callable[..., Speaker]) -> Callable[..., Speaker]:
    def one(**options: Any) -> Speaker:
        return meet_one("rodeostat.Rodeostat", None, {"cell": "resistor", "ohm": 1e4, **options})

    return one


@pytest.fixture
def stat(make: Callable[..., Speaker]) -> Speaker:
    return make()


def test_a_line_as_the_firmware_prints_it(stat: Speaker) -> None:
    assert isinstance(stat.inside, Simulator)
    assert stat.say(b'{"command":"getVersion"}\n') == (
        b'{"success":true,"response":{"command":"getVersion","version":"FW0.0.7"}}\r\n'
    )
    assert ask(stat, "getVariant")["variant"] == "10V_microAmpV0.2"
    assert ask(stat, "getHardwareVersion")["version"] == "V0.2"
    assert ask(stat, "setDeviceId", deviceId=7)["deviceId"] == 7
    assert ask(stat, "getDeviceId")["deviceId"] == 7


def test_nonsense(stat: Speaker) -> None:
    for line in (b"hello\n", b"\n", b"[1]\n", b"{\n", b"\xff\n"):
        assert json.loads(stat.say(line)) == {"success": False, "message": "unable to parse json", "response": {}}
    assert json.loads(stat.say(b"{}\n"))["message"] == "CommandTable: command not found"
    assert refused(stat, "fly") == "command, fly, not found"
    assert ask(stat, "getVolt")["v"] == pytest.approx(0.0, abs=3e-4)


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
def test_what_it_refuses(stat: Speaker, command: str, more: Any, words: str) -> None:
    assert refused(stat, command, **more) == words


def test_voltage_current_and_ranges(stat: Speaker) -> None:
    assert ask(stat, "getVoltRange")["voltRange"] == "1V"
    assert ask(stat, "setVolt", v=0.5)["v"] == pytest.approx(0.5, abs=3e-4)
    assert ask(stat, "getCurr")["i"] == pytest.approx(0.0, abs=0.01)  # nothing is connected
    ask(stat, "setAllElectConnected", connected=True)
    ask(stat, "setCurrRange", currRange="100uA")
    assert ask(stat, "getCurr")["i"] == pytest.approx(50.0, abs=0.1)
    assert ask(stat, "getRefVolt")["r"] == pytest.approx(0.5, abs=3e-4)
    assert not stat.inside.is_safe()
    assert ask(stat, "setVolt", v=3)["v"] == 1.0  # the range's end
    ask(stat, "setVoltRange", voltRange="5V")
    assert ask(stat, "getVolt")["v"] == pytest.approx(3.0, abs=2e-3)
    ask(stat, "setCurrRange", currRange="10uA")
    assert ask(stat, "getCurr")["i"] == pytest.approx(10.0, abs=0.01)  # cut off


def test_names_and_parameters(stat: Speaker) -> None:
    names = ["cyclic", "sinusoid", "constant", "squareWave", "linearSweep", "chronoamp", "multiStep"]
    assert ask(stat, "getTestNames")["testNames"] == names
    assert ask(stat, "getMuxTestNames")["testNames"] == [name for name in names if name != "squareWave"]
    for name in names:
        assert {"quietValue", "quietTime"} <= ask(stat, "getParam", test=name)["param"].keys()
    assert ask(stat, "getTestDoneTime", test="cyclic")["testDoneTime"] == 10000
    ask(stat, "setParam", test="cyclic", param={"numCycles": 2, "quietTime": 500})
    assert ask(stat, "getTestDoneTime", test="cyclic")["testDoneTime"] == 2500
    assert ask(stat, "setSamplePeriod", samplePeriod=20)["samplePeriod"] == 20


def test_a_run_streams_its_samples(stat: Speaker) -> None:
    ask(stat, "setCurrRange", currRange="100uA")
    samples = run(stat, "cyclic", 1.5, amplitude=0.5, period=1000, numCycles=1)
    assert [sample["t"] for sample in samples] == list(range(10, 1001, 10))
    assert samples[49]["v"] == pytest.approx(0.5)
    for sample in samples[:-1]:
        assert sample["i"] == pytest.approx(sample["v"] * 100, abs=0.2)
    assert stat.inside.is_safe()


def test_other_commands_are_answered_in_between(stat: Speaker) -> None:
    stat.say(b'{"command":"runTest","test":"cyclic"}\n', 0.1)
    assert stat.say(b'{"command":"getVersion"}\n', 0.05).count(b'"version"') == 1


def test_stopping_ends_with_an_empty_object_also_when_nothing_runs(stat: Speaker) -> None:
    end = b'{"success":true,"response":{"command":"stopTest"}}\r\n{}\r\n'
    assert stat.say(b'{"command":"stopTest"}\n') == end
    stat.say(b'{"command":"runTest","test":"cyclic"}\n', 0.1)
    assert stat.say(b'{"command":"stopTest"}\n', 1.0).endswith(end)
    assert stat.inside.is_safe()


def test_the_range_follows_the_test_and_electrodes_connect_by_themselves(stat: Speaker) -> None:
    stat.say(b'{"command":"setParam","test":"constant","param":{"value":4.0,"duration":300}}\n')
    stat.say(b'{"command":"runTest","test":"constant"}\n', 0.1)
    assert (stat.inside.volt_range, stat.inside.live) == ("5V", True)
    stat.wait(1.0)
    assert not stat.inside.live
    ask(stat, "setElectAutoConnect", autoConnect=False)
    stat.say(b'{"command":"runTest","test":"constant"}\n', 0.1)
    assert not stat.inside.live
    assert ask(stat, "getElectAutoConnect")["autoConnect"] is False


def test_electrodes(stat: Speaker) -> None:
    for part in ("Ref", "Ctr", "Wrk"):
        assert ask(stat, f"get{part}ElectConnected")["connected"] is False
        assert ask(stat, f"set{part}ElectConnected", connected=True)["connected"] is True
    assert ask(stat, "getAllElectConnected")["connected"] is True


def test_the_multiplexer_takes_turns(stat: Speaker) -> None:
    ask(stat, "setMuxEnabled", muxEnabled=True)
    assert refused(stat, "runTest", test="squareWave") == "test, squareWave, is not mux compatible"
    assert "no enabled working electrode" in refused(stat, "runTest", test="cyclic")
    ask(stat, "setEnabledMuxChannels", muxChannel=[2, 5])
    assert ask(stat, "setMuxWrkElectConnected", connected=5)["connected"] == 5
    assert refused(stat, "setMuxWrkElectConnected", connected=3) == "mux channel is not enabled"
    ask(stat, "disconnectAllMuxElect")
    samples = run(stat, "constant", 0.5, value=0.1, duration=100)
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


def test_a_square_wave_gives_forward_less_reverse(stat: Speaker) -> None:
    ask(stat, "setCurrRange", currRange="100uA")
    samples = run(stat, "squareWave", 1.0, startValue=-0.1, finalValue=0.1, stepValue=0.01, amplitude=0.05)
    assert len(samples) in (19, 20)
    assert [sample["i"] for sample in samples[1:-1]] == pytest.approx([10.0] * (len(samples) - 2), abs=0.2)
    assert samples[4]["v"] == pytest.approx(-0.05)


def test_full_packets_stay_in_the_usb_buffer(make: Callable[..., Speaker]) -> None:
    stat = make(usb_bug=True)
    line = b'{"command":"getVersion"}'
    full = line + b" " * (63 - len(line)) + b"\n"
    assert [stat.say(full) for _ in range(3)] == [b""] * 3
    assert stat.say(full).count(b"getVersion") == 4
    assert stat.say(b" " + full) != b""


def test_power_cycle(stat: Speaker) -> None:
    ask(stat, "setSamplePeriod", samplePeriod=50)
    stat.say(b'{"command":"runTest","test":"cyclic"}\n', 0.2)
    stat.inside.power_cycle()
    assert stat.inside.is_safe()
    assert stat.say(b'{"command":"getSamplePeriod"}\n', 1.0).count(b"\n") == 1
    assert ask(stat, "getSamplePeriod")["samplePeriod"] == 10


def test_snapshot_and_restore(stat: Speaker) -> None:
    ask(stat, "setSamplePeriod", samplePeriod=50)
    ask(stat, "setParam", test="cyclic", param={"numCycles": 3})
    state = json.loads(json.dumps(stat.bench.snapshot()))
    stat.inside.power_cycle()
    stat.bench.restore(state)
    assert ask(stat, "getSamplePeriod")["samplePeriod"] == 50
    assert ask(stat, "getParam", test="cyclic")["param"]["numCycles"] == 3
    stat.say(b'{"command":"runTest","test":"cyclic"}\n', 0.2)
    with pytest.raises(ValueError, match="a test runs"):
        stat.bench.snapshot()


def test_other_boards(make: Callable[..., Speaker]) -> None:
    stat = make(variant="10V_nanoAmpV0.2")
    assert ask(stat, "setCurrRange", currRange="60nA")["currRange"] == "60nA"
    stat = make(variant="milliAmpV0.1", firmware="0.0.5")
    assert ask(stat, "getCurrRange")["currRange"] == "1000uA"
    assert ask(stat, "getVersion")["version"] == "0.0.5"
