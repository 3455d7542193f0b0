# mypy: ignore-errors
"""labmcp-atlas-ezo's simulator of an EZO-RTD circuit. It sends readings unasked only in front of other answers."""

from labmcp_atlas_ezo.simulator import EZOSimulator
from labmcp_lines import serve

if __name__ == "__main__":
    serve(EZOSimulator("RTD"), b"\r")
