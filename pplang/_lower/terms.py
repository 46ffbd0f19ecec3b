"""Elements as arrays: each bound variable owns one named array axis, and a term knows which of them its array has."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pplang._lower import code
from pplang._lower.code import Code

_LARGEST_INTEGER = 2**31
"""Integers below this fit every integer type of JAX."""


@dataclass(frozen=True)
class Axis:
    """The axis of a bound variable. `order` is its place in the canonical order of axes: that of binding, plates first.

    kept: positions of the members that take part, as code; None: all of them.
    """

    order: int
    variable: str
    set: str
    kept: str | None = None

    def size(self) -> Code:
        return code.size(self.set) if self.kept is None else code.call("len", code.name(self.kept))


Type = Literal["real", "int", "bool", "member"]


@dataclass(frozen=True)
class Term:
    """An array in generated code: its dimensions are `axes` in canonical order, then those of `event`, the sets kept whole.

    type "member": positions in the index set `member`. plain: a Python number, not an array. data: known before inference, so possibly a
    NumPy array rather than a JAX one.
    """

    code: Code
    axes: tuple[Axis, ...] = ()
    event: tuple[str, ...] = ()
    type: Type = "real"
    member: str | None = None
    plain: bool = False
    data: bool = True

    def become(self, new: Code, **changes: object) -> Term:
        return replace(self, code=new, plain=False, **changes)  # type: ignore[arg-type]


def union(terms: Iterable[Term]) -> tuple[Axis, ...]:
    """All axes of some terms, in canonical order."""
    return ordered(axis for term in terms for axis in term.axes)


def ordered(axes: Iterable[Axis]) -> tuple[Axis, ...]:
    return tuple(sorted(set(axes), key=lambda axis: axis.order))


def aligned(term: Term, axes: Sequence[Axis], trailing: int = 0) -> Code:
    """The array of a term so that it broadcasts over `axes`: singletons where it lacks one, except in front where none are needed.

    trailing: how many event dimensions the others have that this one lacks.
    """
    missing = trailing - len(term.event) if trailing else 0
    if not term.axes:
        return term.code
    needed = axes[axes.index(term.axes[0]) :]
    if len(needed) == len(term.axes) and missing <= 0:
        return term.code
    present = set(term.axes)
    slots: list[Code] = [code.whole() if axis in present else ast.Constant(None) for axis in needed]
    if missing > 0:
        slots += [*(code.whole() for _ in term.event), *(ast.Constant(None) for _ in range(missing))]
    return code.subscript(term.code, slots)


def permuted(array: str, base: Code, current: Sequence[object], wanted: Sequence[object]) -> Code:
    """`base`, whose dimensions are labelled `current`, with its dimensions in the order `wanted`."""
    order = [list(current).index(one) for one in wanted]
    if order == sorted(order):
        return base
    if len(order) == 2:
        return ast.Attribute(base, "T", ast.Load())
    return code.call(f"{array}.transpose", base, code.integers(order))


def full(array: str, term: Term, axes: Sequence[Axis], event_sizes: Sequence[Code] = ()) -> Code:
    """The array of a term with all of `axes` present at their full sizes (and event dimensions of `event_sizes`)."""
    if tuple(axes) == term.axes and len(term.event) == len(event_sizes):
        return term.code
    shape = code.tuple_of([*(axis.size() for axis in axes), *event_sizes])
    lifted = aligned(term, axes, trailing=len(event_sizes))
    return code.call(f"{array}.broadcast_to", lifted, shape)


def number(value: float) -> Term:
    """A literal. An integer stays one where it fits."""
    if value != value:
        return Term(code.dotted("np.nan"))
    whole = isinstance(value, int) and abs(value) < _LARGEST_INTEGER
    return Term(code.constant(value if whole else float(value)), type="int" if whole else "real", plain=True)
