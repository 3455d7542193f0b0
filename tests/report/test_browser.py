"""The report in a real browser: nothing goes wrong, nothing is asked of the network, nothing sticks out."""

import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from autolab.report import write_report

pytestmark = pytest.mark.slow  # a browser starts

WIDTHS = (390, 1600)


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a report with all its parts, and with names that try to be markup."""
    import autolab as al

    def evaluate(point: Any) -> Any:
        if point["t"] > 45:
            raise al.TrialFailed("<script>alert('it boils')</script> " + "x" * 300)
        return {"y": (3 * point["a"] - point["t"] / 50, 0.1), "cost": point["b"]}

    space = al.Space(
        [al.Mixture(["a", "b", "c_with_a_name_that_is_very_long_indeed"]), al.Real("t", 20, 50, unit="degC")]
    )
    problem = al.Problem(space, [al.Objective("y", unit="mS/cm")], ["cost <= 0.5"])
    folder = tmp_path_factory.mktemp("page")
    name = "<img src=x onerror=alert(1)>" + "a_name_without_a_blank_" * 8
    journal = folder / "page.sqlite"
    planner = al.planners.Sobol()
    al.Campaign(problem, evaluate=evaluate, planner=planner, journal=journal, name=name).run(14, progress=False)
    return write_report(journal)


@pytest.mark.parametrize("width", WIDTHS)
def test_opened(browser: Any, page_path: Path, width: int) -> None:
    browser.open(page_path, width)

    assert browser.seen.errors == []
    assert browser.seen.requests == []
    assert browser.run("document.documentElement.dataset.ready") == "yes"
    assert browser.run("document.querySelectorAll('.plot .main-svg').length") > 0
    assert browser.run("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", WIDTHS)
def test_figures_are_drawn_within_their_place(browser: Any, page_path: Path, width: int) -> None:
    browser.open(page_path, width)
    boxes = browser.run(
        "[...document.querySelectorAll('.plot')].map(p => [p.querySelectorAll('.trace').length,"
        " p.clientWidth - p.querySelector('.main-svg').clientWidth, p.querySelector('.main-svg').clientHeight])"
    )

    assert len(boxes) == 3
    assert all(traces > 0 and 0 <= spare < 2 and height > 250 for traces, spare, height in boxes)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_screenshot_is_not_blank(browser: Any, page_path: Path, width: int) -> None:
    browser.open(page_path, width)

    assert len(set(pixels(browser.screenshot()))) > 20  # shades within the filtered rows; a blank page has a handful


def test_narrow_screens_have_one_panel_a_row(browser: Any, page_path: Path) -> None:
    titles = "[...document.querySelectorAll('#plot-parameters text')].filter(t => /^x\\d*title$/.test(t.classList[0]))"
    lefts = f"new Set({titles}.map(t => Math.round(t.getAttribute('x')))).size"
    browser.open(page_path, 390)
    narrow = browser.run(lefts)
    browser.open(page_path, 1600)

    assert (narrow, browser.run(lefts)) == (1, 2)


def test_tables_scroll_within_their_box(browser: Any, page_path: Path) -> None:
    browser.open(page_path, 390)
    wide, shown, top = browser.run(
        "(b => [b.scrollWidth, b.clientWidth, getComputedStyle(b).overflowX])(document.querySelector('#trials .box'))"
    )

    assert wide > shown
    assert shown <= 390
    assert top == "auto"


def test_tables_sort(browser: Any, page_path: Path) -> None:
    browser.open(page_path, 1600)
    click = "[...document.querySelectorAll('#trials th button')].find(b => b.textContent === 'cost').click()"
    column = json.loads(
        browser.run("JSON.stringify([...document.querySelectorAll('#trials th')].map(h => h.textContent))")
    ).index("cost")
    values = f"[...document.querySelectorAll('#trials tbody tr')].map(r => r.cells[{column}].dataset.sort)"
    browser.run(click)
    up = [float(one) for one in browser.run(values) if one]
    sort = browser.run(f"document.querySelectorAll('#trials th')[{column}].getAttribute('aria-sort')")
    browser.run(click)
    down = browser.run(values)

    assert up == sorted(up)
    assert sort == "ascending"
    assert [float(one) for one in down if one] == sorted(up, reverse=True)
    assert down[-1] == ""  # those without a value stay last
    assert browser.seen.errors == []


def test_it_prints(browser: Any, page_path: Path) -> None:
    browser.open(page_path, 1600)

    assert browser.pdf().startswith(b"%PDF-")
    assert browser.seen.errors == []


def test_an_error_would_be_seen(browser: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<script>console.error('oh'); missing()</script><img src='http://127.0.0.1:9/x.png'>", encoding="utf-8"
    )
    browser.open(bad, 390)

    assert any("oh" in one for one in browser.seen.errors)
    assert any("missing is not defined" in one for one in browser.seen.errors)
    assert browser.seen.requests == ["http://127.0.0.1:9/x.png"]


def pixels(png: bytes) -> bytes:
    """Return the (filtered) rows of a PNG."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    data, at = b"", 8
    while at < len(png):
        size = int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + size]
        at += 12 + size
    return zlib.decompress(data)
