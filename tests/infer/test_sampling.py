"""NUTS from the fit: how it begins, when it draws back, what it says."""

from __future__ import annotations

from functools import cache

import jax
import numpy as np
import pytest
from helpers_infer import SCHOOL_DATA, SCHOOLS

import pplang
from pplang._infer import engine, sampling
from pplang._infer.chains import learned, windows
from pplang._infer.families import Block
from pplang._infer.settings import Settings, silent
from pplang._infer.target import NoStart

TWO_PLACES = """
data Row:
  y : real

index Place = 1..2

x ~ Mixture(Normal(16 * k - 24, 0.5) for k in Place, weights = [0.5, 0.5])
y[i in Row] ~ Normal(0 * x, 1)
"""


@cache
def schools() -> tuple[pplang.Bound, engine.Prepared, engine.Result]:
    bound = pplang.compile_text(SCHOOLS).bind(SCHOOL_DATA).transported
    with jax.enable_x64(True):
        ready = engine.prepared(bound, 10_000)
        return bound, ready, engine.fitted(bound, Settings(seed=1), silent, ready)


def test_a_good_fit_saves_the_warm_up() -> None:
    """The posterior is that of posteriordb's reference; the metric is not adapted, and no chain diverges."""
    fit = pplang.compile_text(SCHOOLS).fit(SCHOOL_DATA, method="nuts", seed=2)
    verdict = fit.verdict
    assert verdict is not None
    assert (verdict["word"], verdict["way"], verdict["warmup"]) == ("good", "begun from the fit", 100)
    assert verdict["before"]["word"] == "good"
    assert verdict["gradients_of"]["warmup"] < 6_000
    assert verdict["ess_bulk"] > 1_500
    assert fit.draws("mu").mean() == pytest.approx(4.4, abs=0.4)
    assert fit.draws("tau").std() == pytest.approx(3.2, rel=0.15)
    metric = fit.content.groups["history"]["inverse_metric"].values
    assert (metric == metric[0]).all()
    assert metric.shape == (4, 10)


def test_warm_up_is_as_long_as_asked_for() -> None:
    fit = pplang.compile_text(SCHOOLS).fit(SCHOOL_DATA, method="nuts", warmup=30, draws=20, chains=2)
    assert fit.verdict is not None
    assert fit.verdict["warmup"] == 30
    assert fit.draws("theta").shape == (2, 20, 8)
    assert "2 chains of 20 draws after 30 of warm-up" in fit.summary().title


def test_draws_until_there_are_enough() -> None:
    fit = pplang.compile_text(SCHOOLS).fit(SCHOOL_DATA, method="nuts", draws=200, chains=2, samples_to_ess=900)
    assert fit.verdict is not None
    assert fit.verdict["ess_bulk"] >= 900
    assert 450 <= fit.draws("mu").shape[1] <= 4_000
    assert fit.sample_stats["lp"].values.shape == fit.draws("mu").shape
    z = (fit.draws("again") - fit.draws("theta")) / np.array(SCHOOL_DATA["se"])
    assert len(np.unique(z)) == z.size  # what is drawn afterwards is drawn anew in every portion


def test_auto_goes_on_where_the_fit_is_poor_and_chains_in_two_modes_disagree() -> None:
    fit = pplang.compile_text(TWO_PLACES).fit({"y": np.zeros(3)}, seed=1, draws=100)
    assert (fit.method, fit.settings["method"]) == ("nuts", "auto")
    assert fit.verdict is not None
    assert fit.verdict["before"]["word"] == "poor"
    assert fit.verdict["word"] == "poor"
    assert {round(float(mean)) for mean in fit.draws("x").mean(axis=1)} == {-8, 8}
    (note,) = (note for note in fit.notes if note.code == "F20")
    assert note.span is not None
    assert fit.source[note.span.start :].startswith("x ~ Mixture")
    assert "nuts went on" in str(fit.summary())


def test_auto_is_vi_where_that_is_good() -> None:
    fit = pplang.compile_text(SCHOOLS).fit(SCHOOL_DATA, draws=50)
    assert (fit.method, fit.settings["method"]) == ("vi", "auto")
    assert fit.notes == ()


