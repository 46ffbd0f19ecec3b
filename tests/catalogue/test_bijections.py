"""Bijections: round trips, Jacobians against automatic differentiation, the free density, and the same map in NumPy and as a function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pplang._catalogue.bijections import BIJECTIONS
from pplang._catalogue.functions import FUNCTIONS
from tests.catalogue.build import bijection, build, resolve
from tests.catalogue.cases import COV


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


@dataclass(frozen=True)
class Case:
    """A bijection with its arguments, the length of the free vector (0: a number), and a distribution on its constrained side."""

    name: str
    arguments: tuple[Any, ...]
    free: int
    distribution: tuple[Any, ...]


CASES = (
    Case("log", (), 0, ("HalfCauchy", {"scale": 2.0})),
    Case("logit", (), 0, ("Beta", {"a": 2.0, "b": 3.0})),
    Case("lower", (1.5,), 0, ("Pareto", {"minimum": 1.5, "shape": 2.0})),
    Case("upper", (1.5,), 0, ("Truncated", {"distribution": ("Normal", {"mean": 0.0, "sd": 1.0}), "upper": 1.5})),
    Case("interval", (-1.0, 2.0), 0, ("Uniform", {"lower": -1.0, "upper": 2.0})),
    Case("affine", (1.0, 2.5), 0, ("Normal", {"mean": 1.0, "sd": 2.0})),
    Case("whitening", (np.ones(3), np.linalg.cholesky(COV)), 3, ("Independent", {"distribution": ("Normal", {"mean": 1.0, "sd": 2.0})}, 3)),
    Case("simplex", (), 3, ("Dirichlet", {"concentration": 2.0}, 4)),
    Case("ordered", (), 3, ("Ordered", {"distribution": ("Normal", {"mean": 0.0, "sd": 1.0})}, 3)),
    Case("positive_ordered", (), 3, ("Ordered", {"distribution": ("HalfNormal", {"scale": 1.0})}, 3)),
    Case("ordered_lower", (1.5,), 3, ("Ordered", {"distribution": ("Pareto", {"minimum": 1.5, "shape": 2.0})}, 3)),
    Case(
        "ordered_upper",
        (1.5,),
        3,
        ("Ordered", {"distribution": ("Truncated", {"distribution": ("Normal", {"mean": 0.0, "sd": 1.0}), "upper": 1.5})}, 3),
    ),
    Case("ordered_interval", (-1.0, 2.0), 3, ("Ordered", {"distribution": ("Uniform", {"lower": -1.0, "upper": 2.0})}, 3)),
    Case("corr_cholesky", (), 6, ("LKJCholesky", {"shape": 2.0}, 4)),
    Case("correlation", (), 6, ("LKJ", {"shape": 2.0}, 4)),
    Case("covariance", (), 6, ("Wishart", {"degrees": 5.0, "scale_matrix": COV})),
    Case("sum_to_zero", (), 3, ("SumToZero", {"distribution": ("Normal", {"mean": 0.0, "sd": 1.5})}, 4)),
)
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def _free(case: Case) -> np.ndarray:
    return np.random.default_rng(7).normal(size=(case.free,) if case.free else ())


def _coordinates(name: str, value: Any) -> Any:
    """As many numbers as are free: what the density of a constrained value is taken in."""
    if name == "simplex":
        return value[..., :-1]
    if name == "covariance":
        return value[np.tril_indices(value.shape[-1])]
    if name in ("correlation", "corr_cholesky"):
        return value[np.tril_indices(value.shape[-1], -1)]
    return value


def test_every_bijection_has_a_case() -> None:
    assert {case.name for case in CASES} == set(BIJECTIONS)


def test_every_inverse_is_a_function_with_the_same_arguments_and_sets() -> None:
    for entry in BIJECTIONS.values():
        function = FUNCTIONS[entry.inverse]
        assert tuple(one.name for one in function.arguments[1:]) == entry.arguments
        assert (function.arguments[0].sets, function.event) == (entry.free, entry.constrained)
        back = FUNCTIONS[entry.forward]
        assert tuple(one.name for one in back.arguments[1:]) == entry.arguments
        assert (back.arguments[0].sets, back.event) == (entry.constrained, entry.free)


@every_case
def test_function_and_numpy_are_the_same_map(case: Case) -> None:
    entry = FUNCTIONS[BIJECTIONS[case.name].inverse]
    free, wanted = _free(case), bijection(case.name, *case.arguments)(jnp.asarray(_free(case)))
    np.testing.assert_allclose(resolve(entry.jax_path)(jnp.asarray(free), *case.arguments), wanted, rtol=1e-12)
    np.testing.assert_allclose(resolve(entry.numpy_path)(free, *case.arguments), wanted, rtol=1e-12)


@every_case
def test_the_function_to_free_values_goes_back(case: Case) -> None:
    """In JAX and in NumPy, one by one and as a batch."""
    forward = FUNCTIONS[BIJECTIONS[case.name].forward]
    free = np.stack([_free(case), 2 * _free(case)])
    constrained = bijection(case.name, *case.arguments)(jnp.asarray(free))
    for path, wrap in ((forward.jax_path, jnp.asarray), (forward.numpy_path, np.asarray)):
        np.testing.assert_allclose(resolve(path)(wrap(constrained), *case.arguments), free, rtol=1e-9)
        np.testing.assert_allclose(resolve(path)(wrap(constrained[1]), *case.arguments), free[1], rtol=1e-9)


@every_case
def test_a_batch_is_mapped_one_by_one(case: Case) -> None:
    entry = FUNCTIONS[BIJECTIONS[case.name].inverse]
    free = np.stack([_free(case), 2 * _free(case)])
    for path, wrap in ((entry.jax_path, jnp.asarray), (entry.numpy_path, np.asarray)):
        function = resolve(path)
        np.testing.assert_allclose(function(wrap(free), *case.arguments)[1], function(wrap(free[1]), *case.arguments), rtol=1e-12)


@every_case
def test_round_trip_density_and_gradient(case: Case) -> None:
    """There and back; the free density is the constrained one times the Jacobian, and its gradient is finite far out too."""
    transform = bijection(case.name, *case.arguments)

    def evaluated(free: Any) -> tuple[Any, ...]:
        inner = build(*case.distribution)
        made = build("Transformed", {"distribution": case.distribution, "bijection": (case.name, *case.arguments)})
        jacobian = jax.jacfwd(lambda x: _coordinates(case.name, transform(x)))(free)
        gradients = [jax.grad(made.log_prob)(factor * free) for factor in (1.0, 12.0)]
        constrained = transform(free)
        return transform.inv(constrained), made.log_prob(free), inner.log_prob(constrained), jacobian, gradients

    free = jnp.asarray(_free(case))
    back, found, inner, jacobian, gradients = jax.jit(evaluated)(free)
    np.testing.assert_allclose(back, free, rtol=1e-9)
    np.testing.assert_allclose(found, inner + _log_volume(np.atleast_2d(jacobian)), rtol=1e-8)
    assert np.isfinite(gradients).all()


def _log_volume(jacobian: np.ndarray) -> float:
    """How much volume grows, on the hyperplane where there are fewer free numbers than constrained ones."""
    return float(np.linalg.slogdet(jacobian.T @ jacobian)[1] / 2)


def test_a_transformed_distribution_draws_free_values() -> None:
    found = build("Transformed", {"distribution": ("LKJ", {"shape": 2.0}, 3), "bijection": ("correlation",)})
    assert found.sample(jax.random.PRNGKey(0), (5,)).shape == (5, 3)


def test_the_gaussian_process_is_closed_under_nothing_but_its_jitter() -> None:
    found = build("GP", {"mean": 0.0, "cov": COV, "jitter": 0.1}, 3)
    np.testing.assert_allclose(found.covariance_matrix, COV + 0.1 * np.diag(COV).mean() * np.eye(3))
