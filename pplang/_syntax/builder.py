"""From grammar to tree: one method for each rule of `grammar/ppl.lark`, called by the parser when it has read one.

All tokens are kept, so the first and last child of a rule tell where it stands. Rules that have no node of their own give a `_Part`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from lark.lexer import Token

from pplang._records import dataclass
from pplang._source import Span
from pplang._syntax import tree
from pplang._syntax.faults import place


@dataclass(frozen=True)
class _Part(tree.Node):
    """What a rule without a node of its own found."""

    items: tuple[Any, ...]


Child = Any
"""A token, a node, or None where an optional part is absent."""


def span_of(children: Sequence[Child]) -> Span:
    """From the start of the first child that is there to the end of the last."""
    present = [child for child in children if child is not None]
    return Span(_span(present[0]).start, _span(present[-1]).end)


def _span(child: Child) -> Span:
    return place(child) if isinstance(child, Token) else child.span


def _nodes(children: Iterable[Child]) -> tuple[Any, ...]:
    """The children that are nodes: commas, brackets and absent parts left out."""
    return tuple(child for child in children if isinstance(child, tree.Node))


def _only(children: Iterable[Child], *kinds: type) -> tuple[Any, ...]:
    return tuple(child for child in children if isinstance(child, kinds))


def _items(part: _Part | None) -> tuple[Any, ...]:
    return part.items if part is not None else ()


def _name(token: Token) -> tree.Name:
    return tree.Name(token.value, span=_span(token))


def _set(token: Token | None) -> tree.SetName | None:
    return tree.SetName(token.value, span=_span(token)) if token is not None else None


def _label(token: Token) -> tree.Name | tree.Text | tree.Number:
    if token.type == "NAME":
        return _name(token)
    if token.type == "STRING":
        return tree.Text(token.value[1:-1], span=_span(token))
    return tree.Number(token.value, span=_span(token))


def _labels(children: Iterable[Child]) -> tuple[tree.Name | tree.Text | tree.Number, ...]:
    return tuple(_label(child) for child in children if child.type in ("NAME", "STRING", "INT"))


def _operators(children: Sequence[Child], first: str) -> tuple[tuple[str, Any], ...]:
    """`a - b + c` as pairs of an operator and the operand after it."""
    return ((first, children[0]), *((children[i].value, children[i + 1]) for i in range(1, len(children), 2)))


class Builder:
    """Stateless; the parser looks its methods up by the names of the grammar's rules."""

    def file(self, children: list[Child]) -> tuple[tree.Statement, ...]:
        return tuple(children)

    def statement(self, children: list[Child]) -> tree.Statement:
        notes = _only(children, tree.Note)
        statement = children[len(notes)]
        return replace(statement, notes=notes) if notes else statement

    def note(self, children: list[Child]) -> tree.Note:
        _, name, _, arguments, _, _ = children
        return tree.Note(name.value, _items(arguments), span=span_of(children))

    # Data ---------------------------------------------------------------------------------------------------------------

    def data(self, children: list[Child]) -> tree.Data:
        _, name, order = children[:3]
        return tree.Data(_name(name), order, _only(children, tree.Column), span=span_of(children))

    def order(self, children: list[Child]) -> tree.Order:
        _, _, by, _, within = children
        return tree.Order(by and _name(by), within and _name(within), span=span_of(children))

    def column(self, children: list[Child]) -> tree.Column:
        name, dimensions, _, kind, optional, per, source, value = children
        return tree.Column(
            _name(name), _items(dimensions), kind, optional is not None, per, source, value and value.items[0], span=span_of(children)
        )

    def per(self, children: list[Child]) -> tree.SetName:
        return tree.SetName(children[1].value, span=span_of(children))

    def from_pattern(self, children: list[Child]) -> tree.FromPattern:
        return tree.FromPattern(children[1].value[1:-1], span=span_of(children))

    def from_range(self, children: list[Child]) -> tree.FromRange:
        return tree.FromRange(children[1].value[1:-1], children[3].value[1:-1], span=span_of(children))

    def from_list(self, children: list[Child]) -> tree.FromList:
        return tree.FromList(_labels(children), span=span_of(children))  # type: ignore[arg-type]

    def dimensions(self, children: list[Child]) -> _Part:
        return _Part(_nodes(children), span=span_of(children))

    def dimension(self, children: list[Child]) -> tree.Dimension:
        return tree.Dimension(children[0].value, children[1] is not None, span=span_of(children))

    def type(self, children: list[Child]) -> tree.Type:
        name, _, lower, _, upper, _ = children
        return tree.Type(name.value, None if lower is None else (lower, upper), span=span_of(children))

    def value(self, children: list[Child]) -> _Part:
        return _Part((children[1],), span=span_of(children))

    # Declarations -------------------------------------------------------------------------------------------------------

    def index(self, children: list[Child]) -> tree.IndexSet:
        _, name, ordered, _, within, _, members = children
        return tree.IndexSet(_name(name), ordered is not None, _set(within), members, span=span_of(children))

    def labels(self, children: list[Child]) -> tree.LabelList:
        return tree.LabelList(_labels(children), span=span_of(children))

    def number_range(self, children: list[Child]) -> tree.NumberRange:
        return tree.NumberRange(children[0], children[2], span=span_of(children))

    def input(self, children: list[Child]) -> tree.Input:
        _, name, dimensions, _, kind, optional, value = children
        return tree.Input(_name(name), _items(dimensions), kind, optional is not None, value and value.items[0], span=span_of(children))

    def param(self, children: list[Child]) -> tree.Param:
        _, target, _, kind, value = children
        return tree.Param(target, kind, value and value.items[0], span=span_of(children))

    def net(self, children: list[Child]) -> tree.Net:
        inputs = tuple(tree.SetName(one.value, span=_span(one)) for one in children[3:] if isinstance(one, Token) and one.type == "NAME")
        return tree.Net(_name(children[1]), inputs, _only(children, tree.Layer), _only(children, tree.Head), span=span_of(children))

    def layer(self, children: list[Child]) -> tree.Layer:
        width, activation = children
        return tree.Layer(int(width.value.lstrip("0") or "0"), activation.value, span=span_of(children))

    def head(self, children: list[Child]) -> tree.Head:
        name, dimensions, kind = children
        return tree.Head(name.value, _items(dimensions), kind, span=span_of(children))

    def of_type(self, children: list[Child]) -> tree.Type:
        return children[1]

    def weights(self, children: list[Child]) -> tree.Weights:
        return tree.Weights(_name(children[1]), children[3], span=span_of(children))

    def function(self, children: list[Child]) -> tree.Function:
        return tree.Function(_name(children[1]), _only(children, tree.FunctionArgument), children[-1], span=span_of(children))

    def function_argument(self, children: list[Child]) -> tree.FunctionArgument:
        name, dimensions, kind = children
        return tree.FunctionArgument(name.value, _items(dimensions), kind, span=span_of(children))

    # Relations ----------------------------------------------------------------------------------------------------------

    def relation(self, children: list[Child]) -> tree.Relation:
        report, target, kind, operator, right, *clauses = children
        return tree.Relation(target, kind, operator.value, right, tuple(clauses), report is not None, span=span_of(children))

    def target(self, children: list[Child]) -> tree.Target:
        return tree.Target(_name(children[0]), _nodes(children), span=span_of(children))

    def bound_axis(self, children: list[Child]) -> tree.Axis:
        return tree.Axis(children[0].value, children[2].value, span=span_of(children))

    def bare_axis(self, children: list[Child]) -> tree.Axis:
        return tree.Axis(None, children[0].value, span=span_of(children))

    def starting(self, children: list[Child]) -> tree.Starting:
        return tree.Starting(children[1], span=span_of(children))

    def weighted(self, children: list[Child]) -> tree.Weighted:
        return tree.Weighted(children[1], span=span_of(children))

    def where(self, children: list[Child]) -> tree.Where:
        return tree.Where(children[1], span=span_of(children))

    def fixing(self, children: list[Child]) -> tree.Fixing:
        return tree.Fixing(_label(children[1]), children[3], span=span_of(children))

    def factor(self, children: list[Child]) -> tree.Factor:
        return tree.Factor(children[1], tuple(children[2:]), span=span_of(children))

    def restrict(self, children: list[Child]) -> tree.Restrict:
        _, condition, generator = children
        binders, where = _items(generator) or ((), None)
        return tree.Restrict(condition, binders, where, span=span_of(children))

    def maximize(self, children: list[Child]) -> tree.Maximize:
        return tree.Maximize(children[1], span=span_of(children))

    def guide(self, children: list[Child]) -> tree.Guide:
        return tree.Guide(_only(children, tree.Relation), span=span_of(children))

    def guide_relation(self, children: list[Child]) -> tree.Relation:
        *notes, relation = children
        return replace(relation, notes=tuple(notes)) if notes else relation

    # Expressions --------------------------------------------------------------------------------------------------------

    def if_else(self, children: list[Child]) -> tree.IfElse:
        _, condition, _, then, _, otherwise = children
        return tree.IfElse(condition, then, otherwise, span=span_of(children))

    def disjunction(self, children: list[Child]) -> tree.Logical:
        return tree.Logical("or", tuple(children[::2]), span=span_of(children))

    def conjunction(self, children: list[Child]) -> tree.Logical:
        return tree.Logical("and", tuple(children[::2]), span=span_of(children))

    def logical_not(self, children: list[Child]) -> tree.Not:
        return tree.Not(children[1], span=span_of(children))

    def comparison(self, children: list[Child]) -> tree.Compare:
        left, operator, right = children
        return tree.Compare(operator.value, left, right, span=span_of(children))

    def sum(self, children: list[Child]) -> tree.Sum:
        return tree.Sum(_operators(children, "+"), span=span_of(children))  # type: ignore[arg-type]

    def product(self, children: list[Child]) -> tree.Product:
        return tree.Product(_operators(children, "*"), span=span_of(children))  # type: ignore[arg-type]

    def negate(self, children: list[Child]) -> tree.Negate:
        return tree.Negate(children[1], span=span_of(children))

    def power(self, children: list[Child]) -> tree.Power:
        return tree.Power(children[0], children[2], span=span_of(children))

    def at(self, children: list[Child]) -> tree.Index:
        base, *slots = children
        return tree.Index(base, _nodes(slots), span=span_of(children))

    def call(self, children: list[Child]) -> tree.Call:
        function, _, arguments, _ = children
        return tree.Call(function, _items(arguments), span=span_of(children))

    def field(self, children: list[Child]) -> tree.Field:
        return tree.Field(children[0], children[2].value, span=span_of(children))

    def whole(self, children: list[Child]) -> tree.Whole:
        return tree.Whole(span=span_of(children))

    def arguments(self, children: list[Child]) -> _Part:
        return _Part(_nodes(children), span=span_of(children))

    def argument(self, children: list[Child]) -> tree.Argument:
        element, generator = children
        if generator is None:
            return tree.Argument(None, element, span=element.span)
        binders, condition = generator.items
        span = span_of(children)
        return tree.Argument(None, tree.Generator(element, binders, condition, span=span), span=span)

    def named_argument(self, children: list[Child]) -> tree.Argument:
        return tree.Argument(children[0].value, children[2], span=span_of(children))

    def generator(self, children: list[Child]) -> _Part:
        *_, condition = children
        return _Part((_only(children, tree.Binder), condition), span=span_of(children))

    def binder(self, children: list[Child]) -> tree.Binder:
        return tree.Binder(children[1].value, children[3].value, span=span_of(children))

    def name(self, children: list[Child]) -> tree.Name:
        return _name(children[0])

    def number(self, children: list[Child]) -> tree.Number:
        return tree.Number(children[0].value, span=_span(children[0]))

    def text(self, children: list[Child]) -> tree.Text:
        return tree.Text(children[0].value[1:-1], span=_span(children[0]))

    def parenthesized(self, children: list[Child]) -> tree.Expression:
        """No node of its own; what stands inside then spans the parentheses too."""
        return replace(children[1], span=span_of(children))

    def table(self, children: list[Child]) -> tree.Table:
        return tree.Table(_nodes(children), span=span_of(children))
