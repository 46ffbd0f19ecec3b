"""`--method vi`: a normal approximation in coordinates chosen from the data, and a verdict on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pplang._infer.families import Block, lower_root
from pplang._infer.flat import flat
from pplang._infer.importance import Shape, effective_share, led_by, proposed, resampled, shape_of, smoothed
from pplang._infer.labels import called_alike
from pplang._infer.nested import Nested, nested
from pplang._infer.problem import Constants, Ledger, Problem, rows_for
from pplang._infer.race import Fitted, Race, draws_needed
from pplang._infer.settings import Progress, Settings
from pplang._infer.tails import heavy as heavy_tails
from pplang._infer.target import Draws
from pplang._infer.transports import layout
from pplang._infer.verdict import GOOD, Verdict, judged, reweighted
from pplang._passes.plan import kept_as

if TYPE_CHECKING:
    from pplang._model import Bound

MOST_DENSE = 100
"""Coordinates with a dense covariance, at most: more would need more than 256 draws for each iteration."""
_HEAVY = 10
"""Coordinates of the proposal with Student-t tails, at most: on more, even an exact fit has a small effective share."""
_CHECKED = 4_000
_NUMBERS_CHECKED = 2**24
_SHAPED = 0.8
"""Below this effective share one skew coordinate gets a density of its own."""


@dataclass(frozen=True)
class Result:
    """A fit and its verdict. sample: draws of the proposal, in transported coordinates, with weights."""

    fitted: Fitted
    family: Block
    sample: Weighted | Nested
    verdict: Verdict


@dataclass(frozen=True)
class Weighted:
    """Draws of the whole proposal (s, n) in the flat order, and their smoothed weights (s,)."""

    drawn: np.ndarray
    weights: np.ndarray
    log_weights: np.ndarray
    k_hat: float

    @property
    def share(self) -> float:
        return effective_share(self.weights) if np.isfinite(self.log_weights).any() else 0.0

    def points(self, family: Block, chosen: np.ndarray, seed: int) -> np.ndarray:
        """The chosen draws."""
        del family, seed
        return self.drawn[chosen]


@dataclass(frozen=True)
class Prepared:
    """A model in transported coordinates, and the positions of the coordinates with a dense covariance."""

    problem: Problem
    dense: np.ndarray


def prepared(bound: Bound, most: int) -> Prepared:
    """most: gradients that the fit may use."""
    arrangement = layout(bound)
    dense = dense_positions(bound, arrangement.positions)
    return Prepared(
        Problem(
            bound.target,
            arrangement,
            rows_for(bound.size, draws_needed(len(dense), arrangement.regressors)),
            Ledger(most),
            bound.compiled.moves,
        ),
        dense,
    )


def draws_of(bound: Bound, found: Result, settings: Settings) -> Draws:
    """Draws in transported coordinates: resampled by importance where the weights allow it, the approximation's own otherwise."""
    if found.verdict.word != "poor" and found.verdict.share >= GOOD:
        z = found.sample.points(found.family, resampled(found.sample.weights, settings.draws, settings.seed), settings.seed)
    else:
        noise = np.random.Generator(np.random.Philox([settings.seed, 3])).standard_normal((settings.draws, bound.size))
        z = found.family.points(noise)
    gradients, elbo = np.array(found.fitted.trace).reshape(-1, 2).T
    history = {"gradients": gradients.astype(np.int64), "elbo": elbo}
    texts = {"verdict": json.dumps(found.verdict.to_json())}
    return Draws(z[None], {}, history, dict(found.fitted.constants), texts, "vi")


def fitted(bound: Bound, settings: Settings, progress: Progress, ready: Prepared | None = None) -> Result:
    """The pipeline and the verdict, before draws are chosen. Raises NoStart where no start has a finite density."""
    ready = ready or prepared(bound, settings.max_gradients)
    problem, most = ready.problem, ready.problem.ledger.most

    def remark(text: str) -> None:
        progress(problem.ledger.gradients, most, text)

    race = Race(problem, ready.dense, settings.seed, settings.tol, remark, partial(called_alike, bound))
    reached = race.run()
    return _checked(bound, problem, reached, settings.seed)


def given_params(bound: Bound, found: Result, level: Sequence[str]) -> Result:
    """The verdict on a fit to a program with params: it is conditional on them, and poor where some have no maximum (`level`, by their moves)."""
    params = tuple(one.name for one in bound.model.program.params)
    if not params:
        return found
    verdict = replace(found.verdict, given=params)
    off = tuple(name for name, move in zip(params, bound.compiled.moves, strict=True) if move in level)
    if off:
        reason = f"the likelihood has no maximum along {', '.join(off)}, or none was reached"
        verdict = replace(verdict, word="poor", reasons=(*verdict.reasons, reason), concerned=(*off, *verdict.concerned))
    return replace(found, verdict=verdict)


