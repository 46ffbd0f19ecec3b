"""The pipeline of the variational engine: two starts, transports refitted behind a guard, two rounds of the winner.

Every refit uses the draws and scores of the last accepted iteration, which are paid for already. After it the hyperparameters keep their
distribution and the transported latents begin again at N(0, 1). The guard: a refit that lowers the ELBO by more than a nat is not made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pplang._infer import starts, transports
from pplang._infer.elsewhere import elsewhere
from pplang._infer.families import Block
from pplang._infer.natural_gradient import Climb, Evaluation, climb, evaluate
from pplang._infer.problem import Constants, Exhausted, Problem
from pplang._infer.quasi_random import matched_normals
from pplang._infer.regression import regressed
from pplang._infer.starts import Start
from pplang._infer.target import NoStart

_FIRST, _LAST = 3, 4
"""Steps between the first refits; and of the winner before the two rounds."""
_MOST_STEPS = 60
_MOST_TRIES_IN_RACE = 6
_GUARD = 1.0
_ENOUGH = 4
"""Draws for each coefficient of a regression; where there are fewer, the constants are fitted once more from the finer round."""
_PROPOSING = 0.4
"""The tolerance for a proposal as a share of that of a fit: steps near the end are cheap beside draws with uneven weights."""
_APART, _RIVAL = 3.0, 5.0
"""Starts disagree when their means differ by so many sds though the loser's ELBO is within so many nats."""


@dataclass(frozen=True)
class Fitted:
    """Where the pipeline ended. trace: (gradients, ELBO) as it went. elsewhere: as `elsewhere` gives it. rival: a point (n,) in the flat order
    where the other start ended or the density is as high; None where all agrees."""

    start: str
    constants: Constants
    family: Block
    evaluation: Evaluation
    status: str
    trace: list[tuple[int, float]]
    agree: bool
    elsewhere: np.ndarray | None
    rival: np.ndarray | None
    raced: tuple[tuple[str, float], ...]


CalledAlike = Callable[[Constants, np.ndarray, Constants, np.ndarray], np.ndarray]
"""Constants and a point in their coordinates, constants and another point: the first point in the coordinates of the other."""


@dataclass(frozen=True)
class Runner:
    """A start under way."""

    start: str
    constants: Constants
    climb: Climb

    @property
    def elbo(self) -> float:
        return self.climb.evaluation.elbo


