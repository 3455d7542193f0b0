# mypy: ignore-errors
"""caproto's own example of three fake motor records, on this machine's loopback only, at a port that was free.

The second is served here: 2 units/s, between -10 and 20. It tells no unit and no description.
"""

import os
import socket
import subprocess
import sys

PREFIX = "autolab-test-"


def main() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    here = {
        "EPICS_CA_ADDR_LIST": "127.0.0.1", "EPICS_CA_AUTO_ADDR_LIST": "NO", "EPICS_CA_SERVER_PORT": str(port),
        "EPICS_CAS_BEACON_ADDR_LIST": "127.0.0.1", "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
    }  # fmt: skip
    prefix = f"{PREFIX}{os.getpid()}:"
    command = [sys.executable, "-m", "caproto.ioc_examples.fake_motor_record"]
    options = ["--interfaces", "127.0.0.1", "--prefix", prefix]
    server = subprocess.Popen([*command, *options], env={**os.environ, **here}, stderr=subprocess.DEVNULL)
    try:
        sys.stdout.write(f"listening on epics://{prefix}mtr2?server=127.0.0.1:{port}\n")
        sys.stdout.flush()
        sys.stdin.read()
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    main()
