"""A fit as columns of numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pplang._fit.file import Variable
from pplang._fit.labelled import Labelled


def elements(fit: Labelled, name: str) -> Iterator[tuple[str, np.ndarray]]:
    """Every number of a name: its label, `theta[Choate]`, and its draws, (chains, draws)."""
    variable = fit.variables[name]
    labels = _labels(fit, variable)
    for position in np.ndindex(*variable.values.shape[2:]):
        where = ", ".join(str(of_axis[i]) for of_axis, i in zip(labels, position, strict=True))
        yield f"{name}[{where}]" if where else name, variable.values[(slice(None), slice(None), *position)]


def columns(fit: Labelled) -> dict[str, np.ndarray]:
    """One row for each draw: `chain` and `draw` (from 1), then every number (or member of a set) of the posterior by its label."""
    chains, draws = next(iter(fit.variables.values())).values.shape[:2] if fit.variables else (0, 0)
    chain, draw = np.meshgrid(np.arange(1, chains + 1), np.arange(1, draws + 1), indexing="ij")
    numbers = {label: fit.labelled(name, values.ravel()) for name in fit.names for label, values in elements(fit, name)}
    return {"chain": chain.ravel(), "draw": draw.ravel(), **numbers}


def _labels(fit: Labelled, variable: Variable) -> list[np.ndarray]:
    sizes = zip(variable.dims[2:], variable.values.shape[2:], strict=True)
    return [fit.content.coords.get(dim, np.arange(1, size + 1)) for dim, size in sizes]
