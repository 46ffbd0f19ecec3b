"""Calls: reductions, catalogue functions, the user's functions (expanded here), nets, and distributions with their arguments."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pplang._catalogue.bijections import BIJECTIONS
from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._catalogue.entry import Argument, DistributionEntry, Form
from pplang._catalogue.functions import FUNCTIONS
from pplang._check.environment import near
from pplang._check.resolve import ASSERTIONS, REDUCTIONS, Invalid
from pplang._ir import expression as ir
from pplang._source import Span
from pplang._syntax import tree

if TYPE_CHECKING:
    from pplang._check.resolve import Resolver


def resolve_call(resolver: Resolver, node: tree.Call) -> ir.Expression:
    """A call where a value is needed."""
    if not isinstance(node.function, tree.Name):
        return resolver.report("N06", "only a name can be called", node.function.span, "a function, a net or a reduction has a name")
    name = node.function.name
    if name in resolver.functions:
        return _expand(resolver, name, node)
    if name in resolver.environment.nets:
        arguments = tuple(resolver.value(one.value) for one in node.arguments)
        return ir.NetCall(name, arguments, span=node.span)
    if name in REDUCTIONS and _is_reduction(node):
        return _reduce(resolver, name, node)
    if name == "size":
        return _size(resolver, node)
    if name == "logpdf":
        return _log_density(resolver, node)
    if name in ASSERTIONS:
        return _assertion(resolver, name, node)
    if name in FUNCTIONS:
        return _catalogue_call(resolver, name, node)
    for one in node.arguments:
        _resolve_quietly(resolver, one.value)
    if name in DISTRIBUTIONS or name == "Mixture":
        return resolver.unknown(name if name in DISTRIBUTIONS else "Truncated", node.function.span)
    if name in resolver.environment.entries:
        return resolver.report("N06", f"`{name}` is not a function", node.function.span, "it has a value", help=f"to pick an element write {name}[...]")
    known = [*FUNCTIONS, *REDUCTIONS, *resolver.functions, *resolver.environment.nets, *ASSERTIONS, "size", "logpdf"]
    meant = near(_ELSEWHERE.get(name, name), known)
    return resolver.report("N06", f"unknown function `{name}`", node.function.span, f"did you mean `{meant}`?" if meant else "",
                           help="" if meant else f"define it: fn {name}(x) = ...")  # fmt: skip


_ELSEWHERE = {"ln": "log", "inv_logit": "logistic", "expit": "logistic", "sigmoid": "logistic", "pow": "sqrt", "gammaln": "lgamma", "log_sum_exp": "logsumexp", "len": "size", "std": "sd", "invlogit": "logistic", "fabs": "abs"}  # noqa: E501
"""What other tools call a function of ours."""


def _resolve_quietly(resolver: Resolver, node: tree.Expression) -> None:
    """Look for faults inside an argument whose call is itself at fault."""
    if not isinstance(node, tree.Generator):
        resolver.value(node)


# reductions


def _is_reduction(node: tree.Call) -> bool:
    """`max(a, b)` of two numbers is a function; one argument, a table or a generator, is a reduction."""
    return len(node.arguments) == 1 and node.arguments[0].name is None


def _reduce(resolver: Resolver, name: str, node: tree.Call) -> ir.Expression:
    argument = node.arguments[0].value
    if not isinstance(argument, tree.Generator):
        return _whole_table(resolver, name, resolver.value(argument), node.span)
    with resolver.bound(argument.binders) as binders:
        element = resolver.value(argument.element)
        condition = None if argument.condition is None else resolver.value(argument.condition)
    if any(isinstance(one, Invalid) for one in (element, condition)) or any(not one.set for one in binders):
        return Invalid(span=node.span)
    return ir.Reduce(name, element, binders, condition, span=node.span)  # type: ignore[arg-type]


def _whole_table(resolver: Resolver, name: str, table: ir.Expression, span: Span) -> ir.Expression:
    """`sum(phi)` is `sum(phi[k] for k in K)`."""
    if isinstance(table, Invalid):
        return table
    axes = resolver._axes(table)
    if isinstance(table, ir.TableLiteral):
        return resolver.report("D08", f"`{name}` of a list", span, "a list has no index set", help="write the operation out")
    if axes is None or not isinstance(table, ir.Reference):
        return resolver.report("D08", f"`{name}` of one number", span, f"`{name}` reduces a table", help=f"write {name}(... for i in Set)")
    if resolver.row_table is not None and axes == () and len(table.indices) == 1:
        # In a derived column `mean(height)` is over the rows of the table.
        table, axes = ir.Reference(table.name, span=table.span), (resolver.row_table,)
    if axes == ():
        return resolver.report("D08", f"`{name}` of one number", span, f"`{table.name}` has no axis left to reduce", help=f"write {name}(... for i in Set)")
    variables = _free_letters(resolver, len(axes))
    slots = [ir.Variable(one) for one in variables]
    filled = [slots.pop(0) if isinstance(one, ir.Whole) else one for one in table.indices]
    element = ir.Reference(table.name, (*filled, *slots), span=table.span)
    return ir.Reduce(name, element, tuple(ir.Binder(v, s) for v, s in zip(variables, axes, strict=True)), span=span)  # type: ignore[arg-type]


def _free_letters(resolver: Resolver, count: int) -> list[str]:
    taken = {*resolver.variables, *resolver.visible, *resolver.environment.entries, *resolver.substituted}
    letters = [*"klmnijpqrsuvwxyz", *(f"k{n}" for n in range(count + len(taken) + 1))]
    return [one for one in letters if one not in taken][:count]


# single functions


def _size(resolver: Resolver, node: tree.Call) -> ir.Expression:
    match node.arguments:
        case (tree.Argument(None, tree.Name(name)),):
            set_name = resolver.set_name(name, node.arguments[0].span)
            return Invalid(span=node.span) if set_name is None else ir.Size(set_name, span=node.span)
    return resolver.report("N10", "`size` takes the name of an index set", node.span, help="write size(County)")


def _log_density(resolver: Resolver, node: tree.Call) -> ir.Expression:
    if len(node.arguments) != 2 or any(one.name for one in node.arguments):
        return resolver.report("N10", "`logpdf` takes a distribution and a value", node.span, help="write logpdf(Normal(0, 1), x)")
    distribution = resolver.distribution(node.arguments[0].value)
    value = resolver.value(node.arguments[1].value)
    if isinstance(distribution, Invalid) or isinstance(value, Invalid):
        return Invalid(span=node.span)
    return ir.LogDensity(distribution, value, span=node.span)


def _assertion(resolver: Resolver, name: str, node: tree.Call) -> ir.Expression:
    if len(node.arguments) != 1 or node.arguments[0].name:
        return resolver.report("N10", f"`{name}` takes one number", node.span, help=f"write {name}(x): it asserts that x is {name}")
    return ir.Call(name, (resolver.value(node.arguments[0].value),), span=node.span)


def _catalogue_call(resolver: Resolver, name: str, node: tree.Call) -> ir.Expression:
    entry = FUNCTIONS[name]
    values = [resolver.value(one.value) for one in node.arguments]
    if any(isinstance(one, Invalid) for one in values):
        return Invalid(span=node.span)
    matched = match_arguments(entry.arguments, node.arguments, values)
    if isinstance(matched, str):
        wanted = ", ".join(one.name for one in entry.arguments)
        return resolver.report("N10", f"`{name}` does not take these arguments", node.span, matched, help=f"write {name}({wanted})")
    return ir.Call(name, tuple(value for _, value in matched), span=node.span)


def match_arguments(wanted: tuple[Argument, ...], given: tuple[tree.Argument, ...], values: list[Any]) -> list[tuple[str, Any]] | str:
    """Pair the arguments given with those wanted, in the order wanted; a sentence where they do not fit."""
    names = [one.name for one in wanted]
    found: dict[str, Any] = {}
    for position, (argument, value) in enumerate(zip(given, values, strict=True)):
        if argument.name is None:
            if position >= len(names):
                return f"it takes {len(names)} argument{'s' * (len(names) != 1)}, and {len(given)} are given"
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


# the user's functions


def _expand(resolver: Resolver, name: str, node: tree.Call) -> ir.Expression:
    """A call of an `fn` is its body with the arguments put in."""
    function = resolver.functions[name]
    if name in resolver.expanding:
        path = " -> ".join((*resolver.expanding[resolver.expanding.index(name) :], name))
        return resolver.report("N11", f"the function `{name}` calls itself", node.span, path, help="functions are expanded where they are called; recursion has no end")
    values = [resolver.value(one.value) for one in node.arguments]
    if any(isinstance(one, Invalid) for one in values):
        return Invalid(span=node.span)
    matched = match_arguments(tuple(Argument(one.name) for one in function.arguments), node.arguments, values)
    if isinstance(matched, str):
        wanted = ", ".join(one.name for one in function.arguments)
        return resolver.report("N10", f"`{name}` does not take these arguments", node.span, matched, help=f"write {name}({wanted})")
    sets = _set_parameters(resolver, function, dict(matched), node.span)
    if sets is None:
        return Invalid(span=node.span)
    inner = replace(
        resolver, visible={}, substituted=dict(matched), substituted_sets=sets, row_table=None, expanding=(*resolver.expanding, name)
    )
    return inner.value(function.body)


def _set_parameters(resolver: Resolver, function: tree.Function, arguments: dict[str, ir.Expression], span: Span) -> dict[str, str] | None:
    """What the set names in a function's argument list stand for in this call; None when an argument does not fit (reported)."""
    found: dict[str, str] = {}
    for one in function.arguments:
        axes = resolver._axes(arguments[one.name]) or ()
        if len(axes) != len(one.dimensions) and isinstance(arguments[one.name], ir.Reference):
            wanted = " and ".join(d.set for d in one.dimensions) or "one number"
            resolver.report("D09", f"`{one.name}` of `{function.name.name}` does not fit", arguments[one.name].span or span,
                            f"this is over {' and '.join(axes) or 'nothing'}, and {wanted} is asked for")  # fmt: skip
            return None
        for dimension, axis in zip(one.dimensions, axes, strict=False):
            wanted_set = found.get(dimension.set, dimension.set)
            if wanted_set in resolver.environment.sets and wanted_set != axis:
                resolver.report("D09", f"`{one.name}` of `{function.name.name}` does not fit", arguments[one.name].span or span,
                                f"this is over {axis}, and {wanted_set} is asked for")  # fmt: skip
                return None
            found[dimension.set] = axis
    return found


