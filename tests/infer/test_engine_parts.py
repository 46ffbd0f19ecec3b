"""The parts of the variational engine, each against what is known in closed form."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from helpers_infer import SCHOOL_DATA, SCHOOLS, schools

import pplang
from pplang._infer import transports
from pplang._infer.engine import coordinate_labels, dense_positions, fitted
from pplang._infer.families import Block, lower_root
from pplang._infer.importance import effective_share, led_by, proposed, resampled, shape_of, smoothed
from pplang._infer.natural_gradient import climb, evaluate
from pplang._infer.nested import nested
from pplang._infer.problem import Exhausted, Ledger, Problem
from pplang._infer.quasi_newton import climbed
from pplang._infer.quasi_random import _sobol, matched_normals
from pplang._infer.race import Race, draws_needed, refitted
from pplang._infer.regression import regressed
from pplang._infer.settings import Settings, silent
from pplang._infer.starts import wide
from pplang._infer.transports import Coordinate, State, Value, layout
from pplang._passes.plan import Block as TransportedBlock
from pplang._passes.plan import Hyperparameter


@pytest.fixture(scope="module")
def problem() -> Problem:
    bound = schools().transported
    return Problem(bound.target, layout(bound), 64, Ledger(10**6))


# draws ----------------------------------------------------------------------------------------------------------------


def test_moments_are_those_of_the_family() -> None:
    noise = matched_normals(64, 5, 40, seed=3)
    second = noise.T @ noise / 64
    assert np.allclose(noise.mean(axis=0), 0, atol=1e-14)
    assert np.allclose(second[:5, :5], np.eye(5), atol=1e-12)
    assert np.allclose(second[:5, 5:], 0, atol=1e-12)
    assert np.allclose(np.diag(second), 1)


def test_each_axis_has_a_point_in_every_part() -> None:
    points = _sobol(32, 70, np.random.Generator(np.random.Philox(1)))
    assert np.array_equal(np.sort((points * 32).astype(int), axis=0), np.tile(np.arange(32)[:, None], 70))


def test_the_first_axes_fill_the_square() -> None:
    """Two Sobol' axes have one point in each elementary rectangle where pseudo-random points leave a third of them empty."""
    points = _sobol(64, 2, np.random.Generator(np.random.Philox(1)))
    cells = {(int(8 * x), int(8 * y)) for x, y in points}
    assert len(cells) == 64


def test_draws_follow_the_dense_block() -> None:
    assert [draws_needed(p) for p in (0, 5, 31, 32, 100)] == [64, 64, 64, 128, 256]
    assert [draws_needed(5, r) for r in (0, 30, 31, 100)] == [64, 64, 128, 256]


# natural gradients ----------------------------------------------------------------------------------------------------


