"""The program after every pass, printed and read, is a model with the same posterior."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import pplang
from pplang._infer import convergence
from pplang._ir.program import Program
from pplang._ir.text import text
from tests.examples.update_programs import EXAMPLES, NAMES, compiled

SIZES = {"method": "nuts", "seed": 5, "chains": 2, "draws": 1000}

SHORTER_STEPS = {"nile": 0.99, "diabetes": 0.95}
"""Acceptance to aim at, by example. The program after `innovate`, read anew, is sampled in its innovations as they stand (transported coordinates
are chosen only for the source), and those of many years of data hang together. The same of diabetes, whose common scale is nearly unknown: 23 of 2,000
transitions diverged after `center` at 0.8."""


def reporting(program: Program, names: set[str]) -> pplang.Model:
    """The program with all these names kept, whether they are drawn or computed."""
    sites = tuple(replace(site, report=site.report or (site.name in names and site.role == "deterministic")) for site in program.sites)
    return pplang.compile_text(text(program.with_sites(sites)))


def fitted(program: Program, names: set[str], data: Path) -> pplang.Fit:
    """Chains that agree: of others the error of a mean is not known."""
    target = SHORTER_STEPS.get(data.stem, 0.8)
    fit = reporting(program, names).fit(data, **SIZES, target_accept=target)  # type: ignore[arg-type]
    assert fit.verdict is not None and fit.verdict["word"] != "poor", fit.verdict
    return fit


def mean_and_error(fit: pplang.Fit, name: str) -> tuple[np.ndarray, np.ndarray]:
    draws = fit.draws(name)
    flat = draws.reshape(*draws.shape[:2], -1)
    sizes = np.array([convergence.ess_bulk(flat[..., k]) for k in range(flat.shape[-1])])
    spread = flat.std(axis=(0, 1))
    return flat.mean(axis=(0, 1)), np.where(spread == 0, 0.0, spread / np.sqrt(sizes))  # the diagonal of a correlation does not vary


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_stage_fits_to_the_same_posterior(name: str) -> None:
    data = EXAMPLES / name / f"{name}.csv"
    made = compiled(name, transported=False)
    names = {site.name for site in made.source.sites if site.role == "latent" and site.level == "model"}
    source = fitted(made.source, names, data)
    before = made.source
    for stage in made.stages:
        if stage.program != before:
            after = fitted(stage.program, names, data)
            for one in sorted(names):
                (a, s), (b, t) = mean_and_error(source, one), mean_and_error(after, one)
                assert (np.abs(a - b) <= 5 * np.hypot(s, t) + 1e-12).all(), (stage.name, one, a - b)
        before = stage.program
