"""Bad input that only a fit can see: each has a diagnostic, or a poor verdict that says which unknowns are concerned."""

from __future__ import annotations

import numpy as np
import pytest

import pplang

HEADER = "data Row:\n  x : real\n  y : real\n\n"
ROWS = {"x": np.linspace(-1, 1, 12), "y": np.sin(np.arange(12.0))}
LINE = HEADER + "a ~ {prior}\nb ~ {prior}\ny[i in Row] ~ Normal(a + b * x[i], 1)\n"


def fit(text: str, data: dict[str, np.ndarray], **settings: object) -> pplang.Fit:
    return pplang.compile_text(text).fit(data, **{"draws": 50, **settings})  # type: ignore[arg-type]


def fault(text: str, data: dict[str, np.ndarray]) -> pplang.Problems:
    with pytest.raises(pplang.Problems) as caught:
        fit(text, data)
    return caught.value


def test_an_impossible_row_is_named_with_its_value() -> None:
    text = "data Day:\n  day : key\n  y   : real\n\nhigh ~ Uniform(0, 10)\ny[i in Day] ~ Uniform(0, high)\n"
    (found,) = fault(text, {"day": ["mon", "tue", "wed", "thu"], "y": [3.0, 12.5, 4, 40]}).diagnostics
    assert found.code == "F10"
    assert found.label == "`y` has no finite density for 2 of 4 (first: Day tue, where it is 12.5)"


def test_a_function_that_is_not_defined_anywhere_is_named() -> None:
    text = HEADER + "a ~ Normal(0, 1)\ny[i in Row] ~ Normal(log(a - 100), 1)\n"
    (found,) = fault(text, ROWS).diagnostics
    assert found.code == "F10"
    assert found.label == "`y` takes a function of what it is not defined for (log of a negative number)"


def test_an_unknown_without_data_and_without_a_proper_prior_is_refused() -> None:
    (found,) = fault(HEADER + "a ~ Flat()\nb ~ Normal(0, 1)\ny[i in Row] ~ Normal(b, 1)\n", ROWS).diagnostics
    assert found.code == "F12"
    assert "`a`" in found.title


def test_an_unknown_without_data_is_noted_and_a_prediction_is_not() -> None:
    text = HEADER + "a ~ Normal(0, 1)\nb ~ Normal(0, 1)\ny[i in Row] ~ Normal(b, 1)\nagain[i in Row] ~ Normal(b, 1)\nc = a + b\n"
    found = fit(text, ROWS)
    assert [(one.code, "`a`" in one.title) for one in found.notes] == [("F25", True)]
    assert found.verdict is not None
    assert found.verdict["word"] == "good"


def test_a_constant_covariate_is_noted() -> None:
    found = fit(LINE.format(prior="Normal(0, 10)"), {**ROWS, "x": np.full(12, 3.0)})
    assert [one.code for one in found.notes] == ["F26"]
    assert "`x` is 3 in every row" in found.notes[0].title
    assert fit(LINE.format(prior="Normal(0, 10)"), ROWS).notes == ()


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (HEADER + "a ~ Flat()\nb ~ Flat()\ny[i in Row] ~ Normal((a + b)^3 / 9 + a + b, 1)\n", ROWS),
        (
            "data Row:\n  x : real\n  y : bool\n\na ~ Flat()\nb ~ Flat()\ny[i in Row] ~ Bernoulli(logit = a + b * x[i])\n",
            {"x": ROWS["x"], "y": ROWS["x"] > 0},
        ),
    ],
    ids=["sum of two", "separation"],
)
def test_an_improper_posterior_is_poor_and_says_along_what(text: str, data: dict[str, np.ndarray]) -> None:
    """And `auto` does not send chains into it: they would have no end."""
    found = fit(text, data)
    assert found.method == "vi"
    assert found.verdict is not None
    assert found.verdict["word"] == "poor"
    assert set(found.verdict["improper"]) == {"a", "b"}
    assert "does not fall along a, b" in found.verdict["reasons"][0]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (LINE.format(prior="Flat()"), {**ROWS, "x": np.full(12, 3.0)}),
        (HEADER + "a ~ Flat()\nb ~ Flat()\ny[i in Row] ~ Normal(a + b, 1)\n", ROWS),
    ],
    ids=["constant column", "sum of two"],
)
def test_flat_coefficients_that_no_row_tells_apart_are_refused(text: str, data: dict[str, np.ndarray]) -> None:
    (found,) = fault(text, data).diagnostics
    assert found.code == "F29"


def test_one_coefficient_of_many_without_a_bound_is_named() -> None:
    """No failures in one group: its logit alone has no end."""
    text = "data Row:\n  g : Group\n  y : bool\n\nb[k in Group] ~ Flat()\ny[i in Row] ~ Bernoulli(logit = b[g[i]])\n"
    found = fit(text, {"g": np.array(list("aabbcc")), "y": np.array([1, 0, 1, 1, 0, 1])})
    assert found.method == "vi"
    assert found.verdict is not None
    assert (found.verdict["word"], found.verdict["improper"]) == ("poor", ["b[b]"])


def test_outcomes_that_never_vary_are_poor() -> None:
    found = fit(
        "data Row:\n  y : real\n\nmu ~ Flat()\nsigma ~ Flat(lower = 0)\ny[i in Row] ~ Normal(mu, sigma)\n",
        {"y": np.full(9, 2.0)},
        method="vi",
    )
    assert found.verdict is not None
    assert found.verdict["word"] == "poor"
    assert "sigma" in found.verdict["concerned"]


def test_a_covariance_that_is_none_is_named() -> None:
    text = """
index Place = 1..3

length ~ HalfNormal(1)
K[i in Place, j in Place] = exp(-abs(i - j) / length) - (if i == j then 1 else 0)
f[Place] ~ MultiNormal(0, cov = K)
factor -f[1]^2
"""
    with pytest.raises(pplang.Problems) as caught:
        pplang.compile_text(text).fit(method="vi")
    (found,) = caught.value.diagnostics
    assert (found.code, found.label) == ("F10", "the covariance of `f`")