def _normal_target(mean: np.ndarray, precision: np.ndarray):  # type: ignore[no-untyped-def]
    def scores(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        away = points - mean
        gradients = -away @ precision
        return 0.5 * (away * gradients).sum(axis=1), gradients

    return scores


def test_one_step_is_exact_for_a_normal_target_with_independent_latents() -> None:
    generator = np.random.default_rng(0)
    root = generator.normal(size=(3, 3)) + 2 * np.eye(3)
    precision = np.zeros((10, 10))
    precision[:3, :3] = root @ root.T + np.eye(3)
    precision[3:, 3:] = np.diag(generator.uniform(2, 9, 7))
    mean = generator.normal(size=10)
    order = np.arange(10)
    start = Block(order, np.zeros(10), np.eye(3), np.ones(7))
    reached = climb(_normal_target(mean, precision), start, matched_normals(64, 3, 10, 1), steps=1, tolerance=1e-9)
    assert np.allclose(reached.family.means(), mean)
    assert np.allclose(reached.family.covariance(), np.linalg.inv(precision[:3, :3]))
    assert np.allclose(reached.family.scale**-2, np.diag(precision)[3:])
    assert reached.status == "converged"


def test_the_order_of_coordinates_is_kept() -> None:
    family = Block(np.array([2, 0, 1]), np.array([20.0, 0.0, 10.0]), np.array([[2.0]]), np.array([3.0, 4.0]))
    points = family.points(np.ones((1, 3)))
    assert points.tolist() == [[3.0, 14.0, 22.0]]
    assert family.means().tolist() == [0.0, 10.0, 20.0]
    assert family.deviations().tolist() == [3.0, 4.0, 2.0]
    assert family.pulled(np.array([[1.0, 10.0, 100.0]])).tolist() == [[200.0, 3.0, 40.0]]


def test_a_start_outside_the_support_is_narrowed_and_no_step_leaves_it() -> None:
    def scores(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log(1 - points[:, 0] ** 2), -2 * points / (1 - points**2)

    start = Block(np.array([0]), np.zeros(1), 30 * np.eye(1), np.zeros(0))
    reached = climb(scores, start, matched_normals(64, 1, 1, 0), steps=60, tolerance=0.05)
    assert reached.evaluation.finite
    assert np.isfinite(reached.family.means()).all()


def test_a_density_that_is_nowhere_finite_is_no_start() -> None:
    start = Block(np.array([0]), np.zeros(1), np.eye(1), np.zeros(0))
    reached = climb(lambda z: (np.full(len(z), np.nan), z), start, matched_normals(64, 1, 1, 0), steps=5, tolerance=0.1)
    assert reached.status == "no start"


def test_the_elbo_of_the_exact_fit_is_the_normalising_constant() -> None:
    precision = np.diag([4.0, 9.0])
    family = Block(np.arange(2), np.zeros(2), np.diag([0.5, 1 / 3]), np.zeros(0))
    elbo = evaluate(_normal_target(np.zeros(2), precision), family, matched_normals(64, 2, 2, 0)).elbo
    assert elbo + (1 + np.log(2 * np.pi)) == pytest.approx(np.log(2 * np.pi) - 0.5 * np.log(36))


# quasi-Newton ---------------------------------------------------------------------------------------------------------


def test_the_mode_is_found_in_badly_scaled_units() -> None:
    units = 10.0 ** np.arange(-2, 3)
    mean = np.linspace(-3, 3, 5) * units
    peak = climbed(lambda z: (-0.5 * float((((z - mean) / units) ** 2).sum()), -(z - mean) / units**2), np.zeros(5), steps=500, most=2_000)
    assert peak is not None
    assert np.allclose(peak.point / units, mean / units, atol=1e-2)


def test_a_curved_valley_is_followed() -> None:
    def banana(z: np.ndarray) -> tuple[float, np.ndarray]:
        x, y = z
        return -float((1 - x) ** 2 + 100 * (y - x * x) ** 2), -np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])

    peak = climbed(banana, np.array([-1.2, 1.0]), steps=200, most=400)
    assert peak is not None
    assert np.allclose(peak.point, 1, atol=1e-2)


def test_no_mode_where_the_start_is_not_finite() -> None:
    assert climbed(lambda z: (-np.inf, z), np.zeros(2), steps=3, most=9) is None


# transports -----------------------------------------------------------------------------------------------------------


def test_child_scores_are_those_of_the_likelihood(problem: Problem) -> None:
    """In eight schools the child score of theta is (effect - theta) / se^2, in any coordinates."""
    effect, se = problem.target.arguments["effect"], problem.target.arguments["se"]
    points = np.random.default_rng(1).normal(size=(20, problem.size))
    (site,) = problem.layout.sites
    with jax.enable_x64(True):
        fitted = {**problem.zero(), site.transport.h: np.linspace(0, 1, 8), site.transport.b: np.linspace(-1, 1, 8)}
        for constants in (problem.zero(), fitted):
            (state,) = problem.states(constants, points, problem.scores(constants)(points)[1])
            assert np.allclose(state.children[..., 0], (effect - state.along[..., 0]) / se**2, rtol=1e-8, atol=1e-10)


