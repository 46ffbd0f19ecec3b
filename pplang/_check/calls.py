"""Calls where a value is needed: reductions, catalogue functions, assertions, nets, `size`, `logpdf`, and the user's functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._catalogue.entry import Argument
from pplang._catalogue.functions import FUNCTIONS
from pplang._check import cells
from pplang._check.expand import expand
from pplang._check.vocabulary import ASSERTIONS, FUNCTIONS_ELSEWHERE, REDUCTIONS, Invalid
from pplang._check.words import count_of, fresh_letters, near
from pplang._ir import expression as ir
from pplang._source import Span
from pplang._syntax import tree

if TYPE_CHECKING:
    from pplang._check.resolve import Resolver

T = TypeVar("T")


def resolve_call(resolver: Resolver, node: tree.Call) -> ir.Expression:
    """A call where a value is needed."""
    if not isinstance(node.function, tree.Name):
        return resolver.report("N06", "only a name can be called", node.function.span, "a function, a net or a reduction has a name")
    name = node.function.name
    if name in resolver.environment.functions:
        return expand(resolver, name, node)
    if name in resolver.environment.nets:
        return _net(resolver, name, node)
    if name in REDUCTIONS and len(node.arguments) == 1 and node.arguments[0].name is None:
        return _reduce(resolver, name, node)  # `max(a, b)` of two numbers is a function
    if name == "size":
        return _size(resolver, node)
    if name == "logpdf":
        return _log_density(resolver, node)
    if name in ASSERTIONS:
        return _assertion(resolver, name, node)
    if name in cells.NAMES:
        return cells.resolve_cells(resolver, name, node)
    if name in FUNCTIONS:
        return _catalogue_call(resolver, name, node)
    return _no_function(resolver, name, node)


def _no_function(resolver: Resolver, name: str, node: tree.Call) -> ir.Expression:
    if name in DISTRIBUTIONS or name == "Mixture":
        written = resolver.environment.written(node.span, f"{name}(...)")
        return resolver.report("D13", f"the distribution `{name}` where a value is needed", node.function.span, "a distribution is not a number",
                               help=f"give the draw a name of its own, e ~ {written}, and use e here")  # fmt: skip
    for one in node.arguments:
        look_inside(resolver, one.value)
    entry = resolver.environment.entries.get(name)
    if entry is not None or name in resolver.visible or name in resolver.substituted:
        what = f"it is {entry.words}" if entry is not None else "it is a value"
        inside = ", ".join(resolver.environment.written(one.span) for one in node.arguments)
        edit = (
            f"an index stands in square brackets: {name}[{inside}]"
            if entry is not None and entry.sets
            else f"to multiply write {name} * ({inside})"
        )
        return resolver.report("N06", f"`{name}` is not a function", node.function.span, what, help=edit)
    known = [
        *FUNCTIONS,
        *REDUCTIONS,
        *resolver.environment.functions,
        *resolver.environment.nets,
        *ASSERTIONS,
        *cells.NAMES,
        "size",
        "logpdf",
    ]
    meant = near(FUNCTIONS_ELSEWHERE.get(name.lower(), name), known) or _same(FUNCTIONS_ELSEWHERE.get(name.lower()), known)
    label = f"did you mean `{meant}`?" if meant else ""
    edit = (
        "x^2 is a power"
        if name.lower() == "pow"
        else ""
        if meant
        else f"define it: fn {name}(x) = ...; or see the reference for the functions there are"
    )
    return resolver.report("N06", f"unknown function `{name}`", node.function.span, label, help=edit)


def _same(name: str | None, known: list[str]) -> str | None:
    return name if name in known else None


def look_inside(resolver: Resolver, node: tree.Expression) -> None:
    """Look for faults inside an argument whose call is itself at fault."""
    if not isinstance(node, tree.Generator):
        resolver.value(node)


def values_of(resolver: Resolver, arguments: tuple[tree.Argument, ...]) -> list[ir.Expression]:
    """The arguments, each as a value."""
    found = []
    for one in arguments:
        found.append(resolver.value(one.value))  # noqa: PERF401, a comprehension is one more level of recursion
    return found


# reductions


def _reduce(resolver: Resolver, name: str, node: tree.Call) -> ir.Expression:
    argument = node.arguments[0].value
    if not isinstance(argument, tree.Generator):
        return _whole_table(resolver, name, resolver.value(argument), node.span)
    with resolver.bound(argument.binders) as binders:
        element = resolver.value(argument.element)
        condition = None if argument.condition is None else resolver.value(argument.condition)
    if any(not one.set for one in binders):
        return resolver.invalid(node.span)
    return ir.Reduce(name, element, binders, condition, span=node.span)  # type: ignore[arg-type]


def _whole_table(resolver: Resolver, name: str, table: ir.Expression, span: Span) -> ir.Expression:
    """`sum(phi)` is `sum(phi[k] for k in K)`."""
    if isinstance(table, Invalid):
        return table
    if isinstance(table, ir.TableLiteral):
        return resolver.report(
            "D08",
            f"`{name}` of a list",
            span,
            "a list has no index set",
            help="write the terms out, a + b + c, or give the list a name: w[K] = [...]",
        )
    axes = resolver.axes(table)
    if resolver.row_table is not None and axes == () and isinstance(table, ir.Reference) and len(table.indices) == 1:
        # In a derived column `mean(height)` is over the rows of the table.
        table, axes = ir.Reference(table.name, span=table.span), (resolver.row_table,)
    if axes == ():
        written = resolver.environment.written(table.span)
        what = "one number" if not isinstance(table, ir.Reference) else f"`{written}`, one number"
        return resolver.report("D08", f"`{name}` of {what}", span, f"`{name}` goes over the members of a set",
                               help=f"say over which: {name}({_generic(resolver, table, written)})")  # fmt: skip
    variables = fresh_letters(axes, {*resolver.variables, *resolver.visible, *resolver.environment.entries, *resolver.substituted})
    binders = tuple(ir.Binder(variable, axis) for variable, axis in zip(variables, axes, strict=True))
    slots = [ir.Variable(one) for one in variables]
    if isinstance(table, ir.Reference):
        filled = [slots.pop(0) if isinstance(one, ir.Whole) else one for one in table.indices]
        element: ir.Expression = ir.Reference(table.name, (*filled, *slots), span=table.span)
    else:
        element = ir.Element(table, tuple(slots), span=table.span)
    return ir.Reduce(name, element, binders, span=span)  # type: ignore[arg-type]


def _generic(resolver: Resolver, table: ir.Expression, written: str) -> str:
    """An example of a generator: over the axes that the user has picked one element of, if there are some."""
    if isinstance(table, ir.Reference) and table.indices:
        entry = resolver.environment.entries[table.name]
        letters = fresh_letters(entry.sets, {*resolver.visible, *resolver.environment.entries})
        loops = " ".join(f"for {letter} in {axis}" for letter, axis in zip(letters, entry.sets, strict=True))
        return f"{table.name}[{', '.join(letters)}] {loops}"
    return f"{written} for k in Set"


# single functions


def _size(resolver: Resolver, node: tree.Call) -> ir.Expression:
    match node.arguments:
        case (tree.Argument(None, tree.Name(name)),):
            set_name = resolver.set_name(name, node.arguments[0].span)
            return resolver.invalid(node.span) if set_name is None else ir.Size(set_name, span=node.span)
    return resolver.report("N10", "`size` takes the name of an index set", node.span, help="write size(County)")


def _log_density(resolver: Resolver, node: tree.Call) -> ir.Expression:
    if len(node.arguments) != 2 or any(one.name for one in node.arguments):
        return resolver.report("N10", "`logpdf` takes a distribution and a value", node.span, f"{count_of(len(node.arguments), 'argument')} given",
                               help="write logpdf(Normal(0, 1), x)")  # fmt: skip
    distribution = resolver.distribution(node.arguments[0].value)
    value = resolver.value(node.arguments[1].value)
    return resolver.invalid(node.span) if resolver.is_invalid(distribution, value) else ir.LogDensity(distribution, value, span=node.span)


def _assertion(resolver: Resolver, name: str, node: tree.Call) -> ir.Expression:
    if len(node.arguments) != 1 or node.arguments[0].name:
        return resolver.report("N10", f"`{name}` takes one number", node.span, f"{count_of(len(node.arguments), 'argument')} given",
                               help=f"{name}(x) says of x that it is {name}")  # fmt: skip
    return ir.Call(name, (resolver.value(node.arguments[0].value),), span=node.span)


def _net(resolver: Resolver, name: str, node: tree.Call) -> ir.Expression:
    net, values = resolver.environment.nets[name], values_of(resolver, node.arguments)
    if len(values) != len(net.inputs) or any(one.name for one in node.arguments):
        return resolver.report("N10", f"the net `{name}` takes {count_of(len(net.inputs), 'table')}", node.span, f"{count_of(len(values), 'argument')} given",
                               help=f"give it one over {', one over '.join(net.inputs)}")  # fmt: skip
    return ir.NetCall(name, tuple(values), span=node.span)


def _catalogue_call(resolver: Resolver, name: str, node: tree.Call) -> ir.Expression:
    entry = FUNCTIONS[name]
    matched = match_arguments(entry.arguments, node.arguments, values_of(resolver, node.arguments))
    if isinstance(matched, str):
        wanted = ", ".join(one.name for one in entry.arguments)
        return resolver.report("N10", f"`{name}` does not take these arguments", node.span, matched, help=f"write {name}({wanted})")
    return ir.Call(name, tuple(value for _, value in matched), span=node.span)


def match_arguments(wanted: tuple[Argument, ...], given: tuple[tree.Argument, ...], values: list[T]) -> list[tuple[str, T]] | str:
    """Pair the arguments given with those wanted, in the order wanted; a sentence where they do not fit."""
    names = [one.name for one in wanted]
    found: dict[str, T] = {}
    for position, (argument, value) in enumerate(zip(given, values, strict=True)):
        if argument.name is None:
            if position >= len(names):
                return f"it takes {count_of(len(names), 'argument')}, and {len(given)} are given"
            name = names[position]
        else:
            name = argument.name
            if name not in names:
                meant = near(name, names)
                return f"it has no argument `{name}`" + (f", did you mean `{meant}`?" if meant else "")
        if name in found:
            return f"`{name}` is given twice"
        found[name] = value
    missing = [one.name for one in wanted if one.name not in found and one.default is None]
    if missing:
        return f"`{missing[0]}` is missing"
    return [(one.name, found[one.name]) for one in wanted if one.name in found]
