"""Make the pictures of the documentation: run an example campaign, write its report, photograph it.

    python docs/make_images.py [CAMPAIGN.yaml] [--trials N]

Writes docs/images/report.png (the top of the report) and docs/images/progress.png (the figure of the progress). Needs
Chromium on the path. Without a campaign file the function of examples/function_campaign.py is optimised.
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
    asked = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        journal = Path(folder) / "campaign.sqlite"
        campaign = _campaign(asked.campaign, journal)
        campaign.run(asked.trials or (None if asked.campaign else 16))
        page = campaign.report(Path(folder) / "report.html")
        with _browser_module().Browser(Path(folder) / "profile") as browser:
            browser.open(page, WIDTH, HEIGHT)
            browser.run("document.querySelectorAll('.modebar').forEach(one => one.remove())")
            (IMAGES / "report.png").write_bytes(browser.screenshot())
            (IMAGES / "progress.png").write_bytes(browser.screenshot(of="#plot-progress"))
            if browser.seen.errors or browser.seen.requests:
                sys.exit(f"the report is not as it should be: {browser.seen}")
    sys.stdout.write(f"{IMAGES / 'report.png'}\n{IMAGES / 'progress.png'}\n")


def _campaign(path: Path | None, journal: Path) -> al.Campaign:
    if path is not None:
        return al.load(str(path), journal=journal)
    space = al.Space([al.Real("x", 0, 1), al.Real("y", 0, 1)])
    problem = al.Problem(space, [al.Objective("height", goal="maximize")])
    return al.Campaign(problem, evaluate=_height, journal=journal, name="function", seed=7)


def _height(point: Any) -> float:  # noqa: ANN401  a mapping of numbers
    return float(3 - (point["x"] - 0.3) ** 2 - 2 * (point["y"] - 0.6) ** 2)


def _browser_module() -> Any:  # noqa: ANN401  the tests' browser, which is no part of the package
    spec = importlib.util.spec_from_file_location("report_browser", ROOT / "tests" / "report" / "browser.py")
    if spec is None or spec.loader is None:
        sys.exit("tests/report/browser.py is missing: run this in a checkout")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
