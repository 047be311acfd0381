"""Sections put together into one HTML text, everything inside: style, program, figures, media.

Leaves out what the sections say (`sections`) and writing the file.
"""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from tokeff.engine.loading import load_profile
from tokeff.records.runs import Profile
from tokeff.reports.page.blocks import Section
from tokeff.reports.page.sections.efficiency import efficiency
from tokeff.reports.page.sections.fidelity import distortion, kept
from tokeff.reports.page.sections.information import information
from tokeff.reports.page.sections.items import breakdown, spreads
from tokeff.reports.page.sections.overview import alerts, overview
from tokeff.reports.page.sections.planning import planning
from tokeff.reports.page.sections.provenance import errors, reproduce
from tokeff.reports.page.sections.speed import speed
from tokeff.reports.page.spoken import spoken
from tokeff.reports.page.statistics import item_statistics
from tokeff.reports.wording import unprintable


def run_page(run: Path, *, samples: bool) -> str:
    """The page of a run directory. Raises RunError where it is none."""
    profile = load_profile(run)
    found = item_statistics(run)
    measured = bool(profile.measurements)
    sections = [
        overview(profile),
        alerts(profile),
        *((efficiency(profile), kept(profile), distortion(profile), information(profile)) if measured else ()),
        spreads(profile, found),
        speed(profile),
        breakdown(found, spoken(profile, run) if samples else None),
        *_samples(profile, run, samples),
        *((planning(profile),) if measured else ()),
        errors(profile),
        reproduce(profile, run),
    ]
    return render(f"Tokens of {_named(profile)}", sections)


def _samples(profile: Profile, run: Path, wanted: bool) -> Sequence[Section]:
    if not wanted:
        return ()
    from tokeff.reports.page.sections.samples import reconstructions

    return (reconstructions(profile, run),)


def _named(profile: Profile) -> str:
    paths = [Path(path).name or path for path in profile.run["arguments"]["paths"]]
    return unprintable(", ".join(paths[:4]) + (f" and {len(paths) - 4} more" if len(paths) > 4 else ""))


def render(title: str, sections: Sequence[Section]) -> str:
    """HTML of sections; everything but drawings and the page's own files is escaped by the template."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("tokeff.reports.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        title=title, sections=sections, style=_static("page.css"), program=_static("page.js") + _static("sliders.js")
    )


def _static(name: str) -> str:
    return (resources.files("tokeff.reports.page") / "static" / name).read_text("utf-8")
