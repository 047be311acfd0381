"""Finished runs as JSON: what each found, what calls for care, and where its page is. Leaves out rows of items."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tokeff.engine.loading import load_profile
from tokeff.measures.saved import to_json
from tokeff.reports.cautions import cautions

SCHEMA = "tokeff.report/1"


def print_runs_json(pages: Mapping[Path, Path]) -> None:
    """run -> page. Raises RunError for what is no run."""
    content = {"schema": SCHEMA, "runs": [_run(run, page) for run, page in pages.items()]}
    print(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))


def _run(run: Path, page: Path) -> dict[str, Any]:
    profile = load_profile(run)
    return {
        "run": str(run),
        "page": str(page),
        "n_in": profile.n_in,
        "n_ok": profile.n_ok,
        "n_err": profile.n_err,
        "n_ignored": profile.n_ignored,
        "failures": dict(profile.failures),
        "cautions": [asdict(caution) for caution in cautions(profile)],
        "measurements": [to_json(each) for each in profile.measurements],
    }
