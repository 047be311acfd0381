"""The command line: parse, call, print, exit code. No arithmetic, and no heavy import before a command needs it."""


def main() -> None:
    """The entry point of `tokeff`."""
    import os

    # Threads that wait by spinning take several times the work's own CPU time on a machine that is shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from tokeff.cli.app import run

    run()
