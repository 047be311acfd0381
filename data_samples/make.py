"""Make the samples: `python -m data_samples.make [--out DIR [--kinds KIND ...]]`, from the root of the repository.

The texts and sources are originals and only copied; pictures, recordings and clips are drawn from a fixed seed, and
MANIFEST.toml lists everything. Decoded content is the same on every run; encoded bytes depend on the codecs' versions,
and Ogg files carry a random serial number.
Needs numpy, pillow, soundfile and av. Leaves out any real data.
"""

import argparse
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from data_samples.making.clips import write_clips
from data_samples.making.inventory import KINDS, WRITTEN, write_manifest
from data_samples.making.pictures import write_pictures
from data_samples.making.recordings import write_recordings

HERE = Path(__file__).parent


def make(out: Path, kinds: Sequence[str] = KINDS) -> Path:
    """Make every sample of some kinds under `out`; returns the path of the manifest, which lists just these."""
    samples = []
    for kind in kinds:
        folder = out / kind
        folder.mkdir(parents=True, exist_ok=True)
        samples += [(kind, name, description) for name, description in _write(kind, folder)]
    return write_manifest(out, samples)


def _write(kind: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Write all samples of a kind; yields (file name, description)."""
    match kind:
        case "image":
            return write_pictures(folder, HERE)
        case "audio":
            return write_recordings(folder)
        case "video":
            return write_clips(folder, HERE)
        case _:
            return _copy(kind, folder)


def _copy(kind: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Texts and sources are originals: they are copied, and left alone in their own folder."""
    for name, description in WRITTEN[kind].items():
        original, copy = HERE / kind / name, folder / name
        if not (copy.exists() and copy.samefile(original)):
            shutil.copyfile(original, copy)
        yield name, description


def main() -> None:
    """Parse the arguments, make the samples, say where the manifest is."""
    parser = argparse.ArgumentParser(description="Make the samples of tokeff.")
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR", help="where to put them (default: here)")
    parser.add_argument(
        "--kinds", nargs="+", choices=KINDS, metavar="KIND", help=f"only these, of {', '.join(KINDS)}; needs --out"
    )
    asked = parser.parse_args()
    if asked.kinds and asked.out.resolve() == HERE.resolve():
        parser.error("--kinds needs --out: here it would leave a manifest that lists only a part of the samples")
    print(make(asked.out, asked.kinds or KINDS))


if __name__ == "__main__":
    main()
