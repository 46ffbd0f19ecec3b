"""What is said of the cells of columns: `given(income[v])`, `completed(income, cells)`, `index Cell = empty(income)` of one with `?`;
`index Kind = distinct(use, district)` and `repeats(r)` of those whose rows repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pplang._ir import expression as ir
from pplang._ir.program import Distinct
from pplang._source import Span
from pplang._syntax import tree

if TYPE_CHECKING:
    from pplang._check.resolve import Resolver

NAMES = ("given", "completed", "repeats")


def resolve_cells(resolver: Resolver, name: str, node: tree.Call) -> ir.Expression:
    """A call of one of `NAMES`."""
    return {"given": _given, "completed": _completed, "repeats": _repeats}[name](resolver, node)


def _given(resolver: Resolver, node: tree.Call) -> ir.Expression:
    match node.arguments:
        case (tree.Argument(None, tree.Index() | tree.Name() as argument),):
            cell = resolver.value(argument)
            if resolver.is_invalid(cell):
                return cell
            if isinstance(cell, ir.Reference):
                known = may_be_empty(resolver, cell.name, argument.span)
                return ir.Given(cell.name, cell.indices, span=node.span) if known else resolver.invalid(node.span)
    return resolver.report("N10", "`given` takes a cell of a column", node.span, help="write given(income[v])")


def _completed(resolver: Resolver, node: tree.Call) -> ir.Expression:
    match node.arguments:
        case (tree.Argument(None, tree.Name(name)), tree.Argument(None, cells)):
            found = resolver.value(cells)
            if not may_be_empty(resolver, name, node.arguments[0].span) or resolver.is_invalid(found):
                return resolver.invalid(node.span)
            return ir.Completed(name, found, span=node.span)
    return resolver.report("N10", "`completed` takes a column and what its empty cells hold", node.span,
                           help="write completed(income, cells), where cells is a table over a set: index Cell = empty(income)")  # fmt: skip


def _repeats(resolver: Resolver, node: tree.Call) -> ir.Expression:
    match node.arguments:
        case (tree.Argument(None, argument),):
            member = resolver.value(argument)
            if resolver.is_invalid(member):
                return member
            over = resolver.member_set(member)
            if over is not None and isinstance(resolver.environment.sets[over].members, Distinct):
                return ir.Repeats(member, span=node.span)
    return resolver.report("N10", "`repeats` takes a member of a set of different rows", node.span,
                           help="write index Kind = distinct(use, district), and repeats(k) for k in Kind")  # fmt: skip


def distinct_names(resolver: Resolver, node: tree.Call) -> tuple[str, ...] | None:
    """The columns and inputs in `distinct(use, district)`: over one set first, given as they are, without empty cells. Else reported (N10)."""
    columns = [one.value for one in node.arguments if one.name is None and isinstance(one.value, tree.Name)]
    names = [one.name for one in columns]
    entries = [resolver.environment.entries.get(name) for name in names]
    unknown = next((one for one, entry in zip(columns, entries, strict=True) if entry is None), None)
    if unknown is not None:
        resolver.unknown(unknown.name, unknown.span)
        return None
    fit = [one is not None and one.what in ("column", "input") and one.sets and not one.optional and not one.derived for one in entries]
    over = {one.sets[:1] for one in entries if one is not None}
    if names and len(names) == len(node.arguments) and all(fit) and len(over) == 1:
        return tuple(names)
    wrong = next((name for name, good in zip(names, fit, strict=True) if not good), None)
    what = "these are not all over one set" if wrong is None else f"`{wrong}` is not given for each row"
    resolver.report("N10", "`distinct` takes columns of one table", node.span, what,
                    help="write index Kind = distinct(use, district), of columns that are neither computed nor have empty cells")  # fmt: skip
    return None


def may_be_empty(resolver: Resolver, name: str, span: Span) -> bool:
    """Is it a column or input that may have empty cells? Reported (N10) when it is not."""
    entry = resolver.environment.entries.get(name)
    if entry is not None and entry.optional:
        return True
    what = "" if entry is None else f"`{name}` is {entry.words}" + (" without `?`" if entry.what in ("column", "input") else "")
    resolver.report("N10", f"`{name}` has no empty cells", span, what, help="give the name of a column or input whose type ends in `?`")
    return False


def mentioned_where_given(node: ir.Expression, name: str, where: ir.Expression | None = None) -> bool:
    """Is every mention of a column in an expression one of a cell that has a value, by `where` or by `if given(...) then`?"""
    pending = [(node, _cells_of(where, name))]
    while pending:
        one, known = pending.pop()
        match one:
            case ir.Reference(found, indices) if found == name and indices not in known:
                return False
            case ir.IfElse(condition, then, otherwise):
                pending += [(condition, known), (then, known | _cells_of(condition, name)), (otherwise, known)]
            case _:
                pending += [(child, known) for child in ir.children(one)]
    return True


def _cells_of(condition: ir.Expression | None, name: str) -> frozenset[tuple[ir.Expression, ...]]:
    """The cells of a column that have a value where a condition holds, by their indices."""
    parts = condition.operands if isinstance(condition, ir.Logical) and condition.operator == "and" else (condition,)
    return frozenset(one.indices for one in parts if isinstance(one, ir.Given) and one.name == name)


def of_given_cells(node: tree.Relation) -> bool:
    """Does a relation's `where` limit it to its own cells that have a value? Then it says nothing of the empty ones."""
    own = tuple(axis.variable for axis in node.target.axes)
    for clause in node.clauses:
        if isinstance(clause, tree.Where):
            parts = clause.value.operands if isinstance(clause.value, tree.Logical) and clause.value.operator == "and" else (clause.value,)
            if any(_is_own_cell(part, node.target.name.name, own) for part in parts):
                return True
    return False


def _is_own_cell(node: tree.Expression, name: str, axes: tuple[str | None, ...]) -> bool:
    match node:
        case tree.Call(tree.Name("given"), (tree.Argument(None, tree.Index(tree.Name(base), slots)),)):
            return base == name and tuple(one.name if isinstance(one, tree.Name) else None for one in slots) == axes
    return False
