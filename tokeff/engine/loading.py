"""A finished run read back: its measurements as records. Leaves out what is made of them."""

from pathlib import Path

from tokeff.engine.directory import MEASUREMENTS_SCHEMA, read_json
from tokeff.errors import RunError
from tokeff.records.measurements import Measurement


def load_measurements(run: Path) -> tuple[Measurement, ...]:
    """The measurements of a run directory, or of a measurements.json. Raises RunError for anything else."""
    from tokeff.measures.measurement import from_json

    folder, name = (run.parent, run.name) if run.suffix == ".json" else (run, "measurements.json")
    table = read_json(folder, name)
    if table.get("schema") != MEASUREMENTS_SCHEMA or not isinstance(table.get("measurements"), list):
        raise RunError(
            "is not a file of measurements of this version of tokeff",
            where=str(folder / name),
            got=table.get("schema"),
            expected=MEASUREMENTS_SCHEMA,
        )
    return tuple(from_json(entry) for entry in table["measurements"])
