"""Discrete distributions that NumPyro lacks, or has inexact at the edges: a probability of 0 or 1, a rate of 0."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import betainc, gammaln, log_ndtr
from jax.typing import ArrayLike
from numpyro.distributions import constraints
from numpyro.distributions.util import promote_shapes, validate_sample

from pplang._lower.runtime.special import log_beta, log_choose, log_difference, log_rising, log_sum_exp, safe_log, times_log, times_log1m


class Bernoulli(dist.BernoulliProbs):
    """Yes with probability `probs`, which may be 0 or 1: NumPyro's clamps it, so that what cannot happen has a finite density there."""

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        yes = jnp.asarray(value) > 0
        return times_log(yes, self.probs) + times_log1m(~yes, self.probs)

    def cdf(self, value: ArrayLike) -> jax.Array:
        return jnp.where(jnp.asarray(value) < 0, 0.0, jnp.where(jnp.asarray(value) < 1, 1 - self.probs, 1.0))


class Binomial(dist.BinomialProbs):
    """How many of `total_count` succeed; `probs` may be 0 or 1."""

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        failures = self.total_count - jnp.asarray(value)
        return log_choose(self.total_count, value) + times_log(value, self.probs) + times_log1m(failures, self.probs)

    def cdf(self, value: ArrayLike) -> jax.Array:
        n = jnp.asarray(self.total_count, float)
        k = jnp.clip(jnp.floor(jnp.asarray(value, float)), 0, n)
        below = betainc(jnp.where(k < n, n - k, 1.0), k + 1, 1 - self.probs)
        return jnp.where(jnp.asarray(value) < 0, 0.0, jnp.where(k < n, below, 1.0))


class Poisson(dist.Poisson):
    """Counts with mean `rate`, which may be 0."""

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        rate = jnp.asarray(self.rate)
        return times_log(value, rate) - rate - gammaln(jnp.asarray(value, float) + 1)


class PoissonLog(dist.Distribution):
    """Counts whose mean has the logarithm `log_rate`."""

    arg_constraints = {"log_rate": constraints.real}
    support = constraints.nonnegative_integer
    log_rate: jax.Array

    def __init__(self, log_rate: ArrayLike, *, validate_args: bool | None = None) -> None:
        self.log_rate = jnp.asarray(log_rate)
        super().__init__(jnp.shape(log_rate), validate_args=validate_args)

    @property
    def by_rate(self) -> Poisson:
        """The same distribution by its rate."""
        return Poisson(jnp.exp(self.log_rate))

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        return jnp.asarray(value) * self.log_rate - jnp.exp(self.log_rate) - gammaln(jnp.asarray(value, float) + 1)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        return self.by_rate.sample(key, sample_shape)

    @property
    def mean(self) -> jax.Array:
        return jnp.exp(self.log_rate)

    @property
    def variance(self) -> jax.Array:
        return jnp.exp(self.log_rate)


class NegBinomial(dist.Distribution):
    """Counts whose mean has the logarithm `log_mean`, with variance mean + mean^2 / dispersion."""

    arg_constraints = {"log_mean": constraints.real, "dispersion": constraints.positive}
    support = constraints.nonnegative_integer
    log_mean: jax.Array
    dispersion: jax.Array

    def __init__(self, log_mean: ArrayLike, dispersion: ArrayLike, *, validate_args: bool | None = None) -> None:
        shape = jnp.broadcast_shapes(jnp.shape(log_mean), jnp.shape(dispersion))
        self.log_mean, self.dispersion = promote_shapes(log_mean, dispersion, shape=shape)
        super().__init__(shape, validate_args=validate_args)

    @property
    def log_odds(self) -> jax.Array:
        """log(mean / dispersion)."""
        return self.log_mean - jnp.log(self.dispersion)

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        k = jnp.asarray(value, float)
        spread = (k + self.dispersion) * jax.nn.softplus(self.log_odds)
        return log_rising(self.dispersion, k) - gammaln(k + 1) + k * self.log_mean - spread

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        return dist.GammaPoisson(self.dispersion, jnp.exp(-self.log_odds)).sample(key, sample_shape)

    @property
    def mean(self) -> jax.Array:
        return jnp.exp(self.log_mean)

    @property
    def variance(self) -> jax.Array:
        return self.mean + self.mean**2 / self.dispersion


def neg_binomial(mean: ArrayLike, dispersion: ArrayLike) -> NegBinomial:
    """By the mean."""
    return NegBinomial(jnp.log(mean), dispersion)


