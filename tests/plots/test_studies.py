"""Figures of a study."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from autolab.plots.studies import band, curves, differences, page
from autolab.study.runs import Result, Setting


def result(planner: str, seed: int, score: Sequence[float | None], problem: str = "p") -> Result:
    return Result(planner, {}, Setting(problem, problem, len(score)), seed, score, low=0.0, high=1.0)


@pytest.fixture
def results() -> list[Result]:
    """Return two planners on two problems, 4 seeds each."""
    return [
        result(planner, seed, [0.1 * seed + ahead, 0.1 * seed + 0.2 + ahead], problem)
        for problem in ("p", "<q>")
        for planner, ahead in (("a", 0.3), ("b", 0.0))
        for seed in range(4)
    ]


def test_lines_are_means_and_stand_in_the_legend_once(results: list[Result]) -> None:
    figure = curves(results)
    lines = [trace for trace in figure.data if trace.mode == "lines" and trace.fill is None]

    assert [trace.name for trace in lines] == ["a", "b", "a", "b"]
    assert [trace.showlegend for trace in lines] == [True, True, False, False]
    assert list(lines[0].y) == pytest.approx([0.45, 0.65])
    assert list(lines[0].x) == [1, 2]
    assert len({trace.line.color for trace in lines[:2]}) == len({trace.line.dash for trace in lines[:2]}) == 2


def test_bands_lie_around_the_lines(results: list[Result]) -> None:
    figure = curves(results)
    bands = [trace for trace in figure.data if trace.fill == "toself"]

    assert len(bands) == 4
    assert max(bands[0].y[:2]) > 0.65 > min(bands[0].y)


def test_names_are_no_markup(results: list[Result]) -> None:
    titles = [note.text for note in curves(results).layout.annotations]

    assert titles == ["p", "&lt;q&gt;"]


def test_a_band_is_the_bootstrap_interval_of_the_mean() -> None:
    values = np.random.default_rng(0).normal(1.0, 0.5, (100, 1))
    low, high = band(values)

    assert low[0] == pytest.approx(values.mean() - 1.96 * values.std() / 10, abs=0.02)
    assert high[0] == pytest.approx(values.mean() + 1.96 * values.std() / 10, abs=0.02)
    assert band(np.array([[0.2, 0.4]])) == ([0.2, 0.4], [0.2, 0.4])


def test_differences_have_their_intervals(results: list[Result]) -> None:
    marks = [trace for trace in differences(results).data if trace.mode == "markers"]

    assert [list(trace.y) for trace in marks] == [["b"], ["b"]]
    assert marks[0].x[0] == pytest.approx(-0.3)
    assert marks[0].error_x.array[0] == pytest.approx(0.0)
    assert [list(trace.y) for trace in differences(results, "b").data if trace.mode == "markers"] == [["a"], ["a"]]


def test_one_seed_has_no_bars() -> None:
    (mark,) = [one for one in differences([result("a", 0, [0.5]), result("b", 0, [0.4])]).data if one.mode == "markers"]

    assert mark.error_x.array is None


def test_a_page_is_complete_in_itself(results: list[Result]) -> None:
    text = page(results)

    assert text.count("Plotly.newPlot(") == 2
    assert text.startswith("<!doctype html>")
    assert "cdn.plot.ly" not in text.split("<div")[0]
