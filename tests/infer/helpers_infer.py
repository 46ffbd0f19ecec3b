"""Models and processes that the tests of inference share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import pplang

SCHOOLS = """
data School:
  school : key
  effect : real
  se     : positive

mu ~ Normal(0, 5)
tau ~ HalfCauchy(5)
theta[s in School] ~ Normal(mu, tau)
effect[s in School] ~ Normal(theta[s], se[s])
report spread = tau^2
again[s in School] ~ Normal(theta[s], se[s])
"""

SCHOOL_DATA = {
    "school": list("ABCDEFGH"),
    "effect": [28.0, 8, -3, 7, -1, 1, 18, 12],
    "se": [15.0, 10, 16, 11, 9, 11, 10, 18],
}

CONJUGATE = """
data Row:
  y : real

mu ~ Normal(1, 2)
y[i in Row] ~ Normal(mu, 3)
"""


def conjugate_posterior(y: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of `mu` in CONJUGATE, in closed form."""
    precision = 1 / 4 + len(y) / 9
    return (1 / 4 + y.sum() / 9) / precision, precision**-0.5


def schools() -> pplang.Bound:
    return pplang.compile_text(SCHOOLS, name="schools.ppl").bind(SCHOOL_DATA)


def python(code: str, cache: Path, **environment: str) -> str:
    """What a fresh process prints that runs `code`, with a cache folder of its own (and none of JAX's: it would take the place of ours)."""
    inherited = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    settings = {**inherited, "PPLANG_CACHE_DIR": str(cache), **environment}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=settings, cwd=Path(__file__).parent)
    assert done.returncode == 0, done.stderr
    return done.stdout
