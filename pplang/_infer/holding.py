"""A NumPyro handler under which sites have known values at some of their members, and are drawn at the others given these."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pplang._lower.runtime.recurrences import Link


@contextmanager
def holding(known: Mapping[str, tuple[Any, Any]], everywhere: Collection[str]) -> Iterator[None]:
    """known: by site or param the values and, where they are known, over the site's batch and event as NumPyro has them. everywhere: the sites
    that are known at all members, which are not drawn. To be entered outside `seed`."""
    from numpyro.primitives import Messenger

    class Holding(Messenger):
        def process_message(self, message: dict[str, Any]) -> None:
            name = message["name"]
            if message["type"] == "param" and name in known:
                message["value"] = known[name][0]
            elif message["type"] == "sample" and name in known and message["value"] is None:
                values, where = known[name]
                message["value"] = (
                    values if name in everywhere else _drawn(message["fn"], message["kwargs"]["rng_key"], values, where, known)
                )

    with Holding(fn=None):
        yield


def _drawn(distribution: Any, key: Any, values: Any, where: Any, known: Mapping[str, tuple[Any, Any]]) -> Any:
    import jax.numpy as jnp
    from numpyro.distributions import MaskedDistribution, MultivariateNormal

    inner = distribution
    while isinstance(inner, MaskedDistribution):
        inner = inner.base_dist
    if isinstance(inner, Link):
        for name in inner.chain.drawn:
            if name in known:
                inner.chain.hold(name, *known[name])
        return inner.sample(key)
    drawn = distribution.sample(key)
    if isinstance(inner, MultivariateNormal):
        return _given_the_others(inner, drawn, values, where)
    return jnp.where(where, values, drawn)


def _given_the_others(normal: Any, drawn: Any, values: Any, where: Any) -> Any:
    """A draw of a joint normal given some of its elements, from a draw of all (Matheron's rule: x + K[:, a] K[a, a]^-1 (known - x[a])).

    The elements that are not known take the place of rows of the identity, so that shapes do not depend on which are.
    """
    import jax.numpy as jnp
    from jax.scipy.linalg import cho_factor, cho_solve

    covariance = normal.covariance_matrix
    both = where[..., :, None] & where[..., None, :]
    among = jnp.where(both, covariance, jnp.eye(covariance.shape[-1]))
    gap = jnp.where(where, values - drawn, 0.0)
    weights = cho_solve(cho_factor(among, lower=True), gap)
    return jnp.where(where, values, drawn + (covariance @ weights[..., None])[..., 0])