def test_the_regression_finds_the_evidence_of_a_normal_child(problem: Problem) -> None:
    effect, se = problem.target.arguments["effect"], problem.target.arguments["se"]
    points = np.random.default_rng(2).normal(size=(64, problem.size))
    (site,) = problem.layout.sites
    with jax.enable_x64(True):
        constants = refitted(problem, problem.zero(), points, problem.scores(problem.zero())(points)[1])
    assert constants is not None
    assert np.allclose(constants[site.transport.h], se**-2.0, rtol=0.02)
    assert np.allclose(constants[site.transport.b], effect / se**2.0, atol=0.02 * np.abs(effect / se**2.0).max())


def test_a_direction_that_the_children_do_not_see_stays_so() -> None:
    """Crossed effects with a location each: only theta + phi is known, to 0.1, and phi goes over 10. Were the evidence (symmetric) not met by the
    slopes of phi, every error would be carried over that width. The child's evidence moves with something else here, so that no fit is exact."""
    transport = TransportedBlock(
        ("theta",), "raw", "", "", "", "", "", None, "h", "b", (Hyperparameter("phi", "at", "slope"),), diagonal=False
    )
    site = Coordinate(transport, np.arange(3)[None], (3,), (3, 3), (Value("phi", False, ()),), 1)
    generator = np.random.default_rng(5)
    phi, s = 10 * generator.normal(size=64), generator.normal(size=64)
    theta = -phi[:, None] + 0.1 * generator.normal(size=(64, 3))
    known = 200 * np.eye(3) - 60 * np.ones((3, 3))
    children = -np.exp(0.5 * s)[:, None] * ((theta + phi[:, None]) @ known)
    nothing = np.zeros((64, 1, 3))
    found = regressed(site, State(theta[:, None], nothing, children[:, None], nothing, phi[:, None], np.zeros((64, 1, 0)), np.zeros(64)))
    assert np.allclose(found["h"], found["h"].T)
    assert np.linalg.eigvalsh(found["h"]).min() > 10
    assert np.abs(found["h"].sum(axis=1) + found["slope"]).max() * 10 < 0.5 * np.sqrt(20)


def test_of_two_estimates_of_a_number_the_better_one_counts() -> None:
    """The second element hardly moves: its own score says what the first does to it, the score of the first says nothing of it."""
    transport = TransportedBlock(("theta",), "raw", "", "", "", "", "", None, "h", "b", (), diagonal=False)
    site = Coordinate(transport, np.arange(2)[None], (2,), (2, 2), (), 0)
    generator = np.random.default_rng(4)
    known = np.array([[2.0, 0.5], [0.5, 1.0]])
    theta = generator.normal(size=(200, 1, 2)) * np.array([1.0, 1e-3])
    children = -theta @ known + generator.normal(size=theta.shape) * np.array([0.3, 1e-3])
    nothing, no_parents = np.zeros((200, 1, 2)), np.zeros((200, 1, 0))
    found = regressed(site, State(theta, nothing, children, nothing, np.zeros((200, 0)), no_parents, np.zeros(200)))
    assert np.allclose(found["h"], known, rtol=0.2, atol=0.01)


def test_other_constants_move_the_coordinate_and_not_the_value(problem: Problem) -> None:
    points = np.random.default_rng(3).normal(size=(5, problem.size))
    (site,) = problem.layout.sites
    constants = {**problem.zero(), site.transport.h: np.linspace(0.1, 2, 8), site.transport.b: np.ones(8)}
    with jax.enable_x64(True):
        (before,) = problem.states(problem.zero(), points)
        (there,) = problem.states(constants, points, transports.standards(problem.layout, [before], points))
        moved = transports.moved(points, site, there)
        (after,) = problem.states(constants, moved)
        old, new = problem.densities(problem.zero(), points), problem.densities(constants, moved)
    assert np.allclose(after.along, before.along)
    tau = np.exp(before.phi[:, [one.name for one in site.phi].index("tau_free")])
    jacobian = -0.5 * np.log1p(constants[site.transport.h] * tau[:, None] ** 2).sum(axis=1)
    assert np.allclose(new, old + jacobian)


