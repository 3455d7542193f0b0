"""Simulated instruments that speak their real protocols, the worlds behind them, and what serves their bytes."""
