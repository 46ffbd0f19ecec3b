"""Kinds and index sets: what is known of expressions, and each rule of typing with a case that it accepts and one that it refuses."""

from __future__ import annotations

import sys
from math import inf
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from checking import codes, faults, program

from pplang._ir.kinds import Boolean, Interval, Kind, Member

DECLARATIONS = """
data Home:
  county : County
  floor  : real
  rooms  : count
  warm   : bool
  share  : unit
  radon  : real
  built  : date

index Coef    = {intercept, slope}
index Grade ordered = {low, middle, high}
index Level   = 1..5
index Lag     = 1..3
index Day ordered = 1..30
index Cell    = Coef * Grade
a     ~ Normal(0, 1)
b     ~ Normal(0, 1)
pos   ~ HalfNormal(1)
neg   = -pos
p     ~ Beta(1, 1)
q     ~ Beta(1, 1)
five  ~ Uniform(0, 5)
mid   ~ Uniform(-2, 3)
n     ~ Binomial(10, 0.5)
z     ~ Categorical(w)
w[Coef] ~ Dirichlet(1)
beta[c in County, k in Coef] ~ Normal(0, 1)
g[k in Grade] ~ Normal(0, 1)
u[c in Cell] ~ Normal(0, 1)
R[Coef, Coef] ~ LKJ(2)
"""

REAL, POSITIVE, NONNEGATIVE = Interval(), Interval(0, inf, lower_open=True), Interval(0, inf)


def kind_of(expression: str) -> Kind:
    """The kind of an expression over one home, as the checker knows it."""
    return program(DECLARATIONS + f"result[i in Home] = {expression}\n").site["result"].kind


def between(lower: float, upper: float, ends: str = "[]", *, integer: bool = False) -> Interval:
    return Interval(lower, upper, ends[0] == "(", ends[1] == ")", integer)


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("3", between(3, 3, integer=True)),
        ("2.5", between(2.5, 2.5)),
        ("a", REAL),
        ("pos", POSITIVE),
        ("neg", between(-inf, 0, "()")),
        ("p", between(0, 1, "()")),
        ("1 - p", between(0, 1, "()")),
        ("p * q", between(0, 1, "()")),
        ("1 - p * q", between(0, 1, "()")),
        ("p - q", between(-1, 1, "()")),
        ("p + q", between(0, 2, "()")),
        ("five", between(0, 5, "()")),
        ("five + 1", between(1, 6, "()")),
        ("five / 2", between(0, 2.5, "()")),
        ("2 * mid", between(-4, 6, "()")),
        ("mid * mid", between(-6, 9, "()")),
        ("mid^2", between(0, 9, "[)")),
        ("mid^3", between(-8, 27, "()")),
        ("a^2", NONNEGATIVE),
        ("a^2 + 1", between(1, inf)),
        ("pos^a", POSITIVE),
        ("p^pos", between(0, 1, "(]")),
        ("1 / pos", POSITIVE),
        ("1 / a", REAL),
        ("pos / five", POSITIVE),
        ("-pos", between(-inf, 0, "()")),
        ("exp(a)", POSITIVE),
        ("exp(neg)", between(0, 1, "()")),
        ("sqrt(pos)", POSITIVE),
        ("log(pos)", REAL),
        ("abs(mid)", between(0, 3, "[)")),
        ("logistic(a)", between(0, 1, "()")),
        ("floor[i]", REAL),
        ("rooms[i]", between(0, inf, integer=True)),
        ("rooms[i] + 1", between(1, inf, integer=True)),
        ("rooms[i] / 2", NONNEGATIVE),
        ("warm[i]", Boolean()),
        ("warm[i] + 1", between(1, 2, integer=True)),
        ("built[i] - 3", between(-inf, inf, integer=True)),
        ("n", between(0, 10, integer=True)),
        ("county[i]", Member("County")),
        ("z", Member("Coef")),
        ("floor[i] > 0", Boolean()),
        ("not warm[i]", Boolean()),
        ("warm[i] and floor[i] > 0", Boolean()),
        ("if warm[i] then p else 2", between(0, 2, "(]")),
        ("if warm[i] then 1 else 0", between(0, 1, integer=True)),
        ("if warm[i] then county[i] else county[i]", Member("County")),
        ("sum(floor[j] for j in Home)", REAL),
        ("sum(g[k]^2 for k in Grade)", NONNEGATIVE),
        ("sum(w)", between(0, inf, "()")),
        ("sum(rooms)", between(0, inf, integer=True)),
        ("mean(w)", between(0, 1, "()")),
        ("max(w)", between(0, 1, "()")),
        ("prod(w)", between(0, 1, "(]")),
        ("sd(floor)", POSITIVE),
        ("any(floor[j] > 0 for j in Home)", Boolean()),
        ("sum(k for k in Level)", between(0, inf, "()", integer=True)),
        ("max(k for k in Level)", between(1, 5, integer=True)),
        ("size(Coef)", between(2, 2, integer=True)),
        ("size(Home)", between(0, inf, integer=True)),
        ("positive(a)", POSITIVE),
        ("positive(mid)", between(0, 3, "()")),
        ("unit(five)", between(0, 1, "(]")),
        ("softmax(g)[low]", between(0, 1, "()")),
        ("min(p, pos)", between(0, 1, "()")),
    ],
)
def test_kind_of_an_expression(expression: str, kind: Kind) -> None:
    assert kind_of(expression) == kind


