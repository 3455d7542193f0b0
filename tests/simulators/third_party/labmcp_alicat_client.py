# mypy: ignore-errors
"""The driver of labmcp-alicat reads tables and frames, and sets a flow, over TCP."""

import sys
import time


def main(url: str) -> None:
    from labmcp.transports import open_transport
    from labmcp_alicat.driver import AlicatDevice

    device = AlicatDevice(open_transport(url, read_termination="\r", write_termination="\r", timeout=1.0))
    device.initialise()
    assert device.identity.info["serial"] == "521641", device.identity.info
    assert device.layout.source == "??D*"
    assert device.is_controller
    assert device.full_scale(5) == (500.0, "SCCM")
    assert (8, "N2") in device.gases()
    assert device.setpoint_source() == "S"
    told = device.set_setpoint(78.95)
    assert (told.requested, told.unit) == (78.95, "SCCM"), told
    time.sleep(2.5)
    assert abs(device.poll().number("mass_flow") - 78.95) < 0.5
    assert device.set_gas(1) == (1, "Ar")
    device.hold_closed()
    time.sleep(2.5)
    frame = device.poll()
    assert abs(frame.number("mass_flow")) < 0.5
    assert frame.status_codes == ["HLD"]
    device.cancel_hold()
    device.set_setpoint(0)
    device.tare_flow()
    device.close()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
