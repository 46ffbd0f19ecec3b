"""What stands between index brackets: bound variables, labels, steps in time, and other names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pplang._check.type_names import literal
from pplang._check.vocabulary import Invalid
from pplang._check.words import near, over_words
from pplang._ir import expression as ir
from pplang._ir import program
from pplang._source import Span
from pplang._syntax import tree

if TYPE_CHECKING:
    from pplang._check.resolve import Resolver


def resolve_slot(resolver: Resolver, node: tree.Expression, axis: str | None, *, lenient: bool) -> ir.Expression:
    """One index. A bare name is a bound variable, then a label of the set required there, then another name."""
    match node:
        case tree.Whole():
            return ir.Whole(span=node.span)
        case tree.Name():
            return _bare_name(resolver, node, axis, lenient=lenient)
        case tree.Text(value) if axis is not None:
            return label_of(resolver, axis, value, node.span)
        case tree.Text() if lenient:
            return resolver.invalid(node.span)
        case tree.Number(text) if axis is not None:
            return label_of(resolver, axis, int(literal(text)) if text.isdigit() else text, node.span)
        case tree.Negate(tree.Number(text)) if axis is not None and text.isdigit() and resolver.environment.is_range(axis):
            return label_of(resolver, axis, -int(literal(text)), node.span)
        case tree.Sum() if (lag := _lag(resolver, node)) is not None:
            return lag
    return resolver.value(node)


def _bare_name(resolver: Resolver, node: tree.Name, axis: str | None, *, lenient: bool) -> ir.Expression:
    name = node.name
    if name in resolver.visible or name in resolver.substituted:
        return resolver.value(node)
    if axis is not None and is_label(resolver, name, axis):
        return label_of(resolver, axis, name, node.span)
    if name in resolver.environment.entries:
        return resolver.value(node)
    if axis is not None:
        return _guessed_label(resolver, axis, name, node.span)
    return resolver.invalid(node.span) if lenient else resolver.value(node)


def _guessed_label(resolver: Resolver, axis: str, name: str, span: Span) -> ir.Expression:
    """A name that nothing defines. One small letter is far more often an index that nothing binds than a label of the data."""
    letter = len(name) == 1 and name.isascii() and name.islower()
    listed = axis not in resolver.environment.sets or resolver.environment.labels(axis) is not None or is_label(resolver, name, axis)
    if letter and not listed:
        return resolver.report("N02", f"`{name}` is used but never defined", span, f"nothing binds this index of {axis}",
                               help=f'bind it, {name} in {axis}, or index by a column; for the member of that name write "{name}"')  # fmt: skip
    return label_of(resolver, axis, name, span)


def is_label(resolver: Resolver, name: str, axis: str) -> bool:
    """Does the model itself list this label?"""
    if axis not in resolver.environment.sets:
        return False
    members = resolver.environment.sets[axis].members
    if isinstance(members, program.SumSet):
        return any(is_label(resolver, name, one) for one in members.sets)
    return name in map(str, resolver.environment.labels(axis) or ())


def label_of(resolver: Resolver, axis: str, label: str | int, span: Span) -> ir.Expression:
    """A label of a set; one whose members only the data will tell is checked when they arrive."""
    environment = resolver.environment
    if axis not in environment.sets or axis in environment.broken:
        return resolver.invalid(span)
    members = environment.sets[axis].members
    match members:
        case program.Labels(labels):
            found = next((one for one in labels if str(one) == str(label)), None)
            return _no_member(resolver, axis, label, span, labels) if found is None else ir.Member(axis, found, span=span)
        case program.SumSet(sets):
            place = next((one for one in sets if is_label(resolver, str(label), one)), None)
            if place is None:
                return _no_member(resolver, axis, label, span, [each for one in sets for each in environment.labels(one) or ()])
            return label_of(resolver, place, label, span)
        case program.NumberRange():
            return _number_label(resolver, axis, label, span)
        case program.Rows(table) if table in environment.keys.values():
            return ir.Member(axis, label, span=span)
        case program.Distinct() | program.Empty():
            return resolver.report("N08", f"`{label}` is not a member of {axis}", span, f"the data tell what the members of {axis} are: none can be named",
                                   help=f"bind a variable, i in {axis}")  # fmt: skip
        case program.Gaps() | program.Free() | program.Pairs() | program.Rows() if isinstance(label, str):
            return resolver.unknown(label, span) if label.isidentifier() else _no_member(resolver, axis, label, span, ())
    return ir.Member(axis, label, span=span)


def _number_label(resolver: Resolver, axis: str, label: str | int, span: Span) -> ir.Expression:
    if not isinstance(label, int):
        return resolver.unknown(label, span) if label.isidentifier() else _no_member(resolver, axis, label, span, ())
    known = resolver.environment.range_kind(axis)
    if not known.lower <= label <= known.upper:
        return resolver.report("N08", f"{label} is not a member of {axis}", span, f"{axis} goes from {known.lower:g} to {known.upper:g}")
    return ir.Member(axis, label, span=span)


def _no_member(resolver: Resolver, axis: str, label: str | int, span: Span, labels: Sequence[str | int]) -> ir.Expression:
    meant = near(str(label), labels)
    shown = ", ".join(map(str, labels[:8])) + (", ..." if len(labels) > 8 else "")
    label_text = f"did you mean `{meant}`?" if meant else f"{axis} has {shown}" if labels else f"the members of {axis} are numbered"
    return resolver.report("N08", f"`{label}` is not a member of {axis}", span, label_text)


def _lag(resolver: Resolver, node: tree.Sum) -> ir.Lag | None:
    """`t - 1`, `t + 1`, `t - k`: a step from a bound variable."""
    if len(node.terms) != 2:
        return None
    (_, first), (sign, second) = node.terms
    if not isinstance(first, tree.Name) or first.name not in resolver.visible:
        return None
    variable = resolver.visible[first.name]
    if isinstance(second, tree.Number) and second.text.isdigit():
        step = int(literal(second.text))
        return ir.Lag(variable, ir.Number(step if sign == "-" else -step), span=node.span)
    if isinstance(second, tree.Name) and second.name in resolver.visible and sign == "-":
        return ir.Lag(variable, ir.Variable(resolver.visible[second.name], span=second.span), span=node.span)
    return None


# whole indexings


def whole_column(resolver: Resolver, node: tree.Index) -> ir.Reference | None:
    """In a derived column, a column with all its indices written is not this row's: `height[j]` in `mean(height[j] for j in Person)`."""
    entry = resolver.environment.entries.get(node.base.name) if isinstance(node.base, tree.Name) else None
    if resolver.row_table is None or entry is None or len(node.slots) != len(entry.sets):
        return None
    return ir.Reference(entry.name, span=node.base.span)


