"""Other people's optimizers as planners: their state rebuilt for each call, their points brought into the space.

A package keeps a state: it is told outcomes, asked for points, and remembers. A planner must not. So each call makes
the state anew from problem, history and pending points, seeds whatever the package draws from, asks, and forgets:
the same arguments give the same points in any process.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autolab.model.candidates import Candidates
from autolab.model.encoding import value_at
from autolab.model.errors import AutolabError, MissingExtra, OutsideSpace
from autolab.model.parameters import Categorical
from autolab.model.ranges import plain
from autolab.model.suggestion import Suggestion
from autolab.planners.batches import in_order
from autolab.planners.checks import check_asked
from autolab.planners.designs import fill
from autolab.planners.evidence import gather, is_learned_from
from autolab.planners.landing import land
from autolab.planners.sobol import Sobol

if TYPE_CHECKING:
    from autolab.model.problem import Problem
    from autolab.model.space import Space
    from autolab.model.trial import Outcome, Point, Trial, Value
    from autolab.planners.evidence import Evidence

log = logging.getLogger(__name__)
_UNDER_WAY = frozenset({"proposed", "in_review", "approved", "running", "held"})
_MOVED = 1e-6  # in the encoded cube: less is rounding
_TALKATIVE = ("ax", "baybe", "botorch", "optuna")


class Session:
    """A package's own state for one problem. It is told what became of points, and asked for new ones.

    Attributes:
        problem: As given.
        ignored: What of the problem or of its results the package has no place for, in words.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.ignored: dict[str, None] = {}

    @classmethod
    def prepare(cls) -> None:
        """Load the package.

        Raises:
            MissingExtra: It is not installed.
        """

    def tell(self, point: Point, outcome: Outcome | None) -> None:
        """Tell what a point of the space gave; None for a failure."""
        raise NotImplementedError

    def wait(self, point: Point) -> None:
        """Tell that a point of the space is under way."""
        raise NotImplementedError

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Return up to `n` points as the package means them: keys of the space, values not yet brought into it."""
        raise NotImplementedError

    def lands(self, point: Point) -> None:
        """Note which point of the space is measured for the first of those asked for that this was not yet told of.

        Only who goes on with the same session needs to tell: see `benchmarks/planners/peers.py`.
        """


def loaded(module: str, planner: str, package: str, extra: str) -> Any:  # noqa: ANN401  any module
    """Return a module of a package that comes with an extra.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        msg = f"planner {planner} needs the package {package} ({error}): run  pip install 'autolab-sdl[{extra}]'"
        raise MissingExtra(msg) from None


def propose(
    rule: str,
    kind: type[Session],
    begin: Callable[[Problem, int], Session],
    problem: Problem,
    history: Sequence[Trial],
    *,
    n: int,
    pending: Sequence[Point],
    seed: int,
) -> list[Suggestion]:
    """Return `n` distinct points of the space that a package asks for, or else the nearest that are not taken.

    Args:
        rule: For `info["rule"]`.
        kind: What `begin` makes.
        begin: Makes the package's state from a problem and a seed below 2^31.
        problem: Goals and outcome constraints.
        history: As given to `suggest`.
        n: As given to `suggest`.
        pending: As given to `suggest`.
        seed: As given to `suggest`.

    Raises:
        MissingExtra: The package is not installed.
        InputError: The package has no way to express the problem.
        PlannerError: Fewer than `n` points are left in the space.
        ValueError: `n` is less than 1.
    """
    check_asked(n, seed)
    evidence = gather(problem, history, pending)
    try:
        own = (seed + len(evidence.taken)) % 2**31  # so that the same seed does not draw pending points again
        with undisturbed(own):
            kind.prepare()
            with quiet(_TALKATIVE):
                session = begin(problem, own)
                left_out = replay(session, history, pending)
                asked = [_checked(problem.space, one) for one in session.ask(n)]
    except AutolabError:
        raise
    except Exception as error:  # numerical trouble must not end a campaign
        log.warning("%s could not propose; space-filling points are taken instead", rule, exc_info=True)
        return _anew(problem, history, n, pending, seed, f"{type(error).__name__}: {error}"[:500])
    info = {"left_out": left_out} if left_out else {}
    found, part = _landed(problem, evidence, asked[:n], seed, {"rule": rule, **info, **_ignored(session)})
    if len(found) < len(asked[:n]):  # every point seems to be taken: of the space, or of those like the first
        return _anew(problem, history, n, pending, seed, f"too few points are left of those that {rule} asked for")
    if len(found) < n:
        found += _design(part, evidence, found, n - len(found), seed, f"{rule} asked for {len(asked)} of {n} points")
    return in_order(problem, history, pending, found)


