"""Programs from text, and their lowered densities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from numpyro.infer.util import log_density

from pplang._check import check
from pplang._ir.program import Program
from pplang._lower import Lowered, lower
from pplang._source import Source
from pplang._syntax.parse import parse


def program(text: str) -> Program:
    source = Source("model.ppl", text)
    return check(parse(source), source)


def arguments(lowered: Lowered, data: Mapping[str, Any], sets: Mapping[str, Any]) -> dict[str, Any]:
    """What the model takes, from columns and inputs."""
    data = {name: np.asarray(value) for name, value in data.items()}
    return lowered.select({**data, **lowered.prepare(sets=sets, **lowered.keywords(data))})


def density(text: str, data: Mapping[str, Any], sets: Mapping[str, Any], values: Mapping[str, Any]) -> float:
    """The log density of a model at some values of its latents."""
    lowered = lower(program(text))
    with jax.enable_x64(True):
        given = {name: np.asarray(value, float) for name, value in values.items()}
        found, _ = log_density(lowered.model, (), {"sets": sets, **arguments(lowered, data, sets)}, given)
    return float(found)


def gradient(text: str, data: Mapping[str, Any], sets: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The gradient of the log density in each latent."""
    lowered = lower(program(text))
    with jax.enable_x64(True):
        known = {"sets": sets, **arguments(lowered, data, sets)}
        given = {name: np.asarray(value, float) for name, value in values.items()}
        found = jax.grad(lambda latents: log_density(lowered.model, (), known, latents)[0])(given)
    return {name: np.asarray(value) for name, value in found.items()}
