# mypy: ignore-errors
"""labmcp-keithley-smu configures, sweeps and reads a source meter of either dialect."""

import sys
from urllib.parse import urlsplit


def main(url: str) -> None:
    from labmcp.transports.tcp import TCPTransport
    from labmcp_keithley_smu.driver import Keithley2400, Keithley2450

    parts = urlsplit(url)
    transport = TCPTransport(parts.hostname, parts.port)
    identity = transport.query("*IDN?")
    meter = (Keithley2450 if "2450" in identity else Keithley2400)(transport, identity)
    meter.configure("voltage", 0.0, 0.01, source_range=20.0, nplc=0.1)
    swept = meter.sweep("voltage", [0.0, 1.0, 2.0, 20.0])
    assert [round(reading.voltage_v, 2) for reading in swept.readings] == [0.0, 1.0, 2.0, 10.0]
    assert [reading.in_compliance for reading in swept.readings] == [False, False, False, True]
    assert meter.output_state() is False
    meter.configure("current", 1e-3, 2.0, nplc=0.1)
    meter.set_remote_sense(False)
    meter.set_output(True)
    status, reading = meter.measure()
    assert (status.source, status.compliance, status.in_compliance) == ("current", 2.0, False)
    assert abs(reading.voltage_v - 1) < 1e-3
    meter.set_output(False)
    assert meter.error_list() == []
    meter.close()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
