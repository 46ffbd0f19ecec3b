"""Importance sampling from a fitted normal: a proposal with heavier tails where it matters, and smoothed weights."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pplang._infer.families import Block

_DEGREES = 7.0


@dataclass(frozen=True)
class Sample:
    """Points (s, n) of the proposal in the flat order, and their log density under it (s,)."""

    points: np.ndarray
    log_proposal: np.ndarray


def proposed(family: Block, heavy: int, count: int, seed: int) -> Sample:
    """Draws of the family, its first `heavy` dense coordinates (in own order) multivariate Student-t with 7 degrees of freedom.

    The root of the dense block is made lower triangular for this, so that the first noises belong to the first coordinates.
    """
    generator = np.random.Generator(np.random.Philox([seed, 1]))
    size = len(family.mean)
    noise = generator.standard_normal((count, size))
    log_density = -0.5 * (noise[:, heavy:] ** 2).sum(axis=1) - 0.5 * (size - heavy) * math.log(2 * math.pi) - family.log_determinant()
    if heavy:
        noise[:, :heavy] /= np.sqrt(generator.chisquare(_DEGREES, count) / _DEGREES)[:, None]
        constant = math.lgamma((_DEGREES + heavy) / 2) - math.lgamma(_DEGREES / 2) - 0.5 * heavy * math.log(_DEGREES * math.pi)
        log_density += constant - (_DEGREES + heavy) / 2 * np.log1p((noise[:, :heavy] ** 2).sum(axis=1) / _DEGREES)
    return Sample(family.points(noise), log_density)


def effective_share(weights: np.ndarray) -> float:
    """Kish's effective sample size as a share of the draws; weights sum to one."""
    return float(1 / (weights**2).sum() / len(weights))


def smoothed(log_weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Pareto-smoothed weights, summing to one, and k-hat: Vehtari, Simpson, Gelman, Yao and Gabry (2024), "Pareto smoothed importance sampling".

    A weight that is not finite is zero. k-hat is infinite when the largest weights are all equal or none is finite.
    """
    usable = np.where(np.isfinite(log_weights), log_weights, -np.inf)
    if not np.isfinite(usable).any():
        return np.full(len(usable), 1 / len(usable)), math.inf
    logs = np.maximum(usable - usable.max(), -700.0)
    tail = math.ceil(min(0.2 * len(logs), 3 * math.sqrt(len(logs))))
    order = np.argsort(logs, kind="stable")
    shape = math.inf
    if tail >= 5:
        largest, cut = order[-tail:], logs[order[-tail - 1]]
        excess = np.exp(logs[largest]) - math.exp(cut)
        if excess[-1] > 1e-14 and excess[int(tail / 4 + 0.5) - 1] > 0:
            shape, scale = _pareto(excess)
            at = (np.arange(1, tail + 1) - 0.5) / tail
            quantiles = scale * np.expm1(-shape * np.log1p(-at)) / shape if abs(shape) > 1e-9 else -scale * np.log1p(-at)
            logs[largest] = np.minimum(np.log(quantiles + math.exp(cut)), 0.0)
    weights = np.where(np.isfinite(usable), np.exp(logs), 0.0)
    return weights / weights.sum(), float(shape)


def _pareto(excess: np.ndarray) -> tuple[float, float]:
    """Shape and scale of a generalised Pareto distribution, after Zhang and Stephens (2009); the shape shrunk towards 1/2. excess: sorted."""
    count = len(excess)
    trials = 30 + int(math.sqrt(count))
    theta = 1 / excess[-1] + (1 - np.sqrt(trials / (np.arange(1, trials + 1) - 0.5))) / (3 * excess[int(count / 4 + 0.5) - 1])
    shapes = np.log1p(-theta[:, None] * excess).mean(axis=1)
    profile = count * (np.log(-theta / shapes) - shapes - 1)
    posterior = np.exp(profile - profile.max())
    mean = float((theta * posterior).sum() / posterior.sum())
    shape = float(np.log1p(-mean * excess).mean())
    return (shape * count + 5) / (count + 10), -shape / mean


def resampled(weights: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Indices (count,) drawn in proportion to the weights by systematic resampling, in random order."""
    generator = np.random.Generator(np.random.Philox([seed, 2]))
    at = (generator.uniform() + np.arange(count)) / count
    chosen = np.minimum(np.searchsorted(np.cumsum(weights), at), len(weights) - 1)
    return generator.permutation(chosen)
