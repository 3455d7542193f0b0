"""Numerical work that neither depends on nor disturbs what else runs in the process."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def isolated(seed: int) -> Iterator[None]:
    """One thread, torch's generator seeded, warnings silent; all as before afterwards.

    One thread: sums then do not depend on how work is split, and a fit does not fight other processes for cores.
    No warning: where the process turns warnings into errors, proposals would differ; what the libraries warn of is
    met (points tried twice, constant outcomes, a fit that stops at its limit, no feasible trial yet).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _one_blas_thread(), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
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
