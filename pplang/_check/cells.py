"""What is said of the cells of a column with `?`: `given(income[v])`, `completed(income, cells)`, `index Cell = empty(income)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pplang._ir import expression as ir
from pplang._source import Span
from pplang._syntax import tree

if TYPE_CHECKING:
    from pplang._check.resolve import Resolver

NAMES = ("given", "completed")


def resolve_cells(resolver: Resolver, name: str, node: tree.Call) -> ir.Expression:
    """A call of one of `NAMES`."""
    return _given(resolver, node) if name == "given" else _completed(resolver, node)


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


def may_be_empty(resolver: Resolver, name: str, span: Span) -> bool:
    """Is it a column or input that may have empty cells? Reported (N10) when it is not."""
    entry = resolver.environment.entries.get(name)
    if entry is not None and entry.optional:
        return True
    what = "" if entry is None else f"`{name}` is {entry.words}" + (" without `?`" if entry.what in ("column", "input") else "")
    resolver.report("N10", f"`{name}` has no empty cells", span, what, help="give the name of a column or input whose type ends in `?`")
    return False


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
