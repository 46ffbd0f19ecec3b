"""The typed program: what the checker makes, what every pass takes and gives, what is lowered and what prints as `.ppl`.

Frozen records. Spans, and where a site came from, take no part in comparison.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import field, replace
from functools import cached_property
from typing import Literal

from pplang._ir.expression import Binder, Expression
from pplang._ir.kinds import Kind
from pplang._records import dataclass
from pplang._source import NOWHERE, Span


@dataclass(frozen=True)
class Node:
    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True)
class Note(Node):
    """An annotation, `@partial(0.3)`: changes how something is computed, never what it means."""

    name: str
    arguments: tuple[Expression, ...] = ()


# Index sets ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """The rows of a table. Members are row numbers, or the labels of its key column."""

    table: str


@dataclass(frozen=True)
class Levels:
    """The levels that a category column has in the data: integers in numeric order, else strings by code point."""


@dataclass(frozen=True)
class Columns:
    """The names of the columns that a `from` clause matches; where several columns or an `index` share the set, they must agree."""


@dataclass(frozen=True)
class Labels:
    """Listed in the model, in this order."""

    labels: tuple[str | int, ...]


@dataclass(frozen=True)
class NumberRange:
    """The integers first..last, both included; the ends are expressions of inputs and sizes."""

    first: Expression
    last: Expression


@dataclass(frozen=True)
class Gaps:
    """`gaps(S)`: the cut points between neighbouring members; size(S) - 1 of them."""

    set: str


@dataclass(frozen=True)
class Free:
    """`free(S)`: the coordinates of a simplex over S; size(S) - 1."""

    set: str


@dataclass(frozen=True)
class Pairs:
    """`pairs(S)`: the pairs of distinct members; K (K - 1) / 2, row by row of the strict lower triangle."""

    set: str


@dataclass(frozen=True)
class Subsample:
    """`subsample(S, n)`: n members of S; its members index whatever S indexes."""

    set: str
    count: Expression


@dataclass(frozen=True)
class ProductSet:
    """`Row * Col`: all combinations, the last set running fastest."""

    sets: tuple[str, ...]


@dataclass(frozen=True)
class Without:
    """`without(Age, young, old)`: the other members of a set, in order; they index whatever it indexes."""

    set: str
    labels: tuple[str | int, ...]


@dataclass(frozen=True)
class Empty:
    """`empty(income)`: the empty cells of a column (or input) with `?`, in row-major order; `m.Voter` is the row of cell m."""

    name: str


@dataclass(frozen=True)
class Distinct:
    """`distinct(use, district)`: one member for all rows (or members of another set) at which these columns and inputs are the same.

    In order of first occurrence; `r.Woman` is the first row of kind r, and `repeats(r)` says how many there are.
    """

    names: tuple[str, ...]


@dataclass(frozen=True)
class SumSet:
    """`Lab + Survey`: the members of each, one set after the other; a member of one of them indexes whatever the sum does."""

    sets: tuple[str, ...]


Members = (
    Rows | Levels | Columns | Labels | NumberRange | Gaps | Free | Pairs | Subsample | ProductSet | SumSet | Without | Empty | Distinct
)


def given(name: str) -> str:
    """What the data of a column (or input) with `?` are called that say which of its cells have a value: true or false for each."""
    return f"given({name})"


@dataclass(frozen=True)
class IndexSet(Node):
    """A set that indexes tables. `declared`: by an `index` statement of its own (others arise from tables, columns and patterns)."""

    name: str
    members: Members
    ordered: bool = False
    declared: bool = False
    within: str | None = None
    notes: tuple[Note, ...] = ()


# Data ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FromPattern:
    """One column of another name, or all that match a pattern with a single `*`."""

    pattern: str


@dataclass(frozen=True)
class FromRange:
    first: str
    last: str


@dataclass(frozen=True)
class FromList:
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Column(Node):
    """A column of a table.

    sets: the axes of its values. A plain column is over (rows,), one with `per County` over (County,), `x[Gene]` over (rows, Gene).
    kind: of one value. `optional`: empty cells are allowed. `value`: set for a derived column; in it, columns of the same row are
    References indexed by the variable named `ROW`.
    """

    name: str
    sets: tuple[str, ...]
    kind: Kind
    optional: bool = False
    per: str | None = None
    source: FromPattern | FromRange | FromList | None = None
    value: Expression | None = None
    structure: str | None = None
    """A joint constraint on the values of a row over the last axis (`simplex`), as of an input."""
    key: bool = False
    """`county : key` - the column's values name the rows of its table; it is not a name in the program."""