def neg_binomial_of_rate(shape: ArrayLike, rate: ArrayLike) -> NegBinomial:
    """A Poisson whose rate has a Gamma(shape, rate)."""
    return NegBinomial(jnp.log(shape) - jnp.log(rate), shape)


class BetaBinomial(dist.BetaBinomial):
    """A binomial of which the probability has a beta distribution."""

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        a, b, n = self.concentration1, self.concentration0, jnp.asarray(self.total_count, float)
        return log_choose(n, value) + log_beta(value + a, n - value + b) - log_beta(a, b)


def beta_binomial_of_mean(trials: ArrayLike, mean: ArrayLike, concentration: ArrayLike) -> BetaBinomial:
    """By the mean of the probability, and how closely it keeps to it."""
    mean, concentration = jnp.asarray(mean), jnp.asarray(concentration)
    return BetaBinomial(mean * concentration, (1 - mean) * concentration, trials)


class BetaNegBinomial(dist.Distribution):
    """Failures before `successes` successes, each of a probability that has a Beta(a, b)."""

    arg_constraints = {"successes": constraints.positive, "a": constraints.positive, "b": constraints.positive}
    support = constraints.nonnegative_integer
    successes: jax.Array
    a: jax.Array
    b: jax.Array

    def __init__(self, successes: ArrayLike, a: ArrayLike, b: ArrayLike, *, validate_args: bool | None = None) -> None:
        shape = jnp.broadcast_shapes(jnp.shape(successes), jnp.shape(a), jnp.shape(b))
        self.successes, self.a, self.b = promote_shapes(successes, a, b, shape=shape)
        super().__init__(shape, validate_args=validate_args)

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        k, r = jnp.asarray(value, float), self.successes
        return log_choose(r + k - 1, k) + log_beta(self.a + r, self.b + k) - log_beta(self.a, self.b)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        chance_key, counts_key = jax.random.split(key)
        p = dist.Beta(self.a, self.b).expand(self.batch_shape).sample(chance_key, sample_shape)
        return dist.GammaPoisson(self.successes, p / (1 - p)).sample(counts_key)


class Geometric(dist.GeometricProbs):
    """Failures before the first success; `probs` may be 1."""

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        return times_log1m(value, self.probs) + jnp.log(self.probs)


