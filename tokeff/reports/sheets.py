"""A table that is written once and shown twice: in a terminal, and in a page where its columns sort by number.

Leaves out what tables say (`plan_sections`, `plan_scenarios`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table

from tokeff.reports.page.blocks import Cell, cell
from tokeff.reports.page.blocks import Table as PageTable
from tokeff.reports.page.blocks import table as page_table

Entry = str | Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Rows under column names. A bar of `#` signs is for the terminal alone: its column has no name."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    right: tuple[str, ...] = ()

    def screen(self) -> Table:
        """For a terminal."""
        return grid(self.columns, [[_text(entry) for entry in row] for row in self.rows], self.right)

    def page(self, caption: str) -> PageTable:
        """For a page; a first column without a name is the modality."""
        named = [place for place, name in enumerate(self.columns) if name or place == 0]
        columns = [self.columns[place] or "modality" for place in named]
        rows = [[_cell(row[place]) for place in named] for row in self.rows]
        return page_table(caption, columns, rows)


def sheet(columns: Sequence[str], rows: Iterable[Sequence[Entry]], right: Sequence[str] = ()) -> Sheet:
    """A Sheet of whatever sequences."""
    return Sheet(columns=tuple(columns), rows=tuple(tuple(row) for row in rows), right=tuple(right))


def grid(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> Table:
    """A table without lines, as all reports have it; where it is too wide, all columns but the first are folded."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if name in right else "left", overflow="fold", no_wrap=place == 0)
    for row in rows:
        table.add_row(*row)
    return table


def _text(entry: Entry) -> str:
    return entry if isinstance(entry, str) else entry.text


def _cell(entry: Entry) -> Cell:
    return cell(entry) if isinstance(entry, str) else entry
