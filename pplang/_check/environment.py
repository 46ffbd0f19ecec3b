"""What is known of every name while a model is checked: its sets, kind, level and the place where it was defined."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from pplang._check.words import an, over_words
from pplang._diagnostics import Collector, Diagnostic, Label
from pplang._ir import program as ir
from pplang._ir.expression import Expression, Negate, Number
from pplang._ir.kinds import Boolean, Date, Interval, Kind, Member
from pplang._source import NOWHERE, Span
from pplang._syntax import tree

What = Literal["column", "input", "param", "site"]
MOST_REPORTED = 100
LARGEST = 1_000_000


class TooMany(Exception):
    """So many faults have been found that more would help nobody."""


@dataclass
class Entry:
    """One name that has a value. `kind` is None until the statement that defines it has been typed (or when that failed)."""

    name: str
    what: What
    sets: tuple[str, ...]
    kind: Kind | None
    span: Span = NOWHERE
    structure: str | None = None
    data: bool = False
    """Known before inference: columns, inputs, and what is computed of them alone."""
    optional: bool = False
    derived: bool = False
    """A column that is computed of others."""
    relation: Span = NOWHERE
    """The whole relation that defines it, for messages."""

    @property
    def words(self) -> str:
        """What it is, for messages: `a column over Home`, `one number`."""
        if self.what == "site":
            return f"a table {over_words(self.sets)}" if self.sets else "one number"
        return f"{an(self.what)}{' ' + over_words(self.sets) if self.sets else ''}"


@dataclass(frozen=True)
class Promise:
    """An argument of a call whose type the function declares; `variables`: those bound at the call."""

    function: str
    argument: str
    value: Expression
    kind: Kind
    variables: dict[str, str]


@dataclass
class Environment:
    """The names of one model. `collector` receives the faults that are found."""

    collector: Collector
    sets: dict[str, ir.IndexSet] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    nets: dict[str, ir.Net] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """Key columns and their tables: they name rows, and are no names themselves."""
    broken: set[str] = field(default_factory=set)
    """Sets whose declaration is at fault (reported): of their members nothing is known."""
    definitions: dict[str, Span] = field(default_factory=dict)
    """Every name of the one namespace, with the place of its definition."""
    functions: dict[str, tree.Function] = field(default_factory=dict)
    budget: list[int] = field(default_factory=lambda: [LARGEST])
    """How many more nodes the expressions of the program may have."""
    promises: list[Promise] = field(default_factory=list)
    """What calls of functions promise by the types of their arguments; kept once everything is typed."""
    costs: dict[str, int] = field(default_factory=dict)
    """How many nodes a call of a function is at least, written out; for those that are in no circle."""
    measured: dict[int, tuple[Expression, int, int]] = field(default_factory=dict)
    """Size and depth of expanded expressions by identity; they are kept alive here, so that the identities stay theirs."""

    # faults

    def report(
        self,
        code: str,
        title: str,
        span: Span,
        label: str = "",
        *,
        help: str = "",
        labels: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> None:
        """Add a fault. Raises TooMany beyond the number that a reader can use."""
        self.collector.add(Diagnostic(code, title, span, label, labels, notes, help))
        if len(self.collector.diagnostics) >= MOST_REPORTED:
            raise TooMany

    def written(self, span: Span, otherwise: str = "...") -> str:
        """How a short part of the source is written, on one line; `otherwise` where it is long, or was not read from a text."""
        source = self.collector.source
        if source is None or span.end <= span.start or span.end - span.start > 60:
            return otherwise
        return " ".join(source.text[span.start : span.end].split())

    def line(self, span: Span) -> int | None:
        """The line on which a place stands, counted from 1; None without a source."""
        source = self.collector.source
        return None if source is None or span == NOWHERE else source.position(span.start)[0]

    # names

    def define(self, name: str, span: Span) -> bool:
        """Take a name; False (and N03) when another statement has it already."""
        first = self.definitions.setdefault(name, span)
        if first == span:
            return True
        earlier, later = sorted((first, span))
        entry = self.entries.get(name)
        if name in self.sets:
            help = "names of sets, columns and relations are one list: rename one of the two"
        elif entry is not None and entry.what == "column":
            help = f'rename one of the columns: {name}_2 : real from "{name}"'
        elif entry is not None and entry.what == "param":
            help = "what has a distribution is no param: keep one of the two"
        else:
            help = "keep one; to add a term to the log density use `factor`"
        self.report(
            "N03", f"`{name}` has two defining statements", later, "and again here", labels=(Label(earlier, "first here"),), help=help
        )
        return False

    def extended(self) -> Environment:
        """A scope inside this one (a guide): new names do not leak out."""
        return replace(self, entries=dict(self.entries), definitions=dict(self.definitions))

    # sets

    def labels(self, set_name: str) -> tuple[str | int, ...] | None:
        """The members of a set as far as the model alone says; None when only the data will tell."""
        members = self.sets[set_name].members
        if isinstance(members, ir.Without):
            base = self.labels(members.set)
            return None if base is None else tuple(one for one in base if one not in members.labels)
        return members.labels if isinstance(members, ir.Labels) else None

    def is_range(self, set_name: str) -> bool:
        """Do the members count as integers?"""
        return set_name in self.sets and isinstance(self.sets[set_name].members, ir.NumberRange)

    def is_ordered(self, set_name: str) -> bool:
        return set_name in self.sets and self.sets[set_name].ordered

    def range_kind(self, set_name: str) -> Interval:
        """The integers that a numeric range holds, as far as its ends are written in the model."""
        members = self.sets[set_name].members
        assert isinstance(members, ir.NumberRange)
        low, high = _literal(members.first), _literal(members.last)
        return Interval(float("-inf") if low is None else low, float("inf") if high is None else high, integer=True)

    def number(self, kind: Kind | None) -> Interval | None:
        """The kind as one does arithmetic with it; None where it is not a number."""
        match kind:
            case Interval():
                return kind
            case Boolean():
                return Interval(0, 1, integer=True)
            case Date():
                return Interval(integer=True)
            case Member(name) if self.is_range(name):
                return self.range_kind(name)
        return None

    def indexes(self, member_of: str, axis: str) -> bool:
        """May a member of the first set stand where one of the second is needed?

        A part of a set indexes whatever its set does, and a set whatever a sum of it with others does.
        """
        wanted, pending = {axis}, [axis]
        while pending:
            total = self.sets.get(pending.pop())
            if total is not None and isinstance(total.members, ir.SumSet):
                pending += [one for one in total.members.sets if one not in wanted]
                wanted.update(total.members.sets)
        while member_of not in wanted:  # sets of sets may be many deep: no recursion
            own = self.sets.get(member_of)
            if own is None or not isinstance(own.members, ir.Subsample | ir.Without):
                return False
            member_of = own.members.set
        return True

    def parts(self, set_name: str) -> tuple[str, ...]:
        """The sets that each member of a set is made of: of a product set, of the empty cells of a table."""
        match self.sets[set_name].members if set_name in self.sets else None:
            case ir.ProductSet(sets):
                return sets
            case ir.Empty(name) if name in self.entries:
                return self.entries[name].sets
            case ir.Distinct((name, *_)) if name in self.entries:
                return self.entries[name].sets[:1]
        return ()

    def column_to(self, over: str, axis: str) -> str | None:
        """The column that gives each member of one set its member of another: `county`, of Home to County."""
        for entry in self.entries.values():
            if entry.sets == (over,) and entry.kind == Member(axis):
                return entry.name
        return None


def _literal(node: object) -> float | None:
    match node:
        case Number(value):
            return value
        case Negate(Number(value)):
            return -value
    return None
