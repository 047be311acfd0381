"""An examination as a terminal shows it."""

import json
from dataclasses import asdict

from rich.table import Table

from tokeff.engine.doctor import Examination
from tokeff.reports.console import console


def print_examination(examination: Examination, *, as_json: bool) -> None:
    """Section by section; what is missing comes with how to get it."""
    if as_json:
        print(json.dumps(asdict(examination), indent=1, ensure_ascii=False))
        return
    out = console()
    facts = examination.machine
    out.print(f"Python {facts['python']} on {facts['system']}, {facts['n_cpus']} CPUs, {facts['processor'] or '?'}")
    for title, findings in examination.sections.items():
        table = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for finding in findings:
            mark = "ok" if finding.good else "--"
            table.add_row(
                mark, finding.subject, f"{finding.state}. {finding.remedy}" if finding.remedy else finding.state
            )
        out.print()
        out.print(table)
