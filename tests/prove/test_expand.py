"""expand_mixtures: the density of the source's names is kept once the mixing variables are integrated out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import jax
import numpy as np
import pytest
from scipy import integrate, stats

import pplang
from pplang._ir import expression as ire
from pplang._ir.program import Program
from pplang._ir.text import text
from pplang._model import Bound
from pplang._passes.plan import Rewrite, Stage
from pplang._prove import prove
from tests.prove.mutations import spoilt

MODEL = """
data Row:
  group : Group
  y     : real

index Group = {a, b}

nu ~ Gamma(2, 0.1)
m ~ Normal(0, 2)
s ~ HalfNormal(1)
@expand
theta[g in Group] ~ Laplace(m, s)
@expand
shift ~ Cauchy(0, s)
@expand
y[i in Row] ~ StudentT(nu, theta[group[i]] + shift, s)
"""
DATA = {"group": ["a", "b", "b"], "y": [0.5, 2.0, -9.0]}


def test_it_prints_what_the_language_page_says() -> None:
    compiled = pplang.compile_text(MODEL).compiled(after="expand_mixtures")
    written = text(compiled.program)
    assert "y_mix[i in Row] ~ Gamma(nu / 2, nu / 2)\ny[i in Row] ~ Normal(theta[group[i]] + shift, s / sqrt(y_mix[i]))\n" in written
    assert "shift_mix ~ Gamma(1 / 2, 1 / 2)\nshift ~ Normal(0, s / sqrt(shift_mix))\n" in written
    assert "theta_mix[g in Group] ~ Exponential(1)\ntheta[g in Group] ~ Normal(m, s * sqrt(2 * theta_mix[g]))\n" in written
    assert pplang.compile_text(written).compiled(after="expand_mixtures").program == compiled.program
    plain = pplang.compile_text(MODEL.replace("@expand\n", ""))
    assert "_mix" not in text(plain.compiled().program)  # never unless asked
    assert "_mix" not in text(pplang.compile_text(MODEL).compiled(without=["expand_mixtures"], after="center").program)


@pytest.mark.parametrize(
    ("law", "mixing", "sd"),
    [
        (stats.t(3.5), stats.gamma(1.75, scale=1 / 1.75), lambda w: 1 / np.sqrt(w)),
        (stats.cauchy(), stats.gamma(0.5, scale=2), lambda w: 1 / np.sqrt(w)),
        (stats.laplace(), stats.expon(), lambda w: np.sqrt(2 * w)),
    ],
    ids=["StudentT", "Cauchy", "Laplace"],
)
@pytest.mark.parametrize("x", [0.3, -4.0, 30.0])
def test_the_mixtures_are_these_distributions(law: object, mixing: object, sd: object, x: float) -> None:
    def along(u: float) -> float:
        w = np.exp(u)
        return float(mixing.pdf(w) * stats.norm.pdf(x, 0, sd(w)) * w)  # type: ignore[attr-defined, operator]

    found = integrate.quad(along, -60, 20, points=[-8, -4, -1, 0, 1, 3, 6], limit=500)[0]
    assert found == pytest.approx(law.pdf(x), rel=1e-6)  # type: ignore[attr-defined]


def test_the_proof_holds_and_finds_a_wrong_mixture() -> None:
    bound = pplang.compile_text(MODEL).bind(DATA)
    proofs = prove(bound, points=2, prior_draws=0)
    assert [one.name for one in proofs] == ["expand_mixtures", "center", "unconstrain"]
    assert all(one.holds for one in proofs), proofs
    assert 0 < proofs[0].density < 1e-6

    def wrong(stage: Stage, before: Program) -> Iterator[Rewrite]:
        """The standard deviation is multiplied where it should be divided."""
        if stage.name == "expand_mixtures":
            right = stage.program.site["y"].right
            assert isinstance(right, ire.Distribution)
            mean, (name, sd) = right.arguments
            assert isinstance(sd, ire.Product)
            other = ire.Distribution("Normal", (mean, (name, ire.Product(tuple(("*", part) for _, part in sd.factors)))))
            sites = tuple(replace(one, right=other) if one.name == "y" else one for one in stage.program.sites)
            yield replace(stage.rewrite, program=stage.program.with_sites(sites))

    ((_, compiled),) = spoilt(bound.compiled, wrong)
    found = prove(Bound(bound.model, compiled, bound.dataset), points=2, prior_draws=0)
    assert [one.name for one in found if not one.holds] == ["expand_mixtures"]


def test_values_have_a_place_among_the_coordinates() -> None:
    bound = pplang.compile_text(MODEL).bind(DATA)
    values = {"nu": 4.0, "m": 1.0, "s": 0.5, "theta": np.array([0.5, -1.0]), "shift": 0.2}
    with jax.enable_x64(True):
        z = bound.unconstrain(values)
        back = bound.constrain(z)
        assert np.isfinite(float(bound.log_density(z)))
    assert list(back) == list(values)
    for name, value in values.items():
        np.testing.assert_allclose(back[name], value, rtol=1e-9)
