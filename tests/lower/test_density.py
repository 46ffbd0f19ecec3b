"""Log densities of whole models, next to the same sums written with SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from tests.lower.builders import density

RNG = np.random.default_rng(1)


def close(found: float, wanted: float) -> None:
    assert found == pytest.approx(float(wanted), rel=1e-11, abs=1e-10)


def test_eight_schools() -> None:
    text = """
data School:
  effect : real
  se     : positive

mu                   ~ Normal(0, 5)
tau                  ~ HalfCauchy(5)
theta[s in School]   ~ Normal(mu, tau)
effect[s in School]  ~ Normal(theta[s], se[s])
"""
    effect, se = np.array([28.0, 8, -3, 7]), np.array([15.0, 10, 16, 11])
    mu, tau, theta = 3.0, 2.5, np.array([4.0, 1, -2, 6])
    wanted = stats.norm.logpdf(mu, 0, 5) + stats.halfcauchy.logpdf(tau, 0, 5)
    wanted += stats.norm.logpdf(theta, mu, tau).sum() + stats.norm.logpdf(effect, theta, se).sum()
    close(density(text, {"effect": effect, "se": se}, {"School": range(4)}, {"mu": mu, "tau": tau, "theta": theta}), wanted)


def test_radon_with_joint_intercepts_and_slopes() -> None:
    text = """
data Home:
  county    : County
  floor     : real
  log_radon : real
  uranium   : real per County

index Coef = {intercept, slope}

gamma              ~ Normal(0, 1)
mu[k in Coef]      ~ Normal(0, 2)
tau[k in Coef]     ~ HalfNormal(1)
R[Coef, Coef]      ~ LKJ(2)
sigma              ~ HalfNormal(1)
beta[c in County, Coef] ~ MultiNormal(mu, scale = tau, corr = R)
log_radon[i in Home] ~ Normal(a[i] + beta[county[i], slope] * floor[i], sigma)
a[i in Home] = beta[county[i], intercept] + gamma * uranium[county[i]]
report rho = R[intercept, slope]
"""
    county, floor, y = RNG.integers(0, 3, 12), RNG.integers(0, 2, 12).astype(float), RNG.normal(size=12)
    uranium, mu, tau, gamma, sigma = RNG.normal(size=3), RNG.normal(size=2), np.array([0.4, 1.3]), 0.7, 0.9
    r = np.array([[1, 0.3], [0.3, 1]])
    beta = RNG.normal(size=(3, 2))
    cov = np.diag(tau) @ r @ np.diag(tau)
    lkj = (2 - 1) * np.log(1 - 0.3**2) - np.log(4 / 3)
    wanted = stats.norm.logpdf(gamma) + stats.norm.logpdf(mu, 0, 2).sum() + stats.halfnorm.logpdf(tau).sum() + lkj
    wanted += stats.halfnorm.logpdf(sigma) + stats.multivariate_normal.logpdf(beta, mu, cov).sum()
    mean = beta[county, 0] + gamma * uranium[county] + beta[county, 1] * floor
    wanted += stats.norm.logpdf(y, mean, sigma).sum()
    data = {"county": county, "floor": floor, "log_radon": y, "uranium": uranium}
    sets = {"Home": range(12), "County": ["a", "b", "c"], "Coef": ["intercept", "slope"]}
    values = {"gamma": gamma, "mu": mu, "tau": tau, "R": r, "sigma": sigma, "beta": beta}
    close(density(text, data, sets, values), wanted)


def test_censored_survival() -> None:
    text = """
data Patient:
  clinic : Clinic
  arm    : Arm
  days   : positive
  died   : bool

