# mypy: ignore-errors
"""Serves one of labmcp's line simulators over TCP until standard input ends, for the `labmcp_*_server.py` beside it.

They are made to be called in the client's own process (`labmcp.transports.sim`), line by line; bytes after ESC x are a
line for those whose commands need no end.
"""

import re
import socketserver
import sys
import threading

LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)")


def serve(simulator, end, encoding="latin-1"):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Answer each line with what the simulator says, its lines ended by `end`."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            held = b""
            while piece := self.request.recv(4096):
                held += piece
                while found := LINE.match(held):
                    line, held = found[0], held[found.end() :]
                    said = simulator.handle(line.decode(encoding).rstrip("\r\n"))
                    for text in [said] if isinstance(said, str) else said or []:
                        self.request.sendall(text.encode(encoding) + end)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdout.write(f"listening on tcp://127.0.0.1:{server.server_address[1]}\n")
        sys.stdout.flush()
        sys.stdin.read()
        server.shutdown()
