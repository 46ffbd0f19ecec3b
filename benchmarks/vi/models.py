"""The models of the table: centred, as one writes them, with data of the kit of posteriors or simulated here."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import pplang

ROOT = Path(__file__).resolve().parents[2]
DATABASE = ROOT.parent / "shared" / "posteriordb"
PROGRAMS = ROOT / "tests" / "posteriordb" / "programs"

sys.path.insert(0, str(PROGRAMS.parent))
from cases import CASES as POSTERIORS  # noqa: E402


@dataclass(frozen=True)
class Case:
    """bind: the model with its data. reference: the posterior of the kit whose means and sds are the truth, None where `truth.json` has it."""

    bind: Callable[[], pplang.Bound]
    reference: str | None = None


def kit(posterior: str, program: str, *, known: bool = True) -> Case:
    """A program on the data of a posterior of the kit. known: that posterior is the program's."""

    def bind() -> pplang.Bound:
        text = (PROGRAMS / f"{program}.ppl").read_text(encoding="utf-8")
        values = json.loads((DATABASE / posterior / "data.json").read_text(encoding="utf-8"))
        inputs = {key: value for key, value in values.items() if f"\ninput {key} " in f"\n{text}" or f"\ninput {key}[" in f"\n{text}"}
        tables = [DATABASE / posterior / "data.csv"] if "\ndata " in f"\n{text}" else []
        return pplang.compile(PROGRAMS / f"{program}.ppl").bind(*tables, inputs=inputs)

    return Case(bind, posterior if known else None)


def simulated(text: str, data: Callable[[], dict[str, Any]] | None = None) -> Case:
    """A program, and the columns of its table."""
    return Case(lambda: pplang.compile_text(text).bind(*([data()] if data else [])))


SCHOOLS = """
data School:
  y     : real
  sigma : positive

mu ~ Normal(0, 5)
tau ~ HalfCauchy(5)
theta[j in School] ~ Normal(mu, tau)
y[j in School] ~ Normal(theta[j], sigma[j])
"""

SCHOOLS_T = SCHOOLS.replace("theta[j in School] ~ Normal(mu, tau)", "theta[j in School] ~ StudentT(4, mu, tau)")

FUNNEL = """
index Item = 1..9

v ~ Normal(0, 3)
x[i in Item] ~ Normal(0, exp(v / 2))
factor 0 * sum(x[i] for i in Item)
"""

MIXED = """
data Row:
  group : Group
  y     : real

mu ~ Normal(0, 5)
tau ~ HalfNormal(5)
sigma ~ HalfNormal(5)
theta[g in Group] ~ Normal(mu, tau)
y[i in Row] ~ Normal(theta[group[i]], sigma)
"""

NESTED = """
data Row:
  school : School
  region : Region per School
  y      : real

mu ~ Normal(0, 5)
tau1 ~ HalfNormal(2)
tau2 ~ HalfNormal(2)
sigma ~ HalfNormal(2)
a[r in Region] ~ Normal(mu, tau1)
b[s in School] ~ Normal(a[region[s]], tau2)
y[i in Row] ~ Normal(b[school[i]], sigma)
"""

SEEDS = """
data Plate:
  n  : count
  N  : count
  x1 : real
  x2 : real

index Coef = 1..4

alpha[k in Coef] ~ Normal(0, 10)
sigma ~ HalfNormal(2)
b[i in Plate] ~ Normal(0, sigma)
n[i in Plate] ~ Binomial(N[i], logit = alpha[1] + alpha[2] * x1[i] + alpha[3] * x2[i] + alpha[4] * x1[i] * x2[i] + b[i])
"""

VARYING = """
data Row:
  group : Group
  x     : real
  y     : real

mu ~ Normal(0, {prior})
beta ~ Normal(0, {prior})
tau ~ HalfNormal({prior})
sigma ~ HalfNormal({prior})
a[g in Group] ~ Normal(mu, tau)
y[i in Row] ~ Normal(a[group[i]] + beta * x[i], sigma)
"""

VARYING_LOGIT = """
data Row:
  group : Group
  x     : real
  y     : bool

mu ~ Normal(0, 5)
beta ~ Normal(0, 5)
tau ~ HalfNormal(2)
a[g in Group] ~ Normal(mu, tau)
y[i in Row] ~ Bernoulli(logit = a[group[i]] + beta * x[i])
"""


