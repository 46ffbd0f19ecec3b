"""The clauses of a relation: `weighted`, `where`, `fixing`; and `starting`, as far as resolving it goes."""

from __future__ import annotations

from dataclasses import dataclass

from pplang._check.draws import event_letters, type_draw
from pplang._check.environment import Entry, Environment
from pplang._check.resolve import Resolver
from pplang._check.sets import label_of_syntax
from pplang._check.slots import label_of
from pplang._check.types import Typer
from pplang._check.words import kind_words
from pplang._ir import expression as ire
from pplang._ir import interval
from pplang._ir import program as ir
from pplang._ir.kinds import Interval, Kind, Member
from pplang._source import Span
from pplang._syntax import tree


@dataclass
class Clauses:
    starting: ire.Expression | None = None
    weight: ire.Expression | None = None
    where: ire.Expression | None = None
    fixing: tuple[tuple[str | int, ire.Expression], ...] = ()


def read_clauses(resolver: Resolver, typer: Typer, node: tree.Relation, axes: tuple[ir.Axis, ...], entry: Entry) -> Clauses:
    """Resolve the clauses of a relation, and check where they may stand."""
    found = Clauses()
    observed = entry.what != "site"
    for clause in node.clauses:
        match clause:
            case tree.Starting(value):
                starting = resolver.distribution(value) if node.operator == "~" else resolver.value(value)
                found.starting = None if resolver.is_invalid(starting) else starting
            case tree.Fixing():
                _fixing(resolver, node, clause, axes, observed, found)
            case tree.Weighted(value):
                found.weight = _weight(resolver, typer, node, clause)
            case tree.Where(value):
                found.where = where(resolver, typer, clause, allowed=observed and node.operator == "~")
    return found


def _weight(resolver: Resolver, typer: Typer, node: tree.Relation, clause: tree.Weighted) -> ire.Expression | None:
    if node.operator == "=":
        typer.report("R03", "`weighted` on a definition", word(clause.span, "weighted"), "it multiplies a log density, and a definition has none",
                     help="leave it out here, and weight the relation with `~` that uses the name")  # fmt: skip
    value = resolver.value(clause.value)
    if resolver.is_invalid(value):
        return None
    found, data = typer.number(value)
    if found is not None and found.lower < 0 and not data:
        typer.report(
            "K01", "a weight that may be negative", clause.value.span, f"this is {kind_words(found)}", help="weights are at least zero"
        )
    return value


def where(resolver: Resolver, typer: Typer, clause: tree.Where, *, allowed: bool) -> ire.Expression | None:
    """The condition of a `where`, which only data decide."""
    if not allowed:
        typer.report("R01", "`where` on a relation that is not observed", word(clause.span, "where"), "it limits an observed relation or a factor",
                     help="leave it out; to treat some members in another way use `if ... then ... else ...`")  # fmt: skip
    value = resolver.value(clause.value)
    if resolver.is_invalid(value):
        return None
    if not typer.condition(value):
        typer.report("R01", "a condition that depends on a latent", value.span, "which rows count must be known before fitting",
                     help="use data only; for a condition on latents, draw from a Mixture or use `if` in the mean")  # fmt: skip
    return value


def _fixing(
    resolver: Resolver, node: tree.Relation, clause: tree.Fixing, axes: tuple[ir.Axis, ...], observed: bool, found: Clauses
) -> None:
    if node.operator == "=" or observed or len(axes) != 1 or axes[0].variable is None:
        resolver.report("R02", "`fixing` needs a latent with one bound axis", word(clause.span, "fixing"), "it fixes one member of a set of independent draws",
                        help="b[a in Age] ~ Normal(0, 1)\n  fixing young = 0")  # fmt: skip
        return
    member = label_of(resolver, axes[0].set, label_of_syntax(clause.label), clause.label.span)
    value = resolver.value(clause.value)
    if not isinstance(member, ire.Member) or resolver.is_invalid(value):
        return
    if member.label in [label for label, _ in found.fixing]:
        resolver.report("R02", f"`{member.label}` is fixed twice", clause.label.span, help="keep one of the two")
    number, data = Typer(resolver.environment, {}).number(value)
    if number is not None and not data:
        resolver.report(
            "R02",
            "a fixed value that depends on a latent",
            clause.value.span,
            help="fix it at a number, or at something computed from data",
        )
    found.fixing = (*found.fixing, (member.label, value))


def word(span: Span, text: str) -> Span:
    """The first word of a clause."""
    return Span(span.start, span.start + len(text))


def type_starting(typer: Typer, node: tree.Relation, starting: ire.Expression, event: tuple[str, ...], entry: Entry) -> None:
    """`starting` is of the same type as the right side; the name holds the values of both."""
    environment = typer.environment
    if node.operator == "~":
        fits = len(event_letters(starting)) == len(event)
        draw = type_draw(typer, starting, event=event if fits else None, outcome=entry.kind)
        kind: Kind | None = draw.kind
        if not fits:
            typer.report(
                "T06",
                "`starting` draws something of another shape",
                starting.span,
                help="use a distribution like the one on the right of `~`",
            )
            return
    else:
        typing = typer.type_of(starting)
        kind = typing.kind
        if typing.sets and typing.sets != event:
            typer.whole_table(starting, typing)
        entry.data = entry.data and typing.data
    _same_kind(environment, starting, kind, entry)


def _same_kind(environment: Environment, starting: ire.Expression, kind: Kind | None, entry: Entry) -> None:
    if kind is None or entry.kind is None or entry.what != "site":
        return
    if isinstance(entry.kind, Member) != isinstance(kind, Member) or (isinstance(kind, Member) and kind != entry.kind):
        environment.report("T06", "`starting` is of another kind", starting.span, f"this is {kind_words(kind)}, and `{entry.name}` is {kind_words(entry.kind)}",
                           help=f"begin with {kind_words(entry.kind)}, as the relation goes on")  # fmt: skip
    elif isinstance(entry.kind, Interval) and isinstance(kind, Interval):
        entry.kind = interval.union(entry.kind, kind)
