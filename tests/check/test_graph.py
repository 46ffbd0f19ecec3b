"""What depends on what: levels, order, circles, steps in time, beginnings."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from checking import codes, faults, program

from pplang._check import graph
from pplang._ir.kinds import Boolean, Interval

# levels

LEVELS = """
data Home:
  county : County
  floor  : real
  radon  : real

input m : real = 1
twice[i in Home] = 2 * floor[i]
centre = mean(floor)
scaled = centre * m
mu    ~ Normal(0, 1)
s     ~ HalfNormal(1)
a[c in County] ~ Normal(mu, s)
radon[i in Home] ~ Normal(a[county[i]] + twice[i], 1)
gain   = mu * 2
again ~ Normal(gain, 1)
apart ~ Normal(0, 1)
"""


def test_levels_follow_from_what_depends_on_what() -> None:
    found = {site.name: site.level for site in program(LEVELS).sites}
    assert found == {
        "twice": "data", "centre": "data", "scaled": "data",
        "mu": "model", "s": "model", "a": "model", "radon": "model",
        "gain": "generated", "again": "generated", "apart": "generated",
    }  # fmt: skip


def test_a_factor_and_a_reward_keep_what_they_need() -> None:
    found = {site.name: site.level for site in program(LEVELS + "factor -apart^2\n").sites}
    assert found["apart"] == "model"
    assert found["again"] == "generated"
    model = program("param p : real = 0\nx ~ Normal(p, 1)\ny ~ Normal(0, 1)\nmaximize x\n")
    assert {site.name: site.level for site in model.sites} == {"x": "model", "y": "generated"}


def test_a_model_that_observes_nothing_keeps_its_latents() -> None:
    assert {site.level for site in program("v ~ Normal(0, 3)\nx ~ Normal(0, exp(v / 2))\n").sites} == {"model"}


def test_roles() -> None:
    text = "data Row:\n  x : real?\n  y : real\n\nm ~ Normal(0, 1)\nx[i in Row] ~ Normal(m, 1)\ny[i in Row] ~ Normal(x[i], 1)\nd = m\n"
    assert {site.name: site.role for site in program(text).sites} == {"m": "latent", "x": "split", "y": "observed", "d": "deterministic"}


def test_what_depends_on_empty_cells_is_not_data() -> None:
    text = "data Row:\n  x : real?\n  y : real\n\nx[i in Row] ~ Normal(0, 1)\nhalf[i in Row] = x[i] / 2\ny[i in Row] ~ Normal(half[i], 1)\n"
    assert program(text).site["half"].level == "model"


# order

LINES = ("a ~ Normal(0, 1)", "b ~ Normal(a, 1)", "c = a + b", "d ~ Normal(c, 1)", "e ~ Normal(d + b, 1)")


@pytest.mark.parametrize("seed", range(5))
def test_statements_may_stand_in_any_order(seed: int) -> None:
    lines = list(LINES)
    random.Random(seed).shuffle(lines)
    assert [site.name for site in program("\n".join(lines) + "\n").sites] == ["a", "b", "c", "d", "e"]


def test_otherwise_the_order_of_the_source_is_kept() -> None:
    assert [site.name for site in program("z ~ Normal(0, 1)\ny ~ Normal(0, 1)\nx ~ Normal(0, 1)\n").sites] == ["z", "y", "x"]


def test_components_come_after_what_they_need() -> None:
    parents = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set[str](), "e": {"a", "e"}}
    groups = graph.components(list(parents), parents)
    assert groups == [["d"], ["b", "c"], ["a"], ["e"]]
    assert graph.circles(list(parents), parents) == [["b", "c"], ["e"]]
    assert graph.order(list(parents), {**parents, "c": {"d"}}) == ["d", "c", "b", "a", "e"]


@pytest.mark.parametrize("seed", range(20))
def test_components_of_random_graphs(seed: int) -> None:
    """Two names are in one group if and only if each reaches the other."""
    chance = random.Random(seed)
    names = [f"n{k}" for k in range(12)]
    parents = {name: {other for other in names if chance.random() < 0.12} for name in names}

    def reaches(start: str) -> set[str]:
        found, pending = set[str](), [start]
        while pending:
            for one in parents[pending.pop()] - found:
                found.add(one)
                pending.append(one)
        return found

    groups = graph.components(names, parents)
    assert sorted(name for group in groups for name in group) == sorted(names)
    group_of = {name: n for n, group in enumerate(groups) for name in group}
    for name in names:
        for other in names:
            together = name == other or (other in reaches(name) and name in reaches(other))
            assert (group_of[name] == group_of[other]) == together
            if other in parents[name]:
                assert group_of[other] <= group_of[name]
    for circle in graph.circles(names, parents):
        assert all(following in parents[name] for name, following in zip(circle, [*circle[1:], circle[0]], strict=True))


# circles


@pytest.mark.parametrize(
    "text",
    [
        "a = a + 1\n",
        "a = b\nb = a\n",
        "a ~ Normal(b, 1)\nb ~ Normal(c, 1)\nc = a\n",
        "index T ordered = 1..3\nx[t in T] ~ Normal(y[t], 1)\ny[t in T] = x[t] + y[t-1]\n  starting x[t]\n",
        "index T ordered = 1..3\nx[t in T] ~ Normal(sum(x[s] for s in T), 1)\n",
        "index T ordered = 1..3\nx[t in T] ~ Normal(sum(x[s] for s in T for u in T if s < u), 1)\n",
        "index T ordered = 1..3\nx[t in T] ~ Normal(sum(x[s] for s in T if s > t), 1)\n",
        "index T ordered = 1..3\nx[t in T] ~ Normal(sum(x[s] for s in T if s <= t), 1)\n",
        "data Row:\n  x : real\n\na ~ Normal(mean(z), 1)\nz[i in Row] = x[i] * a\nx[i in Row] ~ Normal(0, 1)\n",
        "data Row:\n  x : real = sum(d)\n  y : real\n\nd[i in Row] = x[i] + y[i]\ny[i in Row] ~ Normal(0, 1)\n",
        "fn f(x) = x + a\na ~ Normal(f(1), 1)\n",
    ],
)
def test_circles_are_refused(text: str) -> None:
    assert codes(text) == ["G01"]


def test_every_circle_is_reported() -> None:
    assert codes("a = b\nb = a\nc ~ Normal(d, 1)\nd ~ Normal(c, 1)\ne = e\n") == ["G01", "G01", "G01"]


@pytest.mark.parametrize(
    "text",
    [
        "index T ordered = 1..3\nx[t in T] ~ Normal(y[t-1], 1)\n  starting Normal(0, 1)\ny[t in T] ~ Normal(x[t], 1)\n",
        "index T ordered = 1..3\nx[t in T] ~ Normal(sum(x[s] for s in T if s < t), 1)\n",
        "index T ordered = 1..3\nx[t in T] ~ Normal(sum(x[s] for s in T if t > s and s > 1), 1)\n",
        "index T ordered = 1..9\nindex Lag = 1..2\nx[t in T] ~ Normal(sum(x[t - k] for k in Lag), 1)\n  starting Normal(0, 1)\n",
        "data Row:\n  y : real\n\nm = mean(y)\nmu ~ Normal(m, 1)\ny[i in Row] ~ Normal(mu, 1)\n",
        "data Day ordered:\n  y : real\n\ny[t in Day] ~ Normal(y[t-1], 1)\n  starting Normal(0, 1)\n",
    ],
)
def test_steps_back_and_data_are_no_circles(text: str) -> None:
    assert codes(text) == []


# steps in time


def test_a_sum_over_the_past_needs_no_beginning_but_a_step_does() -> None:
    text = "index T ordered = 1..9\nindex Lag = 1..2\nx[t in T] ~ Normal({}, 1)\n"
    assert codes(text.format("sum(x[s] for s in T if s < t)")) == []
    assert codes(text.format("sum(x[t - k] for k in Lag)")) == ["T01"]
    assert codes(text.format("x[t-2]")) == ["T01"]


def test_a_step_inside_a_sum_has_no_beginning() -> None:
    (fault,) = faults("index T ordered = 1..9\nd[t in T] ~ Normal(0, 1)\nx = sum(d[t-1] for t in T)\n")
    assert fault.code == "T01"
    assert fault.label == "what is this for the first T?"


def test_where_says_for_which_members_a_step_is_taken() -> None:
    text = "data Day ordered:\n  y : real\n\ny[t in Day] ~ Normal(y[t-1], 1)\n  where y[t] > 0\n"
    assert codes(text) == []


def test_data_can_be_looked_at_ahead_and_latents_not() -> None:
    text = "data Day ordered:\n  x : real\n  y : real\n\nlevel[t in Day] ~ Normal(0, 1)\ny[t in Day] ~ Normal({}, 1)\n  starting Normal(0, 1)\n"
    assert codes(text.format("x[t+1]")) == []
    assert codes(text.format("level[t+1]")) == ["T03"]


# kinds and levels of recurrences

STEPS = """
data Day ordered:
  y    : count
  rain : bool