LKJ = """
data Row:
  group : Group
  x     : real
  y     : real

index Coef = {intercept, slope}

mu[k in Coef] ~ Normal(0, 5)
tau[k in Coef] ~ HalfNormal(2)
R[Coef, Coef] ~ LKJ(1)
sigma ~ HalfNormal(2)
b[g in Group, Coef] ~ MultiNormal(mu, scale = tau, corr = R)
y[i in Row] ~ Normal(b[group[i], intercept] + b[group[i], slope] * x[i], sigma)
"""

PROCESS = """
data Row:
  x : real
  y : real

rho ~ Gamma(4, 2)
alpha ~ HalfNormal(2)
sigma ~ HalfNormal(1)
K[i in Row, j in Row] = alpha^2 * exp(-0.5 * ((x[i] - x[j]) / rho)^2)
f[Row] ~ GP(0, cov = K)
y[i in Row] ~ Normal(f[i], sigma)
"""

CROSSED = """
data Row:
  a : A
  b : B
  y : real

mu ~ Normal(0, 5)
tau_a ~ HalfNormal(2)
tau_b ~ HalfNormal(2)
sigma ~ HalfNormal(2)
u[i in A] ~ Normal(0, tau_a)
v[j in B] ~ Normal(0, tau_b)
y[n in Row] ~ Normal(mu + u[a[n]] + v[b[n]], sigma)
"""

HORSESHOE = """
input N : count
input K : count
index Row  = 1..N
index Coef = 1..K
input x[Row, Coef] : real
input y[Row] : bool

alpha ~ Normal(0, 2)
tau ~ HalfCauchy(0.5)
lambda[k in Coef] ~ HalfCauchy(1)
beta[k in Coef] ~ Normal(0, tau * lambda[k])
y[i in Row] ~ Bernoulli(logit = alpha + sum(x[i, k] * beta[k] for k in Coef))
"""

AR1 = """
data Step ordered:
  y : real

phi ~ Uniform(0, 1)
s ~ HalfNormal(1)
noise ~ HalfNormal(1)
level[t in Step] ~ Normal(phi * level[t-1], s)
  starting Normal(0, 2)
y[t in Step] ~ Normal(level[t], noise)
"""

NEAR_ZERO = """
data Row:
  group : Group
  y     : real

mu ~ Normal(0, 5)
tau ~ HalfCauchy(1)
sigma ~ HalfNormal(2)
theta[g in Group] ~ Normal(mu, tau)
y[i in Row] ~ Normal(theta[group[i]], sigma)
"""

CROSSED_3 = """
data Row:
  a : A
  b : B
  c : C
  y : real

mu ~ Normal(0, 5)
tau_a ~ HalfNormal(2)
tau_b ~ HalfNormal(2)
tau_c ~ HalfNormal(2)
sigma ~ HalfNormal(2)
u[i in A] ~ Normal(0, tau_a)
v[j in B] ~ Normal(0, tau_b)
w[k in C] ~ Normal(0, tau_c)
y[n in Row] ~ Normal(mu + u[a[n]] + v[b[n]] + w[c[n]], sigma)
"""

TWO_MODES = """
data Row:
  y : real

m ~ Normal(0, 3)
y[i in Row] ~ Normal(abs(m), 1)
"""


def _schools(divided: float) -> dict[str, Any]:
    return {
        "y": np.array([28.0, 8, -3, 7, -1, 1, 18, 12]),
        "sigma": np.array([15.0, 10, 16, 11, 9, 11, 10, 18]) / divided,
    }


def _mixed() -> dict[str, Any]:
    generator = np.random.RandomState(1)
    counts = np.r_[np.full(10, 200), generator.randint(1, 3, 10)]
    theta = generator.normal(1.0, 1.5, 20)
    group = np.repeat(np.arange(20), counts)
    return {"group": group, "y": generator.normal(theta[group], 2.0)}


