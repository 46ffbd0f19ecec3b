"""Every example checks, is formatted, fits, and finds the posterior that a model written by hand finds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import pplang
from pplang.cli.main import main

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/*.ppl"))


def model_file(name: str) -> Path:
    return EXAMPLES / name / f"{name}.ppl"


def data_file(name: str) -> Path:
    return EXAMPLES / name / f"{name}.csv"


def command(*arguments: object) -> int:
    return main([str(one) for one in arguments])


def test_there_are_enough() -> None:
    assert len(NAMES) >= 6


@pytest.mark.parametrize("name", NAMES)
def test_model_and_data_check(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("check", model_file(name), data_file(name)) == 0, capsys.readouterr().err


@pytest.mark.parametrize("name", NAMES)
def test_model_is_formatted(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("fmt", "--check", "--diff", model_file(name)) == 0, capsys.readouterr()


@pytest.mark.parametrize("name", NAMES)
def test_model_names_its_source(name: str) -> None:
    assert "# Data: " in model_file(name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_nuts_finds_the_posterior(name: str) -> None:
    fit = pplang.compile(model_file(name)).fit(data_file(name), method="nuts", chains=2, warmup=700, draws=1000, seed=3)
    expected = json.loads((EXAMPLES / name / "expected" / "posterior.json").read_text(encoding="utf-8"))
    faults = []
    for quantity, wanted in expected.items():
        draws = fit.draws(quantity)
        mean, deviation = draws.mean(axis=(0, 1)), draws.std(axis=(0, 1))
        away = np.abs(mean - wanted["mean"]) / wanted["sd"]
        ratio = deviation / wanted["sd"]
        if (away > 0.25).any() or (ratio < 0.75).any() or (ratio > 1.33).any():
            faults.append(f"{quantity}: means up to {away.max():.2f} sd away, sd {ratio.min():.2f} to {ratio.max():.2f} of the expected")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("name", ["eight_schools", "radon", "wine"])
def test_svi_comes_near(name: str) -> None:
    fit = pplang.compile(model_file(name)).fit(data_file(name), method="svi", seed=3)
    expected = json.loads((EXAMPLES / name / "expected" / "posterior.json").read_text(encoding="utf-8"))
    away = {
        quantity: float(np.max(np.abs(fit.draws(quantity).mean(axis=(0, 1)) - wanted["mean"]) / wanted["sd"]))
        for quantity, wanted in expected.items()
    }
    assert max(away.values()) < 1.0, away


@pytest.mark.parametrize("name", NAMES)
def test_row_order_does_not_matter(name: str, tmp_path: Path) -> None:
    header, *rows = data_file(name).read_text(encoding="utf-8").splitlines(keepends=True)
    turned = tmp_path / "turned.csv"
    turned.write_text(header + "".join(reversed(rows)), encoding="utf-8")
    model = pplang.compile(model_file(name))
    straight, reverse = model.bind(data_file(name)), model.bind(turned)
    assert straight.size == reverse.size
    # Observation-level unknowns come in the order of the rows, so only models without them have the same density at a point.
    if name not in ("eight_schools", "epilepsy"):
        point = np.random.default_rng(1).normal(scale=0.3, size=straight.size)
        with jax.enable_x64(True):
            one, other = (float(jax.jit(bound.log_density)(point)) for bound in (straight, reverse))
        assert one == pytest.approx(other, rel=1e-9)


ALONE = """
import importlib.util, sys
sys.modules["pplang"] = None  # it needs nothing of ours
import jax, numpy
from numpyro import handlers
from numpyro.infer.util import log_density

spec = importlib.util.spec_from_file_location("exported", sys.argv[1])
exported = importlib.util.module_from_spec(spec)
spec.loader.exec_module(exported)
arrays, point = dict(numpy.load(sys.argv[2])), dict(numpy.load(sys.argv[3]))
with jax.enable_x64(True):
    known = {**arrays, **exported.prepare(sets=exported.SETS, **taken(exported.prepare, arrays))}
    own = {"sets": exported.SETS, **taken(exported.model, known)}
    # What has been summed out is drawn given the rest: it has a value, but no part in the density.
    fitted = handlers.block(handlers.seed(exported.model, 0), hide=sys.argv[4:])
    print(float(jax.jit(lambda at: log_density(fitted, (), own, at)[0])(point)))
"""
TAKEN = """
import inspect

def taken(function, values):
    # `income_given` is the argument for `given(income)`.
    named = {**{f"{name[6:-1]}_given": one for name, one in values.items() if name.startswith("given(")}, **values}
    return {name: named[name] for name in inspect.signature(function).parameters if name in named}
"""


@pytest.mark.parametrize("name", NAMES)
def test_exported_module_runs_on_its_own_and_has_the_same_density(name: str, tmp_path: Path) -> None:
    module = tmp_path / "exported.py"
    assert command("export", model_file(name), data_file(name), "--to", "numpyro", "-o", module) == 0

    bound = pplang.compile(model_file(name)).bind(data_file(name))
    z = np.random.default_rng(5).normal(scale=0.3, size=bound.size)
    ends = np.cumsum([latent.size for latent in bound.latents])
    parts = np.split(z, ends[:-1])
    np.savez(tmp_path / "point.npz", **{one.name: part.reshape(one.shape) for one, part in zip(bound.latents, parts, strict=True)})
    np.savez(tmp_path / "arrays.npz", **bound.dataset.values())
    inferred = {one.name for one in bound.latents}
    drawn = [site.name for site in bound.compiled.program.sites if site.role == "latent" and site.name not in inferred]
    arguments = [module, tmp_path / "arrays.npz", tmp_path / "point.npz", *drawn]
    alone = subprocess.run([sys.executable, "-c", TAKEN + ALONE, *map(str, arguments)], capture_output=True, text=True, cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    with jax.enable_x64(True):
        assert float(alone.stdout) == pytest.approx(float(jax.jit(bound.log_density)(z)), rel=1e-10)
