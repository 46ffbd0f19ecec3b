"""Processes on a basis: the covariance of the sum of functions tends to the kernel, whatever it is and however it is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pplang
from pplang._diagnostics import Problems, render
from pplang._infer.bases import measured, too_small
from pplang._ir.text import expression, text
from pplang._lower import lower
from pplang._model import Bound
from pplang._passes.kernels import recognised
from pplang._passes.polynomials import UnreadableError
from pplang._prove import prove

TOP = """
data Bin:
  x          : real
  z          : real
  w[Feature] : real from "w_*"
  y          : real

fn near(r) = (1 + sqrt(3) * r) * exp(-sqrt(3) * r)
fn far(r)  = (1 + sqrt(5) * r + 5 * r^2 / 3) * exp(-sqrt(5) * r)
fn se(d, l) = exp(-d^2 / (2 * l^2))

length ~ InverseGamma(5, 5)
other ~ InverseGamma(5, 5)
height ~ HalfNormal(1)
any ~ Normal(0, 1)
own[k in Feature] ~ HalfNormal(1)
"""


def model(kernel: str, arguments: str = "basis = 10", mean: str = "0") -> pplang.Model:
    relations = f"K[i in Bin, j in Bin] = {kernel}\nf[Bin] ~ GP({mean}, cov = K, {arguments})\ny[i in Bin] ~ Normal(f[i], 1)\n"
    return pplang.compile_text(TOP + relations)


def data(rows: int = 40, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(2, 6, size=rows)
    x[1] = x[0]  # two in one place
    return {"x": x, "z": rng.uniform(-1, 1, size=rows), "w_a": x, "w_b": rng.uniform(-3, 3, size=rows), "y": np.sin(x)}


def covariance(bound: Bound) -> tuple[np.ndarray, float]:
    """Of a process whose hyperparameters are numbers, and the error that is reported; in NumPy."""
    arrays = bound.dataset.values()
    known = lower(bound.compiled.drawn).prepare(sets=bound.sets, **arrays)
    scaled = known["f_wave"] * known["f_scale"]
    return scaled @ scaled.T, float(known["f_error"])


def squared_exponential(r: np.ndarray) -> np.ndarray:
    return np.exp(-(r**2) / 2)


def matern(r: np.ndarray, nu: float) -> np.ndarray:
    from scipy.special import gamma, kv

    scaled = np.sqrt(2 * nu) * np.where(r == 0, 1e-10, r)
    return 2 ** (1 - nu) / gamma(nu) * scaled**nu * kv(nu, scaled)


def distance(*parts: tuple[np.ndarray, float]) -> np.ndarray:
    return np.sqrt(sum(((one[:, None] - one) / length) ** 2 for one, length in parts))


GIVEN = data()
X, Z, B = GIVEN["x"], GIVEN["z"], GIVEN["w_b"]
KERNELS = {
    "squared exponential": ("2 * se(x[i] - x[j], 0.8)", 40, 2 * squared_exponential(distance((X, 0.8))), 1e-6),
    "by its precision": ("0.5 * exp(-3 * (x[j] - x[i])^2)", 60, 0.5 * squared_exponential(distance((X, 6**-0.5))), 5e-6),
    "matern 1/2": ("1.5 * exp(-abs(x[i] - x[j]) / 1.2)", 2_000, 1.5 * matern(distance((X, 1.2)), 0.5), 4e-3),
    "matern 3/2": ("near(abs(x[i] - x[j]) / 0.7)", 400, matern(distance((X, 0.7)), 1.5), 5e-5),
    "matern 5/2": ("3 * far(sqrt((x[i] - x[j])^2) / 0.7)", 200, 3 * matern(distance((X, 0.7)), 2.5), 5e-6),
    "a sum": ("se(x[i] - x[j], 0.9) + 0.3 * near(abs(x[i] - x[j]))", 400, squared_exponential(distance((X, 0.9))) + 0.3 * matern(distance((X, 1)), 1.5), 1e-5),
    "two inputs": ("exp(-((x[i] - x[j]) / 2)^2 / 2) * se(z[i] - z[j], 0.6)", 20, squared_exponential(distance((X, 2), (Z, 0.6))), 1e-4),
    "two inputs, matern": ("far(sqrt(((x[i] - x[j]) / 2)^2 + ((z[i] - z[j]) / 0.8)^2))", 44, matern(distance((X, 2), (Z, 0.8)), 2.5), 1e-3),
    "a table of inputs": (
        "near(sqrt(sum(((w[i, k] - w[j, k]) / 2.5)^2 for k in Feature)))", 44, matern(distance((X, 2.5), (B, 2.5)), 1.5), 1e-2),
}  # fmt: skip


@pytest.mark.parametrize("name", KERNELS)
def test_the_covariance_tends_to_the_kernel(name: str) -> None:
    kernel, count, exact, bound = KERNELS[name]
    boundary = 6 if name == "a table of inputs" else 4
    found, error = covariance(model(kernel, f"basis = {count}, boundary = {boundary}").bind(GIVEN))
    few, larger = covariance(model(kernel, f"basis = {max(2, count // 8)}, boundary = {boundary}").bind(GIVEN))
    assert np.max(np.abs(found - exact)) < bound * exact[0, 0]
    assert np.max(np.abs(few - exact)) > 2 * bound * exact[0, 0]
    assert error < 2 * bound < larger


@pytest.mark.parametrize(("basis", "boundary"), [(6, 1.5), (30, 1.1), (30, 3)])
def test_the_error_that_is_reported_is_that_of_the_covariance(basis: int, boundary: float) -> None:
    place = np.linspace(0, 6, 17)
    given = {"x": place, "z": place, "w_a": place, "w_b": place, "y": place}
    found, error = covariance(model("2 * se(x[i] - x[j], 1.1)", f"basis = {basis}, boundary = {boundary}").bind(given))
    exact = 2 * squared_exponential(distance((place, 1.1)))
    np.testing.assert_allclose(error, np.max(np.abs(found - exact)) / 2, rtol=1e-10)


WRITTEN = {
    "height^2 * exp(-0.5 * ((x[j] - x[i]) / length)^2)": ("squared exponential", "height^2", ["length"]),
    "exp(-(x[i] - x[j])^2 / length^2 / 2) * height": ("squared exponential", "height", ["length"]),
    "exp(-(log(z[i]) - log(z[j]))^2 / (2 * any^2))": ("squared exponential", "1", ["abs(any)"]),
    "near(abs(x[i] - x[j]) / length)": ("Matern 3/2", "1", ["length"]),
    "(height + other) * far(sqrt(((x[i] - x[j]) / length)^2 + ((z[i] - z[j]) / other)^2))": ("Matern 5/2", "height + other", ["length", "other"]),
    "exp(-sum((w[i, k] - w[j, k])^2 / own[k]^2 for k in Feature) / 2)": ("squared exponential", "1", ["abs(own[k])"]),
    "height * exp(-abs(x[i] - x[j]) / length)": ("Matern 1/2", "height", ["length"]),
}  # fmt: skip


@pytest.mark.parametrize("kernel", WRITTEN)
def test_kernels_are_known_however_they_are_written(kernel: str) -> None:
    found = recognised(model(kernel).program.site["K"].right, "i", "j", lambda node: expression(node) in ("length", "height", "other"))
    (one,) = found.kernels
    assert (one.family.name, expression(one.variance), [expression(length) for length in one.lengths]) == WRITTEN[kernel]


@pytest.mark.parametrize(
    "kernel",
    [
        "1 + se(x[i] - x[j], length)",
        "se(x[i] - x[j], length) + (if i == j then 1 else 0)",
        "se(x[i] - x[j], length) * exp(-abs(x[i] - x[j]))",
        "(1 + sqrt(3) * abs(x[i] - x[j])) * exp(-sqrt(5) * abs(x[i] - x[j]))",
        "x[i] * x[j] * se(x[i] - x[j], length)",
        "exp((x[i] - x[j])^2)",
        "exp(-2 * sin(abs(x[i] - x[j]))^2)",
        "se(x[i] - z[j], length)",
        "se(x[i] - x[j], length) + se(z[i] - z[j], length)",
    ],
)
def test_what_is_no_such_kernel_is_refused(kernel: str) -> None:
    with pytest.raises(UnreadableError):
        recognised(model(kernel).program.site["K"].right, "i", "j", lambda node: True)


def refused(made: pplang.Model, given: dict[str, Any]) -> str:
    with pytest.raises(Problems) as caught:
        made.bind(given).arguments  # noqa: B018
    return render(caught.value.diagnostics, caught.value.source)


def test_inputs_that_are_no_data_are_refused() -> None:
    relations = "at[i in Bin] ~ Normal(x[i], 1)\nK[i in Bin, j in Bin] = se(at[i] - at[j], 1)\nf[Bin] ~ GP(0, cov = K, basis = 5)\ny[i in Bin] ~ Normal(f[i], 1)\n"
    assert "F32" in refused(pplang.compile_text(TOP + relations), GIVEN)


def test_what_the_data_make_of_a_basis_is_told() -> None:
    assert "f_half" in refused(model("se(x[i] - x[j], length)"), {**GIVEN, "x": np.ones(40)})
    found = refused(model("exp(-sum((w[i, k] - w[j, k])^2 for k in Feature))", "basis = 50"), GIVEN)
    assert "F34" in found
    assert "50^2 basis functions for `f`: Feature has 2 members" in found


@pytest.mark.parametrize(
    "kernel", ["height^2 * se(x[i] - x[j], length)", "near(sqrt(sum(((w[i, k] - w[j, k]) / own[k])^2 for k in Feature)))"]
)
def test_the_program_prints_and_is_left_alone_when_run_again(kernel: str) -> None:
    compiled = model(kernel).compiled(after="approximate")
    printed = text(compiled.program)
    again = pplang.compile_text(printed)
    assert again.program == compiled.program
    assert again.compiled(after="approximate").program == compiled.program
    assert "K[" not in printed
    assert "GP(" not in printed


SEVERAL = """
data Visit:
  person : Person
  day    : real
  y      : real

