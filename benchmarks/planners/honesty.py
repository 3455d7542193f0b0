"""Whether `Bayes` keeps what it promises: random spaces, constraints and histories, and a count of every fault.

    python benchmarks/planners/honesty.py [--suggestions 100000] [--jobs 1] [--seed 0]
    python benchmarks/planners/honesty.py --only 1234

The first asks for so many points, and ends with a table and an exit status of 1 where anything was wrong; what was
refused with an error of autolab's own is listed by kind. The second shows one case again. Points are judged by
arithmetic of this script: it makes each constraint as a text for the space, and once more as a function for itself.
"""

from __future__ import annotations

import argparse
import functools
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from autolab.model.candidates import Candidates
from autolab.model.cost import Cost
from autolab.model.errors import AutolabError, PlannerError
from autolab.model.nonlinear import Nonlinear
from autolab.model.objectives import Objective
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Parameter, Real
from autolab.model.problem import Problem
from autolab.model.space import Space
from autolab.model.suggestion import Suggestion
from autolab.model.trial import Point, Trial, Value
from autolab.planners.bayes import Bayes

TOLERANCE = 1e-9
ALIKE = 10  # cases of one space
FAULTS = (
    "outside bounds",
    "constraint broken",
    "twice in a batch",
    "tried before",
    "wrong count",
    "not shared",
    "fell back",
    "refused in vain",
    "other error",
    "not pure",
)
Judge = Callable[[Mapping[str, Value]], float]
"""Point -> by how much it misses a constraint, relative to the sides where these are more than 1."""


@dataclass(frozen=True)
class Case:
    """What a planner is asked."""

    kind: str
    problem: Problem
    rules: Sequence[tuple[str, Judge]]
    history: Sequence[Trial]
    pending: Sequence[Point]
    n: int
    seed: int
    planner: Bayes


@dataclass
class Tally:
    """What was found: (kind of case, what) -> how often, refusals by their kind, and cases to look at."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, kind: str, what: str, seed: int, told: str) -> None:
        """Note a fault."""
        self.counts[kind, what] += 1
        self.examples.setdefault(what, []).append(f"--only {seed}: {told}"[:300])

    def merge(self, other: Tally) -> None:
        """Take another's into this one."""
        self.counts += other.counts
        self.refusals += other.refusals
        self.seconds += other.seconds
        for what, told in other.examples.items():
            self.examples[what] = [*self.examples.get(what, []), *told][:5]

    @property
    def suggestions(self) -> int:
        """How many points were proposed."""
        return sum(count for (_, what), count in self.counts.items() if what == "points")

    @property
    def faults(self) -> int:
        """How many faults were found."""
        return sum(count for (_, what), count in self.counts.items() if what in FAULTS)


# -- spaces


def parameter(rng: np.random.Generator, name: str) -> Parameter:
    """Return a parameter of any kind."""
    low = round(float(rng.uniform(-5, 5)), 2)
    span = float(rng.choice([1e-3, 0.5, 1.0, 20.0, 1e4]))
    match rng.choice(["real", "real", "real", "log", "integer", "ordinal", "label", "descriptor"]):
        case "real":
            return Real(name, low, low + span)
        case "log":
            return Real(name, abs(low) + 1e-3, (abs(low) + 1e-3) * float(rng.choice([2.0, 100.0, 1e5])), log=True)
        case "integer":
            return Integer(name, int(low), int(low) + int(rng.choice([1, 4, 30, 5000])))
        case "ordinal":
            return Ordinal(name, np.cumsum(rng.uniform(0.1, 3, rng.integers(2, 7))).round(3).tolist())
    labels = [f"v{i}" for i in range(rng.integers(2, 7))]
    if rng.random() < 0.5:
        return Categorical(name, labels)
    return Categorical(name, labels, {one: {"u": float(rng.random()), "w": float(i)} for i, one in enumerate(labels)})


