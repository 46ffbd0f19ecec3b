"""Reductions. A sum of products becomes contractions, one for each term, so that no table larger than its factors is built."""

from __future__ import annotations

import ast
import string
from collections.abc import Sequence
from dataclasses import replace

from pplang._ir import expression as ir
from pplang._lower import code
from pplang._lower.code import Code
from pplang._lower.expressions import chain, factor
from pplang._lower.terms import Axis, Term, full, ordered, permuted, union
from pplang._lower.triangles import triangle
from pplang._lower.unit import Scope, as_number, elementwise, free_axes, hoist, rule


@rule(ir.Reduce)
def _reduce(node: ir.Reduce, scope: Scope) -> Term:
    inner = scope.bind(node.binders)
    bound = tuple(inner.axis(binder.variable) for binder in node.binders)
    if node.operation == "triangle":
        return triangle(node, inner, bound)
    grouped = _by_group(node, inner, bound)
    if grouped is not None:
        return grouped
    condition = None if node.condition is None else _condition(node.condition, inner)
    if condition is not None:
        inner = inner.within(condition)
    if node.operation == "sum":
        return _sum(node.element, inner, bound, condition)
    if node.operation == "mean" and (condition is not None or not _plain_mean(node)):
        total = _sum(node.element, inner, bound, condition)
        return elementwise(lambda a, b: code.binary(a, "/", b), (total, _count(inner, bound, condition)))
    return _along(node, inner, bound, condition)


def _plain_mean(node: ir.Reduce) -> bool:
    return not isinstance(node.element, ir.Sum | ir.Product)


def _condition(node: ir.Expression, scope: Scope) -> Term:
    """The mask of a reduction; of data alone, it is made in `prepare`."""
    if scope.unit.prepare is not None:
        axes = free_axes(scope, node, at_least=1)
        if axes is not None and len(axes) > 1:
            return hoist(scope, node, axes, lambda other: other.value(node))
    return scope.unit.store(scope.value(node))


def _count(scope: Scope, bound: Sequence[Axis], condition: Term | None) -> Term:
    """Over how many members a reduction goes."""
    if condition is None:
        return chain(scope, ["*"] * len(bound), [Term(axis.size(), type="int", plain=True) for axis in bound])
    return contract(scope, [as_number(condition)], bound)


# sums over the members of a group


def _by_group(node: ir.Reduce, scope: Scope, bound: tuple[Axis, ...]) -> Term | None:
    """`sum(x[i] for i in Home if county[i] == c)` for all counties at once, without a table over homes and counties."""
    found = _groups(node.condition, scope, bound) if node.operation in ("sum", "mean") else None
    if found is None or (scope.unit.array == "np" and len(found) > 1):
        return None
    element = scope.number(node.element)
    further = tuple(axis for axis in element.axes if axis not in bound)
    if {axis for _, axis in found} & set(further) or (further and (scope.unit.array == "np" or node.operation == "mean")):
        return None
    element = replace(element, code=full(scope.unit.array, element, (*further, *bound)), axes=(*further, *bound))
    total = _totals(scope, element, found)
    if node.operation == "sum":
        return total
    ones = Term(code.call(scope.unit.function("ones"), bound[0].size()), bound)
    return elementwise(lambda a, b: code.binary(a, "/", b), (total, _totals(scope, ones, found)))


def _groups(condition: ir.Expression | None, scope: Scope, bound: tuple[Axis, ...]) -> list[tuple[Term, Axis]] | None:
    """The groups of each member and the axes of the groups, where a condition says which group is meant (`a[i] == c and b[i] == d`)."""
    parts = condition.operands if isinstance(condition, ir.Logical) and condition.operator == "and" else (condition,)
    found = [_group(one, scope, bound) for one in parts]
    kept = [one for one in found if one is not None]
    return kept if len(kept) == len(found) and len({axis for _, axis in kept}) == len(kept) else None


def _group(condition: ir.Expression | None, scope: Scope, bound: tuple[Axis, ...]) -> tuple[Term, Axis] | None:
    if not isinstance(condition, ir.Compare) or condition.operator != "==" or len(bound) != 1:
        return None
    for one, other in ((condition.left, condition.right), (condition.right, condition.left)):
        axis = scope.variables.get(other.name) if isinstance(other, ir.Variable) else None
        if isinstance(axis, Axis) and axis.kept is None and axis not in bound and isinstance(one, ir.Reference):
            groups = scope.value(one)
            if groups.axes == bound and groups.type == "member" and groups.member == axis.set:
                return groups, axis
    return None


