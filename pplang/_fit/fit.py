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
from pplang._fit.labelled import SAMPLE_AXES, Array, Axes, Labelled, apart
from pplang._source import Span

if TYPE_CHECKING:
    from pplang._fit.predictions import Predictions
    from pplang._fit.summary import Summary
    from pplang._plan_file import Plan

TRANSPORT = "transport"
"""The group of the constants of the coordinates that the draws were made in."""
_TEXTS = ("model", "name", "method", "seed", "settings", "plan", "schema", "versions")


@dataclass(frozen=True)
class Fit(Labelled):
    """Draws of the posterior, the data they were made from, and how.

    content: the groups of the file. Arrays of the posterior are (chains, draws, axes of the name...), with the axes in the order that they
    have in the source; axes are named after index sets, and a set that occurs twice has the second axis `Coef_2`.
    """

    @property
    def variables(self) -> Mapping[str, Variable]:
        return self.posterior

    @property
    def posterior(self) -> Mapping[str, Variable]:
        return self.content.groups["posterior"]

    @property
    def sample_stats(self) -> Mapping[str, Variable]:
        return self.content.groups.get("sample_stats", {})

    @property
    def method(self) -> str:
        """The method that made the draws: `vi`, `nuts` or `svi`; where `auto` was asked for (`settings["method"]`), the one it came to."""
        return self.content.texts["method"]

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
        """What was noticed: unknowns that no data depend on, covariates that do not vary, components that can change places, and the chains'
        troubles, each at the relation that it shows in most, with what can be done."""
        return tuple(
            Diagnostic(
                one["code"],
                one["title"],
                Span(one["start"], one["end"]),
                one["label"],
                help=one["help"],
                severity=one.get("severity", "warning"),
            )
            for one in json.loads(self.content.texts.get("notes", "[]"))
        )

    def __repr__(self) -> str:
        chains, draws = next(iter(self.posterior.values())).values.shape[:2] if self.posterior else (0, 0)
        return f"<Fit of {self.content.texts['name']} by {self.method}: {chains} × {draws} draws of {', '.join(self.names)}>"

    def predict(
        self,
        *rows: Any,
        tables: Mapping[str, Any] | None = None,
        inputs: Any = None,
        settings: Mapping[str, str] | None = None,
        missing: Sequence[str] = (),
        seed: int = 0,
    ) -> Predictions:
        """Draws for new rows, one for each draw of the fit.

        rows: new rows of the tables, as for `Model.bind`; tables that are not given stay as they are. Members of the fit have their values in each
        draw, new ones are drawn from their relations given these; rows of an `ordered` table go on from the last ones of the fit, and a `GP` is
        drawn given its values there. What the model computes from whole tables (`mean(height)`) stays as it was. Outcomes may be absent, and what the
        rows say of them is not used. inputs, settings: values that are to be others than in the fit.

        Raises `Problems`: F40 where the model cannot say anything of such rows, and every fault of the data, as `Model.bind` does.
        """
        from pplang._fit.predictions import predict

        given = [one if isinstance(one, tuple) else (None, one) for one in rows] + list((tables or {}).items())
        return predict(self, given, inputs, settings or {}, missing, seed)

    def summary(self) -> Summary:
        """Mean, sd, 5, 50 and 95% of every number, with R-hat and effective sample sizes where draws are dependent."""
        from pplang._fit.summary import summarise

        return summarise(self)


def load(path: str | os.PathLike[str]) -> Fit:
    """Read a fit file. Nothing in it is executed. Raises `Problems`: I20-I22 it cannot be read, F30, F31 it is not a fit file of ours."""
    return fit_of(fit_file.read(path), path)


def fit_of(content: Content, path: str | os.PathLike[str]) -> Fit:
    """The fit of a file's content. Raises `Problems` (F30)."""
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
    axes = Axes(coordinates, {one for array in arrays for one in array.sets})
    chains, draws = next(iter([*(array.values.shape[:2] for array in posterior.values()), *(s.shape for s in statistics.values())]), (0, 0))

    def plain(arrays: Mapping[str, Array]) -> dict[str, Variable]:
        return {apart(name): Variable(axes.names(array.sets), array.values) for name, array in arrays.items()}

    groups = {
        "posterior": {apart(name): Variable(SAMPLE_AXES + axes.names(array.sets), array.values) for name, array in posterior.items()},
        "sample_stats": {name: Variable(SAMPLE_AXES, values) for name, values in statistics.items()},
        "observed_data": plain(observed),
        "constant_data": plain(constant),
        TRANSPORT: plain(transport),
        "history": {name: Variable(tuple(f"{name}_{i}" for i in range(values.ndim)), values) for name, values in history.items()},
    }
    coords = {"chain": np.arange(chains), "draw": np.arange(draws), **axes.coords}
    return Fit(Content({name: group for name, group in groups.items() if group or name == "posterior"}, coords, texts, attributes))
