# mypy: ignore-errors
"""What the clients of ezo-driver for pH, oxygen and temperature have in common; see `ezo_driver_client.py`."""

import contextlib
import time

from ports import device


class Talk:
    """A circuit on a serial port: data, and the code behind it."""

    def __init__(self, circuit) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        self.circuit = circuit

    def data(self, parse, command, *arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN201
        """Return what a question is answered."""
        from ezo_driver import UARTResponseKind

        self.circuit.send_command(command)
        kind, line = self.circuit.read_line()
        assert kind is UARTResponseKind.DATA, (command, kind, line)
        self.circuit.read_ok()
        return parse(line, *arguments)

    def do(self, *commands: str) -> None:
        """Have commands acknowledged."""
        for command in commands:
            self.circuit.send_command(command)
            self.circuit.read_ok()


@contextlib.contextmanager
def meet(url: str, product):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Open a circuit, silence it, and see that it is the product."""
    from ezo_driver import LinuxUARTDevice, control

    with LinuxUARTDevice(device(url), read_timeout_ms=3000) as circuit:
        circuit.send_command("C,0")
        time.sleep(1.2)
        circuit.discard_input()
        circuit.send_command(control.build_response_code_command(True))
        circuit.read_ok()
        control.send_info_query_uart(circuit, product)
        info = control.read_info_uart(circuit)
        assert info.product_id == product, info
        yield Talk(circuit)
