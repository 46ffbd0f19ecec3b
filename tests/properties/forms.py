"""Constructs that random expressions hardly ever give, put into a random program on purpose: each with a small table of its own.

What they need of unknown numbers is written by the program's own writer, so that they hang together with the rest of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pplang._ir.program import given
from tests.properties.words import Name, bracketed, operand

if TYPE_CHECKING:
    from tests.properties.programs import Writer


class Form:
    """One construct being written into a program."""

    def __init__(self, writer: Writer) -> None:
        self.writer, self.lines = writer, list[str]()
        self.chance, self.one = writer.chance, writer.one

    # parts of a program

    def table(self, size: int, order: str = "") -> None:
        """A table with rows of its own, indexed by `row`."""
        self.rows, self.size, self.order = self.writer.fresh("Obs", "Trial", "Place", "Batch"), size, order
        self.writer.add_set(self.rows, "rows", range(1, size + 1), ordered=bool(order))
        self.row = self.writer.fresh("r", "o", "row_", "rr")
        self.scope = {self.row: self.rows}
        self.at = f"[{self.row} in {self.rows}]"

    def close(self) -> None:
        self.writer.head += [f"data {self.rows}{self.order}:", *self.lines]

    def column(self, kind: str, values: np.ndarray, *wanted: str, outcome: bool = False, written: str = "") -> str:
        """A column; one that is an outcome is used by nothing else."""
        name = self.writer.fresh(*wanted)
        self.lines.append(f"  {name} : {written or kind}")
        self.writer.column(name, (self.rows,), kind, values)  # type: ignore[arg-type]
        if outcome:
            self.writer.names.pop()
        return name

    def category(self, levels: int, *wanted: str) -> tuple[str, str]:
        """A column of groups, contiguous, and the set of them."""
        name = self.writer.fresh(*wanted)
        over = self.writer.fresh(f"{name.capitalize()}s")
        self.writer.add_set(over, "levels", [f"{name}{n}" for n in range(levels)])
        codes = np.sort(np.concatenate([np.arange(levels), self.writer.numbers.integers(levels, size=self.size)])[: self.size])
        self.lines.append(f"  {name} : {over}")
        self.writer.column(name, (self.rows,), "member", codes, over)
        return name, over

    def states(self, count: int) -> tuple[str, list[str]]:
        """An index set of states."""
        name = self.writer.fresh("Mood", "Kind", "Regime")
        labels = [f"{name.lower()}{n}" for n in range(count)]
        self.writer.add_set(name, "labels", labels)
        self.writer.head.append(f"index {name} = {{{', '.join(labels)}}}")
        return name, labels

    def say(self, *statements: str) -> None:
        self.writer.statements += statements

    def latent(self, right: str, kind: str = "real", axes: tuple[str, ...] = (), *, bound: bool = True) -> str:
        """A latent of the form's own."""
        name = self.writer.fresh()
        letters = [self.writer.fresh("s", "k", "c", "m", "n", "l") for _ in axes] if bound else []
        head = bracketed([f"{letter} in {over}" for letter, over in zip(letters, axes, strict=True)] if bound else list(axes))
        self.say(f"{name}{head} ~ {right}")
        self.writer.names.append(Name(name, axes, kind, False))  # type: ignore[arg-type]
        return name

    def real(self, depth: int = 1) -> str:
        return operand(self.writer.real(self.scope, depth))

    def positive(self, depth: int = 1) -> str:
        return operand(self.writer.positive(self.scope, depth))

    def unit(self, depth: int = 1) -> str:
        return operand(self.writer.unit(self.scope, depth))

    def number(self, low: int, high: int) -> int:
        return self.writer.random.randint(low, high)

    def normals(self) -> np.ndarray:
        return self.writer.numbers.normal(size=self.size)

    # what hangs on a value

    def outcome(self, location: str, where: str = "") -> None:
        """A column whose distribution has this real number in it."""
        kind = self.one(["real", "real", "real", "count", "bool", "positive"])
        numbers = self.writer.random_values(kind, (self.size,))
        name = self.column(kind, numbers, "y", "v", "score", "seen", "length", outcome=True)
        right = {
            "real": lambda: self.one([f"Normal({location}, {self.positive()})"] * 2 + [f"StudentT(4, {location}, {self.positive()})", f"Logistic({location}, {self.positive()})"]),
            "count": lambda: f"Poisson(log = tanh({location}))",
            "bool": lambda: f"Bernoulli(logit = {location})",
            "positive": lambda: f"LogNormal({location}, {self.positive()})",
        }[kind]()  # fmt: skip
        clause = f"\n  weighted {self.writer.positive(self.scope, 1, data=True)}" if self.chance(0.15) else ""
        self.say(f"{name}{self.at} ~ {right}{where or clause}")


