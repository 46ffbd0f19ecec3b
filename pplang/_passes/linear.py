"""A value of each row as a sum of data by row times unknowns by group: what makes a normal likelihood a quadratic form in few numbers.

`a[county[i]] + (b + u * age[i]) * floor[i]` is the sum of 1 x `a[c]`, `floor[i]` x `b` and `age[i] * floor[i]` x `u`, for the groups
c = county[i]. A group is a category of the row, or one of its own plates where there are others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from pplang._check.environment import Environment
from pplang._check.retype import environment_of
from pplang._check.words import fresh_letters
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.kinds import Member
from pplang._ir.program import Program, Site

MOST_TERMS = 64


class NotLinearError(Exception):
    """Why a likelihood cannot be written so, as the end of a sentence for the user."""


@dataclass(frozen=True)
class Column:
    """One column of the design, or with `over` one for each member of a set.

    row: data, in the variables of the rows (and of `over`). value: what it is multiplied with, in the variables of the groups.
    """

    row: ire.Expression
    value: ire.Expression
    over: ire.Binder | None = None


@dataclass(frozen=True)
class Group:
    """What rows are grouped by: a category of the row such as `county[i]`, or one of the row's own variables; and the letter for it."""

    category: ire.Expression
    variable: str
    set: str

    @property
    def own(self) -> bool:
        """Is it one of the plates of the rows?"""
        return isinstance(self.category, ire.Variable)


@dataclass(frozen=True)
class Linear:
    """columns and groups of a mean, the data to be subtracted from the outcome, and the scale in the variables of the groups."""

    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    offset: ire.Expression
    scale: ire.Expression


def linear(program: Program, site: Site, mean: ire.Expression, scale: ire.Expression) -> Linear:
    """The decomposition of a normal observed site. Raises NotLinearError."""
    return _Reader(program, site).read(mean, scale)


def predictor(program: Program, site: Site, argument: ire.Expression) -> Linear:
    """The same of what a relation of any family is given, such as a logit, or of what stands in it inside functions of one number."""
    reader = _Reader(program, site)
    return reader.read(reader.inside(argument), build.ONE)


@dataclass(frozen=True)
class _Term:
    """A product. data: factors known before inference; unknown: the others; over: the variable of the sum that it stands in."""

    data: tuple[ire.Expression, ...] = ()
    unknown: tuple[ire.Expression, ...] = ()
    over: ire.Binder | None = None


