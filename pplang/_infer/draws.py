"""From draws on R^n to draws of the names in the source."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pplang._cache import compiled
from pplang._infer.target import Arguments, Target

_ROWS = 512
"""How many draws one call of the program takes; tables are filled up to so many."""
_BATCH = 256
"""How many draws are computed side by side."""


class Constrainer:
    """The transformation of draws, compiled: one program for any number of them."""

    def __init__(self, target: Target) -> None:
        import jax

        self._target = target
        data = (target.arguments, np.uint32(0), np.int64(0), jax.ShapeDtypeStruct((_ROWS, target.size), np.float64))
        self._executable = compiled(lambda: (_program(target), data), data, f"constrain\n{target.identity}")

    def __call__(self, seed: int, z: np.ndarray, constants: Arguments, first: int = 0) -> dict[str, np.ndarray]:
        """z: (chains, draws, n) → (chains, draws, ...) by name. What is drawn here depends on the seed and the draw's number, from `first` on.

        constants: arguments that the engine has set.
        """
        flat = z.reshape(math.prod(z.shape[:-1]), z.shape[-1])  # there may be no coordinates at all
        arguments = {**self._target.arguments, **constants}
        parts: dict[str, list[np.ndarray]] = {}
        for begin in range(0, len(flat), _ROWS):
            rows = np.repeat(flat[begin : begin + 1], _ROWS, axis=0)  # the last table is filled up with its first row
            count = len(flat[begin : begin + _ROWS])
            rows[:count] = flat[begin : begin + _ROWS]
            for name, value in self._executable(arguments, np.uint32(seed), np.int64(first + begin), rows).items():
                parts.setdefault(name, []).append(np.asarray(value)[:count])
        return {name: np.concatenate(values).reshape(z.shape[:2] + values[0].shape[1:]) for name, values in parts.items()}


def _program(target: Target) -> Callable[..., Any]:
    import jax
    import jax.numpy as jnp
    from jax import lax

    functions = target.functions()

    def constrain(arguments: Arguments, seed: Any, first: Any, z: Any) -> dict[str, Any]:
        key = jax.random.fold_in(jax.random.PRNGKey(seed), 2**31)  # chains fold in small numbers

        def one(numbered: tuple[Any, Any]) -> dict[str, Any]:
            number, point = numbered
            values = functions.constrain(point, jax.random.fold_in(key, number), arguments)
            without.update({name: value for name, value in values.items() if not value.size})
            return {name: value for name, value in values.items() if value.size}

        # `map` cannot hold arrays without elements.
        without: dict[str, Any] = {}
        found = lax.map(one, (first + jnp.arange(_ROWS), z), batch_size=_BATCH)
        return {**found, **{name: jnp.zeros((_ROWS, *value.shape), value.dtype) for name, value in without.items()}}

    return constrain