keep ~ Beta(1, 1)
"""


@pytest.mark.parametrize(
    ("relation", "kind", "level"),
    [
        ("x[t in Day] = x[t-1] + 1\n  starting 0", Interval(0, float("inf"), integer=True), "data"),
        ("x[t in Day] = 0.5 * x[t-1]\n  starting 1", Interval(0, 1), "data"),
        ("x[t in Day] = keep * x[t-1]\n  starting 1", Interval(0, 1, lower_open=True), "model"),
        ("x[t in Day] = 2 * x[t-1]\n  starting 1", Interval(1, float("inf"), integer=True), "data"),
        ("x[t in Day] = x[t-1] - 1\n  starting 0", Interval(upper=0, integer=True), "data"),
        ("x[t in Day] = -x[t-1]\n  starting 0.5", Interval(-0.5, 0.5), "data"),
        ("x[t in Day] = x[t-1] or rain[t]\n  starting rain[t]", Boolean(), "data"),
        ("x[t in Day] = sum(x[s] * keep for s in Day if s < t) + 1", Interval(1), "model"),
        ("x[t in Day] = z[t-1] + 1\n  starting 0\nz[t in Day] = 2 * x[t]", Interval(0, float("inf"), integer=True), "data"),
        ("x[t in Day] = z[t-1] + 1\n  starting 0\nz[t in Day] = keep * x[t]", Interval(0, float("inf")), "model"),
    ],
)
def test_recurrences_keep_what_they_keep(relation: str, kind: object, level: str) -> None:
    site = program(STEPS + relation + "\ny[t in Day] ~ Poisson(if x[t] == x[t] then 1 else 2)\n").site["x"]
    assert (site.kind, site.level) == (kind, level)


def test_a_scale_that_grows_is_positive() -> None:
    text = "data Day ordered:\n  y : real\n\na ~ HalfNormal(1)\nb ~ Beta(1, 1)\ns[t in Day] = sqrt(a + b * y[t-1]^2 + b * s[t-1]^2)\n  starting 1\ny[t in Day] ~ Normal(0, s[t])\n"
    assert codes(text) == []
    assert codes(text.replace("sqrt(a + b * y[t-1]^2 + b * s[t-1]^2)", "a + b * y[t-1] + b * s[t-1]")) == ["K01"]


def test_starting_is_of_the_same_kind() -> None:
    text = (
        "index T ordered = 1..3\nindex M = {{x, y}}\nmove[m in M, M] ~ Dirichlet(1)\ns[t in T] ~ Categorical(move[s[t-1]])\n  starting {}\n"
    )
    assert codes(text.format("Categorical([0.5, 0.5])")) == []
    assert codes(text.format("Normal(0, 1)")) == ["T06"]
    assert codes(text.format("Dirichlet(1)")) == ["T06"]
    assert codes(text.format("Categorical([0.5, 0.2, 0.3])")) == ["D12"]
