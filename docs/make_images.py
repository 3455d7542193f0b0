"""Make the pictures of the documentation: run an example campaign, write its report, photograph it.

    python docs/make_images.py [CAMPAIGN.yaml] [--trials N]
    python docs/make_images.py --growth

Writes docs/images/report.png (the top of the report) and docs/images/progress.png (the figure of the progress). Needs
Chromium on the path. Without a campaign file the function of examples/function_campaign.py is optimised. With
`--growth` it measures how long the default planner takes (benchmarks/planners/speed.py) and writes
docs/images/growth.png instead.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import Any

import autolab as al

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
WIDTH, HEIGHT = 1280, 1180
"""Of the window, px."""


def main() -> None:
    """Do what the module says."""
    parser = argparse.ArgumentParser(description="Make the pictures of the documentation.")
    parser.add_argument("campaign", nargs="?", type=Path, help="A campaign file; a plain function without it.")
    parser.add_argument("--trials", type=int, help="In all, in place of the budget's.")
    parser.add_argument("--growth", action="store_true", help="How long a suggestion takes, and nothing else.")
    asked = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if asked.growth:
            page, parts = _growth(Path(folder)), {"growth.png": ".plotly-graph-div"}
        else:
            page, parts = _report(asked, Path(folder)), {"report.png": "", "progress.png": "#plot-progress"}
        with _module(ROOT / "tests" / "report" / "browser.py").Browser(Path(folder) / "profile") as browser:
            browser.open(page, WIDTH, HEIGHT)
            browser.run("document.querySelectorAll('.modebar').forEach(one => one.remove())")
            for name, part in parts.items():
                (IMAGES / name).write_bytes(browser.screenshot(of=part))
            if browser.seen.errors or browser.seen.requests:
                sys.exit(f"the page is not as it should be: {browser.seen}")
    sys.stdout.write("".join(f"{IMAGES / name}\n" for name in parts))


def _report(asked: argparse.Namespace, folder: Path) -> Path:
    campaign = _campaign(asked.campaign, folder / "campaign.sqlite")
    campaign.run(asked.trials or (None if asked.campaign else 16))
    return Path(campaign.report(folder / "report.html"))


def _growth(folder: Path) -> Path:
    speed = _module(ROOT / "benchmarks" / "planners" / "speed.py")
    page = folder / "growth.html"
    speed.drawn(speed.growth(rounds=3)).write_html(page, default_width=f"{WIDTH * 3 // 4}px")
    return page


def _campaign(path: Path | None, journal: Path) -> al.Campaign:
    if path is not None:
        return al.load(str(path), journal=journal)
    space = al.Space([al.Real("x", 0, 1), al.Real("y", 0, 1)])
    problem = al.Problem(space, [al.Objective("height", goal="maximize")])
    return al.Campaign(problem, evaluate=_height, journal=journal, name="function", seed=7)


def _height(point: Any) -> float:  # noqa: ANN401  a mapping of numbers
    return float(3 - (point["x"] - 0.3) ** 2 - 2 * (point["y"] - 0.6) ** 2)


def _module(path: Path) -> Any:  # noqa: ANN401  what is no part of the package: the tests' browser, a benchmark
    spec = importlib.util.spec_from_file_location(f"images_{path.stem}", path)
    if spec is None or spec.loader is None or not path.exists():
        sys.exit(f"{path.relative_to(ROOT)} is missing: run this in a checkout")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
