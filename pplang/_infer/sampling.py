"""`--method nuts`: chains that begin in a fit of the variational engine.

The fit gives the coordinates (its transports' constants, frozen), the metric and the points to begin at. How much is believed of it is read off its
verdict:

- the effective share is at least 0.2 and the climb converged: chains begin at importance draws, distinct ones; the metric is the covariance of
  the weighted draws, which are worth more than those of any window of warm-up; 100 iterations adapt the step sizes alone.
- the fit is finite: chains begin at draws of the normal, 400 iterations with Stan's windows adapt the metric from that of the fit on, and 600
  more follow where the chains do not agree by then.
- otherwise: 1,000 iterations in non-centred coordinates, from scattered points and unit masses.

Where the fit has seen the density as high elsewhere, or its two starts ended apart, every second chain begins there: chains that stay where they
began disagree then, and say so.

The guard: where more than 1% of the second half of the warm-up diverges, the transports' evidence is halved (towards non-centred coordinates),
with the points where they are, and the warm-up made again with windows; after the second time it is zero.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pplang._infer import transports
from pplang._infer.chains import Chains, Points
from pplang._infer.convergence import r_hat
from pplang._infer.draws import Constrainer
from pplang._infer.engine import Prepared, Result
from pplang._infer.families import Block, lower_root
from pplang._infer.labels import components, relabelled
from pplang._infer.loop import Loop
from pplang._infer.problem import Constants, Problem
from pplang._infer.sampled import numbers, verdict
from pplang._infer.settings import Progress, Settings
from pplang._infer.starts import finite_point, ordered
from pplang._infer.target import Draws
from pplang._infer.verdict import GOOD
from pplang._passes.plan import kept_as

if TYPE_CHECKING:
    from pplang._model import Bound

FROZEN, WINDOWS, FURTHER, ORDINARY = 100, 400, 600, 1_000
"""Iterations of warm-up: the metric frozen; adapted from that of the fit on; more of those; without a fit."""
FROM_FIT, FROM_NEAR, WITHOUT = "from the fit", "from a fit that is not near enough", "without a fit"
_DIVERGING = 0.01
_APART = 1.1
"""Chains whose R-hat is above that at the end of their warm-up go on with it."""
_LOOKED_AT = 200
_TRIES = 100


@dataclass(frozen=True)
class Way:
    """How chains begin. word: what is said about it. family: the first metric. adapt: is the metric adapted, too?"""

    word: str
    constants: Constants
    family: Block
    points: np.ndarray
    warmup: int
    adapt: bool


@dataclass
class Sampler:
    """Chains that are warm. way: how they were begun in the end, after `guarded` changes of coordinates. warmed: gradients of the warm-up."""

    chains: Chains
    way: Way
    warmup: int
    warmed: int
    guarded: int

    @property
    def drawn(self) -> int:
        """Gradients of the draws so far."""
        return self.chains.gradients - self.warmed


def sampler(ready: Prepared, found: Result | None, loop: Loop, settings: Settings, progress: Progress) -> Sampler:
    """Choose a way and warm the chains up. found: the fit, None where it had no start. Raises NoStart."""
    problem = ready.problem
    way = _way(ready, found, settings)
    spent = guarded = 0
    while True:
        chains = _chains(problem, loop, way, settings, progress)
        records = chains.warm(way.warmup, adapt=way.adapt)
        steps = way.warmup
        late = np.concatenate([one["diverging"][steps // 2 :] for one in records]) if steps else np.zeros(1)
        if late.mean() > _DIVERGING and guarded < 2 and problem.layout.sites and way.word != WITHOUT:
            guarded += 1
            spent += chains.gradients
            way = _more_careful(problem, way, np.stack([one["z"][-1] for one in records]), guarded, settings)
            continue
        if way.adapt and settings.warmup is None and way.word != WITHOUT and _apart(records, steps, ready.dense):
            chains.warm(FURTHER, adapt=True)
            steps += FURTHER
        chains.gradients += spent
        return Sampler(chains, way, steps, chains.gradients, guarded)


def _chains(problem: Problem, loop: Loop, way: Way, settings: Settings, progress: Progress) -> Chains:
    densities, gradients = problem.checked_scores(way.constants, way.points)
    arguments = {**problem.target.arguments, **way.constants}
    begin = Points(way.points, densities, gradients)
    return Chains(loop, arguments, way.family, begin, settings.target_accept, settings.seed, progress)


def _way(ready: Prepared, found: Result | None, settings: Settings) -> Way:
    problem = ready.problem
    if found is None or not found.fitted.evaluation.finite:
        return _without_fit(ready, settings)
    constants, sample = found.fitted.constants, found.sample
    if found.verdict.share >= GOOD and found.fitted.status == "converged" and found.fitted.rival is None:
        chosen = _distinct(sample.weights, settings.chains, settings.seed)
        points = sample.points(found.family, chosen, settings.seed)
        family = _weighted(found.family, sample.points(found.family, np.arange(len(sample.weights)), settings.seed), sample.weights)
        steps = FROZEN if settings.warmup is None else settings.warmup
        return Way(FROM_FIT, constants, family, points, steps, adapt=False)
    scattered = _scattered(problem, constants, found, settings)
    if scattered is None:
        return _without_fit(ready, settings)
    steps = WINDOWS if settings.warmup is None else settings.warmup
    return Way(FROM_NEAR, constants, found.family, scattered, steps, adapt=True)


def _distinct(weights: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Indices drawn in proportion to the weights, each at most once while there are enough; the first few do not depend on how many there are."""
    generator = np.random.Generator(np.random.Philox([seed, 7]))
    found: list[int] = []
    cumulated = np.cumsum(weights)
    for _ in range(20 * count):
        one = int(min(np.searchsorted(cumulated, generator.uniform() * cumulated[-1]), len(weights) - 1))
        if one not in found:
            found.append(one)
        if len(found) == count:
            break
    return np.array((found * count)[:count])


