"""The kinds and sets of calls, nets, reductions and lists: the rules of typing that look at more than operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pplang._catalogue.functions import FUNCTIONS
from pplang._check import faults
from pplang._check.known import UNKNOWN, Typing
from pplang._check.signatures import ANY, derived_set, match_letter
from pplang._check.words import kind_words, over_words
from pplang._ir import expression as ir
from pplang._ir import interval
from pplang._ir.kinds import NAMED, REAL, Boolean, Interval, Record

if TYPE_CHECKING:
    from pplang._check.types import Typer


def type_call(typer: Typer, node: ir.Call) -> Typing:
    """A function of the catalogue, or an assertion."""
    if node.function not in FUNCTIONS:
        return _assertion(typer, node)
    entry = FUNCTIONS[node.function]
    kinds: list[Interval | None] = []
    letters: dict[str, str] = {}
    data = True
    for wanted, argument in zip(entry.arguments, node.arguments, strict=False):
        if not wanted.sets:
            found, is_data = typer.number(argument)
        else:
            typing = typer.type_of(argument)
            is_data, found = typing.data, typer.environment.number(typing.kind)
            _table_argument(typer, node, argument, typing, wanted.sets, letters)
        data = data and is_data
        kinds.append(found)
        faults.domain(typer.environment, node.function, argument, entry.domain, found)
    sets = tuple(derived_set(typer.environment, one, letters) or ANY for one in entry.event)
    kind = None if any(one is None for one in kinds) else entry.kind(*kinds)
    return Typing(kind, sets, entry.structure, data)


def _assertion(typer: Typer, node: ir.Call) -> Typing:
    """`positive(e)`: what is known of e, and that it is positive."""
    asserted = NAMED[node.function]
    assert isinstance(asserted, Interval)
    found, data = typer.number(node.arguments[0])
    if found is None:
        return Typing(asserted, data=data)
    possible = found.lower <= asserted.upper and found.upper >= asserted.lower
    if not possible:
        faults.domain(typer.environment, node.function, node.arguments[0], asserted, found)
    return Typing(interval.intersection(found, asserted) if possible else asserted, data=data)


def _table_argument(
    typer: Typer, node: ir.Call, argument: ir.Expression, typing: Typing, wanted: tuple[str, ...], letters: dict[str, str]
) -> None:
    """Match the sets of a table with the letters of a signature."""
    if typing.kind is None:
        return
    if len(typing.sets) == len(wanted):
        for letter, found in zip(wanted, typing.sets, strict=True):
            match_letter(typer.environment, argument.span, letter, found, letters)
    elif not typing.sets:
        faults.number_for_a_table(typer.environment, argument, f"`{node.function}` works on a whole table")
    else:
        what = "a table over one set" if len(wanted) == 1 else "a square table, over one set twice,"
        typer.report(
            "D09",
            f"`{node.function}` of a table of another shape",
            argument.span,
            f"this is {over_words(typing.sets)}, and {what} is needed",
        )


def type_net(typer: Typer, node: ir.NetCall) -> Typing:
    """A net on whole tables: one head, or a record of several."""
    net = typer.environment.nets[node.net]
    for argument, wanted in zip(node.arguments, net.inputs, strict=False):
        typing = typer.type_of(argument)
        if typing.kind is not None and typing.sets not in ((wanted,), (ANY,)):
            typer.report(
                "D09",
                f"the net `{net.name}` takes a table over {wanted}",
                argument.span,
                f"this is {over_words(typing.sets)}",
                help=f"give it a table over {wanted}, with its last axis whole: x[i]",
            )
    if node.head is None and len(net.heads) > 1:
        return Typing(Record(tuple((one.name, one.sets, one.kind) for one in net.heads)), data=False)
    head = next((one for one in net.heads if node.head in (None, one.name)), None)
    if head is None:
        names = [one.name or one.sets[0] for one in net.heads]
        typer.report("N13", f"the net `{net.name}` has no output `{node.head}`", node.span, f"it has {' and '.join(names)}")
        return UNKNOWN
    return Typing(head.kind, head.sets, data=False)


def type_record_field(typer: Typer, node: ir.RecordField) -> Typing:
    """One part of the record of a net."""
    typing = typer.type_of(node.base)
    if typing.kind is None:
        return UNKNOWN
    if not isinstance(typing.kind, Record):
        typer.report("N13", f"`.{node.name}` of something that has no parts", node.span, f"before the point stands {_described(typing)}")
        return UNKNOWN
    for name, sets, kind in typing.kind.fields:
        if name == node.name:
            return Typing(kind, (*typing.sets, *sets), data=typing.data)
    typer.report("N13", f"no part `{node.name}` here", node.span, f"there are {' and '.join(one[0] for one in typing.kind.fields)}")
    return UNKNOWN


# reductions and tables


def type_reduction(typer: Typer, node: ir.Reduce) -> Typing:
    """`sum(e for k in K if c)` and the like: one number."""
    inner = typer.inside(node.binders)
    data = node.condition is None or inner.condition(node.condition)
    if node.operation == "triangle":
        return _triangle(inner, node, data)
    if node.operation in ("any", "all"):
        return Typing(Boolean(), data=inner.condition(node.element) and data)
    found, is_data = inner.number(node.element)
    return Typing(None if found is None else interval.reduced(node.operation, found, some=node.condition is None), data=data and is_data)


def _triangle(inner: Typer, node: ir.Reduce, data: bool) -> Typing:
    """`triangle(row[i] for i in Home)`: rows over one set, K, and a result over K and K."""
    typing = inner.type_of(node.element)
    if typing.kind is None:
        return UNKNOWN
    if len(typing.sets) != 1 or ANY in typing.sets:
        inner.report("D08", f"`triangle` of {_described(typing)}", node.element.span, "it stacks rows, and each row is a table over one set",
                     help="give the rows a name and a set: row[i in Home, Term] = [1, floor[i]], then triangle(row[i] for i in Home)")  # fmt: skip
        return UNKNOWN
    if not (typing.data and data):
        inner.report("R07", "`triangle` of what is not known before fitting", node.span, "this depends on a latent or a param",
                     help="it is computed once, from the data alone: take the latents out of its rows")  # fmt: skip
        return UNKNOWN
    return Typing(REAL, (*typing.sets, *typing.sets))


def type_list(typer: Typer, node: ir.TableLiteral) -> Typing:
    """`[a, b, c]`, whose set the place where it stands decides. A table among the items fills one summand of a sum of sets."""
    total: Interval | None = None
    known, data = True, True
    for item in node.items:
        typing = typer.type_of(item)
        if len(typing.sets) == 1 and ANY not in typing.sets:
            found, is_data = typer.environment.number(typing.kind), typing.data
        else:
            found, is_data = typer.number(item)
        data = data and is_data
        known = known and found is not None
        if found is not None:
            total = found if total is None else interval.union(total, found)
    return Typing(total if known else None, (ANY,), data=data)


def type_log_density(typer: Typer, node: ir.LogDensity) -> Typing:
    """`logpdf(d, x)`."""
    from pplang._check.draws import type_draw

    value = typer.type_of(node.value)
    draw = type_draw(typer, node.distribution, event=value.sets)
    return Typing(REAL, data=draw.data and value.data)


def misplaced(typer: Typer, node: ir.Expression) -> Typing:
    """A distribution or bijection in the middle of a value, which resolving lets through nowhere but in passes."""
    typer.report("D13", "a distribution where a value is needed", node.span, "a distribution is not a number", help="draw from it: x ~ ...")
    return UNKNOWN


def _described(typing: Typing) -> str:
    return f"a table {over_words(typing.sets)}" if typing.sets else f"a value that is {kind_words(typing.kind)}"
