"""Importance sampling from a fitted normal: a proposal with heavier tails where it matters, and smoothed weights."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pplang._infer.families import Block, lower_root

_DEGREES = 7.0
_DEGREES_OF_KERNEL = 3.0
_LEVELS = np.array([0.01, 0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95, 0.99])
_NARROWEST = 0.25


@dataclass(frozen=True)
class Sample:
    """Points (s, n) of the proposal in the flat order, and their log density under it (s,)."""

    points: np.ndarray
    log_proposal: np.ndarray


@dataclass(frozen=True)
class Shape:
    """A density on the line, for one coordinate that is far from normal: a mixture of Student-t kernels with 3 degrees of freedom."""

    centres: np.ndarray
    scales: np.ndarray
    masses: np.ndarray

    def draws(self, count: int, generator: np.random.Generator) -> np.ndarray:
        kernel = np.searchsorted(np.cumsum(self.masses)[:-1], generator.uniform(size=count))
        return self.centres[kernel] + self.scales[kernel] * generator.standard_t(_DEGREES_OF_KERNEL, count)

    def log_density(self, x: np.ndarray) -> np.ndarray:
        nu = _DEGREES_OF_KERNEL
        constant = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - 0.5 * math.log(nu * math.pi)
        distances = (x[:, None] - self.centres) / self.scales
        logs = constant - (nu + 1) / 2 * np.log1p(distances**2 / nu) - np.log(self.scales) + np.log(self.masses)
        result: np.ndarray = np.logaddexp.reduce(logs, axis=1)
        return result


def shape_of(x: np.ndarray, weights: np.ndarray) -> Shape:
    """The density of weighted draws, by kernels at their quantiles, as wide as these lie apart."""
    order = np.argsort(x, kind="stable")
    reached = np.cumsum(weights[order])
    places = np.minimum(np.searchsorted(reached, _LEVELS), len(x) - 1)
    centres = x[order][places]
    between = np.concatenate([[0.0], (_LEVELS[1:] + _LEVELS[:-1]) / 2, [1.0]])
    gaps = np.diff(centres)
    scales = np.maximum(_NARROWEST, np.maximum(np.append(gaps, gaps[-1]), np.insert(gaps, 0, gaps[0])) / 2)
    return Shape(centres, scales, np.diff(between))


def led_by(family: Block, place: int) -> Block:
    """The same distribution with a dense coordinate, by its place in own order, moved to the front, and a lower triangular root."""
    p = family.dense
    chosen = np.concatenate([[place], np.setdiff1d(np.arange(p), [place]), np.arange(p, len(family.mean))])
    covariance = family.covariance()[np.ix_(chosen[:p], chosen[:p])]
    return Block(family.order[chosen], family.mean[chosen], lower_root(covariance), family.scale)


def proposed(family: Block, heavy: int, count: int, seed: int, shape: Shape | None = None) -> Sample:
    """Draws of the family, its first `heavy` dense coordinates (in own order) multivariate Student-t with 7 degrees of freedom.

    shape: of the first noise, instead of that. The root of the dense block is to be lower triangular, so that the first noises belong to the
    first coordinates.
    """
    generator = np.random.Generator(np.random.Philox([seed, 1]))
    size = len(family.mean)
    noise = generator.standard_normal((count, size))
    log_density = standard(noise[:, heavy:]) - family.log_determinant()
    first = 0 if shape is None else 1
    if heavy > first:
        degrees, wide = _DEGREES, heavy - first
        noise[:, first:heavy] /= np.sqrt(generator.chisquare(degrees, count) / degrees)[:, None]
        constant = math.lgamma((degrees + wide) / 2) - math.lgamma(degrees / 2) - 0.5 * wide * math.log(degrees * math.pi)
        log_density += constant - (degrees + wide) / 2 * np.log1p((noise[:, first:heavy] ** 2).sum(axis=1) / degrees)
    if shape is not None:
        noise[:, 0] = shape.draws(count, generator)
        log_density += shape.log_density(noise[:, 0])
    return Sample(family.points(noise), log_density)


def standard(noise: np.ndarray) -> np.ndarray:
    """The log density (s,) of rows (s, n) under N(0, I)."""
    result: np.ndarray = -0.5 * (noise**2).sum(axis=1) - 0.5 * noise.shape[1] * math.log(2 * math.pi)
    return result


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
