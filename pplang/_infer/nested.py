"""Importance sampling over the hyperparameters alone, the latents of large plates integrated out by quadrature.

Where there are thousands of latents, small errors of each add up and joint importance weights die though nothing is wrong. Given the dense
coordinates h, elements of a plate are independent and each is nearly N(0, 1), so with K Gauss-Hermite nodes

    p(y, h) = exp(log p(y, h, x = 0)) prod_j sum_k w_k exp(x_k^2 / 2 + F_j(x_k)),

F_j the change of the log density with element j from 0 to x_k. All elements stand at the same node at once; since the density is a sum over
elements, the gradient there holds F_j' of every one, and F_j is the integral of the polynomial through these. So K gradients for each h do,
and nothing needs to be known of which row belongs to which element. That the density is such a sum is tried out first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pplang._infer.families import Block
from pplang._infer.importance import effective_share, proposed, smoothed
from pplang._infer.problem import Constants, Problem

_NODES = 9
"""Interpolating the derivative needs more than the quadrature: 5 nodes are off by 2e-4 for a logistic child, 9 by 3e-6, times the elements."""
_DRAWS = 400
_SAME = 1e-6


@dataclass(frozen=True)
class Nested:
    """Draws of the dense coordinates (s, p) in own order with weights (s,); mean and sd (s, n - p) of the others' noise given each."""

    dense: np.ndarray
    weights: np.ndarray
    log_weights: np.ndarray
    k_hat: float
    mean: np.ndarray
    deviation: np.ndarray

    @property
    def share(self) -> float:
        return effective_share(self.weights) if np.isfinite(self.log_weights).any() else 0.0

    def points(self, family: Block, chosen: np.ndarray, seed: int) -> np.ndarray:
        """Draws in the flat order: the chosen hyperparameters, and latents with the moments that they have given those."""
        generator = np.random.Generator(np.random.Philox([seed, 6]))
        noise = self.mean[chosen] + self.deviation[chosen] * generator.standard_normal((len(chosen), len(family.scale)))
        own = np.concatenate([self.dense[chosen], family.mean[family.dense :] + noise * family.scale], axis=1)
        flat = np.empty_like(own)
        flat[:, family.order] = own
        return flat


def nested(problem: Problem, constants: Constants, family: Block, heavy: int, seed: int) -> Nested | None:
    """None where the density is no sum over the diagonal coordinates. Costs 9 gradients for each of 400 draws."""
    if not len(family.scale) or not _separate(problem, constants, family, seed):
        return None
    p = family.dense
    over = Block(np.arange(p), family.mean[:p], family.root, np.zeros(0))
    sample = proposed(over, heavy, _DRAWS, seed)
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    integrals = _integrals(nodes)
    at_once = max(1, problem.rows // _NODES)
    marginals, means, deviations = [], [], []
    for first in range(0, _DRAWS, at_once):
        dense = sample.points[first : first + at_once]
        densities, slopes = _at(problem, constants, family, np.repeat(dense, _NODES, axis=0), np.tile(nodes, len(dense))[:, None])
        change = np.einsum("kl,slj->skj", integrals, slopes.reshape(len(dense), _NODES, -1))
        logs = change + (np.log(weights) + nodes**2 / 2)[None, :, None]
        highest = logs.max(axis=1, keepdims=True)
        parts = np.exp(logs - highest)
        totals = parts.sum(axis=1)
        marginals.append(densities.reshape(len(dense), _NODES)[:, _NODES // 2] + (np.log(totals) + highest[:, 0]).sum(axis=1))
        shares = parts / totals[:, None]
        mean = np.einsum("k,skj->sj", nodes, shares)
        means.append(mean.astype(np.float32))
        deviations.append(np.sqrt(np.maximum(np.einsum("k,skj->sj", nodes**2, shares) - mean**2, 0)).astype(np.float32))
    log_weights = np.concatenate(marginals) - sample.log_proposal
    smooth, k_hat = smoothed(log_weights)
    return Nested(sample.points, smooth, log_weights, k_hat, np.concatenate(means), np.concatenate(deviations))


def _at(problem: Problem, constants: Constants, family: Block, dense: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log densities, and derivatives by the noise of the diagonal coordinates, at dense coordinates (m, p) and noise (m, 1) or (m, n - p)."""
    p = family.dense
    own = np.concatenate([dense, family.mean[p:] + noise * family.scale], axis=1)
    flat = np.empty_like(own)
    flat[:, family.order] = own
    densities, gradients = problem.checked_scores(constants, flat)
    return densities, gradients[:, family.order[p:]] * family.scale


def _separate(problem: Problem, constants: Constants, family: Block, seed: int) -> bool:
    """Does the derivative by each element depend on that element (and the dense coordinates) alone?"""
    upper = np.random.Generator(np.random.Philox([seed, 5])).random(len(family.scale)) < 0.5
    noise = np.stack([np.full(len(upper), -1.0), np.full(len(upper), 1.0), np.where(upper, 1.0, -1.0)])
    _, slopes = _at(problem, constants, family, np.repeat(family.mean[None, : family.dense], 3, axis=0), noise)
    expected = np.where(upper, slopes[1], slopes[0])
    return bool((np.abs(slopes[2] - expected) <= _SAME * (1 + np.abs(expected))).all())


def _integrals(nodes: np.ndarray) -> np.ndarray:
    """(K, K): row k applied to values at the nodes gives the integral from 0 to x_k of the polynomial through them."""
    vandermonde = np.vander(nodes, increasing=True)
    powers = np.arange(1, len(nodes) + 1)
    result: np.ndarray = (nodes[:, None] ** powers / powers) @ np.linalg.inv(vandermonde)
    return result
