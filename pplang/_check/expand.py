"""The user's functions: a call of an `fn` is its body with the arguments put in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._catalogue.entry import Argument
from pplang._catalogue.functions import FUNCTIONS
from pplang._check import graph
from pplang._check.environment import Environment, Promise
from pplang._check.type_names import kind_of_type
from pplang._check.vocabulary import ASSERTIONS, REDUCTIONS
from pplang._check.words import near, over_words
from pplang._diagnostics import Collector
from pplang._ir import expression as ir
from pplang._source import Span
from pplang._syntax import tree

if TYPE_CHECKING:
    from pplang._check.resolve import Resolver

Kind = TypeVar("Kind", bound=tree.Node)


def expand(resolver: Resolver, name: str, node: tree.Call) -> ir.Expression:
    """A call, written out. Nodes of the arguments are shared, not copied; the size of the whole is counted all the same."""
    from pplang._check.calls import match_arguments, values_of

    function = resolver.environment.functions[name]
    values = values_of(resolver, node.arguments)
    if name not in resolver.environment.costs or resolver.is_invalid(*values):
        return resolver.invalid(node.span)
    if resolver.environment.costs[name] > resolver.environment.budget[0]:
        resolver.too_large(node.span, deep=False)
    matched = match_arguments(tuple(Argument(one.name) for one in function.arguments), node.arguments, values)
    if isinstance(matched, str):
        wanted = ", ".join(one.name for one in function.arguments)
        return resolver.report("N10", f"`{name}` does not take these arguments", node.span, matched, help=f"write {name}({wanted})")
    arguments = dict(matched)
    sets = _set_parameters(resolver, function, arguments, node.span)
    if sets is None:
        return resolver.invalid(node.span)
    inner = replace(
        resolver, visible={}, substituted=arguments, substituted_sets=sets, row_table=None, expanding=(*resolver.expanding, name)
    )
    result = inner.value(function.body)
    resolver.fit_into_limits(result, node.span, counted=not resolver.expanding)
    return result if any(result is one for one in values) else replace(result, span=node.span)


def _set_parameters(resolver: Resolver, function: tree.Function, arguments: dict[str, ir.Expression], span: Span) -> dict[str, str] | None:
    """What the set names in a function's argument list stand for in this call; None when an argument does not fit (reported)."""
    found: dict[str, str] = {}
    quiet = replace(resolver.environment, collector=Collector())
    for one in function.arguments:
        given = arguments[one.name]
        axes = resolver.axes(given) if one.dimensions or isinstance(given, ir.Reference) else ()
        title, place = f"`{one.name}` of `{function.name.name}` does not fit", given.span or span
        if len(axes) != len(one.dimensions):
            wanted = tuple(dimension.set for dimension in one.dimensions)
            needed = f"a table {over_words(wanted)}" if wanted else "one number"
            resolver.report(
                "D09",
                title,
                place,
                f"this is {over_words(axes)}, and {needed} is needed",
                help=f"`{function.name.name}` is declared as {_declared(function)}",
            )
            return None
        if one.type is not None and (kind := kind_of_type(quiet, one.type)[0]) is not None:
            resolver.environment.promises.append(Promise(function.name.name, one.name, given, kind, dict(resolver.variables)))
        for dimension, axis in zip(one.dimensions, axes, strict=True):
            wanted_set = found.get(dimension.set, dimension.set)
            if wanted_set in resolver.environment.sets and wanted_set != axis:
                resolver.report(
                    "D09",
                    title,
                    place,
                    f"this is over {axis}, and a table over {wanted_set} is needed",
                    help=f"`{function.name.name}` is declared as {_declared(function)}",
                )
                return None
            found[dimension.set] = axis
    return found


def _declared(function: tree.Function) -> str:
    """`total(v[K])`: the head of a function, as it is declared."""
    arguments = (
        f"{one.name}{'[' + ', '.join(axis.set for axis in one.dimensions) + ']' if one.dimensions else ''}" for one in function.arguments
    )
    return f"{function.name.name}({', '.join(arguments)})"


