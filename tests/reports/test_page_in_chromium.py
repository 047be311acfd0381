"""The page in a real browser: nothing on the console, nothing on the network, every figure drawn, tables sort."""

from pathlib import Path
from typing import Any

import pytest

from tokeff.reports.page import drawing
from tokeff.reports.page.charts import points

WIDTHS = (390, 1400)


@pytest.mark.parametrize("width", WIDTHS)
def test_silent_offline_and_within_its_width(viewer: Any, run: Path, width: int) -> None:
    page = run / "report.html"
    viewer.open(page, width=width)
    assert viewer.requests() == [page.as_uri()]
    assert viewer.console() == []
    assert viewer.browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_the_watch_on_console_and_network_can_fail(viewer: Any, tmp_path: Path) -> None:
    page = tmp_path / "loud.html"
    page.write_text("<link rel=icon href='data:,'><img src=missing.png><script>undefinedFunction()</script>")
    viewer.open(page)
    assert len(viewer.requests()) == 2
    assert any("undefinedFunction" in entry["message"] for entry in viewer.console())


@pytest.mark.parametrize("width", WIDTHS)
def test_every_figure_is_drawn_and_has_words(viewer: Any, run: Path, width: int) -> None:
    viewer.open(run / "report.html", width=width)
    figures = viewer.figures()
    assert len(figures) >= 10
    for figure in figures:
        assert figure["n"] == 1, figure
        assert figure["alt"], figure
        assert figure["height"] > 40, figure
        assert 150 < figure["width"] <= width, figure
        assert figure["marks"] > 0, figure


def test_maps_and_fronts_of_what_tokens_keep(viewer: Any, decoded_run: Path) -> None:
    viewer.open(decoded_run / "report.html")
    assert viewer.console() == []
    cells = viewer.browser.execute_script("""
        return [...document.querySelectorAll("#kept figure")].map(figure => {
          const svg = [...figure.querySelectorAll("svg")].find(each => each.getBoundingClientRect().width > 0);
          return [...svg.querySelectorAll("path[aria-label]")].map(path => path.getAttribute("aria-label"));
        });""")
    assert len(cells) == 2
    assert all(sum("kept" in said for said in each) >= 4 for each in cells)
    fronts = viewer.browser.execute_script("return document.querySelectorAll('#distortion figure').length")
    assert fronts >= 2


def test_no_mark_is_left_of_its_drawing(viewer: Any, run: Path) -> None:
    """Labels must not be cut off: what is drawn lies inside the figure's box."""
    for width in WIDTHS:
        viewer.open(run / "report.html", width=width)
        outside = viewer.browser.execute_script("""
            return [...document.querySelectorAll("figure")].flatMap(figure => {
              const box = figure.getBoundingClientRect();
              return [...figure.querySelectorAll("svg text")].filter(text => {
                const mine = text.getBoundingClientRect();
                return mine.width > 0 && (mine.left < box.left || mine.right > box.right);
              }).map(text => text.textContent);
            });""")
        assert outside == []


def test_nothing_of_the_corpus_runs(viewer: Any, hostile_run: Path) -> None:
    viewer.open(hostile_run / "report.html")
    assert viewer.browser.execute_script("return window.hacked === undefined")
    assert viewer.browser.execute_script("return document.querySelectorAll('img:not([src^=\"data:\"])').length") == 0
    shown = viewer.browser.execute_script("return document.querySelector('main').textContent")
    for place in ("Originals and reconstructions", "The longest items", "Failures", "by folder"):
        assert place in shown
    assert shown.count("onerror=window.hacked") > 10
    assert not set(shown) & {"\x1b", "\u202e", "\u202c"}
    assert "\\u202egnp.exe" in shown


def test_tables_sort_up_and_down(viewer: Any, run: Path) -> None:
    viewer.open(run / "report.html")
    values = """
        const table = document.querySelector("#measured table");
        const button = [...table.querySelectorAll("thead button")].find(b => b.textContent === "tokens");
        button.click();
        const place = button.parentElement.cellIndex;
        return [button.parentElement.getAttribute("aria-sort"),
                [...table.tBodies[0].rows].map(row => Number(row.cells[place].dataset.v))];"""
    direction, down = viewer.browser.execute_script(values)
    assert direction == "descending"
    assert down == sorted(down, reverse=True)
    assert len(set(down)) > 3
    direction, up = viewer.browser.execute_script(values)
    assert direction == "ascending"
    assert up == sorted(up)


