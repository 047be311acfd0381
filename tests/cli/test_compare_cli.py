"""`tokeff compare` on real runs: sums agree with the rows, unlike runs are refused, every format can be read back."""

import csv
import io
import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from typer.testing import CliRunner

import tokeff
from tokeff.cli.app import app
from tokeff.reports.comparison import _print_table
from tokeff.reports.comparison_rows import parts

QUICK: dict[str, Any] = {"reconstruction": "off", "report": False}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    draw = np.random.default_rng(1)
    for language, words in {"en": ["bytes", "tokens", "per", "entropy"], "el": ["λόγος", "δίκη", "νοῦς"]}.items():
        (folder / language).mkdir()
        for number in range(12):
            text = " ".join(draw.choice(words, 20 + 10 * number))
            (folder / language / f"{number}.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def runs(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("runs")
    tokeff.profile(texts, tokenizers=["bytes", "tekken"], out=folder / "a", **QUICK)
    tokeff.profile(texts, tokenizers=["bytes"], out=folder / "b", **QUICK)
    return folder / "a", folder / "b"


def run_cli(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["compare", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        return 1, str(result.exception)
    return result.exit_code, result.output


def test_ratios_are_those_of_the_rows(runs: tuple[Path, Path]) -> None:
    comparison = tokeff.compare(runs[0])
    rows = pq.read_table(runs[0] / "items.parquet").to_pandas()
    tokens = rows.groupby("tokenizer").n_tokens.sum()
    found = comparison.contrast("text", "bytes_per_token", "tekken")
    assert found is not None
    assert found.value == pytest.approx(tokens["bytes"] / tokens["tekken"], rel=1e-12)
    assert found.low is not None
    assert found.high is not None
    assert 1 < found.low < found.value < found.high
    assert found.verdict == "better"
    assert [each.system for each in comparison.winners if each.metric == "bytes_per_token"] == ["tekken"]
    by_group = {each.group: each for each in comparison.groups if each.system == "tekken"}
    greek = rows[rows.key.str.contains("/el/")].groupby("tokenizer").n_tokens.sum()
    name = next(name for name in by_group if name.endswith("/el"))
    assert by_group[name].ratio == pytest.approx(greek["bytes"] / greek["tekken"], rel=1e-12)


def test_the_same_tokenizer_twice_has_no_winner(runs: tuple[Path, Path]) -> None:
    comparison = tokeff.compare(runs, baseline="a:bytes")
    found = comparison.contrast("text", "bytes_per_token", "b:bytes")
    assert found is not None
    assert (found.value, found.low, found.high, found.verdict) == (1.0, 1.0, 1.0, "undecided")
    winner = next(each for each in comparison.winners if each.metric == "bytes_per_token")
    assert winner.system == "tekken"


def test_formats_can_be_read_back(runs: tuple[Path, Path], tmp_path: Path) -> None:
    names = [tmp_path / f"c.{ending}" for ending in ("json", "csv", "md", "tex", "html")]
    code, printed = run_cli(str(runs[0]), *(word for path in names for word in ("-o", str(path))))
    assert code == 0
    assert "tekken is best by bytes per token" in " ".join(printed.split())
    table = json.loads(names[0].read_text())
    assert table["schema"] == "tokeff.comparison/1"
    lines = list(csv.DictReader(io.StringIO(names[1].read_text())))
    ratio = next(line for line in lines if line["metric"] == "bytes_per_token" and line["tokenizer"] == "tekken")
    contrast = next(each for each in table["contrasts"] if each["metric"] == "bytes_per_token")
    assert float(ratio["against_baseline"]) == contrast["value"]
    assert "| tekken |" in names[2].read_text()
    latex = names[3].read_text()
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 2
    assert "<svg" in names[4].read_text()


def test_json_is_strict_and_alone_on_standard_output(runs: tuple[Path, Path]) -> None:
    code, printed = run_cli(str(runs[0]), "--json")
    assert code == 0
    assert json.loads(printed, parse_constant=pytest.fail)["runs"] == [str(runs[0])]


def test_unlike_corpora_are_refused_until_allowed(texts: Path, runs: tuple[Path, Path], tmp_path: Path) -> None:
    tokeff.profile(texts / "en", tokenizers=["tekken"], out=tmp_path / "part", **QUICK)
    code, said = run_cli(str(runs[0]), str(tmp_path / "part"))
    assert code == 1
    for part in ("different corpora", str(runs[0]), "--allow corpus"):
        assert part in said
    code, said = run_cli(str(runs[0]), str(tmp_path / "part"), "--allow", "corpus")
    assert (code, "share no text item" in said) == (1, True)  # keys begin with another folder


def test_other_bytes_of_the_same_items_are_refused_until_allowed(tmp_path: Path) -> None:
    """The same names and stored sizes with other raw sizes: the fingerprint cannot tell, the rows can."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number}.txt").write_text("ab " * (20 + number))
    for name in ("a", "b"):
        tokeff.profile(folder, tokenizers=["bytes"], out=tmp_path / name, **QUICK)
    rows = pq.read_table(tmp_path / "b" / "items.parquet")
    place = rows.schema.get_field_index("raw_bytes")
    changed = rows.set_column(place, "raw_bytes", [[value.as_py() + 1 for value in rows["raw_bytes"]]])
    pq.write_table(changed, tmp_path / "b" / "items.parquet")
    code, said = run_cli(str(tmp_path / "a"), str(tmp_path / "b"))
    assert code == 1
    for part in ("12 items have other raw bytes", "61 bytes by b:bytes", "60 by a:bytes", "--allow denominator"):
        assert part in said
    comparison = tokeff.compare([tmp_path / "a", tmp_path / "b"], allow=["denominator"])
    assert "other raw bytes" in comparison.notes[0]
    assert {each.values["bytes_per_token"] for each in comparison.standings} == {1.0}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--baseline", "teken"], "Did you mean tekken"),
        (["--allow", "corpse"], "Did you mean corpus"),
        (["-o", "table.docx"], "format of a comparison"),
    ],
)
def test_wrong_words_are_named(runs: tuple[Path, Path], arguments: list[str], said: str) -> None:
    code, printed = run_cli(str(runs[0]), *arguments)
    assert code == 1
    assert said in printed


def test_one_tokenizer_is_nothing_to_compare(runs: tuple[Path, Path]) -> None:
    code, said = run_cli(str(runs[1]))
    assert code == 1
    assert "no two tokenizers" in said


def test_python_objects_are_tables(runs: tuple[Path, Path]) -> None:
    comparison = tokeff.compare(runs[0])
    assert comparison.to_arrow().num_rows == len(comparison.to_pandas()) == 2
    assert "<td>tekken</td>" in comparison._repr_html_()
    assert "tekken is best" in repr(comparison)


def test_by_language(runs: tuple[Path, Path], tmp_path: Path) -> None:
    pytest.importorskip("py3langid")
    run, samples = tmp_path / "run", Path(__file__).parents[2] / "data_samples" / "text"
    paths = [samples / f"{name}.txt" for name in ("english_lighthouse", "english_letters", "greek_elies")]
    tokeff.profile(paths, tokenizers=["tekken", "bytes"], unit="paragraph", out=run, **QUICK)
    code, said = run_cli(str(run), "--by", "language", "--json")
    assert code == 0, said
    found = json.loads(said)
    assert found["grouped_by"] == "language"
    assert {each["group"] for each in found["groups"]} >= {"en", "el"}
    assert "Languages (ISO 639 codes) by py3langid of" in found["notes"][-1]
    code, said = run_cli(str(runs[0]), "--by", "ending")
    assert code == 0
    assert "by ending" not in said  # all are .txt: there is one part
    code, said = run_cli(str(run), "--by", "colour")
    assert code == 1
    assert "folder" in said


def test_what_is_equal_has_no_first(texts: Path, tmp_path: Path) -> None:
    """Texts come back bit for bit from both: neither misses less."""
    tokeff.profile(texts / "en", tokenizers=["bytes", "tekken"], out=tmp_path / "run", report=False)
    found = [each for each in tokeff.compare(tmp_path / "run").winners if each.metric == "missing_bits_per_byte"]
    assert [each.system for each in found] == [None]
    assert "all are equal: bytes, tekken" in found[0].sentence


def test_documents_have_the_parts_of_the_corpus_and_odd_names(tmp_path: Path) -> None:
    """Names with the signs of Markdown, LaTeX and CSV come back as they are."""
    names = ["_draft_ 100%|a&b$", 'x_1,"y" <i>~#{}']
    for place, name in enumerate(names):
        (tmp_path / "corpus" / name).mkdir(parents=True)
        for number in range(11):
            (tmp_path / "corpus" / name / f"{number}.txt").write_text(f"{'bytes tokens ' * (3 + number)}{place}")
    tokeff.profile(tmp_path / "corpus", tokenizers=["bytes", "tekken"], out=tmp_path / "run", **QUICK)
    files = {ending: tmp_path / f"out.{ending}" for ending in ("md", "tex", "csv")}
    for path in files.values():
        assert run_cli(str(tmp_path / "run"), "-o", str(path))[0] == 0
    rows = list(csv.DictReader(io.StringIO(files["csv"].read_text())))
    parts = {row["part"] for row in rows}
    assert "" in parts
    assert {part.rsplit("/", 1)[1] for part in parts - {""}} == set(names)
    ratio = next(row for row in rows if row["part"].endswith(names[0]) and row["tokenizer"] == "tekken")
    assert float(ratio["low"]) <= float(ratio["against_baseline"]) <= float(ratio["high"])
    markdown = files["md"].read_text()
    assert "by folder" in markdown
    (line,) = (line for line in markdown.splitlines() if "draft" in line)
    assert r"\_draft\_ 100%\|a\&b\$" in line
    assert len(line.replace(r"\|", "").split("|")) == 6
    latex = files["tex"].read_text()
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 2
    assert r"\_draft\_ 100\%\textbar{}a\&b\$" in latex


def test_a_name_of_a_tokenizer_does_not_steer_a_terminal(runs: tuple[Path, Path]) -> None:
    """A path may stand for one, and a run may come from elsewhere."""
    evil = "a\x1b[31mb\nc"
    comparison = tokeff.compare(runs[0])
    standings = [replace(each, system=evil) if each.system == "bytes" else each for each in comparison.standings]
    groups = [replace(each, system=evil) if each.system == "bytes" else each for each in comparison.groups]
    renamed = replace(
        comparison, baselines={"text": evil}, standings=tuple(standings), groups=tuple(groups), contrasts=()
    )
    (part,) = parts(renamed)
    assert len(part.tables) == 2
    said = [text for table in part.tables for text in (table.caption, *table.columns, table.rows[0][0].text)]
    assert sum(r"a\x1b[31mb\nc" in text for text in said) == 3
    assert not {"\x1b", "\n"} & set("".join([*said, *part.sentences]))


def test_a_narrow_terminal_keeps_the_names(runs: tuple[Path, Path]) -> None:
    """Columns of values go as a whole, from the right, and are named; no name of a tokenizer is broken."""
    (part,) = parts(tokeff.compare(runs[0]))
    for width, left_out in ((70, False), (40, True)):
        screen = Console(width=width, file=StringIO(), highlight=False, markup=False)
        _print_table(screen, part.table, spare=len(part.table.columns) - 3)
        shown = screen.file.getvalue()  # type: ignore[attr-defined]
        assert any(line.startswith("tekken ") for line in shown.splitlines())
        assert max(map(len, shown.splitlines())) <= width
        assert ("A wider terminal shows MB/s too." in shown) == left_out
        assert ("MB/s \n" in shown) == (not left_out)