def test_without_a_fit_chains_begin_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object) -> engine.Result:
        raise NoStart(np.zeros((1, 10)))

    monkeypatch.setattr(engine, "fitted", nowhere)
    fit = pplang.compile_text(SCHOOLS).fit(SCHOOL_DATA, method="nuts", draws=500, seed=4)
    assert fit.verdict is not None
    assert (fit.verdict["way"], fit.verdict["warmup"]) == ("begun without a fit", 1_000)
    assert fit.verdict["r_hat"] < 1.03
    assert fit.draws("mu").mean() == pytest.approx(4.4, abs=0.5)


def test_starts_are_distinct_and_do_not_depend_on_how_many_there_are() -> None:
    weights = np.array([0.9, 0.05, 0.03, 0.02])
    four = sampling._distinct(weights, 4, seed=3)
    assert sorted(four) == [0, 1, 2, 3]
    assert list(sampling._distinct(weights, 2, seed=3)) == list(four[:2])
    assert list(sampling._distinct(np.array([1.0, 0]), 3, seed=1)) == [0, 0, 0]


def test_drawing_back_moves_the_coordinates_and_not_the_values() -> None:
    bound, ready, found = schools()
    old = found.fitted.constants
    new = {name: value * 0 if "_h" in name or "_b" in name or "_V" in name else value for name, value in old.items()}
    points = found.family.points(np.random.default_rng(0).standard_normal((3, bound.size)))
    with jax.enable_x64(True):
        moved = sampling.recoordinated(ready.problem, old, new, points)
        assert np.abs(moved - points).max() > 0.1
        for constants, at in ((old, points), (new, moved)):
            assert np.isfinite(ready.problem.densities(constants, at)).all()
        before, after = (ready.problem.states(constants, at)[0].along for constants, at in ((old, points), (new, moved)))
    np.testing.assert_allclose(after, before, rtol=1e-10)


def test_many_divergences_draw_the_coordinates_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a threshold that every warm-up exceeds: twice, to non-centred coordinates, and the answer is the same."""
    monkeypatch.setattr(sampling, "_DIVERGING", -1.0)
    fit = pplang.compile_text(SCHOOLS).fit(SCHOOL_DATA, method="nuts", draws=1_000, seed=3)
    assert fit.verdict is not None
    assert (fit.verdict["guarded"], fit.verdict["warmup"]) == (2, 400)
    assert fit.verdict["r_hat"] < 1.02
    assert fit.draws("mu").mean() == pytest.approx(4.4, abs=0.4)
    assert fit.draws("theta")[..., 0].mean() == pytest.approx(6.2, abs=0.7)


def test_a_funnel_left_centred_is_told_at_its_scale() -> None:
    tight = {**SCHOOL_DATA, "se": [150.0] * 8}
    fit = pplang.compile_text(SCHOOLS).fit(tight, method="nuts", seed=1, draws=400, without=["center"])
    assert fit.verdict is not None
    assert fit.verdict["word"] != "good"
    assert {note.code for note in fit.notes} & {"F20", "F21", "F22", "F24"}
    assert all(note.help and note.span for note in fit.notes)
    assert "tau" in fit.verdict["concerned"]


def test_windows_are_stans() -> None:
    assert windows(1_000) == [
        (0, 75, False),
        (75, 100, True),
        (100, 150, True),
        (150, 250, True),
        (250, 450, True),
        (450, 950, True),
        (950, 1000, False),
    ]
    assert windows(0) == []
    assert windows(10) == [(0, 10, False)]
    assert [last - first for first, last, _ in windows(100)] == [15, 75, 10]


def test_a_metric_is_learned_from_draws() -> None:
    rng = np.random.default_rng(1)
    root = np.array([[2.0, 0], [1.5, 0.3]])
    family = Block(np.array([2, 0, 1]), np.zeros(3), np.eye(2), np.ones(1))
    own = np.concatenate([rng.standard_normal((4_000, 2)) @ root.T, 0.1 * rng.standard_normal((4_000, 1))], axis=1)
    z = np.empty_like(own)
    z[:, family.order] = own
    found = learned(family, z)
    np.testing.assert_allclose(found.covariance(), root @ root.T, rtol=0.1)
    assert found.scale[0] == pytest.approx(0.1, rel=0.1)
