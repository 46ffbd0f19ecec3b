"""The same seed gives the same bytes, whatever the process; a second process compiles nothing; nobody else's JAX is touched."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from helpers_infer import SCHOOL_DATA, SCHOOLS, python

import pplang

FIT = """
import hashlib, sys
from helpers_infer import SCHOOLS, SCHOOL_DATA
import jax
events = []
jax.monitoring.register_event_duration_secs_listener(lambda name, seconds, **_: events.append(name))
import pplang
digest = hashlib.sha256()
for method in ("vi", "svi", "nuts"):
    fit = pplang.compile_text(SCHOOLS).fit(SCHOOL_DATA, method=method, seed=7, draws=200, warmup=200, steps=300)
    for name in fit.names:
        digest.update(fit.draws(name).tobytes())
compiled = sum("backend_compile" in name for name in events)
print(digest.hexdigest(), compiled, "numpyro" in sys.modules, jax.numpy.ones(1).dtype)
"""


def test_processes_agree_and_the_second_compiles_nothing(tmp_path: Path) -> None:
    first = python(FIT, tmp_path / "one", PYTHONHASHSEED="1").split()
    second = python(FIT, tmp_path / "one", PYTHONHASHSEED="2").split()
    elsewhere = python(FIT, tmp_path / "two", PYTHONHASHSEED="3").split()
    assert first[0] == second[0] == elsewhere[0]
    assert int(first[1]) > 0
    assert int(elsewhere[1]) == int(first[1])
    assert second[1] == "0"
    assert second[2] == "False"  # what is only needed to trace is not imported
    assert {first[3], second[3], elsewhere[3]} == {"float32"}


def digest(fit: pplang.Fit) -> str:
    return hashlib.sha256(b"".join(fit.draws(name).tobytes() for name in fit.names)).hexdigest()


@pytest.mark.parametrize("method", ["svi", "nuts"])
def test_seeds(method: str) -> None:
    model = pplang.compile_text(SCHOOLS)
    sizes = {"method": method, "draws": 100, "warmup": 100, "steps": 200}
    first, again, other = (model.fit(SCHOOL_DATA, seed=seed, **sizes) for seed in (1, 1, 2))  # type: ignore[arg-type]
    assert digest(first) == digest(again)
    assert digest(first) != digest(other)


def test_chains_do_not_depend_on_how_many_there_are() -> None:
    model = pplang.compile_text(SCHOOLS)
    sizes = {"method": "nuts", "draws": 50, "warmup": 50, "seed": 3}
    one, three = (model.fit(SCHOOL_DATA, chains=chains, **sizes) for chains in (1, 3))  # type: ignore[arg-type]
    np.testing.assert_array_equal(one.draws("mu")[0], three.draws("mu")[0])
    assert not np.array_equal(three.draws("mu")[0], three.draws("mu")[1])


def test_jax_is_left_as_it_was() -> None:
    import jax
    import jax.numpy as jnp

    before = dict(jax.config.values)
    pplang.compile_text(SCHOOLS).fit(SCHOOL_DATA, draws=10)
    assert dict(jax.config.values) == before
    assert jnp.ones(1).dtype == jnp.float32
