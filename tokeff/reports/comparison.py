"""A comparison as a terminal shows it, and as JSON, Markdown, LaTeX, CSV or a page.

Leaves out the arithmetic (`tokeff.measures.contrasts`) and the rows (`comparison_rows`).
"""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table as RichTable

from tokeff.errors import NotFound, TokeffError
from tokeff.records.comparisons import Comparison
from tokeff.reports.comparison_rows import LEGEND, parts
from tokeff.reports.console import console
from tokeff.reports.page.blocks import Table
from tokeff.reports.wording import unprintable

CSV_COLUMNS = (
    "modality", "part", "metric", "tokenizer", "value", "baseline", "kind", "against_baseline", "low", "high",
    "confidence", "n_items", "verdict", "reason",
)  # fmt: skip
ESCAPES = {**{sign: f"\\{sign}" for sign in "&%$#_{}"}, "\\": r"\textbackslash{}", "~": r"\textasciitilde{}",
           "^": r"\textasciicircum{}", "×": r"$\times$", "−": "$-$", "–": "--", "<": r"\textless{}",
           ">": r"\textgreater{}", "|": r"\textbar{}"}  # fmt: skip


def print_comparison(comparison: Comparison) -> None:
    """A table per modality and what it comes to."""
    screen = console()
    for note in comparison.notes:
        screen.print(f"! {unprintable(note)}")
    for part in parts(comparison):
        _print_table(screen, part.table, spare=len(part.table.columns) - 3)
        for sentence in part.sentences:
            screen.print(sentence)
        if part.groups:
            screen.print()
            _print_table(screen, part.groups)
        screen.print()
    screen.print(f"{LEGEND} Intervals of one table column hold together with 95 %.", style="dim")


def _print_table(screen: Console, table: Table, *, spare: int = 0) -> None:
    """Narrow terminals get names of columns on several lines, then do without some of the `spare` last ones."""
    roomy = screen.options.update(max_width=10 * screen.width)
    for n_left_out in range(-1, spare + 1):
        names = table.columns[: len(table.columns) - max(0, n_left_out)]
        shown = _rich(table, names, break_names=n_left_out >= 0)
        if screen.measure(shown, options=roomy).maximum <= screen.width:
            break
    screen.print(shown)
    if left_out := table.columns[len(names) :]:
        screen.print(f"A wider terminal shows {', '.join(left_out)} too.", style="dim")


def _rich(table: Table, names: Sequence[str], *, break_names: bool) -> RichTable:
    shown = RichTable(title=table.caption, title_justify="left", title_style="bold", box=None, padding=(0, 1, 0, 0))
    for place, name in enumerate(names):
        justify: Literal["left", "right"] = "left" if place == 0 else "right"
        header = name.replace(" ", "\n") if break_names else name
        shown.add_column(header, justify=justify, overflow="fold", no_wrap=name.startswith("×"), vertical="bottom")
    for row in table.rows:
        shown.add_row(*(each.text for each in row[: len(names)]))
    return shown


def as_json(comparison: Comparison) -> str:
    """Everything, strict JSON."""
    return json.dumps(comparison.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_markdown(comparison: Comparison) -> str:
    """Two tables per modality, of everything and of parts of the corpus, for a document."""
    lines = [f"! {_pipe(unprintable(note))}\n" for note in comparison.notes]
    for part in parts(comparison):
        first, *others = (_markdown_table(table) for table in part.tables)
        lines += [*first, *(f"- {_pipe(sentence)}" for sentence in part.sentences), ""]
        lines += [line for table in others for line in table]
    return "\n".join([*lines, LEGEND, ""])


def _markdown_table(table: Table) -> list[str]:
    rules = _piped(["---", *("---:" for _ in table.columns[1:])])
    rows = [_piped([each.text for each in row]) for row in table.rows]
    return [f"**{_pipe(table.caption)}**", "", _piped(table.columns), rules, *rows, ""]


def _piped(cells: "list[str] | tuple[str, ...]") -> str:
    return "| " + " | ".join(_pipe(text) for text in cells) + " |"


def _pipe(text: str) -> str:
    for sign in "\\|`*_<>[]~$&":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", " ")


def as_latex(comparison: Comparison) -> str:
    """Two tabulars per modality, of everything and of parts of the corpus, for a paper that uses booktabs."""
    lines = [f"% {_latex(unprintable(note))}" for note in comparison.notes]
    for table in (table for part in parts(comparison) for table in part.tables):
        lines += [f"% {_latex(table.caption)}", rf"\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}", r"\toprule"]
        lines += [" & ".join(map(_latex, table.columns)) + r" \\", r"\midrule"]
        lines += [" & ".join(_latex(each.text) for each in row) + r" \\" for row in table.rows]
        lines += [r"\bottomrule", r"\end{tabular}", ""]
    return "\n".join([*lines, f"% {_latex(LEGEND)}", ""])


def _latex(text: str) -> str:
    return "".join(ESCAPES.get(character, character) for character in text)


def as_csv(comparison: Comparison) -> str:
    """One line per modality, metric and tokenizer, then per part of the corpus; with full digits."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for standing in comparison.standings:
        for metric in comparison.metrics:
            value = standing.values[metric.name]
            if value is None:
                continue
            found = comparison.contrast(standing.modality, metric.name, standing.system)
            writer.writerow({
                "modality": standing.modality, "metric": metric.name, "tokenizer": standing.system, "value": value,
                "baseline": comparison.baselines[standing.modality],
                "n_items": found.n_items if found else standing.n_items,
                **({"kind": found.kind, "against_baseline": found.value, "low": found.low, "high": found.high,
                    "confidence": found.confidence, "verdict": found.verdict, "reason": found.reason} if found else {}),
            })  # fmt: skip
    for each in comparison.groups:
        baseline = comparison.baselines[each.modality]
        writer.writerow({
            "modality": each.modality, "part": each.group, "metric": "bytes_per_token", "tokenizer": each.system,
            "value": each.bytes_per_token, "baseline": baseline, "n_items": each.n_items,
            **({"kind": "ratio", "against_baseline": each.ratio, "low": each.low, "high": each.high}
               if each.system != baseline else {}),
        })  # fmt: skip
    return out.getvalue()


def as_page(comparison: Comparison) -> str:
    """A self-contained HTML page."""
    from tokeff.reports.page.versus import comparison_page

    return comparison_page(comparison)


FORMATS: Mapping[str, Callable[[Comparison], str]] = {
    "json": as_json, "md": as_markdown, "tex": as_latex, "csv": as_csv, "html": as_page,
}  # fmt: skip


def write_comparison(comparison: Comparison, path: Path) -> None:
    """Write it in the format of the file's ending. Raises NotFound for another ending, TokeffError on failure."""
    render = FORMATS.get(path.suffix.removeprefix("."))
    if render is None:
        raise NotFound.among("format of a comparison", path.suffix or path.name, [f".{name}" for name in FORMATS])
    try:
        path.write_text(render(comparison), encoding="utf-8")
    except OSError as error:
        raise TokeffError(f"cannot write the comparison: {error.strerror or error}", where=str(path)) from error
