"""A fit: draws of the posterior with everything needed to use them elsewhere, as one file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pplang._diagnostics import Diagnostic
from pplang._fit import file as fit_file
from pplang._fit.file import Content, Variable
from pplang._source import Span

if TYPE_CHECKING:
    from pplang._fit.summary import Summary
    from pplang._model import Model
    from pplang._plan_file import Plan

SAMPLE_AXES = ("chain", "draw")
TRANSPORT = "transport"
"""The group of the constants of the coordinates that the draws were made in."""
_TEXTS = ("model", "name", "method", "seed", "settings", "plan", "schema", "versions")


@dataclass(frozen=True)
class Fit:
    """Draws of the posterior, the data they were made from, and how.

    content: the groups of the file. Arrays of the posterior are (chains, draws, axes of the name...), with the axes in the order that they
    have in the source; axes are named after index sets, and a set that occurs twice has the second axis `Coef_2`.
    """

    content: Content

    @property
    def posterior(self) -> Mapping[str, Variable]:
        return self.content.groups["posterior"]

    @property
    def sample_stats(self) -> Mapping[str, Variable]:
        return self.content.groups.get("sample_stats", {})

    @property
    def names(self) -> tuple[str, ...]:
        """What there are draws of, in the order of the program."""
        return tuple(self.posterior)

    @property
    def source(self) -> str:
        """The text of the model."""
        return self.content.texts["model"]

    @property
    def method(self) -> str:
        """The method that made the draws: `vi`, `nuts` or `svi`; where `auto` was asked for (`settings["method"]`), the one it came to."""
        return self.content.texts["method"]

    @property
    def seed(self) -> int:
        return int(self.content.texts["seed"])

    @cached_property
    def settings(self) -> dict[str, Any]:
        return dict(json.loads(self.content.texts["settings"]))

    @cached_property
    def plan(self) -> dict[str, list[dict[str, Any]]]:
        """What the compiler decided for each site, and why; by pass."""
        return dict(json.loads(self.content.texts["plan"]))

    @cached_property
    def settled(self) -> Plan:
        """The plan of the fit, to compile the model the same way again. Raises `Problems` (I80)."""
        from pplang import _plan_file

        return _plan_file.Plan(_plan_file.pins(self.plan, "the plan of the fit"), self.constants)

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """The constants of transported coordinates, by the names of their inputs; none where the draws were made in others."""
        return {name: variable.values for name, variable in self.content.groups.get(TRANSPORT, {}).items()}

    @cached_property
    def members(self) -> dict[str, list[str | int]]:
        """Of names whose values are members of a set the labels of these members, in order."""
        return dict(json.loads(self.content.texts.get("members", "{}")))

    @cached_property
    def versions(self) -> dict[str, str]:
        return dict(json.loads(self.content.texts["versions"]))

    @property
    def independent(self) -> bool:
        """Are the draws independent of one another (those of an approximation are)? Then R-hat and ESS say nothing."""
        return self.method in ("svi", "vi")

    @cached_property
    def verdict(self) -> Mapping[str, Any] | None:
        """How good the approximation of `vi` is, or how well the chains of `nuts` have converged: `word` ("good", "fair", "poor"), `reasons`,
        `concerned` (labels), `lines` (two, for people) and the numbers behind them; for `nuts` the verdict on the fit that it began with is
        `before`. None for `svi`."""
        found = self.content.texts.get("verdict")
        return None if found is None else dict(json.loads(found))

    @property
    def notes(self) -> tuple[Diagnostic, ...]:
        """What was noticed: unknowns that no data depend on, covariates that do not vary, and the chains' troubles, each at the relation that it
        shows in most, with what can be done."""
        return tuple(
            Diagnostic(one["code"], one["title"], Span(one["start"], one["end"]), one["label"], help=one["help"], severity="warning")
            for one in json.loads(self.content.texts.get("notes", "[]"))
        )

    @cached_property
    def model(self) -> Model:
        """The model, compiled again from its source."""
        from pplang._model import compile_text

        return compile_text(self.source, name=self.content.texts["name"])

    def draws(self, name: str) -> np.ndarray:
        """The draws of a name, (chains, draws, axes of the name...). Members of a set are counted from 0, in the order of `members`. Raises
        KeyError."""
        return self.posterior[name].values

    def labelled(self, name: str, values: np.ndarray) -> np.ndarray:
        """Values of a name as the user knows them: members of a set by their labels."""
        return np.array(self.members[name])[values.astype(int)] if name in self.members else values

    def __getitem__(self, name: str) -> Any:
        """The draws of a name as an `xarray.DataArray` with its labels; members of a set are given by theirs. What the data alone determine has one
        value, and no axes of draws. Raises KeyError."""
        import xarray

        known = self.content.groups.get("constant_data", {})
        variable = known[name] if name in known and name not in self.posterior else self.posterior[name]
        coords = {dim: _labels(self.content.coords[dim]) for dim in variable.dims if dim in self.content.coords}
        return xarray.DataArray(self.labelled(name, variable.values), coords, variable.dims, name)

    def __contains__(self, name: object) -> bool:
        return name in self.posterior

    def __repr__(self) -> str:
        chains, draws = next(iter(self.posterior.values())).values.shape[:2] if self.posterior else (0, 0)
        return f"<Fit of {self.content.texts['name']} by {self.method}: {chains} × {draws} draws of {', '.join(self.names)}>"

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

    def summary(self) -> Summary:
        """Mean, sd, 5, 50 and 95% of every number, with R-hat and effective sample sizes where draws are dependent."""
        from pplang._fit.summary import summarise

        return summarise(self)

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the fit file, whole or not at all. Raises `Problems`: O01 it exists and not `force`, O02 it cannot be written."""
        fit_file.write(path, self.content, force)


