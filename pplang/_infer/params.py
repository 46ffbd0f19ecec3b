"""`param`: the values that make the data most probable, with everything that is drawn integrated out.

With the params at a place the engine fits what is drawn there. That fit q is the proposal for importance sampling of the marginal likelihood at
every place near by, log mean p(y, z_i; place) / q(z_i) on the same z_i throughout: a smooth function, whose maximum quasi-Newton steps find
(Geyer 1994, "On the convergence of Monte Carlo maximum likelihood calculations"). They go as far as the effective number of draws allows; there the
engine fits again, until no more is to be gained. A normal approximation alone would be maximised at another place than the likelihood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pplang._diagnostics import Diagnostic, Problems
from pplang._infer.families import lower_root
from pplang._infer.importance import proposed
from pplang._infer.problem import Exhausted, Problem
from pplang._infer.quasi_newton import Curvature, climbed
from pplang._infer.race import Fitted, Race
from pplang._infer.settings import Progress, Settings
from pplang._infer.target import NoStart

if TYPE_CHECKING:
    from pplang._infer.engine import Prepared
    from pplang._model import Bound

_ROUNDS = 12
_FEW, _MANY = 256, 2_048
_CLOSE, _CLOSER = 0.1, 2e-4
"""Nats to gain below which many draws are taken, and below which the place is found: half the square of the distance in standard errors."""
_SHARE = 0.3
"""A step may lower the effective share of the draws to this much of what it is where the fit was made."""
_STEPS, _MOST = 12, 16
_MOST_TO_BEGIN = 250
_FALL = 0.05
"""Nats by which the likelihood must fall to both sides of its maximum."""
_WIDEST = 30.0


def check_params(bound: Bound) -> None:
    """Raises `Problems` (F12) for params that no data depend on. bound: in transported coordinates."""
    program, used = bound.model.program, bound.compiled.inference.site
    idle = [param for param in program.params if param.name not in used]
    help = "use it, leave it out, or write the number"
    if idle:
        faults = [
            Diagnostic("F12", f"no data depend on the param `{one.name}`", one.span, "nothing to maximize", help=help) for one in idle
        ]
        raise Problems(faults, bound.model.source)


def maximised(ready: Prepared, settings: Settings, progress: Progress) -> tuple[str, ...]:
    """Puts the params of a problem where the data are most probable. The moves along which there is no such place. Raises NoStart."""
    problem = ready.problem
    if not problem.moves:
        return ()
    most = problem.ledger.most
    remark = lambda text: progress(min(problem.ledger.gradients, most), most, text)  # noqa: E731
    level = Ascent(problem, ready.dense, settings.seed, settings.tol, remark).run()
    sizes = [problem.target.arguments[name].size for name in problem.moves]
    owners = np.repeat(np.arange(len(sizes)), sizes)
    return tuple(problem.moves[i] for i in sorted({int(owners[i]) for i in level}))


def without_maximum(bound: Bound, level: Sequence[str]) -> Iterator[Diagnostic]:
    """A note (F27) for each param without a maximum. level: names of moves."""
    for param, move in zip(bound.model.program.params, bound.compiled.moves, strict=True):
        if move in level:
            title = f"the likelihood has no maximum along `{param.name}`, or none was reached: its value is where the search ended"
            help = "it may be at an end of what it can be, go together with another unknown, or need a better start: or give it a prior"
            yield Diagnostic("F27", title, param.span, "goes on rising, or is level", help=help, severity="warning")


@dataclass
class Ascent:
    """Params on their way up. place: (p,) in the order of the problem's moves. units: (p,), rough standard errors."""

    problem: Problem
    dense: np.ndarray
    seed: int
    tolerance: float
    remark: Callable[[str], None]

    def __post_init__(self) -> None:
        self.units = np.ones(len(self.problem.place))

    def run(self) -> list[int]:
        """Moves the problem's params to the maximum. The positions of those along which the likelihood has none: it does not fall to both sides,
        or the way was too long. Raises NoStart where neither the given start nor a mode has a finite density."""
        try:
            return self._climb(*self._begun())
        except Exhausted:
            return list(range(len(self.units)))

    def _begun(self) -> tuple[np.ndarray, Fitted]:
        """The better of the program's start and a mode of the joint density of params and latents."""
        start = self.problem.place
        found, failure = [], NoStart(np.zeros((1, self.problem.size)))
        for place in (start, self._mode(start)):
            if place is None:
                continue
            try:
                found.append((place, self._fitted(place)))
            except NoStart as caught:
                failure = caught
        if not found:
            raise failure
        return max(found, key=lambda one: one[1].evaluation.elbo)

    def _mode(self, start: np.ndarray) -> np.ndarray | None:
        """Of the joint density in non-centred coordinates: wrong where latents are many, but not far from where it matters."""
        n = self.problem.size

        def score(both: np.ndarray) -> tuple[float, np.ndarray]:
            densities, *gradients = self.problem.joint_scores(self.problem.zero(), both[n:], both[None, :n])
            return float(densities[0]), np.concatenate([one[0] for one in gradients])

        peak = climbed(score, np.concatenate([np.zeros(n), start]), steps=200, most=_MOST_TO_BEGIN)
        if peak is None:
            return None
        self.units = _widths(peak.curvature, n, len(start))
        place: np.ndarray = peak.point[n:]
        return place

    def _fitted(self, place: np.ndarray) -> Fitted:
        self.problem.move(place)
        return Race(self.problem, self.dense, self.seed, self.tolerance, self.remark).run()

    def _climb(self, place: np.ndarray, reached: Fitted) -> list[int]:
        count = _FEW
        for _ in range(_ROUNDS):
            likelihood = _Likelihood(self.problem, reached, place, self.units, count, self.seed)
            peak = climbed(likelihood.score, np.zeros(len(place)), steps=_STEPS, most=_MOST)
            if peak is None:
                break
            gain = peak.density - likelihood.score(np.zeros(len(place)))[0]
            if gain < _CLOSER and count == _MANY:
                return likelihood.level(peak.point)
            place = place + self.units * peak.point
            if peak.curvature.pairs:
                self.units = self.units * np.clip(_widths(peak.curvature, 0, len(place)), 0.1, 10.0)
            count = _MANY if gain < _CLOSE else _FEW
            self.remark(f"params: {gain:.3f} nats higher")
            reached = self._fitted(place)
        return list(range(len(place)))


