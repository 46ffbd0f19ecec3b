"""The functions of `backward` in NumPy, member after member. For the data part: nothing here imports JAX."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def precision_ahead(
    precision: ArrayLike, step: ArrayLike, scale: ArrayLike, *, order: ArrayLike | None = None, has_past: ArrayLike | None = None
) -> Array:
    precision, step, scale = np.broadcast_arrays(*(np.asarray(one, float) for one in (precision, step, scale)))
    found = precision.copy()
    for here, after in _steps(found.shape[-1], order, has_past):
        found[..., here] += step[..., after] ** 2 * found[..., after] / (1 + scale[..., after] ** 2 * found[..., after])
    return found


def pull_ahead(
    pull: ArrayLike,
    ahead: ArrayLike,
    step: ArrayLike,
    drift: ArrayLike,
    scale: ArrayLike,
    *,
    order: ArrayLike | None = None,
    has_past: ArrayLike | None = None,
) -> Array:
    pull, ahead, step, drift, scale = np.broadcast_arrays(*(np.asarray(one, float) for one in (pull, ahead, step, drift, scale)))
    found = pull.copy()
    for here, after in _steps(found.shape[-1], order, has_past):
        share = step[..., after] / (1 + scale[..., after] ** 2 * ahead[..., after])
        found[..., here] += share * (found[..., after] - ahead[..., after] * drift[..., after])
    return found


def _steps(count: int, order: ArrayLike | None, has_past: ArrayLike | None) -> Iterator[tuple[int, int]]:
    """Each member that has one after it, and that one, the last first."""
    rows = np.arange(count) if order is None else np.asarray(order)
    follows = np.arange(count) > 0 if has_past is None else np.asarray(has_past)
    for here, after in zip(rows[-2::-1], rows[:0:-1], strict=True):
        if follows[after]:
            yield int(here), int(after)
