"""Fitting the constants of transported coordinates from draws and scores that the engine holds already.

The mathematics of the coordinates is that of `pplang._passes.transport`. Everything below an element theta is summed up by a normal
pseudo-likelihood of precision h; its constants are the slope and intercept of a linear regression of the child score (the gradient, at the
site, of everything but its own prior) on theta and on the hyperparameters, leaf to root. Child scores are free: the score g of the
coordinate raw, with theta = location + L (shift + gain^-1 raw), gives L'^-1 gain' (g - d log q(raw) / d raw). Sites that stand alone are
blocks of one.
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
    from pplang._passes.plan import Block, Compiled, Transport

_RIDGE = 1e-3
_WIDEST_GROWTH = 20.0


class State(NamedTuple):
    """A transport at m points. along: theta, or log theta, (m, J, K). own: the derivative of the log density of raw. growth: log f, (m,)."""

    along: np.ndarray
    location: np.ndarray
    root: np.ndarray
    shift: np.ndarray
    gain: np.ndarray
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
    """A transported site or block: positions (J, K) of its raw values in the flat vector, the shape of its constants b, its hyperparameters.

    depth: how many transported sites stand above one another over it.
    """

    transport: Transport | Block
    positions: np.ndarray
    shape: tuple[int, ...]
    phi: tuple[Value, ...]
    depth: int

    @property
    def width(self) -> int:
        """K."""
        return self.positions.shape[1]


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
        return np.concatenate([np.zeros(0, np.int64), *(one.positions.ravel() for one in self.sites)])

    def levels(self) -> list[list[int]]:
        """Indices of the sites, leaves first."""
        depths = sorted({one.depth for one in self.sites}, reverse=True)
        return [[i for i, one in enumerate(self.sites) if one.depth == depth] for depth in depths]

    def function(self) -> Callable[[Any, Arguments], list[tuple[Any, ...]]]:
        """z (n,), arguments → a tuple in the order of `State` for each site. JAX, to be traced."""
        import jax
        import jax.numpy as jnp
        from numpyro import handlers

        from pplang._passes.plan import Block

        model = self.model()

        def states(z: Any, arguments: Arguments) -> list[tuple[Any, ...]]:
            trace = handlers.trace(handlers.substitute(model, data=unflatten(z, self.latents))).get_trace(**arguments)

            def value(name: str | None, default: float) -> Any:
                if name is None:
                    return jnp.full((), default)
                return trace[name]["value"] if name in trace else arguments[name]  # a location or scale that is known is an argument

            def parts(one: Coordinate) -> tuple[Any, ...]:
                transport, (count, width) = one.transport, one.positions.shape
                if not isinstance(transport, Block):
                    theta = trace[transport.site]["value"]
                    named = ((transport.location, 0.0), (transport.scale, 1.0), (transport.shift, 0.0), (transport.spread, 1.0))
                    location, scale, shift, spread = (jnp.broadcast_to(value(*pair), one.shape).reshape(count, 1) for pair in named)
                    along = jnp.log(theta) if transport.log else theta
                    return along.reshape(count, 1), location, scale[..., None], shift, 1 / spread[..., None]
                vectors = (transport.values, transport.location, transport.shift)
                along, location, shift = (jnp.broadcast_to(value(name, 0.0), (count, width)) for name in vectors)
                root, factor = (jnp.broadcast_to(value(name, 0.0), (count, width, width)) for name in (transport.root, transport.factor))
                return along, location, root, shift, jnp.swapaxes(factor, -1, -2)

            def state(one: Coordinate) -> tuple[Any, ...]:
                raw = trace[one.transport.raw]
                own = jax.grad(lambda x: raw["fn"].log_prob(x).sum())(raw["value"]).reshape(one.positions.shape)
                phi = [trace[free.name]["value"] for free in one.phi]
                phi = [jnp.ravel(jnp.log(at) if free.log else at) for at, free in zip(phi, one.phi, strict=True)]
                return *parts(one), own, jnp.concatenate([jnp.zeros(0), *phi]), jnp.log(value(one.transport.growth, 1.0))

            return [state(one) for one in self.sites]

        return states


def layout(bound: Bound) -> Layout:
    """How the transports of a bound model stand in its flat vector."""
    from pplang._passes.plan import Block

    compiled = bound.compiled
    program, sizes = compiled.program, set_sizes(compiled.program, bound.sets)
    ends = np.cumsum([latent.size for latent in bound.latents])
    place = {latent.name: np.arange(end - latent.size, end) for latent, end in zip(bound.latents, ends, strict=True)}
    declared: tuple[Transport | Block, ...] = (*compiled.transports, *compiled.blocks)
    every = tuple(one for one in declared if len(place[one.raw]))
    above = {one.raw: _above(compiled, one.raw, {other.raw for other in every}) for one in every}

    def depth(raw: str) -> int:
        return 1 + max((depth(other) for other in above[raw]), default=0)

    def coordinate(one: Transport | Block) -> Coordinate:
        free = tuple(_free(compiled, hyper.site, sizes) for hyper in one.hyperparameters)
        width = len(one.sites) if isinstance(one, Block) else 1
        positions = place[one.raw].reshape(-1, width)
        shape = positions.shape if isinstance(one, Block) else tuple(sizes[name] for name in program.site[one.site].sets)
        return Coordinate(one, positions, shape, free, depth(one.raw))

    names = tuple(one.name for one in compiled.constants)
    return Layout(tuple(coordinate(one) for one in every), names, bound.latents, lambda: bound.transformed_model)


def _above(compiled: Compiled, raw: str, every: set[str]) -> set[str]:
    """The raw coordinates of other transports that one depends on."""
    from pplang._passes.transport import stochastic_parents

    found: set[str] = set()
    pending = [raw]
    while pending:
        for name in stochastic_parents(compiled.program, compiled.program.site[pending.pop()]):
            if name not in found:
                found.add(name)
                pending.append(name)
    return found & (every - {raw})


def _free(compiled: Compiled, name: str, sizes: Mapping[str, int]) -> Value:
    from pplang._passes import unconstrain

    program: Program = compiled.program
    shape = tuple(sizes[axis.set] for axis in compiled.drawn.site[name].axes)
    moved = [site.name for site in program.sites if site.role == "latent" and site.origin == (name, unconstrain.NAME)]
    if moved:
        return Value(moved[0], False, shape)
    bijection = unconstrain.bijection_of(compiled.drawn.site[name])
    return Value(name, bijection is not None and bijection.name == "log", shape)


def evidence(site: Coordinate) -> tuple[str, ...]:
    """The names of the inputs that are evidence: h, b and V."""
    return site.transport.h, site.transport.b, *(hyper.slope for hyper in site.transport.hyperparameters)


def inputs(site: Coordinate) -> tuple[str, ...]:
    """The names of all inputs of a site's coordinates."""
    return *evidence(site), *(hyper.centre for hyper in site.transport.hyperparameters)


