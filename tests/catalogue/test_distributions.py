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
from tests.catalogue.scipy_reference import FORMULAS, FROZEN, WITHOUT_DENSITY, log_density

pytestmark = pytest.mark.filterwarnings("ignore:Out-of-support values")


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def test_every_distribution_has_a_reference() -> None:
    assert {*FROZEN, *FORMULAS, *WITHOUT_DENSITY} == set(DISTRIBUTIONS)
    assert not set(FROZEN) & set(FORMULAS)


def test_every_form_that_can_be_fitted_has_a_case() -> None:
    covered = {(case.name, form_for(DISTRIBUTIONS[case.name], set(case.arguments))) for case in CASES}
    forms = {(entry.name, form) for entry in DISTRIBUTIONS.values() for form in entry.forms if form.numpyro}
    assert {name for name, _ in forms - covered} <= {"Transformed"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_density(case: Case) -> None:
    found = build(case.name, case.arguments, case.size).log_prob(jnp.asarray(case.inside))
    np.testing.assert_allclose(found, log_density(case.name, case.arguments, case.inside), rtol=1e-9, atol=1e-9)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("case", [case for case in CASES if np.size(case.outside)], ids=str)
def test_density_is_zero_outside_the_support(case: Case) -> None:
    found = build(case.name, case.arguments, case.size).log_prob(jnp.asarray(case.outside))
    assert np.isneginf(found).all()


def _parts(arguments: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What can be differentiated (inside wrapped distributions too), and the rest."""
    free: dict[str, Any] = {}
    fixed: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, tuple):
            free[name], fixed[name] = {}, value
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


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_are_finite(case: Case) -> None:
    free, fixed = _parts(case.arguments)
    continuous = np.asarray(case.inside).dtype == np.float64
    value = jnp.asarray(case.inside)

    def total(free: dict[str, Any], moved: Any) -> Any:
        return build(case.name, _joined(free, fixed), case.size).log_prob(moved if continuous else value).sum()

    gradients = jax.grad(total, argnums=(0, 1))(free, value.astype(float))
    assert all(np.isfinite(one).all() for one in jax.tree.leaves(gradients))
