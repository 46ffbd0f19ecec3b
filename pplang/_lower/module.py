"""A typed program as a Python module: `prepare` in NumPy, `model` in NumPyro."""

from __future__ import annotations

import ast
import hashlib
import linecache
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from pplang._check import recurrences
from pplang._check.recurrences import Recurrence
from pplang._check.retype import environment_of
from pplang._diagnostics import InternalError
from pplang._ir import expression as ire
from pplang._ir.kinds import POSITIVE, Interval
from pplang._ir.program import Column, Program, Site, given
from pplang._lower import cells, code, distributions, expressions, functions, indexing, reductions
from pplang._lower.faults import Watched, look
from pplang._lower.members import Derived, completed, derived_sets
from pplang._lower.names import Imports, Names
from pplang._lower.params import param_statements
from pplang._lower.preparing import data_statements, roots
from pplang._lower.recurrences import recurrence_statements
from pplang._lower.repeats import each, names_in
from pplang._lower.statements import (
    deterministic_statements,
    factor_statements,
    restrict_statements,
    stochastic_statements,
)
from pplang._lower.unit import Unit

RULES_OF = (cells, distributions, expressions, functions, indexing, reductions)
"""Importing them is what registers how each kind of expression is lowered."""

Sets = Mapping[str, Sequence[str | int]]


