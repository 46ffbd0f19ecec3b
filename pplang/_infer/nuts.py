"""The no-U-turn sampler: trajectories by NumPyro, coordinates and step sizes by us.

A chain moves in coordinates x with z = z0 + L x, z0 where it stands and L a root of the metric, so that the kinetic energy is that of unit
masses. L is an argument: a metric from a fit, one that warm-up has found and none at all are the same compiled program.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pplang._infer.families import Block
from pplang._infer.loop import Loop, Process
from pplang._infer.target import Arguments, Target

DEEPEST_TREE = 10


class Metric(NamedTuple):
    """The parts of L in the order of a `Block`: positions (n,) in the flat vector, the dense root and its inverse (p, p), scales (n - p,)."""

    order: Any
    root: Any
    inverse: Any
    scale: Any


class Plan(NamedTuple):
    """What the step size is adapted to: the acceptance aimed at, the iteration at which adapting begins anew, and that after its last."""

    acceptance: Any
    window: Any
    warmup: Any


class Start(NamedTuple):
    """A point (n,), its log density and gradient, and the first step size."""

    point: Any
    density: Any
    gradient: Any
    step_size: Any


class _State(NamedTuple):
    z: Any
    density: Any
    gradient: Any
    key: Any
    log_step: Any
    averaging: Any


def metric(family: Block) -> Metric:
    """The metric of a normal family: its covariance."""
    return Metric(family.order.astype(np.int64), family.root, np.linalg.inv(family.root), family.scale)


def compiled_nuts(target: Target, dense: int) -> Loop:
    """The sampler as a loop whose arguments are (the model's, Metric, Plan, Start); one program for every length of warm-up.

    Records: z, `pulled` = L' gradient, and statistics by ArviZ's names.
    """
    n = target.size
    example = (
        target.arguments,
        Metric(np.arange(n), np.eye(dense), np.eye(dense), np.ones(n - dense)),
        Plan(np.float64(0.8), np.int64(0), np.int64(0)),
        Start(np.zeros(n), np.float64(0), np.zeros(n), np.float64(1)),
    )
    return Loop(example, lambda: _process(target), f"nuts {n} {dense}\n{target.identity}", numbers_per_step=2 * n + 8)


def _process(target: Target) -> Process:
    import jax
    import jax.numpy as jnp
    from numpyro.infer.hmc_util import IntegratorState, build_tree, dual_averaging, euclidean_kinetic_energy, velocity_verlet

    functions = target.functions()
    begun, updated = dual_averaging()
    unit = np.ones(target.size)

    def begin(seed: Any, run: Any, arguments: tuple[Arguments, Metric, Plan, Start]) -> _State:
        start = arguments[3]
        key = jax.random.fold_in(jax.random.PRNGKey(seed), run)
        log_step = jnp.log(start.step_size)
        return _State(start.point, start.density, start.gradient, key, log_step, begun(log_step + jnp.log(10)))

    def step(state: _State, number: Any, arguments: tuple[Arguments, Metric, Plan, Start]) -> tuple[_State, dict[str, Any]]:
        data, metric, plan, _ = arguments
        p = metric.root.shape[0]

        def spread(x: Any) -> Any:
            return jnp.zeros_like(x).at[metric.order].set(jnp.concatenate([metric.root @ x[:p], metric.scale * x[p:]]))

        def pulled(gradient: Any) -> Any:
            own = gradient[metric.order]
            return jnp.concatenate([own[:p] @ metric.root, own[p:] * metric.scale])

        def pushed(gradient: Any) -> Any:
            return (
                jnp.zeros_like(gradient).at[metric.order].set(jnp.concatenate([gradient[:p] @ metric.inverse, gradient[p:] / metric.scale]))
            )

        def potential(x: Any) -> Any:
            return -functions.log_density(state.z + spread(x), data)

        fresh = begun(state.log_step + jnp.log(10))
        averaging = jax.tree.map(lambda new, old: jnp.where(number == plan.window, new, old), fresh, state.averaging)
        key, key_of_momentum, key_of_tree = jax.random.split(state.key, 3)
        momentum = jax.random.normal(key_of_momentum, (target.size,))
        here = IntegratorState(jnp.zeros(target.size), momentum, -state.density, -pulled(state.gradient))
        _, moved = velocity_verlet(potential, euclidean_kinetic_energy)
        step_size = jnp.exp(state.log_step)
        tree = build_tree(moved, euclidean_kinetic_energy, here, unit, step_size, key_of_tree, max_tree_depth=DEEPEST_TREE)
        acceptance = tree.sum_accept_probs / tree.num_proposals
        adapted = updated(plan.acceptance - acceptance, averaging)
        adapting = number < plan.warmup
        averaging = jax.tree.map(lambda new, old: jnp.where(adapting, new, old), adapted, averaging)
        reached = jnp.where(number == plan.warmup - 1, averaging[1], averaging[0])
        new = _State(
            z=state.z + spread(tree.z_proposal),
            density=-tree.z_proposal_pe,
            gradient=pushed(-tree.z_proposal_grad),
            key=key,
            log_step=jnp.where(adapting, jnp.clip(reached, -300.0, 300.0), state.log_step),
            averaging=averaging,
        )
        record = {
            "z": new.z,
            "pulled": -tree.z_proposal_grad,
            "lp": new.density,
            "energy": tree.z_proposal_energy,
            "diverging": tree.diverging,
            "acceptance_rate": acceptance,
            "n_steps": tree.num_proposals,
            "tree_depth": tree.depth,
            "step_size": step_size,
        }
        return new, record

    def result(state: _State) -> dict[str, Any]:
        return {"go_on": jnp.array(True)}

    return Process(begin, step, result)