def _totals(scope: Scope, term: Term, found: list[tuple[Term, Axis]]) -> Term:
    """The sums over the last axis of a term by group; of several groups, for each combination."""
    axes = ordered(axis for _, axis in found)
    groups = {axis: one for one, axis in found}
    place = groups[axes[0]].code
    for axis in axes[1:]:
        place = code.binary(code.binary(place, "*", axis.size()), "+", groups[axis].code)
    data = term.data and all(one.data for one, _ in found)
    if scope.unit.array == "np":
        return Term(code.call("np.bincount", place, term.code, minlength=axes[0].size()), axes, data=data)
    further = term.axes[:-1]
    rows = permuted("jnp", term.code, list(term.axes), [term.axes[-1], *further])
    size = axes[0].size()
    for axis in axes[1:]:
        size = code.binary(size, "*", axis.size())
    made = code.call(scope.unit.imports.path("jax.ops.segment_sum"), rows, place, num_segments=size)
    if len(axes) > 1:
        made = code.call("jnp.reshape", made, code.tuple_of([axis.size() for axis in (*axes, *further)]))
    every = ordered([*axes, *further])
    return Term(permuted("jnp", made, [*axes, *further], list(every)), every, data=data)


# sums


def _sum(element: ir.Expression, scope: Scope, bound: tuple[Axis, ...], condition: Term | None) -> Term:
    terms = _terms(element)
    if len(terms) > 1 and not any(_is_product(term) for _, term in terms):
        whole = [scope.number(term) for _, term in terms]
        if len({term.axes for term in whole}) == 1:
            joined = chain(scope, [sign for sign, _ in terms], whole)
            return _masked_contraction(scope, [joined], bound, condition)
    parts = [_masked_contraction(scope, _factors(term, scope), bound, condition) for _, term in terms]
    return chain(scope, [sign for sign, _ in terms], parts)


def _is_product(node: ir.Expression) -> bool:
    return isinstance(node, ir.Product)


def _terms(node: ir.Expression, sign: str = "+") -> list[tuple[str, ir.Expression]]:
    """The signed terms of a sum; the sum of each is taken by itself."""
    flipped = {"+": "-", "-": "+"}
    match node:
        case ir.Sum(terms):
            return [one for own, term in terms for one in _terms(term, sign if own == "+" else flipped[sign])]
        case ir.Negate(operand):
            return _terms(operand, flipped[sign])
    return [(sign, node)]


def _factors(node: ir.Expression, scope: Scope) -> list[Term]:
    """The factors of a term. A denominator joins a factor that has its axes, so that nothing is expanded."""
    above: list[Term] = []
    below: list[Term] = []
    for operator, one in _flat(node):
        (above if operator == "*" else below).append(factor(operator, one, scope))
    for term in below:
        host = next((place for place, one in enumerate(above) if set(term.axes) <= set(one.axes)), None)
        if host is None:
            above.append(Term(code.constant(1.0), plain=True))
            host = len(above) - 1
        above[host] = elementwise(lambda a, b: code.binary(a, "/", b), (above[host], term))
    return above


def _flat(node: ir.Expression, operator: str = "*") -> list[tuple[str, ir.Expression]]:
    flipped = {"*": "/", "/": "*"}
    if not isinstance(node, ir.Product):
        return [(operator, node)]
    return [one for own, part in node.factors for one in _flat(part, operator if own == "*" else flipped[operator])]


def _masked_contraction(scope: Scope, operands: list[Term], bound: tuple[Axis, ...], condition: Term | None) -> Term:
    """The sum of a product over the members for which a condition holds: zeros in a factor that has its axes, or one more factor."""
    if condition is None:
        return contract(scope, operands, bound)
    host = next((place for place, one in enumerate(operands) if set(condition.axes) <= set(one.axes)), None)
    if host is None:
        return contract(scope, [*operands, _weights(scope, condition)], bound)
    where = scope.unit.function("where")
    zero = Term(code.constant(0), plain=True)
    masked = elementwise(lambda *parts: code.call(where, *parts), (condition, operands[host], zero), operands[host].type)
    return contract(scope, [*operands[:host], masked, *operands[host + 1 :]], bound)