@dataclass
class Race:
    """One fit. dense: positions of the coordinates with a dense covariance. tolerance: of the second round, in posterior sds. called_alike: see
    `labels.called_alike`; places that differ only in what their components are called are the same."""

    problem: Problem
    dense: np.ndarray
    seed: int
    tolerance: float
    remark: Callable[[str], None]
    called_alike: CalledAlike = lambda constants, point, others, other: point

    def __post_init__(self) -> None:
        self.trace: list[tuple[int, float]] = []
        self.draws = draws_needed(len(self.dense), self.problem.layout.regressors)
        self._last: Runner | None = None

    def run(self) -> Fitted:
        """Raises NoStart when no start has a finite density."""
        runners, exhausted = self._begun_all()
        raced = tuple((one.start, one.elbo) for one in runners)
        best = max(runners, key=lambda one: one.elbo) if runners else self._last or self._unclimbed()
        self._last = best
        apart: list[Runner] = []
        off = None
        try:
            if not exhausted:
                best = self._finished(best)
        except Exhausted:
            best, exhausted = self._last or best, True
        try:
            if not exhausted:
                apart = [one for one in runners if one.start != best.start and not self._agrees(one, best)]
                off = elsewhere(self.problem, best.constants, best.climb.family, self.seed, self._called_as(best, best.constants))
        except Exhausted:
            exhausted = True
        status = "out of gradients" if exhausted else best.climb.status
        rival = _rival(best.climb.family, apart, off)
        return Fitted(
            best.start, best.constants, best.climb.family, best.climb.evaluation, status, self.trace, not apart, off, rival, raced
        )

    def proposal(self, before: Runner | None, *, near: bool) -> Runner:
        """A fit to sample by importance from, that is not judged: without the look elsewhere, and from where an earlier one was after the density
        has moved a little. near: on the draws of the finer round. Raises NoStart, Exhausted."""
        runner = before
        if runner is not None:
            noise, constants = self._noise(self.draws, 0), self.problem.with_params(runner.constants)
            runner = self._climbed(runner.start, constants, runner.climb.family, noise, _LAST, 2.5 * self.tolerance)
        if runner is None or not runner.climb.evaluation.finite:
            runners, exhausted = self._begun_all()
            if exhausted or not runners:
                raise Exhausted
            runner = self._settled(max(runners, key=lambda one: one.elbo))
        noise = self._noise(4 * self.draws, 1) if near else self._noise(self.draws, 0)
        constants, family, first = self._refitted(runner, noise, other_noise=near)
        return self._climbed(runner.start, constants, family, noise, _MOST_STEPS, _PROPOSING * self.tolerance, first=first)

    def _begun_all(self) -> tuple[list[Runner], bool]:
        """The starts under way, and whether the gradients were used up. Raises NoStart."""
        runners, failures = [], []
        exhausted = False
        for name, begin in (
            ("mode", lambda: starts.peaked(self.problem, self.dense, self.seed)),
            ("wide", lambda: starts.wide(self.problem, self.dense)),
        ):
            self.remark(f"from a {name} start")
            try:
                runners.append(self._begun(begin()))
            except NoStart as failure:
                failures.append(failure)
            except Exhausted:
                exhausted = True
        runners = [one for one in runners if one.climb.evaluation.finite]
        if not runners and not exhausted:
            raise failures[0] if failures else NoStart(np.zeros((1, self.problem.size)))
        return runners, exhausted

    def _unclimbed(self) -> Runner:
        """For a fit that may use hardly any gradients."""
        start, nothing = starts.wide(self.problem, self.dense), np.zeros(0)
        evaluation = Evaluation(-np.inf, np.inf, nothing, np.zeros((0, 0)), nothing, nothing, nothing)
        return Runner(start.name, start.constants, Climb(start.family, evaluation, "no start", 0))

    def _begun(self, start: Start) -> Runner:
        """Three steps, a refit, three steps."""
        noise = self._noise(self.draws, 0)
        runner = self._climbed(
            start.name, start.constants, start.family, noise, _FIRST, 2.5 * self.tolerance, most_tries=_MOST_TRIES_IN_RACE
        )
        if not runner.climb.evaluation.finite or (runner.climb.status, runner.climb.steps) == ("stalled", 0):
            return runner
        constants, family, first = self._refitted(runner, noise)
        return self._climbed(
            start.name, constants, family, noise, _FIRST, 2.5 * self.tolerance, most_tries=_MOST_TRIES_IN_RACE, first=first
        )

    def _settled(self, runner: Runner) -> Runner:
        """A refit and four steps, then the coarse round: a refit and as many steps as it takes."""
        noise = self._noise(self.draws, 0)
        if self.problem.layout.sites and runner.climb.status != "converged":
            constants, family, first = self._refitted(runner, noise)
            runner = self._climbed(runner.start, constants, family, noise, _LAST, 2.5 * self.tolerance, first=first)
        if runner.climb.status != "converged":
            constants, family, first = self._refitted(runner, noise)
            runner = self._climbed(runner.start, constants, family, noise, _MOST_STEPS, 2.5 * self.tolerance, first=first)
        return runner

    def _finished(self, runner: Runner) -> Runner:
        """The winner: the coarse round, then a refit and a round on more draws and to a finer tolerance."""
        runner = self._settled(runner)
        finer = self._noise(4 * self.draws, 1)
        constants, family, first = self._refitted(runner, finer, other_noise=True)
        runner = self._climbed(runner.start, constants, family, finer, _MOST_STEPS, self.tolerance, first=first)
        if self.draws < _ENOUGH * self.problem.layout.regressors:
            constants, family, first = self._refitted(runner, finer)
            runner = self._climbed(runner.start, constants, family, finer, _MOST_STEPS, self.tolerance, first=first)
        return runner

    def _climbed(
        self,
        name: str,
        constants: Constants,
        family: Block,
        noise: np.ndarray,
        steps: int,
        tolerance: float,
        *,
        most_tries: int = 1_000,
        first: Evaluation | None = None,
    ) -> Runner:
        reached = climb(self.problem.scores(constants), family, noise, steps=steps, tolerance=tolerance, most_tries=most_tries, first=first)
        self.trace.append((self.problem.ledger.gradients, reached.evaluation.elbo))
        self.remark(f"elbo {reached.evaluation.elbo:.1f}, {self.problem.ledger.gradients:,} gradients")
        runner = Runner(name, constants, reached)
        if runner.climb.evaluation.finite:
            self._last = runner
        return runner

    def _refitted(self, runner: Runner, noise: np.ndarray, *, other_noise: bool = False) -> tuple[Constants, Block, Evaluation | None]:
        """New constants, the family that begins in their coordinates and its evaluation; what there was where the guard says no."""
        at, family = runner.climb.evaluation, runner.climb.family
        kept = (runner.constants, family, None if other_noise else at)
        constants = refitted(self.problem, runner.constants, at.points, at.gradients)
        if constants is None:
            return kept
        restarted = family.restarted(self.problem.layout.positions)
        evaluation = evaluate(self.problem.scores(constants), restarted, noise)
        if not evaluation.finite or evaluation.elbo < at.elbo - _GUARD:
            return kept
        return constants, restarted, evaluation

    def _noise(self, draws: int, stream: int) -> np.ndarray:
        return matched_normals(draws, len(self.dense), self.problem.size, self.seed * 2 + stream)

    def _agrees(self, loser: Runner, winner: Runner) -> bool:
        """Is the start that lost on its way to the same place, or far behind?"""
        if self._distance(loser, winner) < _APART or loser.elbo < winner.elbo - 2 * _RIVAL:
            return True
        noise = self._noise(self.draws, 0)
        first = loser.climb.evaluation
        further = self._climbed(loser.start, loser.constants, loser.climb.family, noise, 15, 5 * self.tolerance, first=first, most_tries=30)
        return self._distance(further, winner) < _APART or further.elbo < winner.elbo - _RIVAL

    def _distance(self, one: Runner, other: Runner) -> float:
        """The largest difference of a hyperparameter's means, in the smaller of the two sds."""
        a, b = one.climb.family, other.climb.family
        dense = a.order[: a.dense]
        scale = np.minimum(a.deviations(), b.deviations())[dense]

        def farthest(means: np.ndarray) -> float:
            return float((np.abs(means - b.means())[dense] / scale).max(initial=0.0))

        found = farthest(a.means())
        return found if found < _APART else min(found, farthest(self._called_as(other, one.constants)(a.means())))

    def _called_as(self, runner: Runner, constants: Constants) -> Callable[[np.ndarray], np.ndarray]:
        """What calls the components of a point, in the coordinates of some constants, as a runner does."""
        return lambda point: self.called_alike(constants, point, runner.constants, runner.climb.family.means())


