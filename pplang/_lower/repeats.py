"""Walks over expressions in which parts are shared, or occur again and again after functions were expanded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

from pplang._ir import expression as ir


class Repeated:
    """Which expressions of a statement occur in it more than once, by meaning. Those of a few nodes do not count."""

    _SMALLEST = 10

    def __init__(self, roots: Iterable[ir.Expression | None]) -> None:
        self._keys: dict[int, int] = {}
        self._sizes: list[int] = []
        self._counts: list[int] = []
        self._nodes: list[ir.Expression] = []
        self._known: dict[object, int] = {}
        for root in roots:
            if root is not None:
                self._enter(root)

    def key(self, node: ir.Expression) -> int | None:
        """The same number for expressions that mean the same; None for one that occurs once or is small."""
        found = self._keys.get(id(node))
        return found if found is not None and self._counts[found] > 1 and self._sizes[found] >= self._SMALLEST else None

    def _enter(self, root: ir.Expression) -> None:
        pending: list[tuple[ir.Expression, bool]] = [(root, False)]
        while pending:
            node, ready = pending.pop()
            if ready:
                self._number(node)
            elif id(node) in self._keys:
                self._counts[self._keys[id(node)]] += 1
            else:
                pending.append((node, True))
                pending += [(child, False) for child in ir.children(node)]

    def _number(self, node: ir.Expression) -> None:
        parts = [self._keys[id(child)] for child in ir.children(node)]
        key = self._known.setdefault((type(node), self._own(node), *parts), len(self._sizes))
        if key == len(self._sizes):
            self._sizes.append(1 + sum(self._sizes[part] for part in parts))
            self._counts.append(0)
        self._counts[key] += 1
        self._keys[id(node)] = key
        self._nodes.append(node)

    @staticmethod
    def _own(node: ir.Expression) -> str:
        """What a node is apart from the expressions in it."""
        return repr([_bare(getattr(node, one.name)) for one in fields(node) if one.name != "span"])


def _bare(value: object) -> object:
    if isinstance(value, ir.Node):
        return ...
    return [_bare(one) for one in value] if isinstance(value, tuple) else value


def each(*roots: ir.Expression | None) -> list[ir.Expression]:
    """Every node in some expressions, those that are shared once."""
    seen: dict[int, ir.Expression] = {}
    pending = [one for one in roots if one is not None]
    while pending:
        one = pending.pop()
        if id(one) not in seen:
            seen[id(one)] = one
            pending += ir.children(one)
    return list(seen.values())


def names_in(roots: Iterable[ir.Expression | None]) -> frozenset[str]:
    """The names that some expressions refer to."""
    return frozenset(one.name for one in each(*roots) if isinstance(one, ir.Reference | ir.Completed))