ROW = "(row)"
"""The variable that stands for the row in the expression of a derived column; it prints as nothing: `log(earn)`. No name of a user's."""


@dataclass(frozen=True)
class Order:
    """How the rows of a table are ordered: by a column (None: as the rows stand), within the groups of a category column."""

    by: str | None = None
    within: str | None = None


@dataclass(frozen=True)
class Table(Node):
    """`data Home:`; its name is also the index set of its rows."""

    name: str
    columns: tuple[Column, ...]
    order: Order | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Input(Node):
    """A constant or array given from outside. `structure`: a joint constraint on its last axis (`simplex`), see kinds.STRUCTURES."""

    name: str
    sets: tuple[str, ...]
    kind: Kind
    structure: str | None = None
    optional: bool = False
    default: Expression | None = None
    notes: tuple[Note, ...] = ()


# Statements ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Axis:
    """`v in Set` is bound, a plate; `Set` (variable None) is bare, an axis of one joint draw."""

    variable: str | None
    set: str


@dataclass(frozen=True)
class Param(Node):
    name: str
    axes: tuple[Axis, ...]
    kind: Kind
    structure: str | None = None
    start: Expression | None = None
    notes: tuple[Note, ...] = ()


Role = Literal["latent", "observed", "split", "deterministic"]
Level = Literal["data", "model", "generated"]


@dataclass(frozen=True)
class Site(Node):
    """One relation: `name[axes] ~ right` or `name[axes] = right`.

    role: how the name gets its value. "split": a column with empty cells, part observed, part latent.
    level: "data" is known before inference; "model" takes part in it; "generated" is drawn or computed afterwards.
    starting: for members without a predecessor. weight: multiplies the log density. where: limits an observed relation to members for
    which a data-level condition holds. fixing: (label, value), one element that is not drawn.
    origin: the site and the pass it came from, None when the user wrote it.
    """

    name: str
    axes: tuple[Axis, ...]
    role: Role
    level: Level
    right: Expression
    kind: Kind
    structure: str | None = None
    starting: Expression | None = None
    weight: Expression | None = None
    where: Expression | None = None
    fixing: tuple[tuple[str | int, Expression], ...] = ()
    report: bool = False
    notes: tuple[Note, ...] = ()
    declared_kind: Kind | None = None
    """The kind written in the source (`x : positive = ...`), None where it is inferred."""
    value: Expression | None = None
    """What an observed relation observes, where that is computed from the data (`name[...] = value` beside `name[...] ~ right`)."""
    origin: tuple[str, str] | None = field(default=None, compare=False)

    @property
    def stochastic(self) -> bool:
        return self.role != "deterministic"

    @property
    def definition(self) -> Site:
        """The relation by `=` that computes what this one observes."""
        assert self.value is not None
        return Site(self.name, self.axes, "deterministic", "data", self.value, self.kind, declared_kind=self.declared_kind, span=self.span)

    @cached_property
    def sets(self) -> tuple[str, ...]:
        return tuple(axis.set for axis in self.axes)

    @cached_property
    def plates(self) -> tuple[Axis, ...]:
        return tuple(axis for axis in self.axes if axis.variable is not None)

    @cached_property
    def event(self) -> tuple[str, ...]:
        """The sets of the bare axes, in order."""
        return tuple(axis.set for axis in self.axes if axis.variable is None)


