"""Nothing in a model can become code: names are mangled, labels and strings are constants."""

from __future__ import annotations

import ast
import builtins
import keyword
import subprocess
import sys
import unicodedata

import numpy as np
import pytest

from pplang._ir import expression as ir
from pplang._ir.kinds import POSITIVE, REAL
from pplang._ir.program import Axis, Column, IndexSet, Input, Labels, Program, Rows, Site, Table
from pplang._lower import export, lower
from pplang._lower.names import Names

NASTY = [
    "lambda", "def", "None_", "__import__", "_1", "_", "jnp", "np", "numpyro", "dist", "sets", "print", "prepare", "model", "exec", "match",
    "known", "sets_", "jax", "wrappers", "SETS", "θ", "µ", "βeta", "ﬁt", "a\u0301", "x·y", "len", "True", "self", "rng_key", "_lambda", "lambda_", "type",
]  # fmt: skip


def draw(name: str) -> ir.Distribution:
    return ir.Distribution("Normal", (("mean", ir.Number(0)), ("sd", ir.Number(1))))


def normal(mean: ir.Expression) -> ir.Distribution:
    return ir.Distribution("Normal", (("mean", mean), ("sd", ir.Number(1))))


@pytest.mark.parametrize("name", NASTY)
def test_any_name_can_be_a_column_an_outcome_and_a_latent(name: str) -> None:
    name = unicodedata.normalize("NFKC", name)
    other = "other"
    row = ir.Variable("i")
    program = Program(
        sets=(IndexSet("Row", Rows("Row")),),
        tables=(Table("Row", (Column(name, ("Row",), REAL), Column(other, ("Row",), REAL))),),
        inputs=(Input("scale", (), POSITIVE),),
        sites=(
            Site("slope", (), "latent", "model", draw("slope"), REAL),
            Site(
                other,
                (Axis("i", "Row"),),
                "observed",
                "model",
                normal(ir.Product((("*", ir.Reference("slope")), ("*", ir.Reference(name, (row,)))))),
                REAL,
            ),
        ),
    )
    latent = Program(
        sites=(Site(name, (), "latent", "model", draw(name), REAL), Site("y", (), "latent", "model", normal(ir.Reference(name)), REAL))
    )
    import jax
    from numpyro.infer.util import log_density

    from tests.lower.builders import arguments

    with jax.enable_x64(True):
        lowered = lower(program)
        sets = {"Row": range(2)}
        taken = arguments(lowered, {name: [1.0, 2.0], other: [0.5, 0.1], "scale": 1.0}, sets)
        assert set(taken) == {other, lowered.identifiers.get(name, name)}
        found = log_density(lowered.model, (), {"sets": sets, **taken}, {"slope": 0.3})[0]
        wanted = -0.5 * (0.09 + 0.2**2 + 0.5**2) - 1.5 * np.log(2 * np.pi)
        assert float(found) == pytest.approx(wanted, rel=1e-12)
        model = lower(latent)
        found = log_density(model.model, (), {"sets": {}}, {name: 0.3, "y": 0.5})[0]
        assert float(found) == pytest.approx(-0.5 * (0.09 + 0.04) - np.log(2 * np.pi), rel=1e-12)


def test_identifiers_are_distinct_and_safe() -> None:
    everything = dict.fromkeys([*NASTY, *keyword.kwlist, *dir(builtins), "x", "x_", "_x", "vx", "v_x", "lambda__"])
    names = Names(everything)
    identifiers = [names[one] for one in everything]
    assert len({unicodedata.normalize("NFKC", one) for one in identifiers}) == len(everything)
    assert all(one.isidentifier() and not keyword.iskeyword(one) and not one.startswith("_") for one in identifiers)


LABELS = ['"', "'", "\\", "\n", "{}", "{0!r}", '"""', "'''", "__import__('os')", "\x00", "‮", "a b", "'); raise SystemExit('ran'); ('"]


