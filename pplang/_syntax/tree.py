"""The syntax tree: what the user wrote, with spans; nothing resolved yet.

Every node has a `span` that takes no part in comparison, so that two trees are equal when they say the same thing. Sums and products are
n-ary (`a - b + c` is one node), so that a long sum is not a deep tree. Parentheses leave no node (what stands in them then spans
them too): the formatter puts them back where needed.
"""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from pplang._records import dataclass
from pplang._source import NOWHERE, Span


@dataclass(frozen=True)
class Node:
    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


# Expressions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Number(Node):
    """A literal, as the text stands in the source (`3`, `2.50`, `1e-6`): an integer when it has neither point nor exponent."""

    text: str


@dataclass(frozen=True)
class Text(Node):
    """A string literal, without its quotes."""

    value: str


@dataclass(frozen=True)
class Name(Node):
    """An identifier, NFKC-normalised."""

    name: str


@dataclass(frozen=True)
class Sum(Node):
    """Two or more terms; each with the sign that precedes it (the first has "+")."""

    terms: tuple[tuple[Literal["+", "-"], Expression], ...]


@dataclass(frozen=True)
class Product(Node):
    """Two or more factors; each with the operator that precedes it (the first has "*")."""

    factors: tuple[tuple[Literal["*", "/"], Expression], ...]


@dataclass(frozen=True)
class Negate(Node):
    operand: Expression


@dataclass(frozen=True)
class Power(Node):
    """`base ^ exponent`, grouping to the right."""

    base: Expression
    exponent: Expression


@dataclass(frozen=True)
class Compare(Node):
    operator: Literal["==", "!=", "<", "<=", ">", ">="]
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Logical(Node):
    """Two or more operands joined by one of `and`, `or`."""

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
class Whole(Node):
    """`_` in an index slot: that axis is kept whole."""


@dataclass(frozen=True)
class Index(Node):
    """`base[slot, ...]`."""

    base: Expression
    slots: tuple[Expression, ...]


@dataclass(frozen=True)
class Binder(Node):
    """`for variable in set`."""

    variable: str
    set: str


@dataclass(frozen=True)
class Generator(Node):
    """`element for v in S for u in T if condition`, as the argument of a call."""

    element: Expression
    binders: tuple[Binder, ...]
    condition: Expression | None


@dataclass(frozen=True)
class Argument(Node):
    """One argument of a call; `name` is None when it is given by position."""

    name: str | None
    value: Expression


@dataclass(frozen=True)
class Call(Node):
    """`function(argument, ...)`: a distribution, a catalogue function, an `fn`, a net, a reduction; which, is the checker's to say."""

    function: Expression
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class Field(Node):
    """`base.name`."""

    base: Expression
    name: str


@dataclass(frozen=True)
class Table(Node):
    """`[a, b, c]`."""

    items: tuple[Expression, ...]


Expression = (
    Number
    | Text
    | Name
    | Sum
    | Product
    | Negate
    | Power
    | Compare
    | Logical
    | Not
    | IfElse
    | Whole
    | Index
    | Generator
    | Call
    | Field
    | Table
)


# Statements ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SetName(Node):
    """A name where only an index set can stand."""

    name: str


@dataclass(frozen=True)
class Dimension(Node):
    """One axis of a column, input, head or function argument: `[Gene]`, `[Occasion ordered]`."""

    set: str
    ordered: bool = False


@dataclass(frozen=True)
class Note(Node):
    """`@name` or `@name(arguments)`, before a statement."""

    name: str
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True)
class Type(Node):
    """`real`, `County`, `real(0, 4)`."""

    name: str
    bounds: tuple[Expression, Expression] | None = None


@dataclass(frozen=True)
class Order(Node):
    """`ordered`, `ordered by column`, `ordered within group`, `ordered by column within group`."""

    by: Name | None = None
    within: Name | None = None


@dataclass(frozen=True)
class FromPattern(Node):
    """`from "gene_*"`: a column name, or a pattern with one `*`."""

    pattern: str


@dataclass(frozen=True)
class FromRange(Node):
    """`from "X_2".."X_25"`."""

    first: str
    last: str


