"""What a fit says of new rows, with its names and labels."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pplang import _files
from pplang._diagnostics import Diagnostic, Problems
from pplang._fit import file as fit_file
from pplang._fit.file import Content, Variable
from pplang._fit.labelled import SAMPLE_AXES, Array, Axes, Labelled, apart
from pplang._ir.kinds import Member
from pplang._passes import predict as passes

if TYPE_CHECKING:
    from pplang._data.dataset import Dataset
    from pplang._data.extend import Extended
    from pplang._fit.fit import Fit
    from pplang._fit.summary import Summary

PREDICTIONS, GIVEN = "predictions", "predictions_constant_data"
"""The groups, by their names in ArviZ."""


@dataclass(frozen=True)
class Predictions(Labelled):
    """Draws of everything that is over new rows or new members of other sets, one for each draw of the fit.

    content: the group `predictions`, arrays (chains, draws, new members...), and `predictions_constant_data`, what was given of the new rows.
    Rows are labelled by their key or by their number in the file.
    """

    independent = True

    @property
    def variables(self) -> Mapping[str, Variable]:
        return self.content.groups[PREDICTIONS]

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was not used of the new rows, and what was drawn since they lack it."""
        return tuple(json.loads(self.content.texts["remarks"]))

    def __repr__(self) -> str:
        chains, draws = next(iter(self.variables.values())).values.shape[:2] if self.variables else (0, 0)
        return f"<Predictions of {self.content.texts['name']}: {chains} × {draws} draws of {', '.join(self.names)}>"

    def summary(self) -> Summary:
        """Mean, sd, 5, 50 and 95% of every number."""
        from pplang._fit.summary import of_predictions

        return of_predictions(self)


def predict(
    fit: Fit, tables: Sequence[tuple[str | None, Any]], inputs: Any, settings: Mapping[str, str], missing: Sequence[str], seed: int
) -> Predictions:
    """Draws for new rows. Raises `Problems`; see `Fit.predict`."""
    from pplang._data.extend import extend
    from pplang._data.stored import stored
    from pplang._infer.predict import predictions
    from pplang._lower import evaluate
    from pplang._lower.made_sets import with_made_sets

    model = fit.model
    data = _data(fit, stored)
    predictive = passes.predictive(model.program)
    data = replace(data, sets=dict(with_made_sets(predictive.program, data.sets, data.values())))
    columns = model.program.column
    both = extend(
        predictive.program,
        data,
        tables,
        inputs,
        drawn=[columns[name] for name in predictive.given if name in columns],
        outcomes=[columns[name] for name in predictive.outcomes if name in columns],
        evaluate=evaluate,
        settings=settings,
        missing=missing,
        source=model.source,
    )
    refused = passes.refusal(predictive, both.grown, both.beginning)
    if refused is not None:
        raise Problems([refused], model.source)
    program = passes.frozen(predictive, both.grown)
    both = both.with_arrays({passes.marker(predictive.program, name): both.was_fitted(name) for name in both.new})
    _check_memory(fit, both)
    shape = next((one.values.shape[:2] for one in fit.posterior.values()), (1, 1))

    def draws(name: str) -> np.ndarray | None:
        found = fit.posterior.get(apart(name))
        return None if found is None else found.values.reshape(math.prod(shape), *found.values.shape[2:])

    try:
        made = predictions(program, predictive, data, both, draws, seed)
    except Problems as problems:
        raise Problems(problems.diagnostics, model.source) from None
    posterior = {name: Array(program.axes_of(name), values.reshape(*shape, *values.shape[1:])) for name, values in made.items()}
    members = {name: program.kind_of(name) for name in made}
    return _assembled(fit, seed, predictive, data, both, posterior, members)