@dataclass
class _Reader:
    program: Program
    site: Site
    environment: Environment = field(init=False)
    rows: dict[str, str] = field(init=False)
    categories: dict[ire.Expression, str] = field(default_factory=dict)
    """The groups found so far, and their sets."""
    letters: dict[str, str] = field(default_factory=dict)
    """The letter for the members of each set that coefficients are over."""

    def __post_init__(self) -> None:
        self.environment = environment_of(self.program)
        self.rows = {axis.variable: axis.set for axis in self.site.plates if axis.variable is not None}

    def read(self, mean: ire.Expression, scale: ire.Expression) -> Linear:
        scale = self._inlined(scale)
        if not self._is_by_group(scale):
            raise NotLinearError("its standard deviation differs from row to row")
        terms = self._terms(self._inlined(mean))
        if all(name in map(_variable_of, self.categories) for name in self.rows):
            raise NotLinearError("each row has unknowns of its own")
        groups = self._groups(terms)
        columns: dict[tuple[ire.Expression, str | None], Column] = {}
        for one in terms:
            if one.unknown:
                found = self._column(one, groups)
                key = (found.row, found.over.set if found.over else None)
                known = columns.get(key)
                columns[key] = found if known is None else replace(known, value=_added([known.value, found.value]))
        offset = _added([_total(one) for one in terms if not one.unknown])
        blocks = [one.over.set for one in columns.values() if one.over is not None]
        if not columns:
            raise NotLinearError("its mean is known")
        if len(set(blocks)) < len(blocks):
            raise NotLinearError("two tables of coefficients are over one set")
        return Linear(tuple(columns.values()), groups, offset, _grouped(scale, groups))

    # definitions row by row

    def _inlined(self, node: ire.Expression) -> ire.Expression:
        """The expression with the definitions of the row's own values written out."""
        bound = {binder.variable for one in ire.walk(node) for binder in getattr(one, "binders", ())}

        def change(one: ire.Expression) -> ire.Expression:
            site = self.program.site.get(one.name) if isinstance(one, ire.Reference) else None
            if not isinstance(one, ire.Reference) or site is None or site.role != "deterministic" or site.level != "model":
                return one
            if not any(isinstance(index, ire.Variable) and index.name in self.rows for index in one.indices):
                return one
            stepping = any(isinstance(part, ire.Lag) for part in ire.walk(site.right))
            if stepping or site.starting is not None or len(one.indices) != len(site.plates) or len(site.plates) != len(site.axes):
                raise NotLinearError(f"`{site.name}` is not computed row by row")
            inside = {binder.variable for part in ire.walk(site.right) for binder in getattr(part, "binders", ())}
            if inside & ({*self.rows} | bound):
                raise NotLinearError(f"a letter of `{site.name}` stands for something else as well")
            letters = {axis.variable: index for axis, index in zip(site.axes, one.indices, strict=True)}
            return self._inlined(_replaced(site.right, lambda part: letters.get(part.name) if isinstance(part, ire.Variable) else None))

        return ire.rewrite(node, change)

    def inside(self, node: ire.Expression) -> ire.Expression:
        """`a + b * x[i]` of `exp(a + b * x[i])`."""
        node = self._inlined(node)
        while isinstance(node, ire.Call) and len(node.arguments) == 1 and not node.keywords:
            node = self._inlined(node.arguments[0])
        return node

    # what an expression depends on

    def _is_data(self, node: ire.Expression) -> bool:
        references = (one for one in ire.walk(node) if isinstance(one, ire.Reference))
        plain = not any(isinstance(one, ire.NetCall | ire.Distribution | ire.Mixture) for one in ire.walk(node))
        return plain and all(self.environment.entries[one.name].data for one in references)

    def _mentions_rows(self, node: ire.Expression) -> bool:
        return any(_variable_of(one) in self.rows for one in ire.walk(node))

    def _is_by_group(self, node: ire.Expression) -> bool:
        """Does it depend on the row through the indices of unknowns and categories of the row alone? These are noted as groups."""
        found: dict[ire.Expression, str] = {}
        pending: list[ire.Expression] = [node]
        while pending:
            one = pending.pop()
            if _variable_of(one) in self.rows:
                return False
            if (over := self._category(one)) is not None:
                found[one] = over
            elif isinstance(one, ire.Reference) and not self.environment.entries[one.name].data:
                own: dict[ire.Expression, str] = {}
                for index in one.indices:
                    if isinstance(index, ire.Variable) and index.name in self.rows:
                        own[index] = self.rows[index.name]
                if own and len(self.rows) == 1:
                    raise NotLinearError("each row has unknowns of its own")
                found |= own
                pending += (index for index in one.indices if index not in own)
            else:
                pending += ire.children(one)
        self.categories |= found
        return True

    def _category(self, node: ire.Expression) -> str | None:
        """The set of `county[i]`, a category of the row."""
        if not isinstance(node, ire.Reference) or not node.indices or not self.environment.entries[node.name].data:
            return None
        kind = self.program.kind_of(node.name)
        by_row = all(isinstance(one, ire.Variable) and one.name in self.rows for one in node.indices)
        return kind.set if isinstance(kind, Member) and by_row else None

    # the terms of a sum

    def _terms(self, node: ire.Expression, over: ire.Binder | None = None) -> list[_Term]:
        found = list(self._expanded(node, over))
        if len(found) > MOST_TERMS:
            raise NotLinearError(f"its mean has more than {MOST_TERMS} terms")
        return found

    def _expanded(self, node: ire.Expression, over: ire.Binder | None) -> Iterator[_Term]:
        if self._is_data(node):
            yield _Term(data=(node,), over=over)
        elif self._is_by_group(node):
            yield _Term(unknown=(node,), over=over)
        else:
            yield from self._split(node, over)

    def _split(self, node: ire.Expression, over: ire.Binder | None) -> Iterator[_Term]:
        match node:
            case ire.Sum(terms):
                for sign, part in terms:
                    yield from self._signed(sign, self._terms(part, over))
            case ire.Negate(operand):
                yield from self._signed("-", self._terms(operand, over))
            case ire.Product(factors):
                yield from self._product(factors, over)
            case ire.Reduce("sum", element, (binder,), None) if over is None and binder.set not in self.rows.values():
                first = self.letters.setdefault(binder.set, binder.variable)
                if first == binder.variable:
                    yield from self._terms(element, binder)
                else:
                    yield from self._terms(ire.renamed(element, {binder.variable: first}), ire.Binder(first, binder.set))
            case _:
                raise NotLinearError("its mean is not linear in the unknowns, with data as coefficients")

    @staticmethod
    def _signed(sign: str, terms: Iterable[_Term]) -> Iterator[_Term]:
        for one in terms:
            yield one if sign == "+" else replace(one, data=(ire.Number(-1), *one.data))

    def _product(self, factors: tuple[tuple[str, ire.Expression], ...], over: ire.Binder | None) -> Iterator[_Term]:
        found = [_Term(over=over)]
        for operator, factor in factors:
            if operator == "/":
                inverse = build.divide(build.ONE, factor)
                if not self._is_data(factor) and not self._is_by_group(factor):
                    raise NotLinearError("its mean divides by what differs from row to row and is unknown")
                parts = [_Term((inverse,), (), over) if self._is_data(factor) else _Term((), (inverse,), over)]
            else:
                parts = self._terms(factor, over)
            if over is None and any(one.over and other.over for one in found for other in parts):
                raise NotLinearError("its mean is a product of sums over tables")
            found = [_Term((*a.data, *b.data), (*a.unknown, *b.unknown), a.over or b.over) for a in found for b in parts]
            if len(found) > MOST_TERMS:
                raise NotLinearError(f"its mean has more than {MOST_TERMS} terms")
        yield from found

    # columns

    def _groups(self, terms: Iterable[_Term]) -> tuple[Group, ...]:
        taken = {*self.environment.entries, *self.rows}
        parts = [part for one in terms for part in (*one.data, *one.unknown)]
        taken |= {binder.variable for part in parts for one in ire.walk(part) for binder in getattr(one, "binders", ())}
        taken |= {one.over.variable for one in terms if one.over is not None}
        found = []
        for category, over in self.categories.items():
            letter = category.name if isinstance(category, ire.Variable) else self._letter(over, taken)
            taken.add(letter)
            found.append(Group(category, letter, over))
        return tuple(sorted(found, key=lambda one: (not one.own, one.set, one.variable)))

    def _letter(self, over: str, taken: set[str]) -> str:
        """The letter that the program uses for the members of a set, or another one."""
        used = [axis.variable for site in self.program.sites for axis in site.axes if axis.set == over and axis.variable is not None]
        (other,) = fresh_letters((over,), taken)
        return next((letter for letter in used if letter not in taken), other)

    def _column(self, term: _Term, groups: tuple[Group, ...]) -> Column:
        """Data that the groups determine go with the unknowns, so that one column serves all that is multiplied with the same data."""
        known = {one.category for one in groups}
        row: list[ire.Expression] = []
        value = list(term.unknown)
        for factor in term.data:
            (value if self._is_of(factor, known, term.over) else row).append(factor)
        over = term.over
        if over is not None and not any(_variable_of(one) == over.variable for factor in row for one in ire.walk(factor)):
            # Every row has the same coefficients: their sum is one number of the group.
            whole = ire.Reduce("sum", _grouped(_product(value), groups), (over,))
            return Column(_product(row), whole)
        return Column(_product(row), _grouped(_product(value), groups), over)

    def _is_of(self, factor: ire.Expression, known: set[ire.Expression], over: ire.Binder | None) -> bool:
        """Is it the same for all rows of a group (and, in a sum over coefficients, for all of these)?"""
        if over is not None and any(_variable_of(one) == over.variable for one in ire.walk(factor)):
            return False
        return not self._mentions_rows(_replaced(factor, lambda one: build.ZERO if one in known else None))