# Discrete latents -----------------------------------------------------------------------------------------------------


def membership(form: Form) -> None:
    """Each row belongs to one of a few kinds."""
    how = form.number(0, 4)
    form.table(form.number(2, 4) if how != 2 else 2)
    over, labels = form.states(form.number(2, 3))
    z = form.writer.fresh("z", "kind", "member")
    here = f"{z}[{form.row}]"
    if form.chance(0.6):
        shares = form.latent(f"Dirichlet({form.writer.positive({}, 0)})", "unit", (over,), bound=False)
        prior = f"Categorical({shares})"
    else:
        eta = form.writer.fresh("eta", "odds")
        form.say(f"{eta}[{form.row} in {form.rows}, {over}] = [{', '.join(form.writer.real(form.scope, 1) for _ in labels)}]")
        prior = f"Categorical(logits = {eta}[{form.row}])"
    form.say(f"{z}{form.at} ~ {prior}")
    centre = (
        form.latent("Ordered(Normal(0, 2))", "real", (over,), bound=False)
        if form.chance(0.5)
        else form.latent("Normal(0, 2)", "real", (over,))
    )
    location = form.one(
        [f"{centre}[{here}]", f"{centre}[{here}] + {form.real()}", f"(if {here} == {labels[0]} then {form.real()} else {centre}[{here}])"]
    )
    match how:
        case 0:
            shown = form.writer.fresh("shown", "level")
            form.say(f"{shown}{form.at} = {location}")
            location = f"{shown}[{form.row}]"
        case 1:
            between = form.writer.fresh("theta_z", "latent_")
            form.say(f"{between}{form.at} ~ Normal({location}, {form.positive()})")
            location = f"{between}[{form.row}]"
        case 2:
            second = form.writer.fresh("zz", "sub")
            form.say(f"{second}{form.at} ~ Bernoulli(if {here} == {labels[0]} then {form.unit()} else 0.7)")
            location = f"(if {second}[{form.row}] then {location} else {form.real()})"
    form.outcome(location)
    if form.chance(0.3):
        form.outcome(f"(if {here} == {labels[-1]} then {form.real()} else 0.5)")


def switched(form: Form) -> None:
    """A truth value for each row, or for each group of rows."""
    form.table(form.number(3, 5))
    on = form.writer.fresh("lives", "on", "present")
    if form.chance(0.6):
        column, over = form.category(form.number(1, 3), "site", "home_", "plot")
        letter = form.writer.fresh("g", "h", "f")
        chance = form.writer.unit({letter: over}, 1)
        form.say(f"{on}[{letter} in {over}] ~ Bernoulli({chance})")
        here = f"{on}[{column}[{form.row}]]"
    else:
        form.say(f"{on}{form.at} ~ Bernoulli(logit = {form.real()})")
        here = f"{on}[{form.row}]"
    if form.chance(0.4):
        name = form.column("bool", form.writer.random_values("bool", (form.size,)), "found", "heard", outcome=True)
        form.say(f"{name}{form.at} ~ Bernoulli(if {here} then {form.unit()} else {form.one(['0.05', '0.2', '0.5 * ' + form.unit()])})")
    else:
        form.outcome(f"(if {here} then {form.real()} else {form.real()})")


