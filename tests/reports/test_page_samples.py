"""Originals beside reconstructions, of all four kinds and from every way a corpus lies: built without a browser."""

import json
import shutil
from pathlib import Path

import pytest

import tokeff
from tokeff.engine.loading import load_profile
from tokeff.reports.page.blocks import Figure, Sample, Table, View
from tokeff.reports.page.sections.items import breakdown
from tokeff.reports.page.sections.samples import reconstructions
from tokeff.reports.page.spoken import spoken
from tokeff.reports.page.statistics import item_statistics

SAMPLES = Path(__file__).parents[2] / "data_samples"
ITEMS = ("text/greek_elies.txt", "image/balls_small.png", "audio/drums.flac", "video/typing.mkv")
TOKENIZERS = ("tekken", "jpeg-q75", "mulaw", "frames:fps=1/jpeg-q75")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sample]:
    """Modality -> the item shown."""
    run = tmp_path_factory.mktemp("runs") / "four"
    paths = [SAMPLES / item for item in ITEMS]
    tokeff.profile(paths, tokenizers=TOKENIZERS, out=run, report=False, reconstruction="off")
    blocks = reconstructions(load_profile(run), run).blocks
    kinds = {Path(item).name: item.partition("/")[0] for item in ITEMS}
    return {kinds[block.title]: block for block in blocks if isinstance(block, Sample)}


def views(sample: Sample) -> tuple[View, View]:
    first, second = sample.views
    return first, second


def test_a_picture_beside_its_reconstruction(samples: dict[str, Sample]) -> None:
    original, rebuilt = views(samples["image"])
    assert original.title == "original"
    assert rebuilt.title.startswith("jpeg-q75: ")
    for view in (original, rebuilt):
        assert view.pictures[0][0].startswith("data:image/webp;base64,")
    assert original.pictures[0][0] != rebuilt.pictures[0][0]


def test_a_sound_has_a_player_and_a_spectrogram(samples: dict[str, Sample]) -> None:
    for view in views(samples["audio"]):
        assert view.sound.startswith("data:audio/flac;base64,")
        assert "spectrogram" in view.pictures[0][1]
        assert "kHz" in view.note


def test_a_clip_is_a_strip_of_frames(samples: dict[str, Sample]) -> None:
    original, rebuilt = views(samples["video"])
    for view in (original, rebuilt):
        assert view.pictures[0][0].startswith("data:image/webp;base64,")
        assert "frames of" in view.pictures[0][1]
        assert view.full


def test_a_text_shows_where_its_tokens_end(samples: dict[str, Sample]) -> None:
    (view,) = samples["text"].views
    text = (SAMPLES / "text/greek_elies.txt").read_text(encoding="utf-8")
    shown = "".join(span.text for span in view.spans)
    assert len(view.spans) > 50
    assert text.startswith(shown)
    assert all(a.shade != b.shade for a, b in zip(view.spans, view.spans[1:], strict=False))


def test_items_of_json_lines_are_found_again(tmp_path: Path) -> None:
    rows = [json.dumps({"text": f"Row {number}: a harbour in the early light."}) for number in range(5)]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows), encoding="utf-8")
    run = tmp_path / "run"
    tokeff.profile(tmp_path / "rows.jsonl", tokenizers="bytes", out=run, report=False, reconstruction="off")
    blocks = [block for block in reconstructions(load_profile(run), run).blocks if isinstance(block, Sample)]
    assert len(blocks) == 2
    assert all(block.views[0].spans for block in blocks)


def test_a_corpus_that_is_gone_is_said(tmp_path: Path) -> None:
    place = tmp_path / "texts"
    shutil.copytree(SAMPLES / "text", place)
    run = tmp_path / "run"
    tokeff.profile(place, tokenizers="bytes", out=run, report=False, reconstruction="off")
    shutil.rmtree(place)
    section = reconstructions(load_profile(run), run)
    assert "no longer where the run found it" in section.lead[0]


def test_sums_by_language_are_those_of_the_rows(tmp_path: Path) -> None:
    pytest.importorskip("py3langid")
    run = tmp_path / "run"
    paths = [SAMPLES / "text" / f"{name}.txt" for name in ("english_lighthouse", "english_letters", "greek_elies")]
    tokeff.profile(paths, tokenizers=["bytes"], unit="paragraph", out=run, report=False, reconstruction="off")
    profile = load_profile(run)
    found = spoken(profile, run)
    assert found is not None
    groups = found.groups["text", "bytes"]
    assert {"en", "el"} <= set(groups)
    assert sum(group.n for group in groups.values()) == profile.measurements[0].n_items
    assert sum(group.x for group in groups.values()) == profile.measurements[0].raw_bytes
    greek = [item for item in found.found.of if "greek" in item]
    assert all(found.found.of[item] == "el" for item in greek)
    titles = [block.title for block in breakdown(item_statistics(run), found).blocks if isinstance(block, Figure)]
    captions = [block.caption for block in breakdown(item_statistics(run), found).blocks if isinstance(block, Table)]
    assert any("by language" in each for each in [*titles, *captions])
