"""Bound models that the proofs are tried on, and passes broken on purpose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import pplang
from pplang._infer.density import set_sizes
from pplang._model import Bound
from pplang._passes import pipeline


def bound(text: str, data: dict[str, list[float]], *, transported: bool) -> Bound:
    model = pplang.compile_text(text)
    plain = model.bind(*[data] if data else [])
    sizes = set_sizes(model.program, plain.sets)
    return Bound(model, pipeline.run(model.program, transported=transported, sizes=sizes), plain.dataset)


def constants(bound: Bound, seed: int = 0) -> dict[str, np.ndarray]:
    """Random constants: evidence at least 0, of blocks positive semidefinite."""
    rng, sizes = np.random.default_rng(seed), set_sizes(bound.compiled.program, bound.sets)
    found = {one.name: rng.normal(size=[sizes[axis] for axis in one.sets]) for one in bound.compiled.constants}
    for one in bound.compiled.transports:
        found[one.h] = np.abs(found[one.h])
    for block in bound.compiled.blocks:
        h = found[block.h]
        found[block.h] = np.abs(h) if block.diagonal else h @ np.swapaxes(h, -1, -2)
    return found


def broken(made: Bound, change: object, name: str = "center") -> Bound:
    """The bound model with the rewriting of one stage changed, and of those after it made anew."""
    earlier = list(made.compiled.stages)
    place = [one.name for one in earlier].index(name)
    stages = [*earlier[:place], replace(earlier[place], rewrite=change(earlier[place].rewrite))]  # type: ignore[operator]
    for later in earlier[place + 1 :]:
        module = next(one for one in pipeline.PASSES if later.name == one.NAME)
        stages.append(replace(later, rewrite=module.apply(stages[-1].program, later.choices)))
    return Bound(made.model, replace(made.compiled, stages=tuple(stages)), made.dataset)
