"""What surrounds the model: `prepare` and its faults, single expressions, stand-alone modules, pickling."""

from __future__ import annotations

import linecache
import pickle
import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import numpyro
import pytest
from numpyro.infer import Predictive
from numpyro.infer.util import log_density

from pplang._diagnostics import Problems, render
from pplang._ir import expression as ir
from pplang._lower import evaluate, export, lower
from pplang._source import Source
from tests.lower.builders import arguments, program

GROWTH = """
data Pupil:
  height : positive
  weight : positive
  class  : Class
  log_h  : real = log(height)
  z      : real = (weight - mean(weight)) / sd(weight)

index Pair = Class * Class
average[c in Class] = mean(z[i] for i in Pupil if class[i] == c)
large[c in Class]   = average[c] > 0
a[c in Class] ~ Normal(0, 1)
b ~ Normal(0, 1)
log_h[i in Pupil] ~ Normal(a[class[i]] + b * average[class[i]] * large[class[i]], 0.1)
"""
DATA = {"height": np.array([1.5, 1.7, 1.6, 1.8]), "weight": np.array([50.0, 70, 60, 90]), "class": np.array([0, 1, 0, 1])}
SETS = {"Pupil": range(1, 5), "Class": ["x", "y"], "Pair": range(4)}


def test_prepare_computes_what_the_data_determine() -> None:
    found = lower(program(GROWTH)).prepare(sets=SETS, **DATA)
    z = (DATA["weight"] - 67.5) / DATA["weight"].std(ddof=1)
    np.testing.assert_allclose(found["log_h"], np.log(DATA["height"]))
    np.testing.assert_allclose(found["z"], z)
    np.testing.assert_allclose(found["average"], [z[[0, 2]].mean(), z[[1, 3]].mean()])
    assert found["large"].dtype == bool
    assert all(one.dtype == np.float64 for name, one in found.items() if name != "large")


def test_outcomes_left_out_are_drawn() -> None:
    lowered = lower(program(GROWTH))
    known = arguments(lowered, DATA, SETS)
    del known["log_h"]
    with jax.enable_x64(True):
        drawn = Predictive(lowered.model, num_samples=3)(jax.random.PRNGKey(0), sets=SETS, **known)
    assert drawn["log_h"].shape == (3, 4)


