"""orthogonalize: fixed effects move in coordinates in which the columns of their design are orthogonal.

With the rows of the design X = Q R, Q'Q = n I and R triangular, the coefficients beta of `alpha + sum(X[i, k] * beta[k] for k in K)` are computed
as beta = R^-1 turned, from a `turned` that is drawn instead. In it a posterior that the likelihood dominates is near round however correlated or
badly scaled the columns are (Stan Development Team, User's Guide, "The QR reparameterization"). The likelihood and its rows stay as they are; the
prior is that of beta, exactly, as a factor with the Jacobian:

    log p(beta) + log |d beta / d turned|, the second term -sum(log diag R).

R is computed once from the data, by Householder's QR of the rows. After it: the coefficients that were moved are computed, from flat latents.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pplang._check.retype import retype
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.kinds import REAL
from pplang._ir.program import Axis, Factor, IndexSet, Labels, Program, Site, SumSet
from pplang._ir.substitute import fresh_variable, variables_and_names
from pplang._passes.designs import Coefficients, Design, designs
from pplang._passes.linear import list_items
from pplang._passes.plan import Choice, Rewrite

NAME = "orthogonalize"
TOGETHER = 100
"""Coefficients whose covariance the engines hold whole; of more they know the variances only."""


def decide(program: Program, *, sizes: Mapping[str, int] | None = None, wanted: Mapping[str, Choice] | None = None) -> tuple[Choice, ...]:
    """A choice for each relation with two coefficients or more. sizes: of the index sets, where the data are known. wanted: what a plan, or the
    rank of the data, fixes."""
    return tuple(_choose(design, sizes, (wanted or {}).get(design.child.name)) for design in designs(program))


def _choose(design: Design, sizes: Mapping[str, int] | None, wanted: Choice | None) -> Choice:
    own = _by_size(design, sizes)
    if wanted is None or wanted.action not in ("orthogonalize", "leave"):
        return own
    given = dict(wanted.numbers)
    if wanted.action == "leave" and "rank" in given and sizes is not None:
        lacking = (
            f"its {design.size(sizes):,} columns have rank {int(given['rank']):,}: in some direction only the priors know the coefficients"
        )
        return Choice(design.child.name, "leave", lacking, wanted.numbers)
    if "condition" in given:
        own = replace(own, numbers=(*own.numbers, ("condition", given["condition"])))
    skew = f" (condition number {given['condition']:.2g})" if "condition" in given else ""
    if wanted.action == own.action:
        return replace(own, reason=own.reason + skew)
    return Choice(design.child.name, wanted.action, "fixed by the plan" + skew, own.numbers)


def _by_size(design: Design, sizes: Mapping[str, int] | None) -> Choice:
    name = design.child.name
    if sizes is None:
        return Choice(name, "leave", "only the data tell how many coefficients it has: up to 100 the engines hold their covariance whole")
    count, rows = design.size(sizes), design.rows(sizes)
    numbers = (("rows", float(rows)), ("coefficients", float(count)))
    if count <= TOGETHER:
        return Choice(name, "leave", f"the engines hold the covariance of its {count:,} coefficients whole", numbers)
    if count > rows:
        return Choice(
            name, "leave", f"it has {count:,} coefficients and {rows:,} rows: in some direction only the priors know them", numbers
        )
    reason = f"of {count:,} coefficients the engines know no covariances, and columns of data are correlated"
    return Choice(name, "orthogonalize", reason, numbers)


def apply(program: Program, choices: tuple[Choice, ...]) -> Rewrite:
    """The coefficients of these relations computed from coordinates of orthogonal columns."""
    chosen = {choice.site for choice in choices if choice.action == "orthogonalize"}
    inverse: list[Site] = []
    jacobian: list[ire.Expression] = []
    for design in designs(program):
        if design.child.name in chosen:
            turned = _Turning(program, design)
            program = turned.rewritten()
            inverse += [*turned.data, *turned.back()]
            jacobian.append(turned.log_jacobian())
    return Rewrite(retype(program) if inverse else program, tuple(inverse), tuple(jacobian))


def prepared(program: Program, design: Design) -> tuple[Program, str]:
    """The program with the definitions that compute R, and the name of R."""
    turned = _Turning(program, design)
    return retype(replace(program, sets=(*program.sets, *turned.sets), sites=(*program.sites, *turned.measured))), turned.root


class _Turning:
    def __init__(self, program: Program, design: Design) -> None:
        self.program, self.design = program, design
        self.data: list[Site] = []
        self.sets: list[IndexSet] = []
        self.names: set[str] = set()
        self.letters = variables_and_names(program) | {axis.variable for axis in design.child.axes if axis.variable is not None}
        self.p, self.q = self.letter("p"), self.letter("q")
        self.numbers = self._numbers()
        self.columns = self._columns()
        self.root = self._root()
        self.measured = tuple(self.data)
        self.turned = {part.site.name: self.name(f"{part.site.name}_turned") for part in design.parts}
        self.inverse = self.define(
            "inverse", (Axis(None, self.columns), Axis(None, self.columns)), build.call("inverse", ire.Reference(self.root))
        )

    # names and the records that carry them

    def letter(self, wanted: str) -> str:
        found = fresh_variable(wanted, self.letters)
        self.letters.add(found)
        return found

    def name(self, wanted: str) -> str:
        found = self.program.fresh_name(wanted, self.names)
        self.names.add(found)
        return found

    def define(self, part: str, axes: tuple[Axis, ...], value: ire.Expression) -> str:
        child = self.design.child
        name = self.name(f"{child.name}_{part}")
        self.data.append(Site(name, axes, "deterministic", "data", value, REAL, origin=(child.name, NAME), span=child.span))
        return name

    def declare(self, part: str, members: Labels | SumSet) -> str:
        child = self.design.child.name
        name = self.name(f"{child[:1].upper()}{child[1:]}_{part}")
        self.sets.append(IndexSet(name, members, declared=True))
        return name

    # the design

    def _numbers(self) -> str | None:
        """The set that lists the coefficients that are numbers."""
        labels = tuple(part.site.name for part in self.design.parts if part.set is None)
        return self.declare("number", Labels(labels)) if labels else None

    def _columns(self) -> str:
        """The set of all columns."""
        over = tuple(part.set for part in self.design.parts if part.set is not None)
        every = ((self.numbers,) if self.numbers else ()) + over
        return every[0] if len(every) == 1 else self.declare("column", SumSet(every))

    def _root(self) -> str:
        """The rows of the design, and R."""
        child = self.design.child
        rows = tuple(ire.Variable(axis.variable or "") for axis in child.axes)
        parts = self.design.parts
        if len(parts) == 1 and parts[0].set is not None:
            row = self._table(parts[0], rows)
        else:
            items = tuple(item for part in parts for item in self._items(part, rows))
            row = ire.Reference(self.define("row", (*child.axes, Axis(None, self.columns)), ire.TableLiteral(items)), rows)
        binders = tuple(ire.Binder(axis.variable or "", axis.set) for axis in child.axes)
        both = (Axis(None, self.columns), Axis(None, self.columns))
        triangle = self.define("triangle", both, ire.Reduce("triangle", row, binders))
        count = build.call("sqrt", build.multiply(*(ire.Size(axis.set) for axis in child.axes)))
        entry = ire.Reference(triangle, (ire.Variable(self.p), ire.Variable(self.q)))
        return self.define("turn", (Axis(self.p, self.columns), Axis(self.q, self.columns)), build.divide(entry, count))

    def _items(self, part: Coefficients, rows: tuple[ire.Variable, ...]) -> Iterable[ire.Expression]:
        """What fills the row for some coefficients: a number for each that the model lists by its label, else a table."""
        if part.set is None:
            return (part.columns[0].row,)
        if part.columns[0].over is None and isinstance(self.program.set[part.set].members, Labels):
            return (column.row for column in part.columns)
        return list_items(self.program, self._table(part, rows), part.set)

    def _table(self, part: Coefficients, rows: tuple[ire.Variable, ...]) -> ire.Reference:
        """The part of a row that a table of coefficients is multiplied with."""
        child, first = self.design.child, part.columns[0]
        assert part.set is not None
        if first.over is None:
            items = ire.TableLiteral(tuple(column.row for column in part.columns))
            return ire.Reference(self.define(f"row_{part.set.lower()}", (*child.axes, Axis(None, part.set)), items), rows)
        match first.row:
            case ire.Reference(name, (*before, ire.Variable(letter))) if letter == first.over.variable and tuple(before) == rows:
                if self.program.axes_of(name) == (*child.sets, part.set):
                    return ire.Reference(name, rows)
        axes = (*child.axes, Axis(first.over.variable, part.set))
        return ire.Reference(self.define(f"row_{part.set.lower()}", axes, first.row), rows)

    # coefficients and coordinates

    def rewritten(self) -> Program:
        moved = {part.site.name: self._moved(place) for place, part in enumerate(self.design.parts)}
        sites = tuple(one for site in self.program.sites for one in moved.get(site.name, (site,)))
        changed = self.program.with_sites((*self.data, *sites), sets=(*self.program.sets, *self.sets))
        return replace(changed, factors=(*changed.factors, Factor(self._prior(), span=self.design.child.span)))

    def _moved(self, place: int) -> tuple[Site, Site]:
        """A table of flat coordinates, and the coefficients that it gives with those after it."""
        site = self.design.parts[place].site
        flat = ire.Distribution("Flat")
        drawn = replace(site, name=self.turned[site.name], right=flat, report=False, origin=(site.name, NAME))
        value = self._sum(self.inverse, place, [self.turned[part.site.name] for part in self.design.parts])
        return drawn, replace(site, role="deterministic", right=value, origin=(site.name, NAME))

    def back(self) -> tuple[Site, ...]:
        """The coordinates from the coefficients."""
        names = [part.site.name for part in self.design.parts]
        values = [self._sum(self.root, place, names) for place in range(len(names))]
        return tuple(
            replace(part.site, name=self.turned[part.site.name], role="deterministic", right=value, report=False)
            for part, value in zip(self.design.parts, values, strict=True)
        )

    def _sum(self, matrix: str, place: int, names: list[str]) -> ire.Expression:
        """The rows of a triangular matrix that belong to one part, times the vector that is made of some names."""
        own = self.design.parts[place]
        row = self._index(own, own.site.axes[0].variable or "" if own.set else "")
        terms = []
        for part, name in list(zip(self.design.parts, names, strict=True))[place:]:
            column = self._index(part, self.q)
            term = build.multiply(ire.Reference(matrix, (row, column)), ire.Reference(name, (column,) if part.set else ()))
            terms.append(ire.Reduce("sum", term, (ire.Binder(self.q, part.set),)) if part.set else term)
        return build.add(*terms)

    def _index(self, part: Coefficients, letter: str) -> ire.Expression:
        if part.set is not None:
            return ire.Variable(letter)
        assert self.numbers is not None
        return ire.Member(self.numbers, part.site.name)

    def _prior(self) -> ire.Expression:
        """The density of the coefficients' priors, and of the coordinates given it."""
        densities = [
            build.sum_over(part.site, ire.LogDensity(part.site.right, build.element_of(part.site)))
            for part in self.design.parts
            if not part.flat
        ]
        return build.subtract(build.add(*densities), self._log_determinant())

    def log_jacobian(self) -> ire.Expression:
        """Of the coefficients as a function of the coordinates."""
        return ire.Negate(self._log_determinant())

    def _log_determinant(self) -> ire.Expression:
        entry = ire.Reference(self.root, (ire.Variable(self.p), ire.Variable(self.p)))
        return ire.Reduce("sum", build.call("log", entry), (ire.Binder(self.p, self.columns),))
