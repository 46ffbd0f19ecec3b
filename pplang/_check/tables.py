"""Tables: their columns, what those are over, their order, and columns computed of others."""

from __future__ import annotations

from dataclasses import replace

from pplang._check.annotations import check_places, read_notes
from pplang._check.environment import Entry, Environment
from pplang._check.resolve import Resolver
from pplang._check.type_names import kind_of_type
from pplang._check.words import near, over_words
from pplang._ir import program as ir
from pplang._ir.kinds import NAMED, Boolean, Member
from pplang._syntax import tree


def declare_table(environment: Environment, node: tree.Data) -> ir.Table:
    """The record of a table; its columns become names of the program."""
    name = node.name.name
    keys = [one for one in node.columns if one.type.name == "key"]
    if len(keys) > 1:
        environment.report(
            "N09",
            f"two keys for {name}",
            keys[1].name.span,
            "one column says which row is which",
            help="keep one key; the other is a category",
        )
    columns = tuple(one for column in node.columns if (one := _column(environment, node, column)) is not None)
    notes = read_notes(environment, node.notes)
    check_places(environment, notes, "data")
    return ir.Table(name, columns, _order(environment, node, columns), notes, span=node.name.span)


def _order(environment: Environment, node: tree.Data, columns: tuple[ir.Column, ...]) -> ir.Order | None:
    if node.order is None:
        return None
    known = {one.name: one for one in columns}
    names = [one.name.name for one in node.columns]
    for part in (node.order.by, node.order.within):
        if part is not None and part.name not in names:
            meant = near(part.name, names)
            environment.report("T07", f"`{part.name}` is no column of {node.name.name}", part.span, f"did you mean `{meant}`?" if meant else "",
                               help="" if meant else f"add it to the columns: {part.name} : {'real' if part is node.order.by else part.name.capitalize()}")  # fmt: skip
        elif part is not None and part.name in known and known[part.name].optional:
            environment.report("T08", f"the order of {node.name.name} may have empty cells", part.span, f"`{part.name}` is declared with `?`",
                               help=f"write the type of {part.name} without `?`")  # fmt: skip
    by, within = node.order.by, node.order.within
    if (
        by is not None
        and by.name in known
        and (isinstance(known[by.name].kind, Member | Boolean) or known[by.name].per or len(known[by.name].sets) > 1)
    ):
        environment.report("T10", f"`{by.name}` gives no order", by.span, "rows are ordered by one number or date each",
                           help=f"order by a column of type real, int or date; groups stand after `within`: within {by.name}")  # fmt: skip
    if within is not None and within.name in known and not isinstance(known[within.name].kind, Member):
        environment.report("T09", f"`{within.name}` is not a category", within.span, "`within` names the groups",
                           help=f"give it a set of levels: {within.name} : {within.name[:1].upper()}{within.name[1:]}")  # fmt: skip
    return ir.Order(by.name if by else None, within.name if within else None)


_OF_MATRICES = ("correlation", "covariance", "correlation_cholesky")


def _column(environment: Environment, table: tree.Data, node: tree.Column) -> ir.Column | None:
    rows, name = table.name.name, node.name.name
    if node.type.name == "key":
        environment.keys[name] = rows
        return ir.Column(name, (rows,), Member(rows), key=True, span=node.name.span)
    kind, structure = kind_of_type(environment, node.type)
    base = _group(environment, table, node) if node.per is not None else rows
    sets = (base, *(one.set for one in node.dimensions))
    if not environment.define(name, node.name.span):
        return None
    entry = Entry(name, "column", sets, kind, node.name.span, structure, data=True, optional=node.optional, derived=node.value is not None)
    environment.entries[name] = entry
    source = _source(environment, node)
    if kind is None:
        return None
    if node.value is not None and node.optional:
        environment.report(
            "R11",
            "a computed column with `?`",
            node.name.span,
            "it is computed for every row",
            help=f"write its type without `?`: {name} : {node.type.name} = ...",
        )
    if structure is not None and (structure in _OF_MATRICES or not node.dimensions):
        lack = "a column holds no matrices" if structure in _OF_MATRICES else "it is a constraint on several columns together"
        edit = "give it as an input" if structure in _OF_MATRICES else f'write {name}[Part] : {structure} from "{name}_*"'
        environment.report("N21", f"`{structure}` as the type of one column", node.type.span, lack, help=edit)
    per = node.per.name if node.per else None
    return ir.Column(name, sets, kind, node.optional, per, source, None, structure, span=node.name.span)


