"""Examples under a command's help."""

from collections.abc import Callable


def with_examples(command: Callable[..., None], *lines: str) -> None:
    """Put examples under the help of a command, which is read when help is asked for: decorators may come before."""
    listed = "\n\n".join(f"  {line}" for line in lines)
    command.__doc__ = f"{command.__doc__}\n\n\b\nExamples:\n\n{listed}"
