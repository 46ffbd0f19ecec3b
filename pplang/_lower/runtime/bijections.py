"""Bijections from R^n to a support, as NumPyro transforms (free → constrained), and the same as functions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from numpyro.distributions import constraints, transforms
from numpyro.distributions.transforms import Transform, biject_to

from pplang._lower.runtime.functions import whitening_free, whitening_of

Bound = ArrayLike | None


class OrderedBetween(constraints.Constraint):
    """Increasing vectors of which every element lies between the bounds (None: no bound)."""

    event_dim = 1

    def __init__(self, lower_bound: Bound, upper_bound: Bound) -> None:
        self.lower_bound = lower_bound
        self.upper_bound = upper_bound

    def __call__(self, x: Any) -> Any:
        inside = (x[..., 1:] > x[..., :-1]).all(-1)
        if self.lower_bound is not None:
            inside = inside & (x[..., 0] >= self.lower_bound)
        if self.upper_bound is not None:
            inside = inside & (x[..., -1] <= self.upper_bound)
        return inside

    def feasible_like(self, prototype: Any) -> Any:
        return biject_to(self)(jnp.zeros_like(prototype))

    def eq(self, other: object, static: bool = False) -> Any:
        if not isinstance(other, OrderedBetween):
            return False
        pairs = ((self.lower_bound, other.lower_bound), (self.upper_bound, other.upper_bound))
        return all(a is b or (a is not None and b is not None and np.array_equal(a, b)) for a, b in pairs)

    def tree_flatten(self) -> tuple[tuple[Bound, Bound], tuple[tuple[str, str], dict[str, Any]]]:
        return (self.lower_bound, self.upper_bound), (("lower_bound", "upper_bound"), {})


class _Bounded(Transform[Any]):
    """A transform of vectors with bounds, which are numbers or have the batch shape of the vectors."""

    domain = constraints.real_vector

    def __init__(self, lower: Bound = None, upper: Bound = None) -> None:
        self.lower = lower
        self.upper = upper

    @property
    def codomain(self) -> constraints.Constraint:
        return OrderedBetween(self.lower, self.upper)

    def tree_flatten(self) -> tuple[tuple[Bound, Bound], tuple[tuple[str, str], dict[str, Any]]]:
        return (self.lower, self.upper), (("lower", "upper"), {})

    def eq(self, other: object, static: bool = False) -> Any:
        return type(other) is type(self) and self.codomain.eq(other.codomain)


def _column(bound: Bound) -> jax.Array:
    return jnp.expand_dims(jnp.asarray(bound), -1)


class OrderedAbove(_Bounded):
    """y_k = lower + exp(x_1) + ... + exp(x_k), as Stan's positive_ordered."""

    def __call__(self, x: Any) -> jax.Array:
        return _column(self.lower) + jnp.cumsum(jnp.exp(x), -1)

    def _inverse(self, y: Any) -> jax.Array:
        before = jnp.concatenate([jnp.broadcast_to(_column(self.lower), (*y.shape[:-1], 1)), y[..., :-1]], -1)
        return jnp.log(y - before)

    def log_abs_det_jacobian(self, x: Any, y: Any, intermediates: Any = None) -> jax.Array:
        return jnp.sum(x, -1)


class OrderedBelow(_Bounded):
    """y_k = upper - exp(x_k) - ... - exp(x_K)."""

    def __call__(self, x: Any) -> jax.Array:
        return _column(self.upper) - jnp.cumsum(jnp.exp(x)[..., ::-1], -1)[..., ::-1]

    def _inverse(self, y: Any) -> jax.Array:
        after = jnp.concatenate([y[..., 1:], jnp.broadcast_to(_column(self.upper), (*y.shape[:-1], 1))], -1)
        return jnp.log(after - y)

    def log_abs_det_jacobian(self, x: Any, y: Any, intermediates: Any = None) -> jax.Array:
        return jnp.sum(x, -1)


class OrderedInside(_Bounded):
    """The gaps between lower, y_1, ..., y_K, upper are a stick-breaking simplex of K + 1 parts; x = 0 gives equal gaps."""

    stick = transforms.StickBreakingTransform()

    @property
    def width(self) -> jax.Array:
        return _column(self.upper) - _column(self.lower)

    def __call__(self, x: Any) -> jax.Array:
        return _column(self.lower) + self.width * jnp.cumsum(self.stick(x)[..., :-1], -1)

    def _inverse(self, y: Any) -> jax.Array:
        return self.stick._inverse(self._gaps(y))

    def _gaps(self, y: Any) -> jax.Array:
        inner = (y - _column(self.lower)) / self.width
        ends = (*inner.shape[:-1], 1)
        return jnp.diff(jnp.concatenate([jnp.zeros(ends), inner, jnp.ones(ends)], -1), axis=-1)

    def log_abs_det_jacobian(self, x: Any, y: Any, intermediates: Any = None) -> jax.Array:
        return self.stick.log_abs_det_jacobian(x, self.stick(x)) + x.shape[-1] * jnp.log(self.width[..., 0])


@biject_to.register(OrderedBetween)
def _ordered_between(constraint: OrderedBetween) -> Transform[Any]:
    lower, upper = constraint.lower_bound, constraint.upper_bound
    if lower is None:
        return transforms.OrderedTransform() if upper is None else OrderedBelow(upper=upper)
    return OrderedAbove(lower) if upper is None else OrderedInside(lower, upper)


