"""Joint normal latents in coordinates of their own: exact for any constants, whatever the distribution was given by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pplang._check import check
from pplang._ir import expression as ire
from pplang._ir.text import text
from pplang._passes import whiten
from pplang._passes.plan import Rewrite
from pplang._prove import prove
from pplang._source import Source
from pplang._syntax.parse import parse
from tests.prove.helpers_prove import bound, broken, constants

EFFECTS = """
data Visit:
  person : Person
  day    : real
  score  : real

index Coef = {start, slope}

mu[k in Coef] ~ Normal(0, 5)
tau[k in Coef] ~ HalfNormal(2)
R[Coef, Coef] ~ LKJ(2)
sigma ~ HalfNormal(2)
beta[p in Person, Coef] ~ MultiNormal(mu, scale = tau, corr = R)
score[v in Visit] ~ Normal(beta[person[v], start] + beta[person[v], slope] * day[v], sigma)
"""

SMALL = """
index Coef = {start, slope}

s ~ HalfNormal(2)
C[j in Coef, k in Coef] = if j == k then s^2 else 0.5 * s^2
b[Coef] ~ MultiNormal([1, -1], cov = C)
factor -(b[start] - 2 * b[slope])^2
"""

FORMS = """
data Visit:
  person : Person
  day    : real
  score  : real

index Coef = {start, slope}
index Place = 1..3

sigma ~ HalfNormal(2)
s[k in Coef] ~ HalfNormal(2)
own[p in Person] ~ HalfNormal(1)
rho ~ Uniform(-1, 1)
C[j in Coef, k in Coef] = if j == k then s[j] * s[k] else rho * s[j] * s[k]
K[i in Place, j in Place] = sigma^2 * exp(-(i - j)^2 / 2)
F[Coef, Coef] ~ LKJCholesky(2)
a[Coef, p in Person] ~ MultiNormal(0, cov = C)
b[p in Person, Coef] ~ MultiNormal(1, precision = C)
c[Coef] ~ MultiNormal([0, 1], cholesky = C)
d[p in Person, Coef] ~ MultiNormal(0, scale = [sigma, own[p]], corr_cholesky = F)
f[p in Person, Place] ~ GP(0, cov = K, jitter = 0.01)
z[p in Person, Place] ~ SumToZero(Normal(0, own[p]))
score[v in Visit] ~ Normal(a[start, person[v]] + b[person[v], slope] * day[v] + c[slope] + d[person[v], start] + f[person[v], 1] + z[person[v], 2], sigma)
"""
DATA = {"person": ["x", "x", "y", "y", "z"], "day": [0.0, 1, 0, 1, 2], "score": [1.0, 2, 0.5, 1.5, 3.0]}


@pytest.mark.parametrize("transported", [False, True])
def test_a_vector_keeps_its_meaning(transported: bool) -> None:
    made = bound(SMALL, {}, transported=transported)
    proofs = prove(made, points=2, prior_draws=100, constants=constants(made))
    assert [one.name for one in proofs] == ["whiten", "unconstrain"]
    assert all(one.holds for one in proofs), proofs


@pytest.mark.slow
def test_every_form_keeps_its_meaning_for_any_constants() -> None:
    made = bound(FORMS, DATA, transported=True)
    blocks = {block.sites: block for block in made.compiled.blocks}
    assert set(blocks) == {("a",), ("b",), ("c",), ("d",), ("f",), ("z",)}
    assert [one for (one,), block in blocks.items() if block.diagonal] == ["f"]
    for one in prove(made, points=2, prior_draws=100, constants=constants(made)):
        assert one.holds, one


@pytest.mark.slow
@pytest.mark.parametrize("transported", [False, True])
def test_correlated_effects_keep_their_meaning(transported: bool) -> None:
    made = bound(EFFECTS, DATA, transported=transported)
    for one in prove(made, points=2, prior_draws=200, constants=constants(made)):
        assert one.holds, one


@pytest.mark.parametrize("transported", [False, True])
def test_the_program_reads_again_and_is_left_alone(transported: bool) -> None:
    program = bound(FORMS, DATA, transported=transported).compiled.after("whiten")
    source = Source("again.ppl", text(program))
    read = check(parse(source), source)
    assert read == program
    assert whiten.decide(read, transported=transported) == ()


def without_factor(rewrite: Rewrite) -> Rewrite:
    """log |L| alone: the evidence's own part of the Jacobian is lost."""
    (term,) = rewrite.log_jacobian
    assert isinstance(term, ire.Reduce)
    assert isinstance(term.element, ire.Sum)
    return replace(rewrite, log_jacobian=(replace(term, element=term.element.terms[0][1]),))


def with_root_transposed(rewrite: Rewrite) -> Rewrite:
    def swapped(node: ire.Expression) -> ire.Expression:
        if isinstance(node, ire.Reference) and node.name == "b_root" and len(node.indices) == 2:
            return replace(node, indices=node.indices[::-1])
        return node

    sites = [replace(one, right=ire.rewrite(one.right, swapped)) if one.name == "b" else one for one in rewrite.program.sites]
    return replace(rewrite, program=rewrite.program.with_sites(tuple(sites)))


@pytest.mark.parametrize("mutation", [without_factor, with_root_transposed])
def test_a_wrong_rewriting_is_found(mutation) -> None:  # type: ignore[no-untyped-def]
    made = bound(SMALL, {}, transported=True)
    assert not all(one.holds for one in prove(broken(made, mutation, "whiten"), points=1, prior_draws=0, constants=constants(made)))
