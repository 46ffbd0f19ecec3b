"""The kind and the index sets of any typed expression; the faults found on the way go to the environment's collector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pplang._check import call_types, faults
from pplang._check.environment import Environment
from pplang._check.known import UNKNOWN, Typing
from pplang._check.words import kind_words, over_words
from pplang._ir import expression as ir
from pplang._ir import interval, program
from pplang._ir.kinds import Boolean, Interval, Kind, Member
from pplang._source import Span


class Typer:
    """Types the expressions of one statement, whose bound variables are `variables` (variable → set)."""

    def __init__(self, environment: Environment, variables: Mapping[str, str]) -> None:
        self.environment = environment
        self.variables = variables

    def type_of(self, node: ir.Expression) -> Typing:
        """The typing of an expression; UNKNOWN for one whose fault has been reported already."""
        rule = _RULES.get(type(node))
        return UNKNOWN if rule is None else rule(self, node)

    def number(self, node: ir.Expression) -> tuple[Interval | None, bool]:
        """The interval of an expression that must be one number, and whether it is data."""
        rule = _RULES.get(type(node))
        typing: Typing = UNKNOWN if rule is None else rule(self, node)
        if typing.sets:
            self.whole_table(node, typing)
            return None, typing.data
        found = self.environment.number(typing.kind)
        if found is None and typing.kind is not None:
            self.not_a_number(node, typing.kind)
        return found, typing.data

    def condition(self, node: ir.Expression) -> bool:
        """Check that an expression is one truth value; is it data?"""
        rule = _RULES.get(type(node))
        typing: Typing = UNKNOWN if rule is None else rule(self, node)
        if typing.sets:
            self.whole_table(node, typing)
        elif typing.kind is not None and not isinstance(typing.kind, Boolean):
            written = self.environment.written(node.span)
            number = self.environment.number(typing.kind) is not None
            self.report("K02", f"{'a number' if number else 'this'} where true or false is needed", node.span, f"this is {kind_words(typing.kind)}",
                        help=f"compare it with something: {written} > 0" if number else f"compare it with something: {written} == ...")  # fmt: skip
        return typing.data

    def inside(self, binders: Iterable[ir.Binder]) -> Typer:
        """The same, where the variables of a reduction are bound too."""
        return Typer(self.environment, {**self.variables, **{one.variable: one.set for one in binders}})

    def report(self, code: str, title: str, span: Span, label: str = "", *, help: str = "") -> None:
        self.environment.report(code, title, span, label, help=help)

    def whole_table(self, node: ir.Expression, typing: Typing) -> None:
        """Report a table where one number is needed."""
        faults.whole_table(self.environment, self.variables, node, typing.sets)

    def not_a_number(self, node: ir.Expression, kind: Kind) -> None:
        """Report a member or a record where a number is needed."""
        faults.not_a_number(self.environment, node, kind)

    # leaves

    def _number(self, node: ir.Number) -> Typing:
        return Typing(interval.point(node.value))

    def _variable(self, node: ir.Variable) -> Typing:
        over = self.variables.get(node.name)
        return Typing(Member(over) if over else None)

    def _member(self, node: ir.Member) -> Typing:
        return Typing(Member(node.set))

    def _lag(self, node: ir.Lag) -> Typing:
        over = self.variables.get(node.variable)
        if not over:
            return UNKNOWN
        if not self.environment.is_ordered(over):
            faults.no_order(self.environment, node, over)
            return UNKNOWN
        return Typing(Member(over)) if faults.is_step(self.environment, self.variables, node, over) else UNKNOWN

    def _size(self, node: ir.Size) -> Typing:
        members = self.environment.sets[node.set].members if node.set in self.environment.sets else None
        return Typing(interval.point(len(members.labels)) if isinstance(members, program.Labels) else Interval(0, integer=True))

    def _whole(self, node: ir.Whole) -> Typing:
        return UNKNOWN

    def _part(self, node: ir.Part) -> Typing:
        return Typing(Member(node.set), data=self.type_of(node.member).data)

    def _given(self, node: ir.Given) -> Typing:
        entry = self.environment.entries[node.name]
        left, _ = self._indexed(ir.Reference(node.name, node.indices, span=node.span), node.indices, entry.sets, f"`{node.name}`")
        return Typing(Boolean(), left)

    def _completed(self, node: ir.Completed) -> Typing:
        entry = self.environment.entries[node.name]
        cells = self.type_of(node.cells)
        over = [self.environment.sets[one].members for one in cells.sets if one in self.environment.sets]
        if cells.kind is not None and over != [program.Empty(node.name)]:
            self.report("D09", "cells over the wrong set", node.cells.span, f"these are {over_words(cells.sets)}",
                        help=f"one for each empty cell is needed: index Cell = empty({node.name}), and a table over Cell")  # fmt: skip
        return Typing(entry.kind, entry.sets, data=cells.data)

    def _repeats(self, node: ir.Repeats) -> Typing:
        return Typing(Interval(1, integer=True), data=self.type_of(node.member).data)

    def _reference(self, node: ir.Reference) -> Typing:
        entry = self.environment.entries.get(node.name)
        if entry is None:
            return UNKNOWN
        left, data = self._indexed(node, node.indices, entry.sets, f"`{node.name}`")
        if not entry.data:
            faults.may_not_step(self.environment, self.variables, node)
        return Typing(entry.kind, left, entry.structure if not node.indices or left else None, entry.data and data)

    def _element(self, node: ir.Element) -> Typing:
        typing = self.type_of(node.table)
        if typing.kind is None:
            return UNKNOWN
        if len(node.indices) > len(typing.sets):
            self.report("D05", "more indices than the table has", node.span, f"the table is {over_words(typing.sets)}",
                        help=f"give it {len(typing.sets)}" if typing.sets else "leave out the brackets")  # fmt: skip
            return UNKNOWN
        left, data = self._indexed(node, node.indices, typing.sets, "this table")
        return Typing(typing.kind, left, data=typing.data and data)

    def _indexed(
        self, node: ir.Expression, indices: tuple[ir.Expression, ...], axes: tuple[str, ...], name: str
    ) -> tuple[tuple[str, ...], bool]:
        """Check the indices of a table; the axes that are left, and whether the indices are data."""
        typings = [UNKNOWN if isinstance(index, ir.Whole) else self.type_of(index) for index in indices]
        found = [typing.kind.set for typing in typings if isinstance(typing.kind, Member)]
        wrong = any(not self._fits(typing, axis) for typing, axis in zip(typings, axes, strict=False))
        if not (wrong and isinstance(node, ir.Reference) and faults.wrong_order(self.environment, node, found, axes)):
            for place, (index, typing, axis) in enumerate(zip(indices, typings, axes, strict=False)):
                self._index(index, typing, axis, name, place)
        left = [axis for index, axis in zip(indices, axes, strict=False) if isinstance(index, ir.Whole)]
        return (*left, *axes[len(indices) :]), all(typing.data for typing in typings)

    def _fits(self, typing: Typing, axis: str) -> bool:
        return not isinstance(typing.kind, Member) or axis not in self.environment.sets or self.environment.indexes(typing.kind.set, axis)

    def _index(self, index: ir.Expression, typing: Typing, axis: str, name: str, place: int) -> None:
        """Check one index against the axis it stands on."""
        if typing.sets:
            self.whole_table(index, typing)
        elif isinstance(typing.kind, Member):
            if not self._fits(typing, axis):
                faults.wrong_set(self.environment, self.variables, index, typing.kind.set, axis, name, place)
        elif typing.kind is not None:
            faults.no_member(self.environment, index, typing.kind, axis, name, place)

    # arithmetic

    def _sum(self, node: ir.Sum) -> Typing:
        total: Interval | None = None
        known, data = True, True
        for sign, term in node.terms:
            found, is_data = self.number(term)
            data = data and is_data
            if found is None:
                known = False
            else:
                signed = interval.negate(found) if sign == "-" else found
                total = signed if total is None else interval.add(total, signed)
        return Typing(total if known else None, data=data)

    def _product(self, node: ir.Product) -> Typing:
        total: Interval | None = None
        known, data = True, True
        for operator, factor in node.factors:
            found, is_data = self.number(factor)
            data = data and is_data
            if found is None:
                known = False
            elif total is None:
                total = found
            else:
                total = interval.multiply(total, found) if operator == "*" else interval.divide(total, found)
        return Typing(total if known else None, data=data)

    def _negate(self, node: ir.Negate) -> Typing:
        found, data = self.number(node.operand)
        return Typing(None if found is None else interval.negate(found), data=data)

    def _power(self, node: ir.Power) -> Typing:
        base, base_data = self.number(node.base)
        exponent, exponent_data = self.number(node.exponent)
        kind = None if base is None or exponent is None else interval.power(base, exponent)
        return Typing(kind, data=base_data and exponent_data)

    # truth

    def _compare(self, node: ir.Compare) -> Typing:
        left, right = self.type_of(node.left), self.type_of(node.right)
        for side, typing in ((node.left, left), (node.right, right)):
            if typing.sets:
                self.whole_table(side, typing)
        if left.kind is not None and right.kind is not None and not (left.sets or right.sets):
            self._comparable(node, left.kind, right.kind)
        return Typing(Boolean(), data=left.data and right.data)

    def _comparable(self, node: ir.Compare, left: Kind, right: Kind) -> None:
        environment = self.environment
        if environment.number(left) is not None and environment.number(right) is not None:
            return
        one_set = (
            isinstance(left, Member)
            and isinstance(right, Member)
            and (environment.indexes(left.set, right.set) or environment.indexes(right.set, left.set))
        )
        if not one_set:
            self.report("K04", "a comparison of different things", node.span, f"on the left {kind_words(left)}, on the right {kind_words(right)}",
                        help="compare two numbers, or two members of one set")  # fmt: skip
        elif isinstance(left, Member) and node.operator not in ("==", "!=") and not environment.is_ordered(left.set):
            faults.unordered_comparison(environment, node, left.set)

    def _logical(self, node: ir.Logical) -> Typing:
        data = True
        for one in node.operands:
            data = self.condition(one) and data
        return Typing(Boolean(), data=data)

    def _not(self, node: ir.Not) -> Typing:
        return Typing(Boolean(), data=self.condition(node.operand))

    def _if(self, node: ir.IfElse) -> Typing:
        data = self.condition(node.condition)
        then, otherwise = self.type_of(node.then), self.type_of(node.otherwise)
        for side, typing in ((node.then, then), (node.otherwise, otherwise)):
            if typing.sets:
                self.whole_table(side, typing)
        return Typing(self._common(node, then.kind, otherwise.kind), data=data and then.data and otherwise.data)

    def _common(self, node: ir.Expression, first: Kind | None, second: Kind | None) -> Kind | None:
        """The kind that holds the values of both."""
        if first is None or second is None:
            return None
        if first == second:
            return first
        a, b = self.environment.number(first), self.environment.number(second)
        if a is not None and b is not None:
            return interval.union(a, b)
        self.report("K04", "two branches of different kinds", node.span, f"after `then` {kind_words(first)}, after `else` {kind_words(second)}",
                    help="both must be numbers, or members of one set")  # fmt: skip
        return None


_RULES: dict[type, Any] = {
    ir.Number: Typer._number,
    ir.Variable: Typer._variable,
    ir.Member: Typer._member,
    ir.Lag: Typer._lag,
    ir.Size: Typer._size,
    ir.Whole: Typer._whole,
    ir.Part: Typer._part,
    ir.Given: Typer._given,
    ir.Completed: Typer._completed,
    ir.Repeats: Typer._repeats,
    ir.Reference: Typer._reference,
    ir.Sum: Typer._sum,
    ir.Product: Typer._product,
    ir.Negate: Typer._negate,
    ir.Power: Typer._power,
    ir.Compare: Typer._compare,
    ir.Logical: Typer._logical,
    ir.Not: Typer._not,
    ir.IfElse: Typer._if,
    ir.Call: call_types.type_call,
    ir.NetCall: call_types.type_net,
    ir.RecordField: call_types.type_record_field,
    ir.Element: Typer._element,
    ir.Reduce: call_types.type_reduction,
    ir.TableLiteral: call_types.type_list,
    ir.LogDensity: call_types.type_log_density,
    ir.Distribution: call_types.misplaced,
    ir.Mixture: call_types.misplaced,
    ir.Bijection: call_types.misplaced,
}
