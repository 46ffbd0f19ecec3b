"""The order of places within rows, by barycentres, and where they stand: least squares under the order (isotonic regression)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pplang._explain.boxes import Box

_SWEEPS = 8
_GAP = 24.0


@dataclass
class Place:
    """Something in a row. box: the item that stands there; None where an arrow passes."""

    row: int
    width: float
    box: Box | None = None
    x: float = 0.0


Joint = tuple[Place, float, Place, float]
"""A piece of an arrow: a place, the port of it (from its middle), the place below, its port."""
Neighbours = dict[int, list[tuple[Place, float, float]]]


def ordered(places: Sequence[Place], joined: Sequence[Joint]) -> list[list[Place]]:
    """The places row by row, so that few arrows cross."""
    rows = [[one for one in places if one.row == number] for number in sorted({one.row for one in places})]
    up, down = _neighbours(places, joined)
    best, fewest = [list(row) for row in rows], _crossings(rows, joined)
    for sweep in range(_SWEEPS):
        neighbours, passes = (up, rows[1:]) if sweep % 2 == 0 else (down, rows[-2::-1])
        for row in passes:
            position = {id(one): (place + 0.5) / len(other) for other in rows for place, one in enumerate(other)}
            wish = {id(one): _mean([position[id(near)] for near, _, _ in neighbours[id(one)]], position[id(one)]) for one in row}
            row.sort(key=lambda one: wish[id(one)])
        crossings = _crossings(rows, joined)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _neighbours(places: Sequence[Place], joined: Sequence[Joint]) -> tuple[Neighbours, Neighbours]:
    """For each place those above and below it: (place, its port, the own port)."""
    up: Neighbours = {id(one): [] for one in places}
    down: Neighbours = {id(one): [] for one in places}
    for above, upper, under, lower in joined:
        up[id(under)].append((above, upper, lower))
        down[id(above)].append((under, lower, upper))
    return up, down


def _crossings(rows: list[list[Place]], joined: Sequence[Joint]) -> int:
    position = {id(one): place for row in rows for place, one in enumerate(row)}
    lines: dict[int, list[tuple[float, float]]] = {}
    for above, upper, under, lower in joined:
        tilt = 1e-4
        lines.setdefault(above.row, []).append((position[id(above)] + tilt * upper, position[id(under)] + tilt * lower))
    return sum((a[0] - b[0]) * (a[1] - b[1]) < 0 for many in lines.values() for n, a in enumerate(many) for b in many[:n])


def spread(rows: list[list[Place]], places: Sequence[Place], joined: Sequence[Joint]) -> None:
    """Each row as near as can be to what it is joined to, again and again."""
    up, down = _neighbours(places, joined)
    for row in rows:
        edge = 0.0
        for one in row:
            one.x = edge + one.width / 2
            edge += one.width + _GAP
        for one in row:
            one.x -= edge / 2
    for sweep in range(2 * _SWEEPS):
        neighbours = (up, down)[sweep % 2]
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            _move(row, [_wish(one, neighbours[id(one)]) for one in row], [1.0 if one.box else 3.0 for one in row])
    for _ in range(3):
        for row in rows:
            _move(row, [_wish(one, [*up[id(one)], *down[id(one)]]) for one in row], [1.0 if one.box else 3.0 for one in row])
    for _ in range(_SWEEPS):  # at last the boxes stand, and arrows straighten
        for row in rows:
            both = [[*up[id(one)], *down[id(one)]] for one in row]
            wishes = [one.x if one.box else _wish(one, near) for one, near in zip(row, both, strict=True)]
            _move(row, wishes, [1e6 if one.box else 1.0 for one in row])


def _wish(one: Place, near: Sequence[tuple[Place, float, float]]) -> float:
    """Where a place would have its arrows straight."""
    return _mean([other.x + port - own for other, port, own in near], one.x)


def _move(row: Sequence[Place], wishes: Sequence[float], weights: Sequence[float]) -> None:
    """The places of a row as near to where they wish to be as their order and their widths allow."""
    offsets = [0.0]
    for left, right in pairwise(row):
        offsets.append(offsets[-1] + (left.width + right.width) / 2 + _GAP * (1.0 if left.box and right.box else 0.6))
    found = _isotonic([wish - offset for wish, offset in zip(wishes, offsets, strict=True)], weights)
    for one, x, offset in zip(row, found, offsets, strict=True):
        one.x = x + offset


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _isotonic(wishes: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The increasing numbers nearest to the wishes, in weighted least squares (pool adjacent violators)."""
    pools: list[tuple[float, float, int]] = []
    for wish, weight in zip(wishes, weights, strict=True):
        pool = (wish, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, mass, count = pools.pop()
            total = mass + pool[1]
            pool = ((mean * mass + pool[0] * pool[1]) / total, total, count + pool[2])
        pools.append(pool)
    return [mean for mean, _, count in pools for _ in range(count)]
