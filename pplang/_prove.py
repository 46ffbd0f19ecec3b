"""Proof on the user's own model that the passes keep its meaning: densities, Jacobians, round trips and prior draws, at random points.

For each pass: the log density of the original names equals that of the rewritten program less the log Jacobian that the pass declares; that
Jacobian is the one of automatic differentiation; values taken to free coordinates and back are the same; and draws from the prior of the
rewritten program cannot be told from draws from the source's (Kolmogorov-Smirnov).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pplang._infer.density import Latent, plates_first, set_sizes, site_densities, unflatten
from pplang._ir.expression import Expression
from pplang._ir.kinds import REAL
from pplang._ir.program import Program, Site
from pplang._lower import lower
from pplang._passes import forward
from pplang._passes.plan import Compiled, Stage, as_data, inference

if TYPE_CHECKING:
    from pplang._model import Bound

DENSITY, ROUND_TRIP, JACOBIAN, QUADRATURE = 1e-8, 1e-10, 1e-8, 1e-6
"""The largest errors that pass: relative for densities, absolute for coordinates and log determinants per unknown."""
SMALLEST_P = 1e-6
LARGEST_JACOBIAN = 400
"""Unknowns beyond which the Jacobian is not differentiated: it would take that many passes over the model."""

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Proof:
    """The largest errors found for one pass; None for what does not apply to it.

    density: |log density before + log Jacobian - log density after| / (1 + |log density|); of a pass that adds unknowns, with these integrated
        out by quadrature. jacobian: declared against differentiated.
    round_trip: of the coordinates, to original names and back, where no pass has added unknowns. prior: the smallest p-value over the names
        compared, with its name. bound: of the density's error.
    """

    name: str
    density: float
    jacobian: float | None
    round_trip: float | None
    prior: tuple[float, str] | None
    bound: float = DENSITY

    @property
    def holds(self) -> bool:
        """Is every error below its bound?"""
        small = self.density <= self.bound and (self.jacobian or 0.0) <= JACOBIAN and (self.round_trip or 0.0) <= ROUND_TRIP
        return bool(small and (self.prior is None or self.prior[0] >= SMALLEST_P))

    def line(self) -> str:
        """In a line for the terminal."""
        parts = [f"density {self.density:.1e}"]
        parts += [] if self.jacobian is None else [f"Jacobian {self.jacobian:.1e}"]
        parts += [] if self.round_trip is None else [f"round trip {self.round_trip:.1e}"]
        parts += [] if self.prior is None else [f"prior draws p = {self.prior[0]:.2g} ({self.prior[1]})"]
        return f"{self.name}: largest errors: {', '.join(parts)}: {'holds' if self.holds else 'DOES NOT HOLD'}"

    def to_json(self) -> dict[str, Any]:
        """The same for machines."""
        prior = None if self.prior is None else {"p": self.prior[0], "name": self.prior[1]}
        return {
            "pass": self.name,
            "density": self.density,
            "jacobian": self.jacobian,
            "round_trip": self.round_trip,
            "prior": prior,
            "holds": self.holds,
        }


@dataclass(frozen=True)
class _Stage:
    """A program on the way, lowered: its latents, and the names of the terms of the log Jacobian that led to it."""

    name: str
    program: Program
    model: Callable[..., None]
    arguments: dict[str, Any]
    latents: tuple[Latent, ...]
    terms: tuple[str, ...]
    restricted: bool
    added: tuple[tuple[str, str], ...] = ()
    """Latents that no form of the program before has, each with the relation that they belong to."""

    def densities(self, points: Sequence[Values], last: _Stage) -> list[float]:
        """The joint log density at values of its latents, as the last program has them: drawn with plates first, computed as declared."""
        import jax

        density = jax.jit(lambda own: sum(site_densities(self.model, own, self.arguments).values()))
        return [float(density({latent.name: self._drawn(values, latent, last) for latent in self.latents})) for values in points]

    def _drawn(self, values: Values, latent: Latent, last: _Stage) -> Any:
        computed = last.program.site[latent.name].role == "deterministic"
        value = values[latent.name]
        return np.transpose(value, plates_first(self.program.site[latent.name])) if computed else value


def prove(bound: Bound, *, points: int = 5, prior_draws: int = 2_000, seed: int = 0, constants: Values | None = None) -> tuple[Proof, ...]:
    """Check every pass of a bound model at random points.

    points: how many, standard normal in the coordinates after the last pass. prior_draws: of each program; 0: none. constants: values of the
    transports' constants, by name (default: zeros).
    """
    import jax

    rng = np.random.default_rng(seed)
    with jax.enable_x64(True):
        summed = _summed(bound, points, seed)
        stages = _stages(bound, dict(constants or {}))
        everything = jax.jit(_values_of(stages[-1]))
        size = sum(latent.size for latent in stages[-1].latents)
        values = [{name: np.asarray(value) for name, value in everything(rng.normal(size=size)).items()} for _ in range(points)]
        densities = [stage.densities(values, stages[-1]) for stage in stages]
        drawn = _priors(stages, prior_draws, seed)
        proofs = []
        for place, (before, after) in enumerate(pairwise(stages)):
            if after.added:
                error = max(integrated(before, after, value) for value in values[:2])
                proofs.append(Proof(after.name, error, None, None, _agreement(before, drawn[place], drawn[place + 1]), QUADRATURE))
                continue
            terms = [sum(float(value[name]) for name in after.terms) for value in values]
            errors = [abs(a + term - b) / (1 + abs(b)) for a, b, term in zip(densities[place], densities[place + 1], terms, strict=True)]
            proofs.append(
                Proof(
                    after.name,
                    max(errors),
                    _jacobian_error(before, after, values, terms),
                    None,
                    None if _same_latents(before, after) else _agreement(before, drawn[place], drawn[place + 1]),
                )
            )
        if proofs and not any(stage.added for stage in stages):
            proofs[-1] = replace(proofs[-1], round_trip=_round_trip(bound, stages[-1], values, constants or {}))
        return (*summed, *proofs)


def _summed(bound: Bound, points: int, seed: int) -> tuple[Proof, ...]:
    """The proofs of `marginalize` and `integrate`: joint density = density without some latents x density of the relations that draw them.

    Since the latter is normalised, equality at all values of these latents means that the former is the sum, or the integral; they are drawn.
    """
    if any(one.rewrite.added for one in bound.compiled.stages):  # what they add has no part in this
        bound = type(bound)(bound.model, bound.model.compiled(without=("expand_mixtures",)), bound.dataset)
    return tuple(_eliminated(bound, place, points, seed) for place, stage in enumerate(bound.compiled.stages) if stage.summed)


def _eliminated(bound: Bound, place: int, points: int, seed: int) -> Proof:
    """The proof of one such pass."""
    import jax
    from numpyro import handlers

    stage = bound.compiled.stages[place]
    summed = stage.summed
    before_it = bound.compiled.stages[place - 1].program if place else bound.compiled.source
    joint = lower(as_data(inference(before_it), summed))
    gone = {site.name for site in before_it.sites if site.level == "generated"}
    drawing = lower(stage.program.with_sites(tuple(site for site in stage.program.sites if site.name not in gone)))
    arrays, rng = bound.dataset.values(), np.random.default_rng(seed)
    arguments = drawing.select({**arrays, **drawing.prepare(sets=bound.sets, **arrays)})
    model = partial(drawing.model, sets=bound.sets)
    continuous = [site for site in inference(stage.program).sites if site.role == "latent"]
    kept = {site: name for name, site in bound.kept_sites.items()}  # empty cells go by the name of their column

    @jax.jit
    def after(z: Any, key: Any) -> tuple[dict[str, Any], dict[str, Any], Any]:
        """The continuous latents, the values drawn of the discrete ones, and the density of all of them."""
        values = bound.constrain(z, key)
        latents = {site.name: values[kept[site.name]].transpose(plates_first(site)) for site in continuous}
        trace = handlers.trace(handlers.substitute(handlers.seed(model, key), data=latents)).get_trace(**arguments)
        drawn = {name: one["value"] for name, one in trace.items() if one["type"] == "sample" and not one["is_observed"]}
        sites = {name: (stage.program.site[name], trace[name]) for name in summed}
        discrete = {name: one["value"].transpose(_order(site, one["type"] == "sample")) for name, (site, one) in sites.items()}
        return latents, discrete, sum(site_densities(model, drawn, arguments).values())

    before = jax.jit(lambda latents, given: sum(site_densities(partial(joint.model, sets=bound.sets), latents, given).values()))
    errors = []
    for _ in range(points):
        latents, discrete, found = after(rng.normal(size=bound.size), jax.random.PRNGKey(rng.integers(2**31)))
        known = {**arrays, **{name: np.asarray(value) for name, value in discrete.items()}}
        expected = float(before(latents, joint.select({**known, **joint.prepare(sets=bound.sets, **known)})))
        errors.append(abs(float(found) - expected) / (1 + abs(expected)))
    return Proof(stage.name, max(errors), None, None, None)


def _order(site: Site, sampled: bool) -> tuple[int, ...]:
    """The permutation to the declared axes: NumPyro has the plates of a drawn site first."""
    return tuple(int(place) for place in np.argsort(plates_first(site))) if sampled else tuple(range(len(site.axes)))


def _stages(bound: Bound, constants: dict[str, Any]) -> list[_Stage]:
    """The program before the first pass that changes the density's form, and after each that does; the last one reports the Jacobian's terms."""
    sizes = set_sizes(bound.compiled.program, bound.sets)
    zeros = {one.name: np.zeros([sizes[axis] for axis in one.sets]) for one in bound.compiled.constants}
    arrays = {**zeros, **bound.dataset.values(), **constants}
    start, later = _split(bound.compiled)
    moving = [stage for stage, before in zip(later, (start, *(one.program for one in later)), strict=False) if stage.program != before]
    new = {stage.name: stage.rewrite.added for stage in moving}
    reports = {stage.name: _term_sites(stage.name, stage.rewrite.log_jacobian) for stage in moving}
    programs = [("source", inference(start)), *((stage.name, inference(stage.program)) for stage in moving)]
    found = []
    for place, (name, program) in enumerate(programs):
        extra = tuple(site for sites in reports.values() for site in sites) if place == len(programs) - 1 else ()
        lowered = lower(program.with_sites((*program.sites, *extra)))
        arguments = lowered.select({**arrays, **lowered.prepare(sets=bound.sets, **arrays)})
        latents = tuple(
            Latent(site.name, tuple(sizes[one] for one in lowered.axes[site.name])) for site in program.sites if site.role == "latent"
        )
        terms = tuple(site.name for site in reports.get(name, ()))
        added = tuple((one, program.site[one].origin[0]) for one in new.get(name, ()))  # type: ignore[index]
        restricted = bool(programs[0][1].restrictions)
        found.append(_Stage(name, program, partial(lowered.model, sets=bound.sets), arguments, latents, terms, restricted, added))
    return found


def _split(compiled: Compiled) -> tuple[Program, tuple[Stage, ...]]:
    """The program as inference sees it, without what is drawn afterwards or summed out, and the stages from there on."""
    begun = [place for place, stage in enumerate(compiled.stages) if stage.name == forward.NAME or stage.summed]
    if not begun:
        return compiled.program, ()
    place = begun[-1]
    return compiled.stages[place].program, compiled.stages[place + 1 :]


def integrated(before: _Stage, after: _Stage, value: Values) -> float:
    """The relations that a pass has given a mixing variable, integrated over it, against those before: the error of the log density.

    Element by element, by the trapezoidal rule on the logarithm of the mixing variable (which converges exponentially).
    """
    import jax
    import jax.numpy as jnp
    from jax.scipy.special import logsumexp
    from numpyro import handlers

    def by_element(stage: _Stage, own: Values, *names: str) -> Any:
        given = {latent.name: own[latent.name] for latent in stage.latents}
        trace = handlers.trace(handlers.substitute(stage.model, data=given)).get_trace(**stage.arguments)
        return sum(trace[name]["fn"].log_prob(trace[name]["value"]) for name in names)

    grid = jnp.linspace(-60.0, 60.0, 4001)
    worst = 0.0
    for mixing, name in after.added:

        def at(log_mixing: Any, mixing: str = mixing, name: str = name) -> Any:
            own = {**value, mixing: jnp.full(np.shape(value[mixing]), jnp.exp(log_mixing))}
            return by_element(after, own, mixing, name) + log_mixing

        found = np.asarray(logsumexp(jax.lax.map(at, grid), axis=0) + jnp.log(grid[1] - grid[0]))
        expected = np.asarray(by_element(before, value, name))
        worst = max(worst, float(abs(found.sum() - expected.sum()) / (1 + abs(expected.sum()))))
    return worst


def _term_sites(name: str, terms: Sequence[Expression]) -> tuple[Site, ...]:
    return tuple(Site(f"log_jacobian_{name}_{n}", (), "deterministic", "model", term, REAL, report=True) for n, term in enumerate(terms))


def _values_of(stage: _Stage) -> Callable[[Any], dict[str, Any]]:
    """The map from a flat point to the value of every site, drawn or computed."""
    from numpyro import handlers

    def values(z: Any) -> dict[str, Any]:
        model = handlers.substitute(stage.model, data=unflatten(z, stage.latents))
        trace = handlers.trace(model).get_trace(**stage.arguments)
        return {name: site["value"] for name, site in trace.items() if site["type"] in ("sample", "deterministic")}

    return values


def _jacobian_error(before: _Stage, after: _Stage, values: Sequence[dict[str, Any]], terms: Sequence[float]) -> float | None:
    """The declared log Jacobian against that of automatic differentiation, per unknown; None where that would take too long."""
    import jax
    import jax.numpy as jnp

    moved, free = _without(before.latents, after.latents), _without(after.latents, before.latents)
    size = sum(latent.size for latent in free)
    if size > LARGEST_JACOBIAN or size == 0:
        return None
    of = _values_of(after)

    def coordinates(z: Any, kept: dict[str, Any]) -> Any:
        # What a pass leaves alone is held: the whole map is block triangular, with the identity there.
        parts = {**kept, **unflatten(z, free)}
        found = of(jnp.concatenate([jnp.ravel(parts[latent.name]) for latent in after.latents]))
        return jnp.concatenate([_coordinates(before.program.site[latent.name], found[latent.name]) for latent in moved])

    jacobian = jax.jit(jax.jacfwd(coordinates))
    errors = []
    for value, declared in zip(values[:2], terms[:2], strict=False):
        kept = {latent.name: value[latent.name] for latent in after.latents}
        matrix = np.asarray(jacobian(np.concatenate([np.ravel(value[latent.name]) for latent in free]), kept))
        # Where the old value is a whole table under a constraint (a sum of zero), its volume is that of the subspace.
        square = matrix.shape[0] == matrix.shape[1]
        found = np.linalg.slogdet(matrix)[1] if square else np.linalg.slogdet(matrix.T @ matrix)[1] / 2
        errors.append(abs(found - declared) / size)
    return float(max(errors))


def _without(latents: Sequence[Latent], others: Sequence[Latent]) -> tuple[Latent, ...]:
    names = {one.name for one in others}
    return tuple(one for one in latents if one.name not in names)


def _coordinates(site: Site, value: Any) -> Any:
    """The numbers of a value that its density is over: all but one part of a simplex, the lower triangle of a correlation matrix."""
    import jax.numpy as jnp

    if site.structure == "simplex":
        value = value[..., :-1]
    if site.structure in ("correlation", "correlation_cholesky"):
        rows, columns = np.tril_indices(value.shape[-1], -1)
        value = value[..., rows, columns]
    return jnp.ravel(value)


def _round_trip(bound: Bound, last: _Stage, values: Sequence[dict[str, Any]], constants: Values) -> float:
    """From the original names to the coordinates of the last program, against those that the original names came from."""
    inverse = lower(bound.compiled.inverse())
    source = {site.name for site in bound.compiled.drawn.sites if site.role == "latent"}
    sizes = set_sizes(bound.compiled.program, bound.sets)
    zeros = {one.name: np.zeros([sizes[axis] for axis in one.sets]) for one in bound.compiled.constants}
    worst = 0.0
    for value in values:
        original = {name: _declared(bound.compiled.drawn.site[name], value[name], last) for name in source if name in value}
        free = {**original, **inverse.prepare(sets=bound.sets, **{**zeros, **bound.dataset.values(), **constants, **original})}
        for latent in last.latents:
            expected = value[latent.name]
            back = np.transpose(free[latent.name], plates_first(last.program.site[latent.name]))
            worst = max(worst, float(np.max(np.abs(back - expected) / (1 + np.abs(expected)), initial=0.0)))
    return worst


def _declared(site: Site, value: Any, last: _Stage) -> Any:
    """A value with its axes as the source declares them: NumPyro has the plates of a drawn one first."""
    drawn = last.program.site[site.name].role == "latent"
    return np.transpose(value, np.argsort(plates_first(site))) if drawn else value


def _same_latents(before: _Stage, after: _Stage) -> bool:
    """Do two programs draw the same, so that they differ in what is observed only?"""
    first, second = ([site for site in one.program.sites if site.role == "latent"] for one in (before, after))
    return first == second


def _priors(stages: Sequence[_Stage], draws: int, seed: int) -> list[dict[str, np.ndarray]]:
    """Draws from the prior of each program, those of the one before where a pass has left the latents alone."""
    found: list[dict[str, np.ndarray]] = []
    for place, stage in enumerate(stages):
        same = place > 0 and _same_latents(stages[place - 1], stage)
        found.append(found[-1] if same else _prior(stage, draws, seed + place))
    return found


def _prior(stage: _Stage, draws: int, seed: int) -> dict[str, np.ndarray]:
    """Draws of all latents from the prior, (draws, ...) each; empty where a prior is improper or cut off by a `restrict`, or none are wanted."""
    import jax
    from numpyro import handlers

    if draws == 0 or stage.restricted:
        return {}

    observed = {site.name for site in stage.program.sites if site.role == "observed"}
    given = {name: value for name, value in stage.arguments.items() if name not in observed}

    def draw(key: Any) -> dict[str, Any]:
        trace = handlers.trace(handlers.seed(stage.model, key)).get_trace(**given)
        return {name: site["value"] for name, site in trace.items() if site["type"] in ("sample", "deterministic") and name not in observed}

    # Compiling the samplers is most of a proof's time; of this generator they are compiled in half that of the default one.
    keys = jax.random.split(jax.random.key(seed, impl="unsafe_rbg"), draws)
    try:
        found = jax.jit(jax.vmap(draw))(keys)
    except NotImplementedError:
        return {}
    return {name: np.asarray(value) for name, value in found.items()}


def _agreement(before: _Stage, first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> tuple[float, str] | None:
    """The smallest two-sample p-value over the latents before a pass, every element on its own, as if there were one of them."""
    smallest: tuple[float, str] | None = None
    for latent in before.latents:
        if latent.name in first and latent.name in second:
            a, b = (np.reshape(one[latent.name], (len(one[latent.name]), -1)) for one in (first, second))
            p = min((_two_sample(a[:, k], b[:, k]) for k in range(a.shape[1])), default=1.0)
            corrected = min(1.0, p * a.shape[1])
            if smallest is None or corrected < smallest[0]:
                smallest = corrected, latent.name
    return smallest


def _two_sample(a: np.ndarray, b: np.ndarray) -> float:
    """The p-value of the two-sample Kolmogorov-Smirnov statistic by Smirnov's limit, with Stephens' correction (1970)."""
    grid = np.sort(np.concatenate([a, b]))
    distance = np.max(np.abs(np.searchsorted(np.sort(a), grid, "right") / len(a) - np.searchsorted(np.sort(b), grid, "right") / len(b)))
    root = np.sqrt(len(a) * len(b) / (len(a) + len(b)))
    scaled = (root + 0.12 + 0.11 / root) * distance
    k = np.arange(1, 101)
    return float(np.clip(2 * np.sum((-1.0) ** (k - 1) * np.exp(-2 * (k * scaled) ** 2)), 0.0, 1.0)) if scaled > 0.2 else 1.0