def _weighted(family: Block, points: np.ndarray, weights: np.ndarray) -> Block:
    """The family with the moments of weighted draws (s, n)."""
    p = family.dense
    mean = weights @ points
    away = (points - mean)[:, family.order]
    covariance = (weights[:, None] * away[:, :p]).T @ away[:, :p]
    scale = np.sqrt(np.maximum(weights @ away[:, p:] ** 2, 1e-300))
    return replace(family, mean=mean[family.order], root=lower_root(covariance), scale=scale)


def _scattered(problem: Problem, constants: Constants, found: Result, settings: Settings) -> np.ndarray | None:
    """Draws of the normal at which the density and its gradient are finite; every second one moved to where the fit's rival is."""
    generator = np.random.Generator(np.random.Philox([settings.seed, 8]))
    kept: list[np.ndarray] = []
    for _ in range(_TRIES + settings.chains):
        point = found.family.points(generator.standard_normal((1, problem.size)))
        if found.fitted.rival is not None and len(kept) % 2:
            point = point + (found.fitted.rival - found.family.means())
        densities, gradients = problem.checked_scores(constants, point)
        if np.isfinite(densities).all() and np.isfinite(gradients).all():
            kept.append(point[0])
        if len(kept) == settings.chains:
            return np.stack(kept)
    return None


def _without_fit(ready: Prepared, settings: Settings) -> Way:
    """Non-centred coordinates and unit masses, from any points."""
    problem, constants = ready.problem, ready.problem.zero()
    generators = (np.random.Generator(np.random.Philox([settings.seed, 9, chain])) for chain in range(settings.chains))
    points = [finite_point(problem, constants, generator) for generator in generators]
    n, dense = problem.size, len(ready.dense)
    family = Block(ordered(n, ready.dense), np.zeros(n), np.eye(dense), np.ones(n - dense))
    return Way(WITHOUT, constants, family, np.stack(points), ORDINARY if settings.warmup is None else settings.warmup, adapt=True)


