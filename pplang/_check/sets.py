"""Index sets: which exist, and what their members are."""

from __future__ import annotations

from dataclasses import replace

from pplang._check import graph
from pplang._check.cells import distinct_names, may_be_empty
from pplang._check.environment import Environment
from pplang._check.resolve import Resolver
from pplang._check.type_names import literal
from pplang._ir import expression as ire
from pplang._ir import program as ir
from pplang._ir.kinds import NAMED, STRUCTURES
from pplang._syntax import tree

_DERIVED: dict[str, type[ir.Gaps] | type[ir.Free] | type[ir.Pairs]] = {"gaps": ir.Gaps, "free": ir.Free, "pairs": ir.Pairs}


def name_sets(environment: Environment, statements: tuple[tree.Statement, ...]) -> None:
    """Give every set an entry before anything refers to it: declared ones, tables, categories, matched columns."""
    for one in statements:
        if isinstance(one, tree.IndexSet):
            _new_set(environment, ir.IndexSet(one.name.name, ir.Levels(), one.ordered, True, span=one.name.span), one.name)
    tables = [one for one in statements if isinstance(one, tree.Data)]
    for table in tables:
        rows = ir.IndexSet(table.name.name, ir.Rows(table.name.name), table.order is not None, span=table.name.span)
        _new_set(environment, rows, table.name)
    for table in tables:
        for column in table.columns:
            _sets_of_column(environment, column)


def _new_set(environment: Environment, index_set: ir.IndexSet, name: tree.Name) -> None:
    first = name.name[:1]
    if first != first.upper():
        environment.report("N14", f"the index set `{name.name}` begins with a small letter", name.span,
                           help=f"index sets begin with a capital: {first.upper()}{name.name[1:]}")  # fmt: skip
    if environment.define(name.name, name.span):
        environment.sets[name.name] = index_set


def _sets_of_column(environment: Environment, column: tree.Column) -> None:
    """A capitalised type is a category whose levels form a set; matched columns form a set too."""
    name, sets = column.type.name, environment.sets
    known = name in NAMED or name in STRUCTURES or name == "key" or name in sets
    if not known and name[:1].isupper() and column.type.bounds is None:
        sets[name] = ir.IndexSet(name, ir.Levels(), span=column.type.span)
    for dimension in column.dimensions:
        before = sets.get(dimension.set)
        if before is None:
            sets[dimension.set] = ir.IndexSet(dimension.set, ir.Columns(), dimension.ordered, span=dimension.span)
        elif dimension.ordered and not before.declared:
            sets[dimension.set] = replace(before, ordered=True)


def declare_members(environment: Environment, statements: tuple[tree.Statement, ...]) -> None:
    """Read what each `index` statement says of its members."""
    declared = [one for one in statements if isinstance(one, tree.IndexSet)]
    for node in declared:
        name = node.name.name
        before = environment.sets.get(name)
        if before is None or before.span != node.name.span:
            continue  # defined twice, which is reported
        resolver = Resolver(environment)
        members = _members(resolver, node)
        within = None if node.within is None else resolver.set_name(node.within.name, node.within.span)
        if members is None:
            environment.broken.add(name)
        else:
            environment.sets[name] = replace(before, members=members, within=within)
    _circles(environment)


def _members(resolver: Resolver, node: tree.IndexSet) -> ir.Members | None:
    match node.members:
        case tree.LabelList(labels):
            return _labels(resolver, node, labels)
        case tree.NumberRange(first, last):
            return _range(resolver, node, first, last)
        case tree.Product(factors) if all(operator == "*" and isinstance(one, tree.Name) for operator, one in factors):
            names = [resolver.set_name(one.name, one.span) for _, one in factors if isinstance(one, tree.Name)]
            return ir.ProductSet(tuple(one for one in names if one)) if all(names) else None
        case tree.Sum(terms) if all(sign == "+" and isinstance(one, tree.Name) for sign, one in terms):
            names = [resolver.set_name(one.name, one.span) for _, one in terms if isinstance(one, tree.Name)]
            return _sum_set(resolver, node, tuple(one for one in names if one)) if all(names) else None
        case tree.Call(tree.Name(function), (argument,)) if function in _DERIVED:
            base = _set_argument(resolver, argument, function)
            return None if base is None else _DERIVED[function](base)
        case tree.Call(tree.Name("without"), (argument, first, *others)):
            base = _set_argument(resolver, argument, "without")
            left_out = [_label_without(resolver, one) for one in (first, *others)]
            return None if base is None or None in left_out else ir.Without(base, tuple(one for one in left_out if one is not None))
        case tree.Call(tree.Name("empty"), (tree.Argument(None, tree.Name(column)),)):
            return ir.Empty(column) if may_be_empty(resolver, column, node.members.span) else None
        case tree.Call(tree.Name("distinct"), (_, *_)):
            columns = distinct_names(resolver, node.members)
            return None if columns is None else ir.Distinct(columns)
        case tree.Call(tree.Name("subsample"), (argument, count)):
            base = _set_argument(resolver, argument, "subsample")
            size = resolver.value(count.value)
            return None if base is None or resolver.is_invalid(size) else ir.Subsample(base, size)
    name, written = node.name.name, resolver.environment.written(node.members.span)
    edit = f"for {written} members write index {name} = 1..{written}" if isinstance(node.members, tree.Number | tree.Name) else ""
    resolver.report("N15", f"this does not say which members `{name}` has", node.members.span,
                    help=edit or "write {a, b, c}, 1..n, Row * Col, gaps(S), subsample(S, n) or empty(column)")  # fmt: skip
    return None


