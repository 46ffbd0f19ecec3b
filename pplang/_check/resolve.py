"""From syntax to typed expressions: names are looked up, labels find their sets, functions are expanded.

What cannot be resolved becomes `Invalid`, is reported once, and is skipped by everything after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._catalogue.functions import FUNCTIONS
from pplang._check import slots
from pplang._check.calls import resolve_call
from pplang._check.distribution_calls import resolve_distribution
from pplang._check.environment import LARGEST, Environment
from pplang._check.expand import measure
from pplang._check.known import Typing
from pplang._check.type_names import literal
from pplang._check.types import Typer
from pplang._check.vocabulary import ASSERTIONS as ASSERTIONS
from pplang._check.vocabulary import CONSTANTS, REDUCTIONS, Invalid
from pplang._check.words import an, near
from pplang._diagnostics import Collector, Label
from pplang._ir import expression as ir
from pplang._ir import program
from pplang._ir.kinds import Member
from pplang._source import Span
from pplang._syntax import tree

DEEPEST = 200
"""The levels that an expression may have once its functions are written out; the limit of the syntax is the same, to a level or two."""
_MARGIN = 5


class TooLarge(Exception):
    """The program grows beyond the limits while its functions are expanded."""


@dataclass
class Resolver:
    """Resolves the expressions of one statement.

    variables: bound variables → their sets; visible: how this scope writes them → variables (the body of a function sees only its own, and
    one whose letter is taken gets another). row_table: the table whose derived column is being read (bare names are this row's columns).
    substituted: the parameters of the function being expanded → expressions, and its set parameters → sets.
    """

    environment: Environment
    variables: dict[str, str] = field(default_factory=dict)
    visible: dict[str, str] = field(default_factory=dict)
    row_table: str | None = None
    substituted: dict[str, ir.Expression] = field(default_factory=dict)
    substituted_sets: dict[str, str] = field(default_factory=dict)
    expanding: tuple[str, ...] = ()
    depth: int = 0

    # the entry points

    def value(self, node: tree.Expression) -> ir.Expression:
        """An expression that stands for a number, a truth value, a member or a table."""
        self.depth += 1
        self.environment.budget[0] -= 1
        if self.depth > DEEPEST + _MARGIN or self.environment.budget[0] < 0:
            self.too_large(node.span, deep=self.depth > DEEPEST + _MARGIN)
        result = _VALUES[type(node)](self, node)
        self.depth -= 1
        return result

    def distribution(self, node: tree.Expression) -> ir.Expression:
        """The right side of `~`: a call of a distribution."""
        return resolve_distribution(self, node)

    def slot(self, node: tree.Expression, axis: str | None, *, lenient: bool = False) -> ir.Expression:
        """One index, where a member of `axis` is needed; `lenient`: of what is indexed nothing is known, so any name may be a label."""
        return slots.resolve_slot(self, node, axis, lenient=lenient)

    @contextmanager
    def bound(self, binders: tuple[tree.Binder, ...]) -> Iterator[tuple[ir.Binder, ...]]:
        """Inside, the variables of the binders are known."""
        variables, visible = self.variables, self.visible
        self.variables, self.visible = dict(variables), dict(visible)
        found = []
        for binder in binders:
            set_name = self.set_name(binder.set, binder.span) or ""
            if binder.variable in self.visible:
                self.report("D11", f"`{binder.variable}` is bound twice", binder.span, "it already stands for another index here",
                            help="use another letter for this one")  # fmt: skip
            found.append(ir.Binder(self.bind(binder.variable, set_name), set_name))
        yield tuple(found)
        self.variables, self.visible = variables, visible

    def bind(self, variable: str, set_name: str) -> str:
        """Make a variable known; the name under which it is: another where a variable or a name of the program has that one already."""
        name = variable
        while name in self.variables or name in self.environment.entries:
            name += "_"
        self.variables[name] = set_name
        self.visible[variable] = name
        return name

    def set_name(self, name: str, span: Span) -> str | None:
        """The index set of that name (through the set parameters of a function); reported when there is none."""
        name = self.substituted_sets.get(name, name)
        if name in self.environment.sets:
            return name
        place = Span(max(span.start, span.end - len(name)), span.end)  # of `c in County` the last word
        entry = self.environment.entries.get(name)
        if entry is not None:
            edit = f"write {entry.sets[0]}" if entry.sets else ""
            self.report("N12", f"`{name}` where an index set is needed", place, f"`{name}` is {entry.words}", help=edit)
            return None
        meant = near(name, self.environment.sets)
        label = f"did you mean `{meant}`?" if meant else "no table, category column or `index` statement makes this set"
        self.report(
            "N07", f"unknown index set `{name}`", place, label, help="" if meant else f"declare it: index {name} = {{a, b, c}}, or 1..3"
        )
        return None

    # faults

    def report(
        self,
        code: str,
        title: str,
        span: Span,
        label: str = "",
        *,
        help: str = "",
        labels: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> ir.Expression:
        """Report a fault; what stands for the faulty part."""
        self.environment.report(code, title, span, label, help=help, labels=labels, notes=notes)
        return self.invalid(span)

    def invalid(self, span: Span) -> ir.Expression:
        """What stands for a part whose fault has been reported."""
        return cast(ir.Expression, Invalid(span=span))

    def is_invalid(self, *nodes: ir.Expression | None) -> bool:
        """Is any of them at fault?"""
        return any(isinstance(one, Invalid) for one in nodes)

    def fit_into_limits(self, node: ir.Expression, span: Span, *, counted: bool) -> None:
        """Give up on an expanded expression that is too large or too deep; `counted`: it is part of the program as it stands."""
        size, depth = measure(self.environment, node)
        if counted:
            self.environment.budget[0] -= size
        if depth > DEEPEST + _MARGIN or size > LARGEST or self.environment.budget[0] < 0:
            self.too_large(span, deep=depth > DEEPEST + _MARGIN)

    def too_large(self, span: Span, *, deep: bool) -> None:
        """Report that the program is beyond the limits, and give up."""
        what = f"more than {DEEPEST} levels deep" if deep else f"more than {LARGEST:,} parts"
        self.report("L20", "an expression too large to compute", span, f"with its functions written out it is {what}",
                    help="give parts of it names of their own, so that each is computed once: half[i in Row] = ...")  # fmt: skip
        raise TooLarge

    def unknown(self, name: str, span: Span) -> ir.Expression:
        """Report a name that nothing defines."""
        environment = self.environment
        if name in environment.sets or name in self.substituted_sets:
            return self.report("N12", f"the index set `{name}` where a value is needed", span, f"`{name}` is a set, not a number",
                               help=f"size({name}) is how many members it has; to compute for each of them bind a variable: i in {name}")  # fmt: skip
        if name in DISTRIBUTIONS or name == "Mixture":
            return self.report("D13", f"the distribution `{name}` where a value is needed", span, "a distribution is not a number",
                               help=f"give the draw a name of its own, e ~ {name}(...), and use e here")  # fmt: skip
        if name in FUNCTIONS or name in environment.functions or name in REDUCTIONS:
            return self.report(
                "N06", f"the function `{name}` without its arguments", span, "a function is not a number", help=f"write {name}(...)"
            )
        if name in environment.keys:
            return self.report("N17", f"`{name}` is a key, not a value", span, f"it says which row of {environment.keys[name]} is which",
                               help=f"a variable bound over {environment.keys[name]} stands for the row itself")  # fmt: skip
        if name in CONSTANTS:
            return self.report("N02", f"`{name}` is used but never defined", span, help=CONSTANTS[name])
        meant = near(name, [*environment.entries, *self.visible, *self.substituted])
        if meant is not None:
            return self.report("N01", f"unknown name `{name}`", span, f"did you mean `{meant}`?")
        if len(name) == 1 and name.isascii() and name.islower():
            return self.report("N02", f"`{name}` is used but never defined", span, "if it is an index, nothing binds it",
                               help=f"bind it on the left, x[{name} in Set] ~ ..., or in a reduction, sum(... for {name} in Set)")  # fmt: skip
        return self.report("N02", f"`{name}` is used but never defined", span,
                           help=f"give it a prior ({name} ~ Normal(0, 5)), make it learnable (param {name} : real), or add a column")  # fmt: skip

    # what is known of a resolved expression

    def typing(self, node: ir.Expression) -> Typing:
        """What is known of an expression so far, without reporting anything."""
        return Typer(replace(self.environment, collector=Collector()), self.variables).type_of(node)

    def axes(self, base: ir.Expression) -> tuple[str, ...]:
        """The sets that are still free for indexing."""
        if not isinstance(base, ir.Reference):
            return self.typing(base).sets
        sets = self.environment.entries[base.name].sets
        whole = tuple(axis for axis, index in zip(sets, base.indices, strict=False) if isinstance(index, ir.Whole))
        return whole + sets[len(base.indices) :]

    def member_set(self, node: ir.Expression) -> str | None:
        """The set that an expression's value is a member of, as far as it is known."""
        kind = self.typing(node).kind
        return kind.set if isinstance(kind, Member) else None

    # leaves

    def _name(self, node: tree.Name) -> ir.Expression:
        name = node.name
        if name in self.visible:
            return ir.Variable(self.visible[name], span=node.span)
        if name in self.substituted:
            return self.substituted[name]
        entry = self.environment.entries.get(name)
        if entry is None:
            return self.unknown(name, node.span)
        if self.row_table is not None and entry.what == "column" and entry.sets[:1] == (self.row_table,):
            return ir.Reference(name, (ir.Variable(program.ROW),), span=node.span)
        return ir.Reference(name, span=node.span)

    def _number(self, node: tree.Number) -> ir.Expression:
        return ir.Number(literal(node.text), span=node.span)

    def _text(self, node: tree.Text) -> ir.Expression:
        return self.report("K03", "a text where a number is needed", node.span, "a text is the name of a member of an index set",
                           help=f'it can stand in an index, effect["{node.value}"], or in a comparison, arm[i] == "{node.value}"')  # fmt: skip

    # operators

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
            operands.append(self.value(one))  # noqa: PERF401
        return ir.Logical(node.operator, tuple(operands), span=node.span)

    def _not(self, node: tree.Not) -> ir.Expression:
        return ir.Not(self.value(node.operand), span=node.span)

    def _if(self, node: tree.IfElse) -> ir.Expression:
        return ir.IfElse(self.value(node.condition), self.value(node.then), self.value(node.otherwise), span=node.span)

    def _table(self, node: tree.Table) -> ir.Expression:
        items = []
        for item in node.items:
            items.append(self.value(item))  # noqa: PERF401
        return ir.TableLiteral(tuple(items), span=node.span)

    def _compare(self, node: tree.Compare) -> ir.Expression:
        """A label on one side is looked up in the set of the other side."""
        if slots.may_be_label(self, node.right):
            left = self.value(node.left)
            return ir.Compare(node.operator, left, slots.label_beside(self, node.right, left), span=node.span)
        if slots.may_be_label(self, node.left):
            right = self.value(node.right)
            return ir.Compare(node.operator, slots.label_beside(self, node.left, right), right, span=node.span)
        return ir.Compare(node.operator, self.value(node.left), self.value(node.right), span=node.span)

    def _index(self, node: tree.Index) -> ir.Expression:
        """`base[slot, ...]`."""
        base = slots.whole_column(self, node) or self.value(node.base)
        if isinstance(base, Invalid):
            for slot in node.slots:
                self.slot(slot, None, lenient=True)
            return base
        axes = self.axes(base)
        if len(node.slots) > len(axes) and isinstance(base, ir.Reference):
            return slots.too_many(self, node, base, axes)
        found = []
        for position, slot in enumerate(node.slots):
            found.append(self.slot(slot, axes[position] if position < len(axes) else None))
        if isinstance(base, ir.Reference):
            return ir.Reference(base.name, slots.fill(base.indices, found), span=node.span)
        return ir.Element(base, tuple(found), span=node.span)

    def _field(self, node: tree.Field) -> ir.Expression:
        base = self.value(node.base)
        if isinstance(base, Invalid):
            return base
        if isinstance(base, ir.NetCall) and base.head is None:
            return replace(base, head=node.name, span=node.span)
        name = self.substituted_sets.get(node.name, node.name)
        product = self.member_set(base)
        if product is None:
            return ir.RecordField(base, node.name, span=node.span)
        made_of = self.environment.parts(product)
        if name in made_of:
            return ir.Part(base, name, span=node.span)
        part, _, occurrence = name.rpartition("_")
        if isinstance(self.environment.sets[product].members, program.ProductSet) and occurrence in map(
            str, range(2, made_of.count(part) + 1)
        ):
            return ir.Part(base, part, int(occurrence), span=node.span)
        names = [one if made_of[:n].count(one) == 0 else f"{one}_{made_of[:n].count(one) + 1}" for n, one in enumerate(made_of)]
        parts = f"its parts are {' and '.join(names)}" if made_of else f"{product} is not made of other sets"
        return self.report("N13", f"`{node.name}` is no part of {an(product)}", node.span, parts)

    def _generator(self, node: tree.Generator) -> ir.Expression:
        return self.report("N10", "`for` outside a reduction", node.span, f"only {', '.join(REDUCTIONS)} and Mixture take a `for`",
                           help="to compute one for each member bind a variable on the left: e[k in K] = ...")  # fmt: skip


_VALUES: dict[type, Callable[[Resolver, Any], ir.Expression]] = {
    tree.Name: Resolver._name,
    tree.Number: Resolver._number,
    tree.Text: Resolver._text,
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
    tree.Call: resolve_call,
    tree.Generator: Resolver._generator,
}
