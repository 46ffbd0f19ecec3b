"""The left side of a relation against its right: bound axes are plates, bare axes are filled by one draw or one table."""

from __future__ import annotations

from pplang._check.arguments import list_length
from pplang._check.draws import event_letters
from pplang._check.environment import Entry, Environment
from pplang._check.known import Typing
from pplang._check.signatures import ANY
from pplang._check.types import Typer
from pplang._check.words import bound_axes, fresh_letters, over_words, sets_words
from pplang._ir import expression as ire
from pplang._ir import program as ir
from pplang._source import Span
from pplang._syntax import tree


def axes_fit(environment: Environment, node: tree.Relation, before: Entry, axes: tuple[ir.Axis, ...]) -> bool:
    """Does a relation for a column or input go over the sets of its values? (D15)"""
    sets = tuple(axis.set for axis in axes)
    fits = len(sets) == len(before.sets) and all(environment.indexes(a, b) for a, b in zip(sets, before.sets, strict=True))
    if not fits and all(axis.set in environment.sets for axis in axes):
        # The user's own letter, where there is one for each axis.
        own = [axis.variable for axis in node.target.axes]
        letters = [one or "i" for one in own] if len(own) == len(before.sets) else fresh_letters(before.sets, environment.entries)
        left = ", ".join(f"{letter} in {name}" for letter, name in zip(letters, before.sets, strict=True))
        name = node.target.name.name
        environment.report("D15", f"`{name}` is {over_words(before.sets)}", node.target.span, f"the left side is {over_words(sets)}",
                           help=f"write {name}[{left}]" if left else f"write {name}, without brackets")  # fmt: skip
    return fits


def draw_fills(environment: Environment, node: tree.Relation, right: ire.Expression) -> bool:
    """Does one draw fill exactly the bare axes? (D03, D04)"""
    letters = event_letters(right)
    bare = [one for one in node.target.axes if one.variable is None]
    bound = [one for one in node.target.axes if one.variable is not None]
    if len(bare) == len(letters):
        return True
    if not letters:
        _scalar_over_bare(environment, node, right, bare)
    elif not bare and len(bound) >= len(letters):
        _joint_split(environment, node, right, bound[-len(letters) :])
    else:
        _wrong_number(environment, node, right, len(bare), len(letters))
    return False


def _shown(right: ire.Expression) -> str:
    return right.name if isinstance(right, ire.Distribution) else "Mixture"


def _scalar_over_bare(environment: Environment, node: tree.Relation, right: ire.Expression, bare: list[tree.Axis]) -> None:
    taken = {*environment.entries, *(one.variable for one in node.target.axes if one.variable)}
    letters = fresh_letters([one.set for one in bare], taken)
    written = ", ".join(f"{one.variable or letters.pop(0)} in {one.set}" for one in node.target.axes)
    environment.report("D03", "a scalar distribution cannot fill a bare axis", bare[0].span, f"{_shown(right)} draws one number",
                       help=f"for one independent draw per member write {node.target.name.name}[{written}]")  # fmt: skip


def _joint_split(environment: Environment, node: tree.Relation, right: ire.Expression, split: list[tree.Axis]) -> None:
    written = ", ".join(one.set if one in split else f"{one.variable} in {one.set}" for one in node.target.axes)
    sets = " x ".join(one.set for one in split)
    what = "matrix" if len(split) == 2 else "table"
    place = Span(split[0].span.start, split[-1].span.end)
    environment.report("D04", "a joint draw split into separate ones", place, f"{_shown(right)} draws the whole {sets} {what} at once",
                       help=f"write {node.target.name.name}[{written}] ~ {environment.written(node.right.span, _shown(right) + '(...)')}")  # fmt: skip


def _wrong_number(environment: Environment, node: tree.Relation, right: ire.Expression, bare: int, needed: int) -> None:
    sets = [one.set for one in node.target.axes if one.variable is None][:needed]
    sets += ["K"] * (needed - len(sets)) if not sets else [sets[-1]] * (needed - len(sets))
    plates = [f"{one.variable} in {one.set}" for one in node.target.axes if one.variable is not None]
    written = f"{node.target.name.name}[{', '.join([*plates, *sets])}] ~ {environment.written(node.right.span, _shown(right) + '(...)')}"
    where_k = ", with an index set for K, such as index K = 1..3" if "K" in sets and "K" not in environment.sets else ""
    table = "matrix, over two bare axes" if needed == 2 else "table, over one bare axis"
    environment.report("D04", f"{_shown(right)} draws a whole table at once", node.target.span,
                       f"it fills a {table}; here {'is' if bare == 1 else 'are'} {('none', 'one', 'two', 'three')[bare] if bare < 4 else bare}",
                       help=f"write {written}{where_k}")  # fmt: skip


def value_fills(typer: Typer, node: tree.Relation, typing: Typing, right: ire.Expression, event: tuple[str, ...]) -> None:
    """In `x[...] = e`, e is over exactly the bare axes: the left side is the shape. (D01, D10, D12)"""
    if typing.kind is None or typing.sets == event:
        return
    if isinstance(right, ire.TableLiteral) and len(event) == 1:
        list_length(typer, right, event[0])
    elif isinstance(right, ire.TableLiteral):
        typer.report("D10", "a list that fills no axis", right.span, "a list is a table over one set",
                     help=f"name the set on the left: {node.target.name.name}[K] = [...], with index K = {{...}}")  # fmt: skip
    elif ANY in typing.sets:
        return
    elif not event:
        typer.whole_table(right, typing)
    else:
        name, sets = node.target.name.name, [axis.set for axis in node.target.axes]
        letters = bound_axes(sets, typer.environment.entries)
        typer.report("D10", "the two sides have different axes", right.span, f"the left side is {over_words(event)}; this has {sets_words(typing.sets)}",
                     help=f"to compute one element at a time bind variables: {name}[{letters}] = ...")  # fmt: skip
