# mypy: ignore-errors
"""caproto's own example of three fake motor records, on this machine's loopback only, at a port that was free.

The second is served here: 2 units/s, between -10 and 20. It tells no unit and no description.
"""

import os
import socket
import sys
import threading


def main() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ.update(
        EPICS_CA_SERVER_PORT=str(port), EPICS_CA_ADDR_LIST="127.0.0.1", EPICS_CA_AUTO_ADDR_LIST="NO",
        EPICS_CAS_AUTO_BEACON_ADDR_LIST="NO", EPICS_CAS_BEACON_ADDR_LIST="",
    )  # fmt: skip
    from caproto.ioc_examples.fake_motor_record import FakeMotorIOC
    from caproto.server import run

    prefix = f"autolab-test-{os.getpid()}:"
    sys.stdout.write(f"listening on epics://{prefix}mtr2?server=127.0.0.1:{port}\n")
    sys.stdout.flush()
    threading.Thread(target=end_with_input, daemon=True).start()
    run(FakeMotorIOC(prefix=prefix).pvdb, interfaces=["127.0.0.1"])


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