index Time ordered = 1..8

length ~ InverseGamma(5, 5)
height[p in Person] ~ HalfNormal(1)
C[p in Person, s in Time, t in Time] = height[p]^2 * D[s, t]
D[s in Time, t in Time] = exp(-((s - t) / (3 * length))^2 / 2)
K[i in Visit, j in Visit] = exp(-abs(day[i] - day[j]) / length)
trend[t in Time] = 0.1 * t
own[p in Person, Time] ~ GP(trend, cov = C[p], basis = 6)
f[Visit] ~ GP(length, cov = K, basis = 250)
y[v in Visit] ~ Normal(own[person[v], 3] + f[v], 0.5)
"""


def test_several_processes_and_one_for_each_group() -> None:
    """Each with what the other has not: a vector of weights for each group, and weights one by one."""
    made = pplang.compile_text(SEVERAL)
    given = {"person": ["a", "a", "b", "b"], "day": [0.0, 1, 1, 3], "y": [1.0, 2, 0, 1]}
    bound = made.bind(given)
    assert {
        "own_weight": ("Person", "Own_basis"),
        "f_weight": ("F_basis",),
        "own_error": ("Person",),
        "f_error": (),
    }.items() <= bound.kept.items()
    proofs = prove(bound.transported, points=2, prior_draws=0)
    assert {"whiten", "center"} <= {one.name for one in proofs}
    assert all(one.holds for one in proofs), proofs


def test_the_density_is_that_of_independent_weights() -> None:
    """Hyperparameters are numbers, so that the weights are the only unknowns and move as they are."""
    import jax
    from scipy.stats import norm

    bound = model("2 * near(abs(x[i] - x[j]))", "basis = 7", mean="0.5").bind(GIVEN, without=["collapse"])
    z = np.random.default_rng(2).normal(size=7)
    known = lower(bound.compiled.drawn).prepare(sets=bound.sets, **bound.dataset.values())
    with jax.enable_x64(True):
        found = float(bound.log_density(z))
    expected = norm.logpdf(z, 0, known["f_scale"]).sum() + norm.logpdf(GIVEN["y"], 0.5 + known["f_wave"] @ z, 1).sum()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_basis_that_is_too_small_is_told_with_what_would_do() -> None:
    bound = model("height^2 * se(x[i] - x[j], length)", "basis = 4").bind(GIVEN)

    def told(error: float, functions: float, boundary: float) -> str:
        draws = {"f_error": [error], "f_enough_basis": [functions], "f_enough_boundary": [boundary]}
        return render(too_small(bound, {name: np.array([one]) for name, one in draws.items()}), bound.model.source)

    values = {"f_error": 0.123, "f_enough_basis": 13.0, "f_enough_boundary": 2.31}
    (one,) = measured(bound.compiled, lambda name: np.full((1, 9), values[name]))
    assert one.sentence() == "f: its covariance is off by 12.3% of the variance (median of the draws); basis = 13, boundary = 2.4 would do"
    assert told(0.04, 90, 9) == ""
    assert "4 functions are too few" in told(0.2, 13, 1.2)
    assert "write basis = 15\n" in told(0.2, 13, 1.2)
    assert "write basis = 20, boundary = 2.4\n" in told(0.2, 18, 2.31)
    assert "vanish at boundary = 1.5, which is too near" in told(0.2, 3, 2.31)
    assert "write basis = 4, boundary = 2.4\n" in told(0.2, 3, 2.31)


@pytest.mark.slow
def test_a_fit_on_a_basis_is_that_of_the_process() -> None:
    rng = np.random.default_rng(1)
    given = data(50)
    given["y"] = np.sin(2 * given["x"]) + 0.3 * rng.normal(size=50)
    fits = []
    for arguments in ("basis = 20, boundary = 2.5", "jitter = 1e-6", "basis = 3"):
        relations = f"K[i in Bin, j in Bin] = height^2 * se(x[i] - x[j], length)\nf[Bin] ~ GP(0, cov = K, {arguments})\ny[i in Bin] ~ Normal(f[i], 0.3)\n"
        fits.append(pplang.compile_text(TOP + relations).fit(given, method="vi", draws=2_000))
    basis, exact, few = fits
    assert few.notes[-1].code == "F35"
    assert [fit.verdict["word"] for fit in (basis, exact)] == ["good", "good"]
    for name in ("f", "length", "height"):
        one, other = (np.asarray(fit[name]).reshape(2_000, -1) for fit in (basis, exact))
        assert np.max(np.abs(one.mean(0) - other.mean(0)) / other.std(0)) < 0.15
        assert np.max(np.abs(np.log(one.std(0) / other.std(0)))) < 0.15
