"""Polytopes: is there a point, which is nearest, and points spread evenly within.

Notation: `x` (`k`) a point in coordinates of order 1; `A x <= b` (`m x k`) includes all bounds; `C x = d` (`e x k`);
`x = center + N z` with `N` (`k x r`) an orthonormal basis of the directions that the equalities leave, `G z <= h` the
inequalities of `z` (`G = A N`). Libraries do the work: linear programs, least squares and the center are SciPy's,
the walk that samples is BoTorch's. What is done here is to reduce the polytope to one of full dimension first.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_THIN = 1e5  # a slack below 1/_THIN of the coordinates' scale counts as none: the inequality is an equality
_EXACT = 1e-9  # a slack below this is the rounding of a linear program
_SOLVED, _INFEASIBLE = 0, 2  # linprog's statuses
_STEPS = 2000  # of a walk at 0.1 ms: enough for some hundred points in few dimensions, and well below half a second
_TOLERANCES = (1e-10, 1e-9, 1e-8)  # of a linear program; the next only where the solver gets stuck: that is no answer


class Polytope:
    """A polytope that is not empty, prepared for drawing and projecting.

    Attributes:
        center: `k`, the analytic center (relative to the directions that are free).
        basis: `k x r`, the free directions; `r = 0` for a single point.
    """

    def __init__(self, inequalities: tuple[Array, Array], center: Array, basis: Array) -> None:
        self.center, self.basis = center, basis
        a, b = inequalities
        self._g, self._h = a @ basis, np.maximum(b - a @ center, 0.0)

    @classmethod
    def of(cls, a: Array, b: Array, c: Array, d: Array) -> Polytope | None:
        """Return the polytope `A x <= b`, `C x = d`, or None when it is empty.

        Inequalities that hold with equality at every point are found and treated as equalities (Freund, Roundy and
        Todd 1985, one linear program), so that flat polytopes and single points are no special case.
        """
        found = _relative_interior(a, b, c, d)
        if found is None:
            return None
        x, flat = found
        level = a[flat] @ x  # of a row that is only all but flat, keep the level: bounds that enclose a sliver disagree
        equal = np.vstack([c, a[flat]])
        right = np.concatenate([d, np.where(b[flat] - level < _EXACT, b[flat], level)])
        basis = _null_space(equal)
        if len(equal):
            x = x - np.linalg.pinv(equal, rcond=1e-9) @ (equal @ x - right)
        rest = (a[~flat], b[~flat])
        if basis.shape[1]:
            x = x + basis @ _analytic_center(rest[0] @ basis, rest[1] - rest[0] @ x)
        return cls(rest, x, basis)

    @property
    def dimension(self) -> int:
        """Number of free directions."""
        return int(self.basis.shape[1])

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Return `n x k` points, near to uniform: a hit-and-run walk from the center.

        The walk goes through coordinates in which the Dikin ellipsoid of the center is a ball, so that it mixes as
        fast where the polytope is long and thin. There it forgets where it was after 2 `r` to 2 `r^2` steps (measured
        on cubes and simplices): the first 2 `r^2` are left out, and between points lie up to `r^2`, but for many
        points fewer (no less than `r`), since these together fill the polytope all the same.
        """
        if self.dimension == 0:
            return np.tile(self.center, (n, 1))
        r = self.dimension
        between = min(r * r, max(r, _STEPS // max(n, 1)))
        round_ = np.linalg.inv(np.linalg.cholesky(_curvature(self._g, self._h))).T
        y = _walk(self._g @ round_, self._h, n, 2 * r * r, between, int(rng.integers(2**62)))
        z = np.array([self._pulled_in(one) for one in y @ round_.T]).reshape(n, r)
        return np.asarray(self.center + z @ self.basis.T)

    def project(self, x: Array) -> Array:
        """Return the nearest point of the polytope to `x` (`k`).

        Least-distance programming by non-negative least squares (Lawson and Hanson 1974, chapter 23).
        """
        w = self.basis.T @ (x - self.center)
        excess = self._g @ w - self._h
        if len(excess) and excess.max() > 0:
            w = self._pulled_in(w + self._least_step(excess))
        return np.asarray(self.center + self.basis @ w)

    def _least_step(self, excess: Array) -> Array:
        from scipy.optimize import nnls  # loaded late: half a second

        stacked = np.vstack([-self._g.T, excess])
        aim = np.zeros(len(stacked))
        aim[-1] = 1.0
        try:
            weights, _ = nnls(stacked, aim)
        except RuntimeError:  # it did not converge; pulling in still gives a point inside
            return np.zeros(self.dimension)
        rest = stacked @ weights - aim
        return np.asarray(-rest[:-1] / rest[-1]) if abs(rest[-1]) > 1e-14 else np.zeros(self.dimension)

    def _pulled_in(self, z: Array) -> Array:
        """Return `z` moved towards the center by as much as rounding (or a failed projection) left it outside."""
        level = self._g @ z
        over = level > self._h
        if not over.any():
            return z
        return np.asarray(z * np.min(self._h[over] / level[over]) * (1 - 1e-15))


def _relative_interior(a: Array, b: Array, c: Array, d: Array) -> tuple[Array, NDArray[np.bool_]] | None:
    """Return a point and which inequalities hold with equality everywhere; None when there is no point."""
    from scipy.optimize import linprog  # loaded late: half a second

    m, k = a.shape
    # max sum(s)  s.t.  A x + s <= alpha b,  C x = alpha d,  0 <= s <= 1,  alpha >= 1;  the point is x / alpha
    cost = np.concatenate([np.zeros(k + 1), -np.ones(m)])
    upper = np.hstack([a, -b[:, None], np.eye(m)])
    equal = np.hstack([c, -d[:, None], np.zeros((len(c), m))])
    for tolerance in _TOLERANCES:
        found = linprog(
            cost,
            A_ub=upper,
            b_ub=np.zeros(m),
            A_eq=equal if len(c) else None,
            b_eq=np.zeros(len(c)) if len(c) else None,
            bounds=[(None, None)] * k + [(1.0, _THIN)] + [(0.0, 1.0)] * m,
            method="highs",
            options={"primal_feasibility_tolerance": tolerance, "dual_feasibility_tolerance": tolerance},
        )
        if found.status in (_SOLVED, _INFEASIBLE):
            break
    if found.x is None:
        return None
    return np.asarray(found.x[:k] / found.x[k]), np.asarray(found.x[k + 1 :] < 0.5)


def _null_space(equal: Array) -> Array:
    k = equal.shape[1]
    if not len(equal):
        return np.eye(k)
    _, sizes, rows = np.linalg.svd(equal)
    rank = int((sizes > 1e-9 * max(1.0, sizes.max(initial=0.0))).sum())
    return np.asarray(rows[rank:].T)


def _analytic_center(g: Array, h: Array) -> Array:
    """Return the `z` of greatest product of slacks `h - G z`, all of which are positive at `z = 0`."""
    from scipy.optimize import minimize  # loaded late: half a second

    def barrier(z: Array) -> float:
        slack = h - g @ z
        return float(-np.log(slack).sum()) if (slack > 0).all() else np.inf

    if not np.isfinite(barrier(np.zeros(g.shape[1]))):
        return np.zeros(g.shape[1])
    found = minimize(
        barrier,
        np.zeros(g.shape[1]),
        jac=lambda z: (g / (h - g @ z)[:, None]).sum(axis=0),
        hess=lambda z: _curvature(g, h - g @ z),
        method="trust-exact",
        options={"gtol": 1e-8},
    )
    return np.asarray(found.x)


def _curvature(g: Array, slack: Array) -> Array:
    """Return the second derivative of the logarithmic barrier (`r x r`): the matrix of the Dikin ellipsoid."""
    scaled = g / np.maximum(slack, _EXACT)[:, None]
    return np.asarray(scaled.T @ scaled)


def _walk(g: Array, h: Array, n: int, burn_in: int, between: int, seed: int) -> Array:
    """Return `n x r` points of `G y <= h`, which `y = 0` satisfies; the seed alone decides which."""
    with _one_torch_thread():
        import torch  # loaded late: seconds
        from botorch.utils.sampling import sample_polytope

        start = torch.zeros(g.shape[1], 1, dtype=torch.float64, device="cpu")
        sides = torch.from_numpy(np.ascontiguousarray(g)), torch.from_numpy(h[:, None])
        # it works with torch's global generator, seeded for itself and put back afterwards
        walked = sample_polytope(*sides, start, n=n, n0=burn_in, n_thinning=between, seed=seed)
    return np.asarray(walked.numpy(), dtype=np.float64)


@contextlib.contextmanager
def _one_torch_thread() -> Iterator[None]:
    """Steps are small: threads cost more than they give. The import of BoTorch's parts warns of their own affairs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
