"""Statements as rows: the lines of a file before they are aligned and broken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pplang._source import Span
from pplang._syntax import tree
from pplang._syntax.expression_text import argument_list, binder_text, document, expression_text
from pplang._syntax.pretty import Break, Document, flat, group

BODY_INDENT = 2


@dataclass(frozen=True)
class Row:
    """One logical line, `left mark right`.

    kind: neighbours of one kind align their marks; empty for rows that do not take part. role: a note or a clause belongs to the row
    beside it and does not separate neighbours; a head opens the body of a `data` or `guide`. in_body: stands in such a body.
    """

    span: Span
    left: str
    mark: str = ""
    right: Document = ""
    kind: str = ""
    indent: int = 0
    role: Literal["", "head", "note", "clause"] = ""
    in_body: bool = False


def rows(statement: tree.Statement) -> Iterator[Row]:
    """The rows of a statement, in the order in which they stand in a file."""
    yield from _notes(statement.notes)
    match statement:
        case tree.Data():
            yield from _data(statement)
        case tree.Guide(span=span, statements=relations):
            yield Row(Span(span.start, span.start + len("guide")), "guide:", role="head")
            yield from (_into_body(row) for relation in relations for row in rows(relation))
        case tree.Relation():
            yield from _relation(statement)
        case tree.Factor(span=span, value=value, clauses=clauses):
            yield Row(Span(span.start, value.span.end), "factor", right=document(value))
            yield from _clauses(clauses)
        case _:
            yield _single(statement)


def _single(statement: tree.Statement) -> Row:
    """The row of a statement that has only one."""
    span = statement.span
    match statement:
        case tree.IndexSet(name=name, members=members):
            left, kind = f"index {name.name}", "index"
            if statement.ordered or statement.within is not None:
                left += (" ordered" if statement.ordered else "") + (f" within {statement.within.name}" if statement.within else "")
                kind = ""
            return Row(span, left, "=", _members(members), kind)
        case tree.Input(name=name, dimensions=dimensions, type=kind_of, optional=optional, default=default):
            return Row(span, f"input {name.name}{_dimensions(dimensions)}", ":", _type(kind_of, optional, default), "input")
        case tree.Param(target=target, type=kind_of, start=start):
            return Row(span, f"param {_target(target)}", ":", _type(kind_of, False, start), "param")
        case tree.Net():
            return Row(span, f"net {statement.name.name}", ":", _net(statement), "net")
        case tree.Weights(net=net, distribution=distribution):
            return Row(span, f"weights {net.name}", "~", document(distribution))
        case tree.Function(name=name, arguments=arguments, body=body):
            listed = ", ".join(one.name + _dimensions(one.dimensions) + _of_type(one.type) for one in arguments)
            return Row(span, f"fn {name.name}({listed})", "=", document(body))
        case tree.Restrict(condition=condition, binders=binders, where=where):
            return Row(span, "restrict", right=group(document(condition), _restriction(binders, where)))
        case tree.Maximize(value=value):
            return Row(span, "maximize", right=document(value))
    raise AssertionError(statement)


def _into_body(row: Row) -> Row:
    return replace(row, indent=row.indent + BODY_INDENT, in_body=True)


def _notes(notes: Sequence[tree.Note]) -> Iterator[Row]:
    for note in notes:
        arguments = flat(argument_list(note.arguments)) if note.arguments else ""
        yield Row(note.span, f"@{note.name}{arguments}", role="note")


def _data(data: tree.Data) -> Iterator[Row]:
    head = f"data {data.name.name}{_order(data.order)}:"
    yield Row(Span(data.span.start, (data.order or data.name).span.end), head, role="head")
    for column in data.columns:
        kind_of = [_type(column.type, column.optional, None)]
        kind_of += [f" per {column.per.name}"] if column.per is not None else []
        kind_of += [" from ", _source(column.source)] if column.source is not None else []
        kind_of += [_default(column.value)] if column.value is not None else []
        left = column.name.name + _dimensions(column.dimensions)
        yield _into_body(Row(column.span, left, ":", group(*kind_of, nest=4), "column"))


def _order(order: tree.Order | None) -> str:
    if order is None:
        return ""
    by = f" by {order.by.name}" if order.by is not None else ""
    within = f" within {order.within.name}" if order.within is not None else ""
    return f" ordered{by}{within}"


def _source(source: tree.FromPattern | tree.FromRange | tree.FromList) -> Document:
    match source:
        case tree.FromPattern(pattern=pattern):
            return f'"{pattern}"'
        case tree.FromRange(first=first, last=last):
            return f'"{first}".."{last}"'
        case tree.FromList(columns=columns):
            return _label_list(columns)


def _label_list(labels: Sequence[tree.Name | tree.Text | tree.Number]) -> Document:
    parts: list[Document] = ["{"]
    for i, label in enumerate(labels):
        parts += [",", Break(" "), _label(label)] if i else [_label(label)]
    return group(*parts, "}", nest=4)


def _label(label: tree.Name | tree.Text | tree.Number) -> str:
    return expression_text(label)


def _dimensions(dimensions: Sequence[tree.Dimension]) -> str:
    inside = ", ".join(one.set + (" ordered" if one.ordered else "") for one in dimensions)
    return f"[{inside}]" if dimensions else ""


def _type(kind_of: tree.Type, optional: bool, default: tree.Expression | None) -> Document:
    text = kind_of.name
    if kind_of.bounds is not None:
        lower, upper = kind_of.bounds
        text += f"({expression_text(lower)}, {expression_text(upper)})"
    text += "?" if optional else ""
    return text if default is None else group(text, _default(default), nest=4)


def _default(value: tree.Expression) -> Document:
    return group(Break(" "), "= ", document(value))


def _of_type(kind_of: tree.Type | None) -> str:
    return "" if kind_of is None else " : " + flat(_type(kind_of, False, None))


def _members(members: tree.LabelList | tree.NumberRange | tree.Expression) -> Document:
    match members:
        case tree.LabelList(labels=labels):
            return _label_list(labels)
        case tree.NumberRange(first=first, last=last):
            plain = isinstance(first, tree.Number | tree.Name) and isinstance(last, tree.Number | tree.Name)
            dots = ".." if plain else " .. "
            return group(document(first), dots, document(last))
    return document(members)


def _net(net: tree.Net) -> Document:
    parts: list[Document] = [", ".join(one.name for one in net.inputs)]
    for layer in net.layers:
        parts += [Break(" "), f"-> {layer.width} {layer.activation}"]
    heads = ", ".join(one.name + _dimensions(one.dimensions) + _of_type(one.type) for one in net.heads)
    return group(*parts, Break(" "), f"-> {heads}", nest=4)


def _target(target: tree.Target) -> str:
    axes = ", ".join(axis.set if axis.variable is None else f"{axis.variable} in {axis.set}" for axis in target.axes)
    return target.name.name + (f"[{axes}]" if target.axes else "")


def _relation(relation: tree.Relation) -> Iterator[Row]:
    left = ("report " if relation.report else "") + _target(relation.target) + _of_type(relation.type)
    span = Span(relation.span.start, relation.right.span.end)
    yield Row(span, left, relation.operator, document(relation.right), "relation")
    yield from _clauses(relation.clauses)


def _clauses(clauses: Sequence[tree.Clause]) -> Iterator[Row]:
    for clause in clauses:
        word = type(clause).__name__.lower()
        value = document(clause.value)
        right = group(f"{_label(clause.label)} = ", value) if isinstance(clause, tree.Fixing) else value
        yield Row(clause.span, word, right=right, indent=BODY_INDENT, role="clause")


def _restriction(binders: Sequence[tree.Binder], where: tree.Expression | None) -> Document:
    text = "".join(f" {binder_text(one)}" for one in binders)
    return text if where is None else group(f"{text} if ", document(where, 1))
