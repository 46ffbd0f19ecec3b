"""Recurrences: steps back need a beginning, and only data can be looked at ahead."""

from __future__ import annotations

from collections.abc import Mapping

from pplang._check import graph
from pplang._check.environment import Environment
from pplang._ir import expression as ir
from pplang._syntax import tree

_OF_ITS_OWN = "give it a name and a beginning of its own:   before[t in Day] = x[t-1] starting 0"


def check_factor_steps(environment: Environment, value: ir.Expression) -> None:
    """Report steps in a factor from members that no condition looks at: the first of them has no member before."""
    known = list(graph.lags(value))
    pending: list[tuple[ir.Expression, Mapping[str, str], frozenset[str]]] = [(value, {}, frozenset())]
    while pending:
        node, sets, limited = pending.pop()
        if (
            isinstance(node, ir.Lag)
            and node in known
            and node.variable not in limited
            and environment.is_ordered(sets.get(node.variable, ""))
        ):
            _no_beginning(environment, value, [node], sets, _OF_ITS_OWN)
            return
        if isinstance(node, ir.Reduce):
            sets = {**sets, **{one.variable: one.set for one in node.binders}}
        condition = node.condition if isinstance(node, ir.Reduce | ir.IfElse) else None
        looked_at = (
            frozenset(one.name for one in ir.walk(condition) if isinstance(one, ir.Variable)) if condition is not None else frozenset()
        )
        pending += [(child, sets, limited if child is condition else limited | looked_at) for child in ir.children(node)]


def check_steps(environment: Environment, node: tree.Relation, right: ir.Expression, *, limited: bool) -> bool:
    """Report faults of the steps in a relation; was one of them no step back? `limited`: a `where` says which members it is for."""
    plates = {axis.variable: axis.set for axis in node.target.axes if axis.variable is not None}
    inner = {one.variable: one.set for reduce in ir.walk(right) if isinstance(reduce, ir.Reduce) for one in reduce.binders}
    steps = [one for one in graph.lags(right) if environment.is_ordered({**inner, **plates}.get(one.variable, ""))]
    starting = next((one for one in node.clauses if isinstance(one, tree.Starting)), None)
    within_a_sum = [one for one in steps if one.variable not in plates]
    if within_a_sum:
        _no_beginning(environment, right, within_a_sum, inner, _OF_ITS_OWN)
    elif steps and starting is None and not limited:
        edit = f"add a line below:   starting {_beginning(node)}"
        _no_beginning(environment, right, steps, plates, edit)
    if starting is not None and not any(isinstance(one, ir.Lag) for one in ir.walk(right)):
        environment.report("T04", "`starting` on a relation that does not look back", starting.span, "no earlier member is used here",
                           help="leave it out, or use an earlier member: x[t-1]")  # fmt: skip
    ahead = [_ahead(environment, one) for one in ir.walk(right) if isinstance(one, ir.Reference)]
    return any(ahead)


def _no_beginning(environment: Environment, right: ir.Expression, steps: list[ir.Lag], sets: Mapping[str, str], edit: str) -> None:
    first = min(steps, key=lambda one: one.span)
    place = next((one for one in ir.walk(right) if isinstance(one, ir.Reference) and first in one.indices), first)
    end = "last" if isinstance(first.by, ir.Number) and first.by.value < 0 else "first"
    environment.report(
        "T01",
        "a recurrence without a beginning",
        place.span,
        f"what is this for the {end} {sets.get(first.variable, 'member')}?",
        help=edit,
    )


def _beginning(node: tree.Relation) -> str:
    """What `starting` could be: a distribution of the same family for a draw, a number for a definition."""
    if node.operator == "=":
        return "0"
    match node.right:
        case tree.Call(tree.Name("Categorical")):
            return "Categorical(start)"
        case tree.Call(tree.Name(name)) if name in ("Poisson", "NegBinomial", "Bernoulli", "Gamma", "LogNormal", "Exponential", "Beta"):
            return f"{name}(...)"
    return "Normal(0, 10)"


def _ahead(environment: Environment, node: ir.Reference) -> bool:
    entry = environment.entries.get(node.name)
    steps = [one.by.value for one in node.indices if isinstance(one, ir.Lag) and isinstance(one.by, ir.Number) and one.by.value <= 0]
    if 0 in steps:
        return True
    if not steps or entry is None or entry.what in ("column", "input") or entry.data:
        return False
    environment.report("T03", "a look ahead at a name that is not data", node.span, f"`{node.name}` at a later member is not known yet",
                       help="turn the relation round, so that the later member depends on the earlier one")  # fmt: skip
    return True
