"""Faults of typing that are told in several places, each with the edit that mends it."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from pplang._check.environment import Environment
from pplang._check.words import an, fresh_letters, kind_words, sets_words
from pplang._diagnostics import Label
from pplang._ir import expression as ir
from pplang._ir import program
from pplang._ir.kinds import Date, Interval, Kind, Member, Record
from pplang._ir.text import expression, label_text
from pplang._source import NOWHERE

Variables = Mapping[str, str]
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "next")


def whole_table(environment: Environment, variables: Variables, node: ir.Expression, sets: tuple[str, ...]) -> None:
    """D01: a table where one number is needed."""
    shown, hint = "this", "say which one, by an index in brackets"
    if isinstance(node, ir.Reference):
        shown, hint = f"`{node.name}`", _way_to_index(environment, variables, node, sets)
    environment.report("D01", "a whole table where one number is needed", node.span, f"{shown} has {sets_words(sets)}", help=hint)


def _way_to_index(environment: Environment, variables: Variables, node: ir.Reference, sets: tuple[str, ...]) -> str:
    """`say which one: a[county[i]]`, through the bound variables and the columns that lead to each set."""
    written = environment.written(node.span, node.name).removesuffix("]").rstrip()
    before = f"{written}, " if "[" in written else f"{written}["
    ways = [_way_to(environment, variables, axis) for axis in sets]
    if all(ways) and len(set(ways)) == len(ways):
        return f"say which one: {before}{', '.join(ways)}]" + _gives(environment, variables, sets)
    letters = fresh_letters(sets, {*variables, *environment.entries})
    loops = " ".join(f"for {letter} in {axis}" for letter, axis in zip(letters, sets, strict=True))
    labels = environment.labels(sets[0]) if len(sets) == 1 and sets[0] in environment.sets else None
    which = f"{before}{labels[0]}]" if labels else f"{before}...]"
    return f"say which one, {which}, or take all of them: sum({before}{', '.join(letters)}] {loops})"


def _way_to(environment: Environment, variables: Variables, axis: str) -> str:
    """An index of a set that is at hand: a bound variable, or a column at one; empty if there is none."""
    for variable, over in variables.items():
        if over == axis:
            return variable
    for variable, over in variables.items():
        column = environment.column_to(over, axis)
        if column is not None:
            return f"{column}[{variable}]"
    return ""


def _gives(environment: Environment, variables: Variables, sets: tuple[str, ...]) -> str:
    for axis in sets:
        column, bracket, variable = _way_to(environment, variables, axis).rstrip("]").partition("[")
        if bracket:
            return f"    (`{column}` gives each {variables[variable]} its {axis})"
    return ""


def not_a_number(environment: Environment, node: ir.Expression, kind: Kind) -> None:
    """K03: a member, a row or a record in arithmetic."""
    written = environment.written(node.span)
    if isinstance(kind, Record):
        name, sets, _ = kind.fields[0]
        parts = " and ".join(one for one, _, _ in kind.fields)
        environment.report("K03", "several outputs of a net where a number is needed", node.span, f"its parts are {parts}",
                           help=f"take one element of one part: {written}.{name}[{', '.join(sets)}]")  # fmt: skip
    elif isinstance(kind, Member):
        members = environment.sets[kind.set].members if kind.set in environment.sets else None
        if isinstance(members, program.Rows):
            label, edit = f"this is a row of {kind.set}, not a number", f"take a column at this row, x[{written}]"
        else:
            letter = fresh_letters([kind.set], environment.entries)[0]
            label = f"this is the name of {an(kind.set)}, not a number"
            edit = f"to give each {kind.set} a number define a table, effect[{letter} in {kind.set}] ~ ..., and write effect[{written}]"
        environment.report("K03", f"{an(kind.set)} where a number is needed", node.span, label, help=edit)


def wrong_order(environment: Environment, node: ir.Reference, found: list[str], axes: tuple[str, ...]) -> bool:
    """D02 for the right indices in another order; False when it is something else."""
    if len(found) != len(axes) or sorted(found) != sorted(axes) or len(set(axes)) != len(axes):
        return False
    written = ", ".join(environment.written(node.indices[found.index(axis)].span) for axis in axes)
    environment.report(
        "D02",
        "indices in another order",
        node.span,
        f"`{node.name}` is over {', '.join(axes)}, in this order",
        help=f"write {node.name}[{written}]",
    )
    return True


def wrong_set(environment: Environment, variables: Variables, index: ir.Expression, found: str, axis: str, name: str, place: int) -> None:
    """D02: an index of another set than the axis has."""
    shown = environment.written(index.span, "this")
    way = ""
    if isinstance(index, ir.Variable):
        column = environment.column_to(found, axis)
        way = f"the {axis} of {found} {index.name} is {column}[{index.name}]" if column else ""
    nearest = _way_to(environment, variables, axis)
    way = way or (
        f"an index of {axis} here is {nearest}"
        if nearest
        else f"an index of {axis} is a variable bound by `in {axis}`, one of its labels, or a column of type {axis}"
    )
    environment.report("D02", "an index from the wrong set", index.span,
                       f"`{shown}` is {an(found)}; the {ordinal(place)} index of {name} is {an(axis)}", help=way)  # fmt: skip


def no_member(environment: Environment, index: ir.Expression, kind: Kind, axis: str, name: str, place: int) -> None:
    """D06: a number as an index."""
    edit = f"write one of the members of {axis}, or a variable bound by `in {axis}`"
    if isinstance(index, ir.Reference):
        entry = environment.entries[index.name]
        if entry.what in ("column", "input"):
            edit = f"if its values name members of {axis}, declare that: {index.name} : {axis}"
    environment.report(
        "D06",
        "an index that is no member of a set",
        index.span,
        f"this is {kind_words(kind)}; the {ordinal(place)} index of {name} is {an(axis)}",
        help=edit,
    )


def ordinal(place: int) -> str:
    return _ORDINALS[min(place, len(_ORDINALS) - 1)]


def number_for_a_table(environment: Environment, argument: ir.Expression, why: str) -> None:
    """D08: one number, or one element, where a whole table is needed."""
    edit = "give it a table"
    if isinstance(argument, ir.Reference) and argument.indices:
        edit = f"leave out the index: {argument.name}"
    environment.report("D08", "one number where a table is needed", argument.span, why, help=edit)


def domain(environment: Environment, function: str, argument: ir.Expression, wanted: Interval | None, found: Interval | None) -> None:
    """K01: a value that can never lie in a function's domain; one that only may not is the user's assertion."""
    if found is None or wanted is None:
        return
    touching = (found.upper == wanted.lower and (found.upper_open or wanted.lower_open)) or (
        found.lower == wanted.upper and (found.lower_open or wanted.upper_open)
    )
    if found.upper < wanted.lower or found.lower > wanted.upper or touching:
        environment.report(
            "K01",
            f"`{function}` of a value outside its domain",
            argument.span,
            f"this is {kind_words(found)}; {function} takes what is {kind_words(wanted)}",
            help="leave out the minus sign" if isinstance(argument, ir.Negate) else "look at its sign, and at its bounds",
        )


def unordered_comparison(environment: Environment, node: ir.Compare, name: str) -> None:
    """K04: `<` between members of a set without an order."""
    environment.report("K04", f"`{node.operator}` between members of {name}, which has no order", node.span, "only == and != have a meaning here",
                       help=f"if the order counts, say so: {_ordered_declaration(environment, name)}")  # fmt: skip


def no_order(environment: Environment, node: ir.Lag, over: str) -> None:
    """T02: a step along a set that has no order."""
    step = environment.written(node.span, expression(node))
    declared = environment.sets[over].span
    labels = () if declared == NOWHERE else (Label(declared, f"{over} has no order"),)
    environment.report(
        "T02",
        f"`{step}` needs an order",
        node.span,
        "" if labels else f"{over} has no order",
        help=_ordered_declaration(environment, over),
        labels=labels,
    )


def _ordered_declaration(environment: Environment, name: str) -> str:
    """The declaration of a set, with its order."""
    found = environment.sets[name]
    match found.members:
        case program.Rows():
            dates = [one.name for one in environment.entries.values() if one.sets == (name,) and isinstance(one.kind, Date)]
            return (
                f"data {name} ordered by {dates[0]}:"
                if dates
                else f"data {name} ordered by its column of times, or data {name} ordered: as its rows stand"
            )
        case program.Labels(labels):
            return f"index {name} ordered = {{{', '.join(map(label_text, labels))}}}"
        case program.NumberRange(first, last):
            return f"index {name} ordered = {expression(first)}..{expression(last)}"
        case program.Levels():
            return f"index {name} ordered = {{...}}, with its members in order"
        case program.Columns():
            return f"write [{name} ordered] where the columns are declared"
    return f"index {name} ordered = ..."


def is_step(environment: Environment, variables: Variables, node: ir.Lag, over: str) -> bool:
    """T05: is the step of a lag a whole number above zero?"""
    if isinstance(node.by, ir.Number):
        if node.by.value == 0:
            environment.report("T05", "a step of zero", node.span, f"this is {node.variable} itself", help=f"write {node.variable}")
        return node.by.value != 0
    steps = variables.get(node.by.name, "")
    known = environment.number(Member(steps))
    if steps == over:
        return True
    if known is None:
        environment.report("T05", "a step that is not a number", node.by.span, f"`{node.by.name}` is {an(steps)}",
                           help="step by a number, t - 1, or by a variable over a numeric range: index Lag = 1..5")  # fmt: skip
    return known is not None


def may_not_step(environment: Environment, variables: Variables, node: ir.Reference) -> None:
    """T05: a step by a variable whose range does not begin above zero, at a name that is not data."""
    for index in node.indices:
        if isinstance(index, ir.Lag) and isinstance(index.by, ir.Variable):
            steps = variables.get(index.by.name, "")
            known = environment.number(Member(steps))
            if known is not None and steps != variables.get(index.variable) and known.lower < 1:
                begins = "is not known to begin at 1" if known.lower == -inf else f"begins at {known.lower:g}"
                environment.report("T05", "a step that may be zero", index.by.span, f"{steps} {begins}, and `{node.name}` at the same member is not known yet",
                                   help=f"begin it at 1: index {steps} = 1..")  # fmt: skip
