"""pplang fit MODEL [DATA ...]"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pplang import _files
from pplang._infer.settings import Settings
from pplang.cli import terminal
from pplang.cli.opening import STANDARD_INPUT, bound_of, model_of, plan_of

if TYPE_CHECKING:
    from pplang import Bound, Fit

MOST_ROWS = 40
"""Rows of the table that are printed after a fit; `pplang summary --all` prints every one."""

POOR = 3
"""The exit status of `--strict` when the verdict is poor."""


def run(chosen: Namespace) -> int:
    """Fit, write the file, print the table."""
    output = chosen.output or _default_output(chosen.model)
    _files.check_target(output, chosen.force)
    names = ("method", "seed", "draws", "chains", "warmup", "target_accept", "guide", "steps", "tol", "max_gradients", "samples_to_ess")
    settings = Settings(**{name: getattr(chosen, name) for name in names})
    model = model_of(chosen.model)
    bound = bound_of(model, chosen, without=chosen.without, plan=plan_of(model, chosen))
    if not chosen.quiet and not chosen.json:
        terminal.diagnostics(bound.dataset.notes, bound.model.source)
    with terminal.ProgressBar(quiet=chosen.quiet) as progress:
        fit = bound.fit(settings, progress)
    fit.save(output, force=chosen.force)
    status = POOR if chosen.strict and fit.verdict is not None and fit.verdict["word"] == "poor" else 0
    if chosen.json:
        terminal.result_json({"ok": True, "file": str(output), "method": fit.method, **fit.summary().to_json(), **_notes(fit, bound)})
        return status
    terminal.result(fit.summary().text(MOST_ROWS))
    if not chosen.quiet:
        terminal.diagnostics(fit.notes, bound.model.source)
        terminal.say(f"written to {output}")
    return status


def _notes(fit: Fit, bound: Bound) -> dict[str, Any]:
    return {"notes": terminal.diagnostics_json(fit.notes, bound.model.source)["diagnostics"]}


def _default_output(model: str) -> Path:
    return Path("model.fit.nc" if model == STANDARD_INPUT else f"{Path(model).stem}.fit.nc")
