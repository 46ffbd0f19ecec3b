"""Functions: the same values in NumPy and JAX, finite gradients where they are safe, and kinds that hold what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import inf
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pplang._catalogue.bijections import BIJECTIONS
from pplang._catalogue.entry import FunctionEntry
from pplang._catalogue.functions import BLOCKS, CHAINS, CONSTRAINING, ELEMENTARY, EVIDENCE_AHEAD, FREEING, FUNCTIONS, STATISTICAL, TABLES
from pplang._ir.kinds import COUNT, INT, NONNEGATIVE, POSITIVE, REAL, UNIT, Interval
from tests.catalogue.build import resolve
from tests.catalogue.cases import COV

NUMBERS = (*ELEMENTARY, *STATISTICAL)
KINDS = (
    REAL,
    POSITIVE,
    NONNEGATIVE,
    UNIT,
    COUNT,
    INT,
    Interval(-2, 3),
    Interval(0.25, 0.5),
    Interval(-inf, 0),
    Interval(5, 7, integer=True),
)
FLAT_OR_WHOLE = {"floor", "ceil", "round", "mod"}


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def _values(kind: Interval) -> np.ndarray:
    """Some members of a kind, its closed ends among them."""
    low, high = max(kind.lower, -60.0), min(kind.upper, 60.0)
    inner = np.linspace(low, high, 13)[1:-1]
    ends = [end for end, opened in ((kind.lower, kind.lower_open), (kind.upper, kind.upper_open)) if not opened]
    tiny = [end + step for end, step in ((kind.lower, 1e-9), (kind.upper, -1e-9)) if abs(end) < inf]
    values = np.array([*inner, *ends, *tiny])
    return np.unique(np.round(inner)) if kind.integer else values


def _domain(entry: FunctionEntry) -> Interval:
    return entry.domain or REAL


@pytest.mark.parametrize("entry", NUMBERS, ids=lambda entry: entry.name)
def test_numpy_and_jax_agree(entry: FunctionEntry) -> None:
    grid = _values(_domain(entry))
    arguments = np.array(list(product(grid, repeat=len(entry.arguments)))).T
    if entry.name == "log_choose":
        arguments = np.array([[5.0, 9.0, 60.0], [2.0, 0.0, 31.0]])
    with np.errstate(all="ignore"):
        wanted = resolve(entry.numpy_path)(*arguments)
    np.testing.assert_allclose(resolve(entry.jax_path)(*map(jnp.asarray, arguments)), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("entry", NUMBERS, ids=lambda entry: entry.name)
def test_value_and_gradient_are_finite_at_the_safe_point(entry: FunctionEntry) -> None:
    at = (entry.safe,) * len(entry.arguments)
    value, gradient = jax.value_and_grad(resolve(entry.jax_path), tuple(range(len(at))))(*at)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("entry", NUMBERS, ids=lambda entry: entry.name)
def test_kind_holds_every_value(entry: FunctionEntry) -> None:
    """Rounding may reach an open end, as exp(-60) does not but tanh(60) = 1 does; it may not pass it."""
    function = resolve(entry.numpy_path)
    for kinds in product(KINDS, repeat=len(entry.arguments)):
        grid = np.array(list(product(*(_values(kind) for kind in kinds)))).T
        with np.errstate(all="ignore"):
            values = function(*grid)
        values = values[np.isfinite(values)]
        found = entry.kind(*kinds)
        assert (values >= found.lower - 1e-12).all(), (kinds, found)
        assert (values <= found.upper + 1e-12).all(), (kinds, found)
        assert not found.integer or (values == np.round(values)).all()
        if not found.lower_open and found.lower > -inf and kinds[0].lower_open:
            assert entry.name in {"sin", "cos", "acos", "abs", "atan2", "cosh", "floor", "ceil", "round", "mod", "min", "max", "erfc"}


KNOWN = (
    ("exp", (REAL,), POSITIVE),
    ("exp", (NONNEGATIVE,), Interval(1, inf)),
    ("sqrt", (POSITIVE,), POSITIVE),
    ("sqrt", (REAL,), Interval(0, inf, lower_open=True)),
    ("log", (UNIT,), Interval(-inf, 0)),
    ("logistic", (REAL,), Interval(0, 1, lower_open=True, upper_open=True)),
    ("abs", (INT,), COUNT),
    ("abs", (Interval(-3, 1, upper_open=True),), Interval(0, 3)),
    ("min", (POSITIVE, UNIT), Interval(0, 1)),
    ("max", (POSITIVE, REAL), POSITIVE),
    ("cumulative_sum", (POSITIVE,), POSITIVE),
    ("softplus", (REAL,), POSITIVE),
    ("floor", (NONNEGATIVE,), COUNT),
)


@pytest.mark.parametrize(("name", "kinds", "wanted"), KNOWN)
def test_kinds_that_models_rely_on(name: str, kinds: tuple[Interval, ...], wanted: Interval) -> None:
    assert FUNCTIONS[name].kind(*kinds) == wanted


TABLE_ARGUMENTS: dict[str, Any] = {"softmax": np.array([0.3, -900.0, 2.0]), "cumulative_sum": np.array([0.3, -9.0, 2.0])}


@pytest.mark.parametrize("entry", TABLES, ids=lambda entry: entry.name)
def test_functions_of_tables(entry: FunctionEntry) -> None:
    value = COV if entry.arguments[0].sets == ("K", "K") else TABLE_ARGUMENTS.get(entry.name, np.array([0.3, -1.0, 2.0]))
    batch = np.stack([value, 2 * value])
    for one in (value, batch):
        found = resolve(entry.jax_path)(jnp.asarray(one))
        np.testing.assert_allclose(found, resolve(entry.numpy_path)(one), rtol=1e-10)
        assert found.shape == (*one.shape[: one.ndim - value.ndim], *(3,) * len(entry.event))


_ROOT, _PULL = np.linalg.cholesky(COV + np.eye(3)), np.array([0.3, -1.0, 2.0])
_EVIDENCE = np.eye(3) + _ROOT.T @ COV @ _ROOT
BLOCK_CASES: dict[str, tuple[tuple[Any, ...], Any]] = {
    "diagonal": ((_PULL,), np.diag(_PULL)),
    "solve_lower": ((_ROOT, _PULL), np.linalg.inv(_ROOT) @ _PULL),
    "evidence_factor": ((_ROOT, COV), np.linalg.cholesky(_EVIDENCE)),
    "diagonal_evidence_factor": (
        (_ROOT, np.array([0.5, 2.0, 1.0])),
        np.linalg.cholesky(np.eye(3) + _ROOT.T @ np.diag([0.5, 2.0, 1.0]) @ _ROOT),
    ),
    "lower_triangle": ((COV,), np.array([[COV[i, j] if j <= i else 0 for j in range(3)] for i in range(3)])),
    "process_root": ((COV, 0.1), np.linalg.cholesky(COV + 0.1 * np.trace(COV) / 3 * np.eye(3))),
    "evidence_shift": ((np.linalg.cholesky(_EVIDENCE), _ROOT, _PULL), np.linalg.inv(_EVIDENCE) @ _ROOT.T @ _PULL),
    "whitening_of": ((_PULL, np.ones(3), _ROOT), 1 + np.linalg.inv(_ROOT.T) @ _PULL),
    "whitening_free": ((_PULL, np.ones(3), _ROOT), _ROOT.T @ (_PULL - 1)),
}


@pytest.mark.parametrize("entry", BLOCKS, ids=lambda entry: entry.name)
def test_functions_of_blocks(entry: FunctionEntry) -> None:
    """In JAX and NumPy, for one block and for two, of which the second is the first again."""
    arguments, wanted = BLOCK_CASES[entry.name]
    for path, wrap in ((entry.jax_path, jnp.asarray), (entry.numpy_path, np.asarray)):
        function = resolve(path)
        np.testing.assert_allclose(function(*map(wrap, arguments)), wanted, rtol=1e-9)
        np.testing.assert_allclose(function(*(wrap(np.stack([one, one])) for one in arguments))[1], wanted, rtol=1e-9)


def test_constraining_functions_are_those_of_the_bijections() -> None:
    assert {entry.name for entry in CONSTRAINING} | {"exp", "logistic", "whitening_of"} == {entry.inverse for entry in BIJECTIONS.values()}


def test_no_function_shares_a_name() -> None:
    assert len(FUNCTIONS) == sum(map(len, (NUMBERS, TABLES, CHAINS, BLOCKS, EVIDENCE_AHEAD, CONSTRAINING, FREEING)))
