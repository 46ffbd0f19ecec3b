"""The table of a fit: one row for each number."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pplang._diagnostics import shown
from pplang._fit.fit import Fit
from pplang._fit.table import elements
from pplang._infer import convergence

if TYPE_CHECKING:
    from pplang._fit.predictions import Predictions

_APART = 1.02


@dataclass(frozen=True)
class Row:
    """One number of the posterior. `label`: which element, e.g. `theta[Choate]`. R-hat and ESS are None for independent draws."""

    name: str
    label: str
    mean: float
    sd: float
    q05: float
    median: float
    q95: float
    r_hat: float | None
    ess_bulk: float | None
    ess_tail: float | None


@dataclass(frozen=True)
class Summary:
    """The rows, in the order of the program, and a sentence on where they come from."""

    title: str
    remarks: tuple[str, ...]
    rows: tuple[Row, ...]
    verdict: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """The same facts for machines; a number that is not finite is null."""
        rows = [{key: _finite(value) for key, value in vars(row).items()} for row in self.rows]
        verdict = {} if self.verdict is None else {"verdict": self.verdict}
        return {"title": self.title, "remarks": list(self.remarks), **verdict, "rows": rows}

    def text(self, most_rows: int | None = None) -> str:
        """The table for people. most_rows: leave out the rows after so many, and say how many were left out."""
        rows = self.rows[:most_rows]
        sampled = any(row.r_hat is not None for row in rows)
        heads = ["", "mean", "sd", "5%", "50%", "95%", *(["R-hat", "ESS bulk", "ESS tail"] if sampled else [])]
        lines = [heads, *(_cells(row, sampled) for row in rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
        table = [
            "  ".join([line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]).rstrip()
            for line in lines
        ]
        left_out = len(self.rows) - len(rows)
        more = [f"... and {left_out:,} more {'row' if left_out == 1 else 'rows'}"] if left_out else []
        return "\n".join([self.title, *self.remarks, "", *table, *more]) + "\n"

    def __str__(self) -> str:
        return self.text()


def summarise(fit: Fit) -> Summary:
    """The table of a fit; of a member of a set how probable each is: `mood[3] = feeding`."""
    rows = tuple(row for name in fit.names for row in _rows(fit, name))
    return Summary(_title(fit), _remarks(fit, rows), rows, fit.verdict)


def of_predictions(predictions: Predictions) -> Summary:
    """The table of predictions."""
    chains, draws = predictions.content.coords["chain"].size, predictions.content.coords["draw"].size
    title = f"{shown(predictions.content.texts['name'])}: predictions for new rows; {chains * draws:,} draws; seed {predictions.seed}"
    rows = tuple(row for name in predictions.names for row in _rows(predictions, name))
    return Summary(title, predictions.remarks, rows)


def _rows(fit: Fit | Predictions, name: str) -> Iterator[Row]:
    for label, draws in _numbers(fit, name):
        low, middle, high = np.quantile(draws, (0.05, 0.5, 0.95))
        single = draws.size > 1 and bool((draws == draws.flat[0]).all())  # a param: no rounding in its mean
        yield Row(
            name=name,
            label=shown(label),
            mean=float(draws.flat[0] if single else draws.mean()),
            sd=0.0 if single else float(draws.std(ddof=1)) if draws.size > 1 else math.nan,
            q05=float(low),
            median=float(middle),
            q95=float(high),
            r_hat=None if fit.independent else convergence.r_hat(draws),
            ess_bulk=None if fit.independent else convergence.ess_bulk(draws),
            ess_tail=None if fit.independent else convergence.ess_tail(draws),
        )


def _numbers(fit: Fit | Predictions, name: str) -> Iterator[tuple[str, np.ndarray]]:
    """The draws of each number, and of each member whether it is the one."""
    for label, values in elements(fit, name):
        if name in fit.members:
            yield from ((f"{label} = {member}", (values == place).astype(float)) for place, member in enumerate(fit.members[name]))
        else:
            yield label, values.astype(float)


def _title(fit: Fit) -> str:
    settings = fit.settings
    name = shown(fit.content.texts["name"])
    if fit.method == "svi":
        guide, steps, draws = settings["guide"], settings["steps"], settings["draws"]
        return f"{name}: {guide} normal approximation, fitted by SVI in {steps:,} steps; {draws:,} draws; seed {fit.seed}"
    if fit.method == "vi":
        return f"{name}: normal approximation in coordinates chosen from the data; {settings['draws']:,} draws; seed {fit.seed}"
    chains, draws = next(iter(fit.sample_stats.values())).values.shape
    warmup = fit.verdict["warmup"] if fit.verdict else settings["warmup"]
    return f"{name}: NUTS, {chains} {'chain' if chains == 1 else 'chains'} of {draws:,} draws after {warmup:,} of warm-up; seed {fit.seed}"


def _remarks(fit: Fit, rows: tuple[Row, ...]) -> tuple[str, ...]:
    remarks = []
    if fit.method == "svi":
        remarks.append("an approximation: compare with --method nuts before relying on its standard deviations")
    if fit.verdict is not None:
        remarks += fit.verdict["lines"]
    if fit.verdict is not None and "before" in fit.verdict and fit.settings["method"] == "auto":
        reasons = "; ".join(fit.verdict["before"]["reasons"])
        remarks.insert(0, f"vi: POOR: {reasons}; so nuts went on from there")
    apart = sum(1 for row in rows if row.r_hat is not None and row.r_hat > _APART)
    if apart:
        remarks.append(f"R-hat above {_APART} for {apart:,} of {len(rows):,} numbers: the chains do not agree yet, draw more")
    return tuple(remarks)


def _cells(row: Row, sampled: bool) -> list[str]:
    decimals = _decimals(row)
    numbers = [_number(value, decimals) for value in (row.mean, row.sd, row.q05, row.median, row.q95)]
    if not sampled:
        return [row.label, *numbers]
    return [row.label, *numbers, _number(row.r_hat, 3), _number(row.ess_bulk, 0), _number(row.ess_tail, 0)]


def _decimals(row: Row) -> int | None:
    """As many as show two digits of the standard deviation; None where only powers of ten will do."""
    if not math.isfinite(row.sd) or row.sd == 0:
        return 3 if row.mean == 0 or abs(row.mean) >= 1 else min(9, 3 - math.floor(math.log10(abs(row.mean))))
    decimals = 1 - math.floor(math.log10(row.sd))
    return None if decimals > 6 or abs(row.mean) >= 1e9 else max(0, decimals)


def _number(value: float | None, decimals: int | None) -> str:
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.3g}" if decimals is None else f"{value:.{decimals}f}"


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
