"""The manifest: every sample with its size, hash, licence and description, as TOML.

Leaves out how samples are made. Texts and sources are described here, because those files are originals.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

KINDS = ("text", "code", "image", "audio", "video")
WRITTEN = {
    "text": {
        "arabic_maktaba.txt": "Arabic: a bookseller who asks why",
        "chinese_chaguan.txt": "Chinese, simplified: a tea house",
        "english_letters.txt": "English: letters with figures, dates and abbreviations",
        "english_lighthouse.txt": "English: the last keeper of a lighthouse",
        "french_train.txt": "French: a branch line",
        "german_brot.txt": "German: a bakery before dawn",
        "greek_elies.txt": "Greek: the olive harvest",
        "hindi_barish.txt": "Hindi: a late monsoon",
        "japanese_eki.txt": "Japanese: a station without a gate",
        "korean_dambyeorak.txt": "Korean: a lane of stone walls",
        "portuguese_sino.txt": "Portuguese: a cracked bell",
        "russian_ozero.txt": "Russian: winter on an island",
        "spanish_mercado.txt": "Spanish: a covered market",
        "swahili_samaki.txt": "Swahili: fishermen close their bay",
        "thai_khlong.txt": "Thai, written without spaces between words: a canal",
    },
    "code": {
        "interval_tree.rs": "Rust: overlapping intervals, with tests",
        "random_walk.md": "Markdown with TeX formulas, a table and code",
        "report.html": "HTML with CSS and a script",
        "ring_buffer.c": "C11: a lock-free ring buffer",
        "seat_map.js": "JavaScript: a seat map of a theatre",
        "snapshot.sh": "Bash: dated backups",
        "tide_table.py": "Python: tides from harmonic constituents",
        "tool_library.sql": "SQL: schema, rows and queries of a lending library",
        "weather_stations.json": "JSON: readings of three weather stations",
    },
}
_HEADING = """\
# Every sample, written by make.py; `path` is relative to this file. All of it is synthetic: see README.md.
schema = "tokeff.data_samples/1"
"""


def write_manifest(root: Path, samples: Iterable[tuple[str, str, str]]) -> Path:
    """Write MANIFEST.toml beside the samples (kind, file name, description), in the order of kinds and names."""
    entries = [_entry(root, *sample) for sample in sorted(samples, key=lambda s: (KINDS.index(s[0]), s[1]))]
    path = root / "MANIFEST.toml"
    path.write_text("\n".join([_HEADING, *entries]), "utf-8")
    return path


def _entry(root: Path, kind: str, name: str, description: str) -> str:
    content = (root / kind / name).read_bytes()
    fields: dict[str, str | int] = {
        "path": f"{kind}/{name}",
        "kind": kind,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "licence": "CC0-1.0",
        "description": description,
    }
    # JSON strings of ASCII are TOML strings.
    return "\n".join(["[[sample]]", *(f"{key} = {json.dumps(value)}" for key, value in fields.items()), ""])
