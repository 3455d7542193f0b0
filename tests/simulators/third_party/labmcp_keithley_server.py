# mypy: ignore-errors
"""The source meters that labmcp-keithley-smu simulates, each on a TCP port: first the 2400, then the 2450.

What the simulator lacks and the manuals have is put in here: `:SOUR:CLE:AUTO` and `:FORM:DATA` are taken, the 2400's
readings get their resistance (not a number) and time stamp, the 2450's their element RELative.
"""

import socketserver
import sys
import threading
import time

LACKING = (":SOUR:CLE:AUTO OFF", ":FORM:DATA ASC")


def handler(dialect: str):  # noqa: ANN201
    from labmcp_keithley_smu.simulator import make_simulator

    simulator = make_simulator(dialect, "resistor", 1000.0)

    class Lines(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                command = line.decode().strip()
                if command in LACKING:
                    continue
                answer = simulator.handle(command.replace(",REL", ""))
                if command == ":READ?" and answer is not None:
                    volt, ampere, status = answer.split(",")
                    answer = f"{volt},{ampere},+9.910000E+37,{time.monotonic():+.6E},{status}"
                if command.endswith(",REL"):
                    answer = f"{answer},{time.monotonic():.6f}"
                if answer is not None:
                    self.wfile.write(f"{answer}\n".encode())

    return Lines


def main() -> None:
    urls = []
    for dialect in ("2400", "2450"):
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler(dialect))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        urls.append(f"tcp://127.0.0.1:{server.server_address[1]}")
    sys.stdout.write(f"listening on {' '.join(urls)}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