shape               ~ Gamma(2, 1)
effect[a in Arm]    ~ Normal(0, 1)
s_clinic            ~ HalfNormal(0.5)
frailty[c in Clinic] ~ Normal(0, s_clinic)
scale[i in Patient] = exp(effect[arm[i]] + frailty[clinic[i]])
days[i in Patient]  ~ Censored(Weibull(shape, scale[i]), right = not died[i])
report median[a in Arm] = exp(effect[a]) * log(2)^(1 / shape)
"""
    clinic, arm = RNG.integers(0, 4, 20), RNG.integers(0, 2, 20)
    days, died = RNG.gamma(2, size=20), RNG.random(20) < 0.6
    shape, effect, s, frailty = 1.4, np.array([0.3, -0.2]), 0.6, RNG.normal(size=4)
    scale = np.exp(effect[arm] + frailty[clinic])
    each = np.where(died, stats.weibull_min.logpdf(days, shape, 0, scale), stats.weibull_min.logsf(days, shape, 0, scale))
    wanted = each.sum() + stats.gamma.logpdf(shape, 2) + stats.norm.logpdf(effect).sum() + stats.halfnorm.logpdf(s, 0, 0.5)
    wanted += stats.norm.logpdf(frailty, 0, s).sum()
    data = {"clinic": clinic, "arm": arm, "days": days, "died": died}
    sets = {"Patient": range(20), "Clinic": range(1, 5), "Arm": ["x", "y"]}
    close(density(text, data, sets, {"shape": shape, "effect": effect, "s_clinic": s, "frailty": frailty}), wanted)


def test_item_response() -> None:
    text = """
data Answer:
  pupil : Pupil
  item  : Item
  right : bool

ability[p in Pupil]  ~ Normal(0, 1)
s_diff               ~ HalfNormal(2)
m_diff               ~ Normal(0, 2)
difficulty[q in Item] ~ Normal(m_diff, s_diff)
sharpness[q in Item]  ~ LogNormal(0, 0.5)
right[n in Answer] ~ Bernoulli(logit = sharpness[item[n]] * (ability[pupil[n]] - difficulty[item[n]]))
"""
    pupil, item, right = RNG.integers(0, 5, 30), RNG.integers(0, 4, 30), RNG.random(30) < 0.5
    ability, s, m, difficulty, sharpness = RNG.normal(size=5), 1.5, 0.3, RNG.normal(size=4), np.exp(RNG.normal(size=4) / 2)
    p = expit(sharpness[item] * (ability[pupil] - difficulty[item]))
    wanted = stats.norm.logpdf(ability).sum() + stats.halfnorm.logpdf(s, 0, 2) + stats.norm.logpdf(m, 0, 2)
    wanted += (
        stats.norm.logpdf(difficulty, m, s).sum() + stats.lognorm.logpdf(sharpness, 0.5).sum() + stats.bernoulli.logpmf(right, p).sum()
    )
    data = {"pupil": pupil, "item": item, "right": right}
    sets = {"Answer": range(30), "Pupil": range(5), "Item": ["a", "b", "c", "d"]}
    values = {"ability": ability, "s_diff": s, "m_diff": m, "difficulty": difficulty, "sharpness": sharpness}
    close(density(text, data, sets, values), wanted)


def test_horseshoe_over_a_wide_table() -> None:
    text = """
data Patient:
  relapse    : bool
  x[Gene]    : real from "gene_*"