@pytest.mark.parametrize(
    ("text", "data", "wanted"),
    [
        (
            "data Row:\n  x : real\n  l : real = log(x)\ny ~ Normal(0, 1)\nfactor sum(l[i] for i in Row) * y\n",
            {"x": np.array([1.0, 0, -1])},
            "error[C50]: an expression of the data has no finite value\n  --> m.ppl:3:3\n3 |   l : real = log(x)\n  |   ^ `l` is infinite for 2 of 3 (first: Row 2)\n"
            "help: say what it should be there: if x > 0 then log(x) else 0; or leave those rows out\n",
        ),
        (
            "data Row:\n  x : real\n  z : real\ny ~ Normal(0, 1)\nz[i in Row] ~ Normal(y * sqrt(x[i]), 1)\n",
            {"x": np.array([1.0, 0, -1])},
            "error[C50]: an expression of the data has no finite value\n  --> m.ppl:5:26\n5 | z[i in Row] ~ Normal(y * sqrt(x[i]), 1)\n"
            "  |                          ^^^^^^^^^^ this is not a number for 1 of 3 (first: Row 3)\n"
            "help: say what it should be there: if x > 0 then log(x) else 0; or leave those rows out\n",
        ),
        (
            "data Row:\n  x : real\n  z : real\ninput k : real\ns = 2 * k\nb ~ HalfNormal(s)\nz[i in Row] ~ Normal(b, k - x[i])\n",
            {"x": np.array([1.0, 0, -1]), "k": 0.0},
            "error[C51]: data outside of where they must be: `scale` of HalfNormal must be positive\n  --> m.ppl:6:16\n6 | b ~ HalfNormal(s)\n"
            "  |                ^ `s` is 0\n"
            "help: correct the data, or limit the relation to the rows that have it: where ...\n\n"
            "error[C51]: data outside of where they must be: `sd` of Normal must be positive\n  --> m.ppl:7:25\n7 | z[i in Row] ~ Normal(b, k - x[i])\n"
            "  |                         ^^^^^^^^ this is -1 for 2 of 3 (first: Row 1)\n"
            "help: correct the data, or limit the relation to the rows that have it: where ...\n",
        ),
        (
            "data Row:\n  x : real\n  z : real\ns = sd(x)\nb ~ Normal(0, 1)\nz[i in Row] ~ Normal(b, s)\n",
            {"x": np.array([2.0, 2, 2])},
            "error[C51]: data outside of where they must be: `s` must be positive\n  --> m.ppl:4:1\n4 | s = sd(x)\n"
            "  | ^ `s` is 0\n"
            "help: correct the data, or limit the relation to the rows that have it: where ...\n",
        ),
        (
            "data Row:\n  x : real\n  z : real\nK[i in Row, j in Row] = exp(-abs(x[i] - x[j])) - (if i == j then 1 else 0)\nm ~ Normal(0, 1)\n"
            "z[Row] ~ MultiNormal(m, cov = K)\n",
            {"x": np.array([1.0, 0, -1])},
            "error[C51]: data outside of where they must be: `cov` of MultiNormal must be symmetric and positive definite\n  --> m.ppl:6:31\n"
            "6 | z[Row] ~ MultiNormal(m, cov = K)\n  |                               ^ `K` has the eigenvalue -0.46\n"
            "help: correct the matrix; where rounding is at fault, add a little to its diagonal: + (if i == j then 1e-6 else 0)\n",
        ),
    ],
)
def test_data_that_an_expression_cannot_take(text: str, data: dict[str, np.ndarray], wanted: str) -> None:
    with pytest.raises(Problems) as caught:
        lower(program(text)).prepare(sets={"Row": range(1, 4)}, **data)
    assert render(caught.value.diagnostics, Source("m.ppl", text)) == wanted


def test_a_branch_for_what_cannot_be_computed_is_enough() -> None:
    text = "data Row:\n  x : real\n  l : real = if x > 0 then log(x) else 0\ny ~ Normal(0, 1)\nfactor sum(l[i] for i in Row) * y\n"
    found = lower(program(text)).prepare(sets={"Row": range(1, 4)}, x=np.array([1.0, 0, -1]))
    assert found["l"].tolist() == [0, 0, 0]


N = ir.Number
X = ir.Reference("x", (ir.Variable("i"),))
EXPRESSIONS = [
    (ir.Sum((("+", ir.Reference("n")), ("-", N(1)))), 6),
    (ir.Product((("*", ir.Size("Row")), ("*", N(2)))), 6),
    (ir.Reduce("sum", X, (ir.Binder("i", "Row"),)), 6.0),
    (ir.Reduce("max", X, (ir.Binder("i", "Row"),), ir.Compare("<", X, N(3))), 2.0),
    (ir.Call("sqrt", (N(16),)), 4.0),
    (ir.Reference("x", (ir.Member("Row", 2),)), 2.0),
    (ir.Power(N(2), ir.Reference("n")), 128.0),
    (ir.IfElse(ir.Compare(">", ir.Reference("n"), N(3)), N(1), N(0)), 1),
    (ir.Product((("*", N(1)), ("/", N(0)))), np.inf),
]


@pytest.mark.parametrize(("expression", "wanted"), EXPRESSIONS)
def test_single_expressions(expression: ir.Expression, wanted: float) -> None:
    found = evaluate(expression, {"n": np.array(7), "x": np.array([1.0, 2, 3]), "other": np.zeros(2)}, {"Row": range(1, 4)})
    assert isinstance(found, np.ndarray)
    assert found == wanted


def test_a_lowered_model_survives_pickling() -> None:
    lowered = lower(program(GROWTH))
    lowered.prepare(sets=SETS, **DATA)
    again = pickle.loads(pickle.dumps(lowered))
    assert again == lowered
    assert again.prepare(sets=SETS, **DATA).keys() == lowered.prepare(sets=SETS, **DATA).keys()
    assert callable(pickle.loads(pickle.dumps(lowered.model)))