def test_gradients_are_counted_and_end(problem: Problem) -> None:
    limited = Problem(problem.target, problem.layout, 64, Ledger(100))
    with jax.enable_x64(True):
        limited.scores(limited.zero())(np.zeros((70, problem.size)))
        limited.densities(limited.zero(), np.zeros((300, problem.size)))
        assert (limited.ledger.gradients, limited.ledger.densities) == (70, 300)
        with pytest.raises(Exhausted):
            limited.scores(limited.zero())(np.zeros((31, problem.size)))


def test_where_gradients_run_out_the_better_start_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the one that ran last: chains that begin there may never arrive."""
    text = "data Row:\n  y : real\n\nmu ~ Normal(0, 1000)\ny[i in Row] ~ Normal(mu, 0.1)\n"
    bound = pplang.compile_text(text).bind({"y": [500.0, 500.2]}).transported
    problem = Problem(bound.target, layout(bound), 64, Ledger(10**6))

    def exhausted(*_: object) -> None:
        raise Exhausted

    with jax.enable_x64(True):
        race = Race(problem, dense_positions(bound, np.zeros(0)), 0, 0.05, lambda remark: None)
        monkeypatch.setattr(race, "_finished", exhausted)
        reached = race.run()
    elbos = dict(reached.raced)
    assert list(elbos) == ["mode", "wide"] and elbos["mode"] > elbos["wide"] + 100
    assert (reached.start, reached.status) == ("mode", "out of gradients")
    assert reached.evaluation.elbo == elbos["mode"]


def test_hyperparameters_are_dense_and_named() -> None:
    bound = schools().transported
    labels = coordinate_labels(bound)
    assert list(labels[dense_positions(bound, layout(bound).positions)]) == ["tau", "mu"]
    assert "theta[C]" in labels


# importance sampling --------------------------------------------------------------------------------------------------


def test_the_proposal_knows_its_density() -> None:
    stats = pytest.importorskip("scipy.stats")
    covariance = np.array([[2.0, 0.6, 0.0], [0.6, 1.0, 0.0], [0.0, 0.0, 0.25]])
    family = Block(np.array([1, 2, 0]), np.array([1.0, -1.0, 3.0]), lower_root(covariance[:2, :2]), np.array([0.5]))
    sample = proposed(family, 0, 200, 1)
    own = sample.points[:, family.order]
    assert np.allclose(sample.log_proposal, stats.multivariate_normal(family.mean, covariance).logpdf(own))
    heavy = proposed(family, 2, 200, 1)
    own = heavy.points[:, family.order]
    expected = stats.multivariate_t(family.mean[:2], covariance[:2, :2], df=7).logpdf(own[:, :2]) + stats.norm(3.0, 0.5).logpdf(own[:, 2])
    assert np.allclose(heavy.log_proposal, expected)


def test_a_skew_coordinate_gets_a_density_of_its_own() -> None:
    generator = np.random.default_rng(6)
    x = np.log(generator.gamma(1.5, size=4_000))
    shape = shape_of(x, np.full(4_000, 1 / 4_000))
    line = np.linspace(-60, 60, 200_001)
    assert np.trapezoid(np.exp(shape.log_density(line)), line) == pytest.approx(1, abs=2e-3)
    drawn = shape.draws(4_000, generator)
    known = 1.5 * drawn - np.exp(drawn)
    assert effective_share(smoothed(known - shape.log_density(drawn))[0]) > 0.85


def test_the_leading_coordinate_leaves_the_distribution_as_it_is() -> None:
    root = lower_root(np.array([[2.0, 0.6, 0.1], [0.6, 1.0, 0.3], [0.1, 0.3, 0.5]]))
    family = Block(np.array([3, 1, 0, 2]), np.array([1.0, 2.0, 3.0, 4.0]), root, np.array([0.5]))
    leading = led_by(family, 2)
    assert leading.order[0] == 0
    assert np.allclose(leading.means(), family.means())
    assert np.allclose(leading.deviations(), family.deviations())
    shape = shape_of(np.linspace(-2, 2, 50), np.full(50, 0.02))
    sample = proposed(leading, 3, 300, 1, shape)
    own = sample.points[:, leading.order]
    noise = np.linalg.solve(leading.root, (own[:, :3] - leading.mean[:3]).T).T
    stats = pytest.importorskip("scipy.stats")
    expected = shape.log_density(noise[:, 0]) + stats.multivariate_t(np.zeros(2), np.eye(2), df=7).logpdf(noise[:, 1:])
    expected += stats.norm(4.0, 0.5).logpdf(own[:, 3]) - np.log(np.diag(leading.root)).sum()
    assert np.allclose(sample.log_proposal, expected)


def test_smoothed_weights_are_those_of_arviz() -> None:
    from arviz_stats.base import array_stats

    logs = np.random.default_rng(4).exponential(size=4_000) * 0.6
    weights, k_hat = smoothed(logs)
    known, known_k = array_stats.psislw(-logs)
    assert k_hat == pytest.approx(float(known_k), abs=0.02)
    assert np.allclose(weights, np.exp(known), rtol=0.05, atol=1e-6)
    assert weights.sum() == pytest.approx(1)


def test_weights_that_are_not_finite_do_not_count() -> None:
    logs = np.zeros(100)
    logs[:40] = -np.inf
    logs[40:50] = np.nan
    weights, _ = smoothed(logs)
    assert np.allclose(weights[:50], 0)
    assert effective_share(weights) == pytest.approx(0.5)
    assert np.isfinite(smoothed(np.full(100, np.nan))[0]).all()


def test_resampling_takes_each_as_often_as_it_weighs() -> None:
    weights = np.array([0.5, 0.25, 0.25, 0.0])
    counts = np.bincount(resampled(weights, 1_000, 0), minlength=4)
    assert np.abs(counts - 1_000 * weights).max() <= 1
    assert np.array_equal(resampled(weights, 50, 7), resampled(weights, 50, 7))


# the nested verdict ---------------------------------------------------------------------------------------------------


def test_latents_are_integrated_out(problem: Problem) -> None:
    """In eight schools effect ~ Normal(mu, sqrt(tau^2 + se^2)) given the hyperparameters."""
    bound = schools().transported
    with jax.enable_x64(True):
        found = fitted(bound, Settings(method="vi"), silent)
        result = nested(problem, found.fitted.constants, found.family, 2, 0)
    assert result is not None
    log_tau, mu = result.dense.T
    tau, effect, se = np.exp(log_tau), problem.target.arguments["effect"], problem.target.arguments["se"]
    variances = tau[:, None] ** 2 + se**2
    likelihood = (-0.5 * (effect - mu[:, None]) ** 2 / variances - 0.5 * np.log(2 * np.pi * variances)).sum(axis=1)
    prior = -0.5 * (mu / 5) ** 2 - 0.5 * np.log(2 * np.pi * 25) + np.log(2 / (5 * np.pi)) - np.log1p((tau / 5) ** 2) + log_tau
    proposal = proposed(Block(np.arange(2), found.family.mean[:2], found.family.root, np.zeros(0)), 2, len(mu), 0)
    assert np.allclose(result.log_weights, likelihood + prior - proposal.log_proposal, atol=2e-3)
    points = result.points(found.family, np.arange(len(mu)), 1)
    assert points.shape == (len(mu), problem.size)
    assert np.allclose(points[:, found.family.order[:2]], result.dense)


def test_coupled_latents_are_not_integrated_one_by_one() -> None:
    text = SCHOOLS.replace("Normal(theta[s], se[s])\nreport", "Normal(theta[s] * sum(theta[r] for r in School), se[s])\nreport")
    bound = pplang.compile_text(text).bind(SCHOOL_DATA).transported
    coupled = Problem(bound.target, layout(bound), 64, Ledger(10**6))
    family = wide(coupled, dense_positions(bound, coupled.layout.positions)).family
    with jax.enable_x64(True):
        assert nested(coupled, coupled.zero(), family, 2, 0) is None


# blocks ---------------------------------------------------------------------------------------------------------------

SLOPES = """
data Row:
  group : Group
  x     : real
  y     : real

