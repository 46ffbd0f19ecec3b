"""Latent vectors whose covariance is none: a Cholesky factor that is not made of numbers makes every element, and all below it, none either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pplang._infer.density import unflatten

if TYPE_CHECKING:
    from pplang._model import Bound


def without_root(bound: Bound, points: np.ndarray) -> list[str]:
    """The joint normal sites of the source, latent or observed, whose covariance has no Cholesky factor at any of the points (m, n)."""
    import jax
    import jax.numpy as jnp
    from numpyro import handlers

    from pplang._passes import whiten

    names = [site.name for site in bound.model.program.sites if site.role in ("latent", "observed") and whiten.is_joint_normal(site)]
    roots = {
        site.origin[0]: site.name
        for site in bound.compiled.program.sites
        if site.origin is not None and site.origin[1] == whiten.NAME and site.name.startswith(f"{site.origin[0]}_root")
    }
    if not names:
        return []

    def root(name: str, trace: Any) -> Any:
        """Of a vector that is computed from it, or of one that is drawn."""
        if name in roots:
            return trace[roots[name]]["value"]
        return getattr(trace[name]["fn"], "scale_tril", 0.0) if trace[name]["type"] == "sample" else 0.0

    @jax.jit
    def broken(z: Any, arguments: dict[str, Any]) -> dict[str, Any]:
        trace = handlers.trace(handlers.substitute(bound.transformed_model, data=unflatten(z, bound.latents))).get_trace(**arguments)
        return {name: jnp.isnan(root(name, trace)).any() for name in names if name in trace}

    found = [broken(z, bound.transformed_arguments) for z in points]
    return [name for name in found[0] if all(bool(one[name]) for one in found)]
