"""A typed program as `.ppl` text, which parses and checks to an equal program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from itertools import repeat
from math import inf

from pplang._ir import expression as ir
from pplang._ir import program
from pplang._ir.kinds import NAMED, Interval, Kind, Member


def text(model: program.Program) -> str:
    """The whole program; statements in the order data, sets, inputs, params, nets, relations, terms, guide, reward."""
    token = _is_ambiguous.set(_ambiguous_in(model))
    try:
        return _text(model)
    finally:
        _is_ambiguous.reset(token)


def _text(model: program.Program) -> str:
    blocks = [
        [line for table in model.tables for line in _table(model, table)],
        [line for one in model.sets if one.declared for line in _index_set(one)],
        [line for one in model.inputs for line in _input(one)],
        [line for one in model.params for line in _param(one)],
        [line for one in model.nets for line in _net(one)],
        [line for one in model.sites for line in site_lines(one)],
        [line for one in model.factors for line in _factor(one)],
        [line for one in model.restrictions for line in _restrict(one)],
        _guide(model.guide) if model.guide is not None else [],
        [f"maximize {expression(model.reward.value)}"] if model.reward is not None else [],
    ]
    return "\n".join("".join(line + "\n" for line in block) for block in blocks if block)


_is_ambiguous: ContextVar[Callable[[ir.Member], bool]] = ContextVar("is_ambiguous", default=lambda label: False)
"""While a program is printed: would this label, written bare, be read as something else?"""


def _ambiguous_in(model: program.Program) -> Callable[[ir.Member], bool]:
    """A label is read as a bound variable of that name before all else; one that the model does not list, as a name or an index too."""
    names = {*model.column, *model.input, *model.param, *model.site}
    sites = (*model.sites, *(model.guide.sites if model.guide else ()))
    variables = {axis.variable for site in sites for axis in site.axes}
    expressions = [part for site in sites for part in (site.right, site.starting, site.weight, site.where, site.value) if part is not None]
    expressions += [one.value for one in model.factors]
    inside = (node for one in expressions for node in ir.walk(one) if isinstance(node, ir.Reduce | ir.Mixture))
    for node in inside:
        variables |= {one.variable for one in (node.binders if isinstance(node, ir.Reduce) else (node.binder,))}
    variables |= {one.variable for restrict in model.restrictions for one in restrict.binders}

    def is_ambiguous(label: ir.Member) -> bool:
        listed = label.set in model.set and isinstance(model.set[label.set].members, program.Labels)
        return label.label in variables or (not listed and (label.label in names or len(str(label.label)) == 1))

    return is_ambiguous


# statements


def _notes(notes: Iterable[program.Note]) -> Iterator[str]:
    for note in notes:
        yield f"@{note.name}({', '.join(map(expression, note.arguments))})" if note.arguments else f"@{note.name}"


def _table(model: program.Program, table: program.Table) -> Iterator[str]:
    yield from _notes(table.notes)
    order = "" if table.order is None else " ordered"
    if table.order is not None and table.order.by is not None:
        order += f" by {table.order.by}"
    if table.order is not None and table.order.within is not None:
        order += f" within {table.order.within}"
    yield f"data {table.name}{order}:"
    yield from (f"  {_column(model, column)}" for column in table.columns)


def _column(model: program.Program, column: program.Column) -> str:
    if column.key:
        return f"{column.name} : key"
    line = f"{column.name}{_bracketed(tuple(_own_axis(model, name) for name in column.sets[1:]))} : {column.structure or kind_text(column.kind)}{'?' if column.optional else ''}"
    if column.per is not None:
        line += f" per {column.per}"
    match column.source:
        case program.FromPattern(pattern):
            line += f" from {_quoted(pattern)}"
        case program.FromRange(first, last):
            line += f" from {_quoted(first)}..{_quoted(last)}"
        case program.FromList(columns):
            line += f" from {{{', '.join(map(label_text, columns))}}}"
    return line if column.value is None else f"{line} = {expression(column.value)}"


def _own_axis(model: program.Program, name: str) -> str:
    """The axis of a wide column; where only the columns make the set, its order is said here."""
    one = model.set[name]
    return f"{name} ordered" if one.ordered and isinstance(one.members, program.Columns) else name


def _index_set(index_set: program.IndexSet) -> Iterator[str]:
    yield from _notes(index_set.notes)
    within = f" within {index_set.within}" if index_set.within else ""
    yield f"index {index_set.name}{' ordered' if index_set.ordered else ''}{within} = {_members(index_set.members)}"


def _members(members: program.Members) -> str:
    match members:
        case program.Labels(labels):
            return "{" + ", ".join(map(label_text, labels)) + "}"
        case program.NumberRange(first, last):
            return f"{expression(first)}..{expression(last)}"
        case program.Gaps(name) | program.Free(name) | program.Pairs(name):
            return f"{type(members).__name__.lower()}({name})"
        case program.Subsample(name, count):
            return f"subsample({name}, {expression(count)})"
        case program.ProductSet(sets):
            return " * ".join(sets)
        case program.Without(name, labels):
            return f"without({', '.join([name, *map(label_text, labels)])})"
        case program.Empty(name):
            return f"empty({name})"
        case program.Distinct(names):
            return f"distinct({', '.join(names)})"
        case program.SumSet(sets):
            return " + ".join(sets)
    raise AssertionError(members)


def _input(one: program.Input) -> Iterator[str]:
    yield from _notes(one.notes)
    default = "" if one.default is None else f" = {expression(one.default)}"
    yield f"input {one.name}{_bracketed(one.sets)} : {one.structure or kind_text(one.kind)}{'?' if one.optional else ''}{default}"


def _param(one: program.Param) -> Iterator[str]:
    yield from _notes(one.notes)
    start = "" if one.start is None else f" = {expression(one.start)}"
    yield f"param {one.name}{_axes(one.axes)} : {one.structure or kind_text(one.kind)}{start}"


def _net(net: program.Net) -> Iterator[str]:
    yield from _notes(net.notes)
    layers = "".join(f" -> {width} {activation}" for width, activation in net.layers)
    heads = ", ".join(head.sets[0] if not head.name else head.name + _bracketed(head.sets) + _head_kind(head.kind) for head in net.heads)
    yield f"net {net.name} : {', '.join(net.inputs)}{layers} -> {heads}"
    if net.prior is not None:
        yield f"weights {net.name} ~ {expression(net.prior)}"


def _head_kind(kind: Kind) -> str:
    return "" if kind == NAMED["real"] else f" : {kind_text(kind)}"


def site_lines(site: program.Site) -> Iterator[str]:
    """One relation with its annotations and clauses; before it the definition of what it observes, where that is computed."""
    if site.value is not None:
        yield from site_lines(site.definition)
    yield from _notes(site.notes)
    declared = "" if site.declared_kind is None or site.value is not None else f" : {kind_text(site.declared_kind)}"
    operator = "=" if site.role == "deterministic" else "~"
    yield f"{'report ' if site.report else ''}{site.name}{_axes(site.axes)}{declared} {operator} {expression(site.right)}"
    if site.starting is not None:
        yield f"  starting {expression(site.starting)}"
    yield from _terms(site.weight, site.where)
    for label, value in site.fixing:
        yield f"  fixing {label_text(label)} = {expression(value)}"


def _terms(weight: ir.Expression | None, where: ir.Expression | None) -> Iterator[str]:
    if weight is not None:
        yield f"  weighted {expression(weight)}"
    if where is not None:
        yield f"  where {expression(where)}"


def _factor(factor: program.Factor) -> Iterator[str]:
    yield from _notes(factor.notes)
    yield f"factor {expression(factor.value)}"
    yield from _terms(factor.weight, factor.where)


def _restrict(one: program.Restrict) -> Iterator[str]:
    yield from _notes(one.notes)
    yield f"restrict {expression(one.condition)}{_generator(one.binders, one.where)}"


def _guide(guide: program.Guide) -> list[str]:
    return ["guide:", *(f"  {line}" for site in guide.sites for line in site_lines(site))]


def _bracketed(sets: tuple[str, ...]) -> str:
    return f"[{', '.join(sets)}]" if sets else ""


def _axes(axes: tuple[program.Axis, ...]) -> str:
    return _bracketed(tuple(axis.set if axis.variable is None else f"{axis.variable} in {axis.set}" for axis in axes))


def kind_text(kind: Kind) -> str:
    """A kind as a type name of the language."""
    if isinstance(kind, Member):
        return kind.set
    for name, named in NAMED.items():
        if kind == named:
            return name
    if isinstance(kind, Interval) and inf not in (-kind.lower, kind.upper):
        return f"{'int' if kind.integer else 'real'}({_bound(kind.lower)}, {_bound(kind.upper)})"
    return "real"


def _bound(value: float) -> str:
    return number(int(value)) if value == int(value) else number(value)


RESERVED = frozenset(
    "and by data else factor fixing fn for from guide if in index input maximize net not or ordered param per report restrict starting then "
    "weighted weights where within".split()
)
"""The words of the grammar, which cannot be names (a test compares them with the grammar)."""


def label_text(label: str | int) -> str:
    """A label as it is written in the model: bare where it can be, otherwise quoted."""
    if isinstance(label, int):
        return str(label)
    return label if label.isidentifier() and label not in RESERVED and label != "_" else _quoted(label)


def _quoted(value: str) -> str:
    return f'"{value}"'


# expressions

_OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _NEGATE, _POWER, _ATOM = range(1, 10)


def expression(node: ir.Expression) -> str:
    """An expression as text, with the fewest parentheses."""
    return _at(node, 0)


def _at(node: ir.Expression, least: int) -> str:
    """The text, in parentheses where it binds less tightly than its place asks for."""
    written, binding = _written(node)
    return f"({written})" if binding < least else written


def _written(node: ir.Expression) -> tuple[str, int]:
    match node:
        case ir.Number(value):
            return number(value), _ATOM
        case ir.Variable(name):
            return name, _ATOM
        case ir.Member(_, str(label)) if _is_ambiguous.get()(node):
            return _quoted(label), _ATOM
        case ir.Member(_, label):
            return label_text(label), _ATOM
        case ir.Lag(variable, ir.Number(by)):
            return f"{variable}-{by}" if by >= 0 else f"{variable}+{-by}", _SUM
        case ir.Lag(variable, ir.Variable(by)):
            return f"{variable}-{by}", _SUM
        case ir.Whole():
            return "_", _ATOM
        case ir.Reference(name, indices):
            return name + _indices(indices), _ATOM
        case ir.Size(name):
            return f"size({name})", _ATOM
        case ir.Given(name, indices):
            return f"given({name}{_indices(indices)})", _ATOM
        case ir.Completed(name, cells):
            return f"completed({name}, {_at(cells, 0)})", _ATOM
        case ir.Repeats(member):
            return f"repeats({_at(member, 0)})", _ATOM
        case ir.Part(member, name, occurrence):
            return f"{_at(member, _ATOM)}.{name}{f'_{occurrence}' if occurrence > 1 else ''}", _ATOM
        case ir.Sum(terms):
            return _chain(terms, _PRODUCT, " {} "), _SUM
        case ir.Product(factors):
            return _chain(factors, _NEGATE, " {} "), _PRODUCT
        case ir.Negate(operand):
            return f"-{_at(operand, _NEGATE)}", _NEGATE
        case ir.Power(base, exponent):
            return f"{_at(base, _ATOM)}^{_at(exponent, _NEGATE)}", _POWER
        case ir.Compare(operator, left, right):
            return f"{_at(left, _SUM)} {operator} {_at(right, _SUM)}", _COMPARE
        case ir.Logical(operator, operands):
            own = _AND if operator == "and" else _OR
            return f" {operator} ".join(map(_at, operands, repeat(own + 1))), own
        case ir.Not(operand):
            return f"not {_at(operand, _NOT)}", _NOT
        case ir.IfElse(condition, then, otherwise):
            return f"if {_at(condition, _OR)} then {_at(then, _OR)} else {_at(otherwise, 0)}", 0
    return _called(node), _ATOM


def _called(node: ir.Expression) -> str:
    match node:
        case ir.Call(function, arguments, keywords):
            named = [f"{name} = {written}" for (name, _), written in zip(keywords, _all(value for _, value in keywords), strict=True)]
            return f"{function}({', '.join([*_all(arguments), *named])})"
        case ir.NetCall(net, arguments, head):
            return f"{net}({', '.join(_all(arguments))})" + ("" if head is None else f".{head}")
        case ir.RecordField(base, name):
            return f"{_at(base, _ATOM)}.{name}"
        case ir.Element(table, indices):
            return _at(table, _ATOM) + _indices(indices)
        case ir.Reduce(operation, element, binders, condition):
            return f"{operation}({_at(element, 0)}{_generator(binders, condition)})"
        case ir.TableLiteral(items):
            return f"[{', '.join(_all(items))}]"
        case ir.Distribution(name, arguments):
            values = list(_all(value for _, value in arguments))
            return f"{name}({', '.join(_named(name, arguments, values))})"
        case ir.Mixture(component, binder, weights):
            return f"Mixture({_at(component, 0)} for {binder.variable} in {binder.set}, weights = {_at(weights, 0)})"
        case ir.Bijection(name, arguments):
            return f"{name}({', '.join(_all(arguments))})" if arguments else name
        case ir.LogDensity(distribution, value):
            return f"logpdf({_at(distribution, 0)}, {_at(value, 0)})"
    raise AssertionError(node)


def _chain(parts: tuple[tuple[str, ir.Expression], ...], least: int, joint: str) -> str:
    first, *rest = map(_at, (one for _, one in parts), repeat(least))
    return first + "".join(joint.format(operator) + one for (operator, _), one in zip(parts[1:], rest, strict=True))


def _indices(indices: tuple[ir.Expression, ...]) -> str:
    shown = tuple(one for one in indices if one != ir.Variable(program.ROW))
    return f"[{', '.join(_all(shown))}]" if shown else ""


def _all(nodes: Iterable[ir.Expression]) -> Iterator[str]:
    """Each as a text. By `map`, not a comprehension, which would be one more level of recursion in a deep expression."""
    return map(_at, nodes, repeat(0))


def _generator(binders: Iterable[ir.Binder], condition: ir.Expression | None) -> str:
    loops = "".join(f" for {one.variable} in {one.set}" for one in binders)
    return loops if condition is None else f"{loops} if {_at(condition, _OR)}"


def _named(name: str, arguments: tuple[tuple[str, ir.Expression], ...], written: list[str]) -> Iterator[str]:
    """By position as long as every form that could be meant reads it so; what follows a distribution or differs between forms by name."""
    from pplang._catalogue.distributions import DISTRIBUTIONS

    given = {argument for argument, _ in arguments}
    forms = [tuple(one.name for one in form.arguments) for form in DISTRIBUTIONS[name].forms]
    candidates = forms[:1] if given <= set(forms[0]) else forms
    by_position = True
    for place, ((argument, value), shown) in enumerate(zip(arguments, written, strict=True)):
        by_position = by_position and all(form[place : place + 1] == (argument,) for form in candidates)
        yield shown if by_position else f"{argument} = {shown}"
        by_position = by_position and not isinstance(value, ir.Distribution)


def number(value: int | float) -> str:
    """A number as the shortest text that reads back as the same float64."""
    if isinstance(value, int):
        return str(value)
    written = repr(value)
    mantissa, _, exponent = written.partition("e")
    return written if not exponent else f"{mantissa}e{int(exponent)}"
