"""Random well-typed programs as `.ppl` text, each with random data that fit it.

The generator keeps a list of the names it has made, with their sets and what their numbers can be, and writes statements whose indices and
kinds are right by construction. All chance comes from one `random.Random`, which may be Hypothesis's (so that failures shrink) or seeded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np

from pplang._catalogue.distributions import DISTRIBUTIONS
from tests.properties import forms
from tests.properties.words import Name, Type, bracketed, label, operand

Scope = Mapping[str, str]
"""Bound variables and their sets."""


@dataclass(frozen=True)
class IndexSet:
    """how: "rows", "levels", "columns", "labels", "range". Labels of "levels" and "columns" are known to the data only."""

    name: str
    how: str
    members: tuple[str | int, ...]
    ordered: bool = False


@dataclass(frozen=True)
class Case:
    """A program and its data: `sets` and `arrays` are what binding real files gives, `given(x)` among them where x has empty cells.

    counts: the values that each latent whole number may have. kinds: the forms that were put in on purpose.
    """

    text: str
    sets: dict[str, Sequence[str | int]]
    arrays: dict[str, np.ndarray]
    counts: Mapping[str, range] = field(default_factory=dict)
    kinds: frozenset[str] = frozenset()


_PLAIN = "alpha beta gamma delta kappa omega rho phi theta lambda class def yield None print mu tau σ β θ_raw tau_free a_raw b_free x_1 values known sets".split()
_REAL_LITERALS = ("0.5", "1.5", "2", "0.1", "3", "0.25", "1", "0", "1e-1")
_POSITIVE_LITERALS = ("0.5", "1.5", "2", "0.7", "3", "1", "2.5")
_LOCATION_SCALE = ("Normal", "Normal", "Normal", "Laplace", "Logistic", "Cauchy", "Gumbel")
_BELOW_ABOVE = ("<", ">", "<=", ">=")


def generate(random: Random) -> Case:
    """One program with its data."""
    return Writer(random).write()


def from_seed(seed: int) -> Case:
    return generate(Random(seed))


@dataclass
class Writer:
    random: Random
    sets: dict[str, IndexSet] = field(default_factory=dict)
    names: list[Name] = field(default_factory=list)
    head: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    outcomes: list[tuple[Name, str]] = field(default_factory=list)
    functions: list[tuple[str, int]] = field(default_factory=list)
    structures: dict[str, str] = field(default_factory=dict)
    counts: dict[str, range] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)

    def write(self) -> Case:
        self.numbers = np.random.default_rng(self.random.randrange(2**32))
        self._declare_sets()
        for _ in range(self._some(1, 1, 1, 2)):
            self._table()
        for _ in range(self._some(0, 0, 1, 2)):
            self._input()
        if self.chance(0.3):
            self._function()
        for _ in range(self._some(0, 0, 0, 1)):
            self._param()
        if self.chance(0.6):
            self._form()
        for _ in range(self._some(1, 2, 3, 4, 5) if not self.kinds else self._some(0, 1, 2)):
            self._relation()
        for name, how in self.outcomes:
            self._likelihood(name, how)
        if self.chance(0.25):
            self._factor()
        if self.chance(0.3):
            self._report()
        self.random.shuffle(self.statements)
        text = "\n".join([*self.head, *self.statements]) + "\n"
        sets: dict[str, Sequence[str | int]] = {
            one.name: range(one.members[0], one.members[-1] + 1) if one.how in ("rows", "range") else one.members  # type: ignore[operator]
            for one in self.sets.values()
        }
        return Case(text, sets, self.arrays, self.counts, frozenset(self.kinds))

    def _form(self) -> None:
        """One of the constructs that need a table of their own, sometimes two; few relations stand beside it."""
        for _ in range(self._some(0, 1)):
            self._relation()
        kinds = self.random.sample(sorted(forms.FORMS), self._some(1, 1, 1, 2))
        if len(set(kinds) & set(forms.DISCRETE)) > 1:
            kinds = kinds[:1]  # the sum over all combinations of both would be long
        for kind in kinds:
            form = forms.Form(self)
            forms.FORMS[kind](form)
            form.close()
            self.kinds.add(kind)

    # chance

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def _some(self, *choices: int) -> int:
        return self.random.choice(choices)

    def one(self, choices: Sequence[str]) -> str:
        return self.random.choice(list(choices))

    def fresh(self, *wanted: str) -> str:
        free = [one for one in wanted or _PLAIN if one not in self.taken]
        name = self.one(free) if free else next(f"v{n}" for n in range(1000) if f"v{n}" not in self.taken)
        self.taken.add(name)
        return name

    # data

    def add_set(self, name: str, how: str, members: Sequence[str | int], ordered: bool = False) -> IndexSet:
        self.taken.add(name)
        self.sets[name] = IndexSet(name, how, tuple(members), ordered)
        return self.sets[name]

    def _declare_sets(self) -> None:
        if self.chance(0.6):
            labels = ["low", "mid", "high", "top"][: self._some(2, 3, 3, 4)]
            if self.chance(0.2):
                labels[0] = "drug A"
            ordered = self.chance(0.5)
            self.add_set("Arm", "labels", labels, ordered)
            self.taken |= set(labels)
            shown = ", ".join(f'"{one}"' if " " in one else one for one in labels)
            self.head.append(f"index Arm{' ordered' if ordered else ''} = {{{shown}}}")
        if self.chance(0.4):
            first, last = self._some(0, 1, 1, 2), self._some(3, 4)
            ordered = self.chance(0.6)
            self.add_set("Step", "range", range(first, last + 1), ordered)
            self.head.append(f"index Step{' ordered' if ordered else ''} = {first}..{last}")
        if "Arm" in self.sets and self.chance(0.5):
            self.add_set("Cut", "gaps", range(1, len(self.sets["Arm"].members)))
            self.head.append("index Cut = gaps(Arm)")
        if "Arm" in self.sets and "Step" in self.sets and self.chance(0.3):
            cells = [f"{a}*{b}" for a in self.sets["Arm"].members for b in self.sets["Step"].members]
            self.add_set("Cell", "product", cells)
            self.head.append("index Cell = Arm * Step")

    def _table(self) -> None:
        rows = self.fresh("Row", "Home")
        size = self._some(3, 4, 5, 7)
        order = self.one(["", "", "", " ordered", " ordered by when", " ordered by when within group"])
        self.add_set(rows, "rows", range(1, size + 1), ordered=bool(order))
        lines = []
        if "when" in order:
            if "when" in self.taken:
                order = " ordered"
            else:
                self.taken.add("when")
                lines.append("  when : real")
                self.column(
                    "when",
                    (rows,),
                    "real",
                    np.sort(self.numbers.normal(size=size)) if "within" not in order else self.numbers.permutation(size) + 0.5,
                )
        categories: list[str] = []
        if "within" in order and "group" in self.taken:
            order = order.replace(" within group", "")
        wanted = ["group"] if "within" in order else []
        wanted += [self.fresh("county", "school") for _ in range(self._some(0, 1, 1))]
        for name in wanted:
            self.taken.add(name)
            categories.append(name)
            lines += self._category(name, rows, size)
        if "Arm" in self.sets and self.chance(0.5) and "arm" not in self.taken:
            self.taken.add("arm")
            lines.append("  arm : Arm")
            self.column("arm", (rows,), "member", self.numbers.integers(len(self.sets["Arm"].members), size=size), "Arm")
        if "Step" in self.sets and self.chance(0.4) and "at" not in self.taken:
            self.taken.add("at")
            lines.append("  at : Step")
            self.column("at", (rows,), "member", self.numbers.integers(len(self.sets["Step"].members), size=size), "Step")
        for kind in [self.one(["real", "real", "positive", "unit", "count", "bool"]) for _ in range(self._some(0, 1, 2, 3))]:
            name = self.fresh("x", "z", "u", "k", "flag", "dose", "age", "expo")
            over = self.one(categories) if categories and self.chance(0.3) else ""
            axis = self._levels_of(over) if over else rows
            lines.append(f"  {name} : {kind}" + (f" per {axis}" if over else ""))
            self.column(name, (axis,), kind, self.random_values(kind, (len(self.sets[axis].members),)))
        if self.chance(0.4) and "Gene" not in self.sets:
            genes = [f"g_{n}" for n in range(self._some(2, 3))]
            self.add_set("Gene", "columns", [one.removeprefix("g_") for one in genes])
            name = self.fresh("w", "X")
            lines.append(f'  {name}[Gene] : real from "g_*"')
            self.column(name, (rows, "Gene"), "real", self.numbers.normal(size=(size, len(genes))))
        if self.chance(0.3):
            lines += self._derived_column(rows)
        for _ in range(self._some(1, 1, 2)):
            lines += self._outcome(rows, size, categories)
        if self.chance(0.15) and "Item" not in self.sets and "items" not in self.taken:
            self.taken.add("items")
            self.add_set("Item", "columns", ("1", "2", "3"))
            lines.append('  items[Item] : real from "item_*"')
            self.column("items", (rows, "Item"), "real", self.numbers.normal(size=(size, 3)))
            self.outcomes.append((self.names.pop(), "vector"))
        self.head.append(f"data {rows}{order}:")
        self.head += lines

    def _levels_of(self, column: str) -> str:
        return next(one.of for one in self.names if one.name == column)

    def _category(self, name: str, rows: str, size: int) -> list[str]:
        levels = self.fresh(name.capitalize())
        labels = [f"{name}{n}" for n in range(self._some(1, 2, 3))]
        self.add_set(levels, "levels", labels)
        values = np.concatenate([np.arange(len(labels)), self.numbers.integers(len(labels), size=size)])[:size]
        self.column(name, (rows,), "member", self.numbers.permutation(values), levels)
        return [f"  {name} : {levels}"]

    def column(self, name: str, axes: tuple[str, ...], kind: Type, values: np.ndarray, of: str = "") -> None:
        self.names.append(Name(name, axes, kind, True, of))
        whole = {"member", "count"}
        self.arrays[name] = np.asarray(values, bool if kind == "bool" else np.int64 if kind in whole else float)

    def random_values(self, kind: str, shape: tuple[int, ...]) -> np.ndarray:
        match kind:
            case "positive":
                return self.numbers.gamma(3.0, 0.5, shape)
            case "unit":
                return self.numbers.uniform(0.05, 0.95, shape)
            case "count":
                return self.numbers.poisson(2.0, shape)
            case "bool":
                return self.numbers.uniform(size=shape) < 0.5
        return self.numbers.normal(size=shape)

    def _derived_column(self, rows: str) -> list[str]:
        """Derived columns refer to the row's other columns by their bare names."""
        own = [one for one in self.names if one.axes == (rows,) and one.type in ("real", "positive")]
        if not own:
            return []
        of = self.random.choice(own)
        value = self.one([f"log({of.name})", f"sqrt({of.name}) + 1"]) if of.type == "positive" else self.one(
            [f"{of.name}^2 - 1", f"({of.name} - mean({of.name})) / sd({of.name})", f"if {of.name} > 0 then {of.name} else 0.1 * {of.name}"]
        )  # fmt: skip
        name = self.fresh("log_x", "x_std")
        self.names.append(Name(name, (rows,), "real", True))
        return [f"  {name} : real = {value}"]

    def _outcome(self, rows: str, size: int, categories: list[str]) -> list[str]:
        name = self.fresh("y", "score", "died", "n_events")
        how = self.one(["real", "real", "real", "positive", "positive", "count", "count", "bool", "unit", "Arm", "real?lag"])
        if how == "Arm" and "Arm" not in self.sets:
            how = "real"
        if how == "real?lag" and not self.sets[rows].ordered:
            how = "real"
        kind: Type = "member" if how == "Arm" else "real" if how == "real?lag" else how  # type: ignore[assignment]
        axes, shape, suffix = (rows,), (size,), ""
        if how in ("real", "count") and self.chance(0.2) and "Visit" not in self.sets:
            self.add_set("Visit", "columns", ("1", "2"))
            axes, shape, suffix = (rows, "Visit"), (size, 2), ' from "visit_*"'
        values = self.numbers.integers(len(self.sets["Arm"].members), size=shape) if how == "Arm" else self.random_values(kind, shape)
        self.column(name, axes, kind, values, "Arm" if how == "Arm" else "")
        self.outcomes.append((self.names.pop(), how))
        if how == "real" and len(axes) == 1 and self.chance(0.2):
            apart = self.numbers.integers(2, size=size) * 0.5
            self.arrays[f"{name}_low"], self.arrays[f"{name}_high"] = values - apart, values + 2 * apart
            return [f"  {one} : real" for one in (name, f"{name}_low", f"{name}_high")]
        bracket = f"[{axes[1]}]" if len(axes) > 1 else ""
        return [f"  {name}{bracket} : {how if how in self.sets else kind}{suffix}"]

    def _input(self) -> None:
        name = self.fresh("n_expected", "prior_scale", "design", "offset")
        kind: Type = self.random.choice(["real", "positive", "count"])
        axes = self._random_axes(self._some(0, 0, 1, 2))
        self.head.append(f"input {name}{bracketed(axes)} : {kind}")
        self.column(name, axes, kind, self.random_values(kind, tuple(len(self.sets[one].members) for one in axes)))

    def _random_axes(self, count: int) -> tuple[str, ...]:
        usable = [one.name for one in self.sets.values() if one.how not in ("product",)]
        return tuple(self.one(usable) for _ in range(count))

    def _function(self) -> None:
        name = self.fresh("emax", "mix", "curve")
        body = self.one(["a * b / (1 + b^2)", "if a > b then a - b else 0.5 * (b - a)", "tanh(a) + b", "max(a, b) - min(a, b)"])
        self.head.append(f"fn {name}(a, b) = {body}")
        self.functions.append((name, 2))

    def _param(self) -> None:
        name, kind = self.fresh("step_size", "p_known", "s_free"), self.one(["real", "positive", "unit", "real(-1, 2)", "real(2, 5)"])
        axes = self._random_axes(self._some(0, 0, 1))
        variables = [f"p{n} in {axis}" for n, axis in enumerate(axes)]
        self.statements.append(f"param {name}{bracketed(variables)} : {kind}")
        self.names.append(Name(name, axes, {"positive": "positive", "unit": "unit", "real(2, 5)": "positive"}.get(kind, "real"), False))  # type: ignore[arg-type]

    # expressions: indices

    def _indices_into(self, axis: str, scope: Scope) -> list[str]:
        """Ways to name a member of a set."""
        found = [variable for variable, over in scope.items() if over == axis]
        for one in self.names:
            if one.type == "member" and one.of == axis and one.data:
                found += [f"{one.name}[{variable}]" for variable, over in scope.items() if (over,) == one.axes]
        found += [f"{variable}.{axis}" for variable, over in scope.items() if over == "Cell" and axis in ("Arm", "Step")]
        declared = self.sets[axis]
        if declared.how == "labels":
            found.append(label(self.one([str(one) for one in declared.members])))
        if declared.how == "range":
            found.append(self.one([str(one) for one in declared.members]))
        return found

    def _references(self, scope: Scope, types: Sequence[Type], data: bool) -> list[str]:
        """Every name of such a type that can be reached; data only, if asked."""
        found = [variable for variable, over in scope.items() if self.sets[over].how == "range" and "count" in types]
        for one in self.names:
            if one.type in types and (one.data or not data):
                ways = [self._indices_into(axis, scope) for axis in one.axes]
                if all(ways):
                    found.append(one.name + bracketed([self.one(way) for way in ways]))
        return found

    # expressions: numbers

    def real(self, scope: Scope, depth: int, data: bool = False) -> str:
        """A real number of moderate size."""
        references = self._references(scope, ("real", "positive", "unit", "count", "bool"), data)
        if depth <= 0 or self.chance(0.2):
            if references and self.chance(0.85):
                return self.one(references)
            return self.one(_REAL_LITERALS)
        again: Callable[[], str] = lambda: self.real(scope, depth - 1, data)  # noqa: E731
        match self.random.randrange(17):
            case 11:
                return self._whole_table(scope, data) or again()
            case 12:
                positive = operand(self.positive(scope, depth - 1, data))
                return self.one(
                    [
                        f"{positive}^-1",
                        f"2^{operand(self._bounded(scope, depth - 1, data))}",
                        f"{positive}^{operand(self.unit(scope, 0, data))}",
                        f"size({self.one(sorted(self.sets))})",
                    ]
                )
            case 13:
                return self.one(
                    [
                        f"log1p({operand(again())}^2)",
                        f"expm1({self._bounded(scope, depth - 1, data)})",
                        f"log_logistic({again()})",
                        f"erf({again()})",
                        f"cosh({self._bounded(scope, depth - 1, data)})",
                        f"mod({again()}, 3)" if data else again(),
                    ]
                )
            case 0 | 1 | 2:
                return f"{operand(again())} {self.one('+-')} {operand(again())}"
            case 3 | 4:
                return f"{operand(again())} * {operand(again())}"
            case 5:
                return f"{operand(again())} / {operand(self.positive(scope, depth - 1, data))}"
            case 6:
                return self.one([f"-{operand(again())}", f"{operand(again())}^2", f"abs({again()})", f"min({again()}, {again()})"])
            case 7:
                return f"{self.one(['tanh', 'sin', 'logistic', 'atan', 'softplus'])}({again()})"
            case 8:
                return f"{self.one(['log', 'sqrt', 'log1p', 'lgamma'])}({self.positive(scope, depth - 1, data)})"
            case 9:
                return f"if {self.condition(scope, depth - 1, data)} then {operand(again())} else {operand(again())}"
            case 10 if self.functions:
                name, count = self.random.choice(self.functions)
                return f"{name}({', '.join(again() for _ in range(count))})"
        return self._reduction(scope, depth, data)

    def _whole_table(self, scope: Scope, data: bool) -> str | None:
        """A reduction of a whole table, or an element of a table computed from it."""
        tables = [one for one in self.names if one.axes and one.type in ("real", "positive", "unit") and (one.data or not data)]
        if not tables:
            return None
        of = self.random.choice(tables)
        ways = self._indices_into(of.axes[0], scope)
        if len(of.axes) == 1 and ways and of.axes[0] != "Cell" and self.chance(0.5):
            return f"{self.one(['softmax', 'cumulative_sum', 'log_softmax'])}({of.name})[{self.one(ways)}]"
        return f"{self.one(['sum', 'mean', 'max', 'logsumexp'])}({of.name})"

    def _reduction(self, scope: Scope, depth: int, data: bool) -> str:
        axis = self.one([one.name for one in self.sets.values() if len(one.members) <= 4 or one.how == "rows"])
        variable = next(letter for letter in "abcdefghij" if letter not in scope and letter not in self.taken)
        inner = {**scope, variable: axis}
        element = self.real(inner, depth - 1, data)
        if self.chance(0.5):
            here = [
                one for one in self._references(inner, ("real", "positive", "unit"), data) if f"{variable}]" in one or f"{variable}," in one
            ]
            if len(here) > 1:
                element = " * ".join(self.random.sample(here, 2))
        condition = f" if {self._data_condition(inner)}" if self.chance(0.25) else ""
        if self.chance(0.15):
            also = next(letter for letter in "abcdefghij" if letter not in inner and letter not in self.taken)
            over = (
                self.one([one.name for one in self.sets.values() if len(one.members) <= 4])
                if any(len(one.members) <= 4 for one in self.sets.values())
                else axis
            )
            return f"sum({self.real({**inner, also: over}, depth - 1, data)} for {variable} in {axis} for {also} in {over}{condition})"
        operation = self.one(
            ["sum", "sum", "sum", "logsumexp"] if condition else ["sum", "sum", "sum", "mean", "max", "min", "logsumexp", "prod"]
        )
        if operation == "logsumexp" and condition:
            operation = "sum"
        return f"{operation}({element} for {variable} in {axis}{condition})"

    def positive(self, scope: Scope, depth: int, data: bool = False) -> str:
        """A number that the checker can prove to be positive."""
        references = self._references(scope, ("positive",), data)
        if depth <= 0 or self.chance(0.25):
            return self.one(references) if references and self.chance(0.8) else self.one(_POSITIVE_LITERALS)
        again: Callable[[], str] = lambda: self.positive(scope, depth - 1, data)  # noqa: E731
        match self.random.randrange(9):
            case 0 | 1:
                return f"exp(0.3 * {operand(self._bounded(scope, depth - 1, data))})"
            case 2:
                return f"{operand(again())} * {operand(again())}"
            case 3:
                return f"{operand(again())} + {operand(again())}"
            case 4:
                return f"{operand(again())} / {operand(again())}"
            case 5:
                return self.one(
                    [
                        f"sqrt({again()})",
                        f"{operand(again())}^0.5",
                        f"max({again()}, 0.1)",
                        f"softplus({self._bounded(scope, depth - 1, data)})",
                    ]
                )
            case 6:
                return f"1 + {operand(self._bounded(scope, depth - 1, data))}^2"
            case 7:
                return f"if {self.condition(scope, depth - 1, data)} then {operand(again())} else {operand(again())}"
        return f"(0.2 + {operand(self.unit(scope, depth - 1, data))})"

    def _bounded(self, scope: Scope, depth: int, data: bool) -> str:
        return f"{self.one(['tanh', 'sin', 'atan'])}({self.real(scope, depth, data)})"

    def unit(self, scope: Scope, depth: int, data: bool = False) -> str:
        """A number between zero and one."""
        references = self._references(scope, ("unit",), data)
        if depth <= 0 or self.chance(0.25):
            return self.one(references) if references and self.chance(0.8) else self.one(("0.5", "0.3", "0.9"))
        match self.random.randrange(5):
            case 0:
                return f"(1 - {operand(self.unit(scope, depth - 1, data))})"
            case 1:
                return f"{operand(self.unit(scope, depth - 1, data))} * {operand(self.unit(scope, depth - 1, data))}"
            case 2:
                return f"normal_cdf({self._bounded(scope, depth - 1, data)})"
        return f"logistic({self.real(scope, depth - 1, data)})"

    def condition(self, scope: Scope, depth: int, data: bool = False) -> str:
        """A truth value, of data or of latents."""
        if data or self.chance(0.6):
            return self._data_condition(scope)
        simple = f"{operand(self.real(scope, depth))} {self.one(_BELOW_ABOVE)} {operand(self.real(scope, 0))}"
        match self.random.randrange(6):
            case 2:
                axis = self.one(sorted(self.sets))
                variable = next(letter for letter in "abcdefghij" if letter not in scope and letter not in self.taken)
                inner = self.real({**scope, variable: axis}, 0)
                return f"{self.one(['any', 'all'])}({inner} > {self.one(('0', '0.5'))} for {variable} in {axis})"
            case 0:
                return f"{simple} and {self._data_condition(scope)}"
            case 1:
                return f"{simple} or not ({self._data_condition(scope)})"
        return simple

    def _data_condition(self, scope: Scope) -> str:
        choices = self._references(scope, ("bool",), True)
        choices += [
            f"{one} {self.one(_BELOW_ABOVE)} {self.one(('0', '0.5', '1'))}"
            for one in self._references(scope, ("real", "positive", "count"), True)[:3]
        ]
        for variable, over in scope.items():
            declared = self.sets[over]
            if declared.how == "labels":
                sign = self.one(["==", "!=", *(_BELOW_ABOVE if declared.ordered else ())])
                choices.append(f"{variable} {sign} {label(self.one([str(one) for one in declared.members]))}")
            if declared.how == "range":
                choices.append(f"{variable} {self.one(_BELOW_ABOVE)} {self.one([str(one) for one in declared.members])}")
            choices += [
                f"{variable} {self.one(['==', '!='])} {other}"
                for other, set_name in scope.items()
                if other != variable and set_name == over
            ]
        sizes = [f"size({self.one(sorted(self.sets))}) > {self._some(2, 3)}"]
        return self.one(choices or sizes)

    # relations

    def _relation(self) -> None:
        match self.random.randrange(15):
            case 12:
                self._steps_back()
            case 13:
                self._fixed()
            case 0 | 1:
                self._deterministic()
            case 2:
                self._simplex()
            case 3:
                self._ordered()
            case 4:
                self._multi_normal()
            case 5:
                self._sum_to_zero()
            case 6:
                self._table_relation()
            case 7 | 8:
                self._latent_scale()
            case _:
                self._latent_real()

    def _plates(self, choices: Sequence[int] = (0, 0, 1, 1, 1, 2)) -> dict[str, str]:
        """Variables and sets of a statement."""
        scope: dict[str, str] = {}
        for _ in range(self._some(*choices)):
            variable = self.one([letter for letter in "ijklmnpqrs" if letter not in scope and letter not in self.taken])
            scope[variable] = self.one([one.name for one in self.sets.values()])
        return scope

    def _notes(self, right: str) -> list[str]:
        """An annotation that the draw can obey: only what has a location or a scale can be moved by them."""
        notes = self.random.choice([[], [], [], [], ["@centered"], ["@noncentered"], ["@partial(0.3)"], ["@partial(1)"], ["@partial(0)"]])
        movable = right.partition("(")[0] in DISTRIBUTIONS and DISTRIBUTIONS[right.partition("(")[0]].family is not None
        return notes if movable or notes == ["@centered"] else []

    def _draw(self, name: str, scope: Scope, kind: Type, right: str, *, notes: Sequence[str] = (), report: bool = False) -> None:
        target = name + bracketed([f"{variable} in {over}" for variable, over in scope.items()])
        self.statements.append("\n".join([*notes, f"{'report ' if report else ''}{target} ~ {right}"]))
        self.names.append(Name(name, tuple(scope.values()), kind, False))

    def _latent_real(self) -> None:
        scope = self._plates()
        right, kind = self._real_distribution(scope), "real"
        self._draw(self.fresh(), scope, kind, right, notes=self._notes(right))  # type: ignore[arg-type]

    def _real_distribution(self, scope: Scope, data: bool = False) -> str:
        location, scale = self.real(scope, 1, data), self.positive(scope, 1, data)
        match self.random.randrange(16):
            case 7:
                return f"Truncated(Normal({location}, {scale}), lower = {operand(self._bounded(scope, 1, data))}, upper = {self.one(('2', '3'))})"
            case 8:
                return f"Uniform({self._bounded(scope, 0, data)}, {self.one(('2', '5'))})"
            case 9:
                return self.one(
                    [
                        "Flat()",
                        f"Flat(lower = {self._bounded(scope, 1, data)})",
                        "Flat(lower = -1, upper = 2)",
                        f"Flat(upper = {self._bounded(scope, 0, data)})",
                        "VonMises(0, 2)",
                    ]
                )
            case 0:
                return f"StudentT({self.one(['4', self.positive(scope, 1, data) + ' + 2'])}, {location}, {scale})"
            case 1:
                return f"SkewNormal({location}, {scale}, {self.one(('1', '-2', '0.5'))})"
            case 2:
                return f"SkewLaplace({location}, {scale}, {self.one(('0.5', '0.3'))})"
            case 3:
                return f"Uniform({self.one(('-2', '0', '-1'))}, {self.one(('2', '5', '1'))})"
            case 4:
                return f"Truncated(Normal({location}, {scale}), lower = {self.one(('-1', '0', self.real({}, 0, True)))})"
            case 5:
                return f"Truncated({self.one(('Normal', 'Logistic', 'StudentT'))}({location}, {scale}), lower = -2, upper = {self.one(('2', '3'))})".replace(
                    "StudentT(", "StudentT(5, "
                )
            case 6:
                return f"ExponentiallyModifiedNormal({location}, {scale}, {self.one(('1', '2'))})"
        return f"{self.one(_LOCATION_SCALE)}({location}, {scale})"

    def _latent_scale(self) -> None:
        scope = self._plates((0, 0, 0, 1))
        scale, shape = self.positive(scope, 1), self.one(("2", "1.5", "3"))
        right = self.one(
            [
                f"HalfNormal({scale})", f"HalfNormal({scale})", f"HalfCauchy({scale})", f"HalfStudentT(4, {scale})", f"Exponential({scale})",
                f"Gamma({shape}, {scale})", f"InverseGamma({shape}, {scale})", f"LogNormal({self._bounded(scope, 0, False)}, {scale})",
                f"Weibull({shape}, {scale})", f"Rayleigh({scale})", f"LogLogistic({scale}, {shape})", f"ChiSquared({shape})", f"Frechet({shape}, {scale})",
                f"Truncated(Normal(1, {scale}), lower = 0)", f"Truncated(Cauchy(0, {scale}), lower = 0.1, upper = 9)", "Uniform(0, 5)", f"Uniform(0, {scale})", "HalfFlat()", f"Flat(lower = 0, upper = {scale})",
                f"Pareto({scale}, {shape})", f"ParetoType2(0, {scale}, {shape})", f"Truncated(HalfNormal({scale}), upper = {operand(scale)} + 1)",
                f"InverseChiSquared({shape})",
                f"Pareto({self.one(('0.2', '1'))}, {shape})", f"Truncated(Gamma({shape}, {scale}), upper = 20)", f"ScaledInverseChiSquared(3, {scale})",
            ]
        )  # fmt: skip
        kind: Type = "positive"
        if self.chance(0.2):
            right, kind = self.one([f"Beta({scale}, {shape})", "Uniform(0, 1)", f"BetaProportion(0.4, {scale})"]), "unit"
        self._draw(self.fresh(), scope, kind, right, notes=self._notes(right))

    def _bare(self) -> str | None:
        """A set that can be the axis of a joint draw."""
        usable = [one.name for one in self.sets.values() if one.how in ("labels", "range", "levels", "columns") and len(one.members) > 1]
        return self.one(usable) if usable else None

    def _joint(self, kind: Type, bare: str, right: Callable[[Scope], str], structure: str = "") -> None:
        """A draw over a bare axis, perhaps for each member of a plate, the bare axis in either place."""
        scope = self._plates((0, 0, 1))
        axes = [f"{variable} in {over}" for variable, over in scope.items()]
        sets = list(scope.values())
        place = self.random.randrange(len(axes) + 1)
        axes.insert(place, bare)
        sets.insert(place, bare)
        name = self.fresh()
        self.statements.append(f"{name}{bracketed(axes)} ~ {right(scope)}")
        self.names.append(Name(name, tuple(sets), kind, False))
        if structure and not scope:
            self.structures[name] = structure

    def _simplex(self) -> None:
        bare = self._bare()
        if bare is not None:
            self._joint("unit", bare, lambda scope: f"Dirichlet({self.positive(scope, 1)})", "simplex")

    def _ordered(self) -> None:
        bare = "Cut" if "Cut" in self.sets and len(self.sets["Cut"].members) > 0 and self.chance(0.6) else self._bare()
        if bare is None:
            return
        inside, kind = self.random.choice(
            [("Normal({m}, {s})", "real"), ("Normal({m}, {s})", "real"), ("LogNormal({m}, {s})", "positive"), ("HalfNormal({s})", "positive"),
             ("Uniform(-2, 3)", "real"), ("Gamma(2, {s})", "positive"), ("Truncated(Normal({m}, {s}), lower = 0.5)", "positive"),
             ("Truncated(Normal({m}, {s}), upper = 1)", "real"), ("Beta(2, {s})", "unit")]
        )  # fmt: skip
        self._joint(
            kind, bare, lambda scope: f"Ordered({inside.format(m=self._bounded(scope, 0, False), s=self.positive(scope, 1))})", "ordered"
        )  # type: ignore[arg-type]

    def _sum_to_zero(self) -> None:
        bare = self._bare()
        if bare is not None:
            self._joint("real", bare, lambda scope: f"SumToZero(Normal(0, {self.positive(scope, 1)}))")

    def _multi_normal(self) -> None:
        bare = self._bare()
        if bare is None:
            return
        size = len(self.sets[bare].members)
        if self.chance(0.6):
            factor, family = self.fresh("L", "R_chol"), self.one(["LKJCholesky", "LKJCholesky", "LKJ"])
            self.statements.append(f"{factor}[{bare}, {bare}] ~ {family}({self.positive({}, 0)})")
            word = "corr" if family == "LKJ" else "corr_cholesky"
            scales = [one.name for one in self.names if one.type == "positive" and one.axes == (bare,)]
            if not scales or self.chance(0.3):
                scales = [self.positive({}, 0)]
            means = [one.name for one in self.names if one.type == "real" and one.axes == (bare,)] or ["0"]
            scale, mean = self.one(scales), self.one(means)
            self._joint("real", bare, lambda scope: f"MultiNormal({mean}, scale = {scale}, {word} = {factor})")
        else:
            matrix = self.fresh("S", "Sigma")
            self.head.append(f"input {matrix}[{bare}, {bare}] : covariance")
            root = np.tril(self.numbers.normal(size=(size, size)) * 0.3) + np.eye(size)
            self.taken.add(matrix)
            self.arrays[matrix] = root @ root.T
            family, form = self.one(["MultiNormal(", "MultiNormal(", "MultiStudentT(4, "]), self.one(["cov", "precision"])
            form = "scale_matrix" if "Student" in family else form
            self._joint("real", bare, lambda scope: f"{family}{self.real(scope, 1)}, {form} = {matrix})")

    def _deterministic(self) -> None:
        scope = self._plates()
        name = self.fresh()
        kind: Type = self.random.choice(["real", "real", "positive", "unit"])
        value = {"real": self.real, "positive": self.positive, "unit": self.unit}[kind](scope, 2, False)  # type: ignore[operator]
        report = "report " if self.chance(0.3) else ""
        self.statements.append(f"{report}{name}{bracketed([f'{variable} in {over}' for variable, over in scope.items()])} = {value}")
        self.names.append(Name(name, tuple(scope.values()), kind, False))

    def _steps_back(self) -> None:
        """A relation that looks at earlier rows of the data, or at its own earlier values (data only)."""
        ordered = [
            one
            for one in self.names
            if one.data
            and one.type in ("real", "positive", "count")
            and len(one.axes) == 1
            and self.sets[one.axes[0]].ordered
            and self.sets[one.axes[0]].how in ("rows", "range")
        ]
        if not ordered:
            return
        of = self.random.choice(ordered)
        variable = next(letter for letter in "tsr" if letter not in self.taken)
        name, scope = self.fresh("diff", "running", "before"), {variable: of.axes[0]}
        here, back = f"{of.name}[{variable}]", f"{of.name}[{variable}-{self._some(1, 1, 2)}]"
        head = f"{name}[{variable} in {of.axes[0]}]"
        match self.random.randrange(4):
            case 0:
                self.statements.append(f"{head} = 0.5 * {name}[{variable}-1] + {here}\n  starting {here}")
            case 1:
                self.statements.append(f"{head} = {here} - {back}\n  starting {self.real(scope, 1, True)}")
            case 2:
                self.statements.append(f"{head} = sum({of.name}[e] * 0.5 for e in {of.axes[0]} if e < {variable})")
            case 3:
                self.statements.append(f"{head} = {self.real(scope, 1)} * {back}\n  starting {self.real(scope, 1)}")
                self.names.append(Name(name, of.axes, "real", False))
                return
        self.names.append(Name(name, of.axes, "real", True))

    def _fixed(self) -> None:
        """One level is a baseline."""
        if "Arm" not in self.sets:
            return
        name = self.fresh()
        baseline = label(str(self.sets["Arm"].members[self._some(0, 0, 1)]))
        self.statements.append(
            f"{name}[a in Arm] ~ {self.one(['Flat()', 'Normal(0, 2)', f'Normal(0, {self.positive({}, 0)})'])}\n  fixing {baseline} = 0"
            if "a" not in self.taken
            else f"{name} ~ Normal(0, 1)"
        )
        self.names.append(Name(name, ("Arm",) if "a" not in self.taken else (), "real", False))

    def _table_relation(self) -> None:
        """A whole table computed at once."""
        tables = [one for one in self.names if len(one.axes) == 1 and one.type in ("real", "positive") and one.axes[0] != "Cell"]
        if tables and self.chance(0.7):
            of = self.random.choice(tables)
            function, kind = self.random.choice([("softmax", "unit"), ("log_softmax", "real"), ("cumulative_sum", "real")])
            two = [
                one
                for one in self.names
                if len(one.axes) == 2 and one.type == "real" and "Cell" not in one.axes and one.axes[0] != one.axes[1]
            ]
            if two and self.chance(0.5):
                of = self.random.choice(two)
                name, keep = self.fresh(), self._some(0, 1)
                variable = next(letter for letter in "klm" if letter not in self.taken)
                slots = f"_, {variable}" if keep == 0 else variable
                self.statements.append(f"{name}[{variable} in {of.axes[1 - keep]}, {of.axes[keep]}] = {function}({of.name}[{slots}])")
                self.names.append(Name(name, (of.axes[1 - keep], of.axes[keep]), kind, of.data))  # type: ignore[arg-type]
                return
            name = self.fresh()
            self.statements.append(f"{name}[{of.axes[0]}] = {function}({of.name})")
            self.names.append(Name(name, of.axes, kind, of.data))  # type: ignore[arg-type]
            if function == "softmax":
                self.structures[name] = "simplex"
        elif "Arm" in self.sets:
            scope = self._plates((0, 1))
            name = self.fresh()
            items = ", ".join(self.real(scope, 1) for _ in self.sets["Arm"].members)
            self.statements.append(
                f"{name}{bracketed([*(f'{variable} in {over}' for variable, over in scope.items()), 'Arm'])} = [{items}]"
            )
            self.names.append(Name(name, (*scope.values(), "Arm"), "real", False))

    def _report(self) -> None:
        self.statements.append(f"report {self.fresh('summary', 'derived')} = {self.real({}, 2)}")

    def _factor(self) -> None:
        value = f"-{operand(self.real({}, 1))}^2"
        if self.chance(0.5):
            value = f"logpdf({self._real_like({})}, {self.real({}, 1)})"
        weight = f"\n  weighted {self.positive({}, 0, True)}" if self.chance(0.3) else ""
        self.statements.append(f"factor {value}{weight}")

    def _real_like(self, scope: Scope) -> str:
        return f"{self.one(_LOCATION_SCALE)}({self.real(scope, 1)}, {self.positive(scope, 1)})"

    # likelihoods

    def _likelihood(self, outcome: Name, how: str) -> None:
        letters = [letter for letter in "ijtn" if letter not in self.taken]
        scope = dict(zip(letters, outcome.axes, strict=False))
        depth = self._some(1, 2, 3)
        if how == "vector":
            self._vector_likelihood(outcome, letters[0])
            return
        right, clauses = self._observed(outcome, how, scope, depth), []
        if how == "real?lag":
            back = f"{outcome.name}[{letters[0]}-{self._some(1, 1, 2)}]"
            right = f"Normal({self.unit(scope, 0)} * {back} + {operand(self.real(scope, 1))}, {self.positive(scope, 1)})"
            clauses.append(f"  starting {self.one(['Normal(0, 2)', self._real_like(scope)])}")
        if self.chance(0.25):
            clauses.append(f"  weighted {self.positive(scope, 1, data=True)}")
        if self.chance(0.2):
            clauses.append(f"  where {self._data_condition(scope)}")
        target = outcome.name + bracketed([f"{variable} in {over}" for variable, over in scope.items()])
        self.statements.append("\n".join([f"{target} ~ {right}", *clauses]))

    def _observed(self, outcome: Name, how: str, scope: Scope, depth: int) -> str:
        real, scale, unit = self.real(scope, depth), self.positive(scope, depth - 1), self.unit(scope, depth - 1)
        mixed = self._bare()
        match how:
            case "real":
                choices = [f"{self.one(_LOCATION_SCALE)}({real}, {scale})"] * 3
                choices += [
                    f"StudentT(4, {real}, {scale})",
                    f"Censored(Normal({real}, {scale}), {self.one(('right', 'left'))} = {self._data_condition(scope)})",
                ]
                choices.append(f"Interval(Normal({real}, {scale}), -9, 9)")
                if outcome.name + "_low" in self.arrays:
                    ends = [f"{outcome.name}_{end}[{next(iter(scope))}]" for end in ("low", "high")]
                    choices += [f"Interval({self._real_like(scope)}, {ends[0]}, {ends[1]})"] * 6
                choices.append(
                    f"Censored({self._real_like(scope)}, right = {self._data_condition(scope)}, left = {self._data_condition(scope)})"
                )
                choices.append(f"Truncated({self._real_like(scope)}, lower = -20, upper = {operand(scale)} + 20)")
                choices += [
                    f"SkewNormal({real}, {scale}, {self.real(scope, 0)})",
                    f"ExponentiallyModifiedNormal({real}, {scale}, {self.positive(scope, 0)})",
                ]
                weights = [name for name, what in self.structures.items() if what == "simplex"]
                for name in weights:
                    over = next(one.axes[0] for one in self.names if one.name == name)
                    inner = {**scope, "e": over}
                    choices += [f"Mixture(Normal({self.real(inner, 1)}, {self.positive(inner, 1)}) for e in {over}, weights = {name})"] * 2
                return self.one(choices)
            case "positive":
                choices = [
                    f"Gamma({scale}, {scale})",
                    f"LogNormal({real}, {scale})",
                    f"Weibull(1.5, {scale})",
                    f"Exponential({scale})",
                    f"InverseGamma(2, {scale})",
                ]
                choices += [
                    f"Truncated(Normal({real}, {scale}), lower = 0)",
                    f"Censored(Weibull(2, {scale}), right = {self._data_condition(scope)})",
                ]
                choices += [
                    f"LogLogistic({scale}, 2)",
                    f"HalfNormal({scale})",
                    f"Truncated(LogNormal({self._bounded(scope, 1, False)}, {scale}), upper = 50)",
                ]
                return self.one(choices)
            case "count":
                choices = [
                    f"Poisson(log = {self._bounded(scope, depth, False)})",
                    f"Poisson({scale})",
                    f"NegBinomial({scale}, 2)",
                    f"Binomial(30, {unit})",
                ]
                choices += [
                    f"Binomial(30, logit = {real})",
                    f"NegBinomial(log = {self._bounded(scope, depth, False)}, dispersion = {scale})",
                ]
                choices += [
                    f"ZeroInflated({unit}, Poisson({scale}))",
                    f"Geometric({unit})",
                    f"BetaBinomial(40, {scale}, 2)",
                    f"NegBinomial(shape = {scale}, rate = 1)",
                ]
                choices += [
                    "DiscreteUniform(0, 40)",
                    f"BetaNegBinomial(3, {scale}, 2)",
                    f"Censored(Poisson({scale}), right = {self._data_condition(scope)})",
                ]
                if mixed:
                    choices.append(
                        f"Mixture(Poisson({self.positive({**scope, 'e': mixed}, 1)}) for e in {mixed}, weights = 1 / size({mixed}))"
                    )
                choices += [f"Truncated(Poisson({scale}), upper = 60)", f"ZeroInflated({unit}, NegBinomial({scale}, {scale}))"]
                return self.one(choices)
            case "bool":
                return self.one([f"Bernoulli(logit = {real})", f"Bernoulli({unit})"])
            case "unit":
                return self.one([f"Beta({scale}, {self.positive(scope, 1)})", f"BetaProportion(0.5, {scale})", "Uniform(0, 1)"])
            case "Arm":
                return self._category_likelihood(scope, real)
        assert mixed is not None or how == "real?lag"
        return ""

    def _vector_likelihood(self, outcome: Name, variable: str) -> None:
        means = [one.name for one in self.names if one.axes == ("Item",) and one.type == "real"]
        means += [f"{one.name}[{variable}]" for one in self.names if one.axes == outcome.axes and one.type == "real"]
        mean = self.one([*means, self.real({variable: outcome.axes[0]}, 1)])
        matrix = self.fresh("Omega")
        self.head.append(f"input {matrix}[Item, Item] : covariance")
        root = np.tril(self.numbers.normal(size=(3, 3)) * 0.3) + np.eye(3)
        self.arrays[matrix] = root @ root.T
        self.statements.append(f"{outcome.name}[{variable} in {outcome.axes[0]}, Item] ~ MultiNormal({mean}, cov = {matrix})")

    def _category_likelihood(self, scope: Scope, real: str) -> str:
        tables = [one for one in self.names if one.axes == ("Arm",) and not one.data]
        choices = [f"Categorical({one.name})" for one in tables if self.structures.get(one.name) == "simplex"]
        choices += [f"Categorical(logits = {one.name})" for one in tables if one.type == "real"]
        rows = [
            one
            for one in self.names
            if len(one.axes) == 2 and one.axes[1] == "Arm" and one.type == "real" and self._indices_into(one.axes[0], scope)
        ]
        choices += [f"Categorical(logits = {one.name}[{self._indices_into(one.axes[0], scope)[0]}])" for one in rows]
        if self.sets["Arm"].ordered and "Cut" in self.sets:
            cuts = [one.name for one in self.names if one.axes == ("Cut",) and self.structures.get(one.name) == "ordered"]
            choices += [f"{family}({real}, {cut})" for cut in cuts for family in ("OrderedLogistic", "OrderedProbit")]
        items = ", ".join(self.real(scope, 1) for _ in self.sets["Arm"].members)
        return self.one(choices) if choices else f"Categorical(logits = [{items}])"
