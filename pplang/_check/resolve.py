"""From syntax to typed expressions: names are looked up, labels find their sets, functions are expanded.

What cannot be resolved becomes `Invalid`, is reported once, and is skipped by everything after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._catalogue.functions import FUNCTIONS
from pplang._check.environment import Environment, near
from pplang._diagnostics import Diagnostic, Label
from pplang._ir import expression as ir
from pplang._ir import program
from pplang._ir.kinds import NAMED, Interval, Member
from pplang._records import dataclass as record
from pplang._source import Span
from pplang._syntax import tree

REDUCTIONS = ("sum", "mean", "max", "min", "prod", "any", "all", "logsumexp", "sd")
ASSERTIONS = tuple(name for name, kind in NAMED.items() if isinstance(kind, Interval))
DEEPEST = 200
LARGEST = 1_000_000


class TooLarge(Exception):
    """The program grows beyond the limits while its functions are expanded."""


@record(frozen=True)
class Invalid(ir.Node):
    """Something already reported."""


@dataclass
class Resolver:
    """Resolves the expressions of one statement.

    variables: bound variables → their sets; visible: how this scope writes them → variables (the body of a function sees only its own, and
    one whose letter the caller uses gets another). row_table: the table whose derived column is being read (bare names are this row's columns).
    substituted: the parameters of the function being expanded → expressions, and its set parameters → sets.
    """

    environment: Environment
    functions: Mapping[str, tree.Function]
    variables: dict[str, str] = field(default_factory=dict)
    visible: dict[str, str] = field(default_factory=dict)
    row_table: str | None = None
    substituted: dict[str, ir.Expression] = field(default_factory=dict)
    substituted_sets: dict[str, str] = field(default_factory=dict)
    expanding: tuple[str, ...] = ()
    budget: list[int] = field(default_factory=lambda: [LARGEST])
    depth: int = 0

    # the entry points

    def value(self, node: tree.Expression) -> ir.Expression:
        """An expression that stands for a number, a truth value, a member or a table."""
        self.depth += 1
        self.budget[0] -= 1
        if self.depth > DEEPEST or self.budget[0] < 0:
            self._too_large(node.span)
        result = _VALUES[type(node)](self, node)
        self.depth -= 1
        return result

    def distribution(self, node: tree.Expression) -> ir.Expression:
        """The right side of `~`: a call of a distribution."""
        from pplang._check.calls import resolve_distribution

        return resolve_distribution(self, node)

    @contextmanager
    def bound(self, binders: tuple[tree.Binder, ...]) -> Iterator[tuple[ir.Binder, ...]]:
        """Inside, the variables of the binders are known."""
        variables, visible = self.variables, self.visible
        self.variables, self.visible = dict(variables), dict(visible)
        found = []
        for binder in binders:
            set_name = self.set_name(binder.set, binder.span) or ""
            if binder.variable in visible:
                self.report("D11", f"`{binder.variable}` is bound twice", binder.span, "this variable already stands for another index here",
                            help="use another letter")  # fmt: skip
            name = binder.variable
            while name in self.variables:
                name += "_"
            self.variables[name] = set_name
            self.visible[binder.variable] = name
            found.append(ir.Binder(name, set_name))
        yield tuple(found)
        self.variables, self.visible = variables, visible

    def set_name(self, name: str, span: Span) -> str | None:
        """The index set of that name (through the set parameters of a function); reported when there is none."""
        name = self.substituted_sets.get(name, name)
        if name in self.environment.sets:
            return name
        meant = near(name, self.environment.sets)
        label = f"did you mean `{meant}`?" if meant else "no table, category column or `index` statement makes this set"
        self.report("N07", f"unknown index set `{name}`", span, label, help="" if meant else f"declare it, e.g. index {name} = {{a, b, c}}")
        return None

    def report(self, code: str, title: str, span: Span, label: str = "", *, help: str = "", labels: tuple[Label, ...] = (), notes: tuple[str, ...] = ()) -> Invalid:  # noqa: E501
        self.environment.collector.add(Diagnostic(code, title, span, label, labels, notes, help))
        return Invalid(span=span)

    def _too_large(self, span: Span) -> None:
        what = "is nested too deeply" if self.depth > DEEPEST else "grows too large"
        self.report("L20", f"an expression that {what} once its functions are expanded", span,
                    f"the limits are {DEEPEST} levels and {LARGEST:,} parts for a model",
                    help="give parts of it names of their own: half[i in Row] = ...")  # fmt: skip
        raise TooLarge

    # names

    def _name(self, node: tree.Name) -> ir.Expression:
        name = node.name
        if name in self.visible:
            return ir.Variable(self.visible[name], span=node.span)
        if name in self.substituted:
            return self.substituted[name]
        entry = self.environment.entries.get(name)
        if entry is not None:
            if self.row_table is not None and entry.what == "column" and entry.sets[:1] == (self.row_table,):
                return ir.Reference(name, (ir.Variable(program.ROW),), span=node.span)
            return ir.Reference(name, span=node.span)
        return self.unknown(name, node.span)

    def unknown(self, name: str, span: Span) -> Invalid:
        """Report a name that nothing defines."""
        if name in self.environment.sets or name in self.substituted_sets:
            return self.report("N12", f"the index set `{name}` where a value is needed", span, f"`{name}` is a set, not a number",
                               help=f"size({name}) is its size; for one value per member bind a variable: i in {name}")  # fmt: skip
        if name in DISTRIBUTIONS:
            return self.report("D13", f"the distribution `{name}` where a value is needed", span, "a distribution is not a number",
                               help=f"draw from it: x ~ {name}(...)")  # fmt: skip
        if name in FUNCTIONS or name in self.functions or name in REDUCTIONS:
            return self.report("N06", f"the function `{name}` without its arguments", span, "a function is not a number", help=f"write {name}(...)")
        meant = near(name, [*self.environment.entries, *self.visible, *self.substituted])
        if meant is not None:
            return self.report("N01", f"unknown name `{name}`", span, f"did you mean `{meant}`?")
        if len(name) == 1 and name.isascii() and name.islower():
            return self.report("N02", f"`{name}` is used but never defined", span, "if it is an index, nothing binds it",
                               help=f"bind it on the left, x[{name} in Set], or by a reduction: sum(... for {name} in Set)")  # fmt: skip
        return self.report("N02", f"`{name}` is used but never defined", span,
                           help=f"give it a prior ({name} ~ Normal(0, 5)), make it learnable (param {name} : real), or add a column")  # fmt: skip

    # indices

    def _index(self, node: tree.Index) -> ir.Expression:
        base = self._whole_column(node) or self.value(node.base)
        if isinstance(base, Invalid):
            for slot in node.slots:
                self._slot(slot, None)
            return base
        axes = self._axes(base)
        if axes is None:
            slots = tuple(self._slot(slot, None) for slot in node.slots)
            return ir.Element(base, slots, span=node.span)
        if len(node.slots) > len(axes):
            shown = format_name(base)
            over = " and ".join(axes) if axes else "nothing: it is one number"
            return self.report("D05", "more indices than the name has", node.span, f"`{shown}` is over {over}",
                               help=f"give {len(axes)} of them" if axes else f"write {shown} without brackets")  # fmt: skip
        slots = tuple(self._slot(slot, axis) for slot, axis in zip(node.slots, axes, strict=False))
        if isinstance(base, ir.Reference):
            return ir.Reference(base.name, _fill(base.indices, slots), span=node.span)
        return ir.Element(base, slots, span=node.span)

    def _whole_column(self, node: tree.Index) -> ir.Reference | None:
        """In a derived column, a column with all its indices written is not this row's: `height[j]` in `mean(height[j] for j in Person)`."""
        entry = self.environment.entries.get(node.base.name) if isinstance(node.base, tree.Name) else None
        if self.row_table is None or entry is None or len(node.slots) != len(entry.sets):
            return None
        return ir.Reference(entry.name, span=node.base.span)

    def _axes(self, base: ir.Expression) -> tuple[str, ...] | None:
        """The sets that are still free for indexing; None when only typing will tell."""
        if not isinstance(base, ir.Reference):
            return None
        sets = self.environment.entries[base.name].sets
        whole = tuple(axis for axis, index in zip(sets, base.indices, strict=False) if isinstance(index, ir.Whole))
        return whole + sets[len(base.indices) :]

    def _slot(self, node: tree.Expression, axis: str | None) -> ir.Expression:
        """One index. A bare name is a bound variable, then a label of the set required there, then another name."""
        match node:
            case tree.Whole():
                return ir.Whole(span=node.span)
            case tree.Name(name) if name in self.visible:
                return ir.Variable(self.visible[name], span=node.span)
            case tree.Name(name) if axis is not None and self.is_label(name, axis):
                return ir.Member(axis, name, span=node.span)
            case tree.Name(name) if axis is not None and name not in self.environment.entries and name not in self.substituted:
                return self.label_of(axis, name, node.span)
            case tree.Text(value) if axis is not None:
                return self.label_of(axis, value, node.span)
            case tree.Number(text) if axis is not None:
                return self.label_of(axis, _label_number(text), node.span)
            case tree.Negate(tree.Number(text)) if axis is not None and self.environment.is_range(axis):
                return ir.Member(axis, -int(text), span=node.span)
            case tree.Sum() if (lag := self._lag(node)) is not None:
                return lag
        return self.value(node)

    def is_label(self, name: str, axis: str) -> bool:
        labels = self.environment.labels(axis) if axis in self.environment.sets else None
        return labels is not None and name in labels

    def label_of(self, axis: str, label: str | int, span: Span) -> ir.Expression:
        """A label of a set; one whose members only the data will tell is checked when they arrive."""
        if axis not in self.environment.sets:
            return Invalid(span=span)
        found = self.environment.sets[axis]
        labels = self.environment.labels(axis)
        if labels is not None and label not in labels:
            matching = next((one for one in labels if str(one) == str(label)), None)
            if matching is not None:
                return ir.Member(axis, matching, span=span)
            meant = near(str(label), labels)
            return self.report("N08", f"`{label}` is not a member of {axis}", span, f"did you mean `{meant}`?" if meant else f"{axis} has {', '.join(map(str, labels[:8]))}")  # noqa: E501
        if isinstance(found.members, program.NumberRange) and not isinstance(label, int):
            return self.unknown(label, span) if label.isidentifier() else self.report("N08", f"`{label}` is not a member of {axis}", span, f"the members of {axis} are numbers")  # noqa: E501
        if isinstance(found.members, program.Gaps | program.Free | program.Pairs | program.Rows) and isinstance(label, str):
            keyed = isinstance(found.members, program.Rows) and _has_key(found)
            if not keyed and label.isidentifier():
                return self.unknown(label, span)
        return ir.Member(axis, label, span=span)

    def _lag(self, node: tree.Sum) -> ir.Lag | None:
        """`t - 1`, `t + 1`, `t - k`: a step from a bound variable."""
        if len(node.terms) != 2:
            return None
        (_, first), (sign, second) = node.terms
        if not isinstance(first, tree.Name) or first.name not in self.visible:
            return None
        variable = self.visible[first.name]
        if isinstance(second, tree.Number) and second.text.isdigit():
            step = int(second.text)
            return ir.Lag(variable, ir.Number(step if sign == "-" else -step), span=node.span)
        if isinstance(second, tree.Name) and second.name in self.visible and sign == "-":
            return ir.Lag(variable, ir.Variable(self.visible[second.name], span=second.span), span=node.span)
        return None

    # operators

    def _number(self, node: tree.Number) -> ir.Expression:
        return ir.Number(literal(node.text), span=node.span)

    def _text(self, node: tree.Text) -> ir.Expression:
        return self.report("K03", "a string where a number is needed", node.span, "strings name members of index sets",
                           help="use it in an index or a comparison: effect[\"drug A\"]")  # fmt: skip

    def _whole(self, node: tree.Whole) -> ir.Expression:
        return self.report("D06", "`_` outside an index", node.span, "`_` keeps an axis of a table whole, inside brackets only")

    def _sum(self, node: tree.Sum) -> ir.Expression:
        terms = []
        for sign, term in node.terms:
            terms.append((sign, self.value(term)))
        return ir.Sum(tuple(terms), span=node.span)

    def _product(self, node: tree.Product) -> ir.Expression:
        factors = []
        for operator, factor in node.factors:
            factors.append((operator, self.value(factor)))
        return ir.Product(tuple(factors), span=node.span)

    def _negate(self, node: tree.Negate) -> ir.Expression:
        return ir.Negate(self.value(node.operand), span=node.span)

    def _power(self, node: tree.Power) -> ir.Expression:
        return ir.Power(self.value(node.base), self.value(node.exponent), span=node.span)

    def _logical(self, node: tree.Logical) -> ir.Expression:
        operands = []
        for one in node.operands:
            operands.append(self.value(one))
        return ir.Logical(node.operator, tuple(operands), span=node.span)

    def _not(self, node: tree.Not) -> ir.Expression:
        return ir.Not(self.value(node.operand), span=node.span)

    def _if(self, node: tree.IfElse) -> ir.Expression:
        return ir.IfElse(self.value(node.condition), self.value(node.then), self.value(node.otherwise), span=node.span)

    def _table(self, node: tree.Table) -> ir.Expression:
        items = []
        for item in node.items:
            items.append(self.value(item))
        return ir.TableLiteral(tuple(items), span=node.span)

    def _compare(self, node: tree.Compare) -> ir.Expression:
        """A label on one side is looked up in the set of the other side."""
        if self._is_bare_label(node.right):
            left = self.value(node.left)
            return ir.Compare(node.operator, left, self._label_beside(node.right, left), span=node.span)
        if self._is_bare_label(node.left):
            right = self.value(node.right)
            return ir.Compare(node.operator, self._label_beside(node.left, right), right, span=node.span)
        return ir.Compare(node.operator, self.value(node.left), self.value(node.right), span=node.span)

    def _is_bare_label(self, node: tree.Expression) -> bool:
        match node:
            case tree.Text():
                return True
            case tree.Name(name):
                return name not in self.visible and name not in self.substituted and name not in self.environment.entries
        return False

    def _label_beside(self, node: tree.Expression, other: ir.Expression) -> ir.Expression:
        assert isinstance(node, tree.Text | tree.Name)
        if isinstance(other, Invalid):
            return other
        axis = self.member_set(other)
        if axis is not None:
            return self.label_of(axis, node.value if isinstance(node, tree.Text) else node.name, node.span)
        return self.value(node)

    def member_set(self, node: ir.Expression) -> str | None:
        """The set that an expression's value is a member of, as far as its name tells."""
        match node:
            case ir.Variable(name) | ir.Lag(name, _):
                return self.variables.get(name)
            case ir.Member(set_name, _) | ir.Part(_, set_name):
                return set_name
            case ir.Reference(name, _):
                kind = self.environment.entries[name].kind
                return kind.set if isinstance(kind, Member) else None
        return None

    def _field(self, node: tree.Field) -> ir.Expression:
        base = self.value(node.base)
        if isinstance(base, Invalid):
            return base
        if isinstance(base, ir.NetCall):
            return replace(base, head=node.name, span=node.span)
        name = self.substituted_sets.get(node.name, node.name)
        product = self.member_set(base)
        if product is not None:
            members = self.environment.sets[product].members
            if isinstance(members, program.ProductSet) and name in members.sets:
                return ir.Part(base, name, span=node.span)
            parts = ", ".join(members.sets) if isinstance(members, program.ProductSet) else "no parts"
            return self.report("N13", f"`{node.name}` is no part of {product}", node.span, f"{product} has {parts}")
        return ir.RecordField(base, node.name, span=node.span)

    def _call(self, node: tree.Call) -> ir.Expression:
        from pplang._check.calls import resolve_call

        return resolve_call(self, node)

    def _generator(self, node: tree.Generator) -> ir.Expression:
        return self.report("N10", "`for` outside a reduction", node.span, "only sum, mean, max, prod, any, all, logsumexp and Mixture take a `for`")


_VALUES = {
    tree.Name: Resolver._name,
    tree.Number: Resolver._number,
    tree.Text: Resolver._text,
    tree.Whole: Resolver._whole,
    tree.Sum: Resolver._sum,
    tree.Product: Resolver._product,
    tree.Negate: Resolver._negate,
    tree.Power: Resolver._power,
    tree.Logical: Resolver._logical,
    tree.Not: Resolver._not,
    tree.IfElse: Resolver._if,
    tree.Table: Resolver._table,
    tree.Compare: Resolver._compare,
    tree.Index: Resolver._index,
    tree.Field: Resolver._field,
    tree.Call: Resolver._call,
    tree.Generator: Resolver._generator,
}


def literal(text: str) -> int | float:
    """The number that a literal stands for; whole when it is written without point and exponent."""
    return int(text) if text.isdigit() else float(text)


def _label_number(text: str) -> str | int:
    return int(text) if text.isdigit() else text


def _fill(before: tuple[ir.Expression, ...], slots: tuple[ir.Expression, ...]) -> tuple[ir.Expression, ...]:
    """Indices put into the axes that an earlier indexing left whole."""
    rest = list(slots)
    filled = [rest.pop(0) if isinstance(one, ir.Whole) and rest else one for one in before]
    return (*filled, *rest)


def _has_key(index_set: program.IndexSet) -> bool:
    return bool(index_set.within is None and index_set.notes == () and index_set.declared is False)


def format_name(node: ir.Expression) -> str:
    """The name to show for an expression in a message."""
    match node:
        case ir.Reference(name, _) | ir.Variable(name):
            return name
    return "this"
