"""The property tests notice what they are there for: passes and lowerings that are broken on purpose."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from numpyro.distributions import transforms

from pplang._ir import expression as ire
from pplang._ir import text as printing
from pplang._ir.program import Program, Site, given
from pplang._lower import Lowered, lower
from pplang._passes import center, expand_mixtures, forward, innovate, marginalize, split_missing, unconstrain, whiten
from pplang._passes.plan import Choice, Rewrite
from tests.properties.examine import BrokenError, examine
from tests.properties.programs import Case

_RNG = np.random.default_rng(7)

HIERARCHY = Case(
    """data Home:
  county : County
  w : positive
  y : real
mu ~ Normal(0, 5)
tau ~ HalfCauchy(1.25)
@partial(0.4)
b[c in County] ~ Logistic(mu, tau)
a[c in County] ~ Normal(mu, tau)
y[i in Home] ~ StudentT(4, a[county[i]] + b[county[i]], 1.1234567890123)
  weighted w[i]
spare ~ Normal(mu, 1)
factor -mu^2
""",
    {"Home": range(1, 7), "County": ("north", "south", "west")},
    {"county": np.array([0, 2, 1, 2, 0, 1]), "w": _RNG.gamma(2.0, size=6), "y": _RNG.normal(size=6)},
)
TEAMS = Case(
    """data Game:
  home : Team
  away : Team
  y : real
index Part = {attack, defence}
share[Part] ~ Dirichlet(2)
m[h in Team, a in Team] ~ Normal(0, 1)
y[g in Game] ~ Normal(share[attack] * m[home[g], away[g]] + sum(m[home[g], t] for t in Team if t != away[g]), 1)
""",
    {"Game": range(1, 6), "Team": ("x", "y", "z"), "Part": ("attack", "defence")},
    {"home": np.array([0, 1, 2, 0, 1]), "away": np.array([1, 2, 0, 2, 0]), "y": _RNG.normal(size=5)},
)


CHAIN = Case(
    """data Step ordered by time within animal:
  time : real
  animal : Animal
  y : real
index Mood = {calm, wild}
start[Mood] ~ Dirichlet(2)
move[m in Mood, Mood] ~ Dirichlet(1.5)
centre[m in Mood] ~ Normal(0, 2)
mood[t in Step] ~ Categorical(move[mood[t-1]])
  starting Categorical(start)
level[t in Step] ~ Normal(0.5 * level[t-1], 0.7)
  starting Normal(0, 2)
y[t in Step] ~ Normal(centre[mood[t]] + level[t], 0.8)
""",
    {"Step": range(1, 6), "Animal": ("a", "b"), "Mood": ("calm", "wild")},
    {"time": np.array([1.0, 2.0, 3.0, 1.5, 2.5]), "animal": np.array([0, 0, 0, 1, 1]), "y": _RNG.normal(size=5)},
)
GAPS = Case(
    """data Voter:
  age : real
  income : real?
  y : real