def counted(form: Form) -> None:
    """A whole number for each row, of which something was seen."""
    form.table(form.number(2, 3))
    n = form.writer.fresh("n_there", "abundance")
    prior = form.one([f"Truncated(Poisson({form.positive()}), upper = 3)", f"Binomial(3, {form.unit()})", "DiscreteUniform(0, 3)"])
    form.say(f"{n}{form.at} ~ {prior}")
    form.writer.counts[n] = range(4)
    if form.chance(0.6):
        seen = form.column("count", form.writer.numbers.integers(3, size=form.size), "caught", "counted", outcome=True)
        right = form.one([f"Binomial({n}[{form.row}], {form.unit()})", f"Poisson(0.2 + {n}[{form.row}] * {form.unit()})"])
        form.say(f"{seen}{form.at} ~ {right}")
    else:
        form.outcome(f"({n}[{form.row}] * 0.5 + {form.real()})")


def changed(form: Form) -> None:
    """One point in time at which something changes."""
    form.table(form.number(3, 6))
    year = form.column("real", np.sort(form.writer.numbers.integers(1, 6, size=form.size)).astype(float), "year", "hour")
    point = form.writer.fresh("change", "turn")
    form.say(f"{point} ~ DiscreteUniform(1, {form.number(2, 6)})")
    last = int(form.writer.statements[-1].rpartition(", ")[2].rstrip(")"))
    form.writer.counts[point] = range(1, last + 1)
    sign = form.one(["<", "<=", ">"])
    form.outcome(f"(if {year}[{form.row}] {sign} {point} then {form.real()} else {form.real()})")


def _in_time(form: Form, few: int, many: int) -> None:
    """A table of rows in time, sometimes in groups: then it has `many`."""
    grouped = form.chance(0.4)
    clock, group = form.writer.fresh("clock", "moment"), form.writer.fresh("animal", "patient") if grouped else ""
    form.table(
        form.number(3, few) if not grouped else form.number(4, many),
        form.one([" ordered", f" ordered by {clock}"]) if not grouped else f" ordered by {clock} within {group}",
    )
    form.lines.append(f"  {clock} : real")
    form.writer.column(clock, (form.rows,), "real", np.sort(form.normals()))
    if grouped:
        form.writer.taken.discard(group)
        form.category(form.number(1, 2), group)


def hidden_chain(form: Form) -> None:
    """States that follow one another."""
    _in_time(form, 4, 5)
    state, row = form.writer.fresh("mood", "state"), form.row
    if form.chance(0.3):
        step = f"Bernoulli(if {state}[{row}-1] then {form.unit()} else {form.unit()})"
        start = f"Bernoulli({form.unit()})"
        here = form.one([f"(if {state}[{row}] then {form.real()} else {form.real()})"])
    else:
        over, labels = form.states(form.number(2, 3) if form.size < 5 else 2)
        moves = form.writer.fresh("move", "switch")
        form.say(f"{moves}[{form.writer.fresh('a_', 'from_', 'b_')} in {over}, {over}] ~ Dirichlet({form.writer.positive({}, 0)})")
        step = f"Categorical({moves}[{state}[{row}-1]])"
        if form.chance(0.3):
            score = form.writer.fresh("pull", "score_")
            a, b = form.writer.fresh("to_", "aa", "bb"), form.writer.fresh("cc", "dd", "ee")
            form.say(f"{score}{form.at[:-1]}, {a} in {over}, {b} in {over}] = if {a} == {b} then {form.real()} else {form.real()}")
            step = f"Categorical(logits = {score}[{row}, {state}[{row}-1]])"
        first = form.latent("Dirichlet(1)", "unit", (over,), bound=False)
        start = form.one([f"Categorical({first})", f"Categorical([{', '.join([str(1 / len(labels))] * len(labels))}])"])
        centre = form.latent("Normal(0, 2)", "real", (over,))
        here = form.one(
            [
                f"{centre}[{state}[{row}]]",
                f"({centre}[{state}[{row}]] + {form.real()})",
                f"(if {state}[{row}] == {labels[0]} then {form.real()} else 0)",
            ]
        )
    form.say(f"{state}{form.at} ~ {step}\n  starting {start}")
    form.outcome(here)
    if step.startswith("Categorical") and form.size < 5 and form.chance(0.3):
        _after_a_state(form, state, labels)