def test_lowering_is_the_same_every_time() -> None:
    assert lower(program(GROWTH)).text == lower(program(GROWTH)).text


def test_tracebacks_show_the_generated_line() -> None:
    lowered = lower(program(GROWTH))
    with pytest.raises(Exception) as caught:
        lowered.model(sets=SETS, **{**arguments(lowered, DATA, SETS), "class": "x"})
    frames = []
    step = caught.value.__traceback__
    while step is not None:
        frames.append(step)
        step = step.tb_next
    generated = [one for one in frames if one.tb_frame.f_code.co_filename.startswith("<pplang ")]
    assert generated
    assert linecache.getline(generated[0].tb_frame.f_code.co_filename, generated[0].tb_lineno).strip()


def test_an_exported_module_runs_alone(tmp_path: Path) -> None:
    model = program(GROWTH)
    lowered = lower(model)
    values = {"a": np.array([0.3, 0.5]), "b": 0.2}
    with jax.enable_x64(True):
        wanted = float(log_density(lowered.model, (), {"sets": SETS, **arguments(lowered, DATA, SETS)}, values)[0])
    path = tmp_path / "growth.py"
    path.write_text(export(model, SETS))
    np.savez(tmp_path / "data.npz", **DATA)
    script = (
        "import inspect, sys\nimport jax, numpy as np\nfrom numpyro.infer.util import log_density\nsys.path.insert(0, sys.argv[1])\nimport growth as g\n"
        "values = dict(np.load(sys.argv[1] + '/data.npz'))\nnames = {'class_': 'class'}\n"
        "def taken(f): return {one: values[names.get(one, one)] for one in inspect.signature(f).parameters if one != 'sets'}\n"
        "values.update(g.prepare(sets=g.SETS, **taken(g.prepare)))\n"
        "with jax.enable_x64(True):\n"
        "    print(repr(float(log_density(g.model, (), {'sets': g.SETS, **taken(g.model)}, {'a': np.array([0.3, 0.5]), 'b': 0.2})[0])))\n"
    )
    found = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert float(found.stdout) == pytest.approx(wanted, rel=1e-12)


def test_the_model_is_an_ordinary_one_for_numpyro() -> None:
    lowered = lower(program(GROWTH))
    known = {"sets": SETS, **arguments(lowered, DATA, SETS)}
    changed = numpyro.handlers.do(lowered.model, data={"b": 3.0})
    trace = numpyro.handlers.trace(numpyro.handlers.seed(changed, 0)).get_trace(**known)
    assert "a" in trace
    assert trace["log_h"]["is_observed"]
    trace = numpyro.handlers.trace(numpyro.handlers.seed(numpyro.handlers.condition(lowered.model, {"b": 1.5}), 0)).get_trace(**known)
    assert trace["b"]["value"] == 1.5


@pytest.mark.parametrize("function", ["logistic", "lgamma", "log_logistic", "softplus", "digamma", "sqrt", "log1p"])
def test_functions_take_whole_numbers(function: str) -> None:
    text = f"data Row:\n  n : count\n  m : count\nb ~ Normal(0, 1)\nm[i in Row] ~ Poisson(exp({function}(2) + {function}(n[i] + 1) + b * (if b > 0 then {function}(n[i] + 1) else 1)))\n"
    lowered = lower(program(text))
    with jax.enable_x64(True):
        known = arguments(lowered, {"n": np.array([0, 2, 1]), "m": np.array([1, 0, 3])}, {"Row": range(3)})
        found, _ = log_density(lowered.model, (), {"sets": {"Row": range(3)}, **known}, {"b": 0.1})
    assert np.isfinite(found)


def test_every_fault_is_explained() -> None:
    package = Path(__file__).parent.parent.parent / "pplang"
    explained = (package / "_messages" / "C.md").read_text(encoding="utf-8")
    raised = set(re.findall(r'"([A-Z]\d\d)"', (package / "_lower" / "faults.py").read_text(encoding="utf-8")))
    assert raised == {"C50", "C51"}
    assert all(f"## {code}: " in explained for code in raised)