input n_expected : positive = 5
tau0             = n_expected / (size(Gene) - n_expected) * 2 / sqrt(size(Patient))
tau              ~ HalfCauchy(tau0)
slab             ~ InverseGamma(2, 8)
lambda[g in Gene] ~ HalfCauchy(1)
width[g in Gene]  = sqrt(slab * lambda[g]^2 / (slab + tau^2 * lambda[g]^2))
beta[g in Gene]   ~ Normal(0, tau * width[g])
alpha             ~ Normal(0, 3)
relapse[i in Patient] ~ Bernoulli(logit = alpha + sum(x[i, g] * beta[g] for g in Gene))
"""
    x, relapse = RNG.normal(size=(9, 6)), RNG.random(9) < 0.5
    tau, slab, lam, beta, alpha = 0.2, 3.0, np.exp(RNG.normal(size=6)), RNG.normal(size=6), 0.4
    tau0 = 2.0 / (6 - 2) * 2 / np.sqrt(9)
    width = np.sqrt(slab * lam**2 / (slab + tau**2 * lam**2))
    wanted = stats.halfcauchy.logpdf(tau, 0, tau0) + stats.invgamma.logpdf(slab, 2, scale=8) + stats.halfcauchy.logpdf(lam).sum()
    wanted += stats.norm.logpdf(beta, 0, tau * width).sum() + stats.norm.logpdf(alpha, 0, 3)
    wanted += stats.bernoulli.logpmf(relapse, expit(alpha + x @ beta)).sum()
    data = {"x": x, "relapse": relapse, "n_expected": 2.0}
    sets = {"Patient": range(9), "Gene": [f"gene_{k}" for k in range(6)]}
    close(density(text, data, sets, {"tau": tau, "slab": slab, "lambda": lam, "beta": beta, "alpha": alpha}), wanted)


def test_dose_response_with_a_param_and_truncation() -> None:
    text = """
data Assay:
  plate    : Plate
  dose     : positive
  response : real(0, 4)

fn emax(d, top, ec50, hill) = top * d^hill / (d^hill + ec50^hill)

param sigma : positive = 0.1
top   ~ Truncated(Normal(2, 1), lower = 0, upper = 4)
hill  ~ LogNormal(0, 0.5)
log_ec50[p in Plate] ~ Normal(0, 2)
response[i in Assay] ~ Truncated(Normal(fit[i], sigma), lower = 0, upper = 4)
fit[i in Assay]      = emax(dose[i], top, exp(log_ec50[plate[i]]), hill)
"""
    plate, dose, response = RNG.integers(0, 2, 8), RNG.gamma(2, size=8), RNG.uniform(0.1, 3.9, 8)
    sigma, top, hill, log_ec50 = 0.8, 2.3, 1.2, np.array([0.2, -0.4])
    fit = top * dose**hill / (dose**hill + np.exp(log_ec50[plate]) ** hill)

    def truncated(x, m, s):  # type: ignore[no-untyped-def]
        return stats.truncnorm.logpdf(x, (0 - m) / s, (4 - m) / s, m, s)

    wanted = truncated(top, 2, 1) + stats.lognorm.logpdf(hill, 0.5) + stats.norm.logpdf(log_ec50, 0, 2).sum()
    wanted += truncated(response, fit, sigma).sum()
    data = {"plate": plate, "dose": dose, "response": response}
    sets = {"Assay": range(8), "Plate": ["p", "q"]}
    close(density(text, data, sets, {"sigma": sigma, "top": top, "hill": hill, "log_ec50": log_ec50}), wanted)


def test_poisson_with_crossed_groups_over_inputs() -> None:
    text = """
input years : count
input sites : count
index Year = 1..years
index Site = 1..sites
input y[Year, Site] : count

mu               ~ Normal(0, 10)
s_a              ~ HalfNormal(1)
s_b              ~ HalfNormal(1)
a[s in Site]     ~ Normal(0, s_a)
b[t in Year]     ~ Normal(0, s_b)
trend            ~ Normal(0, 1)
log_rate[t in Year, s in Site] = mu + a[s] + b[t] + trend * (t - 2) / years
y[t in Year, s in Site] ~ Poisson(log = log_rate[t, s])
"""
    y = RNG.poisson(3, (4, 3))
    mu, sa, sb, a, b, trend = 0.5, 0.8, 1.1, RNG.normal(size=3), RNG.normal(size=4), 0.3
    rate = np.exp(mu + a[None, :] + b[:, None] + trend * (np.arange(1, 5)[:, None] - 2) / 4)
    wanted = stats.norm.logpdf(mu, 0, 10) + stats.halfnorm.logpdf([sa, sb]).sum() + stats.norm.logpdf(a, 0, sa).sum()
    wanted += stats.norm.logpdf(b, 0, sb).sum() + stats.norm.logpdf(trend) + stats.poisson.logpmf(y, rate).sum()
    data = {"y": y, "years": 4, "sites": 3}
    sets = {"Year": range(1, 5), "Site": range(1, 4)}
    close(density(text, data, sets, {"mu": mu, "s_a": sa, "s_b": sb, "a": a, "b": b, "trend": trend}), wanted)


def test_ordinal_outcome_with_weights() -> None:
    text = """
