"""What generated `prepare` functions call beside NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np


def steps_back(count: int, steps: int, *, by: Any = None, within: Any = None) -> np.ndarray:
    """For each of `count` rows the position of the row that is `steps` earlier in its group (later, if negative); -1 where there is none.

    by: shape (count,), orders the rows (None: as they stand). within: shape (count,), the group of each row (None: a single one).
    """
    earlier = np.arange(count) if by is None else np.asarray(by)
    group = np.zeros(count, int) if within is None else np.unique(np.asarray(within), return_inverse=True)[1]
    order = np.lexsort((earlier, group))
    found = np.full(count, -1)
    moved = np.arange(count) - steps
    inside = (moved >= 0) & (moved < count)
    source, target = order[moved[inside]], order[inside]
    same = group[source] == group[target]
    found[target[same]] = source[same]
    return found


def completed(table: Any, places: tuple[np.ndarray, ...], cells: Any) -> np.ndarray:
    """A copy of a table whose elements at `places` (positions along each axis, of shape (n,)) are replaced by `cells`, (n,)."""
    found = np.array(table, np.result_type(table, cells))
    found[places] = cells
    return found