def test_labels_stay_constants() -> None:
    sites = tuple(
        Site(f"x{n}", (), "deterministic", "model", ir.Reference("a", (ir.Member("K", label),)), REAL, report=True)
        for n, label in enumerate(LABELS)
    )
    program = Program(
        sets=(IndexSet("K", Labels(tuple(LABELS))),),
        sites=(Site("a", (Axis("k", "K"),), "latent", "model", draw("a"), REAL), *sites),
    )
    from numpyro.handlers import seed, trace

    text = lower(program).text
    constants = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert constants >= set(LABELS)
    found = trace(seed(lower(program).model, 0)).get_trace(sets={"K": LABELS})
    assert [float(found[f"x{n}"]["value"]) for n in range(len(LABELS))] == [float(one) for one in found["a"]["value"]]
    assert [node for node in ast.walk(ast.parse(export(program, {"K": LABELS}))) if isinstance(node, ast.Raise)] == []


def test_only_the_catalogue_is_called() -> None:
    """Every function that a generated module calls is reached through a module that it imports, or is one of four builtins."""
    from tests.lower.builders import program
    from tests.lower.test_reductions import HEADER

    text = lower(program(HEADER + "report r = log(abs(s)) * sum(b)\ny[i in I] ~ Normal(s, 1)\n")).text
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id in ("len", "float", "range", "int")
        if isinstance(node, ast.Import):
            assert all(one.name.split(".")[0] in ("jax", "numpy", "numpyro", "scipy", "pplang") for one in node.names)


NUMBERS = [
    "9 ^ 9 ^ 9",
    "1 / 0",
    "0 ^ -1",
    "1e308 * 10",
    "size(K) / 0",
    "2 ^ 0.5 ^ 2000",
    "(1 - 1) / (2 - 2)",
    "123456789012345678901234567890 ^ 30",
]


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_end_in_a_density_not_in_a_crash(number: str) -> None:
    from pplang._diagnostics import Problems
    from tests.lower.builders import density

    try:
        density(f"index K = {{a, b}}\nm ~ Normal(0, 1)\nfactor {number} * m\n", {}, {"K": ["a", "b"]}, {"m": 0.5})
    except Problems:
        return


def test_deep_and_long_expressions() -> None:
    from tests.lower.builders import density

    deep = "m"
    for _ in range(150):
        deep = f"(1 + {deep})"
    long = " + ".join(["m"] * 3000)
    found = density(f"m ~ Normal(0, 1)\nfactor {deep} - ({long})\n", {}, {}, {"m": 0.0})
    assert found == pytest.approx(150 - 0.5 * np.log(2 * np.pi))


def test_functions_used_twice_at_every_level_stay_small() -> None:
    levels = "\n".join(f"fn f{n}(x) = f{n - 1}(x) + f{n - 1}(x)" for n in range(1, 13))
    from tests.lower.builders import density, program

    text = f"fn f0(x) = log(1 + x^2)\n{levels}\nm ~ Normal(0, 1)\nfactor f12(m)\n"
    assert density(text, {}, {}, {"m": 1.0}) == pytest.approx(4096 * np.log(2) - 0.5 - 0.5 * np.log(2 * np.pi))
    assert len(lower(program(text)).text) < 4000


def test_lowering_imports_neither_jax_nor_numpyro() -> None:
    script = (
        "import sys\nfrom pplang._ir import expression as ir\nfrom pplang._ir.kinds import REAL\nfrom pplang._ir.program import Program, Site\n"
        "from pplang._lower import lower\n"
        "d = ir.Distribution('Normal', (('mean', ir.Number(0)), ('sd', ir.Number(1))))\n"
        "lower(Program(sites=(Site('m', (), 'latent', 'model', d, REAL),)))\n"
        "sys.exit(any(one in sys.modules for one in ('jax', 'numpyro', 'numpy', 'scipy')))\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
