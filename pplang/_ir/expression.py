"""Typed expressions: every name is resolved, every index knows its set, functions (`fn`) are expanded.

Nodes compare by meaning: spans take no part. Build them freely in a pass; `_check.types` computes kinds and sets of any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, fields, replace
from typing import Literal

from pplang._records import dataclass
from pplang._source import NOWHERE, Span


@dataclass(frozen=True)
class Node:
    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True)
class Number(Node):
    """A literal. An `int` stays one: `x^2` is an integer power. Booleans do not occur: `true` is not in the language."""

    value: int | float


@dataclass(frozen=True)
class Variable(Node):
    """A bound variable: of a plate, of a reduction. Its set is that of its binder.

    Over a numeric range it counts as its integer in arithmetic; elsewhere it stands in index slots and comparisons only.
    """

    name: str


@dataclass(frozen=True)
class Member(Node):
    """A label of an index set, in an index slot or a comparison: `slope` in `beta[c, slope]`, `1` in `beta[1]`, `"drug A"`."""

    set: str
    label: str | int


@dataclass(frozen=True)
class Lag(Node):
    """An index that steps from a bound variable of an ordered set: `t - 1` has by = Number(1); `t + 1` (data only) has by = Number(-1).

    `by` may also be a variable bound over a numeric range (`t - k`) or another bound variable of the same numeric range (`t - s`).
    """

    variable: str
    by: Number | Variable


@dataclass(frozen=True)
class Whole(Node):
    """`_` in an index slot: that axis is kept whole."""


@dataclass(frozen=True)
class Reference(Node):
    """The value of a column, input, param, net output or site, at some indices.

    With fewer indices than the name has axes the rest stay whole, as do axes with `Whole`. No indices: a number, or a whole table.
    """

    name: str
    indices: tuple[Expression, ...] = ()


@dataclass(frozen=True)
class Size(Node):
    """`size(S)`: how many members an index set has."""

    set: str


@dataclass(frozen=True)
class Part(Node):
    """`c.Row`: the component of a product set's member (`index Cell = Row * Col`); `member` is an index expression of that product set.

    occurrence: which of several of one set, `p.Row_2` in `index Pair = Row * Row`.
    """

    member: Expression
    set: str
    occurrence: int = 1


@dataclass(frozen=True)
class Given(Node):
    """`given(income[v])`: has that cell of a column (or input) with `?` a value? Data; it is no mention of the value itself."""

    name: str
    indices: tuple[Expression, ...] = ()


@dataclass(frozen=True)
class Completed(Node):
    """`completed(income, cells)`: the whole table of a column (or input) with `?`, its empty cells filled from a table over `empty(income)`."""

    name: str
    cells: Expression


@dataclass(frozen=True)
class Repeats(Node):
    """`repeats(r)`: how many rows a member of `distinct(...)` stands for. Data."""

    member: Expression


@dataclass(frozen=True)
class Sum(Node):
    """Two or more terms, each with the sign that precedes it (the first has "+")."""

    terms: tuple[tuple[Literal["+", "-"], Expression], ...]


@dataclass(frozen=True)
class Product(Node):
    """Two or more factors, each with the operator that precedes it (the first has "*")."""

    factors: tuple[tuple[Literal["*", "/"], Expression], ...]


@dataclass(frozen=True)
class Negate(Node):
    operand: Expression


@dataclass(frozen=True)
class Power(Node):
    base: Expression
    exponent: Expression


@dataclass(frozen=True)
class Compare(Node):
    """Of numbers, or (`==`, `!=`; in an ordered set all six) of members of one set."""

    operator: Literal["==", "!=", "<", "<=", ">", ">="]
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Logical(Node):
    operator: Literal["and", "or"]
    operands: tuple[Expression, ...]


@dataclass(frozen=True)
class Not(Node):
    operand: Expression


@dataclass(frozen=True)
class IfElse(Node):
    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True)
class Call(Node):
    """A function of the catalogue on numbers (`exp(x)`) or whole tables (`cholesky(S)`, `simplex_of(x)`); also the assertion `positive(e)`.

    `keywords` are arguments that were given by name, in the order of the catalogue's signature.
    """

    function: str
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...] = ()


@dataclass(frozen=True)
class NetCall(Node):
    """A net applied to whole tables; `head` names one of several outputs, None when the net has a single one."""

    net: str
    arguments: tuple[Expression, ...]
    head: str | None = None


@dataclass(frozen=True)
class RecordField(Node):
    """`q[i].loc`: one head of a name that holds a net's record."""

    base: Expression
    name: str


@dataclass(frozen=True)
class Element(Node):
    """Some elements of a table that has no name: `decoder(z[i])[p]`, `q[i].loc[d]`."""

    table: Expression
    indices: tuple[Expression, ...]


@dataclass(frozen=True)
class Binder:
    variable: str
    set: str


