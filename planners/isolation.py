"""Numerical work that neither depends on nor disturbs what else runs in the process."""

from __future__ import annotations

import contextlib
import random
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def isolated(seed: int, *, torch: bool = False) -> Iterator[None]:
    """One thread, torch's generator seeded, warnings silent; all as before afterwards, also Python's generator.

    One thread: sums then do not depend on how work is split, and a fit does not fight other processes for cores.
    No warning: where the process turns warnings into errors, proposals would differ; what the libraries warn of is
    met (points tried twice, constant outcomes, a fit that stops at its limit, no feasible trial yet).

    Args:
        seed: Of torch's generator.
        torch: Whether torch will be needed; it takes seconds to load.
    """
    import scipy.linalg  # noqa: F401  a BLAS that is loaded later would keep its threads

    loaded = torch or "torch" in sys.modules
    with _one_blas_thread(), _python(), warnings.catch_warnings(), _torch(seed) if loaded else contextlib.nullcontext():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _python() -> Iterator[None]:
    state = random.getstate()  # scikit-learn draws from it when it is loaded
    try:
        yield
    finally:
        random.setstate(state)


@contextlib.contextmanager
def _torch(seed: int) -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


def _one_blas_thread() -> contextlib.AbstractContextManager[object]:
    try:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types
    except ImportError:  # optional; without it only BLAS inside SciPy keeps its threads
        return contextlib.nullcontext()
    limits: contextlib.AbstractContextManager[object] = threadpool_limits(1)
    return limits
