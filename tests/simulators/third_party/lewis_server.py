# mypy: ignore-errors
"""lewis serves its simulated Julabo circulator, which answers lines of text, over TCP."""

import os
import socket
import sys
import threading
import time


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def announce(port: int) -> None:
    """Say where it listens once it does, and end with the standard input."""
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
            break
        except OSError:
            time.sleep(0.1)
    sys.stdout.write(f"listening on tcp://127.0.0.1:{port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    from lewis.scripts.run import run_simulation

    port = free_port()
    threading.Thread(target=announce, args=(port,), daemon=True).start()
    run_simulation(["julabo", "-p", f"julabo-version-1: {{bind_address: 127.0.0.1, port: {port}}}", "-o", "none"])


if __name__ == "__main__":
    main()