# Each rule: an expression that it accepts, one that it refuses, and the code. The expression stands over the homes.
RULES = [
    ("a number, not a table", "beta[county[i], slope]", "beta", "D01"),
    ("an index of its set", "beta[county[i], slope]", "beta[i, slope]", "D02"),
    ("indices in their order", "beta[county[i], intercept]", "sum(beta[k, c] for k in Coef for c in County)", "D02"),
    ("as many indices as axes", "g[low]", "g[low, high]", "D05"),
    ("an index is a member", "g[low]", "g[floor[i]]", "D06"),
    ("a table for a table", "softmax(g)[low]", "softmax(g[low])[low]", "D08"),
    ("a reduction of a table", "sum(g)", "sum(a)", "D08"),
    ("a matrix of the right shape", "cholesky(R)[slope, slope]", "cholesky(g)[low]", "D09"),
    ("no second binding", "sum(floor[j] for j in Home)", "sum(floor[i] for i in Home)", "D11"),
    ("a value", "logpdf(Normal(0, 1), a)", "1 + Normal(0, 1)", "D13"),
    ("a function of numbers in its domain", "log(pos)", "log(neg)", "K01"),
    ("an assertion that can hold", "positive(a)", "positive(neg - 1)", "K01"),
    ("a condition", "if a > 0 then 1 else 2", "if a then 1 else 2", "K02"),
    ("conditions joined", "if warm[i] and a > 0 then 1 else 2", "if warm[i] and a then 1 else 2", "K02"),
    ("not of a condition", "if not warm[i] then 1 else 2", "if not a then 1 else 2", "K02"),
    ("numbers in arithmetic", "a + rooms[i]", "a + county[i]", "K03"),
    ("members of ranges in arithmetic", "a + max(k for k in Level)", "a + max(k for k in Grade)", "K03"),
    ("rows are no numbers", "floor[i] * a", "i * a", "K03"),
    ("texts are labels", 'if county[i] == "AITKIN" then 1 else 2', 'a + "AITKIN"', "K03"),
    ("one set compared", "if county[i] == county[i] then 1 else 2", "if county[i] == z then 1 else 2", "K04"),
    ("order compared", "if low < high then 1 else 2", "", ""),
    ("an order that there is", "if max(g) > 0 then 1 else 2", "if z > slope then 1 else 2", "K04"),
    ("branches of one kind", "if warm[i] then 1 else a", "if warm[i] then county[i] else 1", "K04"),
    ("a label of the set", "g[low]", "g[lowest]", "N08"),
    ("a label in a comparison", "if z == slope then 1 else 2", "if z == slop then 1 else 2", "N08"),
    ("a name that exists", "a", "aa", "N02"),
    ("a part of a product", "sum(u[c] * g[c.Grade] for c in Cell)", "sum(u[c] * g[c.Level] for c in Cell)", "N13"),
    ("a function that exists", "exp(a)", "expo(a)", "N06"),
    ("a function's arguments", "exp(a)", "exp(a, b)", "N10"),
    ("a generator where it is taken", "sum(g[k] for k in Grade)", "exp(g[k] for k in Grade)", "N10"),
    ("a step along an order", "sum(d[t] for t in Day)", "sum(floor[j - 1] for j in Home)", "T02"),
]