m ~ Normal(0, 5)
n ~ Normal(0, 5)
s ~ HalfNormal(1)
t ~ HalfNormal(1)
a[g in Group] ~ Normal(m, s)
b[g in Group] ~ Normal(n, t)
y[i in Row] ~ Normal(a[group[i]] + b[group[i]] * x[i], 0.5)
"""


def test_the_evidence_of_an_intercept_and_a_slope_is_found_together() -> None:
    """H of a group is X'X / sigma^2 and b is X'y / sigma^2, X the design of its rows."""
    generator = np.random.default_rng(0)
    group, x = np.repeat(np.arange(4), 5), generator.normal(size=20)
    y = generator.normal(size=20)
    bound = pplang.compile_text(SLOPES).bind({"group": group, "x": x, "y": y}).transported
    slopes = Problem(bound.target, layout(bound), 64, Ledger(10**6))
    (site,) = slopes.layout.sites
    points = generator.normal(size=(64, slopes.size))
    with jax.enable_x64(True):
        constants = refitted(slopes, slopes.zero(), points, slopes.scores(slopes.zero())(points)[1])
        assert constants is not None
        again = generator.normal(size=(10, slopes.size))
        (state,) = slopes.states(constants, again, slopes.scores(constants)(again)[1])
        (before,) = slopes.states(slopes.zero(), points)
        (there,) = slopes.states(constants, points, transports.standards(slopes.layout, [before], points))
        moved = transports.moved(points, site, there)
        (after,) = slopes.states(constants, moved)
    assert np.allclose(after.along, before.along)
    for j in range(4):
        design = np.stack([np.ones(5), x[group == j]], axis=1)
        assert np.allclose(constants[site.transport.h][j], design.T @ design / 0.25, rtol=0.03, atol=0.5)
        residual = y[group == j] - state.along[:, j] @ design.T
        assert np.allclose(state.children[:, j], residual @ design / 0.25, rtol=1e-6, atol=1e-8)


CROSSED = """
data Row:
  a : A
  b : B
  y : real

