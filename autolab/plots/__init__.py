"""Figures of a campaign: pure functions of a problem and its trials that return plotly figures."""

from autolab.plots.parameters import parameters
from autolab.plots.progress import progress
from autolab.plots.surface import surface

__all__ = ["parameters", "progress", "surface"]
