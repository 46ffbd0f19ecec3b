"""Rows that repeat are counted once: of rows that are the same in all that a likelihood reads of them, the density of one, times how many there are.

    use[w in Woman] ~ Bernoulli(logit = a[district[w]] + b * urban[w])

becomes, where the data have few different rows,

    index Use_kind = distinct(use, district, urban)
    use_count[r in Use_kind]    = repeats(r)
    use_district[r in Use_kind] = district[r.Woman]
    use_urban[r in Use_kind]    = urban[r.Woman]
    use_seen[r in Use_kind] ~ Bernoulli(logit = a[use_district[r]] + b * use_urban[r])
      weighted use_count[r]
    use_seen[r in Use_kind] = use[r.Woman]

for any family, since nothing is said of how rows are distributed, only that equal ones are. Which rows are equal is found when the data are bound.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pplang._check.environment import Environment
from pplang._check.retype import environment_of
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.kinds import REAL
from pplang._ir.program import ROW, Axis, Distinct, IndexSet, Program, Site
from pplang._ir.substitute import fresh_variable, variables_and_names

NAME = "collapse"
LEAST_SAVED = 100
"""Rows that must be saved: below it a likelihood costs next to nothing, and new data, whose rows repeat otherwise, would be compiled for anew."""


class NotCountedError(Exception):
    """Why the rows of a likelihood cannot be told apart by data alone, as the end of a sentence for the user."""


@dataclass(frozen=True)
class Rows:
    """What a likelihood reads of its rows.

    over: their set. names: the columns and inputs that tell them apart. data: what it reads at the row, known before inference. definitions:
    those that depend on unknowns, each after what it needs.
    """

    over: str
    names: tuple[str, ...]
    data: tuple[str, ...]
    definitions: tuple[str, ...]


def rows_of(program: Program, site: Site) -> Rows:
    """What an observed site reads of its rows. Raises NotCountedError."""
    return _Reader(program, site).read()


def pays(rows: int, different: int) -> bool:
    return 2 * different <= rows and rows - different >= LEAST_SAVED


@dataclass
class _Reader:
    program: Program
    site: Site
    environment: Environment = field(init=False)
    names: dict[str, None] = field(default_factory=dict)
    data: dict[str, None] = field(default_factory=dict)
    definitions: dict[str, None] = field(default_factory=dict)

    def read(self) -> Rows:
        site = self.site
        if len(site.axes) != 1 or not site.plates:
            raise NotCountedError("its rows are not those of one set")
        if site.where is not None or site.starting is not None:
            raise NotCountedError("its relation has clauses, which are about single rows")
        (axis,) = site.axes
        self.over = axis.set
        table = next((one for one in self.program.tables if one.name == axis.set), None)
        notes = (*site.notes, *self.program.set[axis.set].notes, *(table.notes if table else ()))
        if any(note.name == "minibatch" for note in notes):
            raise NotCountedError("its rows are taken a few at a time")
        self.environment = environment_of(self.program)
        self._datum(site.name)
        for node in (site.right, site.weight):
            for name in self._at_row(node, axis.variable):
                self._name(name)
        return Rows(axis.set, tuple(self.names), tuple(self.data), tuple(self.definitions))

    def _at_row(self, node: ire.Expression | None, variable: str | None) -> list[str]:
        """What an expression reads at the row that a variable stands for; the variable must not stand anywhere else in it."""
        found: dict[str, None] = {}
        left = 0
        for one in ire.walk(node) if node is not None else ():
            match one:
                case ire.Lag(name, _) if name == variable:
                    raise NotCountedError("it looks at neighbouring rows")
                case ire.Variable(name) if name == variable:
                    left += 1
                case ire.Reference(name, (ire.Variable(first), *_)) if first == variable and self.program.axes_of(name)[0] == self.over:
                    left -= 1
                    found[name] = None
        if left:
            raise NotCountedError("it depends on which row it is")
        return list(found)

    def _name(self, name: str) -> None:
        """A name that the likelihood reads at the row."""
        if self.environment.entries[name].data:
            self.data[name] = None
            self._datum(name)
        elif name not in self.definitions:
            site = self.program.site.get(name)
            if site is None or site.role != "deterministic":
                raise NotCountedError("each row has unknowns of its own")
            for one in self._inside(site):
                self._name(one)
            self.definitions[name] = None

    def _inside(self, site: Site) -> list[str]:
        if site.starting is not None or site.axes[0].variable is None:
            raise NotCountedError(f"`{site.name}` is not computed row by row")
        return self._at_row(site.right, site.axes[0].variable)

    def _datum(self, name: str) -> None:
        """What the value of a name at a row is computed from: columns and inputs as they are given."""
        column, given = self.program.column.get(name), self.program.input.get(name)
        if column is not None and column.value is not None:
            for one in self._at_row(column.value, ROW):
                self._datum(one)
        elif column is not None or given is not None:
            if name in self.program.optional:
                raise NotCountedError(f"`{name}` may have empty cells")
            self.names[name] = None
        else:
            for one in self._inside(self.program.site[name]):
                self._datum(one)


def counted(program: Program, site: Site) -> Program:
    """The program with the different rows of a likelihood in the place of all its rows."""
    return _Builder(program, site).build()


class _Builder:
    def __init__(self, program: Program, site: Site) -> None:
        self.program, self.site, self.rows = program, site, rows_of(program, site)
        self.letter = fresh_variable("r", variables_and_names(program))
        self.taken: set[str] = set()
        self.sites: list[Site] = []
        self.renamed: dict[str, str] = {}
        self.kinds = self.name(f"{site.name[:1].upper()}{site.name[1:]}_kind")

    def name(self, wanted: str) -> str:
        found = self.program.fresh_name(wanted, self.taken)
        self.taken.add(found)
        return found

    def build(self) -> Program:
        site, own = self.site, ire.Variable(self.letter)
        row = ire.Part(own, self.rows.over)
        count = self._define("count", ire.Repeats(own))
        for name in self.rows.data:
            rest = tuple(Axis(None, one) for one in self.program.axes_of(name)[1:])
            self.renamed[name] = self._define(name, ire.Reference(name, (row,)), rest)
        for name in self.rows.definitions:
            made = self.program.site[name]
            right = self._moved(made.right, made.axes[0].variable)
            new = self.name(f"{site.name}_{name}")
            self.sites.append(
                replace(made, name=new, axes=(self.axis, *made.axes[1:]), right=right, report=False, origin=(site.name, NAME))
            )
            self.renamed[name] = new
        (axis,) = site.axes
        weight = ire.Reference(count, (own,))
        seen = replace(
            site,
            name=self.name(f"{site.name}_seen"),
            axes=(self.axis,),
            right=self._moved(site.right, axis.variable),
            weight=weight if site.weight is None else build.multiply(weight, self._moved(site.weight, axis.variable)),
            value=ire.Reference(site.name, (row,)),
            origin=(site.name, NAME),
        )
        kept = tuple(one for one in self.program.sites if one.name != site.name)
        made_of = IndexSet(self.kinds, Distinct(self.rows.names), declared=True)
        return replace(self.program.with_sites((*kept, *self.sites, seen)), sets=(*self.program.sets, made_of))

    @property
    def axis(self) -> Axis:
        return Axis(self.letter, self.kinds)

    def _define(self, part: str, value: ire.Expression, rest: tuple[Axis, ...] = ()) -> str:
        name, site = self.name(f"{self.site.name}_{part}"), self.site
        origin = (site.name, NAME)
        self.sites.append(Site(name, (self.axis, *rest), "deterministic", "data", value, REAL, origin=origin, span=site.span))
        return name

    def _moved(self, node: ire.Expression, variable: str | None) -> ire.Expression:
        """An expression of a row as one of a kind of rows."""

        def change(one: ire.Expression) -> ire.Expression:
            match one:
                case ire.Reference(name, (ire.Variable(first), *others)) if first == variable:
                    return replace(one, name=self.renamed[name], indices=(ire.Variable(self.letter), *others))
            return one

        return ire.rewrite(node, change)
