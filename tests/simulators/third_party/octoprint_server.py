# mypy: ignore-errors
"""OctoPrint's virtual printer speaks like Marlin on a pseudo-terminal.

It is an object that is read and written, no port: two threads carry its lines to the terminal and back. It has no travel and no
switches, asks for some lines again (`simulated_errors`), says `wait`, and answers M114 in one line with `ok`.

Known fault of it: each G21 divides the positions of all axes by 2.54, so only the axis that is moved is looked at.
"""

import os
import sys
import tempfile
import threading
import tty


class Settings:
    """What the virtual printer asks of OctoPrint's settings, from the plugin's own defaults."""

    def __init__(self, values) -> None:  # noqa: ANN001
        self.values = values

    def get(self, path, merged=False):  # noqa: ANN001, ANN201
        value = self.values
        for key in path:
            value = value[key]
        return value

    def get_boolean(self, path) -> bool:  # noqa: ANN001
        return bool(self.get(path))

    def get_int(self, path) -> int:  # noqa: ANN001
        return int(self.get(path))

    def get_float(self, path) -> float:  # noqa: ANN001
        return float(self.get(path))

    def global_get_basefolder(self, name) -> str:  # noqa: ANN001
        return tempfile.gettempdir()


class Manager:
    """No hooks."""

    def get_hooks(self, name):  # noqa: ANN001, ANN201
        return {}


def main() -> None:
    from octoprint.plugins.virtual_printer import VirtualPrinterPlugin, virtual

    virtual.plugin_manager = Manager
    values = VirtualPrinterPlugin().get_settings_defaults()
    values |= {"enable_eeprom": False, "simulated_errors": [f"{n}:{what}" for n, what in ERRORS.items()]}
    printer = virtual.VirtualPrinter(Settings(values), None, tempfile.mkdtemp(), read_timeout=0.1)
    ours, theirs = os.openpty()
    tty.setraw(theirs)

    def to_printer() -> None:
        while True:
            printer.write(os.read(ours, 1024))

    def from_printer() -> None:
        while True:
            line = printer.readline()
            if line:
                os.write(ours, line.rstrip(b"\n") + b"\n")

    for carry in (to_printer, from_printer):
        threading.Thread(target=carry, daemon=True).start()
    sys.stdout.write(f"listening on serial://{os.ttyname(theirs)}\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)


ERRORS = {9: "resend", 14: "checksum_mismatch", 17: "resend"}

if __name__ == "__main__":
    main()
