"""Real runs over small corpora made here, and a headless Chromium."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

import tokeff
from tokeff.reports.page import write_page

HOSTILE = "<img src=x onerror=window.hacked=1>"
FIGURES = """
        return [...document.querySelectorAll("figure")].map(figure => {
          const drawn = [...figure.querySelectorAll("svg")].filter(svg => svg.getBoundingClientRect().width > 0);
          const box = drawn[0] && drawn[0].getBoundingClientRect();
          return {title: figure.querySelector("figcaption").textContent, n: drawn.length,
                  alt: drawn[0] && drawn[0].getAttribute("aria-label"), width: box && box.width,
                  height: box && box.height,
                  marks: drawn[0] ? drawn[0].querySelectorAll("[aria-roledescription][aria-label]").length : 0};
        });"""
ESCAPES = "\x1b[31mred\x1b[0m \u202egnp.exe\u202c"


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts in two folders, pictures and sounds; some with names and content that would like to be HTML."""
    folder = tmp_path_factory.mktemp("media")
    draw = np.random.default_rng(1)
    for number in range(12):
        for language, words in {"en": ["bytes", "tokens", "entropy", "per"], "el": ["λόγος", "δίκη", "νοῦς"]}.items():
            (folder / language).mkdir(exist_ok=True)
            text = " ".join(draw.choice(words, size=40 + 20 * number))
            (folder / language / f"{number}.txt").write_text(text, encoding="utf-8")
        # Of one size each: code lengths are then measured in one batch.
        ramp = np.add.outer(np.arange(48), np.arange(64))[..., None] * np.array([1, 2, 3]) * (1 + number / 4)
        Image.fromarray((ramp % 256).astype(np.uint8)).save(folder / f"{number}.png")
        sound = 0.3 * np.sin(np.arange(8000) * 0.02 * (1 + number))
        soundfile.write(folder / f"{number}.wav", sound, 16_000)
    (folder / "broken.png").write_bytes((folder / "3.png").read_bytes()[:60])
    return folder


@pytest.fixture(scope="session")
def run(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over all of it, with its page; nothing is decoded again, which is quick."""
    out = tmp_path_factory.mktemp("runs") / "first"
    names = ["tekken", "bytes", "jpeg-q75", "qwen2-vl", "opus-24k", "mulaw"]
    tokeff.profile(corpus, tokenizers=names, out=out, reconstruction="off")
    return out


@pytest.fixture(scope="session")
def decoded_run(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over three pictures that measures what their tokens keep, with its page."""
    out = tmp_path_factory.mktemp("runs") / "decoded"
    paths = [corpus / f"{number}.png" for number in range(3)]
    tokeff.profile(paths, tokenizers=["jpeg-q75", "webp-q75"], out=out, report=False)
    write_page(out, samples=False)
    return out


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over files whose folder, names and content would like to be HTML, JavaScript or terminal commands."""
    folder = tmp_path_factory.mktemp("hostile") / f"{HOSTILE} {ESCAPES}"
    for number in range(2):
        place = folder / f"{HOSTILE}{number}"
        place.mkdir(parents=True)
        for each in range(6):
            content = f"{HOSTILE} </script><script>window.hacked=1</script> {ESCAPES} {number} {each}"
            (place / f"{HOSTILE}{each}.txt").write_text(content)
    (folder / f"{HOSTILE}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + HOSTILE.encode())
    out = tmp_path_factory.mktemp("runs") / "hostile"
    tokeff.profile(folder, tokenizers=["bytes", "png"], out=out, reconstruction="off")
    return out


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium that reports its console and its network; skips where there is none.

    Fails without one where TOKEFF_REQUIRE_CHROMIUM=1 says that there must be one.
    """
    required = os.environ.get("TOKEFF_REQUIRE_CHROMIUM") == "1"
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    missing = "" if browser and driver else "no Chromium: apt-get install chromium chromium-driver"
    try:
        from selenium import webdriver
    except ImportError:
        missing = "no selenium: pip install selenium"
    if missing:
        if required:
            pytest.fail(f"TOKEFF_REQUIRE_CHROMIUM=1, but {missing}")
        pytest.skip(missing)
    options = webdriver.ChromeOptions()
    options.binary_location = str(browser)
    for argument in (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(driver)))
    opened.set_page_load_timeout(60)
    yield opened
    opened.quit()


@dataclass(frozen=True)
class Viewer:
    """A browser that opens pages at a width and in a scheme of colours, and tells what it saw."""

    browser: Any

    def open(self, path: Path, *, width: int = 1400, scheme: str = "light") -> None:
        """Show a file; what it logs and asks for is then its own."""
        self.browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 700},
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.console()
        self.requests()
        self.browser.get(path.as_uri())

    def console(self) -> list[Any]:
        """What the console was told since the last look."""
        logged: list[Any] = self.browser.get_log("browser")
        return logged

    def requests(self) -> list[str]:
        """Addresses that were asked for since the last look, the page's own data aside."""
        messages = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [url for url in asked if not url.startswith("data:")]

    def figures(self) -> list[dict[str, Any]]:
        """Every figure: its title, drawings that show, their words, size and number of marks."""
        found: list[dict[str, Any]] = self.browser.execute_script(FIGURES)
        return found


@pytest.fixture
def viewer(chromium: Any) -> Viewer:
    return Viewer(chromium)
