"""Members of a table that are fixed or bounded on their own, and restrictions as bijections."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

import pplang
from pplang._check import check
from pplang._ir.text import text
from pplang._passes import pipeline
from pplang._passes.supported import unsupported
from pplang._prove import prove
from pplang._source import Source
from pplang._syntax.parse import parse

BASELINE = """
data Row:
  age : Age
  y : real

s ~ HalfNormal(2)
c ~ Normal(0, 1)
b[a in Age] ~ Normal(c, s)
  fixing young = 0.5
  fixing "very old" = c0
y[i in Row] ~ Normal(b[age[i]], 1)

c0 = 2
"""
AGES = {"age": ["old", "young", "older", "old", "very old"], "y": [1.0, 2, 3, 4, 5]}

RESTRICTED = """
data Row:
  y : real

index K = {low, mid, high, top}

alpha ~ Uniform(0, 1)
beta ~ Uniform(0, 1)
m ~ Normal(0, 1)
x[k in K] ~ Normal(m, 1)
mu[k in K] ~ Normal(m, 2)
restrict beta < 1 - alpha
restrict x[mid] > x[low]
restrict x[mid] < x[high]
restrict mu[k] > alpha for k in K
y[i in Row] ~ Normal(x[low] + x[mid] + x[high] + x[top] + beta + mu[low], 1)
"""
ROWS = {"y": [1.0, 2, 3]}


def program(source: str) -> Any:
    return check(parse(Source("m.ppl", source)), Source("m.ppl", source))


@pytest.mark.parametrize("source", [BASELINE, RESTRICTED])
@pytest.mark.parametrize("after", ["elements", "unconstrain"])
def test_what_is_printed_reads_back(source: str, after: str) -> None:
    found = pipeline.run(program(source), after=after).program
    assert program(text(found)) == found
    assert pipeline.run(found, after=after).program == found


def test_fixed_members_have_their_values() -> None:
    bound = pplang.compile_text(BASELINE).bind(AGES)
    s, c, free = 0.8, 0.3, np.array([1.2, -0.4])
    table = np.array([free[0], free[1], 2.0, 0.5])
    assert bound.sets["Age"] == ("old", "older", "very old", "young")
    expected = stats.halfnorm(0, 2).logpdf(s) + np.log(s) + stats.norm(0, 1).logpdf(c) + stats.norm(c, s).logpdf(free).sum()
    expected += 2 * np.log(s)  # the two drawn members are non-centred
    expected += stats.norm(table[[0, 3, 1, 0, 2]], 1).logpdf(AGES["y"]).sum()
    with jax.enable_x64(True):
        z = bound.unconstrain({"s": s, "c": c, "b": table})
        assert z.shape == (4,)
        np.testing.assert_allclose(bound.log_density(z), expected, rtol=1e-12)
        np.testing.assert_allclose(bound.constrain(z)["b"], table, rtol=1e-12)


def test_restrictions_hold_and_are_not_renormalised() -> None:
    bound = pplang.compile_text(RESTRICTED).bind(ROWS)
    assert not bound.compiled.program.restrictions
    z = np.random.default_rng(0).normal(size=bound.size)
    with jax.enable_x64(True):
        values = {name: np.asarray(value) for name, value in bound.constrain(z).items()}
        np.testing.assert_allclose(bound.unconstrain(values), z, rtol=1e-12, atol=1e-12)
    low, mid, high, _ = values["x"]
    assert low < mid < high
    assert values["beta"] < 1 - values["alpha"]
    assert np.all(values["mu"] > values["alpha"])
    proofs = {one.name: one for one in prove(bound, points=2, prior_draws=10)}
    assert {"elements", "unconstrain"} <= set(proofs)
    assert all(one.holds for one in proofs.values())
    from numpyro.infer.util import log_density

    with jax.enable_x64(True):
        source = float(log_density(bound.numpyro_model, (), bound.arguments, values)[0])
    expected = stats.norm(0, 1).logpdf(values["m"]) + stats.norm(values["m"], 1).logpdf(values["x"]).sum()
    expected += stats.norm(values["m"], 2).logpdf(values["mu"]).sum()
    expected += stats.norm(values["x"].sum() + values["beta"] + values["mu"][0], 1).logpdf(ROWS["y"]).sum()
    np.testing.assert_allclose(source, expected, rtol=1e-12)


def test_a_baseline_can_be_generated() -> None:
    source = BASELINE.replace("b[age[i]]", "c")
    bound = pplang.compile_text(source).bind(AGES)
    with jax.enable_x64(True):
        drawn = np.asarray(bound.constrain(np.zeros(bound.size))["b"])
    assert drawn[[2, 3]].tolist() == [2.0, 0.5]
    assert np.all(drawn[:2] != 0)


REFUSED = {
    "on part of a table": "index A = 1..3\nx[a in A, b in A] ~ Normal(0, 1)\nrestrict x[a, 1] > 0 for a in A\n",
    "some members": "index A = 1..3\nx[a in A] ~ Normal(0, 1)\nrestrict x[a] > 0 for a in A if a > 1\n",
    "joint draw": "index A = 1..3\nx[A] ~ Ordered(Normal(0, 1))\nrestrict x[1] > 0\n",
}


@pytest.mark.parametrize("words", REFUSED)
def test_other_restrictions_are_refused(words: str) -> None:
    found = unsupported(program(REFUSED[words]))
    assert found is not None
    assert words in found.title
