# mypy: ignore-errors
"""labmcp-new-era drives the pump: identity, a program of two phases, counters, stop, refusals."""

import sys
import time


def main(url: str) -> None:
    from labmcp import InstrumentProtocolError
    from labmcp.transports import open_transport
    from labmcp_new_era.driver import NewEraPump

    transport = open_transport(url, read_termination="\x03", write_termination="\r", timeout=3.0)
    pump = NewEraPump(transport, address=0)
    assert pump.identify()["model"] == "NE-1000"
    assert pump.reset_alarm_seen
    assert pump.set_diameter(20.0) == "20.00"
    assert pump.diameter_mm() == 20.0
    plan = pump.start_pumping("WDR", 0.2, 12.0)
    assert (plan.volume_ml, plan.rate_ml_min) == (0.2, 12.0)
    while pump.status().prompt == "W":
        time.sleep(0.05)
    assert pump.status().state == "stopped"
    assert pump.dispensed() == (0.0, 0.2, "ML")
    pump.start_pumping("INF", 0.2, 12.0)
    assert pump.stop().state == "stopped"
    infused, withdrawn, unit = pump.dispensed()
    assert 0 <= infused < 0.2
    assert (withdrawn, unit) == (0.2, "ML")
    pump.clear_dispensed()
    assert pump.dispensed() == (0.0, 0.0, "ML")
    assert pump.direction() == "INF"
    refusal = ""
    try:
        pump.start_pumping("INF", 1.0, 500.0)
    except InstrumentProtocolError as error:
        refusal = str(error)
    assert "out of range" in refusal, "a rate beyond the motor was taken"
    pump.close()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