@pytest.mark.parametrize(("right", "wrong", "code"), [rule[1:] for rule in RULES if rule[3]], ids=[rule[0] for rule in RULES if rule[3]])
def test_rule_of_typing(right: str, wrong: str, code: str) -> None:
    model = DECLARATIONS + "d[t in Day] ~ Normal(0, 1)\n"
    assert codes(model + f"result[i in Home] = {right}\n") == []
    assert codes(model + f"result[i in Home] = {wrong}\n") == [code]


# Arguments of distributions: kind by kind.
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("Normal(a, pos)", "Normal(a, b)"),
        ("Normal(a, exp(b))", "Normal(a, -pos)"),
        ("Normal(a, 1)", "Normal(a, 0)"),
        ("Normal(a, p * five)", "Normal(a, p - q)"),
        ("Normal(a, sqrt(a^2))", "Normal(a, a^3)"),
        ("Normal(a, positive(b))", "Normal(a, mid)"),
        ("Normal(a, floor[i])", "Normal(a, floor[i] + a)"),
        ("Uniform(0, pos)", "Uniform(3, 2)"),
        ("Beta(pos, 2)", "Beta(a, 2)"),
        ("Gamma(pos, pos)", "Gamma(pos, -1)"),
        ("StudentT(pos, a, pos)", "StudentT(neg, a, pos)"),
    ],
)
def test_kinds_of_arguments(right: str, wrong: str) -> None:
    assert codes(DECLARATIONS + f"x[i in Home] ~ {right}\n") == []
    assert codes(DECLARATIONS + f"x[i in Home] ~ {wrong}\n") == ["K01"]


@pytest.mark.parametrize(
    ("column", "right", "wrong"),
    [
        ("warm", "Bernoulli(p * q)", "Bernoulli(p - q)"),
        ("warm", "Bernoulli(1 - p)", "Bernoulli(1.5)"),
        ("rooms", "Poisson(pos)", "Poisson(a)"),
        ("rooms", "Binomial(10, p)", "Binomial(2.5, p)"),
        ("rooms", "Binomial(n, logistic(a))", "Binomial(pos, p)"),
    ],
)
def test_kinds_of_arguments_of_discrete_distributions(column: str, right: str, wrong: str) -> None:
    assert codes(DECLARATIONS + f"{column}[i in Home] ~ {right}\n") == []
    assert codes(DECLARATIONS + f"{column}[i in Home] ~ {wrong}\n") == ["K01"]


def test_data_are_looked_at_when_they_arrive() -> None:
    text = "data Row:\n  s : real\n  y : real\n\ny[i in Row] ~ Normal(0, {})\n"
    assert codes(text.format("s[i]")) == []
    assert codes(text.format("s[i] - 1")) == []
    assert codes("b ~ Normal(0, 1)\n" + text.format("s[i] + b")) == ["K01"]


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("real", "Normal(0, 1)", "Poisson(2)"),
        ("bool", "Bernoulli(0.5)", "Categorical(p)"),
        ("count", "Poisson(2)", "OrderedLogistic(0, cut)"),
        ("Side", "Categorical(p)", "Normal(0, 1)"),
        ("Side", "OrderedLogistic(0, cut)", "Poisson(2)"),
        ("positive", "LogNormal(0, 1)", "Bernoulli(0.5)"),
    ],
)
def test_what_a_column_can_hold(kind: str, right: str, wrong: str) -> None:
    text = f"data Row:\n  y : {kind}\n\nindex Side ordered = {{left, right}}\nindex Cut = gaps(Side)\np[Side] ~ Dirichlet(1)\ncut[Cut] ~ Ordered(Normal(0, 1))\n"
    assert codes(text + f"y[i in Row] ~ {right}\n") == []
    assert codes(text + f"y[i in Row] ~ {wrong}\n") == ["K05"]


