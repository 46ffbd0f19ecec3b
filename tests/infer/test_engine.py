"""`--method vi` end to end: right where it says good, and never good where it is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers_infer import CONJUGATE, SCHOOL_DATA, SCHOOLS, conjugate_posterior

import pplang

RAW_UNITS = """
data Row:
  x : real
  y : real

a ~ Normal(0, 1e7)
b ~ Normal(0, 1e5)
s ~ HalfNormal(1e6)
y[i in Row] ~ Normal(a + b * x[i], s)
"""

TWO_PLACES = """
data Row:
  y : real

index Place = 1..2

x ~ Mixture(Normal(16 * k - 24, 0.5) for k in Place, weights = [0.5, 0.5])
y[i in Row] ~ Normal(0 * x, 1)
"""

NESTED = """
data Row:
  school : School
  region : Region per School
  y      : real

mu ~ Normal(0, 5)
tau1 ~ HalfNormal(2)
tau2 ~ HalfNormal(2)
sigma ~ HalfNormal(2)
a[r in Region] ~ Normal(mu, tau1)
b[s in School] ~ Normal(a[region[s]], tau2)
y[i in Row] ~ Normal(b[school[i]], sigma)
report eff_raw[s in School] = 2 * b[s]
"""


def fit(text: str, data: dict[str, object], **settings: object) -> pplang.Fit:
    return pplang.compile_text(text).fit(data, method="vi", **settings)  # type: ignore[arg-type]


def test_a_conjugate_posterior() -> None:
    y = np.array([2.0, 4, 3, 7, 1])
    found = fit(CONJUGATE, {"y": y}, draws=4_000, seed=1)
    mean, sd = conjugate_posterior(y)
    assert found.verdict is not None
    assert found.verdict["word"] == "good"
    assert found.draws("mu").mean() == pytest.approx(mean, abs=4 * sd / 4_000**0.5)
    assert found.draws("mu").std() == pytest.approx(sd, rel=0.05)


def test_eight_schools_from_the_centred_source() -> None:
    """Moments of the posterior from a long run of NUTS elsewhere (posteriordb's reference draws)."""
    found = fit(SCHOOLS, SCHOOL_DATA, draws=4_000, seed=2)
    assert found.verdict is not None
    assert found.verdict["word"] == "good"
    assert found.verdict["gradients"] <= 3_500
    assert found.draws("mu").mean() == pytest.approx(4.4, abs=0.5)
    assert found.draws("mu").std() == pytest.approx(3.3, rel=0.15)
    assert found.draws("tau").mean() == pytest.approx(3.6, abs=0.5)
    assert found.draws("theta").shape == (1, 4_000, 8)
    assert np.allclose(found.draws("spread"), found.draws("tau") ** 2)


def test_raw_units() -> None:
    generator = np.random.default_rng(5)
    x = 60_000 + 9_000 * generator.normal(size=80)
    y = 1e5 + 12 * x + 3e4 * generator.normal(size=80)
    found = fit(RAW_UNITS, {"x": x, "y": y}, draws=4_000)
    design = np.stack([np.ones(80), x], axis=1)
    (_, slope), residue, *_ = np.linalg.lstsq(design, y, rcond=None)
    error = np.sqrt(residue[0] / 78 * np.linalg.inv(design.T @ design)[1, 1])
    assert found.verdict is not None
    assert found.verdict["word"] == "good"
    assert found.draws("b").mean() == pytest.approx(slope, abs=0.2 * error)
    assert found.draws("b").std() == pytest.approx(error, rel=0.1)


def test_two_levels() -> None:
    generator = np.random.default_rng(3)
    a = generator.normal(size=8)
    b = generator.normal(a[:, None], 0.4, (8, 6)).ravel()
    school = np.repeat(np.arange(48), generator.choice([1, 3, 30], 48))
    data = {"school": school, "region": school // 6, "y": generator.normal(b[school], 1.0)}
    found = fit(NESTED, data, draws=4_000)
    assert found.verdict is not None
    assert found.verdict["word"] == "good"
    assert found.draws("sigma").mean() == pytest.approx(1.0, abs=0.15)
    assert np.allclose(found.draws("eff_raw"), 2 * found.draws("b"))


def test_two_modes_are_never_good() -> None:
    for seed in range(4):
        found = fit(TWO_PLACES, {"y": np.zeros(3)}, seed=seed, draws=100)
        assert found.verdict is not None
        assert found.verdict["word"] != "good", seed


def test_a_centred_funnel_is_never_good() -> None:
    model = pplang.compile_text(SCHOOLS)
    tight = {**SCHOOL_DATA, "se": [150.0] * 8}
    for seed in range(3):
        found = model.fit(tight, method="vi", seed=seed, draws=100, without=["center"])
        assert found.verdict is not None
        assert found.verdict["word"] != "good", seed


def test_too_few_gradients_say_so() -> None:
    found = fit(SCHOOLS, SCHOOL_DATA, max_gradients=700, draws=100)
    assert found.verdict is not None
    assert found.verdict["word"] == "poor"
    assert found.verdict["gradients"] <= 700
    assert "gradients" in found.verdict["reasons"][0]
    assert np.isfinite(found.draws("theta")).all()


def test_no_start_names_the_relation() -> None:
    text = "data Row:\n  y : real\n\nm ~ Normal(0, 1)\ny[i in Row] ~ Uniform(5 + 0 * m, 6)\n"
    with pytest.raises(pplang.Problems) as caught:
        fit(text, {"y": [1.0, 2.0]})
    assert [one.code for one in caught.value.diagnostics] == ["F10"]


def test_the_fit_file_keeps_the_verdict(tmp_path: Path) -> None:
    found = fit(SCHOOLS, SCHOOL_DATA, draws=50)
    found.save(tmp_path / "schools.nc")
    again = pplang.load(tmp_path / "schools.nc")
    assert again.verdict == found.verdict
    assert again.method == "vi"
    assert found.verdict is not None
    assert all(line in again.summary().text() for line in found.verdict["lines"])
    assert again.summary().to_json()["verdict"] == found.verdict


def test_a_poor_verdict_is_an_exit_status_when_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pplang.cli.main import main

    (tmp_path / "two.ppl").write_text(TWO_PLACES)
    (tmp_path / "two.csv").write_text("y\n0\n0\n")
    arguments = ["fit", str(tmp_path / "two.ppl"), str(tmp_path / "two.csv"), "--method", "vi", "-o", str(tmp_path / "two.nc"), "--force"]
    assert main(arguments) == 0
    assert main([*arguments, "--strict"]) == 3
    assert "POOR" in capsys.readouterr().out


def test_a_far_tail_is_told() -> None:
    """The precision of a vague prior has a mean that no draw of a normal approximation shows."""
    text = "data Row:\n  y : real\n\nprecision ~ Gamma(0.001, 0.001)\nb[i in Row] ~ Normal(0, 1 / sqrt(precision))\ny[i in Row] ~ Normal(b[i], 1)\n"
    found = fit(text, {"y": np.random.default_rng(0).normal(0, 1.8, 20)}, draws=100)
    assert found.verdict is not None
    assert found.verdict["word"] == "fair"
    assert "precision" in found.verdict["concerned"]
