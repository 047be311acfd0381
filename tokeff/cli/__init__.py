"""The command line: parse, call, print, exit code. No arithmetic, and no heavy import before a command needs it."""


def main() -> None:
    """The entry point of `tokeff`."""
    from tokeff.cli.app import run

    run()