data Voter:
  state   : State
  income  : real
  weight  : nonnegative
  opinion : Opinion

index Opinion ordered = {against, neutral, favour}
index Cut = gaps(Opinion)

s_state           ~ HalfNormal(1)
a[s in State]     ~ Normal(0, s_state)
b                 ~ Normal(0, 1)
cut[Cut]          ~ Ordered(Normal(0, 2))
opinion[v in Voter] ~ OrderedLogistic(a[state[v]] + b * income[v], cut)
  weighted weight[v]
"""
    state, income, opinion = RNG.integers(0, 3, 15), RNG.normal(size=15), RNG.integers(0, 3, 15)
    weight = RNG.gamma(1, size=15) * (RNG.random(15) < 0.8)
    s, a, b, cut = 0.7, RNG.normal(size=3), 0.6, np.array([-0.5, 0.9])
    eta = a[state] + b * income
    below = np.stack([np.zeros(15), expit(cut[0] - eta), expit(cut[1] - eta), np.ones(15)], 1)
    p = np.diff(below, axis=1)[np.arange(15), opinion]
    wanted = stats.halfnorm.logpdf(s) + stats.norm.logpdf(a, 0, s).sum() + stats.norm.logpdf(b)
    wanted += stats.norm.logpdf(cut, 0, 2).sum() + np.log(2) + (weight * np.log(p)).sum()
    data = {"state": state, "income": income, "weight": weight, "opinion": opinion}
    sets = {"Voter": range(15), "State": ["n", "s", "w"], "Opinion": ["against", "neutral", "favour"], "Cut": range(2)}
    close(density(text, data, sets, {"s_state": s, "a": a, "b": b, "cut": cut}), wanted)


def test_product_sets_and_their_parts() -> None:
    text = """
input rows : count
index Row  = 1..rows
index Col  = {left, middle, right}
index Cell = Row * Col
input y[Cell] : real
r[i in Row] ~ Normal(0, 1)
c[j in Col] ~ Normal(0, 1)
y[x in Cell] ~ Normal(r[x.Row] + c[x.Col], 1)
"""
    y, r, c = RNG.normal(size=6), RNG.normal(size=2), RNG.normal(size=3)
    wanted = stats.norm.logpdf(r).sum() + stats.norm.logpdf(c).sum() + stats.norm.logpdf(y.reshape(2, 3), r[:, None] + c).sum()
    sets = {"Row": range(1, 3), "Col": ["left", "middle", "right"], "Cell": range(6)}
    close(density(text, {"y": y, "rows": 2}, sets, {"r": r, "c": c}), wanted)


def test_autoregression_conditional_on_its_beginning() -> None:
    text = """
input n : count
index Time ordered = 1..n
index Lag = 1..2
input y[Time] : real
alpha          ~ Normal(0, 10)
beta[k in Lag] ~ Normal(0, 10)
sigma          ~ HalfCauchy(2.5)
y[t in Time] ~ Normal(alpha + sum(beta[k] * y[t - k] for k in Lag), sigma)
  starting Flat()
