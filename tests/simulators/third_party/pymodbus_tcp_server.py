# mypy: ignore-errors
"""pymodbus's server with TCP frames, on a TCP port."""

from pymodbus_controller import main

if __name__ == "__main__":
    main("tcp")
