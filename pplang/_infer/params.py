"""`param`: the values that make the data most probable, with everything that is drawn integrated out.

With the params at a place the engine fits what is drawn there. That fit q is the proposal for importance sampling of the marginal likelihood at
every place near by, log mean p(y, z_i; place) / q(z_i) on the same z_i throughout: a smooth function, whose maximum quasi-Newton steps find
(Geyer 1994, "On the convergence of Monte Carlo maximum likelihood calculations"). They go as far as the effective number of draws allows; there the
engine fits again from where it was, until no more is to be gained. A normal approximation alone would be maximised at another place than the
likelihood. Draws are quasi-random, antithetic and of exact second moments: where the fit is exact so is the gradient, and few draws do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pplang._diagnostics import Diagnostic, Problems
from pplang._infer.families import lower_root
from pplang._infer.importance import Sample, effective_share, proposed, standard
from pplang._infer.problem import Exhausted, Problem
from pplang._infer.quasi_newton import climbed
from pplang._infer.quasi_random import matched_normals
from pplang._infer.race import Race, Runner, draws_needed
from pplang._infer.settings import Progress, Settings
from pplang._ir.kinds import REAL

if TYPE_CHECKING:
    from pplang._infer.engine import Prepared
    from pplang._model import Bound

_ROUNDS = 15
_FEW, _MANY, _MOST_DRAWS, _ROUGH = 128, 512, 4_096, 64
"""Draws: while far off, near by, and there at most; and for what need not be exact: the curvature, and that the likelihood falls."""
_HEAVY, _NORMAL = 10, 0.8
"""Dense coordinates with Student-t tails where the effective share of normal draws is below that."""
_CLOSE, _LEFT = 0.1, 2e-4
"""Nats to gain below which many draws are taken, and the place that these give is the last; and what is left there. Nats are half the square of the
distance in standard errors. Another fit would move it by no more than its own noise."""
_OWN_DRAWS = 2**32
"""Seeds from here on belong to draws that no fit has seen: it is as good as can be on its own ones, and elsewhere not."""
_NOISE = 3e-4
"""Nats that the noise of the draws may cost, as far as they can tell."""
_SHARE = 0.3
"""A step may lower the effective share of the draws to this much of what it is where the fit was made."""
_STEPS, _MOST = 12, 16
_MOST_TO_BEGIN = 400
_MOST_DIFFERENCES = 30
"""Params up to which the curvature is taken by differences of gradients."""
_LONGEST = 2.0
"""How far logarithms and logits may go at once: far off, where a scale is zero, the likelihood is level and holds what has come there."""
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


def maximised(bound: Bound, ready: Prepared, settings: Settings, progress: Progress) -> tuple[str, ...]:
    """Puts the params of a problem where the data are most probable. The moves along which there is no such place. Raises NoStart."""
    problem = ready.problem
    if not problem.moves:
        return ()
    most = problem.ledger.most
    sizes = [problem.target.arguments[name].size for name in problem.moves]
    owners = np.repeat(np.arange(len(sizes)), sizes)
    bounded = np.array([one.kind != REAL or one.structure is not None for one in bound.model.program.params])[owners]
    ascent = Ascent(
        problem,
        ready.dense,
        bounded,
        settings.seed,
        settings.tol,
        lambda text: progress(min(problem.ledger.gradients, most), most, text),
    )
    return tuple(problem.moves[i] for i in sorted({int(owners[i]) for i in ascent.run()}))


def without_maximum(bound: Bound, level: Sequence[str]) -> Iterator[Diagnostic]:
    """A note (F27) for each param without a maximum. level: names of moves."""
    for param, move in zip(bound.model.program.params, bound.compiled.moves, strict=True):
        if move in level:
            title = f"the likelihood has no maximum along `{param.name}`, or none was reached: its value is where the search ended"
            help = "it may be at an end of what it can be, go together with another unknown, or need a better start: or give it a prior"
            yield Diagnostic("F27", title, param.span, "goes on rising, or is level", help=help, severity="warning")


@dataclass
class Ascent:
    """Params on their way up. bounded: (p,), which of them are logarithms, logits and the like."""

    problem: Problem
    dense: np.ndarray
    bounded: np.ndarray
    seed: int
    tolerance: float
    remark: Callable[[str], None]

    def run(self) -> list[int]:
        """Moves the problem's params to the maximum. The positions of those along which the likelihood has none: it does not fall to both sides,
        or the way was too long. Raises NoStart."""
        try:
            return self._climb()
        except Exhausted:
            return list(range(len(self.bounded)))

    def _climb(self) -> list[int]:
        place, near = self._begun(), False
        race, reached = Race(self.problem, self.dense, self.seed, self.tolerance, self.remark), None
        for _ in range(_ROUNDS):
            self.problem.move(place)
            reached = race.proposal(reached, near=near)
            likelihood = Likelihood(self.problem, reached, place, self.bounded, self.seed, near)
            peak = climbed(likelihood.score, np.zeros(len(place)), steps=_STEPS, most=_MOST, near=_LEFT)
            if peak is None:
                break
            gain = peak.density - likelihood.value
            if gain < _CLOSE and near:
                level = likelihood.level(peak.point)
                self.problem.move(place + likelihood.units @ peak.point)
                return level
            place, near = place + likelihood.units @ peak.point, gain < _CLOSE
            self.remark(f"params: {gain:.3g} nats higher")
        return list(range(len(place)))

    def _begun(self) -> np.ndarray:
        """The program's start, with the params that may be anywhere (an intercept in raw units) at a mode of the joint density. Scales stay: the
        joint density is highest where they are infinite, in non-centred coordinates, and where they are zero in others."""
        start, n, free = self.problem.place, self.problem.size, ~self.bounded
        if not free.any():
            return start

        def score(both: np.ndarray) -> tuple[float, np.ndarray]:
            place = start.copy()
            place[free] = both[n:]
            densities, by_z, by_params = self.problem.joint_scores(self.problem.zero(), place, both[None, :n])
            return float(densities[0]), np.concatenate([by_z[0], by_params[0, free]])

        peak = climbed(score, np.concatenate([np.zeros(n), start[free]]), steps=200, most=_MOST_TO_BEGIN)
        if peak is not None:
            start[free] = peak.point[n:]
        return start


@dataclass
class Likelihood:
    """The importance-sampled marginal log likelihood around a place, up to a constant, as a function of (params - place) in `units`, (p, p):
    rough standard errors. value: at the place."""

    problem: Problem
    fitted: Runner
    place: np.ndarray
    bounded: np.ndarray
    seed: int
    near: bool

    def __post_init__(self) -> None:
        self.least = 0.0
        self.units = np.eye(len(self.place))
        here = np.zeros(len(self.place))
        count = _MANY if self.near else _FEW
        self.sample = self._drawn(count, 0)
        self.value, weights, self.slope, noise = self._seen(here)
        heavy = min(_HEAVY, self.fitted.climb.family.dense) if effective_share(weights) < _NORMAL else 0
        if heavy:
            self.sample = self._drawn(count, heavy)
            self.value, weights, self.slope, noise = self._seen(here)
        if len(self.place) <= _MOST_DIFFERENCES:
            self.units = self._errors()
            cost = 0.5 * float(np.trace(self.units.T @ noise @ self.units))
            if self.near and cost > _NOISE:
                self.sample = self._drawn(min(_MOST_DRAWS, count << math.ceil(math.log2(cost / _NOISE))), heavy)
                self.value, weights, self.slope, _ = self._seen(here)
        self.least = _SHARE / float((weights**2).sum())

    def _drawn(self, count: int, heavy: int) -> Sample:
        """Draws of the fit in antithetic pairs, one beside the other: any even number of them is balanced. heavy: dense coordinates with long tails,
        for which they are no pairs."""
        family = self.fitted.climb.family
        if heavy:
            return proposed(replace(family, root=lower_root(family.covariance())), heavy, count, self.seed)
        noise = matched_normals(max(count, draws_needed(family.dense)), family.dense, self.problem.size, _OWN_DRAWS + self.seed)
        noise = np.stack(np.split(noise, 2), axis=1).reshape(noise.shape)
        return Sample(family.points(noise), standard(noise) - family.log_determinant())

    def _seen(self, at: np.ndarray, draws: int | None = None) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        """Its value, the weights of the draws, the gradient by the params, and the covariance of its noise. draws: the first so many alone."""
        move = self.units @ at
        densities, _, gradients = self.problem.joint_scores(self.fitted.constants, self.place + move, self.sample.points[:draws])
        logs = np.where(np.isfinite(densities), densities - self.sample.log_proposal[:draws], -np.inf)
        top = logs.max()
        if not np.isfinite(top):
            nothing = np.zeros(len(at))
            return -np.inf, np.full(len(logs), 1 / len(logs)), nothing, np.outer(nothing, nothing)
        weights = np.exp(logs - top)
        value = float(top + np.log(weights.mean()))
        weights = weights / weights.sum()
        gradients = np.where(weights[:, None] > 0, gradients, 0.0)
        slope = weights @ gradients
        pairs = (weights[:, None] * (gradients - slope)).reshape(len(logs) // 2, 2, len(at)).sum(axis=1)
        return value, weights, slope, pairs.T @ pairs

    def _errors(self) -> np.ndarray:
        """A root of the inverse Hessian, by differences of gradients; the absolute curvature where it is of the wrong sign."""
        steps = 1e-4 * np.maximum(1.0, np.abs(self.place))
        ahead = [self._seen(step * unit, _ROUGH)[2] for step, unit in zip(steps, np.eye(len(steps)), strict=True)]
        hessian = (self._seen(np.zeros(len(steps)), _ROUGH)[2] - np.stack(ahead)) / steps[:, None]
        hessian = (hessian + hessian.T) / 2
        if not np.isfinite(hessian).all():
            return self.units
        scale = np.maximum(np.abs(np.diag(hessian)), 1e-300) ** -0.5
        values, vectors = np.linalg.eigh(hessian * scale[:, None] * scale)
        root: np.ndarray = scale[:, None] * vectors / np.sqrt(np.maximum(np.abs(values), 1e-3))
        longest = np.sqrt((root[self.bounded] ** 2).sum(axis=1)).max(initial=0.0)
        return root / max(1.0, longest / _LONGEST)

    def score(self, at: np.ndarray) -> tuple[float, np.ndarray]:
        """The value and its gradient; minus infinity where too few draws have any weight to tell, or logarithms went too far."""
        if not at.any():
            return self.value, self.units.T @ self.slope
        if np.abs((self.units @ at)[self.bounded]).max(initial=0.0) > _LONGEST:
            return -np.inf, np.zeros(len(at))
        value, weights, slope, _ = self._seen(at)
        return (value if 1 / (weights**2).sum() >= self.least else -np.inf), self.units.T @ slope

    def level(self, top: np.ndarray) -> list[int]:
        """The params along which it does not fall to both sides of its maximum."""
        highest = self._seen(top, _ROUGH)[0]
        back = np.linalg.pinv(self.units)
        errors = np.sqrt((self.units**2).sum(axis=1))

        def falls(direction: np.ndarray) -> bool:
            return any(not self._seen(top + step * direction, _ROUGH)[0] > highest - _FALL for step in (3.0, _WIDEST))

        return [i for i, error in enumerate(errors) if not (falls(error * back[:, i]) and falls(-error * back[:, i]))]