def _data(fit: Fit, stored: Any) -> Dataset:
    """The data that the fit was made from. Raises `Problems` (F30)."""
    arrays = {name: one.values for group in ("observed_data", "constant_data") for name, one in fit.content.groups.get(group, {}).items()}
    names = [*fit.model.program.column, *fit.model.program.input]
    try:
        found: Dataset = stored(
            fit.model.program,
            json.loads(fit.content.texts["schema"]),
            {name: arrays[apart(name)] for name in names if apart(name) in arrays},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise fit_file.not_a_fit(fit.content.texts["name"], f"its data are not those of its model: {error}") from None
    return found


def _check_memory(fit: Fit, both: Extended) -> None:
    """Raise `Problems` (F11) where the draws would not fit."""
    draws = next((math.prod(one.values.shape[:2]) for one in fit.posterior.values()), 1)
    program = fit.model.program
    sizes = {site.name: math.prod(len(both.dataset.sets[one]) for one in site.sets) for site in program.sites if site.level != "data"}
    need = 3 * 8 * draws * sum(sizes.values())
    if need > _files.spendable_memory():
        largest = max(sizes, key=lambda name: sizes[name])
        title = f"{draws:,} draws would take {_files.size_text(need)}, and {_files.size_text(_files.spendable_memory())} are free"
        span = program.site[largest].span
        raise Problems([Diagnostic("F11", title, span, "the largest of them", help="give fewer rows at a time")], fit.model.source)


def _assembled(
    fit: Fit,
    seed: int,
    predictive: passes.Predictive,
    data: Dataset,
    both: Extended,
    posterior: Mapping[str, Array],
    kinds: Mapping[str, Any],
) -> Predictions:
    def coordinates(name: str) -> np.ndarray:
        return both.labels[name] if name in both.labels else data.coordinates(name)

    given = {}
    for column in predictive.program.column.values():
        if column.name in both.dataset.arrays and set(column.sets) & set(both.new):
            values, present = both.dataset.arrays[column.name], both.dataset.present.get(column.name)
            values = values if present is None or present.all() else np.where(present, values, np.nan)
            for axis, name in enumerate(column.sets):
                values = values.take(both.new[name], axis) if name in both.new else values
            given[column.name] = Array(column.sets, values)
    axes = Axes(coordinates, {one for array in (*posterior.values(), *given.values()) for one in array.sets})
    groups = {
        PREDICTIONS: {apart(name): Variable(SAMPLE_AXES + axes.names(one.sets), one.values) for name, one in posterior.items()},
        GIVEN: {apart(name): Variable(axes.names(one.sets), one.values) for name, one in given.items()},
    }
    shape = next((one.values.shape[:2] for one in posterior.values()), (0, 0))
    coords = {"chain": np.arange(shape[0]), "draw": np.arange(shape[1]), **axes.coords}
    members = {name: both.dataset.coordinates(kind.set).tolist() for name, kind in kinds.items() if isinstance(kind, Member)}
    texts = {
        **{name: fit.content.texts[name] for name in ("model", "name", "method", "versions")},
        "seed": str(seed),
        "members": json.dumps(members),
        "remarks": json.dumps(_remarks(both)),
    }
    attributes = {name: text for name, text in fit.content.attributes.items() if not name.startswith("_")}  # netCDF's own begin so
    groups = {name: group for name, group in groups.items() if group or name == PREDICTIONS}
    return Predictions(Content(groups, coords, texts, attributes))


def _remarks(both: Extended) -> list[str]:
    drawn = [f"the new rows have no `{name}`: it is drawn from its relation" for name in both.absent]
    unused = [f"`{name}` of the new rows is not used: it is what is predicted" for name in both.unused]
    return [*drawn, *unused]


def opened(path: str | os.PathLike[str]) -> Fit | Predictions:
    """Read a file of a fit or of predictions. Raises `Problems` (I20-I22, F30, F31)."""
    from pplang._fit.fit import fit_of

    content = fit_file.read(path)
    if PREDICTIONS not in content.groups:
        return fit_of(content, path)
    if not {"model", "name", "method", "seed", "remarks"} <= content.texts.keys():
        raise fit_file.not_a_fit(path)
    return Predictions(content)