CONTRAST = """
    const channel = v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
    const light = rgb => { const [r, g, b] = rgb.match(/[\\d.]+/g).map(Number);
                           return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
    const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
                          if (!c.endsWith(", 0)")) return c; } return "rgb(255, 255, 255)"; };
    return [...document.querySelectorAll("p, td, th, a, button, figcaption, summary, .t0, .t1, .t2, .t3")]
      .filter(e => e.getClientRects().length)
      .map(e => { const a = light(getComputedStyle(e).color), b = light(behind(e));
                  return [e.className || e.tagName, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]; })
      .filter(([, ratio]) => ratio < 4.5);"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_in_light_and_dark(viewer: Any, run: Path, scheme: str) -> None:
    """WCAG 2 AA: 4.5 to 1 for text."""
    viewer.open(run / "report.html", scheme=scheme)
    paper = viewer.browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    dark = sum(int(part) for part in paper.removeprefix("rgb(").removesuffix(")").split(",")) < 384
    assert dark == (scheme == "dark")
    assert viewer.browser.execute_script(CONTRAST) == []


def test_the_button_turns_the_theme_round(viewer: Any, run: Path) -> None:
    viewer.open(run / "report.html")
    paper = "return getComputedStyle(document.body).backgroundColor"
    before = viewer.browser.execute_script(paper)
    viewer.browser.execute_script("document.getElementById('theme').click()")
    assert viewer.browser.execute_script(paper) != before
    assert (
        viewer.browser.execute_script("return document.getElementById('theme').getAttribute('aria-pressed')") == "true"
    )


def test_names_of_columns_stand_over_their_numbers(viewer: Any, run: Path) -> None:
    viewer.open(run / "report.html")
    apart = viewer.browser.execute_script("""
        return [...document.querySelectorAll("table")].filter(table => table.tHead).flatMap(table => {
          const row = table.tBodies[0].rows[0], aligned = each => getComputedStyle(each).textAlign;
          return [...table.tHead.rows[0].cells].filter((head, place) =>
              place && row.cells[place].dataset.v !== undefined && aligned(head) !== aligned(row.cells[place]))
            .map(head => `${table.caption.textContent}: ${head.textContent}`);
        });""")
    assert apart == []


def test_no_table_is_wider_than_the_paper(viewer: Any, decoded_run: Path) -> None:
    """A4 less its margins is about 720 px wide; what lies beyond is lost in print."""
    viewer.open(decoded_run / "report.html", width=720)
    viewer.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    wide = viewer.browser.execute_script("""
        dispatchEvent(new Event("beforeprint"));
        return [...document.querySelectorAll("table")].map(table => [table.caption.textContent,
          table.getBoundingClientRect().right]).filter(([, right]) => right > 720);""")
    viewer.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert wide == []


def test_an_axis_says_where_less_is_better(viewer: Any, decoded_run: Path) -> None:
    viewer.open(decoded_run / "report.html")
    shown = viewer.browser.execute_script("""
        return [...document.querySelectorAll("#distortion figure .wide svg text")].map(text => text.textContent);""")
    assert "missing bits per raw byte (less is better)" in shown
    assert "PSNR, dB" in shown


def test_a_long_name_stays_in_its_figure(viewer: Any, tmp_path: Path) -> None:
    name = "bpe:vocabularies/of/somebody/of/another/project/tokenizer.json"
    rows = [{"name": n, "x": x, "y": 1.0, "front": True, "said": n} for n, x in ((name, 4.0), ("bytes", 1.0))]
    drawn = drawing.figure("Two", "two points", points(rows, x_name="x", y_name="y", colour="#000"))
    (tmp_path / "page.html").write_text(drawn.narrow)
    viewer.open(tmp_path / "page.html", width=390)
    inside = viewer.browser.execute_script("""
        const svg = document.querySelector("svg"), box = svg.getBoundingClientRect();
        return [...svg.querySelectorAll("text")].every(text => {
          const mine = text.getBoundingClientRect();
          return mine.left >= box.left && mine.right <= box.right;
        });""")
    assert inside
    assert name in drawn.narrow  # for a pointer and a screen reader


def test_equal_axes_lie_below_each_other(viewer: Any, run: Path) -> None:
    viewer.open(run / "report.html")
    left = viewer.browser.execute_script("""
        return [...document.querySelectorAll("#efficiency .wide svg .role-axis-domain line")].map(
          line => Math.round(line.getBoundingClientRect().left));""")
    assert len(left) >= 6
    assert max(left) - min(left) <= 2


def test_dark_pages_print_on_white_paper(viewer: Any, run: Path) -> None:
    viewer.open(run / "report.html", scheme="dark")
    viewer.browser.execute_script("document.documentElement.dataset.theme = 'dark'")
    viewer.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert (
            viewer.browser.execute_script("return getComputedStyle(document.body).backgroundColor")
            == "rgb(255, 255, 255)"
        )
        assert viewer.browser.execute_script(CONTRAST) == []
    finally:
        viewer.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    printed = viewer.browser.execute_cdp_cmd("Page.printToPDF", {})["data"]
    assert len(printed) > 100_000


def test_headings_labels_and_names_for_screen_readers(viewer: Any, run: Path) -> None:
    viewer.open(run / "report.html")
    nameless = viewer.browser.execute_script("""
        return [...document.querySelectorAll("img, audio, svg[role=img], [role=region], button, nav")].filter(e =>
          !(e.getAttribute("aria-label") || e.alt || e.textContent.trim())).map(e => e.outerHTML.slice(0, 80));""")
    assert nameless == []
    assert viewer.browser.execute_script("return document.documentElement.lang") == "en"
    assert viewer.browser.execute_script("return document.querySelectorAll('h1').length") == 1
    broken = viewer.browser.execute_script("""
        return [...document.querySelectorAll("nav a")]
          .filter(a => !document.querySelector(a.getAttribute("href"))).length""")
    assert broken == 0


def test_originals_and_reconstructions_are_there(viewer: Any, run: Path) -> None:
    viewer.open(run / "report.html")
    loaded = viewer.browser.execute_script("""
        return [...document.querySelectorAll("#samples img")].map(image => image.complete && image.naturalWidth);""")
    assert len(loaded) >= 8
    assert all(width > 20 for width in loaded)
    assert viewer.browser.execute_script("return document.querySelectorAll('#samples .tokens span').length") > 20
    players = viewer.browser.execute_async_script("""
        const done = arguments[arguments.length - 1], players = [...document.querySelectorAll("#samples audio")];
        Promise.all(players.map(player => new Promise((good, bad) => {
          player.onloadedmetadata = () => good(player.duration); player.onerror = () => good(0);
          player.preload = "metadata"; player.load(); }))).then(done);""")
    assert len(players) == 3
    assert all(0.4 < seconds <= 3.01 for seconds in players)