def _checked(space: Space | Candidates, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return a point that can be brought into the space.

    Raises:
        ValueError: A key is missing, a number is not finite, a category unknown.
    """
    point = {name: plain(asked[name]) for name in space.names}
    try:
        placed = bool(np.isfinite(space.encode([point])).all())
    except OutsideSpace as error:
        raise ValueError(str(error)) from None
    if not placed:
        msg = f"it asked for {point!r}"
        raise ValueError(msg)
    return point


def _ignored(session: Session) -> dict[str, list[str]]:
    return {"ignored": list(session.ignored)} if session.ignored else {}


def _landed(
    problem: Problem,
    evidence: Evidence,
    asked: Sequence[dict[str, Any]],
    seed: int,
    info: Mapping[str, Any],
) -> tuple[list[Suggestion], Space | Candidates]:
    """Return points, and the part of the space that they share: the first decides what is the same in the batch."""
    space = part = problem.space
    taken, found = set(evidence.taken), []
    for i, one in enumerate(asked):
        point = land(part, one, taken, seed + i)
        if point is None:
            break
        taken.add(space.key(point))
        if i == 0 and problem.same_in_batch:
            part = space.narrowed({name: point[name] for name in problem.same_in_batch})
        moved = float(np.abs(space.encode([one]) - space.encode([point])).max()) > _MOVED
        told = {"asked": one} if moved else {}
        found.append(Suggestion(point, {**info, **told}))
    return found, part


def _anew(
    problem: Problem, history: Sequence[Trial], n: int, pending: Sequence[Point], seed: int, why: str
) -> list[Suggestion]:
    found = Sobol().suggest(problem, history, n=n, pending=pending, seed=seed)
    return [Suggestion(one.point, {"rule": "design", "fallback": why}) for one in found]


def _design(
    space: Space | Candidates, evidence: Evidence, found: Sequence[Suggestion], n: int, seed: int, why: str
) -> list[Suggestion]:
    known = np.vstack([evidence.known, space.encode(list(found))]) if found else evidence.known
    taken = evidence.taken | {space.key(one) for one in found}
    return [Suggestion(one, {"rule": "design", "fallback": why}) for one in fill(space, n, known, taken, seed)]


def replay(session: Session, history: Sequence[Trial], pending: Sequence[Point]) -> int:
    """Tell a session a history, trial by trial, then what is under way; return how many trials it could not be told.

    Invalidated trials count for nothing. Left out are abandoned ones, those at points outside the space (packages
    refuse them) and those that lack a quantity.
    """
    problem, left_out = session.problem, 0
    waiting = [point for point in pending if standard(problem.space, point) is not None]
    for trial in history:
        if trial.invalidated:
            continue
        point = standard(problem.space, trial.point)
        if point is None:
            left_out += 1
        elif is_learned_from(problem, trial):
            session.tell(point, trial.outcome)
        elif trial.state in {"failed", "rejected"}:
            session.tell(point, None)
        elif trial.state in _UNDER_WAY:
            waiting.append(trial.point)
        else:
            left_out += 1
    found = [one for one in (standard(problem.space, point) for point in waiting) if one is not None]
    for point in {problem.space.key(one): one for one in found}.values():
        session.wait(point)
    return left_out


def standard(space: Space | Candidates, point: Point) -> dict[str, Value] | None:
    """Return a point of the space with values of its parameters' own types, exactly in their bounds; None for others."""
    try:
        if not space.contains(point):
            return None
    except TypeError:  # a value that cannot be looked up
        return None
    if isinstance(space, Candidates):
        place = space.place(point)
        return None if place is None else dict(space.points[place])
    return {
        axis.name: axis.values[list(axis.values).index(point[axis.name])]
        if isinstance(axis, Categorical)
        else value_at(axis, float(point[axis.name]))
        for axis in space.axes
    }


@contextlib.contextmanager
def undisturbed(seed: int) -> Iterator[None]:
    """Everything that packages draw from seeded, one thread, no warnings; all as before afterwards."""
    from autolab.planners.isolation import isolated

    theirs, ours = np.random.get_state(), random.getstate()  # noqa: NPY002  packages draw from it
    try:
        with isolated(seed):
            np.random.seed(seed % 2**32)  # noqa: NPY002  packages draw from it
            random.seed(seed)
            yield
    finally:
        np.random.set_state(theirs)  # noqa: NPY002  as it was
        random.setstate(ours)


@contextlib.contextmanager
def quiet(packages: Sequence[str]) -> Iterator[None]:
    """Let the loggers of packages say errors only."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in packages]
    loggers = [logging.getLogger(name) for name in dict.fromkeys([*packages, *names])]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(max(one.level, logging.ERROR))
    try:
        yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)