m ~ Normal(0, 5)
tau ~ HalfNormal(2)
u[i in A] ~ Normal(0, tau)
v[j in B] ~ Normal(m, 1)
y[n in Row] ~ Normal(u[a[n]] + v[b[n]], 0.5)
"""


def test_the_evidence_of_the_smaller_of_crossed_effects_has_the_larger_integrated_out() -> None:
    """y - u has the covariance 0.25 I + Z Z', Z the design of v: H is X' (0.25 I + Z Z')^-1 X, and neither m nor tau changes it."""
    generator = np.random.default_rng(1)
    a, b = generator.integers(0, 3, 24), np.repeat(np.arange(6), 4)
    bound = pplang.compile_text(CROSSED).bind({"a": a, "b": b, "y": generator.normal(size=24)}).transported
    crossed = Problem(bound.target, layout(bound), 64, Ledger(10**6))
    points = generator.normal(size=(64, crossed.size))
    with jax.enable_x64(True):
        constants = refitted(crossed, crossed.zero(), points, crossed.scores(crossed.zero())(points)[1])
    assert constants is not None
    design, other = np.eye(3)[a], np.eye(6)[b]
    evidence = design.T @ np.linalg.solve(0.25 * np.eye(24) + other @ other.T, design)
    (block,) = bound.compiled.blocks
    assert block.sites == ("u",)
    assert np.allclose(constants[block.h], evidence, atol=0.03 * np.abs(evidence).max())
