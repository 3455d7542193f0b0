"""Two-level fractions of a wanted resolution: the generators, searched; the design itself is pyDOE3's.

A fraction of `k` factors in `2**b` runs writes `b` basic factors freely and sets each of the others to a product of
basic ones, its generator. Its resolution is the length of the shortest word in the defining relation, the group that
the generators span (Box, Hunter 1961).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from autolab.planners.runs import check_size

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_STEPS = 200_000


def fraction(k: int, resolution: int, rule: str) -> NDArray[np.float64]:
    """Return the smallest two-level design found of `k` factors (1 to 26) and a resolution, `2**b x k` of -1 and 1.

    `b = k` (all combinations) where no fraction has the resolution.

    Raises:
        DesignUnfit: It would have too many runs; the message names the design by `rule`.
    """
    from pyDOE3 import ff2n, fracfact  # loaded late, with scipy

    for b in range(min(k, max(2, resolution - 1)), k):
        check_size(rule, [2] * b)
        words = _generators(b, k - b, resolution)
        if words is not None:
            told = [*_LETTERS[:b], *("".join(_LETTERS[i] for i in range(b) if word >> i & 1) for word in words)]
            return np.asarray(fracfact(" ".join(told)), dtype=float)
    check_size(rule, [2] * k)
    return np.asarray(ff2n(k), dtype=float)


def _generators(b: int, extra: int, resolution: int) -> tuple[int, ...] | None:
    """Return `extra` generators over `b` basic factors, as bits; None where none were found.

    Long words come first; for resolution 4 those of odd length, any of which go together: with the generated letter each
    is even, so is every product, and 2 is out of the question as words differ.
    """
    odd_first = resolution == 4
    words = sorted(
        (word for word in range(1, 2**b) if word.bit_count() >= resolution - 1),
        key=lambda word: (odd_first and word.bit_count() % 2 == 0, -word.bit_count(), word),
    )
    steps = iter(range(_STEPS))
    return next(_chosen(words, 0, (), [0], extra, resolution, steps), None)


def _chosen(
    words: list[int],
    start: int,
    made: tuple[int, ...],
    group: list[int],
    extra: int,
    resolution: int,
    steps: Iterator[int],
) -> Iterator[tuple[int, ...]]:
    """Yield ways to complete `made`; `group` holds the products of the generators, the number of them in high bits."""
    if len(made) == extra:
        yield made
        return
    for place in range(start, len(words) - (extra - len(made)) + 1):
        if next(steps, None) is None:
            return
        word = words[place] | 1 << (32 + len(made))  # the generated factor itself is a letter of the word
        new = [word ^ one for one in group]
        if all(one.bit_count() >= resolution for one in new):
            yield from _chosen(words, place + 1, (*made, words[place]), group + new, extra, resolution, steps)