"""
    y, alpha, beta, sigma = RNG.normal(size=7), 0.2, np.array([0.5, -0.3]), 0.9
    mean = alpha + beta[0] * y[1:-1] + beta[1] * y[:-2]
    wanted = stats.norm.logpdf(alpha, 0, 10) + stats.norm.logpdf(beta, 0, 10).sum() + stats.halfcauchy.logpdf(sigma, 0, 2.5)
    wanted += stats.norm.logpdf(y[2:], mean, sigma).sum()
    sets = {"Time": range(1, 8), "Lag": range(1, 3)}
    close(density(text, {"y": y, "n": 7}, sets, {"alpha": alpha, "beta": beta, "sigma": sigma}), wanted)
    literal = text.replace("sum(beta[k] * y[t - k] for k in Lag)", "beta[1] * y[t-1] + beta[2] * y[t-2]")
    close(density(literal, {"y": y, "n": 7}, sets, {"alpha": alpha, "beta": beta, "sigma": sigma}), wanted)
    begun = literal.replace("Flat()", "StudentT(4, 0, 2)")
    wanted += stats.t.logpdf(y[:2], 4, 0, 2).sum()
    close(density(begun, {"y": y, "n": 7}, sets, {"alpha": alpha, "beta": beta, "sigma": sigma}), wanted)


def test_steps_back_within_groups_whatever_the_order_of_rows() -> None:
    text = """
data Visit ordered by day within patient:
  patient : Patient
  day     : real
  score   : real
b ~ Normal(0, 1)
score[v in Visit] ~ Normal(b * score[v-1] / (day[v] - day[v-1]), 1)
  starting Normal(0, 3)
"""
    patient, day, score = np.array([1, 0, 1, 0, 1]), np.array([3.0, 5, 1, 2, 2]), RNG.normal(size=5)
    back = [4, 3, -1, -1, 2]
    b, wanted = 0.8, stats.norm.logpdf(0.8)
    for v, u in enumerate(back):
        wanted += stats.norm.logpdf(score[v], 0, 3) if u < 0 else stats.norm.logpdf(score[v], b * score[u] / (day[v] - day[u]), 1)
    sets = {"Visit": range(5), "Patient": ["x", "y"]}
    close(density(text, {"patient": patient, "day": day, "score": score}, sets, {"b": b}), wanted)


def test_dogs_with_recurrences_of_the_data() -> None:
    text = """
input n_dogs : count
input n_trials : count
index Dog = 1..n_dogs
index Trial ordered = 1..n_trials
input y[Dog, Trial] : bool
avoid[j in Dog, t in Trial] : count = avoid[j, t-1] + (if y[j, t-1] then 0 else 1)
  starting 0
shock[j in Dog, t in Trial] : count = shock[j, t-1] + y[j, t-1]
  starting 0
a ~ Uniform(0, 1)
b ~ Uniform(0, 1)
y[j in Dog, t in Trial] ~ Bernoulli(a^shock[j, t] * b^avoid[j, t])
"""
    y = (RNG.random((3, 6)) < 0.6) | (np.arange(6) == 0)
    shock = np.cumsum(y, 1) - y
    avoid = np.cumsum(~y, 1) - ~y
    a, b = 0.9, 0.8
    wanted = stats.bernoulli.logpmf(y, a**shock * b**avoid).sum()
    sets = {"Dog": range(1, 4), "Trial": range(1, 7)}
    close(density(text, {"y": y, "n_dogs": 3, "n_trials": 6}, sets, {"a": a, "b": b}), wanted)


def test_where_and_factor_and_restrict() -> None:
    text = """
data Row:
  x : real
  y : nonnegative
m ~ Normal(0, 1)
s ~ HalfNormal(1)
y[i in Row] ~ LogNormal(m + sqrt(x[i]), s) where y[i] > 0 and x[i] > 0
factor -0.5 * sum((x[i] - m)^2 for i in Row if x[i] > 0)
restrict m < 2
"""
    x, y = np.array([1.0, -1, 2, 0.5]), np.array([0.5, 1, 0, 2])
    m, s = 0.3, 0.7
    kept = (y > 0) & (x > 0)
    wanted = stats.norm.logpdf(m) + stats.halfnorm.logpdf(s) - 0.5 * ((x - m)[x > 0] ** 2).sum()
    wanted += stats.lognorm.logpdf(y[kept], s, scale=np.exp(m + np.sqrt(x[kept]))).sum()
    close(density(text, {"x": x, "y": y}, {"Row": range(4)}, {"m": m, "s": s}), wanted)
    assert density(text, {"x": x, "y": y}, {"Row": range(4)}, {"m": 2.5, "s": s}) == -np.inf


def test_a_baseline_level_is_fixed() -> None:
    text = """
