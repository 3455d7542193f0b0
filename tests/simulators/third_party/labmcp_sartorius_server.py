# mypy: ignore-errors
"""labmcp-sartorius's simulator of a balance with 52.18734 g on its pan, over TCP."""

from labmcp_lines import serve
from labmcp_sartorius.simulator import SBISimulator

if __name__ == "__main__":
    serve(SBISimulator(), b"\r\n")
