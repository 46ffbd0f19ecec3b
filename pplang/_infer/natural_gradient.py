"""Natural-gradient variational inference on fixed draws, without a learning rate.

With z = mean + L noise and g the gradient of the log density at z: b = E[L' g] is the shift of the mean that is still to come, in posterior
standard deviations, and A = -E[noise (L' g)'] estimates L' E[-Hessian] L (Stein's lemma), so no second derivatives are needed. Both are exact
for a normal target when the draws have exact second moments, and then one step is too. At the optimum of the family b = 0 and A = I on the
family's pattern. See Salimans and Knowles (2013), "Fixed-form variational posterior approximation through stochastic linear regression".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from pplang._infer.families import Block

Scores = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Points (m, n) → log densities (m,) and their gradients (m, n)."""

Status = Literal["converged", "stalled", "more", "no start"]

_LEAST, _MOST = 0.5, 1e4
"""Precisions are clipped to these, relative to the present ones: one step widens a scale by at most 1.4."""


@dataclass(frozen=True)
class Evaluation:
    """The family's fit at one place: the ELBO without the constant of the entropy, b, A, and the points and gradients it was made of.

    error: of the ELBO, as if the draws were independent and not quasi-random (a bound).

    A is in two parts: `dense` (p, p), and `diagonal` (n - p,). Where a density is not finite the ELBO is -inf and nothing else means anything.
    """

    elbo: float
    error: float
    shift: np.ndarray
    dense: np.ndarray
    diagonal: np.ndarray
    points: np.ndarray
    gradients: np.ndarray

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.elbo))

    @property
    def mean_residual(self) -> float:
        """How far the mean still has to go, in standard deviations of the coordinate that has farthest."""
        return float(np.abs(self.shift).max(initial=0.0))

    @property
    def scale_residual(self) -> float:
        dense = np.abs(self.dense - np.eye(self.dense.shape[0])).max(initial=0.0)
        return float(max(dense, np.abs(self.diagonal - 1).max(initial=0.0)))


@dataclass(frozen=True)
class Climb:
    """Where a climb ended. `steps`: those that were taken."""

    family: Block
    evaluation: Evaluation
    status: Status
    steps: int


@np.errstate(over="ignore", invalid="ignore")  # far from anywhere plausible densities are as large as numbers can be
def evaluate(scores: Scores, family: Block, noise: np.ndarray) -> Evaluation:
    """Costs one gradient for each row of the noise."""
    points = family.points(noise)
    densities, gradients = scores(points)
    count, p = len(noise), family.dense
    if not (np.isfinite(densities).all() and np.isfinite(gradients).all()):
        nothing = np.zeros(0)
        return Evaluation(-np.inf, np.inf, nothing, np.zeros((0, 0)), nothing, points, gradients)
    pulled = family.pulled(gradients)
    dense = -(noise[:, :p].T @ pulled[:, :p]) / count
    diagonal = -(noise[:, p:] * pulled[:, p:]).mean(axis=0)
    elbo = float(densities.mean()) + family.log_determinant()
    error = float(np.std(densities + 0.5 * (noise**2).sum(axis=1)) / np.sqrt(count))
    return Evaluation(
        elbo if np.isfinite(elbo) else -np.inf, error, pulled.mean(axis=0), (dense + dense.T) / 2, diagonal, points, gradients
    )


@np.errstate(over="ignore", invalid="ignore")
def climb(
    scores: Scores,
    family: Block,
    noise: np.ndarray,
    *,
    steps: int,
    tolerance: float,
    most_tries: int = 1_000,
    first: Evaluation | None = None,
) -> Climb:
    """Climb the ELBO on fixed noise until |b| < tolerance and |A - I| < 2.5 tolerance, or the steps (or evaluations) are used up.

    first: the evaluation at the start where it is known already. A point where the density is not finite is a step that is not taken; a start
    where it is not is halved in width. Damping: a step that lowers the ELBO is shortened; when the residual grows from step to step, all
    further ones are (undamped steps can cycle on skewed targets).
    """
    now = first or evaluate(scores, family, noise)
    tries = 1
    while not now.finite and tries < min(20, most_tries):
        family = family.narrowed(0.5)
        now, tries = evaluate(scores, family, noise), tries + 1
    if not now.finite:
        return Climb(family, now, "no start", 0)
    length = longest = reach = 1.0
    before = np.inf
    for taken in range(steps):
        if _converged(now, tolerance):
            return Climb(family, now, "converged", taken)
        residual = max(now.mean_residual, now.scale_residual)
        if taken > 3:
            longest = max(0.2, 0.6 * longest) if residual > before else min(1.0, 1.25 * longest)
            length = min(length, longest)
        before = residual
        while True:
            if length <= 1e-3 or tries >= most_tries:
                return Climb(family, now, "stalled", taken)
            further = _stepped(family, now, length, reach)
            then, tries = evaluate(scores, further, noise), tries + 1
            if _acceptable(now, then, late=taken > 3):
                break
            length, reach = 0.4 * length, max(1.0, 0.4 * reach)
        family, now, length, reach = further, then, min(longest, 2 * length), 4 * reach
    return Climb(family, now, "converged" if _converged(now, tolerance) else "more", steps)


def _converged(evaluation: Evaluation, tolerance: float) -> bool:
    return evaluation.mean_residual < tolerance and evaluation.scale_residual < 2.5 * tolerance


def _acceptable(now: Evaluation, then: Evaluation, *, late: bool) -> bool:
    """The ELBO may not fall, but for rounding; near the end a little, since b and A are not the gradient of the ELBO on fixed draws."""
    if not then.finite:
        return False
    near = now.mean_residual < 0.2 and now.scale_residual < 0.2
    return then.elbo > now.elbo - (1e-6 * max(1.0, abs(now.elbo)) if late else 0.0) or (near and then.elbo > now.elbo - 0.01)


def _stepped(family: Block, at: Evaluation, length: float, reach: float) -> Block:
    """One natural-gradient step of a length up to 1, whose mean moves by three times `reach` sds of each coordinate at most (on average)."""
    p = family.dense
    values, vectors = np.linalg.eigh(at.dense)
    precisions = np.clip(values, _LEAST, _MOST)
    diagonal = np.clip(at.diagonal, _LEAST, _MOST)
    parts = (vectors @ ((vectors.T @ at.shift[:p]) / precisions), at.shift[p:] / diagonal)
    # The dense coordinates, which are few beside many latents, have a limit of their own.
    limits = (3 * reach * np.sqrt(part.size) / max(float(np.linalg.norm(part)) * length, 1e-300) for part in parts)
    move = np.concatenate([part * length * min(1.0, limit) for part, limit in zip(parts, limits, strict=True)])
    return replace(
        family,
        mean=family.mean + family.spread(move[None])[0],
        root=family.root @ (vectors * precisions ** (-length / 2)) @ vectors.T,
        scale=family.scale * diagonal ** (-length / 2),
    )
