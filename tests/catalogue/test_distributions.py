"""Every distribution of the catalogue against SciPy or its formula: densities, supports, gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pplang._catalogue.distributions import DISTRIBUTIONS
from tests.catalogue.build import build, form_for
from tests.catalogue.cases import CASES, Case
from tests.catalogue.scipy_reference import ELSEWHERE, FORMULAS, FROZEN, log_density


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def test_every_distribution_has_a_reference() -> None:
    assert {*FROZEN, *FORMULAS, *ELSEWHERE} == set(DISTRIBUTIONS)
    assert not set(FROZEN) & set(FORMULAS)


def test_every_form_that_can_be_fitted_has_a_case() -> None:
    covered = {(case.name, form_for(DISTRIBUTIONS[case.name], set(case.arguments))) for case in CASES}
    forms = {(entry.name, form) for entry in DISTRIBUTIONS.values() for form in entry.forms if form.numpyro}
    assert {name for name, _ in forms - covered} <= set(ELSEWHERE)


def _parts(arguments: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What can be differentiated (inside wrapped distributions too), and the rest."""
    free: dict[str, Any] = {}
    fixed: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, tuple):
            free[name], rest = _parts(value[1])
            fixed[name] = (value[0], rest)
        elif np.asarray(value).dtype == np.float64:
            free[name] = jnp.asarray(value)
        else:
            fixed[name] = value
    return free, fixed


def _joined(free: dict[str, Any], fixed: dict[str, Any]) -> dict[str, Any]:
    inner = {name: (value[0], _joined(free[name], value[1])) for name, value in fixed.items() if isinstance(value, tuple)}
    return {**fixed, **free, **inner}


def _evaluated(case: Case) -> tuple[Any, Any, Any]:
    """The densities inside and outside the support and the gradient of the former, as one compiled function."""
    free, fixed = _parts(case.arguments)
    inside = jnp.asarray(case.inside)
    continuous = inside.dtype == jnp.float64

    def log_prob(free: dict[str, Any], value: Any) -> Any:
        return build(case.name, _joined(free, fixed), case.size).log_prob(value)

    def total(free: dict[str, Any], value: Any) -> tuple[Any, Any]:
        found = log_prob(free, value if continuous else inside)
        return found.sum(), found

    def everything(free: dict[str, Any], value: Any, outside: Any) -> tuple[Any, Any, Any]:
        gradient, found = jax.grad(total, (0, 1), has_aux=True)(free, value)
        return found, log_prob(free, outside) if np.size(case.outside) else None, gradient

    return jax.jit(everything)(free, inside.astype(float), jnp.asarray(case.outside))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_density_support_and_gradient(case: Case) -> None:
    inside, outside, gradient = _evaluated(case)
    np.testing.assert_allclose(inside, log_density(case.name, case.arguments, case.inside), rtol=1e-9, atol=1e-9)
    assert np.isfinite(inside).all()
    assert outside is None or np.isneginf(outside).all()
    assert all(np.isfinite(one).all() for one in jax.tree.leaves(gradient))


_OWN = {
    form.numpyro: case for case in CASES if (form := form_for(DISTRIBUTIONS[case.name], set(case.arguments))).numpyro.startswith("pplang.")
}


@pytest.mark.parametrize("case", _OWN.values(), ids=str)
def test_own_distributions_are_pytrees_and_expand(case: Case) -> None:
    """What NumPyro's plates, scan and vmap do with a distribution."""
    made = build(case.name, case.arguments, case.size)
    leaves, structure = jax.tree.flatten(made)
    rebuilt = jax.tree.unflatten(structure, leaves)
    assert (rebuilt.batch_shape, rebuilt.event_shape) == (made.batch_shape, made.event_shape)
    assert all(one is other for one, other in zip(leaves, jax.tree.leaves(rebuilt), strict=True))
    assert made.expand((2, *made.batch_shape)).batch_shape == (2, *made.batch_shape)


@pytest.mark.parametrize("name", ["Normal", "Poisson"])
def test_truncation_works_in_single_precision(name: str) -> None:
    """An embedded model runs in its caller's precision."""
    inner: dict[str, Any] = {"Normal": {"mean": 0.5, "sd": 2.0}, "Poisson": {"rate": 3.0}}[name]
    with jax.enable_x64(False):
        made = build("Truncated", {"distribution": (name, inner), "lower": 1, "upper": 4})
        draws = made.sample(jax.random.PRNGKey(1), (200,))
        found = made.log_prob(draws)
    assert found.dtype == jnp.float32
    assert (draws >= 1).all()
    assert (draws <= 4).all()
    np.testing.assert_allclose(
        found, log_density("Truncated", {"distribution": (name, inner), "lower": 1, "upper": 4}, draws), rtol=1e-4, atol=1e-5
    )