def load(path: str | os.PathLike[str]) -> Fit:
    """Read a fit file. Nothing in it is executed. Raises `Problems`: I20-I22 it cannot be read, F30, F31 it is not a fit file of ours."""
    content = fit_file.read(path)
    if "posterior" not in content.groups or not all(name in content.texts for name in _TEXTS):
        raise fit_file.not_a_fit(path)
    fit = Fit(content)
    try:
        _check(fit)
    except (ValueError, TypeError, AttributeError) as error:
        raise fit_file.not_a_fit(path, str(error)) from None
    return fit


def _check(fit: Fit) -> None:
    """Texts that are JSON of the right form, arrays that have the axes they claim."""
    _ = fit.seed, fit.members, fit.settings, fit.plan, fit.versions, fit.verdict, fit.notes
    for name, variable in fit.posterior.items():
        if variable.dims[:2] != SAMPLE_AXES or variable.values.ndim != len(variable.dims) or variable.values.dtype.kind not in "fiub":
            raise ValueError(f"{name} is not an array of draws")
        for dim, size in zip(variable.dims, variable.values.shape, strict=True):
            if dim in fit.content.coords and len(fit.content.coords[dim]) != size:
                raise ValueError(f"the labels of {dim} are not as many as its members")


def _labels(labels: np.ndarray) -> np.ndarray:
    return labels.astype(str) if labels.dtype.kind in "OU" else labels


@dataclass(frozen=True)
class Array:
    """An array with the index sets it is over, on its way into a fit."""

    sets: tuple[str, ...]
    values: np.ndarray


def assemble(
    *,
    posterior: Mapping[str, Array],
    statistics: Mapping[str, np.ndarray],
    history: Mapping[str, np.ndarray],
    observed: Mapping[str, Array],
    constant: Mapping[str, Array],
    transport: Mapping[str, Array],
    coordinates: Callable[[str], np.ndarray],
    texts: Mapping[str, str],
    attributes: Mapping[str, str],
) -> Fit:
    """A fit from arrays over index sets.

    posterior: (chains, draws, *sets); statistics: (chains, draws); history: any shape. coordinates(set): the labels of its members.
    """
    arrays = [*posterior.values(), *observed.values(), *constant.values(), *transport.values()]
    axes = _Axes(coordinates, {one for array in arrays for one in array.sets})
    chains, draws = next(iter([*(array.values.shape[:2] for array in posterior.values()), *(s.shape for s in statistics.values())]), (0, 0))

    def plain(arrays: Mapping[str, Array]) -> dict[str, Variable]:
        return {_apart(name): Variable(axes.names(array.sets), array.values) for name, array in arrays.items()}

    groups = {
        "posterior": {_apart(name): Variable(SAMPLE_AXES + axes.names(array.sets), array.values) for name, array in posterior.items()},
        "sample_stats": {name: Variable(SAMPLE_AXES, values) for name, values in statistics.items()},
        "observed_data": plain(observed),
        "constant_data": plain(constant),
        TRANSPORT: plain(transport),
        "history": {name: Variable(tuple(f"{name}_{i}" for i in range(values.ndim)), values) for name, values in history.items()},
    }
    coords = {"chain": np.arange(chains), "draw": np.arange(draws), **axes.coords}
    return Fit(Content({name: group for name, group in groups.items() if group or name == "posterior"}, coords, texts, attributes))


def _apart(name: str) -> str:
    """A name of the source that does not clash with the axes of the draws."""
    return f"{name}_" if name in SAMPLE_AXES else name


class _Axes:
    """Names of axes, one for each use of a set, and their labels."""

    def __init__(self, coordinates: Callable[[str], np.ndarray], sets: set[str]) -> None:
        self._coordinates = coordinates
        self._sets = sets
        self.coords: dict[str, np.ndarray] = {}

    def names(self, sets: Sequence[str]) -> tuple[str, ...]:
        return tuple(self._name(one, sets[:i].count(one)) for i, one in enumerate(sets))

    def _name(self, one: str, before: int) -> str:
        """`Coef`, and `Coef_2` where the set stands a second time in one array (`Coef_2_` if a set has that very name)."""
        name = _apart(one) if before == 0 else f"{one}_{before + 1}"
        while before and name in self._sets:
            name += "_"
        if name not in self.coords:
            self.coords[name] = self._coordinates(one)
        return name
