# mypy: ignore-errors
"""What the clients of labmcp-atlas-ezo have in common: meeting a circuit of a kind."""


def meet(url: str, kind: str):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """Open the line as the package's server does, and check what every circuit tells."""
    from labmcp.transports import open_transport
    from labmcp_atlas_ezo.driver import EZOCircuit

    ends = {"read_termination": "\r", "write_termination": "\r"}
    circuit = EZOCircuit(open_transport(url, **ends, encoding="latin-1", timeout=3.0))
    circuit.initialise()
    assert circuit.sensor == kind.upper(), circuit.sensor
    reason, volts = circuit.status()
    assert (reason, 3.0 < volts < 5.5) == ("P", True)
    return circuit