def _weights(scope: Scope, condition: Term) -> Term:
    """A condition as zeros and ones; what is known of one in `prepare` is made the real numbers there that a contraction takes."""
    prepare = scope.unit.prepare
    name = condition.code.id if isinstance(condition.code, ast.Name) else None
    hidden = next((one for one in prepare.hidden.values() if one.name == name), None) if prepare is not None else None
    if prepare is None or hidden is None:
        return condition
    key = ("weights", hidden.name)
    if key not in prepare.hidden:
        made = prepare.names.add(f"{hidden.name}_weights")
        prepare.hidden[key] = replace(hidden, name=made, term=replace(hidden.term, type="real"))
        prepare.pending.append(code.assign(made, code.binary(code.constant(1.0), "*", code.name(hidden.name))))
        prepare.defined.add(made)
    scope.unit.arguments[prepare.hidden[key].name] = None
    return replace(condition, code=code.name(prepare.hidden[key].name), type="real")


def contract(scope: Scope, operands: list[Term], bound: Sequence[Axis]) -> Term:
    """The sum over `bound` of a product of arrays."""
    inside = [one for one in operands if set(one.axes) & set(bound)]
    outside = [one for one in operands if not set(one.axes) & set(bound)]
    missing = [axis for axis in bound if not any(axis in one.axes for one in inside)]
    outside += [Term(axis.size(), type="int", plain=True) for axis in missing]
    factors = outside
    if inside:
        summed = ordered(set(bound) - set(missing))
        total = _plain_sum(scope, inside[0], summed) if len(inside) == 1 else _contraction(scope, inside, summed)
        factors = [*outside, total]
    return chain(scope, ["*"] * len(factors), [as_number(one) for one in factors])


def _plain_sum(scope: Scope, term: Term, summed: tuple[Axis, ...]) -> Term:
    return replace(along(scope, "sum", term, summed), type="int" if term.type in ("int", "bool") else "real")


def along(scope: Scope, function: str | Code, term: Term, reduced: tuple[Axis, ...], **keywords: Code) -> Term:
    """A reducing function (a name is one of the array module), along the axes of some bound variables."""
    left = tuple(axis for axis in term.axes if axis not in reduced)
    places = [term.axes.index(axis) - len(term.axes) for axis in reduced]
    if left:
        keywords = {"axis": code.constant(places[0]) if len(places) == 1 else code.integers(places), **keywords}
    path = scope.unit.function(function) if isinstance(function, str) else function
    return term.become(code.call(path, term.code, **keywords), axes=left)


def _contraction(scope: Scope, operands: list[Term], summed: tuple[Axis, ...]) -> Term:
    if scope.unit.array == "np" and len(operands) > 2:
        # NumPy contracts pairs in turn, and the sum of truth values by themselves would be one truth value.
        operands = [as_number(one) for one in operands]
    elif all(one.type == "bool" for one in operands):
        operands = [as_number(operands[0]), *operands[1:]]
    left = tuple(axis for axis in union(operands) if axis not in summed)
    kind = "int" if all(one.type in ("int", "bool") for one in operands) else "real"
    product = _matrix_product(operands, summed) or _einsum(scope, operands, left)
    return Term(product, left, type=kind, data=all(one.data for one in operands))  # type: ignore[arg-type]


def _matrix_product(operands: list[Term], summed: tuple[Axis, ...]) -> Code | None:
    """`x @ b` where that is what the sum is."""
    if len(operands) != 2 or len(summed) != 1 or any(one.type == "bool" for one in operands):
        return None
    first, second = operands
    if len(first.axes) == 1:
        first, second = second, first
    if second.axes == summed and first.axes[-1:] == summed:
        return code.binary(first.code, "@", second.code)
    rows, columns = first.axes[:-1], second.axes[:-1]
    if len(rows) != 1 or len(columns) != 1 or rows == columns or first.axes[-1] != second.axes[-1]:
        return None
    if rows[0].order > columns[0].order:
        first, second = second, first
    return code.binary(first.code, "@", _transposed(second.code))


def _transposed(one: Code) -> Code:
    """The transpose; that of a transpose is the matrix itself."""
    if isinstance(one, ast.Attribute) and one.attr == "T":
        return one.value
    return ast.Attribute(one, "T", ast.Load())