def _checked(bound: Bound, problem: Problem, reached: Fitted, seed: int) -> Result:
    """Importance sampling of all coordinates; where the effective share is too small, of the dense ones with the others integrated out."""
    family = replace(reached.family, root=lower_root(reached.family.covariance()))
    heavy = min(_HEAVY, family.dense)
    sample: Weighted | Nested = _weighted(problem, reached.constants, family, heavy, seed)
    if sample.share < _SHAPED and family.dense and reached.evaluation.finite:
        shaped = _reshaped(problem, reached.constants, family, heavy, seed, sample)
        sample = shaped if shaped.share > sample.share else sample
    if sample.share < GOOD and reached.status == "converged":
        sample = nested(problem, reached.constants, family, heavy, seed) or sample
    labels = coordinate_labels(bound)
    count = len(sample.weights)
    found = reweighted(family, sample.points(family, np.arange(count), seed), sample.weights)
    residual = max(reached.evaluation.mean_residual, reached.evaluation.scale_residual / 2.5)
    level = flat(problem, reached.constants, family) if sample.share < GOOD or reached.status != "converged" else []
    word, reasons, concerned = judged(
        share=sample.share,
        k_hat=sample.k_hat,
        log_weights=sample.log_weights,
        found=found,
        labels=labels,
        status=reached.status,
        agree=reached.agree,
        elsewhere=reached.elsewhere,
        residual=residual,
        tails=heavy_tails(problem, reached.constants, family, _logarithms(bound)),
        level=level,
    )
    farthest = int(np.argmax(np.abs(found.shift))) if bound.size else 0
    constant = 0.5 * bound.size * (1 + float(np.log(2 * np.pi)))
    verdict = Verdict(
        word=word,
        share=sample.share,
        k_hat=sample.k_hat,
        draws=count,
        nested=isinstance(sample, Nested),
        reasons=reasons,
        concerned=concerned,
        moved=float(np.abs(found.shift).max(initial=0.0)),
        most_moved=str(labels[farthest]) if bound.size else "",
        elbo=reached.evaluation.elbo + constant,
        elbo_error=reached.evaluation.error,
        gradients=problem.ledger.gradients,
        densities=problem.ledger.densities,
        start=reached.start,
        status=reached.status,
        improper=tuple(str(labels[i]) for i in level),
    )
    return Result(reached, family, sample, verdict)


def _weighted(problem: Problem, constants: Constants, family: Block, heavy: int, seed: int, shape: Shape | None = None) -> Weighted:
    count = int(np.clip(_NUMBERS_CHECKED // max(1, problem.size), 512, _CHECKED))
    sample = proposed(family, heavy, count, seed, shape)
    log_weights = problem.densities(constants, sample.points) - sample.log_proposal
    weights, k_hat = smoothed(log_weights)
    return Weighted(sample.points, weights, log_weights, k_hat)


def _reshaped(problem: Problem, constants: Constants, family: Block, heavy: int, seed: int, before: Weighted | Nested) -> Weighted:
    """The same with the one dense coordinate that reweighting changes most (the logarithm of a scale near zero is skew) in a density of its
    own, that of the weighted draws; the others as the family has them given that one."""
    points = before.points(family, np.arange(len(before.weights)), seed)
    found = reweighted(family, points, before.weights)
    dense = family.order[: family.dense]
    changed = np.abs(found.shift[dense]) + np.abs(np.log(np.maximum(found.ratio[dense], 1e-12)))
    leading = led_by(family, int(np.argmax(changed)))
    position = leading.order[0]
    shape = shape_of((points[:, position] - leading.mean[0]) / leading.root[0, 0], before.weights)
    return _weighted(problem, constants, leading, heavy, seed + 1, shape)


def _logarithms(bound: Bound) -> np.ndarray:
    """Positions in the flat vector of what is the logarithm of a number of the source."""
    from pplang._passes import unconstrain

    moved = {choice.site: choice.action for stage in bound.compiled.stages if stage.name == unconstrain.NAME for choice in stage.choices}
    ends = np.cumsum([latent.size for latent in bound.latents])
    places = [np.zeros(0, np.int64)]
    for latent, end in zip(bound.latents, ends, strict=True):
        origin = bound.compiled.program.site[latent.name].origin
        if origin is not None and origin[1] == unconstrain.NAME and moved.get(origin[0]) in ("log", "lower"):
            places.append(np.arange(end - latent.size, end))
    return np.concatenate(places)


def dense_positions(bound: Bound, transported: np.ndarray) -> np.ndarray:
    """Positions of the coordinates with a dense covariance: hyperparameters and fixed effects, those that were bounded first.

    All that are not transported; where these are more than 100, the largest latents among them are diagonal too.
    """
    ends = np.cumsum([latent.size for latent in bound.latents])
    program = bound.compiled.program
    groups = []
    for latent, end in zip(bound.latents, ends, strict=True):
        positions = np.arange(end - latent.size, end)
        if len(positions) and not np.isin(positions, transported).any():
            origin = program.site[latent.name].origin
            groups.append((origin is None, positions))
    groups = sorted(groups, key=lambda group: len(group[1]))
    while sum(len(positions) for _, positions in groups) > MOST_DENSE:
        groups.pop()
    return np.concatenate(
        [np.zeros(0, np.int64), *(positions for _, positions in sorted(groups, key=lambda group: (group[0], group[1][0])))]
    )


def coordinate_labels(bound: Bound) -> np.ndarray:
    """What each coordinate of the flat vector is called in the source: `sigma_alpha`, `alpha[AITKIN]`."""
    labels: list[str] = []
    program = bound.compiled.program
    blocks = {block.raw: block.sites for block in bound.compiled.blocks if len(block.sites) > 1}
    for latent in bound.latents:
        if latent.name in blocks:
            rows = bound.sets[program.site[latent.name].sets[0]]
            labels += [f"{name}[{row}]" for row in rows for name in blocks[latent.name]]
            continue
        site = program.site[latent.name]
        name = site.origin[0] if site.origin else latent.name
        original = bound.compiled.drawn.site.get(name)
        name = name if original is None else kept_as(original)
        members = [bound.sets.get(one) for one in site.sets]
        known = all(one is not None and len(one) == size for one, size in zip(members, latent.shape, strict=False)) and len(members) == len(
            latent.shape
        )
        for position in np.ndindex(*latent.shape):
            where = [str(of[i]) if known and of is not None else str(i + 1) for of, i in zip(members, position, strict=False)]
            labels.append(f"{name}[{', '.join(where)}]" if where else name)
    return np.array(labels, dtype=object)
