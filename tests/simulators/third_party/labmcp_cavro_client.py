# mypy: ignore-errors
"""labmcp-cavro initialises the pump, turns its valve, moves its plunger and stops it, in DT lines."""

import sys
import threading
import time


def main(url: str) -> None:
    from labmcp.transports import open_transport
    from labmcp_cavro.driver import CavroError, CavroPump

    transport = open_transport(url, read_termination="\x03\r\n", write_termination="\r", timeout=2.0)
    pump = CavroPump(transport, address="1", syringe_ul=1000.0, model="xcalibur", resolution_mode=1)
    assert pump.identify()["firmware"] == "XCALIBUR V2.07"
    pump.initialize()
    assert (pump.plunger_steps(), pump.valve_position(), pump.mode()) == (0, "i", 1)
    assert pump.steps_per_stroke() == 24000
    assert pump.move_plunger("A", 12000, 6000, timeout=5.0).position_steps == 12000
    assert pump.move_valve("O") == "o"
    assert pump.move_plunger("D", 4000, 5000, timeout=5.0).position_steps == 8000
    assert pump.top_speed() == 5000
    refusals = []
    assert pump.move_valve("B") == "b"
    for kind, steps in (("A", 100), ("A", 99999)):
        try:
            pump.move_plunger(kind, steps, 5000, timeout=5.0)
        except CavroError as error:
            refusals.append(error.code)
        pump.move_valve("I")
    assert refusals == [11, 3], refusals
    timer = threading.Timer(0.5, pump.terminate)
    timer.start()
    begun = time.monotonic()
    moved = pump.move_plunger("A", 24000, 500, timeout=30.0)
    assert time.monotonic() - begun < 2.0
    assert 8000 < moved.position_steps < 12000, moved
    assert moved.terminated
    pump.close()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
