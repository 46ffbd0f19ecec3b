"""Calls where a distribution is needed: the right side of `~`, and the distributions inside other ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pplang._catalogue.bijections import BIJECTIONS
from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._catalogue.entry import Argument, DistributionEntry
from pplang._catalogue.functions import FUNCTIONS
from pplang._check.calls import look_inside, match_arguments
from pplang._check.vocabulary import DISTRIBUTIONS_ELSEWHERE, REDUCTIONS
from pplang._check.words import near, usage
from pplang._ir import expression as ir
from pplang._syntax import tree

if TYPE_CHECKING:
    from pplang._check.resolve import Resolver

T = TypeVar("T")


def resolve_distribution(resolver: Resolver, node: tree.Expression) -> ir.Expression:
    """The right side of `~`, or an argument that is a distribution."""
    if not isinstance(node, tree.Call) or not isinstance(node.function, tree.Name):
        return _no_distribution(resolver, node)
    name = node.function.name
    if name == "Mixture":
        return _mixture(resolver, node)
    if name not in DISTRIBUTIONS:
        return _unknown(resolver, name, node)
    entry = DISTRIBUTIONS[name]
    roles = {one.name: one.role for form in entry.forms for one in form.arguments}
    positional = [one.role for one in entry.forms[0].arguments]
    values = []
    for position, argument in enumerate(node.arguments):
        by_place = positional[position] if position < len(positional) else "value"
        values.append(_argument(resolver, roles.get(argument.name, "value") if argument.name else by_place, argument.value))
    matched = _match_form(entry, node.arguments, values)
    if isinstance(matched, str):
        return resolver.report("N10", f"`{name}` does not take these arguments", node.span, matched, help=f"write {usage(entry)}")
    return ir.Distribution(name, tuple(matched), span=node.span)


def _argument(resolver: Resolver, role: str, node: tree.Expression) -> ir.Expression:
    if role == "distribution":
        return resolver.distribution(node)
    if role == "bijection":
        return _bijection(resolver, node)
    return resolver.value(node)


def _no_distribution(resolver: Resolver, node: tree.Expression) -> ir.Expression:
    if isinstance(node, tree.Name) and node.name in DISTRIBUTIONS:
        return resolver.report("N10", f"`{node.name}` without its arguments", node.span, help=f"write {usage(DISTRIBUTIONS[node.name])}")
    value = resolver.value(node)
    return value if resolver.is_invalid(value) else _value(resolver, node, "after `~` stands a distribution")


def _value(resolver: Resolver, node: tree.Expression, label: str) -> ir.Expression:
    written = resolver.environment.written(node.span)
    return resolver.report("D14", "a value where a distribution is needed", node.span, label,
                           help=f"to define a name write `=`; for noise around this value write Normal({written}, sigma)")  # fmt: skip


def _unknown(resolver: Resolver, name: str, node: tree.Call) -> ir.Expression:
    for one in node.arguments:
        look_inside(resolver, one.value)
    environment = resolver.environment
    if name in FUNCTIONS or name in REDUCTIONS or name in environment.functions or name in environment.nets:
        return _value(resolver, node, f"`{name}` gives a value")
    if name in environment.entries:
        return resolver.report("N05", f"`{name}` is not a distribution", node.function.span, "it is the name of a value")
    plain = name.lower().replace("_", "")
    ours = {one.lower(): one for one in (*DISTRIBUTIONS, "Mixture")}
    wanted = DISTRIBUTIONS_ELSEWHERE.get(plain) or ours.get(plain, name)
    meant = wanted if wanted in DISTRIBUTIONS else near(wanted, [*DISTRIBUTIONS, "Mixture"])
    edit = f"write {usage(DISTRIBUTIONS[meant])}" if meant in DISTRIBUTIONS else ""
    edit += "; sd is a standard deviation, not a precision" if name == "dnorm" else ""
    return resolver.report("N05", f"unknown distribution `{name}`", node.function.span, f"did you mean `{meant}`?" if meant else "",
                           help=edit or "the reference lists the distributions; a density of your own can be added by `factor`")  # fmt: skip


def _bijection(resolver: Resolver, node: tree.Expression) -> ir.Expression:
    match node:
        case tree.Call(tree.Name(name), arguments):
            pass
        case tree.Name(name):
            arguments = ()
        case _:
            name, arguments = resolver.environment.written(node.span), ()
    if name not in BIJECTIONS:
        meant = near(name, BIJECTIONS)
        return resolver.report("N06", f"unknown bijection `{name}`", node.span, f"did you mean `{meant}`?" if meant else "",
                               help=f"the bijections are {', '.join(BIJECTIONS)}")  # fmt: skip
    wanted = BIJECTIONS[name].arguments
    matched = match_arguments(tuple(Argument(one) for one in wanted), arguments, [resolver.value(one.value) for one in arguments])
    if isinstance(matched, str):
        edit = f"write {name}({', '.join(wanted)})" if wanted else f"write {name}, without brackets"
        return resolver.report("N10", f"`{name}` does not take these arguments", node.span, matched, help=edit)
    return ir.Bijection(name, tuple(value for _, value in matched), span=node.span)


def _match_form(entry: DistributionEntry, given: tuple[tree.Argument, ...], values: list[T]) -> list[tuple[str, T]] | str:
    """The arguments in the order of the first form that they fit; a sentence where none does."""
    keywords = {one.name for one in given if one.name}
    # Those forms first that know all the keywords given: their complaint is the useful one.
    preferred = sorted(entry.forms, key=lambda form: not keywords <= {one.name for one in form.arguments})
    results = [match_arguments(form.arguments, given, values) for form in preferred]
    fitting = [one for one in results if not isinstance(one, str)]
    return fitting[0] if fitting else results[0]


def _mixture(resolver: Resolver, node: tree.Call) -> ir.Expression:
    components = [one.value for one in node.arguments if isinstance(one.value, tree.Generator)]
    weights = [one.value for one in node.arguments if one.name == "weights"]
    fits = len(components) == len(weights) == 1 and len(node.arguments) == 2
    if not fits or len(components[0].binders) != 1 or components[0].condition is not None:
        return resolver.report("N10", "`Mixture` does not take these arguments", node.span, _mixture_fault(components, weights),
                               help="write Mixture(Normal(centre[k], spread[k]) for k in Cluster, weights = w)")  # fmt: skip
    with resolver.bound(components[0].binders) as (binder,):
        distribution = resolver.distribution(components[0].element)
        weight = resolver.value(weights[0])
    if resolver.is_invalid(distribution, weight) or not binder.set:
        return resolver.invalid(node.span)
    return ir.Mixture(distribution, binder, weight, span=node.span)


def _mixture_fault(components: list[tree.Generator], weights: list[tree.Expression]) -> str:
    if not components:
        return "its components are missing"
    if not weights:
        return "`weights` is missing"
    return "it takes one distribution `for k in Set`, and weights"
