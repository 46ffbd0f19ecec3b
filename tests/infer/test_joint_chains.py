"""Chains that depend on one another, and one that looks back two steps, are recovered from simulated data."""

from __future__ import annotations

import numpy as np
import pytest

import pplang
from pplang._infer.fit import members
from pplang._infer.labels import components

COUPLED = """
data Day ordered:
  y : real
  z : bool?

index Weather = {dry, wet}
index Mood = {low, high}
rain[m in Mood, a in Weather, Weather] ~ Dirichlet(1)
cheer[a in Weather, m in Mood, Mood] ~ Dirichlet(1)
mu[Weather] ~ Ordered(Normal(0, 3))
p[Mood] ~ Ordered(Normal(0, 2))
weather[t in Day] ~ Categorical(rain[mood[t-1], weather[t-1]])
  starting Categorical([0.5, 0.5])
mood[t in Day] ~ Categorical(cheer[weather[t], mood[t-1]])
  starting Categorical([0.5, 0.5])
y[t in Day] ~ Normal(mu[weather[t]], 0.5)
z[t in Day] ~ Bernoulli(logit = p[mood[t]])
"""

SECOND_ORDER = """
data Day ordered within person:
  person : Person
  y      : real?

index Mood = {low, high}
rise[a in Mood, b in Mood, Mood] ~ Dirichlet(1)
mu[Mood] ~ Ordered(Normal(0, 3))
@viterbi
mood[t in Day] ~ Categorical(rise[mood[t-1], mood[t-2]])
  starting Categorical([0.5, 0.5])
y[t in Day] ~ Normal(mu[mood[t]], 0.7)
"""


def assert_recovered(fit: pplang.Fit, name: str, truth: np.ndarray) -> None:
    draws = np.asarray(fit[name]).reshape(-1, *np.shape(truth))
    assert (np.abs(draws.mean(0) - truth) < 3.5 * draws.std(0)).all(), name


@pytest.mark.slow
def test_two_chains_that_depend_on_one_another() -> None:
    rng, days = np.random.default_rng(3), 600
    rain, cheer = np.array([[0.3, 0.9], [0.1, 0.6]]), np.array([[0.3, 0.9], [0.1, 0.7]])
    weather, mood = np.zeros(days, int), np.zeros(days, int)
    for t in range(1, days):
        weather[t] = rng.uniform() < rain[mood[t - 1], weather[t - 1]]
        mood[t] = rng.uniform() < cheer[weather[t], mood[t - 1]]
    z = [None if rng.uniform() < 0.1 else int(rng.uniform() < (0.1, 0.9)[one]) for one in mood]
    fit = pplang.compile_text(COUPLED).fit({"y": np.array([-1.0, 1.0])[weather] + 0.5 * rng.normal(size=days), "z": z}, seed=1)
    assert_recovered(fit, "rain", np.stack([1 - rain, rain], -1))
    assert_recovered(fit, "cheer", np.stack([1 - cheer, cheer], -1))
    assert_recovered(fit, "mu", np.array([-1.0, 1.0]))
    for name, states in (("weather", weather), ("mood", mood)):
        right = (fit.draws(name) == states).mean((0, 1))
        assert right.mean() > (0.95 if name == "weather" else 0.8)


@pytest.mark.slow
def test_a_chain_that_looks_back_two_steps() -> None:
    rng, people, days = np.random.default_rng(4), 40, 25
    rise = np.array([[0.1, 0.6], [0.3, 0.9]])
    mood = (rng.uniform(size=(people, days)) < 0.5).astype(int)
    for t in range(2, days):
        mood[:, t] = rng.uniform(size=people) < rise[mood[:, t - 1], mood[:, t - 2]]
    y = np.array([-1.0, 1.0])[mood] + 0.7 * rng.normal(size=mood.shape)
    y[rng.uniform(size=mood.shape) < 0.1] = np.nan
    data = {"person": np.repeat([f"p{n}" for n in range(people)], days), "y": y.ravel()}
    fit = pplang.compile_text(SECOND_ORDER).fit(data, seed=1)
    assert_recovered(fit, "rise", np.stack([1 - rise, rise], -1))
    path = (fit.draws("mood_path") == mood.ravel()).mean()
    assert path > 0.9
    assert path > (fit.draws("mood") == mood.ravel()).mean()


def test_a_most_probable_path_is_called_by_the_labels_of_its_draw() -> None:
    text = SECOND_ORDER.replace("mu[Mood] ~ Ordered(Normal(0, 3))", "mu[m in Mood] ~ Normal(0, 3)").replace("[0.5, 0.5]", "first")
    bound = pplang.compile_text(f"{text}first[Mood] ~ Dirichlet(1)\n").bind({"person": ["a", "a"], "y": [0.5, None]})
    assert members(bound) == {"mood": ["low", "high"], "mood_path": ["low", "high"]}
    (component,) = components(bound)
    assert set(component.members) == {"mood", "mood_path"}
