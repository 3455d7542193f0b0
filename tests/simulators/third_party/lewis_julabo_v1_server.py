# mypy: ignore-errors
"""lewis's Julabo of dialect v1, on a TCP port."""

from lewis_julabo import main

if __name__ == "__main__":
    main(1)
