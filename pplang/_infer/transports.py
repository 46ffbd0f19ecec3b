"""The transported sites of a bound model: where they stand in the flat vector, and what each is at given points.

The mathematics of the coordinates is that of `pplang._passes.transport`. Child scores (the gradient, at a site, of everything but its own prior),
of which the constants are fitted (`regression`), are free: the score g of the coordinate raw, with theta = location + L (shift + C'^-1 raw), gives
L'^-1 C (g - d log q(raw) / d raw). Sites that stand alone are blocks of one.
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
    from pplang._model import Bound
    from pplang._passes.plan import Block, Compiled, Transport


class State(NamedTuple):
    """A transport at m points. along: theta, or log theta, (m, J, K); standard: (theta - location) in units of the root.

    Of numbers beside the points, in their order (`Problem.states`): children, the child scores if those are gradients; raw, the coordinates if
    those are standard values. phi: (m, p). parents: of each vector the elements that it is nested in, (m, J, q). growth: log f, (m,).
    """

    along: np.ndarray
    standard: np.ndarray
    children: np.ndarray
    raw: np.ndarray
    phi: np.ndarray
    parents: np.ndarray
    growth: np.ndarray


@dataclass(frozen=True)
class Value:
    """Where a hyperparameter's free value stands in a trace: the name of a site, and whether its logarithm is meant. own: there is one for each
    vector; shape: of that."""

    name: str
    log: bool
    shape: tuple[int, ...]
    own: bool = False


@dataclass(frozen=True)
class Sequenced:
    """How the members of a chain follow one another along an axis (`dimension`): which of them have one before them, in the shape of the site."""

    dimension: int
    has_past: np.ndarray

    def before(self, step: Any, difference: Any) -> Any:
        """x with x_t = step_t x_{t-1} + difference_t."""
        import jax.numpy as jnp

        from pplang._lower.runtime.scans import linear_recurrence

        parts = (jnp.where(self.has_past, step, 0.0), difference)
        return jnp.moveaxis(linear_recurrence(*(jnp.moveaxis(one, self.dimension, 0) for one in parts)), 0, self.dimension)

    def of_next(self, x: Any) -> Any:
        """Of each member the value of the one after it, zero where there is none."""
        import jax.numpy as jnp

        front = jnp.moveaxis(jnp.where(self.has_past, x, 0.0), self.dimension, 0)
        return jnp.moveaxis(jnp.concatenate([front[1:], jnp.zeros_like(front[:1])]), 0, self.dimension)


@dataclass(frozen=True)
class Coordinate:
    """A transported site or block: positions (J, K) of its raw values in the flat vector, the shapes of its constants b and h, its
    hyperparameters.

    J vectors of K elements with K x K evidence each; where the evidence is diagonal each element counts as a vector of its own.
    depth: how many transported sites stand above one another over it.
    """

    transport: Transport | Block
    positions: np.ndarray
    shape: tuple[int, ...]
    h_shape: tuple[int, ...]
    phi: tuple[Value, ...]
    depth: int
    sequence: Sequenced | None = None

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

    @property
    def regressors(self) -> int:
        """The most that the constants of one element are regressed on."""
        return max((one.width + sum(math.prod(free.shape) for free in one.phi) for one in self.sites), default=0)

    def function(self) -> Callable[[Any, Any, Arguments], list[tuple[Any, ...]]]:
        """z (n,), numbers beside it (n,), arguments → a tuple in the order of `State` for each site. JAX, to be traced."""
        import jax
        import jax.numpy as jnp
        from numpyro import handlers

        from pplang._lower.runtime.functions import root_solved, times, whitening_free, whitening_of
        from pplang._passes.plan import Block

        model = self.model()

        def states(z: Any, beside: Any, arguments: Arguments) -> list[tuple[Any, ...]]:
            trace = handlers.trace(handlers.substitute(model, data=unflatten(z, self.latents))).get_trace(**arguments)

            def value(name: str | None, default: float) -> Any:
                if name is None:
                    return jnp.full((), default)
                return trace[name]["value"] if name in trace else arguments[name]  # a location or scale that is known is an argument

            def state(one: Coordinate) -> tuple[Any, ...]:
                transport = one.transport
                raw = trace[transport.raw]
                shape = raw["value"].shape
                own = jax.grad(lambda x: raw["fn"].log_prob(x).sum())(raw["value"])
                other = beside[one.positions].reshape(shape)
                if isinstance(transport, Block):
                    along, root, shift, factor = (
                        value(name, 0.0) for name in (transport.values, transport.root, transport.shift, transport.factor)
                    )
                    standard = whitening_of(raw["value"], shift, factor)
                    children = root_solved(root, times(factor, other - own))
                    back = whitening_free(other, shift, factor)
                else:
                    named = ((transport.location, 0.0), (transport.scale, 1.0), (transport.shift, 0.0), (transport.spread, 1.0))
                    location, scale, shift, spread = (value(*pair) for pair in named)
                    theta = trace[transport.site]["value"]
                    along = jnp.log(theta) if transport.log else theta
                    standard = (along - location) / scale
                    children = (other - own) / (spread * scale)
                    if one.sequence is not None:
                        # A member of a chain moves the location of the next one: in its score, and when it keeps its value.
                        step = jnp.broadcast_to(value(transport.step, 0.0), shape)
                        children = children - one.sequence.of_next(step * (other * spread - own / spread) / scale)
                        gap = scale * (standard - other)
                        shift = shift + (1 - spread**2) * (one.sequence.before(step, gap) - gap) / scale
                    back = (other - shift) / spread
                values = [trace[free.name]["value"] for free in one.phi]
                values = [jnp.ravel(jnp.log(at) if free.log else at) for at, free in zip(values, one.phi, strict=True)]
                phi, parents = ([at for at, free in zip(values, one.phi, strict=True) if free.own == own] for own in (False, True))
                near = jnp.stack(parents, axis=-1) if parents else jnp.zeros((len(one.positions), 0))
                found = [jnp.broadcast_to(part, shape).reshape(one.positions.shape) for part in (along, standard, children, back)]
                return *found, jnp.concatenate([jnp.zeros(0), *phi]), near, jnp.log(value(transport.growth, 1.0))

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
        free = tuple(
            Value(hyper.site, False, (), own=True) if hyper.own else _free(compiled, hyper.site, sizes) for hyper in one.hyperparameters
        )
        shape, h_shape = (tuple(sizes[name] for name in program.input[constant].sets) for constant in (one.b, one.h))
        width = shape[-1] if isinstance(one, Block) and not one.diagonal else 1
        return Coordinate(one, place[one.raw].reshape(-1, width), shape, h_shape, free, depth(one.raw), _sequence(bound, one, shape))

    names = tuple(one.name for one in compiled.constants)
    return Layout(tuple(coordinate(one) for one in every), names, bound.latents, lambda: bound.transformed_model)


def _sequence(bound: Bound, one: Transport | Block, shape: tuple[int, ...]) -> Sequenced | None:
    """How the members of a chain follow one another: the rows of a bound table stand in their order."""
    from pplang._check.recurrences import Recurrence, groups
    from pplang._lower.support import steps_back
    from pplang._passes.plan import Block

    if isinstance(one, Block) or one.step is None:
        return None
    chain = next(group for group in groups(bound.compiled.drawn) if isinstance(group, Recurrence) and one.site in group.sites)
    order = next((table.order for table in bound.compiled.source.tables if table.name == chain.set), None)
    columns = {} if order is None else {"by": order.by, "within": order.within}
    given = {word: bound.dataset.arrays[name] for word, name in columns.items() if name is not None}
    dimension = chain.dimension[one.site]
    has_past = steps_back(shape[dimension], 1, **given) >= 0
    return Sequenced(
        dimension, np.broadcast_to(np.expand_dims(has_past, tuple(axis for axis in range(len(shape)) if axis != dimension)), shape)
    )


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

    program, before = compiled.program, compiled.before("center")
    shape = tuple(sizes[axis.set] for axis in before.site[name].axes)
    moved = [site.name for site in program.sites if site.role == "latent" and site.origin == (name, unconstrain.NAME)]
    if moved:
        return Value(moved[0], False, shape)
    bijection = unconstrain.bijection_of(before.site[name])
    return Value(name, bijection is not None and bijection.name == "log", shape)


def evidence(site: Coordinate) -> tuple[str, ...]:
    """The names of the inputs that are evidence: h, b and V."""
    return site.transport.h, site.transport.b, *(hyper.slope for hyper in site.transport.hyperparameters)


def inputs(site: Coordinate) -> tuple[str, ...]:
    """The names of all inputs of a site's coordinates."""
    return *evidence(site), *(hyper.centre for hyper in site.transport.hyperparameters)


def standards(layout: Layout, states: Sequence[State], points: np.ndarray) -> np.ndarray:
    """The standard values of all sites where their coordinates stand in the points, (m, n)."""
    beside = np.zeros_like(points)
    for site, state in zip(layout.sites, states, strict=True):
        beside[:, site.positions] = state.standard
    return beside


def moved(points: np.ndarray, site: Coordinate, there: State) -> np.ndarray:
    """The points with a site's coordinate changed to that of other constants, its value the same. there: the state with those constants,
    made beside the standard values that stay."""
    points = points.copy()
    points[:, site.positions] = there.raw
    return points
