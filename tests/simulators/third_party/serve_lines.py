"""Serve a simulator that answers lines over TCP, until standard input ends."""

import socket
import sys
import threading
from collections.abc import Callable


def serve_lines(answer: Callable[[bytes], bytes], end: bytes) -> None:
    """Say where it listens, and answer what comes on each connection in turn.

    Args:
        answer: Gives the bytes to say to a line, its end included or not as the simulator likes.
        end: What ends a line.
    """
    server = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"listening on tcp://127.0.0.1:{server.getsockname()[1]}\n")
    sys.stdout.flush()
    threading.Thread(target=_serve, args=(server, answer, end), daemon=True).start()
    sys.stdin.read()


def _serve(server: socket.socket, answer: Callable[[bytes], bytes], end: bytes) -> None:
    while True:
        peer, _ = server.accept()
        held = b""
        while data := peer.recv(1000):
            held += data
            while end in held:
                line, _, held = held.partition(end)
                peer.sendall(answer(line))