# distributions


def resolve_distribution(resolver: Resolver, node: tree.Expression) -> ir.Expression:
    """The right side of `~`, or an argument that is a distribution."""
    if not isinstance(node, tree.Call) or not isinstance(node.function, tree.Name):
        if isinstance(node, tree.Name) and (node.name in DISTRIBUTIONS):
            return resolver.report("N10", f"`{node.name}` without its arguments", node.span, help=f"write {_usage(DISTRIBUTIONS[node.name])}")
        value = resolver.value(node)
        if isinstance(value, Invalid):
            return value
        return resolver.report("D14", "a value where a distribution is needed", node.span, "after `~` stands a distribution, such as Normal(0, 1)",
                               help="for a definition write `=`")  # fmt: skip
    name = node.function.name
    if name == "Mixture":
        return _mixture(resolver, node)
    if name not in DISTRIBUTIONS:
        return _unknown_distribution(resolver, name, node)
    entry = DISTRIBUTIONS[name]
    roles = {one.name: one.role for form in entry.forms for one in form.arguments}
    positional = [one.role for one in entry.forms[0].arguments]
    values = []
    for position, argument in enumerate(node.arguments):
        role = roles.get(argument.name, "value") if argument.name else positional[position] if position < len(positional) else "value"
        values.append(_argument(resolver, role, argument.value))
    if any(isinstance(one, Invalid) for one in values):
        return Invalid(span=node.span)
    matched = _match_form(entry, node.arguments, values)
    if isinstance(matched, str):
        return resolver.report("N10", f"`{name}` does not take these arguments", node.span, matched, help=f"write {_usage(entry)}")
    return ir.Distribution(name, tuple(matched), span=node.span)


