# mypy: ignore-errors
"""Serve somebody's `handle(bytes) -> bytes` on a TCP port, and tell where; until the standard input ends."""

import socket
import sys
import threading


def serve(handle, take) -> None:  # noqa: ANN001
    """Serve; `take(bytes)` returns how many of the bytes make a command, 0 while it is incomplete."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(listener, handle, take), daemon=True).start()
    announce(listener.getsockname()[1])


def announce(port: int) -> None:
    """Tell where, and wait for the end."""
    sys.stdout.write(f"listening on tcp://127.0.0.1:{port}\n")
    sys.stdout.flush()
    sys.stdin.read()


def _accept(listener, handle, take) -> None:  # noqa: ANN001
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_talk, args=(connection, handle, take), daemon=True).start()


def _talk(connection, handle, take) -> None:  # noqa: ANN001
    held = b""
    while data := connection.recv(4096):
        held += data
        while end := take(held):
            command, held = held[:end], held[end:]
            if answer := handle(command):
                connection.sendall(answer)


def serve_lines(answer, end: bytes) -> None:  # noqa: ANN001
    """Serve `answer(line without its end) -> bytes`."""
    serve(lambda line: answer(line.removesuffix(end)), lambda held: held.find(end) + len(end) if end in held else 0)
