"""The rank of the designs in a model's predictors: what only the data tell of fixed effects.

Where columns are multiples of others, the likelihood is the same along a whole line of coefficients. Under flat priors there is no posterior then;
under proper ones there is, and `orthogonalize`, which divides by the diagonal of R, leaves the coefficients as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pplang._diagnostics import Diagnostic, Problems, shown
from pplang._ir import expression as ire
from pplang._ir.substitute import substitute
from pplang._ir.text import expression
from pplang._lower import lower
from pplang._lower.made_sets import with_made_sets
from pplang._passes import orthogonalize, transport
from pplang._passes.designs import Design, designs
from pplang._passes.plan import Choice
from pplang._records import dataclass

if TYPE_CHECKING:
    from pplang._model import Bound

TOLERANCE = 1e-10
"""What is left of a column without those before it, relative to its length, below which it is made of them."""
_MOST = 3
"""Columns of a design that are told of, at most."""
_MOST_NAMES = 8


def settled(bound: Bound) -> tuple[Choice, ...]:
    """What the data settle about `orthogonalize`: the designs that it is not to touch, and how skew those are that it does.

    Raises `Problems`: F29 for a design without full rank and with flat priors, I83 where a plan asks for what cannot be.
    """
    program = bound.compiled.drawn
    chosen = {choice.site for stage in bound.compiled.stages if stage.name == orthogonalize.NAME for choice in stage.choices
              if choice.action == "orthogonalize"}  # fmt: skip
    faults: list[Diagnostic] = []
    choices: list[Choice] = []
    for design in designs(program):
        name = design.child.name
        if name in chosen or any(part.flat for part in design.parts):
            measured = _Measured.of(bound, design)
            faults += measured.faults()
            if name in chosen:
                choices.append(measured.choice())
    planned = {choice.site: choice for choice in bound.compiled.pins.get(orthogonalize.NAME, ())}
    faults += [_refused(one) for one in choices if one.action == "leave" and planned.get(one.site, one).action == "orthogonalize"]
    if faults:
        raise Problems(faults, bound.model.source)
    return tuple(choices)


def _refused(choice: Choice) -> Diagnostic:
    title = f"the plan asks `{orthogonalize.NAME}` to do `orthogonalize` with `{shown(choice.site)}`, which cannot be"
    rank = f"its columns have rank {int(dict(choice.numbers)['rank']):,}, fewer than there are"
    return Diagnostic("I83", title, notes=(rank,), help="leave the entry out")


@dataclass(frozen=True)
class _Column:
    """A column: the coefficient that it belongs to, in words, its site, and the data in words."""

    coefficient: str
    site: str
    data: str
    flat: bool


@dataclass(frozen=True)
class _Measured:
    """A design, its columns and R, (columns, columns): every linear relation between columns of the rows is one between columns of R."""

    bound: Bound
    design: Design
    columns: tuple[_Column, ...]
    triangle: np.ndarray

    @staticmethod
    def of(bound: Bound, design: Design) -> _Measured:
        program = bound.compiled.drawn
        known = tuple(site for site in program.sites if site.level == "data" and not site.stochastic)
        program = replace(program, sites=known, factors=(), restrictions=(), params=(), reward=None, guide=None)
        program, root = orthogonalize.prepared(program, design)
        arrays = bound.dataset.values()
        sets = with_made_sets(program, bound.sets, arrays)
        found = lower(program).prepare(sets=sets, **arrays)[root]
        return _Measured(bound, design, tuple(_columns(design, sets)), np.asarray(found))

    def choice(self) -> Choice:
        """Is it to be touched, and how skew is it?"""
        rank = len(self.columns) - len(self._made(range(len(self.columns))))
        if rank < len(self.columns):
            return Choice(self.design.child.name, "leave", "", (("rank", float(rank)),))
        lengths = np.linalg.norm(self.triangle, axis=0)
        return Choice(self.design.child.name, "orthogonalize", "", (("condition", float(np.linalg.cond(self.triangle / lengths))),))

    def _made(self, columns: Sequence[int]) -> dict[int, dict[int, float]]:
        """The columns that are made of those before them, each with these and their weights."""
        kept: list[int] = []
        made: dict[int, dict[int, float]] = {}
        for place in columns:
            column = self.triangle[:, place]
            size = float(np.linalg.norm(column))
            before = self.triangle[:, kept]
            scale = np.linalg.norm(before, axis=0)
            weights = np.linalg.lstsq(before / scale, column, rcond=None)[0] if kept else np.zeros(0)
            rest = column - (before / scale) @ weights if kept else column
            if float(np.linalg.norm(rest)) > TOLERANCE * size:
                kept.append(place)
            else:
                used = np.abs(weights) > 1e-8 * max(size, 1e-300)
                made[place] = {kept[at]: float(weights[at] / scale[at]) for at in np.flatnonzero(used)}
        return made

    def faults(self) -> list[Diagnostic]:
        """F29 for columns with flat priors that are made of others."""
        made = self._made([place for place, column in enumerate(self.columns) if column.flat])
        told = [self._fault(place, parts) for place, parts in made.items() if self._is_lost([place, *parts])]
        return told[:_MOST]

    def _is_lost(self, places: Sequence[int]) -> bool:
        """Does nothing but this predictor tell of the coefficients?"""
        program, child = self.bound.compiled.drawn, self.design.child.name
        names = {self.columns[place].site for place in places}
        mentioned = {one.name for factor in program.factors for one in ire.walk(factor.value) if isinstance(one, ire.Reference)}
        others = {below for name in names for below in transport.descendants(program, name)} - {child}
        return not others and not names & (mentioned | self.design.elsewhere)

    def _fault(self, place: int, parts: dict[int, float]) -> Diagnostic:
        column = self.columns[place]
        edit = f"leave out the term of `{column.coefficient}`, or give `{column.site}` a proper prior: {_prior(self.design, column.site)}"
        rows = self.design.rows({name: len(members) for name, members in self.bound.sets.items()})
        counts = f"{rows:,} rows, {len(self.columns):,} coefficients"
        if not parts:
            title = f"`{column.coefficient}` is multiplied by zero in every row, and its prior is flat: it has no distribution"
            return Diagnostic("F29", title, self.design.child.span, counts, help=edit)
        names = [self.columns[one].coefficient for one in sorted([*parts, place])]
        listed = _listed([f"`{name}`" for name in names])
        title = f"the data cannot tell {listed} apart, and their priors are flat: they have no distribution"
        equal = f"in every row {column.data} = {_combination([(weight, self.columns[one].data) for one, weight in parts.items()])}"
        why = "there are more coefficients than rows" if len(parts) >= rows else equal
        return Diagnostic("F29", title, self.design.child.span, counts, notes=(why,), help=edit)


def _columns(design: Design, sets: dict[str, Sequence[str | int]]) -> list[_Column]:
    """In the order of R."""
    found = []
    for part in design.parts:
        name = part.site.name
        if part.set is None:
            found.append(_Column(name, name, expression(part.columns[0].row), part.flat))
            continue
        for place, label in enumerate(sets[part.set]):
            column = part.columns[0 if len(part.columns) == 1 else place]
            member = {} if column.over is None else {column.over.variable: ire.Member(part.set, label)}
            row = expression(substitute(column.row, member))
            found.append(_Column(f"{name}[{shown(str(label))}]", name, shown(row), part.flat))
    return found


def _prior(design: Design, name: str) -> str:
    (site,) = (part.site for part in design.parts if part.site.name == name)
    return f"{name}[{site.axes[0].variable} in {site.axes[0].set}] ~ Normal(0, 1)" if site.axes else f"{name} ~ Normal(0, 1)"


def _listed(names: list[str]) -> str:
    if len(names) > _MOST_NAMES:
        names = [*names[: _MOST_NAMES - 1], f"{len(names) - _MOST_NAMES + 1} others"]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _combination(terms: list[tuple[float, str]]) -> str:
    """`1 - warm[i]`, `2 * x[i] + 0.5 * z[i]`."""
    written = ""
    for weight, data in terms[:_MOST_NAMES]:
        sign = "-" if weight < 0 else "+"
        size = float(f"{abs(weight):.4g}")
        term = data if size == 1 else f"{size:g}" if data == "1" else f"{size:g} * {data}"
        written += f" {sign} {term}" if written else term if weight > 0 else f"-{term}"
    return written + (" + ..." if len(terms) > _MOST_NAMES else "")
