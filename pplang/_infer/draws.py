"""From draws on R^n to draws of the names in the source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pplang._cache import compiled
from pplang._infer.target import Arguments, Target

_BATCH = 256
"""How many draws are computed side by side at most."""


class Constrainer:
    """The transformation of a given number of draws, compiled: one program for all of them."""

    def __init__(self, target: Target, count: int) -> None:
        import jax

        self._target = target
        data = (target.arguments, np.uint32(0), jax.ShapeDtypeStruct((count, target.size), np.float64))
        self._executable = compiled(lambda: (_program(target, count), data), data, f"constrain\n{target.identity}")

    def __call__(self, seed: int, z: np.ndarray, constants: Arguments) -> dict[str, np.ndarray]:
        """z: (chains, draws, n) → (chains, draws, ...) by name. What is drawn here depends on the seed and the draw's number.

        constants: arguments that the engine has set.
        """
        flat = z.reshape(-1, z.shape[-1])
        values = self._executable({**self._target.arguments, **constants}, np.uint32(seed), flat)
        return {name: np.asarray(value).reshape(z.shape[:2] + value.shape[1:]) for name, value in values.items()}


def _program(target: Target, count: int) -> Callable[..., Any]:
    import jax
    import jax.numpy as jnp
    from jax import lax

    functions = target.functions()
    batch = max(size for size in range(1, min(count, _BATCH) + 1) if count % size == 0)

    def constrain(arguments: Arguments, seed: Any, z: Any) -> dict[str, Any]:
        key = jax.random.fold_in(jax.random.PRNGKey(seed), 2**31)  # chains fold in small numbers

        def one(numbered: tuple[Any, Any]) -> dict[str, Any]:
            number, point = numbered
            values = functions.constrain(point, jax.random.fold_in(key, number), arguments)
            without.update({name: value for name, value in values.items() if not value.size})
            return {name: value for name, value in values.items() if value.size}

        # `map` cannot hold arrays without elements.
        without: dict[str, Any] = {}
        found = lax.map(one, (jnp.arange(count), z), batch_size=batch)
        return {**found, **{name: jnp.zeros((count, *value.shape), value.dtype) for name, value in without.items()}}

    return constrain