def joint_chains(form: Form) -> None:
    """States that depend on several before them, or two kinds of states that depend on one another, or that data depend on together."""
    how = form.number(0, 3)
    _in_time(form, 4 if how < 2 else 3, 4)
    row = form.row
    over, labels = form.states(2)
    a, b = form.writer.fresh("one_", "weather"), form.writer.fresh("two_", "regime")
    moves = form.writer.fresh("moves", "switches")
    i, j = form.writer.fresh("a_", "from_"), form.writer.fresh("b_", "to_")
    form.say(f"{moves}[{i} in {over}, {j} in {over}, {over}] ~ Dirichlet({form.writer.positive({}, 0)})")
    start = "Categorical([0.3, 0.7])"
    now, last = f"{a}[{row}]", f"{a}[{row}-1]"
    is_first = f"{now} == {labels[0]}"
    if how < 2:
        second = f"{moves}[{last}, {a}[{row}-2]]" if how else f"{moves}[{a}[{row}-2], {labels[1]}]"
        form.say(f"{a}{form.at} ~ Categorical({second})\n  starting {start}")
        location = f"(if {is_first} then {form.real()} else {form.real()})"
    else:
        before = form.one([f"{b}[{row}-1]", labels[0]]) if how == 2 else labels[1]
        if how == 2 and form.chance(0.4):
            yes = f"Bernoulli(if {b}[{row}-1] or {last} == {labels[0]} then {form.unit()} else {form.unit()})"
            form.say(f"{a}{form.at} ~ Categorical({moves}[{last}, {last}])\n  starting {start}")
            form.say(f"{b}{form.at} ~ {yes}\n  starting Bernoulli({form.unit()})")
            also = f"{b}[{row}]"
        else:
            form.say(f"{a}{form.at} ~ Categorical({moves}[{last}, {before}])\n  starting {start}")
            form.say(f"{b}{form.at} ~ Categorical({moves}[{form.one([now, last])}, {b}[{row}-1]])\n  starting {start}")
            also = f"{b}[{row}] == {labels[0]}"
        location = f"(if {is_first} and {also} then {form.real()} else {form.real()})"
    form.outcome(location)
    if form.chance(0.3):
        _after_a_state(form, a, labels)


def _after_a_state(form: Form, state: str, labels: list[str]) -> None:
    """Something that depends on the state before: data of some rows only, or a state of each time that is no chain itself."""
    row, last = form.row, f"{state}[{form.row}-1] == {labels[0]}"
    if form.chance(0.5):
        flags = form.column("bool", form.writer.random_values("bool", (form.size,)), "counts_", "valid")
        y = form.column("real", form.normals(), "late", "delayed", outcome=True)
        right = f"Normal(if {last} then {form.real()} else {form.real()}, {form.positive()})"
        form.say(f"{y}{form.at} ~ {right}\n  starting Normal({form.real()}, 1)\n  where {flags}[{row}]")
        return
    on = form.writer.fresh("active", "hot")
    form.say(f"{on}{form.at} ~ Bernoulli(if {last} then {form.unit()} else {form.unit()})\n  starting Bernoulli({form.unit()})")
    y = form.column("real", form.normals(), "late", "delayed", outcome=True)
    form.say(f"{y}{form.at} ~ Normal(if {on}[{row}] then {form.real()} else {form.real()}, {form.positive()})")


# Recurrences ----------------------------------------------------------------------------------------------------------


