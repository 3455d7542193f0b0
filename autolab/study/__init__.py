"""Studies: planners on problems whose truth is known, over many seeds, and what can be said about their difference."""
