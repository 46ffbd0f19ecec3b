"""Layered drawing of nested boxes: where everything goes.

Each box is laid out on its own, innermost first, as rows of items (Sugiyama, Tagawa and Toda 1981): what points stands above what it points at. An
arrow that passes a row gets a place in it, and one that leaves or enters a box a place on its border; so arrows run straight through rows and turn only
between them, and cross no item. Within a row order comes from barycentres, and places from least squares under the order (isotonic regression).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pplang._explain.boxes import Box, Point
from pplang._explain.rows import Rows


def routed(root: Box, arrows: Sequence[tuple[str, str]], slots: Mapping[str, float]) -> dict[tuple[str, str], list[Point]]:
    """Lay out a box with all that is in it; for each arrow the points that it runs through, from the upper left corner of the root.

    slots: how much room arrows of a node need beside each other, where they carry labels.
    Arrows between boxes that point at one another run upwards: their points are those of the turned arrow, in reverse.
    """
    turned = {arrow: (arrow[1], arrow[0]) if arrow in _backward(root, arrows) else arrow for arrow in arrows}
    pairs = list(dict.fromkeys(turned.values()))
    _arrange(root, pairs, slots)
    paths = {pair: _distinct(_path(root, pair, (0.0, 0.0))) for pair in pairs}
    return {arrow: paths[pair] if pair == arrow else paths[pair][::-1] for arrow, pair in turned.items()}


def _backward(box: Box, arrows: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Arrows that point at an item from which their own can be reached."""
    if not box.plate:
        return set()
    inside = {name: item.name for item in box.items for name in item.names()}
    below: dict[str, set[str]] = {item.name: set() for item in box.items}
    found: set[tuple[str, str]] = set()
    for one, other in arrows:
        first, second = inside.get(one), inside.get(other)
        if first is None or second is None or first == second:
            continue
        if _reaches(below, second, first):
            found.add((one, other))
        else:
            below[first].add(second)
    return found.union(*(_backward(item, arrows) for item in box.items))


def _reaches(below: Mapping[str, set[str]], start: str, end: str) -> bool:
    pending, seen = [start], {start}
    while pending:
        one = pending.pop()
        if one == end:
            return True
        new = below[one] - seen
        seen |= new
        pending += new
    return False


def _arrange(box: Box, arrows: Sequence[tuple[str, str]], slots: Mapping[str, float]) -> None:
    for item in box.items:
        if item.plate:
            _arrange(item, arrows, slots)
    Rows(box, arrows, slots).arrange()


def _path(box: Box, pair: tuple[str, str], corner: Point) -> list[Point]:
    """The points of an arrow through all boxes that it runs in."""
    one, other = pair
    x, y = corner

    def placed(points: Sequence[Point]) -> list[Point]:
        return [(x + a, y + b) for a, b in points]

    def inner(name: str) -> tuple[Box, Point] | None:
        item = next((item for item in box.items if item.plate and name in item.names()), None)
        return None if item is None else (item, (x + item.x - item.width / 2, y + item.y - item.height / 2))

    names = box.names()
    if one in names and other in names:
        both = next((item for item in box.items if item.plate and {one, other} <= item.names()), None)
        if both is not None:
            return _path(both, pair, (x + both.x - both.width / 2, y + both.y - both.height / 2))
        source, target = inner(one), inner(other)
        before = _path(source[0], (one, ""), source[1]) if source else []
        after = _path(target[0], ("", other), target[1]) if target else []
        return [*before, *placed(box.routes[one, other]), *after]
    if other == "":
        source = inner(one)
        return [*(_path(source[0], pair, source[1]) if source else []), *placed(box.routes[one, ""])]
    target = inner(other)
    return [*placed(box.routes["", other]), *(_path(target[0], pair, target[1]) if target else [])]


def _distinct(points: Sequence[Point]) -> list[Point]:
    return [point for n, point in enumerate(points) if n == 0 or abs(point[0] - points[n - 1][0]) + abs(point[1] - points[n - 1][1]) > 0.01]