def chain(form: Form) -> None:
    """A latent, or two, that follow themselves in time."""
    grouped = form.chance(0.4)
    clock, group = form.writer.fresh("clock", "moment"), form.writer.fresh("animal", "patient") if grouped else ""
    form.table(form.number(3, 6), form.one([" ordered", f" ordered by {clock}"]) if not grouped else f" ordered by {clock} within {group}")
    form.lines.append(f"  {clock} : real")
    form.writer.column(clock, (form.rows,), "real", np.sort(form.normals()))
    if grouped:
        form.writer.taken.discard(group)
        form.category(form.number(1, 3), group)
    x, row = form.writer.fresh("level_", "walk", "state_"), form.row
    last, note = f"{x}[{row}-1]", form.one(["", "", "", "@centered\n", "@noncentered\n"])
    scale, start = form.positive(), form.one([f"Normal({form.real(0)}, 2)", f"Normal(0, {form.positive()})"])
    kind, location = "real", f"{x}[{row}]"
    match form.number(0, 8):
        case 0 | 1:
            right = form.one([f"Normal({last}, {scale})", f"Normal({form.unit()} * {last} + {form.real()}, {scale})"])
        case 2:
            right = f"Normal({form.unit()} ^ ({clock}[{row}] - {clock}[{row}-1]) * {last}, {scale})"
        case 3:
            right = f"Normal(0.5 * {last} - 0.3 * {x}[{row}-2], {scale})"
        case 4:
            slope = form.writer.fresh("slope_", "drift_")
            right = f"Normal({last} + {slope}[{row}-1], {scale})"
            form.say(f"{slope}{form.at} ~ Normal({form.one(['', '0.9 * '])}{slope}[{row}-1], {form.positive()})\n  starting Normal(0, 1)")
        case 5:
            right, start = f"StudentT(4, {form.unit()} * {last}, {scale})", f"StudentT(4, 0, {form.positive()})"
        case 6:
            right, start = f"LogNormal(0.5 * log({last}), {scale})", "LogNormal(0, 1)"
            kind, location = "positive", f"log({x}[{row}])"
        case 7:
            right = f"Normal(tanh({last}) + {form.real()}, {scale})"
        case _:
            right = f"Normal({form.unit()} * {last}, {scale} * sqrt(1 + {last}^2))" if form.chance(0.5) else f"Cauchy({last}, {scale})"
            start = start if right.startswith("Normal") else f"Cauchy(0, {form.positive()})"
    form.say(f"{note}{x}{form.at} ~ {right}\n  starting {start}")
    form.writer.names.append(Name(x, (form.rows,), kind, False))  # type: ignore[arg-type]
    if form.chance(0.25):
        y = form.column("real", form.normals(), "next_", "lagged", outcome=True)
        form.say(f"{y}{form.at} ~ Normal({location} + {form.unit()} * {y}[{row}-1], {form.positive()})\n  starting Normal({location}, 1)")
    else:
        form.outcome(form.one([location, f"({location} + {form.real()})"]))


# Empty cells ----------------------------------------------------------------------------------------------------------


def empty_cells(form: Form) -> None:
    """A column of which some cells are unknown, and another that depends on it; or nothing does."""
    form.table(form.number(3, 6))
    kind = form.one(["real", "real", "real", "positive", "unit"])
    values = form.writer.random_values(kind, (form.size,))
    present = form.writer.numbers.uniform(size=form.size) < 0.6
    name = form.column(kind, np.where(present, values, 0.5), "income", "height", "gap_", outcome=True, written=f"{kind}?")
    form.writer.arrays[given(name)] = present
    right = {
        "real": lambda: form.one([f"Normal({form.real()}, {form.positive()})", f"StudentT(4, {form.real()}, {form.positive()})", f"Logistic(0, {form.positive()})"]),
        "positive": lambda: form.one([f"LogNormal({form.real()}, {form.positive()})", f"Gamma(2, {form.positive()})"]),
        "unit": lambda: f"Beta({form.positive()}, 2)",
    }[kind]()  # fmt: skip
    note = form.one(["", "", "@centered\n", "@noncentered\n" if right.partition("(")[0] in ("Normal", "LogNormal") else ""])
    clause = f"\n  weighted {form.writer.positive(form.scope, 1, data=True)}" if kind == "real" and form.chance(0.15) else ""
    form.say(f"{note}{name}{form.at} ~ {right}{clause}")
    here = f"{name}[{form.row}]"
    if form.chance(0.8):
        form.outcome(form.one([here, f"({here} * {form.real()})", f"({here} + {form.real()})"]))
        if form.chance(0.2):
            form.say(f"factor -0.1 * mean({name})^2")
    if form.chance(0.4):
        predicted = form.writer.random_values("bool", (form.size,))
        vote = form.column("bool", predicted, "vote", "answer", outcome=True, written="bool?")
        form.writer.arrays[given(vote)] = form.writer.numbers.uniform(size=form.size) < 0.6
        form.say(f"{vote}{form.at} ~ Bernoulli(logit = {here})" if kind == "real" else f"{vote}{form.at} ~ Bernoulli({form.unit()})")


