# mypy: ignore-errors
"""lewis serves its simulated Julabo circulator, which answers lines of text, over TCP."""

import socket
import subprocess
import sys
import time
from pathlib import Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    port = free_port()
    options = f"julabo-version-1: {{bind_address: 127.0.0.1, port: {port}}}"
    command = [str(Path(sys.executable).with_name("lewis")), "julabo", "-p", options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
                break
            except OSError:
                time.sleep(0.1)
        sys.stdout.write(f"listening on tcp://127.0.0.1:{port}\n")
        sys.stdout.flush()
        sys.stdin.read()
    finally:
        process.kill()


if __name__ == "__main__":
    main()