b ~ Normal(0, 1)
K[i in Voter, j in Voter] = exp(-(age[i] - age[j])^2)
f[Voter] ~ GP(b, cov = K, jitter = 0.01)
income[v in Voter] ~ Normal(b * age[v], 1.5)
@expand
y[v in Voter] ~ StudentT(4, income[v] + f[v], 0.7)
""",
    {"Voter": range(1, 5)},
    {"age": _RNG.normal(size=4), "income": _RNG.normal(size=4), "y": _RNG.normal(size=4),
     given("income"): np.array([True, False, True, False])},
)  # fmt: skip


@pytest.mark.parametrize("case", [HIERARCHY, TEAMS, CHAIN, GAPS], ids=["hierarchy", "teams", "chain", "gaps"])
def test_nothing_is_noticed_where_nothing_is_broken(case: Case) -> None:
    assert examine(case, jacobian=True).points == 2


# Passes ---------------------------------------------------------------------------------------------------------------

Damage = Callable[[Rewrite], Rewrite]


def _site(change: Callable[[Site], Site | None]) -> Damage:
    def damage(rewrite: Rewrite) -> Rewrite:
        sites = tuple(new for one in rewrite.program.sites if (new := change(one)) is not None)
        return replace(rewrite, program=replace(rewrite.program, sites=sites))

    return damage


def _right(name: str, change: Callable[[ire.Expression], ire.Expression]) -> Damage:
    return _site(lambda site: replace(site, right=change(site.right)) if site.name == name else site)


def _last_term(node: ire.Expression) -> ire.Expression:
    assert isinstance(node, ire.Sum)
    return node.terms[-1][1]


def _divided(node: ire.Expression) -> ire.Expression:
    """The scale taken for a precision: `mu + tau * raw` becomes `mu + raw / tau`."""
    assert isinstance(node, ire.Sum)
    (_, first), (_, product) = node.terms
    assert isinstance(product, ire.Product)
    (_, scale), (_, raw) = product.factors
    return ire.Sum((("+", first), ("+", ire.Product((("*", raw), ("/", scale))))))


def _negated_jacobian(rewrite: Rewrite) -> Rewrite:
    return replace(rewrite, log_jacobian=tuple(ire.Negate(one) for one in rewrite.log_jacobian))


def _without_jacobian(rewrite: Rewrite) -> Rewrite:
    return replace(rewrite, log_jacobian=())


def _wider_prior(node: ire.Expression) -> ire.Expression:
    assert isinstance(node, ire.Distribution)
    return replace(node, arguments=(node.arguments[0], (node.arguments[1][0], ire.Number(2))))


def _wider(node: ire.Expression) -> ire.Expression:
    """The second argument doubled."""
    assert isinstance(node, ire.Distribution)
    first, (name, value) = node.arguments
    return replace(node, arguments=(first, (name, ire.Product((("*", ire.Number(2)), ("*", value))))))


BROKEN_PASSES: dict[str, tuple[ModuleType, Damage]] = {
    "Jacobian of center negated": (center, _negated_jacobian),
    "Jacobian of center left out": (center, _without_jacobian),
    "Jacobian of unconstrain negated": (unconstrain, _negated_jacobian),
    "Jacobian of unconstrain left out": (unconstrain, _without_jacobian),
    "location dropped": (center, _right("a", _last_term)),
    "scale taken for a precision": (center, _right("a", _divided)),
    "base too wide": (center, _right("a_raw", _wider_prior)),
    "way back left out": (
        center,
        lambda rewrite: replace(rewrite, inverse=tuple(replace(one, right=ire.Number(0)) for one in rewrite.inverse)),
    ),
    "wrong bijection": (unconstrain, _right("tau", lambda node: ire.Call("softplus", node.arguments))),  # type: ignore[union-attr]
    "a factor lost": (forward, lambda rewrite: replace(rewrite, program=replace(rewrite.program, factors=()))),
    "a weight lost": (forward, _site(lambda site: replace(site, weight=None))),
    "mark of what is done lost": (center, _site(lambda site: replace(site, notes=()))),
}


@pytest.mark.parametrize("name", BROKEN_PASSES)
def test_broken_passes_are_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, damage = BROKEN_PASSES[name]
    apply, waiting = module.apply, [damage]

    def broken_once(program: Program, choices: tuple[Choice, ...]) -> Rewrite:
        rewrite = apply(program, choices)
        return waiting.pop()(rewrite) if waiting else rewrite

    monkeypatch.setattr(module, "apply", broken_once)
    with pytest.raises(BrokenError):
        examine(HIERARCHY, points=1)


def _steps_turned(node: ire.Expression) -> ire.Expression:
    """The step from one state to the next the wrong way round."""
    assert isinstance(node, ire.Call)
    first, steps, weight = node.arguments
    return replace(node, arguments=(weight, steps, first))


def _factors(change: Callable[[ire.Expression], ire.Expression]) -> Damage:
    def damage(rewrite: Rewrite) -> Rewrite:
        factors = tuple(replace(one, value=change(one.value)) for one in rewrite.program.factors)
        return replace(rewrite, program=replace(rewrite.program, factors=factors))

    return damage


def _twice(node: ire.Expression) -> ire.Expression:
    return ire.Product((("*", ire.Number(2)), ("*", node)))


BROKEN_FURTHER: dict[str, tuple[Case, ModuleType, Damage]] = {
    "tables of a chain exchanged": (CHAIN, marginalize, _factors(_steps_turned)),
    "a sum counted twice": (CHAIN, marginalize, _factors(_twice)),
    "the way a state is drawn": (CHAIN, marginalize, _right("mood_weight", lambda _: ire.Number(0))),
    "Jacobian of innovations left out": (CHAIN, innovate, _without_jacobian),
    "a chain doubled": (CHAIN, innovate, _right("level", _twice)),
    "empty cells observed": (GAPS, split_missing, _site(lambda site: replace(site, where=None))),
    "empty cells of another scale": (GAPS, split_missing, _right("income_empty", _wider)),
    "a mixing variable with other degrees": (GAPS, expand_mixtures, _right("y_mix", _wider)),
    "Jacobian of a process left out": (GAPS, whiten, _without_jacobian),
}


@pytest.mark.parametrize("name", BROKEN_FURTHER)
def test_broken_passes_of_other_kinds_are_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case, module, damage = BROKEN_FURTHER[name]
    apply, waiting = module.apply, [damage]

    def broken_once(program: Program, choices: tuple[Choice, ...]) -> Rewrite:
        rewrite = apply(program, choices)
        return waiting.pop()(rewrite) if waiting and choices and choices[0].reason else rewrite

    monkeypatch.setattr(module, "apply", broken_once)
    with pytest.raises(BrokenError):
        examine(case, points=1)


def test_an_ignored_annotation_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    decide = center.decide

    def deaf(program: Program, **named: object) -> object:
        return decide(
            replace(program, sites=tuple(replace(site, notes=()) if site.name == "a" else site for site in program.sites)), **named
        )

    monkeypatch.setattr(center, "decide", deaf)
    told = HIERARCHY.text.replace("a[c in County] ~ Normal", "@centered\na[c in County] ~ Normal")
    with pytest.raises(BrokenError, match="in spite of @centered"):
        examine(replace(HIERARCHY, text=told), points=1)


def test_rounded_numbers_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printing, "number", lambda value: f"{value:.6g}")
    with pytest.raises(BrokenError, match="reads as another one"):
        examine(HIERARCHY, points=1)


# Lowering -------------------------------------------------------------------------------------------------------------


def _edited(pattern: str, replacement: str) -> Callable[[Program], Lowered]:
    """The lowering with its text changed wherever the pattern occurs; it must occur in one of the stages."""

    def broken(program: Program) -> Lowered:
        whole = lower(program)
        return replace(whole, text=re.sub(pattern, replacement, whole.text), _cache={})

    return broken


BROKEN_LOWERINGS: dict[str, tuple[Case, str, str]] = {
    "indices of a gather exchanged": (TEAMS, r"m\[home, away\]", "m[away, home]"),
    "another axis summed": (TEAMS, r"m\[home\]", "m[:, home].T"),
    "condition of a sum left out": (TEAMS, r"jnp\.where\(\w+(\[\w+\])?, m\[home\], 0\)", "m[home]"),
    "observations in another order": (HIERARCHY, r"obs=y", "obs=y[::-1]"),
    "weights left out": (HIERARCHY, r"scale=w\)", "scale=1.0)"),
    "a scale inverted": (HIERARCHY, r"scale=tau\)", "scale=1 / tau)"),
    "a group's effect not gathered": (HIERARCHY, r"\+ b\[county\]", "+ b[0]"),
    "an observed site doubled": (HIERARCHY, r"df=4.0", "df=3.0"),
    "a gradient that is not a number": (HIERARCHY, r"loc=a\[county\]", "loc=(0 * a[county]) ** 0.5 + a[county]"),
    "a relation's value": (
        HIERARCHY,
        r"numpyro\.deterministic\('tau', jnp\.exp\(tau_free\)\)",
        "jnp.exp(numpyro.deterministic('tau', tau_free))",
    ),
}


@pytest.mark.parametrize("name", BROKEN_LOWERINGS)
def test_broken_lowerings_are_noticed(name: str) -> None:
    case, pattern, replacement = BROKEN_LOWERINGS[name]
    with pytest.raises(BrokenError):
        examine(case, points=1, lower=_edited(pattern, replacement))


def test_a_wrong_slope_of_a_bijection_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    slope = transforms.ExpTransform.log_abs_det_jacobian
    monkeypatch.setattr(transforms.ExpTransform, "log_abs_det_jacobian", lambda *given, **named: -slope(*given, **named))
    with pytest.raises(BrokenError, match="lowered density"):
        examine(HIERARCHY, points=1)