def mixture(rng: np.random.Generator, names: Sequence[str]) -> Mixture:
    """Return a mixture, of some bounds and at most so many components."""
    total = float(rng.choice([1.0, 1.0, 100.0]))
    bounds = {
        name: (round(float(rng.uniform(0, 0.15)), 2) * total, round(float(rng.uniform(0.5, 1)), 2) * total)
        for name in names
        if rng.random() < 0.3
    }
    most = int(rng.integers(2, len(names) + 1)) if rng.random() < 0.5 else None
    return Mixture(names, total, bounds or None, most)


def linear(rng: np.random.Generator, free: Space, around: Sequence[Point]) -> tuple[str, Judge]:
    """Return a linear constraint that the first of some points keeps."""
    names = numbers(free, rng, 3)
    spans = [max(float(np.ptp([float(p[name]) for p in around])), 1e-6) for name in names]
    weights = [float(f"{rng.uniform(0.2, 2) * rng.choice([-1, 1]) / span:.4g}") for span in spans]

    def total(point: Mapping[str, Value]) -> float:
        return math.fsum(w * float(point[name]) for w, name in zip(weights, names, strict=True))

    values = [total(point) for point in around]
    relation = str(rng.choice(["<=", ">=", "<=", ">=", "=="]))
    slack = 0.0 if relation == "==" else float(rng.choice([0.0, 0.05, 0.5])) * float(np.ptp(values))
    bound = values[0] + (slack if relation == "<=" else -slack)

    def missed(point: Mapping[str, Value]) -> float:
        gap = total(point) - bound
        terms = [abs(w * float(point[name])) for w, name in zip(weights, names, strict=True)]
        miss = {"<=": gap, ">=": -gap, "==": abs(gap)}[relation]
        return miss / max(1.0, abs(bound), *terms)

    text = " + ".join(f"{w!r} * {name}" for w, name in zip(weights, names, strict=True))
    return f"{text} {relation} {bound!r}", missed


def nonlinear(rng: np.random.Generator, free: Space, around: Sequence[Point]) -> tuple[str | Nonlinear, str, Judge]:
    """Return a nonlinear constraint that the first of some points keeps: for the space, in words, and to judge by."""
    names = numbers(free, rng, 2)
    a, b = names[0], names[-1]
    mean = {name: float(np.mean([float(p[name]) for p in around])) for name in names}
    size = {name: max(float(np.std([float(p[name]) for p in around])), 1e-6) for name in names}
    (ma, mb), (sa, sb) = (mean[a], mean[b]), (size[a], size[b])
    forms: list[tuple[str, Callable[[float, float], float]]] = [
        (
            f"(({a} - {ma!r}) / {sa!r})**2 + (({b} - {mb!r}) / {sb!r})**2",
            lambda x, y: ((x - ma) / sa) ** 2 + ((y - mb) / sb) ** 2,
        ),
        (f"({a} / {sa!r}) * ({b} / {sb!r})", lambda x, y: (x / sa) * (y / sb)),
        (
            f"exp(({a} - {ma!r}) / {sa!r}) - abs({b} - {mb!r}) / {sb!r}",
            lambda x, y: math.exp((x - ma) / sa) - abs(y - mb) / sb,
        ),
        (f"sin(2 * {a} / {sa!r}) + {b} / {sb!r}", lambda x, y: math.sin(2 * x / sa) + y / sb),
    ]
    text, value = forms[rng.integers(len(forms))]
    values = [value(float(point[a]), float(point[b])) for point in around]
    sign = float(rng.choice([-1.0, 1.0]))
    bound = values[0] + sign * float(rng.choice([0.02, 0.3])) * float(np.ptp(values))

    def missed(point: Mapping[str, Value]) -> float:
        found = value(float(point[a]), float(point[b]))
        return sign * (found - bound) / max(1.0, abs(found), abs(bound))

    told = f"{text} {'<=' if sign > 0 else '>='} {bound!r}"
    if rng.random() < 0.8:
        return told, told, missed
    return Nonlinear(lambda point: -missed(point), text="a function"), told, missed


