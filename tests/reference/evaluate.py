"""An interpreter of typed programs: slow, obvious, one element at a time in Python floats, densities by SciPy.

It reads the records of the program and nothing else of pplang: no lowering, no array of more than one draw, no broadcasting.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from pplang._ir import expression as ir
from pplang._ir import program as records
from pplang._ir.kinds import Boolean, Date, Interval, Kind, Member
from tests.catalogue.scipy_reference import log_density as scipy_log_density
from tests.reference.functions import BIJECTIONS, NUMBERS, TABLES, OutsideDomainError, chain_log_sum, log_sum_exp

Label = str | int
Sets = Mapping[str, Sequence[Label]]


class At(NamedTuple):
    """A member of an index set, by its position."""

    set: str
    position: int


Environment = Mapping[str, At]
"""The bound variables."""

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


_CHAIN_SUMS = frozenset(("chain_log_sum", "varying_chain_log_sum"))


def _precision_ahead(here: int, after: int | None, found: np.ndarray, precision: np.ndarray, step: np.ndarray, scale: np.ndarray) -> float:
    """By the update of a normal: what the next member says of this one, through its noise."""
    told = 0.0 if after is None or not found[after] else step[after] ** 2 / (1 / found[after] + scale[after] ** 2)
    return float(precision[here] + told)


def _pull_ahead(here: int, after: int | None, found: np.ndarray, *tables: np.ndarray) -> float:
    pull, ahead, step, drift, scale = tables
    if after is None:
        return float(pull[here])
    return float(pull[here] + step[after] * (found[after] - ahead[after] * drift[after]) / (1 + scale[after] ** 2 * ahead[after]))


_AHEAD: dict[str, Callable[..., float]] = {"precision_ahead": _precision_ahead, "pull_ahead": _pull_ahead}


def all_sets(program: records.Program, sets: Sets, values: Mapping[str, Any]) -> dict[str, Sequence[Label]]:
    """The members of every set, those that are derived from others (cut points, free coordinates, pairs, products, parts) included.

    values: of columns, among them `given(x)` for those with empty cells.
    """
    found = dict(sets)

    def members(name: str) -> Sequence[Label]:
        if name not in found:
            found[name] = derived(program.set[name].members)
        return found[name]

    def derived(how: records.Members) -> Sequence[Label]:
        match how:
            case records.Gaps(base) | records.Free(base):
                return range(1, len(members(base)))
            case records.Pairs(base):
                return range(1, len(members(base)) * (len(members(base)) - 1) // 2 + 1)
            case records.Without(base, labels):
                return [one for one in members(base) if one not in labels]
            case records.Empty(name):
                return range(1, int(np.sum(~np.asarray(values[records.given(name)], bool))) + 1)
            case records.Distinct(names):
                return range(1, len(kinds(names, values)) + 1)
            case records.ProductSet(parts):
                return ["*".join(map(str, one)) for one in itertools.product(*map(members, parts))]
            case records.SumSet(parts):
                return [label for one in parts for label in members(one)]
            case records.Labels(labels):
                return labels
        raise KeyError(how)

    for one in program.sets:
        members(one.name)
    return found


def kinds(names: tuple[str, ...], values: Mapping[str, Any]) -> dict[tuple[object, ...], list[int]]:
    """The rows at which some columns are the same, by what they hold there."""
    arrays = [np.asarray(values[name]) for name in names]
    found: dict[tuple[object, ...], list[int]] = {}
    for row in range(len(arrays[0])):
        found.setdefault(tuple(array[row].tobytes() for array in arrays), []).append(row)
    return found


def _frechet(given: Mapping[str, float], value: float) -> float:
    log_z = math.log(value / given["scale"])
    return math.log(given["shape"] / given["scale"]) - (given["shape"] + 1) * log_z - math.exp(-given["shape"] * log_z)


def _log_logistic(given: Mapping[str, float], value: float) -> float:
    log_z = given["shape"] * math.log(value / given["scale"])
    return math.log(given["shape"] / value) + log_z - 2 * (max(log_z, 0.0) + math.log1p(math.exp(-abs(log_z))))


_FORMULAS: dict[str, Callable[[Mapping[str, float], float], float]] = {"Frechet": _frechet, "LogLogistic": _log_logistic}
"""SciPy takes the logarithm of a density that underflows."""


@lru_cache(maxsize=200_000)
def _density_of_number(name: str, arguments: tuple[tuple[str, Any], ...], value: float) -> float:
    density = _FORMULAS.get(name) or partial(scipy_log_density, name)
    return float(density(dict(arguments), value))


@dataclass
class Evaluator:
    """A program with values for its columns, inputs, latents and params (arrays in declared axis order); the rest is computed on demand.

    A name that has a value in `values` keeps it, even where a relation would compute it.
    """

    program: records.Program
    sets: Sets
    values: Mapping[str, Any]
    _memory: dict[tuple[str, tuple[int, ...]], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sets = all_sets(self.program, self.sets, self.values)
        self.values = {name: np.asarray(value) for name, value in self.values.items()}

    # names

    def whole(self, name: str) -> np.ndarray:
        """All elements of a name, in declared axis order."""
        axes = self.program.axes_of(name)
        shape = tuple(len(self.sets[one]) for one in axes)
        result = np.zeros(shape)
        for positions in itertools.product(*map(range, shape)):
            result[positions] = self.plain(self.element(name, positions))
        return result

    def element(self, name: str, positions: tuple[int, ...]) -> Any:
        """One element of a column, input, latent, param or relation."""
        key = name, positions
        if key not in self._memory:
            self._memory[key] = self._given(name, positions) if name in self.values else self._computed(name, positions)
        return self._memory[key]

    def _given(self, name: str, positions: tuple[int, ...]) -> Any:
        return _typed(self.values[name][positions], self.program.kind_of(name))

    def _computed(self, name: str, positions: tuple[int, ...]) -> Any:
        column = self.program.column.get(name)
        if column is not None:
            assert column.value is not None
            row = {records.ROW: At(column.sets[0], positions[0])}
            value = self.value(column.value, row)
            return value[positions[1:]] if len(positions) > 1 else value
        site = self.program.site[name]
        if site.value is not None:
            site = site.definition
        assert site.role == "deterministic", name
        where = {axis.variable: At(axis.set, at) for axis, at in zip(site.axes, positions, strict=True) if axis.variable is not None}
        event = tuple(at for axis, at in zip(site.axes, positions, strict=True) if axis.variable is None)
        right = site.right if site.starting is None or self.has_past(site.right, where) else site.starting
        if not event:
            return self.value(right, where)
        key = f"{name} at", tuple(at.position for at in where.values())
        if key not in self._memory:
            self._memory[key] = np.asarray(self.value(right, where))
        return _typed(self._memory[key][event], site.kind)

    def has_past(self, right: ir.Expression, where: Environment) -> bool:
        """Does every step that is taken from the bound variables of a statement end at a member?"""
        return all(self._step_exists(one, where, ranges) for one, ranges in _steps(right, {}) if one.variable in where)

    def _step_exists(self, lag: ir.Lag, where: Environment, ranges: Mapping[str, str]) -> bool:
        if isinstance(lag.by, ir.Number):
            return self._stepped(where[lag.variable], int(lag.by.value)) is not None
        furthest = max(int(one) for one in self.sets[ranges[lag.by.name]])
        return self._stepped(where[lag.variable], furthest) is not None

    def _stepped(self, at: At, by: int) -> At | None:
        """The member `by` places before, in the set's own order; within its group, where the order has groups."""
        table = next((one for one in self.program.tables if one.name == at.set), None)
        line = list(range(len(self.sets[at.set])))
        if table is not None and table.order is not None:
            within, along = table.order.within, table.order.by
            if within is not None:
                line = [one for one in line if self.element(within, (one,)) == self.element(within, (at.position,))]
            if along is not None:
                line.sort(key=lambda one: self.element(along, (one,)))
        place = line.index(at.position) - by
        return At(at.set, line[place]) if 0 <= place < len(line) else None

    # expressions

    def number(self, node: ir.Expression, where: Environment) -> float:
        """An expression as a number: truth is 0 or 1, a member of a numeric range its integer."""
        return self.plain(self.value(node, where))

    def plain(self, value: Any) -> Any:
        if isinstance(value, bool | np.bool_):
            return int(value)
        if isinstance(value, At):
            numeric = isinstance(self.program.set[value.set].members, records.NumberRange)
            return int(self.sets[value.set][value.position]) if numeric else value.position
        return value

    def value(self, node: ir.Expression, where: Environment) -> Any:
        """A number (int or float), a bool, a member, or a NumPy array for a table."""
        match node:
            case ir.Number(value):
                return value
            case ir.Variable(name):
                return where[name]
            case ir.Member(set_name, label):
                return At(set_name, list(self.sets[set_name]).index(label))
            case ir.Lag(variable, by):
                step = self._stepped(where[variable], int(self.number(by, where)))
                assert step is not None
                return step
            case ir.Reference(name, indices):
                return self._reference(name, indices, where)
            case ir.Size(set_name):
                return len(self.sets[set_name])
            case ir.Given(name, indices):
                places = tuple(
                    self._position(self.value(one, where), axis) for one, axis in zip(indices, self.program.axes_of(name), strict=True)
                )
                return bool(self.values[records.given(name)][places])
            case ir.Completed(name, cells):
                table = np.array([self.value(ir.Reference(name), {})], float)[0]
                table[~np.asarray(self.values[records.given(name)], bool)] = self.value(cells, where)
                return table
            case ir.Repeats(member):
                at = self.value(member, where)
                how = self.program.set[at.set].members
                assert isinstance(how, records.Distinct)
                return len(list(kinds(how.names, self.values).values())[at.position])
            case ir.Part(member, set_name, occurrence):
                return self._part(self.value(member, where), set_name, occurrence)
            case ir.Sum(terms):
                return self._added([(sign, self.number(one, where)) for sign, one in terms])
            case ir.Product(factors):
                return self._multiplied([(sign, self.number(one, where)) for sign, one in factors])
            case ir.Negate(operand):
                return -self.number(operand, where)
            case ir.Power(base, exponent):
                return self._power(self.number(base, where), self.number(exponent, where))
            case ir.Compare(sign, left, right):
                return self._compare(sign, self.value(left, where), self.value(right, where))
            case ir.Logical("and", operands):
                return all(self.value(one, where) for one in operands)
            case ir.Logical("or", operands):
                return any(self.value(one, where) for one in operands)
            case ir.Not(operand):
                return not self.value(operand, where)
            case ir.IfElse(condition, then, otherwise):
                return self.value(then if self.value(condition, where) else otherwise, where)
            case ir.Call():
                return self._call(node, where)
            case ir.Reduce():
                return self._reduce(node, where)
            case ir.Element(table, indices):
                slots = tuple(slice(None) if isinstance(one, ir.Whole) else self.value(one, where).position for one in indices)
                found = self.value(table, where)[slots]
                return found if np.ndim(found) else float(found)
            case ir.TableLiteral(items):
                return np.concatenate([np.atleast_1d(self.plain(self.value(one, where))) for one in items]).astype(float)
            case ir.LogDensity(distribution, value):
                return self.log_density(distribution, self.value(value, where), where)
        raise NotImplementedError(type(node).__name__)

    def _reference(self, name: str, indices: tuple[ir.Expression, ...], where: Environment) -> Any:
        axes = self.program.axes_of(name)
        slots = [
            None if isinstance(one, ir.Whole) else self._position(self.value(one, where), axis)
            for one, axis in zip(indices, axes, strict=False)
        ]
        slots += [None] * (len(axes) - len(slots))
        if None not in slots:
            return self.element(name, tuple(slots))
        kept = [len(self.sets[axis]) for axis, slot in zip(axes, slots, strict=True) if slot is None]
        table = np.zeros(kept)
        for free in itertools.product(*map(range, kept)):
            rest = iter(free)
            table[free] = self.plain(self.element(name, tuple(next(rest) if slot is None else slot for slot in slots)))
        return table

    def _position(self, at: At, axis: str) -> int:
        """Where a member stands in a set that it indexes: its own, one that its own is a part of, or a sum of its own and others."""
        found = self._within(at, axis)
        return list(self.sets[axis]).index(self.sets[at.set][at.position]) if found is None else found

    def _within(self, at: At, axis: str) -> int | None:
        if at.set == axis:
            return at.position
        how = self.program.set[axis].members if axis in self.program.set else None
        if not isinstance(how, records.SumSet):
            return None
        before = 0
        for one in how.sets:
            inside = self._within(at, one)
            if inside is not None:
                return before + inside
            before += len(self.sets[one])
        return None

    def _part(self, member: At, wanted: str, occurrence: int = 1) -> At:
        how = self.program.set[member.set].members
        if isinstance(how, records.Empty):
            cells = np.nonzero(~np.asarray(self.values[records.given(how.name)], bool))
            return At(wanted, int(cells[self.program.axes_of(how.name).index(wanted)][member.position]))
        if isinstance(how, records.Distinct):
            return At(wanted, list(kinds(how.names, self.values).values())[member.position][0])
        assert isinstance(how, records.ProductSet)
        combinations = list(itertools.product(*(range(len(self.sets[one])) for one in how.sets)))
        places = [n for n, one in enumerate(how.sets) if one == wanted]
        return At(wanted, combinations[member.position][places[occurrence - 1]])

    def _added(self, terms: list[tuple[str, float]]) -> float:
        return sum((one if sign == "+" else -one for sign, one in terms), start=0)

    def _multiplied(self, factors: list[tuple[str, float]]) -> float:
        total: float = 1
        for sign, one in factors:
            total = total * one if sign == "*" else total / one
        return total

    def _power(self, base: float, exponent: float) -> float:
        if base < 0 and exponent != int(exponent):
            raise OutsideDomainError
        return base**exponent

    def _compare(self, sign: str, left: Any, right: Any) -> bool:
        if isinstance(left, At) and isinstance(right, At) and left.set == right.set:
            return _COMPARISONS[sign](left.position, right.position)
        if isinstance(left, At) and isinstance(right, At):
            parts = [isinstance(self.program.set[one.set].members, records.Without) for one in (left, right)]
            if any(parts):
                whole = right.set if parts[0] else left.set
                return _COMPARISONS[sign](self._position(left, whole), self._position(right, whole))
        return _COMPARISONS[sign](self.plain(left), self.plain(right))

    def _call(self, node: ir.Call, where: Environment) -> Any:
        arguments = [self.plain(self.value(one, where)) for one in (*node.arguments, *(one for _, one in node.keywords))]
        if node.function in _CHAIN_SUMS or node.function in _AHEAD:
            return self._along_time(node, arguments)
        if node.function in NUMBERS:
            return NUMBERS[node.function](*arguments)
        if node.function in TABLES:
            result = TABLES[node.function](*arguments)
            return np.asarray(result, float) if np.ndim(result) else float(result)
        (value,) = arguments
        holds = {"positive": value > 0, "nonnegative": value >= 0, "unit": 0 <= value <= 1, "real": True}[node.function]
        if not holds:
            raise OutsideDomainError
        return value

    def _reduce(self, node: ir.Reduce, where: Environment) -> Any:
        spaces = [[At(one.set, at) for at in range(len(self.sets[one.set]))] for one in node.binders]
        kept = []
        for members in itertools.product(*spaces):
            inside = {**where, **{one.variable: at for one, at in zip(node.binders, members, strict=True)}}
            if node.condition is None or self.value(node.condition, inside):
                kept.append(self.plain(self.value(node.element, inside)))
        match node.operation:
            case "sum":
                return sum(kept) if all(isinstance(one, int) for one in kept) else math.fsum(kept)
            case "mean":
                return math.fsum(kept) / len(kept)
            case "max":
                return max(kept)
            case "min":
                return min(kept)
            case "prod":
                return math.prod(kept)
            case "any":
                return any(kept)
            case "all":
                return all(kept)
            case "logsumexp":
                return log_sum_exp(kept)
            case "sd":
                middle = math.fsum(kept) / len(kept)
                return math.sqrt(math.fsum((one - middle) ** 2 for one in kept) / (len(kept) - 1))
            case "triangle":
                (width,) = {len(self.sets[axis]) for axis in self._axes(node.element)}
                return _triangle(kept, width)

    def _axes(self, node: ir.Expression) -> tuple[str, ...]:
        """The axes that a reference leaves whole."""
        assert isinstance(node, ir.Reference)
        return self.program.axes_of(node.name)[len(node.indices) :]

    # densities

    def log_density(self, node: ir.Expression, value: Any, where: Environment) -> float:
        """The log density of one draw."""
        value = value.position if isinstance(value, At) else self.plain(value)
        match node:
            case ir.Mixture(component, binder, weights):
                members = [At(binder.set, at) for at in range(len(self.sets[binder.set]))]
                return log_sum_exp(
                    [
                        self._log_weight(weights, at, {**where, binder.variable: at})
                        + self.log_density(component, value, {**where, binder.variable: at})
                        for at in members
                    ]
                )
            case ir.Distribution("Transformed"):
                return self._transformed(node, value, where)
            case ir.Distribution("Chain"):
                return self._log_probability_of_path(node, value, where)
            case ir.Distribution():
                arguments = self.arguments(node, where)
                if np.ndim(value) == 0 and all(isinstance(one, int | float) for one in arguments.values()):
                    return _density_of_number(node.name, tuple(arguments.items()), value)
                density = _FORMULAS.get(node.name) or partial(scipy_log_density, node.name)
                return float(density(arguments, value))
        raise NotImplementedError(type(node).__name__)

    def _log_probability_of_path(self, node: ir.Distribution, path: np.ndarray, where: Environment) -> float:
        """Of the states of all chains of a set, given tables of log weights."""
        (_, first), (_, steps), (_, weight) = ((name, self.value(one, where)) for name, one in node.arguments)
        total = 0.0
        for line in self._lines_of(node.arguments[0][1]):
            states = [int(path[row]) for row in line]
            step = steps if np.ndim(steps) == 2 else None
            total += first[line[0]][states[0]] + math.fsum(weight[row][state] for row, state in zip(line, states, strict=True))
            for (_, a), (row, b) in itertools.pairwise(zip(line, states, strict=True)):
                total += (steps[row] if step is None else step)[a][b]
            total -= self._chain_log_sum(first, steps, weight, line)
        return total

    def _lines_of(self, table: ir.Expression) -> list[list[int]]:
        """The members along the first axis that a reference leaves whole, in the order of the set; a line for each of its groups."""
        set_name = self._axes(table)[0]
        places = range(len(self.sets[set_name]))
        before = {place: self._stepped(At(set_name, place), 1) for place in places}
        after = {at.position: place for place, at in before.items() if at is not None}
        lines = []
        for start in (place for place, at in before.items() if at is None):
            line = [start]
            while line[-1] in after:
                line.append(after[line[-1]])
            lines.append(line)
        return lines

    def _chain_log_sum(self, first: np.ndarray, steps: np.ndarray, weight: np.ndarray, line: list[int]) -> float:
        return float(chain_log_sum(first[line], steps if np.ndim(steps) == 2 else steps[line], weight[line]))

    def _along_time(self, node: ir.Call, arguments: list[Any]) -> Any:
        """The functions that go along an ordered set: all groups side by side."""
        lines = self._lines_of(node.arguments[0])
        if node.function in _CHAIN_SUMS:
            return math.fsum(self._chain_log_sum(*map(np.asarray, arguments), line) for line in lines)
        result = np.zeros(len(arguments[0]))
        for line in lines:
            for here, after in zip(reversed(line), [None, *reversed(line[1:])], strict=True):
                result[here] = _AHEAD[node.function](here, after, result, *arguments)
        return result

    def _log_weight(self, weights: ir.Expression, at: At, inside: Environment) -> float:
        found = self.value(weights, inside)
        weight = float(found[at.position]) if np.ndim(found) else float(found)
        return math.log(weight) if weight > 0 else -math.inf

    def _transformed(self, node: ir.Distribution, free: Any, where: Environment) -> float:
        (_, base), (_, bijection) = node.arguments
        assert isinstance(bijection, ir.Bijection)
        constrain, log_slope = BIJECTIONS[bijection.name]
        further = [self.plain(self.value(one, where)) for one in bijection.arguments]
        given = list(free) if np.ndim(free) else float(free)
        return self.log_density(base, np.asarray(constrain(given, *further), float)[()], where) + log_slope(given, *further)

    def arguments(self, node: ir.Distribution, where: Environment) -> dict[str, Any]:
        """The arguments of a distribution by name; one inside a wrapper is a pair (name, arguments)."""
        found: dict[str, Any] = {}
        for name, value in node.arguments:
            if isinstance(value, ir.Distribution):
                found[name] = value.name, self.arguments(value, where)
            else:
                found[name] = self.plain(self.value(value, where))
        return found

    def site_terms(self, site: records.Site) -> Iterator[float]:
        """The log densities of the draws of a site, each times its weight."""
        bound = [axis for axis in site.axes if axis.variable is not None]
        fixed = {label for label, _ in site.fixing}
        for positions in itertools.product(*(range(len(self.sets[axis.set])) for axis in bound)):
            where = {axis.variable: At(axis.set, at) for axis, at in zip(bound, positions, strict=True) if axis.variable is not None}
            if fixed and any(self.sets[axis.set][at] in fixed for axis, at in zip(bound, positions, strict=True)):
                continue
            if site.where is not None and not self.value(site.where, where):
                continue
            right = site.right if site.starting is None or self.has_past(site.right, where) else site.starting
            weight = 1.0 if site.weight is None else self.number(site.weight, where)
            yield weight * self.log_density(right, self.draw(site, where), where)

    def draw(self, site: records.Site, where: Environment) -> Any:
        """The value of one draw of a site: an element, or a table over the bare axes."""
        slots: list[ir.Expression] = [ir.Whole() if axis.variable is None else ir.Variable(axis.variable) for axis in site.axes]
        return self._reference(site.name, tuple(slots), where)

    def factor(self, factor: records.Factor) -> float:
        if factor.where is not None and not self.value(factor.where, {}):
            return 0.0
        return self.number(factor.value, {}) * (1.0 if factor.weight is None else self.number(factor.weight, {}))

    def site_density(self, name: str) -> float:
        return math.fsum(self.site_terms(self.program.site[name]))

    def joint(self) -> float:
        """The log density of all draws, factors included."""
        try:
            terms = [one for site in self.program.sites if site.role != "deterministic" for one in self.site_terms(site)]
            return math.fsum([*terms, *map(self.factor, self.program.factors)])
        except OutsideDomainError:
            return -math.inf


