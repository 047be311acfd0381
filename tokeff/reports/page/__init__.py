"""The page of a run: `report.html`, one file that needs no network, with figures drawn beforehand as SVG."""

from pathlib import Path

PAGE = "report.html"
"""Its name in a run directory."""


def write_page(run: Path, to: Path | None = None, *, samples: bool = True) -> Path:
    """Write the page of a finished run directory, by default into it. Raises RunError where it is no run.

    samples: read a few items of the corpus again and show them beside their reconstructions, where they still lie
    where the run found them.
    """
    from tokeff.reports.page.assembly import run_page

    path = to or run / PAGE
    return save_page(run_page(run, samples=samples), path)


def save_page(text: str, path: Path) -> Path:
    """Write a page beside its place and rename it. Raises RunError where that cannot be done."""
    from tokeff.errors import RunError

    part = path.with_name(path.name + ".writing")
    try:
        part.write_text(text, encoding="utf-8")
        part.rename(path)
    except OSError as error:
        raise RunError(f"cannot write the page: {error.strerror or error}", where=str(path)) from error
    return path