def _more_careful(problem: Problem, way: Way, points: np.ndarray, times: int, settings: Settings) -> Way:
    """Coordinates nearer to the non-centred ones, the chains where they are."""
    factor = 0.5 if times == 1 else 0.0
    evidence = {name for site in problem.layout.sites for name in transports.evidence(site)}
    constants: Mapping[str, np.ndarray] = {name: value * factor if name in evidence else value for name, value in way.constants.items()}
    moved = recoordinated(problem, way.constants, constants, points)
    steps = WINDOWS if settings.warmup is None else settings.warmup
    return replace(way, constants=constants, family=way.family.restarted(problem.layout.positions), points=moved, warmup=steps, adapt=True)


def recoordinated(problem: Problem, old: Constants, new: Constants, points: np.ndarray) -> np.ndarray:
    """Points of transported coordinates in those of other constants, leaf to root; the latents of the source stay."""
    constants = dict(old)
    for level in problem.layout.levels():
        standards = transports.standards(problem.layout, problem.states(constants, points), points)
        names = {name for index in level for name in transports.inputs(problem.layout.sites[index])}
        constants.update({name: new[name] for name in names})
        after = problem.states(constants, points, standards)
        for index in level:
            points = transports.moved(points, problem.layout.sites[index], after[index])
    return points


def _apart(records: list[dict[str, np.ndarray]], steps: int, dense: np.ndarray) -> bool:
    late = np.stack([one["z"][steps // 2 :] for one in records])
    if late.shape[1] < 8:
        return False
    looked_at = dict.fromkeys([*dense, *np.linspace(0, late.shape[2] - 1, min(_LOOKED_AT, late.shape[2])).astype(int)])
    return max((r_hat(late[..., i]) for i in looked_at), default=1.0) > _APART


_MOST_PORTIONS = 20


def sampled_draws(
    bound: Bound, ready: Prepared, found: Result | None, loop: Loop, way_back: Constrainer, settings: Settings, progress: Progress
) -> tuple[Draws, dict[str, np.ndarray]]:
    """Draws of warm chains, their values by the names of the source, and their verdict. Raises NoStart.

    Where an effective size is asked for there are further portions of draws until every number looked at has it, at most 20 times `draws`.
    """
    warm = sampler(ready, found, loop, settings, progress)
    fitted_with = ready.problem.ledger.gradients
    names = [name for name in bound.unknowns if name not in bound.compiled.summed]
    sites = {kept_as(site): site for site in (bound.compiled.drawn.site[name] for name in names)}
    labels = {one: bound.sets[one] for one in {name for site in sites.values() for name in site.sets} if one in bound.sets}
    parts: list[dict[str, np.ndarray]] = []
    values: dict[str, np.ndarray] = {}
    named = values
    alike = components(bound)
    wanted, portion, done = settings.samples_to_ess, settings.draws, 0
    if wanted is not None:
        portion = min(portion, max(100, math.ceil(wanted / settings.chains)))
    while True:
        records = warm.chains.draw(portion)
        new = way_back(settings.seed, records["z"], warm.way.constants, first=done * settings.chains)
        parts.append(records)
        values = {name: np.concatenate([values[name], more], axis=1) if values else more for name, more in new.items()}
        done += portion
        named = relabelled(values, alike)
        known = numbers(sites, named, labels)
        least = min((one.bulk for one in known), default=math.inf)
        if wanted is None or least >= wanted or done >= _MOST_PORTIONS * settings.draws:
            break
        lacking = done * (wanted / max(least, 1.0) - 1) if np.isfinite(least) else done
        portion = int(np.clip(1.1 * lacking, 50, min(done, _MOST_PORTIONS * settings.draws - done)))
    together = {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}
    z = together.pop("z")
    judged = verdict(
        found=known,
        statistics=together,
        values=named,
        way=f"begun {warm.way.word}",
        warmup=warm.warmup,
        guarded=warm.guarded,
        gradients=(fitted_with, warm.warmed, warm.drawn),
        alone=settings.chains == 1 and found is not None and found.fitted.rival is not None,
        before=None if found is None else found.verdict.to_json(),
    )
    history = {"inverse_metric": np.stack([family.deviations() ** 2 for family in warm.chains.families])}
    texts = {"verdict": json.dumps(judged.to_json())}
    return Draws(z, together, history, dict(warm.way.constants), texts, "nuts", judged.notes), named
