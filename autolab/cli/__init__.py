"""The command line: thin commands, each of which loads what it needs when it is called."""


def main() -> None:
    """Run the command line; the entry point `autolab`."""
    from autolab.cli.app import app

    app(prog_name="autolab")
