"""Constrained → free, the bijections of the catalogue as functions of the constrained value; in NumPy. Nothing here imports JAX."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def lower_free(x: ArrayLike, lower: ArrayLike) -> Array:
    return np.log(np.asarray(x) - lower)


def upper_free(x: ArrayLike, upper: ArrayLike) -> Array:
    return np.log(np.asarray(upper) - x)


def interval_free(x: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> Array:
    return np.log(np.asarray(x) - lower) - np.log(np.asarray(upper) - x)


def affine_free(x: ArrayLike, shift: ArrayLike, scale: ArrayLike) -> Array:
    return (np.asarray(x, float) - shift) / np.asarray(scale, float)


def simplex_free(x: ArrayLike) -> Array:
    """Stick-breaking backwards: the logit of each part's share of what is left, shifted so that equal parts are at zero."""
    x = np.asarray(x, float)
    size = x.shape[-1] - 1
    after = np.cumsum(x[..., ::-1], -1)[..., ::-1][..., 1:]
    return np.log(x[..., :-1]) - np.log(after) + np.log(np.arange(size, 0, -1))


def ordered_free(x: ArrayLike) -> Array:
    x = np.asarray(x, float)
    return np.concatenate([x[..., :1], np.log(np.diff(x, axis=-1))], -1)


def positive_ordered_free(x: ArrayLike) -> Array:
    return ordered_lower_free(x, 0.0)


def ordered_lower_free(x: ArrayLike, lower: ArrayLike) -> Array:
    return np.log(np.diff(_with_end(x, lower, first=True), axis=-1))


def ordered_upper_free(x: ArrayLike, upper: ArrayLike) -> Array:
    return np.log(np.diff(_with_end(x, upper, first=False), axis=-1))


def ordered_interval_free(x: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> Array:
    both = _with_end(_with_end(x, lower, first=True), upper, first=False)
    return simplex_free(np.diff(both, axis=-1) / np.expand_dims(np.asarray(upper) - lower, -1))


def _with_end(x: ArrayLike, bound: ArrayLike, *, first: bool) -> Array:
    x = np.asarray(x, float)
    end = np.broadcast_to(np.expand_dims(np.asarray(bound, float), -1), (*x.shape[:-1], 1))
    return np.concatenate([end, x] if first else [x, end], -1)


def corr_cholesky_free(x: ArrayLike) -> Array:
    """Partial correlations, row by row of the lower triangle, on the scale of artanh."""
    factor = np.asarray(x, float)
    size = factor.shape[-1]
    left = np.sqrt(np.clip(1 - np.cumsum(factor**2, -1) + factor**2, 0, None))
    rows, columns = np.tril_indices(size, -1)
    return np.arctanh(factor[..., rows, columns] / left[..., rows, columns])


def correlation_free(x: ArrayLike) -> Array:
    return corr_cholesky_free(np.linalg.cholesky(np.asarray(x, float)))


def covariance_free(x: ArrayLike) -> Array:
    factor = np.linalg.cholesky(np.asarray(x, float))
    size = factor.shape[-1]
    rows, columns = np.tril_indices(size, -1)
    return np.concatenate([factor[..., rows, columns], np.log(factor[..., range(size), range(size)])], -1)


def sum_to_zero_free(x: ArrayLike) -> Array:
    """The isometry of the vectors that sum to zero onto R^(K - 1), backwards."""
    x = np.asarray(x, float)
    size = x.shape[-1]
    total = -x[..., -1:] * np.sqrt(size)
    return x[..., :-1] + total / (np.sqrt(size) + size)
