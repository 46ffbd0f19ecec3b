"""What a type name in the source means: a kind, and for some a joint constraint on a whole table."""

from __future__ import annotations

from pplang._check.environment import Environment
from pplang._check.words import near
from pplang._ir.kinds import NAMED, STRUCTURES, Interval, Kind, Member
from pplang._syntax import tree

ELSEWHERE = {
    "float": "real",
    "double": "real",
    "number": "real",
    "numeric": "real",
    "integer": "int",
    "boolean": "bool",
    "logical": "bool",
    "probability": "unit",
    "datetime": "date",
    "vector": "real, with its axes in brackets: b[Coef] : real",
    "matrix": "real, with its axes in brackets: K[Row, Col] : real",
    "corr_matrix": "correlation",
    "cov_matrix": "covariance",
}
"""What other tools call a type of ours."""
_CATEGORIES = ("string", "str", "factor", "category", "categorical", "text", "character")


def kind_of_type(environment: Environment, node: tree.Type) -> tuple[Kind | None, str | None]:
    """The kind (and joint structure) that a type means; (None, None) when there is none (reported)."""
    if node.bounds is not None:
        return _bounded(environment, node), None
    if node.name in NAMED:
        return NAMED[node.name], None
    if node.name in STRUCTURES:
        return (NAMED["unit"] if node.name == "simplex" else NAMED["real"]), node.name
    if node.name in environment.sets:
        return Member(node.name), None
    _unknown(environment, node)
    return None, None


def _unknown(environment: Environment, node: tree.Type) -> None:
    title, elsewhere = f"unknown type `{node.name}`", ELSEWHERE.get(node.name.lower())
    if elsewhere:
        environment.report("N21", title, node.span, help=f"write {elsewhere}")
    elif node.name.lower() in _CATEGORIES:
        environment.report(
            "N21",
            title,
            node.span,
            "a column of names is a category, and its levels form an index set",
            help="name the set, with a capital: county : County",
        )
    elif (meant := near(node.name, [*NAMED, *STRUCTURES, *environment.sets])) is not None:
        environment.report("N21", title, node.span, f"did you mean `{meant}`?")
    else:
        environment.report("N21", title, node.span, help=f"the types are {', '.join(NAMED)}, and the index sets of the model")


def _bounded(environment: Environment, node: tree.Type) -> Kind | None:
    """`real(0, 4)`: an interval, both ends included."""
    assert node.bounds is not None
    low, high = (constant(one) for one in node.bounds)
    base = NAMED.get(node.name)
    if not isinstance(base, Interval) or node.name not in ("real", "int"):
        environment.report(
            "N21", f"bounds on the type `{node.name}`", node.span, help="only real and int take bounds: real(0, 4), int(0, 10)"
        )
        return None
    if low is None or high is None:
        environment.report("N21", "the bounds of a type are two numbers", node.span, help="write the numbers: real(0, 4)")
        return None
    if not low < high:
        environment.report(
            "N21", "bounds in the wrong order", node.span, f"{low:g} is not below {high:g}", help=f"write {node.name}({high:g}, {low:g})"
        )
        return None
    return Interval(low, high, integer=base.integer)


def constant(node: tree.Expression) -> float | None:
    """The value of a literal, with its sign; None for any other expression."""
    match node:
        case tree.Number(text):
            return float(literal(text))
        case tree.Negate(operand):
            inner = constant(operand)
            return None if inner is None else -inner
    return None


def literal(text: str) -> int | float:
    """The number that a literal stands for; whole when it is written without point and exponent."""
    return int(text.lstrip("0") or "0") if text.isdigit() else float(text)