def numbers(space: Space, rng: np.random.Generator, most: int) -> list[str]:
    """Return some of the keys that are numbers."""
    names = [axis.name for axis in space.axes if not isinstance(axis, Categorical)]
    return [str(one) for one in rng.permutation(names)[: rng.integers(1, most + 1)]]


def space_of(rng: np.random.Generator) -> tuple[str, Space | Candidates, list[tuple[str, Judge]]]:
    """Return a kind of space, a space, and its constraints to judge by."""
    if rng.random() < 0.1:
        rows, width = int(rng.integers(20, 60)), int(rng.integers(1, 4))
        table: dict[str, list[Value]] = {f"u{i}": rng.random(rows).round(9).tolist() for i in range(width)}
        if rng.random() < 0.5:
            table["label"] = [f"v{i}" for i in rng.integers(0, 4, rows)]
        return "pool", Candidates(table), []
    parts: list[Parameter] = [parameter(rng, f"p{i}") for i in range(rng.integers(1, 5))]
    if rng.random() < 0.3:
        parts.append(mixture(rng, [f"m{i}" for i in range(rng.integers(2, 5))]))
    free = Space(parts)
    kind = "mixture" if isinstance(parts[-1], Mixture) else "box"
    if all(isinstance(axis, Categorical) for axis in free.axes) or rng.random() < 0.35:
        return kind, free, []
    around = free.sample(24, int(rng.integers(2**31)))
    stated: list[str | Nonlinear] = []
    rules: list[tuple[str, Judge]] = []
    if rng.random() < 0.7:
        for _ in range(rng.integers(1, 3)):
            told, judge = linear(rng, free, around)
            stated.append(told)
            rules.append((told, judge))
            kind = "linear"
    if not stated or rng.random() < 0.25:
        one, told, judge = nonlinear(rng, free, around)
        stated.append(one)
        rules.append((told, judge))
        kind = "nonlinear"
    return kind, Space(parts, stated), rules


# -- cases


@functools.lru_cache(maxsize=1)
def _shared(number: int) -> tuple[str, Space | Candidates, list[tuple[str, Judge]], list[dict[str, Value]]]:
    """Return what some cases have in common, for it takes long to make: a space, and points of it."""
    kind, space, rules = space_of(np.random.default_rng([number, 77]))
    return kind, space, rules, space.sample(24, number)