def _argument(resolver: Resolver, role: str, node: tree.Expression) -> ir.Expression:
    if role == "distribution":
        return resolver.distribution(node)
    if role == "bijection":
        return _bijection(resolver, node)
    return resolver.value(node)


def _bijection(resolver: Resolver, node: tree.Expression) -> ir.Expression:
    name, arguments = (node.name, ()) if isinstance(node, tree.Name) else (None, ())
    if isinstance(node, tree.Call) and isinstance(node.function, tree.Name):
        name, arguments = node.function.name, node.arguments  # type: ignore[assignment]
    if name not in BIJECTIONS:
        return resolver.report("N06", "unknown bijection", node.span, f"known are {', '.join(BIJECTIONS)}")
    values = [resolver.value(one.value) for one in arguments]  # type: ignore[attr-defined]
    if any(isinstance(one, Invalid) for one in values):
        return Invalid(span=node.span)
    matched = match_arguments(tuple(Argument(one) for one in BIJECTIONS[name].arguments), arguments, values)
    if isinstance(matched, str):
        wanted = ", ".join(BIJECTIONS[name].arguments)
        return resolver.report("N10", f"`{name}` does not take these arguments", node.span, matched, help=f"write {name}({wanted})" if wanted else f"write {name}")
    return ir.Bijection(name, tuple(value for _, value in matched), span=node.span)


