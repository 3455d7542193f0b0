# mypy: ignore-errors
"""lewis's simulator of a Julabo circulator, on a TCP port.

It tells a greeting as its state, where a circulator tells a code and words: it is given such a state here. Its dialect
v2 has the external sensor and the power on the channels of v1, which no circulator of the maker's is known to have.
"""

import socket
import threading
import time

from serve_lines import announce


def main(version: int) -> None:
    from lewis.devices.julabo.devices.device import SimulatedJulabo
    from lewis.scripts.run import run_simulation

    SimulatedJulabo.status = "02 REMOTE STOP"
    SimulatedJulabo.heating_power = 600.0  # which it takes for its ramp as well, degC/min
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    options = f"julabo-version-{version}: {{bind_address: 127.0.0.1, port: {port}}}"
    arguments = ["julabo", "-p", options, "-o", "none"]
    threading.Thread(target=run_simulation, args=(arguments,), daemon=True).start()
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.1)
    announce(port)
