# mypy: ignore-errors
"""The simulator of labmcp-alicat: a controller of 500 SCCM whose zero is 0.9 SCCM off until it is tared."""

from serve_lines import serve_lines


def main() -> None:
    from labmcp_alicat.simulator import AlicatSimulator

    simulator = AlicatSimulator()

    def answer(line: bytes) -> bytes:
        said = simulator.handle(line.decode())
        lines = [said] if isinstance(said, str) else said or []
        return b"".join(one.encode() + b"\r" for one in lines)

    serve_lines(answer, b"\r")


if __name__ == "__main__":
    main()