@dataclass(frozen=True)
class Reduce(Node):
    """`operation(element for v in S ... if condition)`. `sum(phi)` of a whole table is expanded to this form.

    The element of `triangle` is a table over one set, K; its value is over K and K.
    """

    operation: Literal["sum", "mean", "max", "min", "prod", "any", "all", "logsumexp", "sd", "triangle"]
    element: Expression
    binders: tuple[Binder, ...]
    condition: Expression | None = None


@dataclass(frozen=True)
class TableLiteral(Node):
    """`[a, b, c]`, filling a table over one index set in label order."""

    items: tuple[Expression, ...]


@dataclass(frozen=True)
class Distribution(Node):
    """A distribution of the catalogue with its arguments, in the order of the catalogue's signature that they match.

    Wrappers are distributions too: `Truncated`, `Censored`, `Interval`, `Ordered`, `ZeroInflated`, `Transformed`, `SumToZero` have an
    argument that is a Distribution; a bijection argument (`Transformed(d, log)`) is a Bijection.
    """

    name: str
    arguments: tuple[tuple[str, Expression], ...] = ()

    def argument(self, name: str) -> Expression | None:
        return dict(self.arguments).get(name)


@dataclass(frozen=True)
class Mixture(Node):
    """`Mixture(component for k in K, weights = w)`: `weights` is a table over K (or one number each, as an expression in k)."""

    component: Expression
    binder: Binder
    weights: Expression


@dataclass(frozen=True)
class Bijection(Node):
    """A bijection of the catalogue, as the second argument of `Transformed`: `log`, `interval(lower, upper)`, `simplex`."""

    name: str
    arguments: tuple[Expression, ...] = ()


@dataclass(frozen=True)
class LogDensity(Node):
    """`logpdf(d, x)`."""

    distribution: Expression
    value: Expression


Expression = (
    Number | Variable | Member | Lag | Whole | Reference | Size | Part | Given | Completed | Repeats | Sum | Product | Negate | Power | Compare
    | Logical | Not | IfElse | Call | NetCall | RecordField | Element | Reduce | TableLiteral | Distribution | Mixture | Bijection | LogDensity
)  # fmt: skip


_PARTS: dict[type, tuple[str, ...]] = {}
"""For each class of node the fields that can hold expressions; filled as classes are met."""
_WITHOUT = ("span", "name", "occurrence", "set", "label", "variable", "operator", "operation", "function", "net", "head")


def children(node: Expression) -> list[Expression]:
    """The expressions directly inside a node, in source order."""
    parts = _PARTS.get(type(node))
    if parts is None:
        parts = _PARTS[type(node)] = tuple(one.name for one in fields(node) if one.name not in _WITHOUT)
    found: list[Expression] = []
    for name in parts:
        _gather(getattr(node, name), found)
    return found


def _gather(value: object, found: list[Expression]) -> None:
    if isinstance(value, Node):
        found.append(value)  # type: ignore[arg-type]
    elif isinstance(value, tuple):
        for item in value:
            _gather(item, found)


def walk(node: Expression) -> Iterator[Expression]:
    """The node and everything inside it, outermost first."""
    pending = [node]
    while pending:
        one = pending.pop()
        yield one
        pending += reversed(children(one))


def rewrite(node: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """The tree with `change` applied to every node, innermost first.

    A node that does not change stays the same object, and shared nodes stay shared. Iterative: a deep tree is no deep recursion.
    """
    renewed: dict[int, Expression] = {}
    pending = [(node, False)]
    while pending:
        one, ready = pending.pop()
        if id(one) in renewed:
            continue
        if ready:
            renewed[id(one)] = change(_rebuilt(one, renewed))
        else:
            pending.append((one, True))
            pending += [(child, False) for child in children(one)]
    return renewed[id(node)]


def renamed(node: Expression, letters: Mapping[str, str]) -> Expression:
    """The tree with other letters for its free variables. Reductions must not bind any of the letters, old or new."""

    def change(one: Expression) -> Expression:
        if isinstance(one, Variable) and one.name in letters:
            return replace(one, name=letters[one.name])
        if isinstance(one, Lag) and one.variable in letters:
            return replace(one, variable=letters[one.variable])
        return one

    return rewrite(node, change)


def _rebuilt(node: Expression, renewed: dict[int, Expression]) -> Expression:
    def new(value: object) -> object:
        if isinstance(value, Node):
            return renewed[id(value)]
        if isinstance(value, tuple) and not isinstance(value, Span):
            items = tuple(new(item) for item in value)
            return value if all(a is b for a, b in zip(items, value, strict=True)) else items
        return value

    parts = {one.name: new(getattr(node, one.name)) for one in fields(node) if one.name != "span"}
    same = all(parts[name] is getattr(node, name) for name in parts)
    return node if same else replace(node, **parts)  # type: ignore[arg-type]
