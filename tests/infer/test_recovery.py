"""Programs with discrete and sequential unknowns find the parameters their data were simulated from, by the default method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pplang

PROGRAMS = Path(__file__).parent.parent / "good"


def default_fit(number: str, table: dict[str, Any]) -> Any:
    (path,) = PROGRAMS.glob(f"{number}_*.ppl")
    return pplang.compile(path).fit(table, seed=3)


def assert_found(fit: Any, truth: dict[str, Any]) -> None:
    """Of K independent z-scores few pass 2 and none 4.5."""
    for name, value in truth.items():
        draws = fit.draws(name)
        draws = draws.reshape(draws.shape[0] * draws.shape[1], -1)
        distance = np.abs(draws.mean(axis=0) - np.ravel(value)) / draws.std(axis=0)
        assert distance.max() < 4.5, (name, distance)
        assert np.mean(distance**2) < 1 + 6 / np.sqrt(len(distance)), (name, distance)


def test_a_mixture_is_found_with_its_memberships() -> None:
    rng = np.random.default_rng(4)
    weights, centre, spread = np.array([0.3, 0.5, 0.2]), np.array([10.0, 20.0, 32.0]), np.array([1.0, 2.0, 1.5])
    z = rng.choice(3, 150, p=weights)
    fit = default_fit("04", {"velocity": rng.normal(centre[z], spread[z])})
    assert_found(fit, {"w": weights, "centre": centre, "spread": spread})
    likeliest = np.array([np.bincount(column, minlength=3).argmax() for column in fit.draws("z").reshape(-1, 150).T])
    assert np.mean(likeliest == z) > 0.97  # the clusters are some four sds apart


@pytest.mark.slow
def test_a_hidden_chain_is_found_with_its_states() -> None:
    rng = np.random.default_rng(2)
    move = np.array([[0.85, 0.10, 0.05], [0.10, 0.80, 0.10], [0.05, 0.15, 0.80]])
    rate, shape = np.array([0.2, 1.5, 8.0]), 4.0
    mood = [0]
    for _ in range(299):
        mood.append(rng.choice(3, p=move[mood[-1]]))
    length = rng.gamma(shape, rate[mood] / shape)
    fit = default_fit("05", {"time": np.arange(300.0), "length": length})
    assert_found(fit, {"move": move, "rate": rate, "shape": shape})
    likeliest = np.array([np.bincount(column, minlength=3).argmax() for column in fit.draws("mood").reshape(-1, 300).T])
    assert np.mean(likeliest == mood) > 0.95


@pytest.mark.slow
def test_a_local_trend_is_found_through_gaps_and_forecast() -> None:
    rng = np.random.default_rng(6)
    weeks, s_obs, s_level, s_slope = 120, 0.8, 0.5, 0.05
    slope = np.cumsum(np.concatenate([[0.3], rng.normal(0, s_slope, weeks - 1)]))
    level = np.cumsum(np.concatenate([[5.0], slope[:-1] + rng.normal(0, s_level, weeks - 1)]))
    sales = rng.normal(level, s_obs)
    shown = sales.copy()
    hidden = np.r_[20:26, 60, 61, 112:120]  # two gaps, and the last eight weeks
    shown[hidden] = np.nan
    days = np.datetime_as_string(np.datetime64("2024-01-01") + 7 * np.arange(weeks))
    fit = default_fit("06", {"date": list(days), "sales": shown})
    assert_found(fit, {"s_obs": s_obs, "s_level": s_level, "s_slope": s_slope})
    for name, value in (("level", level), ("slope", slope)):  # neighbours err together: their z-scores are not K independent ones
        draws = fit.draws(name).reshape(-1, weeks)
        distance = np.abs(draws.mean(axis=0) - value) / draws.std(axis=0)
        assert distance.max() < 4.5 and np.mean(distance < 2) > 0.7, (name, distance)
    drawn = fit.draws("sales").reshape(-1, len(hidden))
    low, high = np.quantile(drawn, [0.005, 0.995], axis=0)
    assert np.all((low < sales[hidden]) & (sales[hidden] < high))
    wide = drawn.std(axis=0)
    assert np.all(np.diff(wide[-8:]) > -0.1) and wide[-1] > 1.5 * wide[-8]  # the further ahead the less is known