class Hypergeometric(dist.Distribution):
    """Successes among `draws` taken without putting back from an urn of `successes` and `failures`."""

    arg_constraints = {
        "draws": constraints.nonnegative_integer,
        "successes": constraints.nonnegative_integer,
        "failures": constraints.nonnegative_integer,
    }
    draws: jax.Array
    successes: jax.Array
    failures: jax.Array

    def __init__(self, draws: ArrayLike, successes: ArrayLike, failures: ArrayLike, *, validate_args: bool | None = None) -> None:
        shape = jnp.broadcast_shapes(jnp.shape(draws), jnp.shape(successes), jnp.shape(failures))
        self.draws, self.successes, self.failures = promote_shapes(draws, successes, failures, shape=shape)
        super().__init__(shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> constraints.Constraint:
        fewest = jnp.maximum(0, self.draws - self.failures)
        return constraints.integer_interval(fewest, jnp.minimum(self.draws, self.successes))

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        ways = log_choose(self.successes, value) + log_choose(self.failures, self.draws - value)
        return ways - log_choose(jnp.asarray(self.successes) + self.failures, self.draws)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        shape = self.shape(sample_shape)
        draws, successes, failures = (jnp.broadcast_to(one, shape) for one in (self.draws, self.successes, self.failures))

        def draw(step: int, state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            found, key = state
            key, one = jax.random.split(key)
            left = jnp.maximum(successes + failures - step, 1)
            success = jax.random.uniform(one, shape) * left < successes - found
            return found + (success & (step < draws)), key

        found, _ = jax.lax.fori_loop(0, jnp.max(draws), draw, (jnp.zeros_like(draws), key))
        return found


class Multinomial(dist.Distribution):
    """How often each member comes up in `total_count`; `probs` over the last axis may hold zeros."""

    arg_constraints = {"total_count": constraints.nonnegative_integer, "probs": constraints.independent(constraints.unit_interval, 1)}
    total_count: jax.Array
    probs: jax.Array

    def __init__(self, total_count: ArrayLike, probs: ArrayLike, *, validate_args: bool | None = None) -> None:
        shape = jnp.broadcast_shapes(jnp.shape(total_count), jnp.shape(probs)[:-1])
        (self.total_count,) = promote_shapes(jnp.asarray(total_count), shape=shape)
        self.probs = jnp.broadcast_to(probs, (*shape, jnp.shape(probs)[-1]))
        super().__init__(shape, jnp.shape(probs)[-1:], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> constraints.Constraint:
        return constraints.multinomial(self.total_count)

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        value = jnp.asarray(value)
        ways = gammaln(jnp.asarray(self.total_count, float) + 1) - gammaln(value + 1.0).sum(-1)
        return ways + times_log(value, self.probs).sum(-1)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        """One binomial after another: what is left, by the chance of a member among those that are left."""
        left = jnp.broadcast_to(self.total_count, sample_shape + self.batch_shape)
        size = self.event_shape[0]
        counts = []
        for member, one in enumerate(jax.random.split(key, size)):
            rest = self.probs[..., member:].sum(-1)
            chance = jnp.where(rest > 0, self.probs[..., member] / jnp.where(rest > 0, rest, 1.0), 0.0)
            taken = left if member == size - 1 else dist.BinomialProbs(jnp.clip(chance, 0, 1), left).sample(one)
            counts.append(taken)
            left = left - taken
        return jnp.stack(counts, -1)

    @property
    def mean(self) -> jax.Array:
        return jnp.asarray(self.total_count)[..., None] * self.probs

    @property
    def variance(self) -> jax.Array:
        return self.mean * (1 - self.probs)


def multinomial_of_logits(total_count: ArrayLike, logits: ArrayLike) -> Multinomial:
    """A multinomial with probabilities softmax(logits)."""
    return Multinomial(total_count, jax.nn.softmax(logits, -1))


class DirichletMultinomial(dist.Distribution):
    """A multinomial of which the probabilities have a Dirichlet(concentration)."""

    arg_constraints = {
        "total_count": constraints.nonnegative_integer,
        "concentration": constraints.independent(constraints.positive, 1),
    }
    total_count: jax.Array
    concentration: jax.Array

    def __init__(self, total_count: ArrayLike, concentration: ArrayLike, *, validate_args: bool | None = None) -> None:
        shape = jnp.broadcast_shapes(jnp.shape(total_count), jnp.shape(concentration)[:-1])
        (self.total_count,) = promote_shapes(jnp.asarray(total_count), shape=shape)
        self.concentration = jnp.broadcast_to(concentration, (*shape, jnp.shape(concentration)[-1]))
        super().__init__(shape, jnp.shape(concentration)[-1:], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> constraints.Constraint:
        return constraints.multinomial(self.total_count)

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, total = jnp.asarray(value, float), self.concentration.sum(-1)
        n = jnp.asarray(self.total_count, float)
        whole = gammaln(total) + gammaln(n + 1) - gammaln(n + total)
        parts = gammaln(value + self.concentration) - gammaln(self.concentration) - gammaln(value + 1)
        return whole + parts.sum(-1)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        probs_key, counts_key = jax.random.split(key)
        return Multinomial(self.total_count, dist.Dirichlet(self.concentration).sample(probs_key, sample_shape)).sample(counts_key)


class Categorical(dist.CategoricalProbs):
    """A member with probability `probs` of the last axis, which may hold zeros: NumPyro's clamps them."""

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        return safe_log(_at(self.probs, value, self.batch_shape))


class CategoricalLogits(dist.CategoricalLogits):
    """A member with probability softmax(logits) of the last axis, which may hold minus infinity."""

    arg_constraints = {"logits": constraints.dependent}

    def __init__(self, logits: ArrayLike, *, validate_args: bool | None = None) -> None:
        super().__init__(jnp.asarray(logits, float), validate_args=validate_args)  # whole numbers cannot be drawn from

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        return _at(self.logits - log_sum_exp(self.logits)[..., None], value, self.batch_shape)


def _at(table: jax.Array, value: ArrayLike, batch_shape: tuple[int, ...]) -> jax.Array:
    """The element of the last axis of a table."""
    shape = jnp.broadcast_shapes(jnp.shape(value), batch_shape)
    index = jnp.broadcast_to(jnp.asarray(value, int), shape)[..., None]
    return jnp.take_along_axis(jnp.broadcast_to(table, (*shape, jnp.shape(table)[-1])), index, -1)[..., 0]


class _Ordinal(dist.Distribution):
    """A member of an ordered set: the number of cut points (last axis of `cut`, increasing) that eta plus noise exceeds."""

    arg_constraints = {"eta": constraints.real, "cut": constraints.ordered_vector}
    has_enumerate_support = True
    eta: jax.Array
    cut: jax.Array

    def __init__(self, eta: ArrayLike, cut: ArrayLike, *, validate_args: bool | None = None) -> None:
        shape = jnp.broadcast_shapes(jnp.shape(eta), jnp.shape(cut)[:-1])
        (self.eta,) = promote_shapes(jnp.asarray(eta), shape=shape)
        self.cut = jnp.asarray(cut)
        super().__init__(shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> constraints.Constraint:
        return constraints.integer_interval(0, jnp.shape(self.cut)[-1])

    def log_between(self, low: jax.Array, high: jax.Array) -> jax.Array:
        """log of the probability that the noise lies between two numbers, either of which may be infinite."""
        raise NotImplementedError

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        value = jnp.clip(jnp.asarray(value, int), 0, jnp.shape(self.cut)[-1])
        shape = jnp.broadcast_shapes(jnp.shape(value), self.batch_shape)
        cut = jnp.broadcast_to(self.cut, (*shape, jnp.shape(self.cut)[-1])) if jnp.ndim(self.cut) > 1 else self.cut
        count = jnp.shape(self.cut)[-1]
        high = jnp.where(value < count, _pick(cut, jnp.minimum(value, count - 1), shape) - self.eta, jnp.inf)
        low = jnp.where(value > 0, _pick(cut, jnp.maximum(value - 1, 0), shape) - self.eta, -jnp.inf)
        return self.log_between(low, high)

    def enumerate_support(self, expand: bool = True) -> jax.Array:
        values = jnp.arange(jnp.shape(self.cut)[-1] + 1).reshape(-1, *(1,) * len(self.batch_shape))
        return jnp.broadcast_to(values, (values.shape[0], *self.batch_shape)) if expand else values

    def noise(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        raise NotImplementedError

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        drawn = self.eta + self.noise(key, self.shape(sample_shape))
        return (drawn[..., None] > self.cut).sum(-1)


def _pick(cut: jax.Array, index: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    if cut.ndim == 1:
        return cut[index]
    return jnp.take_along_axis(cut, jnp.broadcast_to(index, shape)[..., None], -1)[..., 0]


class OrderedLogistic(_Ordinal):
    """Ordinal outcomes with logistic noise."""

    def log_between(self, low: jax.Array, high: jax.Array) -> jax.Array:
        """sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - exp(a - b)), which loses nothing in the tails."""
        inner = ~jnp.isinf(low) & ~jnp.isinf(high)
        gap = jnp.where(inner, jnp.where(inner, high, 1.0) - jnp.where(inner, low, 0.0), 1.0)
        below_high = jnp.where(jnp.isinf(high), 0.0, jax.nn.log_sigmoid(jnp.where(jnp.isinf(high), 0.0, high)))
        above_low = jnp.where(jnp.isinf(low), 0.0, jax.nn.log_sigmoid(-jnp.where(jnp.isinf(low), 0.0, low)))
        return below_high + above_low + jnp.where(inner, safe_log(-jnp.expm1(-gap)), 0.0)

    def noise(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return jax.random.logistic(key, shape)


class OrderedProbit(_Ordinal):
    """Ordinal outcomes with standard normal noise."""

    def log_between(self, low: jax.Array, high: jax.Array) -> jax.Array:
        """The difference is taken in the tail in which both are small."""
        flip = low > 0
        start, end = jnp.where(flip, -high, low), jnp.where(flip, -low, high)
        log_end = jnp.where(jnp.isinf(end), 0.0, log_ndtr(jnp.where(jnp.isinf(end), 0.0, end)))
        log_start = jnp.where(jnp.isinf(start), -jnp.inf, log_ndtr(jnp.where(jnp.isinf(start), 0.0, start)))
        return log_difference(log_end, log_start)

    def noise(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return jax.random.normal(key, shape)


def sequential_logistic(eta: ArrayLike, cut: ArrayLike) -> dist.CategoricalLogits:
    """Continuation ratios (Tutz 1990): of each step past a cut, the probability logistic(eta - cut). `cut`: the steps along its last axis."""
    passing = jnp.asarray(eta)[..., None] - jnp.asarray(cut)
    passed = jnp.cumsum(jax.nn.log_sigmoid(passing), -1)
    before = jnp.concatenate([jnp.zeros_like(passed[..., :1]), passed[..., :-1]], -1)
    return dist.CategoricalLogits(jnp.concatenate([before + jax.nn.log_sigmoid(-passing), passed[..., -1:]], -1))


def adjacent_logistic(eta: ArrayLike, cut: ArrayLike) -> dist.CategoricalLogits:
    """Adjacent categories (Masters 1982): log odds eta - cut between neighbours. `cut`: the steps along its last axis."""
    odds = jnp.cumsum(jnp.asarray(eta)[..., None] - jnp.asarray(cut), -1)
    return dist.CategoricalLogits(jnp.concatenate([jnp.zeros_like(odds[..., :1]), odds], -1))
