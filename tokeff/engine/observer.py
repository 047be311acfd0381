"""Whom a run tells how far it is. The command line draws a bar; a library user hears nothing."""

from typing import Protocol


class Observer(Protocol):
    """Hears of progress. Calls are cheap and come in order."""

    def stage(self, name: str, *, total_bytes: int | None = None) -> None:
        """A stage begins; `total_bytes` where it is known how many stored bytes it will go through."""
        ...

    def advance(self, *, stored_bytes: int, n_items: int, n_errors: int) -> None:
        """So much more of the stage is done."""
        ...


class Silent:
    """Hears nothing."""

    def stage(self, name: str, *, total_bytes: int | None = None) -> None:
        """A stage begins."""

    def advance(self, *, stored_bytes: int, n_items: int, n_errors: int) -> None:
        """So much more of the stage is done."""