def empty_states(form: Form) -> None:
    """Discrete columns of which some cells are unknown, of rows or of groups, and columns that depend on them."""
    form.table(form.number(3, 5))
    kind = form.one(["bool", "bool", "member", "count"])
    shown = form.writer.numbers.uniform(size=form.size) < 0.5
    name, here = form.writer.fresh("smokes", "class_", "sown"), ""
    column, over = form.category(form.number(2, 3), "plot", "home_") if kind == "bool" and form.chance(0.4) else ("", form.rows)
    size, here = len(form.writer.sets[over].members), f"{name}[{f'{column}[{form.row}]' if column else form.row}]"
    letter = form.writer.fresh("g", "h", "f") if column else form.row
    shown = shown[:size]
    match kind:
        case "bool":
            values, written = form.writer.random_values("bool", (size,)) & shown, f"bool?{f' per {over}' if column else ''}"
            right = f"Bernoulli({form.writer.unit({letter: over}, 1)})"
            location = f"(if {here} then {form.real()} else {form.real()})"
        case "member":
            states, labels = form.states(form.number(2, 3))
            values, written = form.writer.numbers.integers(len(labels), size=size) * shown, f"{states}?"
            right = f"Categorical({form.latent('Dirichlet(1)', 'unit', (states,), bound=False)})"
            centre = form.latent("Normal(0, 2)", "real", (states,))
            location = form.one([f"{centre}[{here}]", f"(if {here} == {labels[0]} then {form.real()} else 0)"])
        case _:
            values, written = form.writer.numbers.integers(4, size=size) * shown, "count?"
            right = form.one([f"Binomial(3, {form.unit()})", "DiscreteUniform(0, 3)"])
            location = f"({here} * 0.5 + {form.real()})"
    form.lines.append(f"  {name} : {written}")
    form.writer.column(name, (over,), kind, values, states if kind == "member" else "")
    form.writer.names.pop()
    form.writer.arrays[given(name)] = shown
    form.writer.counts[f"{name}_empty"] = form.writer.counts[name] = range(4)
    form.say(f"{name}[{letter} in {over}] ~ {right}")
    if form.chance(0.8):
        form.outcome(location)
    if form.chance(0.3):
        form.outcome(f"(1 + {location})")


# Joint draws and effects ----------------------------------------------------------------------------------------------


def process(form: Form) -> None:
    """A Gaussian process over the rows."""
    form.table(form.number(2, 4))
    x = form.column("real", form.normals() + np.arange(form.size), "x_place", "dist")
    length, cov = form.latent("InverseGamma(3, 3)", "positive"), form.writer.fresh("K", "Cov")
    a, b = form.writer.fresh("ii", "aa", "pp"), form.writer.fresh("jj", "bb", "qq")
    gap, height = f"({x}[{a}] - {x}[{b}])", operand(form.writer.positive({}, 1))
    kernel = form.one([f"exp(-{gap}^2 / (2 * {length}^2))", f"exp(-abs{gap} / {length})"])
    form.say(f"{cov}[{a} in {form.rows}, {b} in {form.rows}] = {height} * {kernel}")
    f = form.writer.fresh("f_", "surface")
    mean, note = form.one(["0", "0", form.writer.real({}, 0)]), form.one(["", "", "@centered\n"])
    form.say(f"{note}{f}[{form.rows}] ~ GP({mean}, cov = {cov}, jitter = {form.one(['1e-3', '0.01'])})")
    form.outcome(f"({f}[{form.row}] + {form.real()})")


