"""A chain that looks back two steps is recovered from simulated data, and so is its most probable path."""

from __future__ import annotations

import numpy as np
import pytest

import pplang
from pplang._infer.fit import members
from pplang._infer.labels import components

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
    assert path > (fit.draws("mood") == mood.ravel()).mean()


def test_a_most_probable_path_is_called_by_the_labels_of_its_draw() -> None:
    text = SECOND_ORDER.replace("mu[Mood] ~ Ordered(Normal(0, 3))", "mu[m in Mood] ~ Normal(0, 3)").replace("[0.5, 0.5]", "first")
    bound = pplang.compile_text(f"{text}first[Mood] ~ Dirichlet(1)\n").bind({"person": ["a", "a"], "y": [0.5, None]})
    assert members(bound) == {"mood": ["low", "high"], "mood_path": ["low", "high"]}
    (component,) = components(bound)
    assert set(component.members) == {"mood", "mood_path"}