def _nested() -> dict[str, Any]:
    generator = np.random.RandomState(3)
    a = generator.normal(0, 1.0, 8)
    b = generator.normal(a[:, None], 0.4, (8, 6)).ravel()
    school = np.repeat(np.arange(48), generator.choice([1, 3, 30], 48))
    return {"school": school, "region": school // 6, "y": generator.normal(b[school], 1.0)}


def _seeds() -> dict[str, Any]:
    table = np.genfromtxt(DATABASE / "seeds_data-seeds_model" / "data.csv", delimiter=",", names=True)
    return {name: table[name].astype(int) if name in ("n", "N") else table[name] for name in ("n", "N", "x1", "x2")}


def _raw(unit: float, centre: float) -> dict[str, Any]:
    """Thirty groups in the units that people have: y in thousands or hundreds of thousands, a covariate far from zero."""
    generator = np.random.default_rng(3)
    group = np.repeat(np.arange(30), generator.choice([1, 3, 20], 30))
    count = len(group)
    x = centre + centre * 0.3 * generator.normal(size=count) if centre else generator.normal(size=count)
    effects = generator.normal(0, 1, 30)[group]
    y = unit * (5 + effects + 2 * (x / max(centre, 1)) + 0.7 * generator.normal(size=count))
    return {"group": group, "x": x, "y": y}


def _correlated() -> dict[str, Any]:
    generator = np.random.RandomState(11)
    counts = generator.choice([2, 4, 40], 30)
    effects = generator.multivariate_normal([1.0, -0.5], np.array([[1.0, 0.3], [0.3, 0.36]]), 30)
    group = np.repeat(np.arange(30), counts)
    x = generator.normal(size=len(group))
    return {"group": group, "x": x, "y": generator.normal(effects[group, 0] + effects[group, 1] * x, 1.0)}


def _process() -> dict[str, Any]:
    generator = np.random.RandomState(7)
    x = np.sort(generator.uniform(0, 10, 30))
    return {"x": x, "y": 2 * np.sin(x) + 0.3 * generator.normal(size=30)}


def _crossed(*, balanced: bool) -> dict[str, Any]:
    """Two crossed factors, 20 x 30: one row for each cell, or 600 rows with very uneven margins."""
    generator = np.random.default_rng(8)
    if balanced:
        a, b = (part.ravel() for part in np.meshgrid(np.arange(20), np.arange(30), indexing="ij"))
    else:
        shares = generator.dirichlet(np.full(20, 0.6)), generator.dirichlet(np.full(30, 0.6))
        a, b = generator.choice(20, 600, p=shares[0]), generator.choice(30, 600, p=shares[1])
    u, v = 0.8 * generator.normal(size=20), 0.5 * generator.normal(size=30)
    return {"a": a, "b": b, "y": 1 + u[a] + v[b] + generator.normal(size=600)}


def _coefficients() -> dict[str, Any]:
    """Of the shape of the German credit data: 24 covariates in correlated groups, 500 rows, most coefficients zero. Those are not copied here."""
    generator = np.random.default_rng(4)
    common = generator.normal(size=(500, 6))
    x = 0.7 * np.repeat(common, 4, axis=1) + 0.7 * generator.normal(size=(500, 24))
    beta = np.zeros(24)
    beta[[0, 5, 10, 17]] = 1.0, -0.8, 0.5, -0.4
    y = generator.uniform(size=500) < 1 / (1 + np.exp(-(-1 + x @ beta)))
    return {"N": 500, "K": 24, "x": x, "y": y}


def _regression() -> pplang.Bound:
    return pplang.compile_text(HORSESHOE).bind(inputs=_coefficients())


def _series() -> dict[str, Any]:
    """An AR(1) observed with next to no noise: its sd can go to zero."""
    generator = np.random.default_rng(9)
    level = np.zeros(80)
    for t in range(1, 80):
        level[t] = 0.9 * level[t - 1] + 0.5 * generator.normal()
    return {"y": level + 0.05 * generator.normal(size=80)}


def _without_groups() -> dict[str, Any]:
    """Twelve groups that hardly differ: the likelihood of their scale is highest at zero."""
    generator = np.random.default_rng(12)
    return {"group": np.repeat(np.arange(12), 5), "y": 1 + generator.normal(size=60)}


def _crossed_3() -> dict[str, Any]:
    generator = np.random.default_rng(13)
    a, b, c = generator.integers(0, 8, 500), generator.integers(0, 12, 500), generator.integers(0, 25, 500)
    u, v, w = 0.7 * generator.normal(size=8), 0.5 * generator.normal(size=12), 0.4 * generator.normal(size=25)
    return {"a": a, "b": b, "c": c, "y": 1 + u[a] + v[b] + w[c] + generator.normal(size=500)}


def varying(groups: int, *, binary: bool = False) -> dict[str, Any]:
    """Varying intercepts over many groups of 1 to 20 rows."""
    generator = np.random.default_rng(0)
    group = np.repeat(np.arange(groups), generator.choice([1, 2, 5, 20], groups, p=[0.4, 0.3, 0.2, 0.1]))
    intercepts, x = generator.normal(1.0, 0.5, groups), generator.normal(size=len(group))
    y = intercepts[group] + 0.7 * x + generator.normal(size=len(group))
    if binary:
        chance = 1 / (1 + np.exp(-(np.random.default_rng(2).normal(0.3, 0.8, groups)[group] + 0.7 * x)))
        y = np.random.default_rng(1).uniform(size=len(group)) < chance
    return {"group": group, "x": x, "y": y}


CASES: dict[str, Case] = {
    "eight_schools": kit("eight_schools-eight_schools_centered", "eight_schools"),
    "eight_s10": simulated(SCHOOLS, lambda: _schools(10)),
    "eight_t4": simulated(SCHOOLS_T, lambda: _schools(1)),
    "radon_hier": kit("radon_mn-radon_hierarchical_intercept_centered", "radon_hierarchical_intercept"),
    "nested": simulated(NESTED, _nested),
    "mixed20": simulated(MIXED, _mixed),
    "glmm": kit("GLMM_Poisson_data-GLMM_Poisson_model", "GLMM_Poisson"),
    "seeds": simulated(SEEDS, _seeds),
    "funnel10": simulated(FUNNEL),
    "lkj": simulated(LKJ, _correlated),
    "gp30": simulated(PROCESS, _process),
    "gp_pois": kit("gp_pois_regr-gp_pois_regr", "gp_pois_regr"),
    "crossed, balanced": simulated(CROSSED, lambda: _crossed(balanced=True)),
    "crossed, unbalanced": simulated(CROSSED, lambda: _crossed(balanced=False)),
    "radon_slope": kit("radon_mn-radon_partially_pooled_centered", "radon_variable_intercept_slope", known=False),
    "unit scale": simulated(VARYING.format(prior=10), lambda: _raw(1, 0)),
    "y in 1000s": simulated(VARYING.format(prior=10_000), lambda: _raw(1e3, 0)),
    "y in 1e5": simulated(VARYING.format(prior=1_000_000), lambda: _raw(1e5, 0)),
    "x around 60": simulated(VARYING.format(prior=10), lambda: _raw(1, 60)),
    "x around 60000": simulated(VARYING.format(prior=1_000_000), lambda: _raw(1, 6e4)),
    "kidiq": kit("kidiq-kidscore_momhsiq", "kidscore_momhsiq"),
    "logearn_inter": kit("earnings-logearn_interaction", "logearn_interaction"),
    "earn_height": kit("earnings-earn_height", "earn_height"),
    "logmesquite": kit("mesquite-logmesquite", "logmesquite"),
    "nes1972": kit("nes1972-nes", "nes"),
    "arK": kit("arK-arK", "arK"),
    "gauss_mix": kit("low_dim_gauss_mix-low_dim_gauss_mix", "low_dim_gauss_mix"),
}

LARGE: dict[str, Case] = {
    "gaussian 2,000": simulated(VARYING.format(prior=5), lambda: varying(2_000)),
    "logit 2,000": simulated(VARYING_LOGIT, lambda: varying(2_000, binary=True)),
    "gaussian 20,000": simulated(VARYING.format(prior=5), lambda: varying(20_000)),
    "logit 20,000": simulated(VARYING_LOGIT, lambda: varying(20_000, binary=True)),
}
"""Fitted when they are named."""

OPEN: dict[str, Case] = {
    "horseshoe": Case(_regression),
    "AR(1), noise near zero": simulated(AR1, _series),
    "scale near zero": simulated(NEAR_ZERO, _without_groups),
    "three crossed factors": simulated(CROSSED_3, _crossed_3),
    "two modes": simulated(TWO_MODES, lambda: {"y": np.array([2.1, 1.4, 3.0, 2.2, 1.8])}),
}
"""What is hard. Fitted when they are named."""

KIT: dict[str, Case] = {name: kit(name, program) for name, program in POSTERIORS.items()}
"""Every posterior of the kit that the language expresses."""
