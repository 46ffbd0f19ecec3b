"""What is known of every name while a model is checked: its sets, kind, level and the place where it was defined."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Literal

from pplang._diagnostics import Collector
from pplang._ir import program as ir
from pplang._ir.kinds import NAMED, Boolean, Date, Interval, Kind, Member
from pplang._source import NOWHERE, Span

What = Literal["column", "input", "param", "site"]


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


@dataclass
class Environment:
    """The names of one model. `collector` receives the faults that typing finds."""

    collector: Collector
    sets: dict[str, ir.IndexSet] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    nets: dict[str, ir.Net] = field(default_factory=dict)
    set_spans: dict[str, Span] = field(default_factory=dict)

    def extended(self) -> Environment:
        """A scope inside this one (a guide): new names do not leak out."""
        return replace(self, entries=dict(self.entries))

    def labels(self, set_name: str) -> tuple[str | int, ...] | None:
        """The members of a set as far as the model alone says; None when only the data will tell."""
        members = self.sets[set_name].members
        return members.labels if isinstance(members, ir.Labels) else None

    def is_range(self, set_name: str) -> bool:
        """Do the members count as integers?"""
        return set_name in self.sets and isinstance(self.sets[set_name].members, ir.NumberRange)

    def is_ordered(self, set_name: str) -> bool:
        return set_name in self.sets and self.sets[set_name].ordered

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
                return _range_kind(self.sets[name])
        return None

    def indexes(self, member_of: str, axis: str) -> bool:
        """May a member of the first set stand where one of the second is needed? (A subsample indexes whatever its set does.)"""
        if member_of == axis:
            return True
        found = self.sets.get(member_of)
        return found is not None and isinstance(found.members, ir.Subsample) and self.indexes(found.members.set, axis)


def _range_kind(index_set: ir.IndexSet) -> Interval:
    from pplang._ir.expression import Number

    assert isinstance(index_set.members, ir.NumberRange)
    first, last = index_set.members.first, index_set.members.last
    low = first.value if isinstance(first, Number) else float("-inf")
    high = last.value if isinstance(last, Number) else float("inf")
    return Interval(low, high, integer=True)


def near(name: str, candidates: object) -> str | None:
    """The candidate that was probably meant, or None. A mere difference of case always counts."""
    names = [str(one) for one in candidates]  # type: ignore[attr-defined]
    same = [one for one in names if one.lower() == name.lower() and one != name]
    return next(iter(same or get_close_matches(name, names, 1, 0.72)), None)


def kind_words(kind: Kind | None) -> str:
    """A kind in the words of the language."""
    for word, named in NAMED.items():
        if kind == named:
            return word
    match kind:
        case Member(name):
            return f"a {name}"
        case Interval(integer=True):
            return f"a whole number from {kind.lower:g} to {kind.upper:g}" if kind.lower > float("-inf") or kind.upper < float("inf") else "int"
        case Interval():
            return f"real({kind.lower:g}, {kind.upper:g})"
        case None:
            return "unknown"
    return "a record"


def sets_words(sets: tuple[str, ...]) -> str:
    """`one value for each County`, `... for each School and Year`."""
    return "one number" if not sets else "one value for each " + " and ".join(sets)