# The transforms of the catalogue, by their names there.


def log() -> Transform[Any]:
    return transforms.ExpTransform()


def logit() -> Transform[Any]:
    return transforms.SigmoidTransform()


def lower(lower: ArrayLike) -> Transform[Any]:
    return transforms.ComposeTransform([transforms.ExpTransform(), transforms.AffineTransform(lower, 1.0, constraints.positive)])


def upper(upper: ArrayLike) -> Transform[Any]:
    return transforms.ComposeTransform([transforms.ExpTransform(), transforms.AffineTransform(upper, -1.0, constraints.positive)])


def interval(lower: ArrayLike, upper: ArrayLike) -> Transform[Any]:
    width = jnp.asarray(upper) - lower
    return transforms.ComposeTransform([transforms.SigmoidTransform(), transforms.AffineTransform(lower, width, constraints.unit_interval)])


def affine(shift: ArrayLike, scale: ArrayLike) -> Transform[Any]:
    return transforms.AffineTransform(shift, scale)


class Whitening(Transform[Any]):
    """x → shift + C'^-1 x, for a lower triangular C: (..., K) → (..., K)."""

    domain = constraints.real_vector
    codomain = constraints.real_vector

    def __init__(self, shift: ArrayLike, factor: ArrayLike) -> None:
        self.shift = shift
        self.factor = factor

    def __call__(self, x: Any) -> jax.Array:
        return whitening_of(x, self.shift, self.factor)

    def _inverse(self, y: Any) -> jax.Array:
        return whitening_free(y, self.shift, self.factor)

    def log_abs_det_jacobian(self, x: Any, y: Any, intermediates: Any = None) -> jax.Array:
        determinant = -jnp.sum(jnp.log(jnp.diagonal(jnp.asarray(self.factor), axis1=-2, axis2=-1)), -1)
        return jnp.broadcast_to(determinant, jnp.shape(x)[:-1])

    def tree_flatten(self) -> tuple[tuple[Any, Any], tuple[tuple[str, str], dict[str, Any]]]:
        return (self.shift, self.factor), (("shift", "factor"), {})

    def eq(self, other: object, static: bool = False) -> Any:
        return isinstance(other, Whitening) and np.array_equal(other.shift, self.shift) and np.array_equal(other.factor, self.factor)


def whitening(shift: ArrayLike, factor: ArrayLike) -> Transform[Any]:
    return Whitening(shift, factor)


def simplex() -> Transform[Any]:
    return transforms.StickBreakingTransform()


def ordered() -> Transform[Any]:
    return transforms.OrderedTransform()


def positive_ordered() -> Transform[Any]:
    return OrderedAbove(0.0)


def ordered_lower(lower: ArrayLike) -> Transform[Any]:
    return OrderedAbove(lower)


def ordered_upper(upper: ArrayLike) -> Transform[Any]:
    return OrderedBelow(upper=upper)


def ordered_interval(lower: ArrayLike, upper: ArrayLike) -> Transform[Any]:
    return OrderedInside(lower, upper)


def corr_cholesky() -> Transform[Any]:
    return transforms.CorrCholeskyTransform()


def correlation() -> Transform[Any]:
    return transforms.ComposeTransform([transforms.CorrCholeskyTransform(), transforms.CorrMatrixCholeskyTransform().inv])


def covariance() -> Transform[Any]:
    return transforms.ComposeTransform([transforms.LowerCholeskyTransform(), transforms.CholeskyTransform().inv])


def sum_to_zero() -> Transform[Any]:
    return transforms.ZeroSumTransform()


# The same as functions of the free value, for `=` relations.


def lower_of(x: ArrayLike, bound: ArrayLike) -> jax.Array:
    return lower(bound)(x)


def upper_of(x: ArrayLike, bound: ArrayLike) -> jax.Array:
    return upper(bound)(x)


def interval_of(x: ArrayLike, low: ArrayLike, high: ArrayLike) -> jax.Array:
    return interval(low, high)(x)


def affine_of(x: ArrayLike, shift: ArrayLike, scale: ArrayLike) -> jax.Array:
    return affine(shift, scale)(x)


def simplex_of(x: ArrayLike) -> jax.Array:
    return simplex()(jnp.asarray(x))


def ordered_of(x: ArrayLike) -> jax.Array:
    return ordered()(jnp.asarray(x))


def positive_ordered_of(x: ArrayLike) -> jax.Array:
    return positive_ordered()(jnp.asarray(x))


def ordered_lower_of(x: ArrayLike, bound: ArrayLike) -> jax.Array:
    return ordered_lower(bound)(jnp.asarray(x))


def ordered_upper_of(x: ArrayLike, bound: ArrayLike) -> jax.Array:
    return ordered_upper(bound)(jnp.asarray(x))


def ordered_interval_of(x: ArrayLike, low: ArrayLike, high: ArrayLike) -> jax.Array:
    return ordered_interval(low, high)(jnp.asarray(x))


def corr_cholesky_of(x: ArrayLike) -> jax.Array:
    return corr_cholesky()(jnp.asarray(x))


def correlation_of(x: ArrayLike) -> jax.Array:
    return correlation()(jnp.asarray(x))


def covariance_of(x: ArrayLike) -> jax.Array:
    return covariance()(jnp.asarray(x))


def sum_to_zero_of(x: ArrayLike) -> jax.Array:
    return sum_to_zero()(jnp.asarray(x))