def _match_form(entry: DistributionEntry, given: tuple[tree.Argument, ...], values: list[Any]) -> list[tuple[str, Any]] | str:
    """The arguments in the order of the first form that they fit; a sentence where none does."""
    results = [match_arguments(form.arguments, given, values) for form in _preferred(entry, given)]
    fitting = [one for one in results if not isinstance(one, str)]
    return fitting[0] if fitting else results[0]


def _preferred(entry: DistributionEntry, given: tuple[tree.Argument, ...]) -> list[Form]:
    """The forms, those that know all the keywords given first: their complaint is the useful one."""
    keywords = {one.name for one in given if one.name}
    return sorted(entry.forms, key=lambda form: not keywords <= {one.name for one in form.arguments})


def _mixture(resolver: Resolver, node: tree.Call) -> ir.Expression:
    component = next((one.value for one in node.arguments if isinstance(one.value, tree.Generator)), None)
    weights = next((one.value for one in node.arguments if one.name == "weights"), None)
    if component is None or weights is None or len(node.arguments) != 2 or len(component.binders) != 1 or component.condition is not None:
        return resolver.report("N10", "`Mixture` does not take these arguments", node.span,
                               help="write Mixture(Normal(centre[k], spread[k]) for k in Cluster, weights = w)")  # fmt: skip
    with resolver.bound(component.binders) as (binder,):
        distribution = resolver.distribution(component.element)
    weight = resolver.value(weights)
    if isinstance(distribution, Invalid) or isinstance(weight, Invalid) or not binder.set:
        return Invalid(span=node.span)
    return ir.Mixture(distribution, binder, weight, span=node.span)


def _unknown_distribution(resolver: Resolver, name: str, node: tree.Call) -> ir.Expression:
    for one in node.arguments:
        _resolve_quietly(resolver, one.value)
    if name in FUNCTIONS or name in REDUCTIONS or name in resolver.functions or name in resolver.environment.nets:
        return resolver.report("D14", "a value where a distribution is needed", node.span, f"`{name}` gives a value",
                               help="for a definition write `=`")  # fmt: skip
    wanted = _OTHER_NAMES.get(name.lower().replace("_", ""), name)
    meant = wanted if wanted in DISTRIBUTIONS else near(wanted, [*DISTRIBUTIONS, "Mixture"])
    return resolver.report("N05", f"unknown distribution `{name}`", node.function.span, f"did you mean `{meant}`?" if meant else "",
                           help="" if meant else "the reference lists the distributions; another density can be added by `factor`")  # fmt: skip


_OTHER_NAMES = {
    "gaussian": "Normal", "norm": "Normal", "dnorm": "Normal", "halft": "HalfStudentT", "t": "StudentT", "studentst": "StudentT", "invgamma": "InverseGamma",
    "multivariatenormal": "MultiNormal", "mvnormal": "MultiNormal", "multinormalcholesky": "MultiNormal", "doubleexponential": "Laplace",
    "negativebinomial": "NegBinomial", "negbinomial2": "NegBinomial", "improperuniform": "Flat", "improper": "Flat", "lkjcorr": "LKJ", "lkjcorrcholesky": "LKJCholesky",
    "orderedlogit": "OrderedLogistic", "bernoullilogit": "Bernoulli", "binomiallogit": "Binomial", "poissonlog": "Poisson", "gaussianprocess": "GP",
    "lognormal": "LogNormal", "categoricallogit": "Categorical",
}  # fmt: skip
"""What other tools call a distribution of ours, in lower case without underscores."""


def _usage(entry: DistributionEntry) -> str:
    """How a distribution is written, every form of it."""

    def one(form: Form, *, first: bool) -> str:
        arguments = [argument.name if first or n == 0 and len(form.arguments) > 1 else f"{argument.name} =" for n, argument in enumerate(form.arguments)]
        return f"{entry.name}({', '.join(arguments)})"

    return " or ".join(dict.fromkeys(one(form, first=n == 0) for n, form in enumerate(entry.forms)))
