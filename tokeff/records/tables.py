"""Rows of plain values as a table: for notebooks, pandas and Arrow. Leaves out reports (`tokeff.reports`)."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

Row = Mapping[str, str | int | float | None]
SIGNIFICANT = 4


class Tabular:
    """A record that is also a table. Subclasses give `rows`."""

    __slots__ = ()

    def rows(self) -> list[dict[str, Any]]:
        """One mapping per row, all with the same keys."""
        raise NotImplementedError

    def to_arrow(self) -> "pa.Table":
        """The rows as a pyarrow.Table."""
        import pyarrow as pa

        return pa.Table.from_pylist(self.rows())

    def to_pandas(self) -> Any:
        """The rows as a pandas.DataFrame. Raises ImportError where pandas is not installed."""
        return self.to_arrow().to_pandas()

    def _repr_html_(self) -> str:
        """The rows as a notebook shows them."""
        return html_table(self.rows())


def html_table(rows: Sequence[Row]) -> str:
    """An HTML table, everything escaped; numbers to four digits.

    >>> html_table([{"a": 1234.5678, "b": "<i>"}])
    '<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1,235</td><td>&lt;i&gt;</td></tr></tbody></table>'
    """
    names = list(rows[0]) if rows else []
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{escape(shown(row[n]))}</td>" for n in names) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def shown(value: str | int | float | None) -> str:
    """A value as a person reads it.

    >>> shown(None), shown(1234567), shown(0.0123456), shown(98765.4)
    ('–', '1,234,567', '0.01235', '98,765')
    """
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10**SIGNIFICANT else f"{value:,.{SIGNIFICANT}g}"
    return f"{value:,}" if isinstance(value, int) else value
