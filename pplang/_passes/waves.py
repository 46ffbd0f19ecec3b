"""The relations of a process on a basis: its functions, the scales of their weights, the weights, their sum, and what it is off by."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from pplang._check.retype import environment_of
from pplang._check.types import Typer
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.expression import Expression, Number, Reference, Variable
from pplang._ir.kinds import REAL
from pplang._ir.program import Axis, IndexSet, NumberRange, Program, Site
from pplang._ir.substitute import fresh_variable, variables_and_names
from pplang._passes.kernels import LEAST_BOUNDARY, Covariance, Kernel
from pplang._records import dataclass

NAME = "approximate"
ERROR, FUNCTIONS, ROOM = "approximate: error", "approximate: functions", "approximate: boundary"
"""Origins of what is reported of a process: how far off it is, and what would do."""
TOGETHER = 200
"""Weights up to which they are one vector, whose evidence is a matrix."""
_STEPS = 8
"""The error is looked for at places so many steps from the centre of the inputs to their ends; of several inputs along the diagonal."""
_TWO = Number(2)


@dataclass(frozen=True)
class Process:
    """count: of functions for each input. boundary: where these vanish, in half ranges of the inputs from their centre."""

    site: Site
    count: int
    boundary: float
    covariance: Covariance

    @property
    def least_total(self) -> int:
        """How many functions there are, as far as the model alone tells."""
        return self.count ** len(self.covariance.inputs.coordinates)


@dataclass(frozen=True)
class _Input:
    """One input, or those of a set: its coordinate in the letter of a row, and the names of what is computed of it."""

    coordinate: Expression
    centre: str
    half: str
    reach: str
    inside: str
    frequency: str
    place: int


class Waves:
    """Writes one process."""

    def __init__(self, program: Program, process: Process) -> None:
        self.program, self.process, self.site, self.covariance = program, process, process.site, process.covariance
        self.prefix, self.over = process.site.name, process.covariance.inputs.over
        taken = variables_and_names(program) - ({self.over.variable} if self.over else set())
        self.m, self.a, self.b = (self._letter(one, taken) for one in ("m", "a", "b"))
        self.names: set[str] = set()
        self.basis, self.places = (self._name(f"{self.prefix[:1].upper()}{self.prefix[1:]}_{part}") for part in ("basis", "place"))
        self.made: list[Site] = []
        self.plates = process.site.plates
        several = len(self.covariance.inputs.coordinates) > 1
        self.inputs = [self._input(one, n, several) for n, one in enumerate(self.covariance.inputs.coordinates)]

    def _input(self, coordinate: Expression, place: int, several: bool) -> _Input:
        end = f"_{place + 1}" if several else ""
        parts = ("centre", "half", "reach", "inside", "frequency")
        centre, half, reach, inside, frequency = (self._name(f"{self.prefix}_{part}{end}") for part in parts)
        return _Input(coordinate, centre, half, reach, inside, frequency, place)

    def sets(self) -> tuple[IndexSet, ...]:
        """The functions, and the places at which the error is looked for."""
        count = Number(self.process.least_total)
        last = build.call("round", build.power(count, ire.Size(self.over.set))) if self.over else count
        ranges = ((self.basis, last), (self.places, Number(2 * _STEPS + 1)))
        return tuple(IndexSet(name, NumberRange(build.ONE, end), declared=True) for name, end in ranges)

    def sites(self) -> tuple[Site, ...]:
        """The relations that take the place of the process, in order."""
        place = self._place_of_input()
        for one in self.inputs:
            self._measures(one, place)
        wave = self._define("wave", (Axis(self.covariance.letter, self.site.event[0]), self._axis), self._product(self._of_row))
        scale = self._scale()
        weight = self._weights(scale)
        self.made.append(self._sum(wave, weight))
        self._report(scale)
        return tuple(self.made)

    # names and the records that carry them

    def _letter(self, wanted: str, taken: set[str]) -> str:
        found = fresh_variable(wanted, taken)
        taken.add(found)
        return found

    def _name(self, wanted: str) -> str:
        found = self.program.fresh_name(wanted, self.names)
        self.names.add(found)
        return found

    def _define(self, part: str, axes: tuple[Axis, ...], value: Expression, *, report: str = "") -> str:
        return self._add(self._name(f"{self.prefix}_{part}"), axes, value, report=report)

    def _add(self, name: str, axes: tuple[Axis, ...], value: Expression, *, report: str = "") -> str:
        origin = (self.prefix, report or NAME)
        self.made.append(Site(name, axes, "deterministic", "model", value, REAL, report=bool(report), origin=origin, span=self.site.span))
        return name

    @property
    def _axis(self) -> Axis:
        return Axis(self.m, self.basis)

    @property
    def _own(self) -> tuple[Axis, ...]:
        """The plates over which hyperparameters differ."""
        letters = {axis.variable for axis in self.plates}
        parts = [part for kernel in self.covariance.kernels for part in (kernel.variance, *kernel.lengths)]
        used = {one.name for part in parts for one in ire.walk(part) if isinstance(one, Variable)} & letters
        return self.plates if used else ()

    def _at(self, name: str, *letters: str) -> Reference:
        return Reference(name, tuple(Variable(letter) for letter in letters))

    def _of(self, name: str, *before: str) -> Reference:
        """What there is for each input, at that of the set."""
        return self._at(name, *before, *((self.over.variable,) if self.over else ()))

    @property
    def _each(self) -> tuple[Axis, ...]:
        return (Axis(self.over.variable, self.over.set),) if self.over else ()

    def _within(self, operation: str, element: Expression) -> Expression:
        """A sum or product over the inputs of a set; the element itself where they are listed."""
        return ire.Reduce(operation, element, (self.over,)) if self.over else element  # type: ignore[arg-type]

    # the basis

    def _place_of_input(self) -> str | None:
        """The number of each input of a set."""
        if self.over is None:
            return None
        one = self._define("one", self._each, build.ONE)
        return self._define("number", (Axis(None, self.over.set),), build.call("cumulative_sum", Reference(one)))

    def _measures(self, one: _Input, number: str | None) -> None:
        """Where the functions of an input are centred, where they vanish, and their frequencies."""
        row = (ire.Binder(self.covariance.letter, self.site.event[0]),)
        low, high = ire.Reduce("min", one.coordinate, row), ire.Reduce("max", one.coordinate, row)
        self._add(one.centre, self._each, build.divide(build.add(low, high), _TWO))
        self._add(one.half, self._each, build.call("positive", build.divide(build.subtract(high, low), _TWO)))
        self._add(one.reach, self._each, build.multiply(Number(_plain(self.process.boundary)), self._of(one.half)))
        self._add(one.inside, (Axis(self.covariance.letter, self.site.event[0]), *self._each), self._inside(one))
        order = build.multiply(self._order(one, number), Number(math.pi / 2))
        self._add(one.frequency, (self._axis, *self._each), build.divide(order, self._of(one.reach)))

    def _inside(self, one: _Input) -> Expression:
        """How far a row is from the upper end. Beyond either end, where rows to be predicted may lie, there is no process: no number."""
        reach = self._of(one.reach)
        from_lower = build.add(build.subtract(one.coordinate, self._of(one.centre)), reach)
        return build.call("nonnegative", build.subtract(build.multiply(_TWO, reach), build.call("nonnegative", from_lower)))

    def _order(self, one: _Input, number: str | None) -> Expression:
        """Which function of an input function m is made of: the digits of m - 1, counted from 1."""
        count, before = Number(self.process.count), build.subtract(Variable(self.m), build.ONE)
        if number is None and len(self.inputs) == 1:
            return Variable(self.m)
        if number is not None:
            base: Expression = ire.Power(count, build.subtract(self._of(number), build.ONE))
        else:
            base = Number(self.process.count**one.place)
        digits = before if build.is_number(base, 1) else build.call("floor", build.divide(before, base))
        return build.add(build.ONE, build.call("mod", digits, count))

    def _product(self, distance: Callable[[_Input], Expression]) -> Expression:
        """The product over the inputs of sin(frequency * distance) / sqrt(reach), with the distance from an end."""
        functions = []
        for one in self.inputs:
            angle = build.multiply(self._of(one.frequency, self.m), distance(one))
            functions.append(self._within("prod", build.divide(build.call("sin", angle), build.call("sqrt", self._of(one.reach)))))
        return build.multiply(*functions)

    def _of_row(self, one: _Input) -> Expression:
        return self._of(one.inside, self.covariance.letter)

    def _of_place(self, one: _Input) -> Expression:
        steps = build.subtract(Variable(self.a), Number(_STEPS + 1))
        return build.add(build.divide(build.multiply(self._of(one.half), steps), Number(_STEPS)), self._of(one.reach))

    # the weights and their sum

    def _scale(self) -> str:
        """The square root of the spectral density at each function, by its logarithm: of high frequencies it is no number."""
        several = len(self.covariance.kernels) > 1
        densities = [
            self._define(f"log_density{f'_{n + 1}' if several else ''}", (*self._own, self._axis), self._log_density(kernel))
            for n, kernel in enumerate(self.covariance.kernels)
        ]
        letters = (*(axis.variable or "" for axis in self._own), self.m)
        total: Expression = self._at(densities[0], *letters)
        for name in densities[1:]:
            total = build.add(total, build.call("softplus", build.subtract(self._at(name, *letters), total)))
        return self._define("scale", (*self._own, self._axis), build.call("exp", build.divide(total, _TWO)))

    def _log_density(self, kernel: Kernel) -> Expression:
        """Riutort-Mayol et al. 2022, equations 1 to 3, for any number of inputs with length scales of their own."""
        dimensions: Expression = ire.Size(self.over.set) if self.over else Number(len(self.inputs))
        products = [
            build.multiply(length, self._of(one.frequency, self.m)) for length, one in zip(kernel.lengths, self.inputs, strict=True)
        ]
        squares = build.add(*(self._within("sum", build.power(one, _TWO)) for one in products))
        logs = [self._within("sum", build.call("log", one)) for one in kernel.lengths if not build.is_number(one, 1)]
        scales = [build.call("log", kernel.variance)] if not build.is_number(kernel.variance, 1) else []
        nu = kernel.family.degrees
        by_dimension = math.log(2 * math.pi if nu is None else 4 * math.pi) / 2
        constant = (
            Number(by_dimension * dimensions.value) if isinstance(dimensions, Number) else build.multiply(Number(by_dimension), dimensions)
        )
        if nu is None:
            return build.subtract(build.add(*scales, *logs, constant), build.divide(squares, _TWO))
        order = (
            Number(_plain(nu + dimensions.value / 2))
            if isinstance(dimensions, Number)
            else build.add(Number(nu), build.divide(dimensions, _TWO))
        )
        gamma = Number(math.lgamma(order.value)) if isinstance(order, Number) else build.call("lgamma", order)
        fixed = Number(nu * math.log(2 * nu) - math.lgamma(nu))
        if isinstance(constant, Number) and isinstance(gamma, Number):
            constant, gamma, fixed = build.ZERO, build.ZERO, Number(constant.value + gamma.value + fixed.value)
        tail = build.call("log", build.add(Number(_plain(2 * nu)), squares))
        return build.subtract(build.add(*scales, *logs, constant, gamma, fixed), build.multiply(order, tail))

    def _weights(self, scale: str) -> str:
        """One joint draw, which moves as a vector; of many functions independent draws."""
        name, own = self._name(f"{self.prefix}_weight"), tuple(axis.variable or "" for axis in self._own)
        few = self.over is None and self.process.least_total <= TOGETHER
        root = build.call("diagonal", self._at(scale, *own))
        if few:
            right = ire.Distribution("MultiNormal", (("mean", build.ZERO), ("cholesky", root)))
        else:
            right = ire.Distribution("Normal", (("mean", build.ZERO), ("sd", self._at(scale, *own, self.m))))
        axes = (*self.plates, Axis(None if few else self.m, self.basis))
        self.made.append(replace(self.site, name=name, axes=axes, right=right, report=False, origin=(self.prefix, NAME)))
        return name

    def _sum(self, wave: str, weight: str) -> Site:
        letter, plates = self.covariance.letter, tuple(axis.variable or "" for axis in self.plates)
        own = build.multiply(self._at(wave, letter, self.m), self._at(weight, *plates, self.m))
        value = build.add(self._mean(), ire.Reduce("sum", own, (ire.Binder(self.m, self.basis),)))
        axes = tuple(axis if axis.variable is not None else Axis(letter, axis.set) for axis in self.site.axes)
        return replace(self.site, axes=axes, role="deterministic", right=value, notes=(), report=True)

    def _mean(self) -> Expression:
        """The mean of a row."""
        assert isinstance(self.site.right, ire.Distribution)
        mean = self.site.right.argument("mean") or build.ZERO
        typer = Typer(environment_of(self.program), {axis.variable: axis.set for axis in self.plates if axis.variable is not None})
        if not typer.type_of(mean).sets:
            return mean
        row = (Variable(self.covariance.letter),)
        whole = isinstance(mean, Reference) and not any(isinstance(index, ire.Whole) for index in mean.indices)
        return replace(mean, indices=(*mean.indices, *row)) if whole and isinstance(mean, Reference) else ire.Element(mean, row)

    # what it is off by

    def _report(self, scale: str) -> None:
        """The largest error of the covariance among some places, as a share of the variance; and what would do."""
        own, basis, places = tuple(axis.variable or "" for axis in self._own), ire.Binder(self.m, self.basis), self.places
        at = self._define("wave_at", (Axis(self.a, places), self._axis), self._product(self._of_place))
        scaled = build.multiply(self._at(at, self.a, self.m), self._at(scale, *own, self.m))
        part = self._define("part", (*self._own, Axis(self.a, places), self._axis), scaled)
        made = ire.Reduce("sum", build.multiply(self._at(part, *own, self.a, self.m), self._at(part, *own, self.b, self.m)), (basis,))
        exact = build.add(*(self._kernel(one) for one in self.covariance.kernels))
        pairs = tuple(ire.Binder(letter, places) for letter in (self.a, self.b))
        largest = ire.Reduce("max", build.call("abs", build.subtract(made, exact)), pairs)
        variance = build.add(*(one.variance for one in self.covariance.kernels))
        self._define("error", self._own, build.divide(largest, variance), report=ERROR)
        room = [
            self._most(kernel, n, kernel.family.room, inverse=False) for kernel in self.covariance.kernels for n in range(len(self.inputs))
        ]
        boundary = self._define("enough_boundary", self._own, _largest([Number(LEAST_BOUNDARY), *room]), report=ROOM)
        wide = build.call("max", self._at(boundary, *own), Number(_plain(self.process.boundary)))
        needs = [
            self._most(kernel, n, kernel.family.functions, inverse=True)
            for kernel in self.covariance.kernels
            for n in range(len(self.inputs))
        ]
        self._define("enough_basis", self._own, build.call("ceil", build.multiply(wide, _largest(needs))), report=FUNCTIONS)

    def _kernel(self, kernel: Kernel) -> Expression:
        """The exact covariance of two places."""
        steps = build.subtract(Variable(self.a), Variable(self.b))
        ratios = [
            build.divide(build.multiply(self._of(one.half), steps), build.multiply(Number(_STEPS), length))
            for one, length in zip(self.inputs, kernel.lengths, strict=True)
        ]
        square = build.add(*(self._within("sum", build.power(one, _TWO)) for one in ratios))
        nu = kernel.family.degrees
        if nu is None:
            return build.multiply(kernel.variance, build.call("exp", ire.Negate(build.divide(square, _TWO))))
        reach = build.call("sqrt", build.multiply(Number(_plain(2 * nu)), square))
        factor = {
            0.5: build.ONE,
            1.5: build.add(build.ONE, reach),
            2.5: build.add(build.ONE, reach, build.divide(build.power(reach, _TWO), Number(3))),
        }[nu]
        return build.multiply(kernel.variance, factor, build.call("exp", ire.Negate(reach)))

    def _most(self, kernel: Kernel, place: int, factor: float, *, inverse: bool) -> Expression:
        """factor times the length scale over half the range of its input, or the other way round; the largest over the inputs of a set."""
        half = self._of(self.inputs[place].half)
        above, below = (half, kernel.lengths[place]) if inverse else (kernel.lengths[place], half)
        return self._within("max", build.divide(build.multiply(Number(factor), above), below))


def _largest(values: Sequence[Expression]) -> Expression:
    total = values[0]
    for one in values[1:]:
        total = build.call("max", total, one)
    return total


def _plain(value: float) -> int | float:
    return int(value) if value == int(value) else value
