"""Options of `tokeff profile` that say how a run is carried out, not what it finds."""

from typing import Annotated

import typer

PANEL = "Scale"

Precision = Annotated[
    float | None,
    typer.Option(
        rich_help_panel=PANEL,
        help="Draw items at random until every bytes per token is known to this share (0.01: 1 %), no more.",
    ),
]
Engine = Annotated[
    str, typer.Option(rich_help_panel=PANEL, help="Who works: local (processes on this machine) or ray.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        rich_help_panel=PANEL,
        help="Worker processes. Without it, one per core or GPU; for less than 64 MiB none but this process.",
    ),
]
Address = Annotated[
    str | None, typer.Option(rich_help_panel=PANEL, help="Of a Ray cluster; without it, one is started here.")
]
ItemTimeout = Annotated[
    float | None,
    typer.Option(
        rich_help_panel=PANEL,
        metavar="SECONDS",
        help="An item that takes longer is quarantined; 600 in worker processes, which it brings about.",
    ),
]
Fresh = Annotated[
    bool,
    typer.Option("--fresh", rich_help_panel=PANEL, help="Begin anew where -o holds an unfinished run, not go on."),
]
LogJson = Annotated[
    bool,
    typer.Option("--log-json", rich_help_panel=PANEL, help="Tell progress as JSON lines on standard error."),
]