@dataclass(frozen=True)
class FromList(Node):
    """`from {age, height, "body weight"}`."""

    columns: tuple[Name | Text, ...]


@dataclass(frozen=True)
class Column(Node):
    name: Name
    dimensions: tuple[Dimension, ...]
    type: Type
    optional: bool = False
    per: SetName | None = None
    source: FromPattern | FromRange | FromList | None = None
    value: Expression | None = None
    """A derived column: `log_earn : real = log(earn)`."""


@dataclass(frozen=True)
class Data(Node):
    name: Name
    order: Order | None
    columns: tuple[Column, ...]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class LabelList(Node):
    """`{control, "drug A", 1}`."""

    labels: tuple[Name | Text | Number, ...]


@dataclass(frozen=True)
class NumberRange(Node):
    """`first..last`, both included."""

    first: Expression
    last: Expression


@dataclass(frozen=True)
class IndexSet(Node):
    """`index Name [ordered] [within Set] = labels | range | derived`; derived: `gaps(S)`, `subsample(S, n)`, ..., `Row * Col`."""

    name: Name
    ordered: bool
    within: SetName | None
    members: LabelList | NumberRange | Expression
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Input(Node):
    name: Name
    dimensions: tuple[Dimension, ...]
    type: Type
    optional: bool = False
    default: Expression | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Axis(Node):
    """`v in Set` (bound: a plate) or `Set` (bare, `variable` None: drawn jointly)."""

    variable: str | None
    set: str


@dataclass(frozen=True)
class Target(Node):
    name: Name
    axes: tuple[Axis, ...] = ()


@dataclass(frozen=True)
class Param(Node):
    target: Target
    type: Type
    start: Expression | None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Layer(Node):
    """`-> 128 relu`."""

    width: int
    activation: str


@dataclass(frozen=True)
class Head(Node):
    """The output of a net: `Pixel`, or a named part `loc[Latent]`, `scale[Latent] : positive`."""

    name: str
    dimensions: tuple[Dimension, ...]
    type: Type | None


@dataclass(frozen=True)
class Net(Node):
    name: Name
    inputs: tuple[SetName, ...]
    layers: tuple[Layer, ...]
    heads: tuple[Head, ...]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Weights(Node):
    """`weights f ~ Normal(0, s)`: a prior on the weights of a net."""

    net: Name
    distribution: Expression
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class FunctionArgument(Node):
    name: str
    dimensions: tuple[Dimension, ...]
    type: Type | None


@dataclass(frozen=True)
class Function(Node):
    name: Name
    arguments: tuple[FunctionArgument, ...]
    body: Expression
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Starting(Node):
    value: Expression


@dataclass(frozen=True)
class Weighted(Node):
    value: Expression


@dataclass(frozen=True)
class Where(Node):
    value: Expression


@dataclass(frozen=True)
class Fixing(Node):
    """`fixing young = 0`."""

    label: Name | Text | Number
    value: Expression


Clause = Starting | Weighted | Where | Fixing


@dataclass(frozen=True)
class Relation(Node):
    """`[report] target [: type] ~ right` or `= right`, with its clauses in the order written."""

    target: Target
    type: Type | None
    operator: Literal["~", "="]
    right: Expression
    clauses: tuple[Clause, ...] = ()
    report: bool = False
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Factor(Node):
    value: Expression
    clauses: tuple[Clause, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Restrict(Node):
    """`restrict condition [for v in S ...]`."""

    condition: Expression
    binders: tuple[Binder, ...] = ()
    where: Expression | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Maximize(Node):
    value: Expression
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Guide(Node):
    statements: tuple[Relation, ...]
    notes: tuple[Note, ...] = ()


Statement = Data | IndexSet | Input | Param | Net | Weights | Function | Relation | Factor | Restrict | Maximize | Guide


@dataclass(frozen=True)
class File(Node):
    statements: tuple[Statement, ...]
    comments: tuple[tuple[Span, str], ...] = field(default=(), compare=False)
    """Every comment with its place, from `#` to the end of its line; for the formatter."""
    lines: tuple[int, ...] = field(default=(), compare=False, repr=False)
    """Where each line of the source starts; for the formatter, which keeps blank lines. Empty for a tree that was not read from a text."""