@dataclass(frozen=True)
class Factor(Node):
    value: Expression
    weight: Expression | None = None
    where: Expression | None = None
    level: Level = "model"
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Restrict(Node):
    """`restrict left < right [for v in S]`: limits the region without renormalising. `condition` is one of the accepted forms."""

    condition: Expression
    binders: tuple[Binder, ...] = ()
    where: Expression | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Head:
    name: str
    sets: tuple[str, ...]
    kind: Kind


@dataclass(frozen=True)
class Net(Node):
    """A network: whole tables over `inputs` in, hidden layers of (width, activation), `heads` out. `prior`: on its weights, if Bayesian."""

    name: str
    inputs: tuple[str, ...]
    layers: tuple[tuple[int, str], ...]
    heads: tuple[Head, ...]
    prior: Expression | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Guide(Node):
    """The user's own variational family; its sites are typed in the scope of the program."""

    sites: tuple[Site, ...]


@dataclass(frozen=True)
class Maximize(Node):
    value: Expression


@dataclass(frozen=True)
class Program:
    """A whole model. `sites` are in an order in which each comes after what it needs (a step back in time aside), stable in the source."""

    sets: tuple[IndexSet, ...] = ()
    tables: tuple[Table, ...] = ()
    inputs: tuple[Input, ...] = ()
    params: tuple[Param, ...] = ()
    nets: tuple[Net, ...] = ()
    sites: tuple[Site, ...] = ()
    factors: tuple[Factor, ...] = ()
    restrictions: tuple[Restrict, ...] = ()
    guide: Guide | None = None
    reward: Maximize | None = None

    @cached_property
    def set(self) -> dict[str, IndexSet]:
        return {one.name: one for one in self.sets}

    @cached_property
    def site(self) -> dict[str, Site]:
        return {one.name: one for one in self.sites}

    @cached_property
    def column(self) -> dict[str, Column]:
        return {column.name: column for table in self.tables for column in table.columns if not column.key}

    @cached_property
    def computed(self) -> dict[str, Site]:
        """Every relation that the data determine, as a definition: those at the data level, and what observed relations compute."""
        observed = {one.name: one.definition for one in self.sites if one.value is not None}
        return {one.name: one for one in self.sites if one.level == "data" and not one.stochastic} | observed

    @cached_property
    def input(self) -> dict[str, Input]:
        return {one.name: one for one in self.inputs}

    @cached_property
    def param(self) -> dict[str, Param]:
        return {one.name: one for one in self.params}

    @cached_property
    def optional(self) -> tuple[str, ...]:
        """The columns and inputs that may have empty cells."""
        return (*(one.name for one in self.column.values() if one.optional), *(one.name for one in self.inputs if one.optional))

    def axes_of(self, name: str) -> tuple[str, ...]:
        """The sets that a name's values are over."""
        if name in self.column:
            return self.column[name].sets
        if name in self.input:
            return self.input[name].sets
        if name in self.param:
            return tuple(axis.set for axis in self.param[name].axes)
        return self.site[name].sets

    def kind_of(self, name: str) -> Kind:
        for table in (self.column, self.input, self.param, self.site):
            if name in table:
                return table[name].kind
        raise KeyError(name)

    def with_sites(self, sites: tuple[Site, ...], **changes: object) -> Program:
        return replace(self, sites=sites, **changes)  # type: ignore[arg-type]

    def fresh_name(self, wanted: str, new: Collection[str] = ()) -> str:
        """`wanted`, or with a number that makes it free; `new`: names that were given already and are not yet in the program."""
        taken = {*self.set, *self.site, *self.column, *self.input, *self.param, *(net.name for net in self.nets), *new}
        names = (wanted if n == 1 else f"{wanted}_{n}" for n in range(1, len(taken) + 2))
        return next(name for name in names if name not in taken)
