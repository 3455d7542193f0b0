# mypy: ignore-errors
"""IO Rodeo's own library runs every test of a Rodeostat.

A fault of the client, worked around here: it cannot open a URL, only a device's path.
"""

import sys

from ports import device


def main(url: str) -> None:
    from potentiostat import Potentiostat

    stat = Potentiostat(device(url))
    assert (stat.hardware_variant, stat.firmware_version) == ("10V_microAmpV0.2", "FW0.0.7")
    assert stat.get_all_volt_range() == ["1V", "2V", "5V", "10V"]
    stat.set_curr_range("100uA")
    assert stat.get_curr_range() == "100uA"
    stat.set_volt_range("2V")
    assert abs(stat.set_volt(0.5) - 0.5) < 1e-3
    assert abs(stat.get_volt() - 0.5) < 1e-3
    stat.set_volt(0)
    stat.set_device_id(12)
    assert stat.get_device_id() == 12
    stat.set_sample_rate(100)
    assert stat.get_sample_period() == 10
    names = stat.get_test_names()
    assert names == ["cyclic", "sinusoid", "constant", "squareWave", "linearSweep", "chronoamp", "multiStep"]
    periodic = {
        "quietValue": 0.0,
        "quietTime": 50,
        "amplitude": 0.3,
        "offset": 0.2,
        "period": 200,
        "numCycles": 1,
        "shift": 0.0,
    }
    steps = {"quietValue": 0.0, "quietTime": 0, "step": [[100, 0.1], [100, 0.4]]}
    for name, param, count in (
        ("cyclic", periodic, 25),
        ("sinusoid", periodic, 25),
        ("constant", {"value": 0.1, "duration": 200}, 25),  # the quiet time stands
        ("linearSweep", {"startValue": 0.0, "finalValue": 0.3, "duration": 200}, 20),
        ("chronoamp", steps, 20),
        ("multiStep", steps, 20),
        ("squareWave", {"startValue": 0.0, "finalValue": 0.1, "stepValue": 0.01}, 10),
    ):
        if name == "constant":
            param = {"quietTime": 50, **param}
        t, volt, curr = stat.run_test(name, param=param)
        assert len(t) == len(volt) == len(curr), name
        assert abs(len(t) - count) <= 1, (name, len(t))
        assert abs(t[0] - 0.01) < 1e-6
    assert stat.get_param("cyclic")["period"] == 200
    assert stat.get_test_done_time("cyclic") == 250
    assert stat.get_auto_connect() is True
    stat.set_all_elect_connected(True)
    assert stat.get_ref_elect_connected() is True
    assert abs(stat.get_curr()) < 100
    stat.set_mux_enabled(True)
    stat.set_enabled_mux_channels([1, 3])
    assert sorted(stat.run_test("constant", param={"value": 0.1, "duration": 100})) == [1, 3]
    stat.set_mux_enabled(False)
    stat.close()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
