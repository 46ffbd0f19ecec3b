"""Fitting the constants of transported coordinates from draws and scores that the engine holds already.

The mathematics of the coordinates is that of `pplang._passes.transport`. Everything below an element theta is summed up by a normal
pseudo-likelihood of precision h; its constants are the slope and intercept of a linear regression of the child score (the gradient, at the
site, of everything but its own prior) on theta and on the hyperparameters, leaf to root. Child scores are free: the score g of the
coordinate raw, with theta = location + scale (shift + spread raw), gives (g - d log q(raw) / d raw) / (scale spread).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pplang._infer.density import Latent, set_sizes, unflatten
from pplang._infer.target import Arguments

if TYPE_CHECKING:
    from pplang._ir.program import Program
    from pplang._model import Bound
    from pplang._passes.plan import Compiled, Transport

_RIDGE = 1e-3
_WIDEST_GROWTH = 20.0


class State(NamedTuple):
    """A transport at m points. along: theta, or log theta, (m, J). own: the derivative of the log density of raw. growth: log f, (m,)."""

    along: np.ndarray
    location: np.ndarray
    scale: np.ndarray
    shift: np.ndarray
    spread: np.ndarray
    own: np.ndarray
    phi: np.ndarray
    growth: np.ndarray


@dataclass(frozen=True)
class Value:
    """Where a hyperparameter's free value stands in a trace: the name of a site, and whether its logarithm is meant."""

    name: str
    log: bool
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Coordinate:
    """A transported site: positions (J,) of its raw values in the flat vector, the shape of the site, its hyperparameters in order.

    depth: how many transported sites stand above one another over it.
    """

    transport: Transport
    positions: np.ndarray
    shape: tuple[int, ...]
    phi: tuple[Value, ...]
    depth: int


@dataclass(frozen=True)
class Layout:
    """The transported sites of a bound model. constants: the names of all inputs that the engine sets."""

    sites: tuple[Coordinate, ...]
    constants: tuple[str, ...]
    latents: tuple[Latent, ...]
    model: Callable[[], Callable[..., None]]

    @property
    def identity(self) -> str:
        return repr([(one.transport, one.shape, one.phi) for one in self.sites])

    @property
    def positions(self) -> np.ndarray:
        """Of all transported coordinates in the flat vector."""
        return np.concatenate([np.zeros(0, np.int64), *(one.positions for one in self.sites)])

    def levels(self) -> list[list[int]]:
        """Indices of the sites, leaves first."""
        depths = sorted({one.depth for one in self.sites}, reverse=True)
        return [[i for i, one in enumerate(self.sites) if one.depth == depth] for depth in depths]

    def function(self) -> Callable[[Any, Arguments], list[tuple[Any, ...]]]:
        """z (n,), arguments → a tuple in the order of `State` for each site. JAX, to be traced."""
        import jax
        import jax.numpy as jnp
        from numpyro import handlers

        model = self.model()

        def states(z: Any, arguments: Arguments) -> list[tuple[Any, ...]]:
            trace = handlers.trace(handlers.substitute(model, data=unflatten(z, self.latents))).get_trace(**arguments)

            def value(name: str | None, default: float) -> Any:
                if name is None:
                    return jnp.full((), default)
                return trace[name]["value"] if name in trace else arguments[name]  # a location or scale that is known is an argument

            def state(one: Coordinate) -> tuple[Any, ...]:
                transport = one.transport
                raw = trace[transport.raw]
                theta = trace[transport.site]["value"]
                own = jax.grad(lambda x: raw["fn"].log_prob(x).sum())(raw["value"])
                named = ((transport.location, 0.0), (transport.scale, 1.0), (transport.shift, 0.0), (transport.spread, 1.0))
                parts = [jnp.broadcast_to(value(name, default), one.shape).ravel() for name, default in named]
                phi = [trace[free.name]["value"] for free in one.phi]
                phi = [jnp.ravel(jnp.log(at) if free.log else at) for at, free in zip(phi, one.phi, strict=True)]
                growth = jnp.log(value(transport.growth, 1.0))
                along = jnp.log(theta) if transport.log else theta
                return along.ravel(), *parts, own.ravel(), jnp.concatenate([jnp.zeros(0), *phi]), growth

            return [state(one) for one in self.sites]

        return states


def layout(bound: Bound) -> Layout:
    """How the transports of a bound model stand in its flat vector."""
    compiled = bound.compiled
    program, sizes = compiled.program, set_sizes(compiled.program, bound.sets)
    ends = np.cumsum([latent.size for latent in bound.latents])
    place = {latent.name: np.arange(end - latent.size, end) for latent, end in zip(bound.latents, ends, strict=True)}
    above = {one.raw: _above(compiled, one.raw) for one in compiled.transports}

    def depth(raw: str) -> int:
        return 1 + max((depth(other) for other in above[raw]), default=0)

    def coordinate(one: Transport) -> Coordinate:
        shape = tuple(sizes[name] for name in program.site[one.site].sets)
        return Coordinate(
            one, place[one.raw], shape, tuple(_free(compiled, hyper.site, sizes) for hyper in one.hyperparameters), depth(one.raw)
        )

    return Layout(
        tuple(coordinate(one) for one in compiled.transports),
        tuple(one.name for one in compiled.constants),
        bound.latents,
        lambda: bound.transformed_model,
    )


