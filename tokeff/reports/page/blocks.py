"""What a page is made of: sections of paragraphs, figures, tables and samples. Leaves out HTML (`templates/`)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tokeff.reports.numbers import ABSENT
from tokeff.reports.wording import unprintable


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a table: what is shown, and the number by which its column sorts."""

    text: str
    value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under column names; the first column names the row."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    kind: str = "table"

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Of each column, whether it holds a number."""
        return tuple(any(row[place].value is not None for row in self.rows) for place in range(len(self.columns)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A drawing at two widths, what it shows in words, and the table behind it."""

    title: str
    alt: str
    wide: str
    """SVG for a screen of at least 700 px; empty where the narrow one serves all, several side by side."""
    narrow: str
    """SVG for a phone."""
    table: Table | None = None
    kind: str = "figure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One sentence that must not be overlooked."""

    text: str
    about: str = ""
    code: str = ""
    kind: str = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Lines in a fixed-width font, as one would type or read them in a terminal."""

    title: str
    lines: tuple[str, ...]
    kind: str = "listing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of text that one token stands for; `shade` cycles so that neighbours differ."""

    text: str
    shade: int


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """An original or its reconstruction: a picture, a sound, or coloured text."""

    title: str
    note: str = ""
    pictures: tuple[tuple[str, str], ...] = ()
    """(data URI, what it shows)."""
    sound: str = ""
    """Data URI."""
    spans: tuple[Span, ...] = ()
    full: bool = False
    """As wide as the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One item: the original first, then what each tokenizer makes of it."""

    title: str
    views: tuple[View, ...]
    kind: str = "sample"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sliders:
    """Inputs that recompute laws in the page. `model` is what the page's program reads (strict JSON)."""

    model: str
    kind: str = "sliders"


Block = Table | Figure | Message | Listing | Sample | Sliders


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading, paragraphs, then blocks."""

    ident: str
    title: str
    lead: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = field(default=())
    listed: str = ""
    """What the list of sections at the head calls it; its title where empty, and `-` for not at all."""


def cell(value: object, text: str | None = None) -> Cell:
    """A cell of a number, a text (control characters made visible), or nothing.

    >>> cell(None).text, cell(3, "3.00").value, cell("a\\x1b").text
    ('–', 3.0, 'a\\\\x1b')
    """
    if value is None:
        return Cell(text=text or ABSENT)
    if isinstance(value, int | float):
        return Cell(text=f"{value:,}" if text is None else text, value=float(value))
    return Cell(text=unprintable(str(value)) if text is None else text)


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Table:
    """A table. Raises ValueError where a row has another width."""
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"{caption}: {len(row)} cells under {len(columns)} columns")
    return Table(caption=caption, columns=tuple(columns), rows=tuple(tuple(row) for row in rows))