def _triangle(rows: Sequence[np.ndarray], width: int) -> np.ndarray:
    """The triangular factor of some rows, by rotating one row after the other into it (Givens)."""
    root = np.zeros((width, width))
    for given in rows:
        row = np.array(given, float)
        for k in range(width):
            length = math.hypot(root[k, k], row[k])
            if length > 0:
                cosine, sine = root[k, k] / length, row[k] / length
                root[k], row = cosine * root[k] + sine * row, cosine * row - sine * root[k]
    return root


def _typed(value: Any, kind: Kind) -> Any:
    match kind:
        case Member(name):
            return At(name, int(value))
        case Boolean():
            return bool(value)
        case Date():
            return int(value)
        case Interval(integer=True):
            return int(value)
    return float(value)


def _steps(node: ir.Expression, ranges: Mapping[str, str]) -> Iterator[tuple[ir.Lag, Mapping[str, str]]]:
    """The steps in an expression whose reach `starting` must cover, each with the sets of the variables bound around it.

    A sum over `s in Day if s < t` never steps too far: its own condition keeps it inside.
    """
    match node:
        case ir.Lag():
            yield node, ranges
            return
        case ir.Reduce(condition=condition, binders=binders):
            ranges = {**ranges, **{one.variable: one.set for one in binders}}
            if condition is not None:
                guarded = {
                    one.left.name
                    for one in ir.walk(condition)
                    if isinstance(one, ir.Compare) and one.operator == "<" and isinstance(one.left, ir.Variable)
                }
                for part in ir.children(node):
                    yield from (
                        found
                        for found in _steps(part, ranges)
                        if not (isinstance(found[0].by, ir.Variable) and found[0].by.name in guarded)
                    )
                return
    for part in ir.children(node):
        yield from _steps(part, ranges)
