"""The console that every report prints to: no colour when piped, and never narrower than a table needs."""

import sys
import textwrap

from rich.console import Console

PIPED_WIDTH = 100
PROSE_WIDTH = 98


def console() -> Console:
    """Standard output; 100 columns wide where it is not a terminal."""
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False, markup=False, emoji=False)


def wrapped(screen: Console, text: str, indent: str = "") -> list[str]:
    """Lines of a paragraph; all but the first are indented. A narrow terminal would break longer lines again."""
    return textwrap.wrap(text, min(PROSE_WIDTH, screen.width), subsequent_indent=indent)
