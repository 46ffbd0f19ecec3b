"""R-hat and effective sample sizes, rank-normalised, after Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), "Rank-normalization,
folding, and localization: an improved R-hat for assessing convergence of MCMC", Bayesian Analysis 16(2).

In NumPy alone: arviz-stats computes the same numbers (the tests compare), but importing it takes longer than many a fit.
"""

from __future__ import annotations

from functools import cache
from statistics import NormalDist

import numpy as np


def r_hat(draws: np.ndarray) -> float:
    """The larger of the rank-normalised R-hats of the draws and of their distances from the median. draws: (chains, draws)."""
    split = _split(draws)
    if not _usable(split):
        return float("nan")
    folded = np.abs(split - np.median(split))
    return max(_r_hat(_rank_normalised(split)), _r_hat(_rank_normalised(folded)))


def ess_bulk(draws: np.ndarray) -> float:
    """Effective sample size for the middle of the distribution (its mean). draws: (chains, draws)."""
    split = _split(draws)
    return _ess(_rank_normalised(split)) if _usable(split) else float("nan")


def ess_tail(draws: np.ndarray) -> float:
    """The smaller of the effective sample sizes of the 5% and the 95% quantile. draws: (chains, draws)."""
    split = _split(draws)
    if not _usable(split):
        return float("nan")
    return min(_ess((split <= np.quantile(draws, q)).astype(float)) for q in (0.05, 0.95))


def _usable(split: np.ndarray) -> bool:
    return split.shape[1] >= 4 and bool(np.isfinite(split).all()) and np.ptp(split) > 0


def _split(draws: np.ndarray) -> np.ndarray:
    """Each chain cut into halves, so that a drift within a chain shows as a difference between chains."""
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, draws.shape[1] - half :]])


def _rank_normalised(draws: np.ndarray) -> np.ndarray:
    """Normal scores of the ranks over all chains; ties have their mean rank."""
    _, inverse, counts = np.unique(draws.ravel(), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    doubled_rank = 2 * last - counts + 1
    return _normal_scores(draws.size)[doubled_rank[inverse]].reshape(draws.shape)


@cache
def _normal_scores(size: int) -> np.ndarray:
    """The normal score of each doubled rank 2..2 size."""
    normal = NormalDist()
    scores = [normal.inv_cdf((doubled / 2 - 0.375) / (size + 0.25)) for doubled in range(2, 2 * size + 1)]
    return np.array([np.nan, np.nan, *scores])


@np.errstate(divide="ignore", invalid="ignore")  # chains that each stand still: infinite, or not a number where it is in one place
def _r_hat(split: np.ndarray) -> float:
    length = split.shape[1]
    within = split.var(axis=1, ddof=1).mean()
    between = length * split.mean(axis=1).var(ddof=1)
    return float(np.sqrt((between / within + length - 1) / length))


def _ess(split: np.ndarray) -> float:
    """Geyer's initial monotone sequence on the mean autocovariance of the chains."""
    chains, length = split.shape
    covariance = _autocovariance(split)
    within = covariance[:, 0].mean() * length / (length - 1)
    total = within * (length - 1) / length + (split.mean(axis=1).var(ddof=1) if chains > 1 else 0.0)
    if total == 0:
        return float(split.size)
    correlation = 1 - (within - covariance.mean(axis=0)) / total
    correlation[0] = 1.0
    last = max(0, (length - 3) // 2)
    pairs = correlation[0 : 2 * last + 1 : 2] + correlation[1 : 2 * last + 2 : 2]
    negative = np.flatnonzero(pairs < 0)
    kept = int(negative[0]) if negative.size else last
    monotone = np.minimum.accumulate(pairs[:kept]) if kept else pairs[:0]
    time = max(-1 + 2 * float(monotone.sum()) + max(0.0, float(correlation[2 * kept])), 1 / np.log10(split.size))
    return float(split.size / time)


def _autocovariance(split: np.ndarray) -> np.ndarray:
    """(chains, lags), each divided by the length of the chain."""
    length = split.shape[1]
    centred = split - split.mean(axis=1, keepdims=True)
    padded = 1 << (2 * length - 1).bit_length()
    spectrum = np.fft.rfft(centred, padded, axis=1)
    return np.fft.irfft(spectrum * np.conj(spectrum), padded, axis=1)[:, :length] / length
