# mypy: ignore-errors
"""labmcp-cavro's simulator of an XLP 6000, on a TCP port: not initialised, ten times as fast as it would be.

It does not know `?19`, and keeps what it does not know as a command string for later, as a pump would.
"""

import socket
import sys
import threading

from labmcp_cavro.simulator import CavroSimulator


def serve(server: socket.socket) -> None:
    pump = CavroSimulator(address="1", standard_steps=6000, speed=10.0)
    while True:
        connection, _ = server.accept()
        held = b""
        with connection:
            while data := connection.recv(4096):
                held += data
                while b"\r" in held:
                    line, _, held = held.partition(b"\r")
                    said = pump.handle(line.decode("ascii", "replace"))
                    if said is not None:
                        connection.sendall(said.encode("ascii") + b"\x03\r\n")


def main() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(server,), daemon=True).start()
    sys.stdout.write(f"listening on tcp://127.0.0.1:{server.getsockname()[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
