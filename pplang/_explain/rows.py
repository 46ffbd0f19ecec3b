"""One box of a layered drawing: its items in rows, and the ways of arrows through them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from pplang._explain.boxes import Box, Point, port
from pplang._explain.places import Joint, Place, ordered, spread

_ROW_GAP, _TURN, _PAD, _LABEL, _SLOT = 48.0, 30.0, 16.0, 24.0, 10.0


class Rows:
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
        self.places: list[Place] = []
        self.of: dict[str, Place] = {}
        for item in box.items:
            self.of[item.name] = self._put(self.rank[item.name], item.width, item)
        self.chains: dict[tuple[str, str], list[Place]] = {}
        self.joined: list[Joint] = []
        for link in self.links:
            self._connect(link)

    def _put(self, row: int, width: float, box: Box | None = None) -> Place:
        place = Place(row, width, box)
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
            self._join([*chain, target], 0.0, port(self.own[other], other, "entries"))
            self.chains[other, "entry"] = chain
            return
        source = self.of[self.own[one].name]
        last = self.last + 1 if kind == "exit" else self.of[self.own[other].name].row
        chain = self.chains.setdefault((one, "down"), [])
        start = port(self.own[one], one, "exits")
        wanted = last - source.row - (0 if kind == "exit" else 1)
        while len(chain) < wanted:
            new = self._put(source.row + len(chain) + 1, self.slots.get(one, _SLOT))
            self.joined.append((chain[-1] if chain else source, 0.0 if chain else start, new, 0.0))
            chain.append(new)
        if kind == "inside":
            above = chain[wanted - 1] if wanted else source
            target = self.of[self.own[other].name]
            self.joined.append((above, 0.0 if wanted else start, target, port(self.own[other], other, "entries")))

    def _join(self, chain: list[Place], first: float, last: float) -> None:
        for number, (above, under) in enumerate(pairwise(chain)):
            self.joined.append((above, first if number == 0 else 0.0, under, last if number == len(chain) - 2 else 0.0))

    def arrange(self) -> None:
        rows = ordered(self.places, self.joined)
        spread(rows, self.places, self.joined)
        self._finish(rows)

    def _finish(self, rows: list[list[Place]]) -> None:
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
            x = item.x + port(item, one, "exits")
            points += [(x, item.y + item.height / 2), (x, top[self.of[item.name].row][1])]
            last = self.of[self.own[other].name].row if kind == "inside" else self.last + 2
            chain = [place for place in chain if place.row < last]
        for place in chain:
            points += [(place.x, end) for end in top[place.row]]
        if kind != "exit":
            item = self.own[other]
            x = item.x + port(item, other, "entries")
            points += [(x, top[self.of[item.name].row][0]), (x, item.y - item.height / 2)]
        self.box.routes[one if kind != "entry" else "", other if kind != "exit" else ""] = points
