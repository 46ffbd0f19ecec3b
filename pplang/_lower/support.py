"""What generated `prepare` functions call beside NumPy."""

from __future__ import annotations

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
