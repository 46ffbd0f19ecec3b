"""The proof holds on programs as they are, with any constants of the transports, and finds passes that are wrong."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pplang._ir import expression as ire
from pplang._ir.program import Program
from pplang._ir.text import text
from pplang._model import Bound
from pplang._passes.plan import Choice, Rewrite
from pplang._prove import prove
from tests.prove.helpers_prove import bound, constants
from tests.prove.mutations import MUTATIONS, spoilt

SCHOOLS = """
data School:
  effect : real
  se     : positive

mu ~ Normal(0, 5)
tau ~ HalfCauchy(5)
theta[s in School] ~ Normal(mu, tau)
effect[s in School] ~ Normal(theta[s], se[s])
"""
SCHOOLS_DATA = {"effect": [28.0, 8, -3, 7], "se": [15.0, 10, 16, 11]}

SLOPES = """
data Visit:
  person : Person
  day    : real
  score  : real

level ~ Normal(0, 2)
change ~ Normal(0, 2)
s_level ~ HalfNormal(1)
s_change ~ HalfNormal(1)
sigma ~ Exponential(1)
share[p in Person] ~ Beta(2, 2)
w[Part] ~ Dirichlet(2)
start[p in Person] ~ Normal(level, s_level)
slope[p in Person] ~ Normal(change, s_change)
score[v in Visit] ~ Normal(start[person[v]] + slope[person[v]] * day[v] + share[person[v]] * w[a], sigma)

index Part = {a, b, c}
"""
MUTABLE = """
data Row:
  school : School
  x      : real
  y      : real

index School = {a, b, c}

mu ~ Normal(0, 2)
tau ~ HalfNormal(1)
theta[s in School] ~ Normal(mu, tau)
y[i in Row] ~ Normal(theta[school[i]] * x[i], 1)
"""
LARGER = """
data Row:
  school : School
  x      : real
  y      : real

index School = {a, b, c}

mu ~ Normal(0, 2)
tau ~ HalfNormal(1)
rate ~ Exponential(1)
cut[Cut] ~ Ordered(Normal(0, 1))
p[School] ~ Dirichlet(2)
theta[s in School] ~ Normal(mu + rate, tau)
wait[s in School] ~ Exponential(rate)
growth[s in School] ~ LogNormal(mu, tau)
y[i in Row] ~ Normal(theta[school[i]] + p[school[i]] * x[i] + cut[low] + wait[school[i]] - growth[school[i]], 1)

index Cut = {low, high}
"""
MUTABLE_DATA = {"school": ["a", "b", "c", "c"], "x": [0.0, 1, 0, 1], "y": [1.0, 2, 0.5, 1.5]}
SLOPES_DATA = {
    "person": ["x", "x", "y", "y", "y", "z"],
    "day": [0.0, 1, 0, 1, 2, 1],
    "score": [1.0, 2, 0.5, 1.5, 1.2, 3.0],
}


@pytest.mark.parametrize(("text", "data"), [(SCHOOLS, SCHOOLS_DATA), (SLOPES, SLOPES_DATA)], ids=["schools", "slopes"])
def test_non_centred_programs_keep_their_meaning(text: str, data: dict[str, list[float]]) -> None:
    proofs = prove(bound(text, data, transported=False), points=3, prior_draws=500)
    assert [one.name for one in proofs] == ["center", "unconstrain"]
    assert all(one.holds for one in proofs), proofs
    assert proofs[-1].round_trip is not None
    assert all(one.jacobian is not None for one in proofs)


@pytest.mark.parametrize(("text", "data"), [(SCHOOLS, SCHOOLS_DATA), (SLOPES, SLOPES_DATA)], ids=["schools", "slopes"])
def test_transported_programs_keep_their_meaning_for_any_constants(text: str, data: dict[str, list[float]]) -> None:
    made = bound(text, data, transported=True)
    assert made.compiled.transports or made.compiled.blocks
    for one in prove(made, points=3, prior_draws=500, constants=constants(made)):
        assert one.holds, one


def test_effects_that_meet_in_a_child_are_one_block() -> None:
    made = bound(SLOPES, SLOPES_DATA, transported=True)
    assert [block.sites for block in made.compiled.blocks] == [("start", "slope")]


def all_found(made: Bound, mutation: str, *, every: bool) -> None:
    """Ways of spoiling each pass, every one or the last, are caught."""
    given = constants(made)
    mutants = list(spoilt(made.compiled, MUTATIONS[mutation]))
    assert mutants, "there was nothing to spoil"
    for stage, compiled in mutants if every else dict(mutants).items():
        proofs = prove(Bound(made.model, compiled, made.dataset), points=2, prior_draws=0, constants=given)
        wrong = [one.name for one in proofs if not one.holds]
        assert wrong, f"{mutation} in {stage} was not found\n{text(compiled.program)}"


@pytest.mark.parametrize("transported", [False, True], ids=["plain", "transported"])
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_wrong_pass_is_found(mutation: str, transported: bool) -> None:
    all_found(bound(MUTABLE, MUTABLE_DATA, transported=transported), mutation, every=False)


@pytest.mark.slow
@pytest.mark.parametrize("transported", [False, True], ids=["plain", "transported"])
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_wrong_pass_is_found(mutation: str, transported: bool) -> None:
    all_found(bound(LARGER, MUTABLE_DATA, transported=transported), mutation, every=True)


def test_the_command_fails_with_the_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pplang._passes import center
    from pplang.cli.main import main

    right = center.apply

    def apply(program: Program, choices: tuple[Choice, ...]) -> Rewrite:
        made = right(program, choices)
        return replace(made, log_jacobian=tuple(ire.Negate(one) for one in made.log_jacobian))

    monkeypatch.setattr(center, "apply", apply)
    (tmp_path / "m.ppl").write_text(SCHOOLS)
    rows = zip(*SCHOOLS_DATA.values(), strict=True)
    (tmp_path / "m.csv").write_text("effect,se\n" + "".join(f"{effect},{se}\n" for effect, se in rows))
    assert main(["check", "--prove", str(tmp_path / "m.ppl"), str(tmp_path / "m.csv")]) == 70
    told = capsys.readouterr().out
    assert re.search(r"center: largest errors: density \d\.\de[+-]\d\d, .*DOES NOT HOLD", told)
    assert "please report it" in told
