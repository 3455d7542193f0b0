# mypy: ignore-errors
"""ezo-driver (a C library for Linux) reads and sets everything of a conductivity circuit; serial ports only.

It reads line by line and leaves it to its caller to know how many there are: data, and then the code behind it.
"""

import sys
import time

from ports import device


def main(url: str) -> None:
    from ezo_driver import LinuxUARTDevice, UARTResponseKind, control, ec
    from ezo_driver.enums import ECOutputMask, ProductId

    with LinuxUARTDevice(device(url), read_timeout_ms=3000) as circuit:

        def data(parse, command, *arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN202
            circuit.send_command(command)
            kind, line = circuit.read_line()
            assert kind is UARTResponseKind.DATA, (command, kind, line)
            circuit.read_ok()
            return parse(line, *arguments)

        circuit.send_command("C,0")
        time.sleep(1.2)
        circuit.discard_input()
        circuit.send_command(control.build_response_code_command(True))
        circuit.read_ok()

        control.send_info_query_uart(circuit, ProductId.EC)
        info = control.read_info_uart(circuit)  # reads the code behind it, too
        assert (info.product_id, info.product_code) == (ProductId.EC, "EC"), info
        status = data(control.parse_status, "Status")
        assert (status.restart_code, 3.0 < status.supply_voltage < 5.5) == ("P", True), status

        for command in (
            ec.build_probe_k_command(1.0),
            ec.build_temperature_command(20.0),
            ec.build_tds_factor_command(0.6),
        ):
            circuit.send_command(command)
            circuit.read_ok()
        assert data(ec.parse_probe_k, "K,?").k_value == 1.0
        assert data(ec.parse_temperature, "T,?").temperature_c == 20.0
        assert abs(data(ec.parse_tds_factor, "TDS,?").factor - 0.6) < 1e-9
        assert data(ec.parse_calibration_status, "Cal,?").level in (0, 1, 2)

        assert data(ec.parse_output_config, "O,?").enabled_mask == ECOutputMask.CONDUCTIVITY
        reading = data(ec.parse_reading, "R", ECOutputMask.CONDUCTIVITY)
        assert 0.0 < reading.conductivity_us_cm < 10.0, reading
        every = ECOutputMask(15)
        for output in ECOutputMask:
            if output in every and output is not ECOutputMask.CONDUCTIVITY:
                circuit.send_command(ec.build_output_command(output, True))
                circuit.read_ok()
        assert data(ec.parse_output_config, "O,?").enabled_mask == every
        reading = data(ec.parse_reading, "R", every)
        assert reading.total_dissolved_solids_ppm < reading.conductivity_us_cm
        assert 0.99 < reading.specific_gravity < 1.01, reading

        circuit.send_command("nonsense")
        assert circuit.read_terminal_response() is UARTResponseKind.ERROR


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
