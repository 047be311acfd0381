"""The console that every report prints to: no colour when piped, and never narrower than a table needs."""

import sys

from rich.console import Console

PIPED_WIDTH = 100


def console() -> Console:
    """Standard output; 100 columns wide where it is not a terminal."""
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False, markup=False, emoji=False)