def _above(compiled: Compiled, raw: str) -> set[str]:
    """The raw coordinates of other transports that one depends on."""
    from pplang._passes.transport import stochastic_parents

    others = {one.raw for one in compiled.transports} - {raw}
    found: set[str] = set()
    pending = [raw]
    while pending:
        for name in stochastic_parents(compiled.program, compiled.program.site[pending.pop()]):
            if name not in found:
                found.add(name)
                pending.append(name)
    return found & others


def _free(compiled: Compiled, name: str, sizes: Mapping[str, int]) -> Value:
    from pplang._passes import unconstrain

    program: Program = compiled.program
    shape = tuple(sizes[axis.set] for axis in compiled.source.site[name].axes)
    moved = [site.name for site in program.sites if site.role == "latent" and site.origin == (name, unconstrain.NAME)]
    if moved:
        return Value(moved[0], False, shape)
    bijection = unconstrain.bijection_of(compiled.source.site[name])
    return Value(name, bijection is not None and bijection.name == "log", shape)


def moved(points: np.ndarray, site: Coordinate, state: State, new: State) -> np.ndarray:
    """The points with a site's coordinate changed to that of other constants, its value (in `state`) the same; `new`: shift and spread there."""
    points = points.copy()
    points[:, site.positions] = ((state.along - state.location) / state.scale - new.shift) / new.spread
    return points


def child_scores(site: Coordinate, state: State, gradients: np.ndarray) -> np.ndarray:
    """(m, J), on the scale of `along`."""
    return (gradients[:, site.positions] - state.own) / (state.scale * state.spread)


def regressed(site: Coordinate, state: State, children: np.ndarray) -> dict[str, np.ndarray]:
    """The constants of one site from its values and child scores at m points.

    One weighted ridge regression for each element, child / f = b + V (phi - phi0) - h theta, all with the same block of hyperparameters.
    """
    phi = state.phi
    count = len(phi)
    width = phi.shape[1] if phi.shape[1] <= count // 2 - 2 else 0
    growth = state.growth - state.growth.mean()
    f = np.exp(np.clip(growth, -_WIDEST_GROWTH, _WIDEST_GROWTH))
    weights = f / f.sum()
    centre = phi.mean(axis=0)
    distance = (phi - centre)[:, :width]
    units = np.maximum(np.sqrt((distance**2).mean(axis=0)), 1e-9)
    hypers = distance / units - weights @ (distance / units)
    middle, unit = weights @ state.along, np.maximum(state.along.std(axis=0), 1e-12)
    theta = (state.along - middle) / unit
    ratio = children / f[:, None]
    height = weights @ ratio
    response = ratio - height
    weighted = weights[:, None] * hypers
    block = weighted.T @ hypers + _RIDGE * np.eye(width)
    cross, right = weighted.T @ theta, weighted.T @ response
    solved = np.linalg.solve(block, np.concatenate([cross, right], axis=1)) if width else np.zeros((0, 2 * theta.shape[1]))
    of_cross, of_right = np.split(solved, 2, axis=1)
    own = weights @ theta**2 + _RIDGE - (cross * of_cross).sum(axis=0)
    slope = (weights @ (theta * response) - (cross * of_right).sum(axis=0)) / own
    h = np.maximum(-slope / unit, 0.0)
    pull = np.where(h > 0, (of_right - of_cross * slope) / units[:, None], 0.0).T
    b = height + h * middle - pull @ (weights @ distance)
    return _named(site, h, b, np.concatenate([pull, np.zeros((len(h), phi.shape[1] - width))], axis=1), centre)


def _named(site: Coordinate, h: np.ndarray, b: np.ndarray, pull: np.ndarray, centre: np.ndarray) -> dict[str, np.ndarray]:
    constants = {site.transport.h: h.reshape(site.shape), site.transport.b: b.reshape(site.shape)}
    first = 0
    for hyper, free in zip(site.transport.hyperparameters, site.phi, strict=True):
        last = first + math.prod(free.shape)
        constants[hyper.slope] = pull[:, first:last].reshape(site.shape + free.shape)
        constants[hyper.centre] = centre[first:last].reshape(free.shape)
        first = last
    return constants


def probed(
    site: Coordinate, state: State, middle: np.ndarray, differences: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> dict[str, np.ndarray]:
    """The constants from curvature at one point, without slopes.

    state: at the point alone (m = 1). middle: the child scores there, (J,). differences: (signs (J,), child scores at the raw coordinate
    plus and minus a step along the signs (J,), change of theta between the two (J,)).
    """
    curvature = np.mean([-signs * change / np.where(step == 0, np.inf, np.abs(step)) for signs, change, step in differences], axis=0)
    h = np.maximum(curvature, 0.0)
    b = middle + h * state.along[0]
    return _named(site, h, b, np.zeros((h.size, state.phi.shape[1])), state.phi[0])