def _einsum(scope: Scope, operands: list[Term], left: tuple[Axis, ...]) -> Code:
    letters = _letters(union(operands))
    inputs = ",".join("".join(letters[axis] for axis in one.axes) for one in operands)
    pattern = f"{inputs}->{''.join(letters[axis] for axis in left)}"
    keywords = {"optimize": code.constant(True)} if scope.unit.array == "np" and len(operands) > 2 else {}
    return code.call(scope.unit.function("einsum"), code.constant(pattern), *(one.code for one in operands), **keywords)


def _letters(axes: tuple[Axis, ...]) -> dict[Axis, str]:
    """A letter for each axis: its variable, if that is one and free."""
    letters: dict[Axis, str] = {}
    for axis in axes:
        if axis.variable in string.ascii_letters and len(axis.variable) == 1 and axis.variable not in letters.values():
            letters[axis] = axis.variable
    free = iter(one for one in string.ascii_letters if one not in letters.values())
    return {axis: letters.get(axis) or next(free) for axis in axes}


# other reductions

_FILL = {"max": -float("inf"), "min": float("inf"), "prod": 1, "logsumexp": -float("inf")}
_EXTREMES = {"max": "pplang._lower.runtime.extremes.largest", "min": "pplang._lower.runtime.extremes.smallest"}


def _along(node: ir.Reduce, scope: Scope, bound: tuple[Axis, ...], condition: Term | None) -> Term:
    operation = node.operation
    element = scope.value(node.element) if operation in ("any", "all") else scope.number(node.element)
    if not element.axes or set(bound) - set(element.axes):
        axes = ordered([*element.axes, *bound])
        element = replace(element, code=full(scope.unit.array, element, axes), axes=axes, plain=False)
    if operation == "sd":
        return _standard_deviation(scope, element, bound, condition)
    if condition is not None:
        element = _filled(scope, operation, element, condition)
    if operation == "logsumexp":
        path = "pplang._lower.runtime.special.log_sum_exp" if scope.unit.array == "jnp" else "scipy.special.logsumexp"
        left = tuple(axis for axis in element.axes if axis not in bound)
        places = [element.axes.index(axis) - len(element.axes) for axis in bound]
        axis = code.constant(places[0]) if len(places) == 1 else code.integers(places)
        return element.become(code.call(scope.unit.imports.path(path), element.code, axis=axis), axes=left, type="real")
    kind = "bool" if operation in ("any", "all") else "real" if operation == "mean" else element.type
    if operation in _EXTREMES and scope.unit.array == "jnp":
        return replace(along(scope, scope.unit.imports.path(_EXTREMES[operation]), element, bound), type=kind)
    return replace(along(scope, operation, element, bound), type=kind)


def _filled(scope: Scope, operation: str, element: Term, condition: Term) -> Term:
    """The element, and where the condition does not hold, what makes no difference."""
    if operation == "any":
        return elementwise(lambda a, b: code.binary(a, "&", b), (condition, element), "bool")
    not_counted = code.call(scope.unit.function("logical_not"), condition.code)
    if operation == "all":
        return elementwise(lambda a, b: code.binary(a, "|", b), (condition.become(not_counted), element), "bool")
    value = _FILL[operation]
    fill = code.constant(value) if value == 1 else code.dotted("np.inf") if value > 0 else code.negative(code.dotted("np.inf"))
    where = scope.unit.function("where")
    return elementwise(lambda *parts: code.call(where, *parts), (condition, element, Term(fill, plain=True)))


def _standard_deviation(scope: Scope, element: Term, bound: tuple[Axis, ...], condition: Term | None) -> Term:
    """With n - 1 in the denominator."""
    if condition is None:
        return replace(along(scope, "std", element, bound, ddof=code.constant(1)), type="real")
    element = scope.unit.store(element)
    count = scope.unit.store(_count(scope, bound, condition))
    mean = elementwise(lambda a, b: code.binary(a, "/", b), (_masked_contraction(scope, [element], bound, condition), count))
    gap = elementwise(lambda a, b: code.binary(a, "-", b), (element, mean))
    square = replace(gap, code=code.binary(gap.code, "**", code.constant(2)))
    total = _masked_contraction(scope, [square], bound, condition)
    root = scope.unit.function("sqrt")
    return elementwise(lambda a, b: code.call(root, code.binary(a, "/", code.binary(b, "-", code.constant(1)))), (total, count))