def too_many(resolver: Resolver, node: tree.Index, base: ir.Reference, axes: tuple[str, ...]) -> ir.Expression:
    """More indices than axes."""
    name = base.name
    for position, slot in enumerate(node.slots):
        resolver.slot(slot, axes[position] if position < len(axes) else None, lenient=True)
    kept = ", ".join(resolver.environment.written(slot.span) for slot in node.slots[: len(axes)])
    return resolver.report("D05", "more indices than the name has", node.span, f"`{name}` is {over_words(axes)}",
                           help=f"write {name}[{kept}]" if axes else f"write {name} without brackets")  # fmt: skip


def fill(before: tuple[ir.Expression, ...], slots: Sequence[ir.Expression]) -> tuple[ir.Expression, ...]:
    """Indices put into the axes that an earlier indexing left whole."""
    rest = list(slots)
    filled = [rest.pop(0) if isinstance(one, ir.Whole) and rest else one for one in before]
    return (*filled, *rest)


# labels in comparisons


def may_be_label(resolver: Resolver, node: tree.Expression) -> bool:
    """Could this side of a comparison be a label?"""
    match node:
        case tree.Text():
            return True
        case tree.Number(text):
            return text.isdigit()
        case tree.Name(name):
            return name not in resolver.visible and name not in resolver.substituted and name not in resolver.environment.entries
    return False


def label_beside(resolver: Resolver, node: tree.Expression, other: ir.Expression) -> ir.Expression:
    """One side of a comparison, as a label of the set of the other side if that is a member of one."""
    if isinstance(other, Invalid):
        return resolver.invalid(node.span)
    axis = resolver.member_set(other)
    match node:
        case tree.Number(text):
            return (
                resolver.value(node)
                if axis is None or resolver.environment.is_range(axis)
                else label_of(resolver, axis, int(literal(text)), node.span)
            )
        case tree.Text(label) | tree.Name(label):
            if axis is None and resolver.typing(other).kind is None:
                axis = _only_set_with(resolver, label)
            return resolver.value(node) if axis is None else label_of(resolver, axis, label, node.span)
    return resolver.value(node)


def _only_set_with(resolver: Resolver, label: str) -> str | None:
    """The one set that lists a label, for a comparison with something whose kind is not known yet (a discrete state and its own past)."""
    found = [name for name in resolver.environment.sets if is_label(resolver, label, name)]
    return found[0] if len(found) == 1 else None