def effects(form: Form) -> None:
    """A regression with varying intercepts and slopes: several effects of one factor, of crossed or of nested ones, or one joint draw."""
    form.table(form.number(5, 9))
    x = form.column("real", form.normals(), "x_slope", "dose_")
    one, first = form.category(form.number(2, 3), "cl", "area")
    here, how = f"{one}[{form.row}]", form.number(0, 4)
    letter = form.writer.fresh("g", "h", "f")
    if how == 0:
        over, labels = form.states(2)
        factor = form.latent("LKJCholesky(2)", "real", (over, over), bound=False)
        form.writer.names.pop()
        scale = form.latent(f"HalfNormal({form.writer.positive({}, 0)})", "positive", (over,))
        b = form.writer.fresh("coefs", "beta_")
        mean = form.one(["0", form.latent("Normal(0, 1)", "real", (over,))])
        form.say(f"{b}[{letter} in {first}, {over}] ~ MultiNormal({mean}, scale = {scale}, corr_cholesky = {factor})")
        location = f"{b}[{here}, {labels[0]}] + {b}[{here}, {labels[1]}] * {x}[{form.row}]"
    else:
        mu, spread = form.latent("Normal(0, 3)"), form.latent(f"HalfNormal({form.writer.positive({}, 0)})", "positive")
        a = form.latent(f"Normal({mu}, {spread})", "real", (first,))
        location = f"{a}[{here}]"
        if how == 1:
            spread = form.latent("Exponential(1)", "positive")
            b = form.latent(f"Normal({form.one(['0', mu])}, {spread})", "real", (first,))
            location += f" + {b}[{here}] * {x}[{form.row}]"
        elif how == 2:
            two, second = form.category(form.number(2, 4), "item", "rater")
            form.writer.arrays[two] = form.writer.numbers.permutation(form.writer.arrays[two])
            b = form.latent(f"Normal(0, {form.latent('HalfNormal(1)', 'positive')})", "real", (second,))
            location += f" + {b}[{two}[{form.row}]]"
        elif how == 3:
            # Each of the finer groups lies within one of the coarser ones: its number has that of the other in it.
            finer, fine = form.writer.fresh("ward", "class_of"), form.writer.fresh("Wards", "Classes")
            pairs = form.writer.arrays[one] * 2 + form.writer.numbers.integers(2, size=form.size)
            kinds, codes = np.unique(pairs, return_inverse=True)
            form.writer.add_set(fine, "levels", [f"{finer}{n}" for n in range(len(kinds))])
            form.lines.append(f"  {finer} : {fine}")
            form.writer.column(finer, (form.rows,), "member", codes, fine)
            inner = form.latent(f"Normal(0, {form.latent('HalfNormal(1)', 'positive')})", "real", (fine,))
            location += f" + {inner}[{finer}[{form.row}]]"
    location += form.one(["", f" + 0.5 * {x}[{form.row}]", f" + {form.real()}"])
    noise = form.latent("HalfNormal(1)", "positive")
    y = form.column("real", form.normals(), "resp", "result", outcome=True)
    form.say(f"{y}{form.at} ~ Normal({location}, {form.one([noise, noise, noise, form.positive()])})")


def expanded(form: Form) -> None:
    """Heavy tails written out as a mixture over scales."""
    form.table(form.number(2, 4))

    def right() -> str:
        location, scale = form.real(), form.positive()
        return form.one([f"StudentT({form.one(['4', '3', form.positive() + ' + 1'])}, {location}, {scale})", f"Cauchy({location}, {scale})", f"Laplace({location}, {scale})"])  # fmt: skip

    name = form.writer.fresh("heavy", "tail")
    form.say(f"@expand\n{name}{form.at} ~ {right()}")
    if form.chance(0.5):
        form.outcome(f"{name}[{form.row}]")
    else:
        y = form.column("real", form.normals(), "outlying", "rough", outcome=True)
        location = form.real()
        form.say(f"@expand\n{y}{form.at} ~ StudentT(4, {name}[{form.row}] + {location}, {form.positive()})")


FORMS: dict[str, Callable[[Form], None]] = {
    one.__name__: one
    for one in (
        membership,
        switched,
        counted,
        changed,
        hidden_chain,
        joint_chains,
        chain,
        chain,
        empty_cells,
        empty_states,
        process,
        effects,
        expanded,
    )
}
DISCRETE = ("membership", "switched", "counted", "changed", "hidden_chain", "joint_chains", "empty_states")