def measure(environment: Environment, node: ir.Expression) -> tuple[int, int]:
    """How many parts an expression has, and how deep it is, as if nothing in it were shared: that is what it prints and computes."""
    known = environment.measured
    pending: list[tuple[ir.Expression, bool]] = [(node, False)]
    while pending:
        one, ready = pending.pop()
        if id(one) in known:
            continue
        inside = list(ir.children(one))
        if ready:
            sizes = [known[id(child)] for child in inside]
            known[id(one)] = one, 1 + sum(size for _, size, _ in sizes), 1 + max((depth for *_, depth in sizes), default=0)
        else:
            pending.append((one, True))
            pending += [(child, False) for child in inside]
    return known[id(node)][1:]


# what is wrong with a function by itself


def check_functions(environment: Environment) -> None:
    """Look at every function on its own, called or not: circles, unknown names, unknown types."""
    functions = environment.functions
    parents = {name: {one.name for one in names_in(function.body)} & set(functions) for name, function in functions.items()}
    for circle in graph.circles(list(functions), parents):
        first = min(circle, key=lambda name: functions[name].span)
        following = circle[(circle.index(first) + 1) % len(circle)]
        place = next(one.span for one in names_in(functions[first].body) if one.name == following)
        environment.report("N11", f"the function `{first}` calls itself", place, graph.shown_circle(circle, first),
                           help="a function is written out where it is called, and this would never end; for steps in time write a recurrence, x[t-1]")  # fmt: skip
    for name in graph.order(list(functions), parents):
        inside = names_in(functions[name].body)
        sizes = sum(1 for _ in nodes_in(functions[name].body, tree.Node))
        environment.costs[name] = sizes + sum(environment.costs.get(one.name, 0) for one in inside)
    for name in [name for circle in graph.circles(list(functions), parents) for name in circle]:
        environment.costs.pop(name, None)
    for function in functions.values():
        _unknown_names(environment, function)
        for argument in function.arguments:
            if argument.type is not None:
                kind_of_type(environment, argument.type)


def _unknown_names(environment: Environment, function: tree.Function) -> None:
    """Names that a function cannot mean. A name in an index or a comparison may be a label, which only a call tells."""
    own = {one.name for one in function.arguments} | {one.set for argument in function.arguments for one in argument.dimensions}
    own |= {one.variable for one in nodes_in(function.body, tree.Binder)}
    slots = (slot for place in nodes_in(function.body, tree.Index) for slot in place.slots)
    sides = (side for place in nodes_in(function.body, tree.Compare) for side in (place.left, place.right))
    labels = {id(one) for one in (*slots, *sides)}
    words = (FUNCTIONS, DISTRIBUTIONS, REDUCTIONS, ASSERTIONS, ("size", "logpdf", "Mixture"))
    known = (own, environment.entries, environment.sets, environment.nets, environment.functions, *words)
    called = {id(one.function) for one in nodes_in(function.body, tree.Call)}
    for one in names_in(function.body):
        if id(one) not in labels | called and not any(one.name in names for names in known):
            meant = near(one.name, [*own, *environment.entries])
            title = f"unknown name `{one.name}` in the function `{function.name.name}`"
            edit = (
                ""
                if meant
                else f"make it an argument: fn {function.name.name}({', '.join((*(a.name for a in function.arguments), one.name))}) = ..."
            )
            environment.report("N01" if meant else "N02", title, one.span, f"did you mean `{meant}`?" if meant else "", help=edit)


def nodes_in(node: object, *kinds: type[Kind]) -> Iterator[Kind]:
    """All syntax nodes of some kinds, outermost first."""
    pending = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, kinds):
            yield one
        if isinstance(one, tree.Node):
            pending += [getattr(one, part.name) for part in reversed(fields(one)) if part.name != "span"]
        elif isinstance(one, tuple) and not isinstance(one, Span):
            pending += reversed(one)


def names_in(node: object) -> Iterator[tree.Name]:
    """Every name that an expression or statement mentions."""
    return nodes_in(node, tree.Name)