@pytest.mark.parametrize(
    ("left", "right", "code"),
    [
        ("x[k in Coef]", "Normal(0, 1)", ""),
        ("x[Coef]", "Normal(0, 1)", "D03"),
        ("x[Coef]", "Dirichlet(1)", ""),
        ("x[k in Coef]", "Dirichlet(1)", "D04"),
        ("x", "Dirichlet(1)", "D04"),
        ("x[g in Grade, Coef]", "Dirichlet(1)", ""),
        ("x[Coef, g in Grade]", "Dirichlet(1)", ""),
        ("x[Coef, Coef]", "LKJ(2)", ""),
        ("x[Coef]", "LKJ(2)", "D04"),
        ("x[Coef]", "MultiNormal(0, scale = 1, corr = R)", ""),
        ("x[Grade]", "MultiNormal(0, scale = 1, corr = R)", "D09"),
        ("x[Coef]", "MultiNormal(0, cov = w)", "D09"),
        ("x[Coef]", "MultiNormal(a, scale = pos, corr = R)", ""),
        ("x[Coef]", "Ordered(Normal(0, 1))", ""),
        ("x[k in Coef]", "Ordered(Normal(0, 1))", "D04"),
        ("x[Coef]", "Ordered(Dirichlet(1))", "K07"),
        ("x", "Truncated(Normal(0, 1), lower = 0)", ""),
        ("x", "Truncated(Flat(), lower = 0)", "K07"),
        ("x", "Mixture(Normal(g[k], 1) for k in Grade, weights = softmax(g))", ""),
        ("x", "Mixture(Normal(g[k], 1) for k in Grade, weights = w)", "D09"),
        ("x", "Categorical(softmax(g))", ""),
    ],
)
def test_axes_of_a_draw(left: str, right: str, code: str) -> None:
    assert codes(DECLARATIONS + f"{left} ~ {right}\n") == ([code] if code else [])


@pytest.mark.parametrize(
    ("left", "right", "code"),
    [
        ("x[k in Coef]", "w[k]", ""),
        ("x[Coef]", "w", ""),
        ("x", "w", "D01"),
        ("x[Coef]", "g", "D10"),
        ("x[Coef]", "[1, 2]", ""),
        ("x[Coef]", "[1, 2, 3]", "D12"),
        ("x", "[1, 2]", "D10"),
        ("x[c in County]", "beta[c, slope]", ""),
        ("x[c in County, Coef]", "beta[c]", ""),
        ("x[Coef, c in County]", "beta[c]", ""),
        ("x[c in County, Coef]", "beta[c, _]", ""),
        ("x[k in Coef, County]", "beta[_, k]", ""),
        ("x[Coef]", "softmax(w)", ""),
        ("x : positive", "exp(a)", ""),
        ("x : positive", "a", "K06"),
        ("x : unit", "p * q", ""),
        ("x : real(0, 2)", "p + q", ""),
        ("x : real(0, 1)", "p + q", "K06"),
    ],
)
def test_axes_and_type_of_a_definition(left: str, right: str, code: str) -> None:
    assert codes(DECLARATIONS + f"{left} = {right}\n") == ([code] if code else [])


def test_independent_faults_are_reported_together_in_file_order() -> None:
    text = "data Row:\n  y : float\n  x : real\n\na ~ Norml(0, 1)\nb ~ Normal(0, -1)\nc = x\nx[i in Row] ~ Normal(b + d, b)\n"
    found = faults(text)
    assert [one.code for one in found] == ["N21", "N05", "K01", "D01", "N02", "K01"]
    assert [one.span.start for one in found if one.span] == sorted(one.span.start for one in found if one.span)


def test_a_fault_is_reported_once() -> None:
    """What depends on a name at fault is not at fault itself."""
    assert codes("a ~ Normal(0, zz)\nb ~ Normal(a, 1)\nc = a + b\nd ~ Normal(c, exp(a))\n") == ["N02"]
    assert codes("index K = {x, y}\nw[k in K] ~ Normal(0, zz)\nb = w[x] + sum(w)\n") == ["N02"]
    assert codes("a ~ Normal(ww[slope, 3], 1)\n") == ["N02"]
    assert codes("data Row:\n  y : float\n\nm ~ Normal(0, 1)\ny[i in Row] ~ Normal(m, 1)\nk = sum(y)\n") == ["N21"]
    assert codes("index K = gaps(L)\nindex M = K * K\nx[m in M] ~ Normal(0, 1)\ny[k in K] ~ Normal(x[3], 1)\n") == ["N07"]


def test_a_bound_at_fault_does_not_stop_the_others() -> None:
    assert codes("a ~ Normal(0, 1)\nb ~ Normal(0, 1)\nrestrict a < b\nrestrict a < zz\n") == ["N02"]
    assert codes("a ~ Normal(0, 1)\nrestrict a < zz\nrestrict a < yy\n") == ["N02", "N02"]
