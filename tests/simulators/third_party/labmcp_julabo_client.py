# mypy: ignore-errors
"""labmcp-julabo reads and sets a circulator, and hears why it refuses something."""

import sys
import time


def main(url: str) -> None:
    from labmcp.transports import open_transport
    from labmcp_julabo.driver import JulaboCirculator

    transport = open_transport(url, read_termination="\n", write_termination="\r", timeout=2.0)
    bath = JulaboCirculator(transport)
    assert "JULABO" in bath.identify()["version"]
    assert 20.5 < bath.bath_temperature_c() < 21.5
    assert 20.5 < bath.external_temperature_c() < 21.5
    assert bath.warning_limits_c() == (150.0, -30.0)
    assert bath.set_setpoint(40.0).label == "02 REMOTE STOP"
    assert bath.setpoint_c() == 40.0
    refusal = ""
    try:
        bath.set_setpoint(500.0)
    except Exception as error:
        refusal = str(error)
    assert "VALUE TOO LARGE" in refusal
    assert bath.start().label == "03 REMOTE START"
    time.sleep(2)
    assert bath.heating_power_pct() == 100.0
    assert bath.bath_temperature_c() > 21.1
    assert bath.stop()
    assert not bath.is_running()
    bath.close()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