def _group(environment: Environment, table: tree.Data, node: tree.Column) -> str:
    """The set of a column `per` group, which must be the category of some column of the same table."""
    assert node.per is not None
    found = node.per.name
    if not any(column.type.name == found for column in table.columns):
        label = f"no column of {table.name.name} is of type {found}"
        edit = f"add one: {found[:1].lower()}{found[1:]} : {found}"
        environment.report("D16", f"`per {found}` without a column that says which {found}", node.per.span, label, help=edit)
        return table.name.name
    return found


def _source(environment: Environment, node: tree.Column) -> ir.FromPattern | ir.FromRange | ir.FromList | None:
    name, axis = node.name.name, node.dimensions[0].set if node.dimensions else None
    match node.source:
        case tree.FromPattern(pattern):
            if pattern.count("*") > 1:
                environment.report(
                    "N19", "a pattern with more than one `*`", node.source.span, help="write one `*`, or list the columns: from {a, b}"
                )
            elif "*" in pattern and axis is None:
                environment.report("N19", f'many columns for one name: "{pattern}"', node.source.span, f"`{name}` is over the rows only",
                                   help=f'give the columns an index set: {name}[Gene] : {node.type.name} from "{pattern}"')  # fmt: skip
            elif "*" not in pattern and axis is not None:
                environment.report("N19", f'one column for many: "{pattern}"', node.source.span, f"`{name}` is {over_words((axis,))} too",
                                   help=f'put a `*` where the names differ, "{pattern}_*", or write {name} without brackets')  # fmt: skip
            return ir.FromPattern(pattern)
        case tree.FromRange(first, last):
            _many(environment, node, f'"{first}".."{last}"')
            return ir.FromRange(first, last)
        case tree.FromList(columns):
            _many(environment, node, "a list")
            return ir.FromList(tuple(one.name if isinstance(one, tree.Name) else one.value for one in columns))
    if axis is not None and node.value is None:
        environment.report("N18", f"which columns make up `{name}`?", node.name.span, f"it has a value for each {axis}",
                           help=f'say which: {name}[{axis}] : {node.type.name} from "{name}_*"')  # fmt: skip
    return None


def _many(environment: Environment, node: tree.Column, shown: str) -> None:
    if not node.dimensions:
        assert node.source is not None
        environment.report("N19", f"many columns for one name: {shown}", node.source.span, f"`{node.name.name}` is over the rows only",
                           help=f"give the columns an index set: {node.name.name}[Item] : {node.type.name} from ...")  # fmt: skip


def derived_columns(environment: Environment, node: tree.Data, table: ir.Table) -> ir.Table:
    """The table with the expressions of its computed columns resolved, which needs every name."""
    values = {}
    for column in node.columns:
        if column.value is not None:
            resolver = Resolver(environment, {ir.ROW: table.name}, row_table=table.name)
            values[column.name.name] = resolver.value(column.value)
    columns = tuple(replace(one, value=values[one.name]) if one.name in values and not one.key else one for one in table.columns)
    return replace(table, columns=columns)


def type_for_prior(entry: Entry) -> str:
    """A distribution that a name of this kind could have, for an example."""
    if isinstance(entry.kind, Boolean):
        return "Bernoulli(p)"
    if isinstance(entry.kind, Member):
        return "Categorical(p)"
    return "Poisson(rate)" if entry.kind in (NAMED["count"], NAMED["int"]) else "Normal(m, s)"
