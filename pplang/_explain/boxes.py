"""The boxes of a layered drawing: nodes, and boxes of items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Point = tuple[float, float]


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


def port(item: Box, name: str, way: str) -> float:
    """Where an arrow of a node inside an item leaves or enters it, from the item's middle."""
    ports: dict[str, float] = getattr(item, way)
    return ports.get(name, 0.0) if item.plate else 0.0


def absolute(box: Box, found: Callable[[Box, Point, int], None], corner: Point = (0.0, 0.0), depth: int = 0) -> None:
    """Call with every box, its upper left corner and how many boxes are around it; outer ones first."""
    found(box, corner, depth)
    for item in box.items:
        absolute(item, found, (corner[0] + item.x - item.width / 2, corner[1] + item.y - item.height / 2), depth + 1)
