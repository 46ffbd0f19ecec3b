"""Draws with names and labels: what fits and predictions have in common."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pplang._fit import file as fit_file
from pplang._fit.file import Content, Variable

if TYPE_CHECKING:
    from pplang._model import Model

SAMPLE_AXES = ("chain", "draw")


@dataclass(frozen=True)
class Labelled:
    """Groups of arrays, of which one holds draws: (chains, draws, axes of the name...)."""

    content: Content

    @property
    def variables(self) -> Mapping[str, Variable]:
        """The draws, by name."""
        raise NotImplementedError

    @property
    def names(self) -> tuple[str, ...]:
        """What there are draws of, in the order of the program."""
        return tuple(self.variables)

    @property
    def source(self) -> str:
        """The text of the model."""
        return self.content.texts["model"]

    @property
    def seed(self) -> int:
        return int(self.content.texts["seed"])

    @cached_property
    def members(self) -> dict[str, list[str | int]]:
        """Of names whose values are members of a set the labels of these members, in order."""
        return dict(json.loads(self.content.texts.get("members", "{}")))

    @cached_property
    def model(self) -> Model:
        """The model, compiled again from its source."""
        from pplang._model import compile_text

        return compile_text(self.source, name=self.content.texts["name"])

    def draws(self, name: str) -> np.ndarray:
        """The draws of a name, (chains, draws, axes of the name...). Members of a set are counted from 0, in the order of `members`. Raises
        KeyError."""
        return self.variables[name].values

    def labelled(self, name: str, values: np.ndarray) -> np.ndarray:
        """Values of a name as the user knows them: members of a set by their labels."""
        return np.array(self.members[name])[values.astype(int)] if name in self.members else values

    def __getitem__(self, name: str) -> Any:
        """The draws of a name as an `xarray.DataArray` with its labels; members of a set are given by theirs. What the data alone determine has one
        value, and no axes of draws. Raises KeyError."""
        import xarray

        known = self.content.groups.get("constant_data", {})
        variable = known[name] if name in known and name not in self.variables else self.variables[name]
        coords = {dim: _labels(self.content.coords[dim]) for dim in variable.dims if dim in self.content.coords}
        return xarray.DataArray(self.labelled(name, variable.values), coords, variable.dims, name)

    def __contains__(self, name: object) -> bool:
        return name in self.variables

    def to_arviz(self) -> Any:
        """An `xarray.DataTree` with ArviZ's groups, which arviz-base, arviz-stats and arviz-plots take."""
        import xarray

        def dataset(variables: Mapping[str, Variable]) -> Any:
            used = {dim for variable in variables.values() for dim in variable.dims}
            coords = {dim: _labels(labels) for dim, labels in self.content.coords.items() if dim in used}
            return xarray.Dataset({name: (one.dims, one.values) for name, one in variables.items()}, coords)

        groups = {name: dataset(variables) for name, variables in self.content.groups.items()}
        tree = xarray.DataTree.from_dict(groups)
        tree.attrs.update(self.content.attributes)
        return tree

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the fit file, whole or not at all. Raises `Problems`: O01 it exists and not `force`, O02 it cannot be written."""
        fit_file.write(path, self.content, force)


def _labels(labels: np.ndarray) -> np.ndarray:
    return labels.astype(str) if labels.dtype.kind in "OU" else labels


@dataclass(frozen=True)
class Array:
    """An array with the index sets it is over, on its way into a fit."""

    sets: tuple[str, ...]
    values: np.ndarray


def apart(name: str) -> str:
    """A name of the source that does not clash with the axes of the draws."""
    return f"{name}_" if name in SAMPLE_AXES else name


class Axes:
    """Names of axes, one for each use of a set, and their labels."""

    def __init__(self, coordinates: Callable[[str], np.ndarray], sets: set[str]) -> None:
        self._coordinates = coordinates
        self._sets = sets
        self.coords: dict[str, np.ndarray] = {}

    def names(self, sets: Sequence[str]) -> tuple[str, ...]:
        return tuple(self._name(one, sets[:i].count(one)) for i, one in enumerate(sets))

    def _name(self, one: str, before: int) -> str:
        """`Coef`, and `Coef_2` where the set stands a second time in one array (`Coef_2_` if a set has that very name)."""
        name = apart(one) if before == 0 else f"{one}_{before + 1}"
        while before and name in self._sets:
            name += "_"
        if name not in self.coords:
            self.coords[name] = self._coordinates(one)
        return name