data Row:
  age : Age
  y   : real
b[a in Age] ~ Normal(0, 2) fixing young = 0
y[i in Row] ~ Normal(b[age[i]], 1)
"""
    age, y, b = np.array([0, 1, 2, 1]), RNG.normal(size=4), np.array([0.5, -0.7])
    whole = np.array([b[0], 0, b[1]])
    wanted = stats.norm.logpdf(b, 0, 2).sum() + stats.norm.logpdf(y, whole[age]).sum()
    close(density(text, {"age": age, "y": y}, {"Row": range(4), "Age": ["old", "young", "younger"]}, {"b": whole}), wanted)


def test_a_mixture_of_components() -> None:
    text = """
data Galaxy:
  velocity : real
index Cluster = 1..3
w[Cluster]           ~ Dirichlet(2)
centre[k in Cluster] ~ Normal(20, 10)
spread[k in Cluster] ~ HalfNormal(3)
velocity[i in Galaxy] ~ Mixture(Normal(centre[k], spread[k]) for k in Cluster, weights = w)
"""
    v, w, centre, spread = RNG.normal(20, 5, size=6), np.array([0.2, 0.5, 0.3]), np.array([15.0, 20, 26]), np.array([1.0, 3, 2])
    wanted = stats.dirichlet.logpdf(w, [2, 2, 2]) + stats.norm.logpdf(centre, 20, 10).sum() + stats.halfnorm.logpdf(spread, 0, 3).sum()
    wanted += np.log((w * stats.norm.pdf(v[:, None], centre, spread)).sum(1)).sum()
    sets = {"Galaxy": range(6), "Cluster": range(1, 4)}
    close(density(text, {"velocity": v}, sets, {"w": w, "centre": centre, "spread": spread}), wanted)


def test_bare_axes_before_bound_ones() -> None:
    text = """
index K = {a, b, c}
index G = 1..2
input y[K, G] : real
w[K, g in G] ~ Dirichlet(2)
y[k in K, g in G] ~ Normal(w[k, g], 1)
"""
    y, w = RNG.normal(size=(3, 2)), np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    wanted = stats.dirichlet.logpdf(w.T, [2, 2, 2]).sum() + stats.norm.logpdf(y, w.T).sum()
    close(density(text, {"y": y}, {"K": ["a", "b", "c"], "G": range(1, 3)}, {"w": w}), wanted)


def test_transformed_draws() -> None:
    text = """
index K = {a, b, c}
index F = free(K)
tau_free ~ Transformed(HalfCauchy(5), log)
tau = exp(tau_free)
w_free[F] ~ Transformed(Dirichlet(2), simplex)
w[K] = simplex_of(w_free)
factor log(w[a]) * tau
"""
    import jax

    from pplang._lower.runtime import bijections

    free = np.array([0.3, -0.5])
    with jax.enable_x64(True):
        transform = bijections.simplex()
        w = np.asarray(transform(free))
        jacobian = float(transform.log_abs_det_jacobian(free, w))
    wanted = stats.halfcauchy.logpdf(np.exp(0.4), 0, 5) + 0.4 + stats.dirichlet.logpdf(w, [2, 2, 2]) + jacobian + np.log(w[0]) * np.exp(0.4)
    close(density(text, {}, {"K": ["a", "b", "c"], "F": range(2)}, {"tau_free": 0.4, "w_free": free}), wanted)
