"""Where to begin: a point at which the density and its gradient are finite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

_TRIES = 100


class Start(NamedTuple):
    """A point (n,), the density and its gradient there, and whether both are finite."""

    point: Any
    density: Any
    gradient: Any
    found: Any


def find_start(density: Callable[[Any], Any], key: Any, size: int, *, first_radius: float) -> Start:
    """A point with a finite density and gradient. In JAX, to be traced.

    The first point is uniform on (-first_radius, first_radius) in each coordinate, the further ones on (-2, 2) and, in the second half of
    the tries, ever nearer to 0: on R^n that is where priors put values of ordinary size.
    """
    import jax
    import jax.numpy as jnp
    from jax import lax

    value_and_gradient = jax.value_and_grad(density)

    def candidate(number: Any) -> Any:
        shrunk = jnp.minimum(2.0, 2.0 * (_TRIES - number) / (_TRIES / 2))
        radius = jnp.where(number == 0, first_radius, shrunk)
        return jax.random.uniform(jax.random.fold_in(key, number), (size,), minval=-1.0, maxval=1.0) * radius

    def evaluated(point: Any) -> Start:
        value, gradient = value_and_gradient(point)
        return Start(point, value, gradient, jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient)))

    def unlucky(carry: tuple[Any, Start]) -> Any:
        number, start = carry
        return ~start.found & (number < _TRIES)

    def attempt(carry: tuple[Any, Start]) -> tuple[Any, Start]:
        number, _ = carry
        return number + 1, evaluated(candidate(number))

    nowhere = Start(jnp.zeros(size), jnp.zeros(()), jnp.zeros(size), jnp.array(False))
    return lax.while_loop(unlucky, attempt, (0, nowhere))[1]
