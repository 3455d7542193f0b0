# mypy: ignore-errors
"""As propar_server, in ASCII."""

from propar_server import main

if __name__ == "__main__":
    main("ascii")
