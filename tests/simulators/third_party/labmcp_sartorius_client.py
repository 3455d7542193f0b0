# mypy: ignore-errors
"""labmcp-sartorius identifies, reads, tares and zeroes a balance."""

import sys


def main(url: str) -> None:
    from labmcp.transports import open_transport
    from labmcp_sartorius.driver import SBIBalance

    transport = open_transport(url, read_termination="\r\n", write_termination="\r\n", timeout=3.0)
    balance = SBIBalance(transport)
    info = balance.identify()
    assert (info["model"], info["serial"], info["software"]) == ("ENTRIS224I-1S", "0037454321", "00-37-09"), info
    reading = balance.weight(stable=True)
    assert (reading.unit, reading.ident, reading.decimals) == ("g", "N", 4), reading
    assert abs(reading.value) < 0.01, reading
    assert abs(balance.weight(stable=False).value) < 0.01
    balance.tare()
    balance.zero()
    assert abs(balance.weight(stable=True).value) < 0.01
    balance.lock_keys(True)
    balance.lock_keys(False)
    balance.set_ambient_filter("unstable")
    balance.start_internal_adjustment()
    busy = ""
    try:
        balance.print_reading()
    except Exception as error:
        busy = type(error).__name__
    assert busy == "BalanceBusy", busy
    balance.close()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