@dataclass(frozen=True)
class Lowered:
    """A program as a NumPyro model.

    text: the module's source; everything else is rebuilt from it when needed, so that the whole can be pickled.
    arguments: the names (of columns, inputs, derived columns, data-level relations and hidden tables) that `model` takes beside `sets`.
    inputs: those that `prepare` takes. identifiers: what a name is called in the module where that differs.
    axes: for each NumPyro site of the program the index sets of its dimensions, bound axes first.
    derived: the index sets that follow from others, which a caller need not give.
    """

    text: str
    arguments: tuple[str, ...]
    inputs: tuple[str, ...]
    identifiers: Mapping[str, str]
    axes: Mapping[str, tuple[str, ...]]
    watched: tuple[Watched, ...]
    derived: tuple[Derived, ...]
    _cache: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cache": {}}

    def prepare(self, /, *, sets: Sets, **arrays: Any) -> dict[str, Any]:
        """Every derived column, data-level relation and hidden table by name, as NumPy arrays in declared axis order.

        sets: members of each index set, in order. arrays: columns and inputs by name; more than are needed may be given.
        Raises `Problems` where a value is not a finite number, or lies outside what a distribution takes.
        """
        import numpy as np

        arrays = {name: np.asarray(value) for name, value in arrays.items()}
        known = self.keywords(arrays)
        given = {word: known[word] for word in self.keywords(dict.fromkeys(self.inputs))}
        with np.errstate(all="ignore"), _at_once():
            made = self._function("prepare")(sets=completed(sets, self.derived), **given)
        made = {name: np.asarray(value) for name, value in made.items()}
        look(self.watched, {**arrays, **made}, sets)
        return made

    def model(self, /, *, sets: Sets, **arguments: Any) -> None:
        """The NumPyro model. `arguments` by their names in the source (see `arguments`); observed ones may be left out to draw them."""
        self._function("model")(sets=completed(sets, self.derived), **self.keywords(arguments))

    def select(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Of all values by name (or by keyword already), those that `model` takes, as its keyword arguments."""
        known = self.keywords(values)
        return {word: known[word] for word in self.keywords(dict.fromkeys(self.arguments)) if word in known}

    def keywords(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values by name as keyword arguments of `prepare` and `model`: a column called `lambda` or `sets` goes by another name there."""
        other = {"sets": "sets_"}
        return {self.identifiers.get(name) or other.get(name, name): value for name, value in values.items()}

    def _function(self, name: str) -> Any:
        if name not in self._cache:
            self._cache[name] = run(self.text, name)
        return self._cache[name]


@contextmanager
def _at_once() -> Iterator[None]:
    """Where JAX is at work, what `prepare` asks of it (a log density of data) is computed now and in double precision, not traced."""
    if "jax" not in sys.modules:
        yield
        return
    import jax

    with jax.enable_x64(True), jax.ensure_compile_time_eval():
        yield


def lower(program: Program) -> Lowered:
    """Any typed program as a Python module.

    Raises `InternalError` for constructs that cannot be lowered; the check of what can be fitted comes before.
    """
    builder = build(program)
    functions = [builder.prepare, builder.model]
    text = source(
        [*builder.imports.statements(functions), *functions],
        "Written by pplang. `prepare` computes in NumPy what the data determine; `model` is a NumPyro model.",
    )
    return Lowered(
        text,
        tuple(builder.model_unit.arguments),
        tuple(builder.prepare_unit.arguments),
        {
            name: builder.names[name]
            for name in {**builder.model_unit.arguments, **builder.prepare_unit.arguments}
            if builder.names[name] != name
        },
        _site_axes(program),
        builder.watched,
        derived_sets(program),
    )


def _site_axes(program: Program) -> dict[str, tuple[str, ...]]:
    sampled = {site.name: (*(axis.set for axis in site.plates), *site.event) for site in program.sites if site.stochastic}
    return {**{site.name: site.sets for site in program.sites}, **sampled}


@dataclass
class Built:
    """The two functions of a module and what they were built with."""

    imports: Imports
    names: Names
    prepare: ast.stmt
    model: ast.stmt
    prepare_unit: Unit
    model_unit: Unit
    watched: tuple[Watched, ...]


def build(program: Program) -> Built:
    """Both functions. `prepare` is finished last: the model leaves work for it."""
    names = Names(dict.fromkeys([*program.column, *program.input, *program.param, *program.site]))
    for one in program.optional:
        names.alias(given(one), f"{one}_given")
    imports = Imports()
    imports.module("numpy")
    imports.module("jax.numpy")
    environment = environment_of(program)
    prepare = Unit(program, names, imports, "np", environment, asserting=False)
    prepared = data_statements(prepare)
    model = Unit(program, names, imports, "jnp", environment, prepare=prepare)
    modelled = model_statements(model)
    prepared += prepare.take_pending()
    _drop_unused(model, modelled)
    made = prepare.defined - {one.name for one in prepare.hidden.values()}
    outputs = sorted(made | (prepare.defined & set(model.arguments)), key=_place(program))
    result = ast.Return(ast.Dict([code.constant(one) for one in outputs], [code.name(names[one]) for one in outputs]))
    watched = tuple(_watched(program, prepare))
    observed = {site.name for site in program.sites if site.role == "observed"}
    return Built(
        imports,
        names,
        _function("prepare", names, prepare.arguments, set(), [*prepared, result]),
        _function("model", names, model.arguments, observed, modelled or [ast.Pass()]),
        prepare,
        model,
        watched,
    )


def _drop_unused(unit: Unit, body: list[ast.stmt]) -> None:
    """Leave out arguments that were asked for and then not needed."""
    used = {node.id for statement in body for node in ast.walk(statement) if isinstance(node, ast.Name)}
    for name in [one for one in unit.arguments if unit.names[one] not in used]:
        del unit.arguments[name]


def _place(program: Program) -> Any:
    order = {name: place for place, name in enumerate([*program.column, *program.site])}
    return lambda name: (order.get(name, len(order)), name)


def model_statements(unit: Unit) -> list[ast.stmt]:
    """The model: params, relations in an order in which each comes after what it needs, factors and restrictions."""
    program = unit.program
    if program.nets or program.guide or program.reward:
        raise InternalError("nets, guides and rewards cannot be lowered yet")
    made: list[ast.stmt] = []
    for param in program.params:
        made += param_statements(param, unit)
    later = [site for site in program.sites if site.level != "data" or site.stochastic]
    users = [(site.name, names_in((site.right, site.starting, site.weight, site.where))) for site in later]
    elsewhere = names_in(
        [*(one for factor in program.factors for one in (factor.value, factor.weight, factor.where)),
         *(one for restrict in program.restrictions for one in (restrict.condition, restrict.where))]
    )  # fmt: skip
    made += [_reported(site.name, unit) for site in program.sites if site.level == "data" and not site.stochastic and site.report]
    for group in recurrences.groups(program):
        if isinstance(group, Recurrence):
            unit.asserting = any(program.site[name].level != "generated" for name in group.sites)
            made += recurrence_statements(group, unit)
            continue
        for name in (group,) if isinstance(group, str) else group.sites:
            site = program.site[name]
            unit.asserting = site.level != "generated"
            used = name in elsewhere or any(name in names for other, names in users if other != name)
            made += stochastic_statements(site, unit, used) if site.stochastic else deterministic_statements(site, unit)
    unit.asserting = True
    taken = {*program.set, *program.site}
    for factor, label in zip(program.factors, _labels("factor", len(program.factors), taken), strict=True):
        made += factor_statements(factor, unit, label)
    for restriction, label in zip(program.restrictions, _labels("restrict", len(program.restrictions), taken), strict=True):
        made += restrict_statements(restriction, unit, label)
    return made


def _reported(name: str, unit: Unit) -> ast.stmt:
    """A data-level relation that is reported: the same number in every draw."""
    unit.imports.module("numpyro")
    return ast.Expr(code.call("numpyro.deterministic", code.constant(name), unit.local(name)))


def _labels(word: str, count: int, taken: set[str]) -> list[str]:
    return [f"{word} {number}" if count > 1 or word in taken else word for number in range(1, count + 1)]


def _watched(program: Program, prepare: Unit) -> list[Watched]:
    computed: list[Column | Site] = [one for one in program.column.values() if one.value is not None]
    computed += program.computed.values()
    found = [
        Watched(one.name, one.name, one.span, one.sets, names_in(roots(one)) - {one.name}) for one in computed if not _may_be_infinite(one)
    ]
    found += [
        Watched(one.name, "", one.span, tuple(axis.set for axis in one.term.axes), one.needs)
        for one in prepare.hidden.values()
        if one.term.type == "real"
    ]
    # A standard deviation counts as positive; that of a constant column is zero all the same.
    spread = [Watched(one.name, one.name, one.span, one.sets, wanted=POSITIVE, role=f"`{one.name}`") for one in computed if _is_spread(one)]
    return [*found, *spread, *prepare.watched]


def _is_spread(one: Column | Site) -> bool:
    inside = (node for part in roots(one) if part is not None for node in ire.walk(part))
    positive = isinstance(one.kind, Interval) and one.kind.lower == 0 and one.kind.lower_open
    return positive and any(isinstance(node, ire.Reduce) and node.operation == "sd" for node in inside)


def _may_be_infinite(one: Column | Site) -> bool:
    """A table of logarithms of probabilities, of which some may be zero."""
    return any(isinstance(node, ire.Call) and node.function == "safe_log" for node in each(*roots(one)))


def _function(name: str, names: Names, arguments: Mapping[str, None], optional: set[str], body: list[ast.stmt]) -> ast.stmt:
    wanted = sorted(arguments, key=lambda one: one in optional)
    parameters = ast.arguments(
        posonlyargs=[],
        args=[],
        kwonlyargs=[ast.arg("sets"), *(ast.arg(names[one]) for one in wanted)],
        kw_defaults=[None, *(ast.Constant(None) if one in optional else None for one in wanted)],
        defaults=[],
    )
    return ast.FunctionDef(name=name, args=parameters, body=body, decorator_list=[])


def source(body: list[ast.stmt], about: str) -> str:
    """The text of a module."""
    module = ast.Module([ast.Expr(ast.Constant(about)), *body], [])
    return ast.unparse(ast.fix_missing_locations(module)) + "\n"


def run(text: str, function: str) -> Any:
    """One function of a generated module, with the imports that it needs: `prepare` needs no NumPyro, which takes long to import.

    Tracebacks and debuggers show its lines.
    """
    name = f"<pplang {hashlib.sha256(text.encode()).hexdigest()[:12]}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    module = ast.parse(text, name)
    (definition,) = (one for one in module.body if isinstance(one, ast.FunctionDef) and one.name == function)
    used = {node.id for node in ast.walk(definition) if isinstance(node, ast.Name)}
    imports = [one for one in module.body if isinstance(one, ast.Import) and used & {_bound_name(alias) for alias in one.names}]
    namespace: dict[str, Any] = {"__name__": "pplang_model"}
    compiled: CodeType = compile(ast.Module([*imports, definition], []), name, "exec")
    exec(compiled, namespace)
    return namespace[function]


def _bound_name(alias: ast.alias) -> str:
    return alias.asname or alias.name.split(".")[0]