def moved(points: np.ndarray, site: Coordinate, state: State, new: State) -> np.ndarray:
    """The points with a site's coordinate changed to that of other constants, its value (in `state`) the same; `new`: the state there."""
    points = points.copy()
    standard = _solved(state.root, state.along - state.location)
    points[:, site.positions] = _times(new.gain, standard - new.shift)
    return points


def child_scores(site: Coordinate, state: State, gradients: np.ndarray) -> np.ndarray:
    """(m, J, K), on the scale of `along`."""
    back = _times(np.swapaxes(state.gain, -1, -2), gradients[:, site.positions] - state.own)
    return _solved(np.swapaxes(state.root, -1, -2), back)


def _times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    if vectors.shape[-1] == 1:
        return matrices[..., 0] * vectors
    return (matrices @ vectors[..., None])[..., 0]


def _solved(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    if vectors.shape[-1] == 1:
        return vectors / matrices[..., 0]
    return np.linalg.solve(matrices, vectors[..., None])[..., 0]


def regressed(site: Coordinate, state: State, children: np.ndarray) -> dict[str, np.ndarray]:
    """The constants of one site from its values and child scores at m points.

    One weighted ridge regression for each element, child / f = b + V (phi - phi0) - H theta, all with the same block of hyperparameters.
    Without positive curvature in some direction H is that of the others.
    """
    phi = state.phi
    used = phi.shape[1] if phi.shape[1] + site.width <= len(phi) // 2 - 2 else 0
    growth = state.growth - state.growth.mean()
    f = np.exp(np.clip(growth, -_WIDEST_GROWTH, _WIDEST_GROWTH))
    weights = f / f.sum()
    centre = phi.mean(axis=0)
    distance = (phi - centre)[:, :used]
    units = np.maximum(np.sqrt((distance**2).mean(axis=0)), 1e-9)
    hypers = distance / units - weights @ (distance / units)
    middle, unit = np.einsum("m,mjk->jk", weights, state.along), np.maximum(state.along.std(axis=0), 1e-12)
    theta = (state.along - middle) / unit
    ratio = children / f[:, None, None]
    height = np.einsum("m,mjk->jk", weights, ratio)
    response = ratio - height
    weighted = weights[:, None] * hypers
    block = weighted.T @ hypers + _RIDGE * np.eye(used)
    cross, right = (np.einsum("mp,mjk->pjk", weighted, one) for one in (theta, response))
    of_cross, of_right = (
        np.linalg.solve(block, one.reshape(used, one[0].size if used else 0)).reshape(one.shape) for one in (cross, right)
    )
    inner = np.einsum("m,mjk,mjl->jkl", weights, theta, theta) + _RIDGE * np.eye(site.width) - np.einsum("pjk,pjl->jkl", cross, of_cross)
    outer = np.einsum("m,mjk,mjo->jko", weights, theta, response) - np.einsum("pjk,pjo->jko", cross, of_right)
    slope = np.linalg.solve(inner, outer)
    h = _positive(-np.swapaxes(slope / unit[:, :, None], -1, -2))
    pull = (of_right - np.einsum("pjk,jko->pjo", of_cross, slope)) / units[:, None, None]
    pull = np.where(np.diagonal(h, axis1=-2, axis2=-1) > 0, pull, 0.0)
    b = height + _times(h, middle) - np.einsum("p,pjk->jk", weights @ distance, pull)
    slopes = np.concatenate([pull, np.zeros((phi.shape[1] - used, *b.shape))])
    return _named(site, h, b, np.moveaxis(slopes, 0, -1), centre)


def _positive(matrices: np.ndarray) -> np.ndarray:
    """The nearest symmetric matrices without negative eigenvalues."""
    if matrices.shape[-1] == 1:
        return np.maximum(matrices, 0.0)
    if not np.isfinite(matrices).all():
        return matrices
    values, vectors = np.linalg.eigh((matrices + np.swapaxes(matrices, -1, -2)) / 2)
    return (vectors * np.maximum(values, 0.0)[..., None, :]) @ np.swapaxes(vectors, -1, -2)


def _named(site: Coordinate, h: np.ndarray, b: np.ndarray, slopes: np.ndarray, centre: np.ndarray) -> dict[str, np.ndarray]:
    """h: (J, K, K), b: (J, K), slopes: (J, K, hyperparameters), centre: (hyperparameters,), by the names of the inputs."""
    own = site.shape + ((site.width,) if site.width > 1 else ())
    constants = {site.transport.h: h.reshape(own), site.transport.b: b.reshape(site.shape)}
    first = 0
    for hyper, free in zip(site.transport.hyperparameters, site.phi, strict=True):
        last = first + math.prod(free.shape)
        constants[hyper.slope] = slopes[..., first:last].reshape(site.shape + free.shape)
        constants[hyper.centre] = centre[first:last].reshape(free.shape)
        first = last
    return constants


def probed(site: Coordinate, state: State, middle: np.ndarray, columns: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """The constants from curvature at one point, without slopes.

    state: at the point alone (m = 1). middle: the child scores there, (J, K). columns: for each k the derivatives of the child scores by
    theta_k, (J, K).
    """
    h = _positive(-np.stack(columns, axis=-1))
    b = middle + _times(h, state.along[0])
    return _named(site, h, b, np.zeros((*b.shape, state.phi.shape[1])), state.phi[0])