def _total(term: _Term) -> ire.Expression:
    """A term without unknowns, summed over what it is over."""
    product = _product(list(term.data))
    return product if term.over is None else ire.Reduce("sum", product, (term.over,))


def _added(parts: list[ire.Expression]) -> ire.Expression:
    """A flat sum."""
    terms: list[tuple[Literal["+", "-"], ire.Expression]] = []
    for one in parts:
        match one:
            case ire.Sum(inner):
                terms += inner
            case ire.Negate(operand):
                terms.append(("-", operand))
            case _:
                terms.append(("+", one))
    if terms and terms[0][0] == "-":
        terms[0] = ("+", ire.Negate(terms[0][1]))
    return build.ZERO if not terms else terms[0][1] if len(terms) == 1 else ire.Sum(tuple(terms))


def _product(factors: list[ire.Expression]) -> ire.Expression:
    """Flat, with a sign in front and quotients as such."""
    sign = 1
    top: list[ire.Expression] = []
    below: list[ire.Expression] = []
    for one in factors:
        match one:
            case ire.Number(-1):
                sign = -sign
            case ire.Product((("*", ire.Number(1)), ("/", divisor))):
                below.append(divisor)
            case ire.Product(parts):
                top += [part for operator, part in parts if operator == "*"]
                below += [part for operator, part in parts if operator == "/"]
            case _:
                top.append(one)
    made = build.multiply(*top) if top else build.ONE
    for divisor in below:
        made = build.divide(made, divisor)
    return ire.Negate(made) if sign < 0 else made


def _grouped(node: ire.Expression, groups: Iterable[Group]) -> ire.Expression:
    """The expression with the letters of the groups for the categories of the row."""
    letters: Mapping[ire.Expression, str] = {one.category: one.variable for one in groups}
    return _replaced(node, lambda one: ire.Variable(letters[one]) if one in letters else None)


def _replaced(node: ire.Expression, other: Callable[[ire.Expression], ire.Expression | None]) -> ire.Expression:
    """The expression with others in the place of some of its parts; `other` gives None for what stays."""
    return ire.rewrite(node, lambda one: other(one) or one)


def _variable_of(node: ire.Expression) -> str | None:
    match node:
        case ire.Variable(name):
            return name
        case ire.Lag(variable, _):
            return variable
    return None


def list_items(program: Program, table: ire.Reference, over: str) -> tuple[ire.Expression, ...]:
    """What stands for a table over a set in a list over a sum of sets: a number for each member that the model lists, else the table."""
    labels = environment_of(program).labels(over)
    if labels is None:
        return (table,)
    return tuple(replace(table, indices=(*table.indices, ire.Member(over, label))) for label in labels)
