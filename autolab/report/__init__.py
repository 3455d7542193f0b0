"""What a campaign tells people: the report (one HTML file) and the card in a notebook."""

from autolab.report.page import report, write_report

__all__ = ["report", "write_report"]
