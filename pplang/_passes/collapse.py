"""collapse: what many rows say of the unknowns is computed once, so that a gradient costs what the unknowns cost, not what the rows do.

A normal likelihood with a mean linear in the unknowns and one scale for all rows of a group is a quadratic form. With the rows of a group
stacked as X (data that multiply unknowns) and y (the outcome less what is known), and [X y] = Q R with R triangular,

    sum_i (y_i - x_i' beta)^2 = sum_p (R_p,y - sum_k R_p,k beta_k)^2,

p over as many numbers as X and y have columns; what X cannot explain stands in the last of them. So the rows become independent normal
observations R_p,y with means sum_k R_p,k beta_k and the same scale. With the columns whose coefficients are the group's own in front, the
numbers behind these are about coefficients that all groups share, and are joined in one more triangle. The log density lacks only the
constants of the rows that are gone: n_left log Normal(0 | 0, sigma). Nothing is squared before it is subtracted, so it is as exact as the rows.
After it: no such likelihood has a term for each row, where that saves any.

Rows of other likelihoods that are the same in all that these read of them are counted once, see `repeated`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import prod

from pplang._check import graph
from pplang._check.retype import retype
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.kinds import REAL
from pplang._ir.program import Axis, Factor, IndexSet, Labels, Program, Site, SumSet
from pplang._ir.substitute import fresh_variable, variables_and_names
from pplang._passes.linear import Column, Group, Linear, NotLinearError, linear, list_items
from pplang._passes.plan import Choice, Different, Rewrite
from pplang._passes.repeated import NotCountedError, counted, pays, rows_of

NAME = "collapse"


def decide(
    program: Program,
    *,
    sizes: Mapping[str, int] | None = None,
    different: Different | None = None,
    wanted: Mapping[str, str] | None = None,
) -> tuple[Choice, ...]:
    """A choice for each normal likelihood of rows, and for others where the data are known and rows could repeat.

    sizes: of the index sets, different: how many different rows some columns have, both where the data are known. wanted: actions that a plan
    fixes.
    """
    found = []
    for site in program.sites:
        if site.role == "observed" and site.value is None and site.axes:
            action = (wanted or {}).get(site.name)
            first = _statistics(program, site, sizes, action)
            other = None if first is not None and first.action != "leave" else _counted(program, site, sizes, different, action)
            chosen = first if first is not None and (other is None or other.action == "leave") else other
            found += [] if chosen is None else [chosen]
    return tuple(found)


def _counted(
    program: Program, site: Site, sizes: Mapping[str, int] | None, different: Different | None, wanted: str | None
) -> Choice | None:
    """The choice of counting rows that repeat; None where nothing can be said of it."""
    try:
        found = rows_of(program, site)
    except NotCountedError as reason:
        return None if wanted is None else Choice(site.name, "leave", str(reason))
    if wanted is not None:
        return Choice(site.name, "count" if wanted == "count" else "leave", "fixed by the plan")
    if sizes is None or different is None:
        return None
    rows, kinds = sizes[found.over], different(found.names)
    counts = (("rows", float(rows)), ("different", float(kinds)))
    some = f"its {rows:,} rows are {kinds:,} different ones"
    if pays(rows, kinds):
        return Choice(site.name, "count", f"{some}, each counted once and weighted by how often it occurs", counts)
    return Choice(site.name, "leave", f"{some}: counting these would save too little", counts)


def _statistics(program: Program, site: Site, sizes: Mapping[str, int] | None, wanted: str | None) -> Choice | None:
    """The choice of statistics for a normal likelihood, None for another."""
    if not isinstance(site.right, ire.Distribution) or site.right.name != "Normal":
        return None
    if site.weight is not None or site.where is not None or site.starting is not None:
        return Choice(site.name, "leave", "its relation has clauses, which are about single rows")
    try:
        found = _linear(program, site)
    except NotLinearError as reason:
        return Choice(site.name, "leave", str(reason))
    by = " and ".join(one.set for one in found.groups)
    where = f"for each {by}" if by else "in all"
    if wanted is not None:
        return Choice(site.name, "collapse" if wanted == "collapse" else "leave", "fixed by the plan")
    if sizes is None:
        if len([one for one in found.groups if not one.own]) > 1:
            return Choice(site.name, "leave", f"its rows are grouped by {by}: only the data tell whether there are fewer pairs than rows")
        return Choice(site.name, "collapse", f"its mean is linear in the unknowns: a few numbers {where} say all that its rows do")
    rows = prod(sizes[axis.set] for axis in site.axes)
    own, common = (sum(sizes[one.over.set] if one.over else 1 for one in part) for part in _parted(found))
    numbers = own * prod(sizes[one.set] for one in found.groups) + common + 1
    counts = (("rows", float(rows)), ("numbers", float(numbers)))
    if numbers >= rows:
        return Choice(site.name, "leave", f"its {rows:,} rows would become {numbers:,} numbers", counts)
    return Choice(
        site.name, "collapse", f"its mean is linear in the unknowns: {numbers:,} numbers say all that its {rows:,} rows do", counts
    )


def _parted(found: Linear) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    """The columns whose coefficients differ from group to group, and those of which all groups have the same; tables of coefficients first.

    Where the scale differs between groups, their rows cannot be joined, and all columns are those of the groups.
    """
    letters = {one.variable for one in found.groups}

    def by_group(node: ire.Expression) -> bool:
        return any(isinstance(one, ire.Variable) and one.name in letters for one in ire.walk(node))

    joined = not by_group(found.scale)
    first, second = ([one for one in found.columns if (by_group(one.value) or not joined) == own] for own in (True, False))
    return tuple(sorted(first, key=_single)), tuple(sorted(second, key=_single))


def _single(column: Column) -> bool:
    return column.over is None


def _linear(program: Program, site: Site) -> Linear:
    assert isinstance(site.right, ire.Distribution)
    mean, scale = site.right.argument("mean"), site.right.argument("sd")
    assert mean is not None and scale is not None
    found = linear(program, site, mean, scale)
    lost = _unknowns(program, (mean,)) - _unknowns(program, (scale, *(one.value for one in found.columns)))
    if lost:
        raise NotLinearError(f"{min(lost)} is multiplied by zero")
    return found


def _unknowns(program: Program, roots: Iterable[ire.Expression]) -> set[str]:
    """The latents that some expressions depend on, those of definitions among them."""
    found, pending = set[str](), list(roots)
    while pending:
        for edge in graph.mentions(pending.pop()):
            site = program.site.get(edge.parent)
            if site is not None and site.name not in found:
                found.add(site.name)
                pending += [site.right] if site.role == "deterministic" else []
    return {name for name in found if program.site[name].role == "latent"}


def apply(program: Program, choices: tuple[Choice, ...]) -> Rewrite:
    """The program with these likelihoods as statistics, and without the definitions that only the rows needed."""
    made = {choice.site: choice.action for choice in choices if choice.action != "leave"}
    if not made:
        return Rewrite(program)
    needed = {site.name for site in program.sites if site.level == "model"}
    for name, action in made.items():
        site = program.site[name]
        program = counted(program, site) if action == "count" else _Builder(program, site).build()
    program = retype(program)
    while idle := _idle(program) & needed:
        program = program.with_sites(tuple(site for site in program.sites if site.name not in idle))
    return Rewrite(program)


def _idle(program: Program) -> set[str]:
    """Definitions that nothing uses and nobody asked for."""
    used = {edge.parent for site in program.sites for edge in graph.edges(site)}
    loose = (site.name for site in program.sites if site.role == "deterministic" and site.level == "generated" and not site.report)
    return {name for name in loose if name not in used}


class _Builder:
    def __init__(self, program: Program, site: Site) -> None:
        self.program, self.site, self.found = program, site, _linear(program, site)
        self.own, self.common = _parted(self.found)
        self.sites: list[Site] = []
        self.sets: list[IndexSet] = []
        self.taken: set[str] = set()
        self.labels = self._labels()
        self.letters = self._letters()

    # names and the records that carry them

    def name(self, wanted: str) -> str:
        found = self.program.fresh_name(wanted, self.taken)
        self.taken.add(found)
        return found

    def define(self, part: str, axes: tuple[Axis, ...], value: ire.Expression) -> str:
        name = self.name(f"{self.site.name}_{part}")
        self.sites.append(Site(name, axes, "deterministic", "data", value, REAL, origin=(self.site.name, NAME), span=self.site.span))
        return name

    def declare(self, part: str, members: Labels | SumSet) -> str:
        site = self.site.name
        name = self.name(f"{site[:1].upper()}{site[1:]}_{part}")
        self.sets.append(IndexSet(name, members, declared=True))
        return name

    def _labels(self) -> dict[int, str]:
        """A label for each single column, by its place; no two the same, and none that of the outcome."""
        taken = {self.site.name}
        found = {}
        for place, column in enumerate(self.found.columns):
            wanted = next((one.name for one in ire.walk(column.value) if isinstance(one, ire.Reference)), "one")
            label = next(name for name in (wanted, *(f"{wanted}_{n}" for n in range(2, len(taken) + 3))) if name not in taken)
            taken.add(label)
            found[place] = label
        return found

    def label(self, column: Column) -> str:
        return self.labels[self.found.columns.index(column)]

    def _letters(self) -> tuple[str, str]:
        """Two letters for columns that no group, label or variable has."""
        found = self.found
        taken = variables_and_names(self.program) | set(self.labels.values()) | {one.variable for one in found.groups}
        taken |= {column.over.variable for column in found.columns if column.over is not None}
        taken |= {axis.variable for axis in self.site.axes if axis.variable}
        first = fresh_variable("p", taken)
        return first, fresh_variable("q", taken | {first})

    # the rewriting

    def build(self) -> Program:
        found, columns = self.found, (*self.own, *self.common)
        groups = tuple(Axis(one.variable, one.set) for one in found.groups)
        letter = self.letters[0]
        if found.groups and self.own and self._joined():
            own, single = self._columns_set("own", self.own, ())
            common, last = self._columns_set("common", self.common, (self.site.name,))
            parts = self.declare("part", SumSet((own, common)))
            root = self._root(parts, columns)
            shared = self._shared(root, groups, common)
            seen = self._observed("seen", root, (*groups, Axis(letter, own)), columns, (single, last))
            rest = self._observed("common", shared, (Axis(letter, common),), self.common, (last, last))
            observed = [seen, rest]
            numbers = build.add(build.multiply(*(ire.Size(one.set) for one in found.groups), ire.Size(own)), ire.Size(common))
            factor = self._rest({}, numbers)
        else:
            parts, last = self._columns_set("part", columns, (self.site.name,))
            root = self._root(parts, columns)
            observed = [self._observed("seen", root, (*groups, Axis(letter, parts)), columns, (last, last))]
            mentioned = {one.name for one in ire.walk(found.scale) if isinstance(one, ire.Variable)}
            scaled = {one.variable: one for one in found.groups if one.variable in mentioned}
            others = (ire.Size(one.set) for one in found.groups if one.variable not in mentioned)
            factor = self._rest(scaled, build.multiply(*others, ire.Size(parts)))
        kept = tuple(one for one in self.program.sites if one.name != self.site.name)
        changed = self.program.with_sites((*kept, *self.sites, *observed))
        return replace(changed, sets=(*changed.sets, *self.sets), factors=(*changed.factors, factor))

    def _joined(self) -> bool:
        letters = {one.variable for one in self.found.groups}
        return not any(isinstance(one, ire.Variable) and one.name in letters for one in ire.walk(self.found.scale))

    def _columns_set(self, part: str, columns: tuple[Column, ...], more: tuple[str, ...]) -> tuple[str, str]:
        """The set of some columns, those over sets first; and the set that lists the single ones."""
        over = tuple(one.over.set for one in columns if one.over is not None)
        labels = (*(self.label(one) for one in columns if one.over is None), *more)
        if not over:
            name = self.declare(part, Labels(labels))
            return name, name
        if not labels:
            name = over[0] if len(over) == 1 else self.declare(part, SumSet(over))
            return name, name
        single = self.declare(f"{part}_single", Labels(labels))
        return self.declare(part, SumSet((*over, single))), single

    def _root(self, parts: str, columns: tuple[Column, ...]) -> str:
        """The rows of data and outcome, and their triangles by group."""
        site, found = self.site, self.found
        rows = tuple(ire.Variable(axis.variable or "") for axis in site.axes)
        items = (
            *(item for one in columns for item in self._entries(one, rows)),
            build.subtract(ire.Reference(site.name, rows), found.offset),
        )
        row = self.define("row", (*site.axes, Axis(None, parts)), ire.TableLiteral(items))
        plates = tuple(Axis(one.variable, one.set) for one in found.groups)
        triangle = ire.Reduce("triangle", ire.Reference(row, rows), *self._of_group(found.groups))
        return self.define("root", (*plates, Axis(None, parts), Axis(None, parts)), triangle)

    def _entries(self, column: Column, rows: tuple[ire.Variable, ...]) -> tuple[ire.Expression, ...]:
        """The part of a row that one coefficient, or one table of them, is multiplied with: `x[i]`."""
        if column.over is None:
            return (column.row,)
        return list_items(self.program, self._table(column, column.over, rows), column.over.set)

    def _table(self, column: Column, last: ire.Binder, rows: tuple[ire.Variable, ...]) -> ire.Reference:
        match column.row:
            case ire.Reference(name, (*first, ire.Variable(letter) as index)) if letter == last.variable and index not in first:
                if len(first) + 1 == len(self.program.axes_of(name)):
                    return ire.Reference(name, tuple(first))
        table = self.define(f"row_{last.set.lower()}", (*self.site.axes, Axis(last.variable, last.set)), column.row)
        return ire.Reference(table, rows)

    def _of_group(self, groups: Iterable[Group]) -> tuple[tuple[ire.Binder, ...], ire.Expression | None]:
        """The binders and the condition of a reduction over the rows of a group."""
        own = {one.variable for one in groups if one.own}
        same = tuple(ire.Compare("==", one.category, ire.Variable(one.variable)) for one in groups if not one.own)
        binders = tuple(ire.Binder(axis.variable or "", axis.set) for axis in self.site.axes if axis.variable not in own)
        return binders, None if not same else same[0] if len(same) == 1 else ire.Logical("and", same)

    def _shared(self, root: str, groups: tuple[Axis, ...], common: str) -> str:
        """What the groups say of the coefficients that they share, together: one triangle of what is left of their own."""
        first, second = self.letters
        place = (*(ire.Variable(axis.variable or "") for axis in groups), ire.Variable(first))
        rest = self.define(
            "rest", (*groups, Axis(first, common), Axis(second, common)), ire.Reference(root, (*place, ire.Variable(second)))
        )
        binders = tuple(ire.Binder(axis.variable or "", axis.set) for axis in (*groups, Axis(first, common)))
        return self.define("shared", (Axis(None, common), Axis(None, common)), ire.Reduce("triangle", ire.Reference(rest, place), binders))

    def _observed(self, part: str, root: str, axes: tuple[Axis, ...], columns: tuple[Column, ...], singles: tuple[str, str]) -> Site:
        """The outcome's column of a triangle, observed. singles: the sets that list the columns by group, and the others and the outcome."""
        place = tuple(ire.Variable(axis.variable or "") for axis in axes)
        own = self.own if len(axes) > 1 else ()
        axes = (axes[-1], *axes[:-1])  # groups, of which there are more, run fastest: loops over two or three numbers are slow
        terms = (self._term(root, place, one, ire.Member(singles[0 if one in own else 1], self.label(one))) for one in columns)
        right = ire.Distribution("Normal", (("mean", build.add(*terms)), ("sd", self.found.scale)))
        value = ire.Reference(root, (*place, ire.Member(singles[1], self.site.name)))
        name = self.name(f"{self.site.name}_{part}")
        return Site(name, axes, "observed", "model", right, REAL, value=value, origin=(self.site.name, NAME), span=self.site.span)

    def _term(self, root: str, place: tuple[ire.Expression, ...], column: Column, label: ire.Expression) -> ire.Expression:
        if column.over is None:
            return build.multiply(ire.Reference(root, (*place, label)), column.value)
        own = ire.Reference(root, (*place, ire.Variable(column.over.variable)))
        return ire.Reduce("sum", build.multiply(own, column.value), (column.over,))

    def _rest(self, scaled: Mapping[str, Group], numbers: ire.Expression) -> Factor:
        """The constants of the rows that are gone: how many, in all or for each group that has a scale of its own."""
        density = ire.LogDensity(ire.Distribution("Normal", (("mean", build.ZERO), ("sd", self.found.scale))), build.ZERO)
        binders, condition = self._of_group(scaled.values())
        rows: ire.Expression = build.multiply(*(ire.Size(one.set) for one in binders))
        if condition is not None:
            rows = ire.Reduce("sum", build.ONE, binders, condition)
        left = self.define("left", tuple(Axis(one.variable, one.set) for one in scaled.values()), _less(rows, numbers))
        product = build.multiply(ire.Reference(left, tuple(ire.Variable(one) for one in scaled)), density)
        over = tuple(ire.Binder(one.variable, one.set) for one in scaled.values())
        return Factor(ire.Reduce("sum", product, over) if over else product)


def _less(rows: ire.Expression, numbers: ire.Expression) -> ire.Expression:
    """The difference, flat."""
    terms = numbers.terms if isinstance(numbers, ire.Sum) else (("+", numbers),)
    return ire.Sum((("+", rows), *(("-", one) for _, one in terms)))