def case(seed: int) -> Case:
    """Return the case of a seed.

    Raises:
        AutolabError: The space is empty, or holds no point that was found.
    """
    kind, space, rules, some = _shared(seed // ALIKE)
    rng = np.random.default_rng([seed, 78])
    draw = rng.random()
    objectives = [Objective("y", "maximize" if rng.random() < 0.5 else "minimize")]
    if draw < 0.005:
        objectives = [Objective("y", "match", target=0.3)]
    elif draw < 0.01:
        objectives.append(Objective("z", "minimize"))
    names = space.names
    problem = Problem(
        space,
        objectives,
        ["c <= 0.6"] if rng.random() < 0.15 else [],
        same_in_batch=[str(rng.choice(names))] if len(names) > 1 and rng.random() < 0.1 else [],
        cost=Cost(change={str(rng.choice(names)): 3.0}) if rng.random() < 0.1 else None,
    )
    count = int(rng.integers(0, 16)) if rng.random() < 0.5 else int(rng.integers(0, 4))
    drawn = [dict(some[i]) for i in rng.permutation(len(some))]
    history = [tried(rng, problem, point, i) for i, point in enumerate(drawn[:count])]
    pending = drawn[count : count + int(rng.integers(1, 3))] if rng.random() < 0.2 else []
    initial = 4 if rng.random() < 0.5 else None
    return Case(kind, problem, rules, history, pending, int(rng.integers(1, 9)), seed, Bayes(initial))


def tried(rng: np.random.Generator, problem: Problem, point: dict[str, Value], number: int) -> Trial:
    """Return what may have become of a point."""
    state = rng.random()
    if state < 0.12:
        return Trial.failed(point, "it clogged")
    if state < 0.2:
        return Trial(number + 1, point, "running" if state < 0.15 else "rejected" if state < 0.18 else "abandoned")
    if state < 0.22 and not isinstance(problem.space, Candidates):  # of a wider space
        point = {name: 1.3 * value + 0.01 if isinstance(value, float) else value for name, value in point.items()}
    x = problem.space.encode([point])[0]
    size = float(rng.choice([1.0, 1.0, 1.0, 1e-9, 1e6]))
    values = {"y": size * float(np.sin(4 * x.sum()) + x[0]), "z": float((x**2).sum()), "c": float(x.mean())}
    error = 0.1 if rng.random() < 0.2 else None
    done = Trial.completed(point, {name: (values[name], error) for name in problem.outcome_names})
    return done.invalidate("spilled") if rng.random() < 0.05 else done


# -- judging


def outside(parts: Sequence[Parameter], point: Mapping[str, Value]) -> list[str]:
    """Return which keys miss their values or bounds, and which mixtures their totals."""
    found = []
    for one in parts:
        if isinstance(one, Mixture):
            found += _unmixed(one, point)
            continue
        value = point[one.name]
        if isinstance(one, Categorical | Ordinal):
            good = value in one.values
        else:
            slip = TOLERANCE * max(1.0, abs(one.low), abs(one.high))
            good = not isinstance(value, str) and one.low - slip <= value <= one.high + slip
            good = good and (isinstance(one, Real) or isinstance(value, int))
        found += [] if good else [f"{one.name} = {value!r}"]
    return found


def _unmixed(one: Mixture, point: Mapping[str, Value]) -> list[str]:
    amounts = {name: float(point[name]) for name in one.names}
    slip, found = TOLERANCE * max(1.0, one.total), list[str]()
    for name, amount in amounts.items():
        low, high = (one.bounds or {}).get(name, (0.0, one.total))
        if not (low - slip <= amount <= high + slip or (one.at_most is not None and amount == 0)):
            found.append(f"{name} = {amount!r}")
    if abs(math.fsum(amounts.values()) - one.total) > slip:
        found.append(f"sum {math.fsum(amounts.values())!r}")
    if one.at_most is not None and sum(amount != 0 for amount in amounts.values()) > one.at_most:
        found.append(f"more than {one.at_most} present")
    return found


def judged(asked: Case, found: Sequence[Suggestion]) -> Iterator[tuple[str, str]]:
    """Yield each fault of an answer, and what it is."""
    space = asked.problem.space
    if len(found) != asked.n:
        yield "wrong count", f"{len(found)} instead of {asked.n}"
    known = [trial.point for trial in asked.history if not trial.invalidated] + list(asked.pending)
    before, seen = {space.key(point) for point in known}, set[object]()
    for one in found:
        if isinstance(space, Candidates):
            if dict(one) not in space.points:
                yield "outside bounds", f"{dict(one)} is no candidate"
        else:
            for told in outside(space.parameters, one):
                yield "outside bounds", told
        for text, judge in asked.rules:
            miss = judge(one)
            if not miss <= TOLERANCE:
                yield "constraint broken", f"{text} by {miss:.3g} at {dict(one)}"
        key = space.key(one)
        if key in seen:
            yield "twice in a batch", str(dict(one))
        if key in before:
            yield "tried before", str(dict(one))
        seen.add(key)
        if "fallback" in one.info:
            yield "fell back", str(one.info["fallback"])
    for name in asked.problem.same_in_batch:
        if len({one[name] for one in found}) > 1:
            yield "not shared", f"{name}: {[one[name] for one in found]}"


def refused_in_vain(asked: Case, error: AutolabError) -> bool:
    """Return whether more points can be drawn than the planner says there are."""
    if not isinstance(error, PlannerError) or asked.problem.same_in_batch:
        return False
    space = asked.problem.space
    taken = {space.key(t.point) for t in asked.history} | {space.key(point) for point in asked.pending}
    drawn = space.sample(4 * (asked.n + len(taken)), 12345)
    return sum(space.key(point) not in taken for point in drawn) >= asked.n


def try_one(seed: int) -> Tally:
    """Return what one case shows."""
    tally = Tally()
    try:
        asked = case(seed)
    except AutolabError as error:
        tally.refusals[f"no such space: {type(error).__name__}"] += seed % ALIKE == 0
        return tally

    def ask() -> list[Suggestion]:
        return asked.planner.suggest(
            asked.problem, asked.history, n=asked.n, pending=asked.pending, seed=asked.seed % 2**31
        )

    begun = time.perf_counter()
    try:
        found = ask()
    except AutolabError as error:
        tally.refusals[f"{type(error).__name__}"] += 1
        if refused_in_vain(asked, error):
            tally.add(asked.kind, "refused in vain", seed, str(error))
        return tally
    except Exception as error:  # that is the fault looked for
        tally.add(asked.kind, "other error", seed, f"{type(error).__name__}: {error}")
        return tally
    tally.seconds = time.perf_counter() - begun
    tally.counts[asked.kind, "points"] += len(found)
    tally.counts[asked.kind, str(found[0].info["rule"])] += len(found)
    for what, told in judged(asked, found):
        tally.add(asked.kind, what, seed, told)
    if seed % 20 == 0 and [(one.point, one.info) for one in ask()] != [(one.point, one.info) for one in found]:
        tally.add(asked.kind, "not pure", seed, "asked again it answers otherwise")
    return tally


def try_many(seeds: Sequence[int]) -> Tally:
    """Return what many cases show together."""
    tally = Tally()
    for seed in seeds:
        tally.merge(try_one(seed))
    return tally


# -- the whole


def chunks(first: int, size: int = 20) -> Iterator[range]:
    """Yield seeds without end, some at a time."""
    while True:
        yield range(first, first + size)
        first += size


def run(suggestions: int, jobs: int, seed: int) -> Tally:
    """Ask until there are so many suggestions, and tell how far it is."""
    whole, begun, told = Tally(), time.perf_counter(), time.perf_counter()
    todo = chunks(1_000_000 * seed)
    with ProcessPoolExecutor(jobs) as pool:
        while whole.suggestions < suggestions:
            for one in pool.map(try_many, [next(todo) for _ in range(4 * jobs)]):
                whole.merge(one)
            if time.perf_counter() - told > 20 or whole.suggestions >= suggestions:
                told = time.perf_counter()
                print(f"{whole.suggestions} points, {whole.faults} faults, {told - begun:.0f} s", flush=True)
    return whole


def show(tally: Tally) -> None:
    """Print the table, what was refused, and cases to look at."""
    columns = ("points", "design", "improvement", "hypervolume", *FAULTS)
    kinds = sorted({kind for kind, _ in tally.counts})
    print("| space | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 1))
    for kind in (*kinds, "all"):
        rows = kinds if kind == "all" else [kind]
        print(f"| {kind} | " + " | ".join(str(sum(tally.counts[row, what] for row in rows)) for what in columns) + " |")
    print("refused: " + (", ".join(f"{what} {count}" for what, count in sorted(tally.refusals.items())) or "nothing"))
    for what, examples in tally.examples.items():
        print(f"{what}:", *examples, sep="\n  ")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 1 on any fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suggestions", type=int, default=100_000)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--seed", type=int, default=0, help="other cases")
    parser.add_argument("--only", type=int, help="the case of this number alone")
    given = parser.parse_args(arguments)
    if given.only is not None:
        print(case(given.only))
        tally = try_one(given.only)
    else:
        tally = run(given.suggestions, given.jobs, given.seed)
    show(tally)
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