def _label_without(resolver: Resolver, argument: tree.Argument) -> str | int | None:
    if argument.name is None and isinstance(argument.value, tree.Name | tree.Text | tree.Number):
        return label_of_syntax(argument.value)
    resolver.report("N10", "`without` takes a set and labels of it", argument.span, help="write without(Age, young)")
    return None


def _sum_set(resolver: Resolver, node: tree.IndexSet, names: tuple[str, ...]) -> ir.Members | None:
    twice = next((one for one in names if names.count(one) > 1), None)
    if twice is not None:
        resolver.report("N16", f"`{twice}` is listed twice in {node.name.name}", node.members.span, help="keep one of them")
        return None
    return ir.SumSet(names)


def _range(resolver: Resolver, node: tree.IndexSet, first: tree.Expression, last: tree.Expression) -> ir.Members | None:
    low, high = resolver.value(first), resolver.value(last)
    if resolver.is_invalid(low) or resolver.is_invalid(high):
        return None
    match low, high:
        case ire.Number(a), ire.Number(b) if a > b:
            resolver.report(
                "N15", f"`{node.name.name}` has no members", node.members.span, f"{a:g} is after {b:g}", help=f"write {b:g}..{a:g}"
            )
            return None
    return ir.NumberRange(low, high)


def _labels(resolver: Resolver, node: tree.IndexSet, labels: tuple[tree.Name | tree.Text | tree.Number, ...]) -> ir.Members:
    found: dict[str, str | int] = {}
    for one in labels:
        label = label_of_syntax(one)
        if str(label) in found:
            resolver.report("N16", f"`{label}` is listed twice in {node.name.name}", one.span, help="keep one of them")
        found.setdefault(str(label), label)
    return ir.Labels(tuple(found.values()))


def label_of_syntax(node: tree.Name | tree.Text | tree.Number) -> str | int:
    """A label as it stands in a list."""
    match node:
        case tree.Name(name):
            return name
        case tree.Text(value):
            return value
        case tree.Number(text):
            return int(literal(text)) if text.isdigit() else text


def _set_argument(resolver: Resolver, argument: tree.Argument, function: str) -> str | None:
    if isinstance(argument.value, tree.Name):
        return resolver.set_name(argument.value.name, argument.value.span)
    resolver.report("N12", "a value where an index set is needed", argument.span, help=f"give the name of a set: {function}(Opinion)")
    return None


def _circles(environment: Environment) -> None:
    """Sets that are made of one another have no members."""
    parents = {name: set(_needed(one.members)) & set(environment.sets) for name, one in environment.sets.items()}
    for names in graph.circles(list(environment.sets), parents):
        first = min(names, key=lambda name: environment.sets[name].span)
        shown = graph.shown_circle(names, first)
        environment.report(
            "G01",
            f"the set `{first}` is made of itself",
            environment.sets[first].span,
            shown,
            help="say what one of them holds: {a, b, c}, or 1..n",
        )
        environment.broken |= set(names)
        for name in names:
            environment.sets[name] = replace(environment.sets[name], members=ir.Levels())


def _needed(members: ir.Members) -> list[str]:
    match members:
        case ir.Gaps(name) | ir.Free(name) | ir.Pairs(name) | ir.Without(name):
            return [name]
        case ir.Subsample(name, count):
            return [name, *_sizes(count)]
        case ir.ProductSet(sets) | ir.SumSet(sets):
            return list(sets)
        case ir.NumberRange(first, last):
            return [*_sizes(first), *_sizes(last)]
    return []


def _sizes(node: ire.Expression) -> list[str]:
    return [one.set for one in ire.walk(node) if isinstance(one, ire.Size)]