@dataclass
class _Likelihood:
    """The importance-sampled marginal log likelihood around a place, up to a constant, as a function of (params - place) / units."""

    problem: Problem
    fitted: Fitted
    place: np.ndarray
    units: np.ndarray
    count: int
    seed: int

    def __post_init__(self) -> None:
        family = replace(self.fitted.family, root=lower_root(self.fitted.family.covariance()))
        self.sample = proposed(family, min(10, family.dense), self.count, self.seed)
        self.least = 0.0
        weights = self._weights(np.zeros(len(self.place)))[1]
        self.least = _SHARE / float((weights**2).sum())

    def _weights(self, at: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        densities, _, gradients = self.problem.joint_scores(self.fitted.constants, self.place + self.units * at, self.sample.points)
        logs = np.where(np.isfinite(densities), densities - self.sample.log_proposal, -np.inf)
        top = logs.max()
        if not np.isfinite(top):
            return -np.inf, np.full(len(logs), 1 / len(logs)), gradients
        weights = np.exp(logs - top)
        return float(top + np.log(weights.mean())), weights / weights.sum(), gradients

    def score(self, at: np.ndarray) -> tuple[float, np.ndarray]:
        """The value and its gradient; minus infinity where too few draws have any weight to tell."""
        value, weights, gradients = self._weights(at)
        if 1 / (weights**2).sum() < self.least:
            return -np.inf, np.zeros(len(at))
        used = weights > 0
        return value, self.units * (weights[used] @ gradients[used])

    def level(self, top: np.ndarray) -> list[int]:
        """The params along which it does not fall to both sides of its maximum."""
        highest = self._weights(top)[0]

        def falls(direction: np.ndarray) -> bool:
            return any(not self._weights(top + step * direction)[0] > highest - _FALL for step in (3.0, _WIDEST))

        return [i for i, unit in enumerate(np.eye(len(top))) if not (falls(unit) and falls(-unit))]


def _widths(curvature: Curvature, first: int, count: int) -> np.ndarray:
    """Rough standard deviations of `count` coordinates from a number on, by the quasi-Newton steps."""
    if not curvature.pairs:
        return np.ones(count)
    size = len(curvature.pairs[0][0])
    variances = np.array([curvature.times(np.eye(1, size, first + i)[0])[first + i] for i in range(count)])
    return np.clip(np.sqrt(np.maximum(variances, 0)), 1e-12, 1e6)
