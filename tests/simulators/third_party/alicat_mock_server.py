# mypy: ignore-errors
"""The mock that the package alicat tests itself with, over TCP.

Its flow never moves from about 10, and it fails on commands that it does not know, which are answered with `?` here.
"""

import asyncio

from serve_lines import serve_lines


def main() -> None:
    from alicat.mock import Client

    mock = Client("memory")
    mock.control_point = "mass flow"  # it draws one

    def answer(line: bytes) -> bytes:
        try:
            mock._handle_write(line)
        except NotImplementedError:
            return b"?\r"
        return asyncio.run(mock._handle_read(b"\r"))

    serve_lines(answer, b"\r")


if __name__ == "__main__":
    main()
