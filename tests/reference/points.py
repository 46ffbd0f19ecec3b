"""A random value for every latent and param of a program, inside its support; found from the program alone, without any pass."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pplang._ir import expression as ir
from pplang._ir import program as records
from pplang._ir.kinds import Interval, Member
from tests.reference.evaluate import At, Environment, Evaluator, Sets
from tests.reference.functions import corr_cholesky_of

_ABOVE_ZERO = frozenset(
    "HalfNormal HalfCauchy HalfStudentT HalfFlat Exponential Gamma InverseGamma ChiSquared InverseChiSquared ScaledInverseChiSquared "
    "LogNormal Weibull Frechet Rayleigh LogLogistic".split()
)
_COUNTS = frozenset("Poisson NegBinomial Geometric BetaNegBinomial ZeroInflated".split())
_BELOW_TRIALS = frozenset("Binomial BetaBinomial".split())
_LOWER_END = {"Pareto": "minimum", "ParetoType2": "location"}


def random_point(program: records.Program, sets: Sets, data: Mapping[str, Any], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Values by name, in declared axis order. Sites are gone through in program order, so that bounds may depend on what is before. A param
    that has a value among the data keeps it."""
    values: dict[str, Any] = dict(data)
    found: dict[str, np.ndarray] = {}
    for param in program.params:
        shape = tuple(len(Evaluator(program, sets, {}).sets[axis.set]) for axis in param.axes)
        settled = param.name in data
        found[param.name] = values[param.name] = data[param.name] if settled else _inside(_bounds_of(param.kind), rng, shape)
    for site in program.sites:
        if site.role == "latent":
            found[site.name] = values[site.name] = _table(Evaluator(program, sets, values), site, rng)
    return found


def _bounds_of(kind: object) -> tuple[float, float]:
    assert isinstance(kind, Interval)
    return kind.lower, kind.upper


def _table(evaluator: Evaluator, site: records.Site, rng: np.random.Generator) -> np.ndarray:
    result = np.zeros(tuple(len(evaluator.sets[axis.set]) for axis in site.axes))
    event = tuple(len(evaluator.sets[axis]) for axis in site.event)
    plates = site.plates
    for positions in itertools.product(*(range(len(evaluator.sets[axis.set])) for axis in plates)):
        where = {axis.variable: At(axis.set, at) for axis, at in zip(plates, positions, strict=True) if axis.variable is not None}
        rest = iter(positions)
        place = tuple(slice(None) if axis.variable is None else next(rest) for axis in site.axes)
        if isinstance(site.kind, Member) and not event:
            result[place] = rng.integers(len(evaluator.sets[site.kind.set]))
        else:
            result[place] = draw(evaluator, site.right, where, event, rng)
    for label, value in site.fixing:
        result[list(evaluator.sets[site.axes[0].set]).index(label)] = evaluator.number(value, {})
    return result


def draw(evaluator: Evaluator, node: ir.Expression, where: Environment, event: tuple[int, ...], rng: np.random.Generator) -> Any:
    """Some value at which the density of a distribution is finite; its distribution is of no importance."""
    if isinstance(node, ir.Mixture):
        return draw(evaluator, node.component, {**where, node.binder.variable: At(node.binder.set, 0)}, event, rng)
    assert isinstance(node, ir.Distribution)
    match node.name:
        case "Dirichlet":
            return rng.dirichlet(np.full(event[0], 3.0))
        case "LKJCholesky" | "LKJ":
            factor = corr_cholesky_of(list(0.5 * rng.normal(size=event[0] * (event[0] - 1) // 2)))
            return factor if node.name == "LKJCholesky" else factor @ factor.T
        case "MultiNormal" | "MultiStudentT":
            return rng.normal(size=event)
        case "Multinomial" | "DirichletMultinomial":
            return rng.multinomial(int(evaluator.number(_given(node, "trials"), where)), np.full(event[0], 1 / event[0]))
        case "Ordered":
            inner = node.arguments[0][1]
            return np.sort([draw(evaluator, inner, where, (), rng) for _ in range(event[0])])
        case "SumToZero":
            values = rng.normal(size=event)
            return values - values.mean()
        case "Transformed":
            return rng.normal(size=event)[()]
        case "Bernoulli":
            return float(rng.integers(2))
        case "Categorical":
            (_, table), *_ = node.arguments
            return float(rng.integers(len(evaluator.value(table, where))))
        case "OrderedLogistic" | "OrderedProbit":
            return float(rng.integers(len(evaluator.value(_given(node, "cut"), where)) + 1))
    if node.name == "DiscreteUniform" or (node.name == "Truncated" and _is_count(node.arguments[0][1])):
        given = dict(node.arguments)
        first = int(evaluator.number(given["lower"], where)) if "lower" in given else 0
        return float(rng.integers(first, int(evaluator.number(given["upper"], where)) + 1))
    if node.name in _COUNTS:
        return float(rng.integers(4))
    if node.name in _BELOW_TRIALS:
        return float(rng.integers(int(evaluator.number(_given(node, "trials"), where)) + 1))
    return float(_inside(ends(evaluator, node, where), rng, ()))


def _is_count(node: ir.Expression) -> bool:
    return isinstance(node, ir.Distribution) and node.name in _COUNTS | _BELOW_TRIALS


def ends(evaluator: Evaluator, node: ir.Expression, where: Environment) -> tuple[float, float]:
    """The ends of the support of a distribution of one real number."""
    assert isinstance(node, ir.Distribution)
    if node.name in _ABOVE_ZERO:
        return 0.0, math.inf
    if node.name in ("Beta", "BetaProportion"):
        return 0.0, 1.0
    if node.name == "VonMises":
        return -math.pi, math.pi
    if node.name in _LOWER_END:
        return evaluator.number(_given(node, _LOWER_END[node.name]), where), math.inf
    lower, upper = -math.inf, math.inf
    if node.name in ("Uniform", "Truncated", "Flat"):
        if node.name == "Truncated":
            lower, upper = ends(evaluator, node.arguments[0][1], where)
        given = dict(node.arguments)
        if "lower" in given:
            lower = max(lower, evaluator.number(given["lower"], where))
        if "upper" in given:
            upper = min(upper, evaluator.number(given["upper"], where))
    elif node.name == "Censored":
        return ends(evaluator, node.arguments[0][1], where)
    return lower, upper


def _given(node: ir.Distribution, name: str) -> ir.Expression:
    found = node.argument(name)
    assert found is not None
    return found


def _inside(bounds: tuple[float, float], rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    lower, upper = bounds
    if math.isfinite(lower) and math.isfinite(upper):
        return lower + (upper - lower) * rng.uniform(0.05, 0.95, shape)
    if math.isfinite(lower):
        return lower + np.exp(0.6 * rng.normal(size=shape))
    return upper - np.exp(0.6 * rng.normal(size=shape)) if math.isfinite(upper) else rng.normal(size=shape)
