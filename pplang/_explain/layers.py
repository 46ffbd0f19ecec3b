"""Layered drawing of nested boxes: where everything goes.

Each box is laid out on its own, innermost first, as rows of items (Sugiyama, Tagawa and Toda 1981): what points stands above what it points at. An
arrow that passes a row gets a place in it, and one that leaves or enters a box a place on its border; so arrows run straight through rows and turn only
between them, and cross no item. Within a row order comes from barycentres, and places from least squares under the order (isotonic regression).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Point = tuple[float, float]
_SWEEPS = 8
_GAP, _ROW_GAP, _TURN, _PAD, _LABEL, _SLOT = 24.0, 48.0, 30.0, 16.0, 24.0, 10.0


@dataclass
class Box:
    """An item: a node of a given size, or a box of items with a label. x, y: its middle, from the upper left corner of the box around it."""

    name: str
    width: float = 0.0
    height: float = 0.0
    items: list[Box] = field(default_factory=list)
    plate: bool = False
    x: float = 0.0
    y: float = 0.0
    exits: dict[str, float] = field(default_factory=dict)
    entries: dict[str, float] = field(default_factory=dict)
    routes: dict[tuple[str, str], list[Point]] = field(default_factory=dict)

    def names(self) -> set[str]:
        """Of the nodes inside."""
        return {self.name} if not self.plate else {name for item in self.items for name in item.names()}


@dataclass
class _Place:
    """Something in a row. ports: where arrows of a node leave or enter, from its middle."""

    row: int
    width: float
    box: Box | None = None
    x: float = 0.0


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
    _Rows(box, arrows, slots).arrange()


class _Rows:
    """One box: its items in rows, with a place in each row that an arrow passes.

    A link is an arrow, or the part of one that leaves or enters the box: (key, from, to), where key is the node whose port it uses at an item.
    """

    def __init__(self, box: Box, arrows: Sequence[tuple[str, str]], slots: Mapping[str, float]) -> None:
        self.box, self.slots = box, slots
        own = {name: item for item in box.items for name in item.names()}
        self.links: list[tuple[str, str, str]] = []  # source port, target port, kind
        for one, other in arrows:
            if one in own and other in own:
                if own[one] is not own[other]:
                    self.links.append((one, other, "inside"))
            elif one in own:
                self.links.append((one, one, "exit"))
            elif other in own:
                self.links.append((other, other, "entry"))
        self.links = list(dict.fromkeys(self.links))
        self.own = own
        self.rank = self._ranks()
        self.last = max(self.rank.values(), default=0)
        self.places: list[_Place] = []
        self.of: dict[str, _Place] = {}
        for item in box.items:
            self.of[item.name] = self._put(self.rank[item.name], item.width, item)
        self.chains: dict[tuple[str, str], list[_Place]] = {}
        self.joined: list[tuple[_Place, float, _Place, float]] = []  # place, port, place below, port
        for link in self.links:
            self._connect(link)

    def _put(self, row: int, width: float, box: Box | None = None) -> _Place:
        place = _Place(row, width, box)
        self.places.append(place)
        return place

    def _ranks(self) -> dict[str, int]:
        """The longest way from above; what nothing points at comes down to just above what it points at."""
        above: dict[str, set[str]] = {item.name: set() for item in self.box.items}
        below: dict[str, set[str]] = {item.name: set() for item in self.box.items}
        for one, other, kind in self.links:
            if kind == "inside":
                above[self.own[other].name].add(self.own[one].name)
                below[self.own[one].name].add(self.own[other].name)
        rank: dict[str, int] = {}
        waiting = {name: len(many) for name, many in above.items()}
        ready = [name for name, count in waiting.items() if count == 0]
        for name in ready:
            rank[name] = max((rank[one] + 1 for one in above[name]), default=0)
            for one in sorted(below[name]):
                waiting[one] -= 1
                if waiting[one] == 0:
                    ready.append(one)
        for name in reversed(ready):
            if not above[name] and below[name]:
                rank[name] = min(rank[one] for one in below[name]) - 1
        return rank

    def _connect(self, link: tuple[str, str, str]) -> None:
        """A chain of places from the upper end of a link to its lower end; links with the same upper end share it."""
        one, other, kind = link
        if kind == "entry":
            target, first = self.of[self.own[other].name], -1
            chain = [self._put(row, _SLOT) for row in range(first, target.row)]
            self._join([*chain, target], 0.0, _port(self.own[other], other, "entries"))
            self.chains[other, "entry"] = chain
            return
        source = self.of[self.own[one].name]
        last = self.last + 1 if kind == "exit" else self.of[self.own[other].name].row
        chain = self.chains.setdefault((one, "down"), [])
        start = _port(self.own[one], one, "exits")
        wanted = last - source.row - (0 if kind == "exit" else 1)
        while len(chain) < wanted:
            new = self._put(source.row + len(chain) + 1, self.slots.get(one, _SLOT))
            self.joined.append((chain[-1] if chain else source, 0.0 if chain else start, new, 0.0))
            chain.append(new)
        if kind == "inside":
            above = chain[wanted - 1] if wanted else source
            target = self.of[self.own[other].name]
            self.joined.append((above, 0.0 if wanted else start, target, _port(self.own[other], other, "entries")))

    def _join(self, chain: list[_Place], first: float, last: float) -> None:
        for number, (above, under) in enumerate(pairwise(chain)):
            self.joined.append((above, first if number == 0 else 0.0, under, last if number == len(chain) - 2 else 0.0))

    # order and places

    def arrange(self) -> None:
        rows = self._ordered()
        self._spread(rows)
        self._finish(rows)

    def _ordered(self) -> list[list[_Place]]:
        rows = [[one for one in self.places if one.row == number] for number in sorted({one.row for one in self.places})]
        up, down = self._neighbours()
        best, fewest = [list(row) for row in rows], self._crossings(rows)
        for sweep in range(_SWEEPS):
            neighbours, passes = (up, rows[1:]) if sweep % 2 == 0 else (down, rows[-2::-1])
            for row in passes:
                position = {id(one): (place + 0.5) / len(other) for other in rows for place, one in enumerate(other)}
                wish = {id(one): _mean([position[id(near)] for near, _, _ in neighbours[id(one)]], position[id(one)]) for one in row}
                row.sort(key=lambda one: wish[id(one)])
            crossings = self._crossings(rows)
            if crossings < fewest:
                best, fewest = [list(row) for row in rows], crossings
        return best

    def _neighbours(self) -> tuple[dict[int, list[tuple[_Place, float, float]]], dict[int, list[tuple[_Place, float, float]]]]:
        """For each place those above and below it: (place, its port, the own port)."""
        up: dict[int, list[tuple[_Place, float, float]]] = {id(one): [] for one in self.places}
        down: dict[int, list[tuple[_Place, float, float]]] = {id(one): [] for one in self.places}
        for above, upper, under, lower in self.joined:
            up[id(under)].append((above, upper, lower))
            down[id(above)].append((under, lower, upper))
        return up, down

    def _crossings(self, rows: list[list[_Place]]) -> int:
        position = {id(one): place for row in rows for place, one in enumerate(row)}
        lines: dict[int, list[tuple[float, float]]] = {}
        for above, upper, under, lower in self.joined:
            tilt = 1e-4
            lines.setdefault(above.row, []).append((position[id(above)] + tilt * upper, position[id(under)] + tilt * lower))
        return sum((a[0] - b[0]) * (a[1] - b[1]) < 0 for many in lines.values() for n, a in enumerate(many) for b in many[:n])

    def _spread(self, rows: list[list[_Place]]) -> None:
        """Each row as near as can be to what it is joined to, again and again."""
        up, down = self._neighbours()
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

    def _finish(self, rows: list[list[_Place]]) -> None:
        """The size of the box, and where items, ports and the points of links are in it."""
        box = self.box
        left = min((one.x - one.width / 2 for one in self.places), default=0.0)
        right = max((one.x + one.width / 2 for one in self.places), default=0.0)
        y = _LABEL if box.name else 0.0
        top: dict[int, tuple[float, float]] = {}
        for row in rows:
            number = row[0].row
            height = max((one.box.height for one in row if one.box is not None), default=0.0)
            if number >= 0:
                y += _ROW_GAP if 0 < number <= self.last else _TURN if (number - 1) in top else _PAD
            top[number] = (y, y + height)
            y += height
        if self.last + 1 not in top:
            y += _PAD
        box.width, box.height = right - left + 2 * _PAD, y
        shift = _PAD - left
        for one in self.places:
            one.x += shift
            if one.box is not None:
                one.box.x, one.box.y = one.x, sum(top[one.row]) / 2
        for (key, way), chain in self.chains.items():
            if way == "entry":
                box.entries[key] = chain[0].x - box.width / 2
            elif len(chain) and chain[-1].row == self.last + 1:
                box.exits[key] = chain[-1].x - box.width / 2
        for link in self.links:
            self._route(link, top)

    def _route(self, link: tuple[str, str, str], top: Mapping[int, tuple[float, float]]) -> None:
        one, other, kind = link
        chain = self.chains.get((other, "entry"), []) if kind == "entry" else self.chains.get((one, "down"), [])
        points: list[Point] = []
        if kind != "entry":
            item = self.own[one]
            x = item.x + _port(item, one, "exits")
            points += [(x, item.y + item.height / 2), (x, top[self.of[item.name].row][1])]
            last = self.of[self.own[other].name].row if kind == "inside" else self.last + 2
            chain = [place for place in chain if place.row < last]
        for place in chain:
            points += [(place.x, end) for end in top[place.row]]
        if kind != "exit":
            item = self.own[other]
            x = item.x + _port(item, other, "entries")
            points += [(x, top[self.of[item.name].row][0]), (x, item.y - item.height / 2)]
        self.box.routes[one if kind != "entry" else "", other if kind != "exit" else ""] = points


def _port(item: Box, name: str, way: str) -> float:
    """Where an arrow of a node inside an item leaves or enters it, from the item's middle."""
    ports: dict[str, float] = getattr(item, way)
    return ports.get(name, 0.0) if item.plate else 0.0


def _wish(one: _Place, near: Sequence[tuple[_Place, float, float]]) -> float:
    """Where a place would have its arrows straight."""
    return _mean([other.x + port - own for other, port, own in near], one.x)


def _move(row: Sequence[_Place], wishes: Sequence[float], weights: Sequence[float]) -> None:
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


def absolute(box: Box, found: Callable[[Box, Point, int], None], corner: Point = (0.0, 0.0), depth: int = 0) -> None:
    """Call with every box, its upper left corner and how many boxes are around it; outer ones first."""
    found(box, corner, depth)
    for item in box.items:
        absolute(item, found, (corner[0] + item.x - item.width / 2, corner[1] + item.y - item.height / 2), depth + 1)
