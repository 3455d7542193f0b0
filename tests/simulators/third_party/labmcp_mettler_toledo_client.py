# mypy: ignore-errors
"""labmcp-mettler-toledo weighs, zeroes, tares, and sets a tare by hand."""

import sys


def main(url: str) -> None:
    from labmcp import InstrumentProtocolError
    from labmcp.transports import open_transport
    from labmcp_mettler_toledo.driver import MTSICSBalance

    transport = open_transport(url, read_termination="\r\n", write_termination="\r\n", timeout=3.0)
    balance = MTSICSBalance(transport)
    identity = balance.identify()
    assert (identity["serial"], identity["mt_sics_level"]) == ("B207696838", "01")
    assert balance.zero() is True
    weight = balance.weight()
    assert weight.stable
    assert (abs(weight.value) < 0.01, weight.unit) == (True, "g")
    assert abs(balance.weight(stable=False).value) < 0.01
    assert abs(balance.tare().value) < 0.01
    assert balance.preset_tare(12.5, "g").value == 12.5
    assert balance.tare_value().value == 12.5
    assert abs(balance.weight().value + 12.5) < 0.01
    balance.clear_tare()
    assert balance.tare_value().value == 0.0
    balance.display_text("hello")
    balance.display_weight()
    assert balance.reset() == "B207696838"
    refusal = ""
    try:
        balance.preset_tare(1.0, "lb")
    except InstrumentProtocolError as error:
        refusal = str(error)
    assert "parameter" in refusal, "a tare in pounds was taken"
    balance.close()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
