"""What generated `prepare` functions call beside NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def steps_back(count: int, steps: int, *, by: Any = None, within: Any = None) -> np.ndarray:
    """For each of `count` rows the position of the row that is `steps` earlier in its group (later, if negative); -1 where there is none.

    by: shape (count,), orders the rows (None: as they stand). within: shape (count,), the group of each row (None: a single one).
    """
    order, group = _sequence(count, by, within)
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


def distinct(columns: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """The first row of each kind, in order, and how many rows are of that kind. Rows are of one kind where all columns are the same, bit by bit.

    columns: arrays whose first axis is that of the rows.
    """
    kind = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        array = np.asarray(column)
        array = array.view(np.int64) if array.dtype == np.float64 else array
        for one in array.reshape(len(array), -1).T:
            values, level = np.unique(one, return_inverse=True)
            _, kind = np.unique(kind * len(values) + level, return_inverse=True)
    _, first, count = np.unique(kind, return_index=True, return_counts=True)
    order = np.argsort(first)
    return first[order], count[order]


def _sequence(count: int, by: Any, within: Any) -> tuple[np.ndarray, np.ndarray]:
    """The rows group by group in their order, and the group of each row."""
    earlier = np.arange(count) if by is None else np.asarray(by)
    group = np.zeros(count, int) if within is None else np.unique(np.asarray(within), return_inverse=True)[1]
    return np.lexsort((earlier, group)), group


def row_sequence(count: int, *, by: Any = None, within: Any = None) -> np.ndarray:
    """The rows group by group, in their order (see `steps_back`)."""
    return _sequence(count, by, within)[0]


def row_turns(count: int, *, by: Any = None, within: Any = None) -> np.ndarray:
    """Shape (turns, groups): the row of each group that a turn is about; a group that has ended keeps its last one."""
    order, group = _sequence(count, by, within)
    sizes = np.bincount(group[order])
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    turn = np.arange(sizes.max(initial=0))[:, None]
    rows: np.ndarray = order[first + np.minimum(turn, sizes - 1)]
    return rows


def row_places(count: int, *, by: Any = None, within: Any = None) -> np.ndarray:
    """Of each row the place in the table of `row_turns`, row by row of that."""
    order, group = _sequence(count, by, within)
    sizes = np.bincount(group[order])
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    places = np.empty(count, int)
    places[order] = (np.arange(count) - first[group[order]]) * len(sizes) + group[order]
    return places


def places(part: Any, whole: Any) -> np.ndarray:
    """Where the members of a part of a set stand in the whole."""
    known = {one: place for place, one in enumerate(whole)}
    return np.array([known[one] for one in part], np.int64)


def chains(count: int, *, by: Any = None, within: Any = None) -> np.ndarray:
    """The rows of each group in order, (groups, longest): positions, -1 after a group's end. Arguments as in `steps_back`."""
    order, group = _sequence(count, by, within)
    sizes = np.bincount(group)
    found = np.full((len(sizes), sizes.max(initial=0)), -1)
    place = np.arange(count) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    found[group[order], place] = order
    return found


def triangles(rows: Any, groups: Sequence[Any], sizes: Sequence[int], *, where: Any = None) -> np.ndarray:
    """Of the rows of each group the triangular factor R, with R'R = X'X and a diagonal of no negative numbers; shape (*sizes, K, K).

    rows: (..., K). groups: for each axis of `sizes` the place of every row on it, to be broadcast to the shape of the rows. where: the rows
    that count. A group of fewer than K rows has rows of zeros in R.

    By Householder's QR of the rows themselves, so that nothing is squared: R is as exact as the rows (Golub and Van Loan 2013, 5.2).
    """
    rows = np.asarray(rows, dtype=np.float64)
    width, shape = rows.shape[-1], rows.shape[:-1]
    places = [np.broadcast_to(one, shape).ravel() for one in groups]
    group = np.ravel_multi_index(places, tuple(sizes)) if places else np.zeros(rows[..., 0].size, int)
    flat = rows.reshape(-1, width)
    if where is not None:
        kept = np.broadcast_to(where, shape).ravel()
        flat, group = flat[kept], group[kept]
    count = int(np.prod(sizes, dtype=int))
    found = np.zeros((count, width, width))
    order = np.argsort(group, kind="stable")
    flat, lengths = flat[order], np.bincount(group, minlength=count)
    starts = np.cumsum(lengths) - lengths
    # Groups of about the same length are stacked, the shorter ones with rows of zeros, which change nothing.
    steps = np.maximum(lengths, width) - 1
    for step in np.unique(np.frexp(steps[lengths > 0])[1]):
        chosen = np.flatnonzero((lengths > 0) & (np.frexp(steps)[1] == step))
        longest = int(np.maximum(lengths[chosen], width).max())
        at_once = max(1, _NUMBERS_AT_ONCE // (longest * width))
        for first in range(0, len(chosen), at_once):
            part = chosen[first : first + at_once]
            found[part] = _factors(flat, starts[part], lengths[part], longest)
    return found.reshape(*sizes, width, width)


_NUMBERS_AT_ONCE = 2**22


def _factors(rows: np.ndarray, starts: np.ndarray, lengths: np.ndarray, longest: int) -> np.ndarray:
    """The factors of some groups, padded to one length of at least the width."""
    inside = np.arange(longest) < lengths[:, None]
    stacked = np.zeros((len(starts), longest, rows.shape[1]))
    stacked[inside] = rows[(starts[:, None] + np.arange(longest))[inside]]
    factors = np.linalg.qr(stacked, mode="r")
    signs = np.where(np.diagonal(factors, axis1=1, axis2=2) < 0, -1.0, 1.0)
    return np.asarray(factors * signs[:, :, None])
