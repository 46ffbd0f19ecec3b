"""Joint constraints on inputs, checked by value: on the last axis of an array, or on the last two."""

from __future__ import annotations

import numpy as np

TOLERANCE = 1e-6
"""How far sums, norms and symmetry may be off, relative to what they are made of."""


def violations(values: np.ndarray, structure: str) -> tuple[np.ndarray, str]:
    """Which of the tables over the last axis (or two) break the constraint, as a mask over the other axes; and in words, how."""
    checks = {
        "simplex": (_not_simplex, "is not made of numbers of at least 0 that sum to 1"),
        "ordered": (_not_ordered, "is not strictly increasing"),
        "positive_ordered": (lambda x: _not_ordered(x) | (x <= 0).any(-1), "is not positive and strictly increasing"),
        "unit_vector": (lambda x: np.abs((x**2).sum(-1) - 1) > TOLERANCE, "is not of length 1"),
        "sum_to_zero": (lambda x: np.abs(x.sum(-1)) > TOLERANCE * np.maximum(np.abs(x).sum(-1), 1), "does not sum to 0"),
        "correlation": (_not_correlation, "is not a symmetric positive definite matrix with 1 on its diagonal"),
        "covariance": (_not_covariance, "is not a symmetric positive definite matrix"),
        "correlation_cholesky": (_not_cholesky, "is not lower triangular with a positive diagonal and rows of length 1"),
    }
    check, words = checks[structure]
    return np.atleast_1d(check(values)), words


def _not_simplex(x: np.ndarray) -> np.ndarray:
    return (x < 0).any(-1) | (np.abs(x.sum(-1) - 1) > TOLERANCE)


def _not_ordered(x: np.ndarray) -> np.ndarray:
    return np.asarray((np.diff(x, axis=-1) <= 0).any(-1))


def _not_covariance(x: np.ndarray) -> np.ndarray:
    scale = np.maximum(np.abs(x).max((-2, -1), initial=0), 1e-300)
    asymmetric: np.ndarray = np.abs(x - np.swapaxes(x, -1, -2)).max((-2, -1), initial=0) > TOLERANCE * scale
    smallest = np.linalg.eigvalsh((x + np.swapaxes(x, -1, -2)) / 2)[..., :1].min(-1, initial=np.inf)
    return np.asarray(asymmetric | (smallest <= 0), bool)


def _not_correlation(x: np.ndarray) -> np.ndarray:
    diagonal = np.diagonal(x, axis1=-2, axis2=-1)
    return _not_covariance(x) | (np.abs(diagonal - 1) > TOLERANCE).any(-1)


def _not_cholesky(x: np.ndarray) -> np.ndarray:
    upper = np.abs(np.triu(x, 1)).max((-2, -1), initial=0) > TOLERANCE
    diagonal = np.diagonal(x, axis1=-2, axis2=-1)
    return upper | (diagonal <= 0).any(-1) | (np.abs((x**2).sum(-1) - 1) > TOLERANCE).any(-1)
