# mypy: ignore-errors
"""nesp-lib drives the pump: identity, settings, a blocking run, a stop, counters, limits, safe mode."""

import sys

from ports import device, let_serial_take_urls


def main(url: str) -> None:
    let_serial_take_urls()
    from nesp_lib import Port, Pump, PumpingDirection, Status
    from nesp_lib.exceptions import StateException

    with Port(device(url)) as port:
        pump = Pump(port)
        assert (pump.model_number, pump.firmware_version) == (1000, (3, 928))
        pump.syringe_diameter_mm = 20.0
        assert pump.syringe_diameter_mm == 20.0
        pump.pumping_direction = PumpingDirection.WITHDRAW
        pump.pumping_volume_ml = 0.25
        pump.pumping_rate_ml_per_min = 15.0
        assert (pump.pumping_volume_ml, pump.pumping_rate_ml_per_min) == (0.25, 15.0)
        pump.run()
        assert pump.status is Status.STOPPED
        assert pump.volume_withdrawn_ml == 0.25
        assert pump.volume_infused_ml == 0.0
        pump.pumping_direction = PumpingDirection.INFUSE
        pump.run(wait_while_running=False)
        assert pump.running
        pump.stop()
        assert pump.status is Status.PAUSED
        assert 0.0 <= pump.volume_infused_ml < 0.25
        pump.run()
        assert pump.volume_infused_ml == 0.25
        try:
            pump.stop()
        except StateException:
            pass
        else:
            raise AssertionError("a stopped pump was stopped again")
        try:
            pump.pumping_rate_ml_per_min = 100.0
        except ValueError:
            pass
        else:
            raise AssertionError("a rate beyond the motor was taken")
        pump.volume_infused_clear()
        pump.volume_withdrawn_clear()
        assert (pump.volume_infused_ml, pump.volume_withdrawn_ml) == (0.0, 0.0)
        pump.run_purge()
        assert pump.status is Status.PURGING
        pump.stop()
        pump.safe_mode_timeout_s = 30
        assert (pump.safe_mode_timeout_s, pump.status) == (30, Status.STOPPED)
        pump.safe_mode_timeout_s = 0
        assert pump.status is Status.STOPPED


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
