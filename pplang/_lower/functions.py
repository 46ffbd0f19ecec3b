"""Calls of catalogue functions, and what the user asserts with them."""

from __future__ import annotations

from dataclasses import replace

from pplang._catalogue.entry import FunctionEntry
from pplang._catalogue.functions import FUNCTIONS
from pplang._check.resolve import ASSERTIONS
from pplang._ir import expression as ir
from pplang._ir.kinds import NAMED, Interval, Kind
from pplang._lower import code
from pplang._lower.code import Code
from pplang._lower.indexing import by_order, chains
from pplang._lower.terms import Term, aligned, number, union
from pplang._lower.unit import Scope, elementwise, opposite, row_order, rule

ALWAYS_FINITE = frozenset({"abs", "floor", "ceil", "round", "min", "max", "sin", "cos", "tanh", "atan", "logistic", "Phi", "sign"})
"""Functions with a finite value and gradient at every number."""


@rule(ir.Call)
def _call(node: ir.Call, scope: Scope) -> Term:
    if node.function in ASSERTIONS and node.function not in FUNCTIONS:
        return _assertion(node, scope)
    entry = FUNCTIONS[node.function]
    named = dict(node.keywords)
    given = [*node.arguments, *(named[one.name] for one in entry.arguments[len(node.arguments) :] if one.name in named)]
    terms = []
    for wanted, argument in zip(entry.arguments, given, strict=False):
        term = scope.number(argument)
        if not wanted.sets and node.function not in ALWAYS_FINITE:
            term = asserted(scope, argument, term, entry.domain or wanted.kind, entry.safe)
            term = term if _is_well_inside(scope, argument, entry.domain) else scope.guarded(term, entry.safe)
        terms.append(term)
    path = entry.numpy_path if scope.unit.array == "np" else entry.jax_path
    if not path.startswith(("numpy.", "jax.numpy.")) and not entry.kind(*(_interval(term) for term in terms)).integer:
        terms = [_real(term) for term in terms]
    axes = union(terms)
    function = scope.unit.imports.path(path)
    event = max((term.event for term in terms), key=len) if entry.event else ()
    if len(event) < len(entry.event):
        event = (*event, *entry.event)[: len(entry.event)]
    whole = entry.kind(*(_interval(term) for term in terms)).integer
    result = code.call(function, *(aligned(term, axes) for term in terms), **_rows(scope, entry, terms), **_sequence(scope, entry, event))
    return Term(result, axes, event, "int" if whole else "real", data=all(term.data for term in terms))


def _rows(scope: Scope, entry: FunctionEntry, terms: list[Term]) -> dict[str, Code]:
    """For a function that runs along an ordered set, the chains of its rows, where they are not simply all rows."""
    if entry.along is None:
        return {}
    (set_name,) = {over for wanted, term in zip(entry.arguments, terms, strict=True) for letter, over in zip(wanted.sets, term.event, strict=True) if letter == entry.along}  # fmt: skip
    rows = chains(scope, set_name)
    return {} if rows is None else {"rows": rows}


def _sequence(scope: Scope, entry: FunctionEntry, event: tuple[str, ...]) -> dict[str, Code]:
    """How the rows of a table follow one another, where that is not as they stand."""
    set_name = event[-1] if entry.sequence else ""
    order = row_order(scope.unit.program, set_name) if entry.sequence else None
    if order is None:
        return {}
    sequence = by_order(scope.unit, set_name, order, f"{set_name}_sequence", "row_sequence")
    back = by_order(scope.unit, set_name, order, f"{set_name}_back_1", "steps_back", 1)
    return {"order": sequence, "has_past": code.compare(back, ">=", code.constant(0))}


def _is_well_inside(scope: Scope, node: ir.Expression, domain: Interval | None) -> bool:
    """Does the kind of an argument say that it lies in the interior of a function's domain?"""
    found = scope.kind(node) if domain is not None and scope.guard is not None else None
    return domain is not None and isinstance(found, Interval) and found.within(replace(domain, lower_open=True, upper_open=True))


def _real(term: Term) -> Term:
    """Whole numbers as real ones: functions outside jax.numpy refuse integers."""
    if term.type != "int":
        return term
    value = code.literal(term.code)
    return replace(
        term, code=code.constant(float(value)) if value is not None else code.binary(code.constant(1.0), "*", term.code), type="real"
    )


def _interval(term: Term) -> Interval:
    return Interval(integer=term.type == "int")


def _assertion(node: ir.Call, scope: Scope) -> Term:
    """`positive(e)`. Of data the value is NaN where it does not hold, which `prepare` reports."""
    term, wanted = scope.number(node.arguments[0]), NAMED[node.function]
    assert isinstance(wanted, Interval)
    if scope.unit.array == "np" and wanted != Interval():
        where = scope.unit.function("where")
        return elementwise(lambda *parts: code.call(where, *parts), (_inside(scope, term, wanted), term, number(float("nan"))))
    return asserted(scope, node.arguments[0], term, wanted, safe=1.0)


def asserted(scope: Scope, node: ir.Expression, term: Term, wanted: Kind, safe: float, closed: bool = False) -> Term:
    """A number that the user says lies in a kind. Where the checker cannot prove it, the density is minus infinity where it does not.

    The bound itself counts as inside when `closed`. Data are left alone, `prepare` looks at what comes out; so is what
    is computed after inference.
    """
    found = scope.kind(node)
    if not isinstance(wanted, Interval) or (wanted.lower == -float("inf") and wanted.upper == float("inf")):
        return term
    if closed:
        wanted = replace(wanted, lower_open=wanted.lower == -float("inf"), upper_open=wanted.upper == float("inf"))
    if (isinstance(found, Interval) and found.within(replace(wanted, integer=False))) or term.type == "bool":
        return term
    if not scope.unit.asserting:
        return term
    inside = _inside(scope, term, wanted)
    scope.unit.assertions.append(inside if scope.guard is None else _or_elsewhere(scope, inside))
    harmless = Term(code.constant(safe), plain=True)
    where = scope.unit.function("where")
    return elementwise(lambda *parts: code.call(where, *parts), (inside, term, harmless), term.type)


def _inside(scope: Scope, term: Term, wanted: Interval) -> Term:
    checks = []
    if wanted.lower != -float("inf"):
        checks.append((">" if wanted.lower_open else ">=", wanted.lower))
    if wanted.upper != float("inf"):
        checks.append(("<" if wanted.upper_open else "<=", wanted.upper))
    parts = [elementwise(lambda a, b, sign=sign: code.compare(a, sign, b), (term, number(_tidy(bound))), "bool") for sign, bound in checks]
    total = parts[0] if len(parts) == 1 else elementwise(lambda a, b: code.binary(a, "&", b), parts, "bool")
    return scope.unit.store(total)


def _tidy(bound: float) -> float:
    return int(bound) if bound == int(bound) else bound


def _or_elsewhere(scope: Scope, inside: Term) -> Term:
    assert scope.guard is not None
    return elementwise(lambda a, b: code.binary(a, "|", b), (inside, opposite(scope, scope.guard)), "bool")
