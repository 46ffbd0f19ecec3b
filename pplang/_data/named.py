"""Labels that a model names, of sets whose members only the data tell: `width[n, leaf]`, `m[setosa]`, `fixing young = 0`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass

from pplang._data.labels import Label
from pplang._data.report import listing, nearest
from pplang._diagnostics import Diagnostic
from pplang._ir import expression as ire
from pplang._ir.program import IndexSet, Labels, Program, Without
from pplang._source import Span

Named = Mapping[str, Sequence[tuple[Label, Span]]]
"""By set, the labels that the model names and where it does."""


def named_labels(program: Program) -> Named:
    found: dict[str, list[tuple[Label, Span]]] = {}
    for name, label, span in _named(program):
        found.setdefault(name, []).append((label, span))
    return found


def _named(program: Program) -> Iterator[tuple[str, Label, Span]]:
    pending: list[object] = [program.sets, program.tables, program.inputs, program.params, program.sites, program.factors]
    pending += [program.restrictions, program.guide, program.reward]
    while pending:
        one = pending.pop()
        if isinstance(one, tuple):
            pending += one
        elif isinstance(one, ire.Member):
            yield one.set, one.label, one.span
        elif is_dataclass(one):
            pending += [getattr(one, part.name) for part in fields(one)]
    for index_set in program.sets:
        if isinstance(index_set.members, Without):
            yield from ((index_set.members.set, label, index_set.span) for label in index_set.members.labels)
    for site in program.sites:
        yield from ((site.axes[0].set, label, site.span) for label, _ in site.fixing)


def unknown_labels(index_set: IndexSet, members: Sequence[Label], named: Named) -> list[Diagnostic]:
    """C08 for each label of the set that the model names and the data do not have."""
    if isinstance(index_set.members, Labels):
        return []
    known = members if isinstance(members, range) else frozenset(members)
    lacking = {(label, span): None for label, span in named.get(index_set.name, ()) if label not in known}
    return [_unknown(index_set.name, label, members, span) for label, span in lacking]


def _unknown(name: str, label: Label, members: Sequence[Label], span: Span) -> Diagnostic:
    if isinstance(members, range):
        found, meant = f"the data give it the members {members[0]}..{members[-1]}" if members else "the data give it no members", None
    else:
        texts = [str(one) for one in members]
        found, meant = f"the data give it {listing(texts)}", _meant(str(label), texts)
    return Diagnostic("C08", f"`{label}` is not a member of {name}", span, found, help=_edit(label, meant))


def _meant(label: str, members: Sequence[str]) -> str | None:
    """A close member, or the only one that has the label as a part: `width_leaf` for `leaf`."""
    containing = [one for one in members if label in one.split("_")]
    return label if label in members else nearest(label, members) or (containing[0] if len(containing) == 1 else None)


def _edit(label: Label, meant: str | None) -> str:
    if meant is None:
        return "name one of these, or mend the data"
    if meant == str(label):
        return f"write {meant}, without quotes"
    shown = meant if meant.isidentifier() or meant.isdigit() else f'"{meant}"'
    return f"did you mean {shown}?"
