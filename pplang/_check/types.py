"""The kind and the index sets of any typed expression; the faults found on the way go to the environment's collector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pplang._catalogue.functions import FUNCTIONS
from pplang._check.environment import Environment, kind_words, sets_words
from pplang._diagnostics import Diagnostic
from pplang._ir import expression as ir
from pplang._ir import interval, program
from pplang._ir.kinds import NAMED, REAL, Boolean, Interval, Kind, Member, Record
from pplang._source import Span


@dataclass(frozen=True)
class Typing:
    """What is known of an expression. kind None: something in it is wrong and reported, or not typed yet.

    sets: the axes that are left, in order; a list whose set the context decides is over ANY. data: known before inference.
    """

    kind: Kind | None
    sets: tuple[str, ...] = ()
    structure: str | None = None
    data: bool = True


ANY = "?"
"""The set of a list literal before its context is known."""

UNKNOWN = Typing(None)


@dataclass
class Typer:
    """Types the expressions of one statement, whose bound variables are `variables` (variable → set)."""

    environment: Environment
    variables: Mapping[str, str]

    def type_of(self, node: ir.Expression) -> Typing:
        """The typing of an expression; UNKNOWN for one whose fault has been reported already."""
        rule = _RULES.get(type(node))
        return UNKNOWN if rule is None else rule(self, node)

    def number(self, node: ir.Expression) -> tuple[Interval | None, bool]:
        """The interval of an expression that must be one number, and whether it is data."""
        typing = self.type_of(node)
        if typing.sets:
            self._whole_table(node, typing)
            return None, typing.data
        found = self.environment.number(typing.kind)
        if found is None and typing.kind is not None:
            self._not_a_number(node, typing.kind)
        return found, typing.data

    def condition(self, node: ir.Expression) -> bool:
        """Check that an expression is one truth value; is it data?"""
        typing = self.type_of(node)
        if typing.sets:
            self._whole_table(node, typing)
        elif typing.kind is not None and not isinstance(typing.kind, Boolean):
            self.report("K02", "a number where true or false is needed", node.span, f"this is {kind_words(typing.kind)}",
                        help="compare it with something: x > 0, x == 1")  # fmt: skip
        return typing.data

    def report(self, code: str, title: str, span: Span, label: str = "", *, help: str = "", notes: tuple[str, ...] = ()) -> None:
        self.environment.collector.add(Diagnostic(code, title, span, label, (), notes, help))

    # faults told in several places

    def _whole_table(self, node: ir.Expression, typing: Typing) -> None:
        shown, hint = "this", ""
        match node:
            case ir.Reference(name, _):
                shown, hint = f"`{name}`", self._way_to_index(name, typing.sets)
        self.report("D01", "a whole table where one number is needed", node.span, f"{shown} has {sets_words(typing.sets)}", help=hint)

    def _way_to_index(self, name: str, sets: tuple[str, ...]) -> str:
        """`say which one: a[county[i]]`, through the bound variables and the columns that lead to each set."""
        ways = [self._way_to(axis) for axis in sets]
        if all(ways):
            return f"say which one: {name}[{', '.join(ways)}]" + self._gives(sets)
        letters = ", ".join(f"{axis[0].lower()}" for axis in sets)
        return f"say which one, or reduce it: sum({name}[{letters}] for {' for '.join(f'{axis[0].lower()} in {axis}' for axis in sets)})"

    def _way_to(self, axis: str) -> str:
        for variable, over in self.variables.items():
            if over == axis:
                return variable
        for variable, over in self.variables.items():
            for entry in self.environment.entries.values():
                if entry.sets == (over,) and isinstance(entry.kind, Member) and entry.kind.set == axis:
                    return f"{entry.name}[{variable}]"
        return ""

    def _gives(self, sets: tuple[str, ...]) -> str:
        for axis in sets:
            way = self._way_to(axis)
            if "[" in way:
                column, variable = way.rstrip("]").split("[")
                return f"    (`{column}` gives each {self.variables[variable]} its {axis})"
        return ""

    def _not_a_number(self, node: ir.Expression, kind: Kind) -> None:
        if isinstance(kind, Member):
            labels = self.environment.sets[kind.set].members if kind.set in self.environment.sets else None
            why = "its members are names, not numbers" if not isinstance(labels, program.Rows) else "a row is not a number"
            self.report("K03", f"a {kind.set} where a number is needed", node.span, f"this is a member of {kind.set}: {why}",
                        help=f"give each {kind.set} a number, x[{kind.set}], or compare with ==")  # fmt: skip
        else:
            self.report("K03", "a record where a number is needed", node.span, help="pick one of its parts: q[i].loc[d]")

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
        if over is None:
            return UNKNOWN
        if not self.environment.is_ordered(over):
            declared = self.environment.sets[over]
            edit = f"data {over} ordered by ...:" if isinstance(declared.members, program.Rows) else f"index {over} ordered = ..."
            self.report("T02", f"`{node.variable} - 1` needs an order", node.span, f"{over} has no order", help=edit)
            return UNKNOWN
        if isinstance(node.by, ir.Variable) and self.environment.number(Member(self.variables.get(node.by.name, ""))) is None and self.variables.get(node.by.name) != over:
            self.report("T05", "a step that is not a number", node.by.span, f"`{node.by.name}` is bound over {self.variables.get(node.by.name)}",
                        help="step by a number, t - 1, or by a variable over a numeric range, index Lag = 1..5")  # fmt: skip
            return UNKNOWN
        if isinstance(node.by, ir.Number) and node.by.value == 0:
            self.report("T05", "a step of zero", node.span, help=f"write {node.variable}")
        return Typing(Member(over))

    def _size(self, node: ir.Size) -> Typing:
        return Typing(Interval(0, integer=True))

    def _whole(self, node: ir.Whole) -> Typing:
        return UNKNOWN

    def _part(self, node: ir.Part) -> Typing:
        return Typing(Member(node.set), data=self.type_of(node.member).data)

    def _reference(self, node: ir.Reference) -> Typing:
        entry = self.environment.entries.get(node.name)
        if entry is None:
            return UNKNOWN
        left: list[str] = []
        data = entry.data
        for index, axis in zip(node.indices, entry.sets, strict=False):
            if isinstance(index, ir.Whole):
                left.append(axis)
            else:
                data = self._index(index, axis, node) and data
        sets = (*left, *entry.sets[len(node.indices) :])
        return Typing(entry.kind, sets, entry.structure if not node.indices or sets else None, data)

    def _index(self, index: ir.Expression, axis: str, node: ir.Expression) -> bool:
        """Check one index against the axis it stands on; is it data?"""
        typing = self.type_of(index)
        place = _ORDINALS[min(len(_ORDINALS) - 1, list(getattr(node, "indices", ())).index(index))]
        name = getattr(node, "name", "this table")
        if typing.sets:
            self._whole_table(index, typing)
        elif isinstance(typing.kind, Member):
            if not self.environment.indexes(typing.kind.set, axis) and axis in self.environment.sets:
                way = self._column_to(typing.kind.set, axis, index)
                shown = index.name if isinstance(index, ir.Variable | ir.Reference) else "this"
                self.report("D02", "an index from the wrong set", index.span, f"`{shown}` is a {typing.kind.set}; the {place} index of `{name}` is a {axis}", help=way)  # noqa: E501
        elif typing.kind is not None:
            edit = f"declare the set of the values: {index.name} : {axis}" if isinstance(index, ir.Reference) else f"an index of `{name}` is a member of {axis}"
            self.report("D06", "an index that is no member of a set", index.span, f"this is {kind_words(typing.kind)}; the {place} index of `{name}` is a {axis}", help=edit)  # noqa: E501
        return typing.data

    def _column_to(self, over: str, axis: str, index: ir.Expression) -> str:
        """`the County of Home i is county[i]`."""
        if not isinstance(index, ir.Variable):
            return ""
        for entry in self.environment.entries.values():
            if entry.sets == (over,) and entry.kind == Member(axis):
                return f"the {axis} of {over} {index.name} is {entry.name}[{index.name}]"
        return ""

    # arithmetic

    def _sum(self, node: ir.Sum) -> Typing:
        total: Interval | None = None
        known, data = True, True
        for position, (sign, term) in enumerate(node.terms):
            found, is_data = self.number(term)
            data = data and is_data
            if found is None:
                known = False
            else:
                signed = interval.negate(found) if sign == "-" else found
                total = signed if position == 0 or total is None else interval.add(total, signed)
        return Typing(total if known else None, data=data)

    def _product(self, node: ir.Product) -> Typing:
        total: Interval | None = None
        known, data = True, True
        for position, (operator, factor) in enumerate(node.factors):
            found, is_data = self.number(factor)
            data = data and is_data
            if found is None:
                known = False
            elif position == 0 or total is None:
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
                self._whole_table(side, typing)
        if left.kind is not None and right.kind is not None and not (left.sets or right.sets):
            self._comparable(node, left.kind, right.kind)
        return Typing(Boolean(), data=left.data and right.data)

    def _comparable(self, node: ir.Compare, left: Kind, right: Kind) -> None:
        numeric = self.environment.number(left) is not None and self.environment.number(right) is not None
        if numeric:
            return
        if isinstance(left, Member) and isinstance(right, Member) and (self.environment.indexes(left.set, right.set) or self.environment.indexes(right.set, left.set)):
            if node.operator not in ("==", "!=") and not self.environment.is_ordered(left.set):
                self.report("K04", f"{left.set} has no order", node.span, f"`{node.operator}` needs one", help=f"index {left.set} ordered = {{...}}, or use == and !=")
            return
        self.report("K04", "a comparison of different things", node.span, f"{kind_words(left)} and {kind_words(right)}",
                    help="compare two numbers, or two members of one set")  # fmt: skip

    def _logical(self, node: ir.Logical) -> Typing:
        data = [self.condition(one) for one in node.operands]
        return Typing(Boolean(), data=all(data))

    def _not(self, node: ir.Not) -> Typing:
        return Typing(Boolean(), data=self.condition(node.operand))

    def _if(self, node: ir.IfElse) -> Typing:
        data = self.condition(node.condition)
        then, otherwise = self.type_of(node.then), self.type_of(node.otherwise)
        for side, typing in ((node.then, then), (node.otherwise, otherwise)):
            if typing.sets:
                self._whole_table(side, typing)
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
        self.report("K04", "two branches of different kinds", node.span, f"{kind_words(first)} and {kind_words(second)}",
                    help="both must be numbers, or members of one set")  # fmt: skip
        return None

    # calls

    def _call(self, node: ir.Call) -> Typing:
        if node.function in NAMED and node.function not in FUNCTIONS:
            asserted = NAMED[node.function]
            assert isinstance(asserted, Interval)
            found, data = self.number(node.arguments[0])
            return Typing(interval.intersection(found, asserted) if found is not None and found.lower <= asserted.upper and found.upper >= asserted.lower else asserted, data=data)  # noqa: E501
        return self._catalogue_call(node)

    def _catalogue_call(self, node: ir.Call) -> Typing:
        entry = FUNCTIONS[node.function]
        kinds: list[Interval | None] = []
        letters: dict[str, str] = {}
        data = True
        for wanted, argument in zip(entry.arguments, node.arguments, strict=False):
            if not wanted.sets:
                found, is_data = self.number(argument)
            else:
                typing = self.type_of(argument)
                is_data, found = typing.data, self.environment.number(typing.kind)
                self._unify(node, argument, typing, wanted.sets, letters)
            data = data and is_data
            kinds.append(found)
            self._domain(node, argument, wanted.kind, found, is_data)
        sets = tuple(derived_set(self.environment, one, letters) or ANY for one in entry.event)
        kind = None if any(one is None for one in kinds) else entry.kind(*kinds)
        return Typing(kind, sets, entry.structure, data)

    def _domain(self, node: ir.Call, argument: ir.Expression, wanted: Kind, found: Interval | None, data: bool) -> None:
        """A value that can never lie in a function's domain is a mistake; one that may not is the user's assertion."""
        if found is None or not isinstance(wanted, Interval):
            return
        if found.upper < wanted.lower or found.lower > wanted.upper:
            self.report("K01", f"`{node.function}` of a value outside its domain", argument.span, f"this is {kind_words(found)}, and {kind_words(wanted)} is needed")

    def _unify(self, node: Any, argument: ir.Expression, typing: Typing, wanted: tuple[str, ...], letters: dict[str, str]) -> None:
        """Match the sets of a table with the letters of a signature."""
        if typing.kind is None:
            return
        if len(typing.sets) != len(wanted):
            if not typing.sets:
                self.report("D08", "one number where a table is needed", argument.span, f"`{getattr(node, 'function', getattr(node, 'name', ''))}` works on a whole table", help="give a table by its name, without indices")  # noqa: E501
            else:
                self._whole_table(argument, typing)
            return
        for letter, found in zip(wanted, typing.sets, strict=True):
            match_letter(self, argument.span, letter, found, letters)

    def _net(self, node: ir.NetCall) -> Typing:
        net = self.environment.nets[node.net]
        data = True
        for argument, wanted in zip(node.arguments, net.inputs, strict=False):
            typing = self.type_of(argument)
            data = data and typing.data
            if typing.kind is not None and typing.sets != (wanted,):
                self.report("D09", f"the net `{net.name}` takes a table over {wanted}", argument.span, f"this has {sets_words(typing.sets)}")
        if len(node.arguments) != len(net.inputs):
            self.report("N10", f"the net `{net.name}` takes {len(net.inputs)} table{'s' * (len(net.inputs) != 1)}", node.span, f"{len(node.arguments)} given")
        if node.head is None and len(net.heads) == 1:
            head = net.heads[0]
        elif node.head is None:
            return Typing(Record(tuple((one.name, one.sets, one.kind) for one in net.heads)), data=False)
        else:
            named = [one for one in net.heads if one.name == node.head]
            if not named:
                self.report("N13", f"the net `{net.name}` has no output `{node.head}`", node.span, f"it has {', '.join(one.name for one in net.heads)}")
                return UNKNOWN
            head = named[0]
        return Typing(head.kind, head.sets, data=False)

    def _record_field(self, node: ir.RecordField) -> Typing:
        typing = self.type_of(node.base)
        if typing.kind is None:
            return UNKNOWN
        if not isinstance(typing.kind, Record):
            self.report("N13", "a part of something that has none", node.span, f"this is {kind_words(typing.kind)}")
            return UNKNOWN
        for name, sets, kind in typing.kind.fields:
            if name == node.name:
                return Typing(kind, (*typing.sets, *sets), data=typing.data)
        self.report("N13", f"no part `{node.name}` here", node.span, f"there are {', '.join(one[0] for one in typing.kind.fields)}")
        return UNKNOWN

    def _element(self, node: ir.Element) -> Typing:
        typing = self.type_of(node.table)
        if typing.kind is None:
            return UNKNOWN
        if len(node.indices) > len(typing.sets):
            self.report("D05", "more indices than the table has", node.span, f"this is {sets_words(typing.sets)}")
            return UNKNOWN
        data, left = typing.data, []
        for index, axis in zip(node.indices, typing.sets, strict=False):
            if isinstance(index, ir.Whole):
                left.append(axis)
            else:
                data = self._index(index, axis, node) and data
        return Typing(typing.kind, (*left, *typing.sets[len(node.indices) :]), data=data)

    # reductions and tables

    def _reduce(self, node: ir.Reduce) -> Typing:
        inner = Typer(self.environment, {**self.variables, **{one.variable: one.set for one in node.binders}})
        data = True
        if node.condition is not None:
            data = inner.condition(node.condition)
        if node.operation in ("any", "all"):
            return Typing(Boolean(), data=inner.condition(node.element) and data)
        found, is_data = inner.number(node.element)
        return Typing(None if found is None else _reduced(node.operation, found), data=data and is_data)

    def _table(self, node: ir.TableLiteral) -> Typing:
        kinds = [self.number(item) for item in node.items]
        known = [kind for kind, _ in kinds if kind is not None]
        total = known[0] if known else REAL
        for one in known[1:]:
            total = interval.union(total, one)
        return Typing(total if len(known) == len(kinds) else None, (ANY,), data=all(data for _, data in kinds))

    def _log_density(self, node: ir.LogDensity) -> Typing:
        from pplang._check.draws import type_draw

        value = self.type_of(node.value)
        draw = type_draw(self, node.distribution, event=value.sets)
        return Typing(REAL, data=draw.data and value.data)

    def _misplaced(self, node: ir.Expression) -> Typing:
        self.report("D13", "a distribution where a value is needed", node.span, "a distribution is not a number", help="draw from it: x ~ ...")
        return UNKNOWN


_ORDINALS = ("first", "second", "third", "fourth", "fifth", "next")


def _reduced(operation: str, element: Interval) -> Interval:
    """The kind of a reduction of numbers of one kind."""
    match operation:
        case "sum":
            low = 0 if element.lower >= 0 else float("-inf")
            high = 0 if element.upper <= 0 else float("inf")
            positive = low == 0 and (element.lower > 0 or element.lower_open)
            return Interval(low, high, positive, False, element.integer)
        case "prod":
            unit = element.lower >= 0 and element.upper <= 1
            return Interval(0 if element.lower >= 0 else float("-inf"), 1 if unit else float("inf"), element.lower >= 0 and element.lower_open, False, element.integer)
        case "mean":
            return Interval(element.lower, element.upper, element.lower_open, element.upper_open)
        case "sd":
            return Interval(0, float("inf"), lower_open=True)
        case "logsumexp":
            return REAL
    return element


def match_letter(typer: Typer, span: Span, letter: str, found: str, letters: dict[str, str]) -> None:
    """Bind a letter of a signature to a set, or check that it agrees with what it is bound to."""
    if found == ANY:
        return
    if "(" in letter:
        operation, inner = letter.rstrip(")").split("(")
        members = typer.environment.sets[found].members if found in typer.environment.sets else None
        if type(members).__name__.lower() != operation:
            typer.report("D09", f"a table over {found} where one over {operation} is needed", span, f"{found} is not made by {operation}(...)",
                         help=f"index Cut = {operation}({letters.get(inner, 'S')})")  # fmt: skip
            return
        letter, found = inner, members.set  # type: ignore[union-attr]
    bound = letters.setdefault(letter, found)
    if bound != found and not typer.environment.indexes(found, bound):
        typer.report("D09", "a table over the wrong set", span, f"this is over {found}, and {bound} is needed here")


def derived_set(environment: Environment, letter: str, letters: Mapping[str, str]) -> str | None:
    """The set that a letter of a signature stands for; `free(K)` is the declared set made that way."""
    if "(" not in letter:
        return letters.get(letter)
    operation, inner = letter.rstrip(")").split("(")
    base = letters.get(inner)
    for one in environment.sets.values():
        if type(one.members).__name__.lower() == operation and getattr(one.members, "set", None) == base:
            return one.name
    return None


_RULES: dict[type, Any] = {
    ir.Number: Typer._number,
    ir.Variable: Typer._variable,
    ir.Member: Typer._member,
    ir.Lag: Typer._lag,
    ir.Size: Typer._size,
    ir.Whole: Typer._whole,
    ir.Part: Typer._part,
    ir.Reference: Typer._reference,
    ir.Sum: Typer._sum,
    ir.Product: Typer._product,
    ir.Negate: Typer._negate,
    ir.Power: Typer._power,
    ir.Compare: Typer._compare,
    ir.Logical: Typer._logical,
    ir.Not: Typer._not,
    ir.IfElse: Typer._if,
    ir.Call: Typer._call,
    ir.NetCall: Typer._net,
    ir.RecordField: Typer._record_field,
    ir.Element: Typer._element,
    ir.Reduce: Typer._reduce,
    ir.TableLiteral: Typer._table,
    ir.LogDensity: Typer._log_density,
    ir.Distribution: Typer._misplaced,
    ir.Mixture: Typer._misplaced,
    ir.Bijection: Typer._misplaced,
}
