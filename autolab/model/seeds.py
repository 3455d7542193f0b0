"""Seeds derived from the campaign's, so that nothing random depends on hidden state."""

from __future__ import annotations

import zlib


def decision_seed(campaign_seed: int, decision: int) -> int:
    """Return the seed of a planner's call.

    >>> decision_seed(7, 0) == decision_seed(7, 0) != decision_seed(7, 1)
    True
    """
    return _derive(campaign_seed, 0, decision)


def noise_seed(campaign_seed: int, instrument: str, trial: int, attempt: int) -> int:
    """Return the seed of an instrument's noise during one attempt."""
    return _derive(campaign_seed, 1, zlib.crc32(instrument.encode()), trial, attempt)


def _derive(*parts: int) -> int:
    import numpy as np  # here, so that checking a file does not load it

    state = np.random.SeedSequence(parts).generate_state(2, np.uint32)
    return int(state[0]) | (int(state[1]) & 0x1FFFFF) << 32  # 53 bits: exact in JSON
