"""What the variational engine works on: densities, gradients and transport states at many points, compiled, and counted."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pplang._cache import compiled
from pplang._infer.target import Arguments, Target
from pplang._infer.transports import Layout, State

Constants = Mapping[str, np.ndarray]
"""The inputs that transports have added, by name."""

_NUMBERS_AT_ONCE = 2**22
"""How many numbers a table of points may hold."""


class Exhausted(Exception):
    """The gradients that a fit may use are used up."""


@dataclass
class Ledger:
    """Gradients and densities evaluated so far, and how many gradients there may be."""

    most: int
    gradients: int = 0
    densities: int = 0

    def book(self, count: int) -> None:
        if self.gradients + count > self.most:
            raise Exhausted
        self.gradients += count


@dataclass
class Problem:
    """A model in transported coordinates. Every table of points has `rows` rows inside, so each function is compiled once.

    The programs evaluate one point after the other: on a processor that is as fast as side by side, and any number of points will do.
    moves: the inputs by which params are moved.
    """

    target: Target
    layout: Layout
    rows: int
    ledger: Ledger
    moves: tuple[str, ...] = ()
    _programs: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return self.target.size

    @property
    def place(self) -> np.ndarray:
        """How far the params are from their starts, (p,)."""
        return np.concatenate([np.zeros(0), *(np.ravel(self.target.arguments[name]) for name in self.moves)])

    def move(self, place: np.ndarray) -> None:
        """Put the params elsewhere, (p,), for all that follows."""
        self.target = replace(self.target, arguments={**self.target.arguments, **self._moved(place)})

    def _moved(self, place: np.ndarray) -> dict[str, np.ndarray]:
        shapes = [self.target.arguments[name].shape for name in self.moves]
        parts = np.split(place, np.cumsum([math.prod(shape) for shape in shapes])[:-1]) if shapes else []
        return {name: part.reshape(shape) for name, part, shape in zip(self.moves, parts, shapes, strict=True)}

    def zero(self) -> dict[str, np.ndarray]:
        """The constants of non-centred coordinates; params where they are."""
        return {name: self.target.arguments[name] for name in self.layout.constants}

    def with_params(self, constants: Constants) -> Constants:
        """Constants of another place of the params, for the present one."""
        return {**constants, **{name: self.target.arguments[name] for name in self.moves}}

    def scores(self, constants: Constants) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """points (m, n) → log densities (m,), gradients (m, n). Raises Exhausted."""

        def at(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            self.ledger.book(len(points))
            densities, gradients = self._mapped("scores", constants, points)
            return densities, gradients

        return at

    def joint_scores(self, constants: Constants, place: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """points (m, n), with the params at a place (p,) → log densities (m,), gradients (m, n) and those by the params (m, p). Raises Exhausted."""
        self.ledger.book(len(points))
        densities, gradients, by_params = self._mapped("joint scores", {**constants, **self._moved(place)}, points)
        return densities, gradients, by_params

    def checked_scores(self, constants: Constants, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same for the verdict: booked with its densities, outside what the fit may use."""
        self.ledger.densities += len(points)
        densities, gradients = self._mapped("scores", constants, points)
        return densities, gradients

    def densities(self, constants: Constants, points: np.ndarray) -> np.ndarray:
        """points (m, n) → log densities (m,)."""
        self.ledger.densities += len(points)
        (densities,) = self._mapped("densities", constants, points)
        return densities

    def states(self, constants: Constants, points: np.ndarray, beside: np.ndarray | None = None) -> list[State]:
        """points (m, n) → what each transport is there, in the order of the layout. beside: gradients there, or standard values, (m, n)."""
        both = np.concatenate([points, np.zeros_like(points) if beside is None else beside], axis=1)
        leaves = self._mapped("states", constants, both)
        width = len(leaves) // max(1, len(self.layout.sites))
        return [State(*leaves[i * width : (i + 1) * width]) for i in range(len(self.layout.sites))]

    def compile(self, name: str) -> None:
        """Have a program ready before it is needed."""
        self._program(name)

    def _mapped(self, name: str, constants: Constants, points: np.ndarray) -> tuple[np.ndarray, ...]:
        program = self._program(name)
        arguments = {**self.target.arguments, **constants}
        parts = []
        table = np.zeros((self.rows, points.shape[1]))
        for first in range(0, max(1, len(points)), self.rows):  # no points give tables without rows
            part = points[first : first + self.rows]
            table[: len(part)] = part
            parts.append([np.asarray(leaf)[: len(part)] for leaf in program(arguments, table, np.int64(len(part)))])
        return tuple(np.concatenate(leaves) for leaves in zip(*parts, strict=True))

    def _program(self, name: str) -> Any:
        import jax

        if name not in self._programs:
            width = self.size * (2 if name == "states" else 1)
            data = (self.target.arguments, jax.ShapeDtypeStruct((self.rows, width), np.float64), np.int64(0))
            identity = f"{name} {self.rows}\n{self.layout.identity}\n{self.target.identity}"
            self._programs[name] = compiled(lambda: (self._made(name), data), data, identity)
        return self._programs[name]

    def _jointly(self, log_density: Callable[[Any, Arguments], Any]) -> Callable[[Arguments], Callable[[Any], tuple[Any, ...]]]:
        import jax
        import jax.numpy as jnp

        def at(arguments: Arguments) -> Callable[[Any], tuple[Any, ...]]:
            def density(z: Any, moves: dict[str, Any]) -> Any:
                return log_density(z, {**arguments, **moves})

            def scored(z: Any) -> tuple[Any, ...]:
                value, (by_z, by_moves) = jax.value_and_grad(density, (0, 1))(z, {name: arguments[name] for name in self.moves})
                return value, by_z, jnp.concatenate([jnp.ravel(by_moves[name]) for name in self.moves])

            return scored

        return at

    def _made(self, name: str) -> Callable[..., Any]:
        import jax

        functions = self.target.functions()
        if name == "densities":
            return _looped(lambda arguments: lambda z: (functions.log_density(z, arguments),), self.rows)
        if name == "scores":
            return _looped(lambda arguments: jax.value_and_grad(lambda z: functions.log_density(z, arguments)), self.rows)
        if name == "joint scores":
            return _looped(self._jointly(functions.log_density), self.rows)
        state = self.layout.function()
        n = self.size
        return _looped(
            lambda arguments: lambda both: tuple(leaf for one in state(both[:n], both[n:], arguments) for leaf in one), self.rows
        )


def rows_for(size: int, draws: int) -> int:
    """The number of rows of tables of points: that many draws, fewer where points are long."""
    return max(1, min(draws, _NUMBERS_AT_ONCE // max(1, size)))


def _looped(at: Callable[[Arguments], Callable[[Any], tuple[Any, ...]]], rows: int) -> Callable[..., Any]:
    """The first `count` rows of a table, one after the other; the results of the other rows are zero."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    def mapped(arguments: Arguments, points: Any, count: Any) -> tuple[Any, ...]:
        one = at(arguments)
        shapes = jax.eval_shape(one, points[0])
        tables = tuple(jnp.zeros((rows, *shape.shape), shape.dtype) for shape in shapes)

        def advance(i: Any, tables: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(table.at[i].set(value) for table, value in zip(tables, one(points[i]), strict=True))

        return lax.fori_loop(0, count, advance, tables)

    return mapped