def _rival(family: Block, apart: list[Runner], off: np.ndarray | None) -> np.ndarray | None:
    """The place of a start that ended apart: its hyperparameters, the latents where the winner has them (their coordinates are not the same)."""
    if off is not None:
        return family.means() + off * family.deviations()
    if not apart:
        return None
    dense = family.order[: family.dense]
    point = family.means()
    point[dense] = apart[0].climb.family.means()[dense]
    return point


def draws_needed(dense: int, regressors: int = 0) -> int:
    """max(64, the next power of two from 2 p + 2, and from 2 (r + 2) for a regression on r)."""
    return max(64, 1 << (2 * dense + 1).bit_length(), 1 << (2 * regressors + 3).bit_length())


def refitted(problem: Problem, constants: Constants, points: np.ndarray, gradients: np.ndarray) -> Constants | None:
    """Constants from draws and scores, leaf to root; None where there are none to fit, or the regression is not finite.

    Below a site everything stands in its new coordinates already when the child scores of the site are taken: where transported sites stand
    above one another that costs the gradients of these draws once more for every level.
    """
    layout = problem.layout
    if not layout.sites:
        return None
    new = dict(constants)
    levels = layout.levels()
    for number, level in enumerate(levels):
        states = problem.states(new, points, gradients)
        for index in level:
            found = regressed(layout.sites[index], states[index])
            if not all(np.isfinite(value).all() for value in found.values()):
                return None
            new = {**new, **found}
        if number + 1 < len(levels):
            after = problem.states(new, points, transports.standards(layout, states, points))
            for index in level:
                points = transports.moved(points, layout.sites[index], after[index])
            densities, gradients = problem.scores(new)(points)
            if not (np.isfinite(densities).all() and np.isfinite(gradients).all()):
                return None
    return new
