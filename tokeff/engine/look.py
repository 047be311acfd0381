"""The look at a shard, without decoding: what it holds, what cannot be an item, and which lots its items drew.

Leaves out what follows for the whole corpus (`survey`).
"""

from dataclasses import asdict

import numpy as np

from tokeff.engine.lots import Draw, Lowest
from tokeff.engine.recorder import Recorder
from tokeff.engine.results import Result
from tokeff.engine.stream import found_in
from tokeff.engine.tasks import Task
from tokeff.readers.options import ReadOptions
from tokeff.readers.sampling import Fingerprint
from tokeff.records.items import Failure, Modality


def look(task: Task, read: ReadOptions, recorder: Recorder) -> Result:
    """Population, lowest lots and smallest lot by modality; the fingerprint; failures."""
    draw, fingerprint = Draw(task.terms.seed), Fingerprint()
    n_items: dict[Modality, int] = {}
    stored_bytes: dict[Modality, int] = {}
    lowest: dict[Modality, Lowest] = {}
    failures: list[Failure] = []
    for _, found in found_in(task, read, recorder):
        if isinstance(found, Failure):
            failures.append(found)
            recorder.done(n_items=0, stored_bytes=found.stored_bytes or 0, n_errors=1)
            continue
        modality = found.modality
        if modality not in lowest:
            lowest[modality] = Lowest(task.terms.n_lowest)
            n_items[modality] = stored_bytes[modality] = 0
        n_items[modality] += 1
        stored_bytes[modality] += found.stored_bytes
        fingerprint.add(found)
        lowest[modality].add(draw.lot(found.key))
        recorder.done(n_items=1, stored_bytes=found.stored_bytes, n_errors=0)
    return Result(
        facts={
            "population": {m: {"n_items": n_items[m], "stored_bytes": stored_bytes[m]} for m in n_items},
            "fingerprint": fingerprint.to_json(),
            "failures": [asdict(failure) for failure in failures],
            "lost_pieces": [asdict(each) for each in task.excluded],
        },
        arrays={f"lots.{m}": np.array(lots.lots(), np.uint64) for m, lots in lowest.items()},
    )
