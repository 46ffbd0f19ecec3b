"""What an engine needs to know of a model: a density on R^n, and the way back to the names of the source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pplang._diagnostics import Diagnostic

Arguments = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Functions:
    """The two functions of a model, in JAX, to be traced.

    log_density(z, arguments): z of shape (n,) → a number; the joint density of data and latents on R^n.
    constrain(z, key, arguments): z of shape (n,) → the arrays to keep of one draw, by name; `key` is for what is drawn after inference.
    """

    log_density: Callable[[Any, Arguments], Any]
    constrain: Callable[[Any, Any, Arguments], dict[str, Any]]


@dataclass(frozen=True)
class Target:
    """A model with its data, ready for an engine.

    identity: text that determines `functions`; with the shapes of the arguments it names compiled programs in the cache.
    functions: makes the functions; not called, and NumPyro not imported, when every program is found in the cache.
    """

    identity: str
    size: int
    arguments: dict[str, np.ndarray]
    functions: Callable[[], Functions]


@dataclass(frozen=True)
class Draws:
    """What an engine gives back.

    z: (chains, draws, n). statistics: (chains, draws) each, by ArviZ's names. history: what is worth keeping of the way there (the loss).
    constants: arguments that the engine has set, without which `z` means nothing. texts: what to keep in the fit file beside the draws.
    method: the one that made them. notes: what is to be told beside them.
    """

    z: np.ndarray
    statistics: dict[str, np.ndarray]
    history: dict[str, np.ndarray]
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    method: str = "svi"
    notes: tuple[Diagnostic, ...] = ()


class NoStart(Exception):
    """No point was found at which the density and its gradient are finite. `points`: (tries, n), those that were tried last."""

    def __init__(self, points: np.ndarray) -> None:
        super().__init__(points)
        self.points = points
