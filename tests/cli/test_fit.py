"""fit, summary, draws, explain, export."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pplang

Run = Callable[..., Any]
SMALL = ("--draws", "50")


def test_a_fit_prints_its_table_and_writes_its_file(run: Run, folder: Path) -> None:
    ran = run("fit", "schools.ppl", "schools.csv", *SMALL)
    assert ran.status == 0
    assert ran.out.startswith("schools.ppl: normal approximation in coordinates chosen from the data")
    assert "theta[H]" in ran.out
    assert ran.err == "written to schools.fit.nc\n"
    again = run("summary", "schools.fit.nc")
    assert (again.status, again.out, again.err) == (0, ran.out, "")
    assert run("fit", "schools.ppl", "schools.csv", "--quiet", "--force", *SMALL).err == ""


def test_an_output_is_refused_before_any_work(run: Run, folder: Path) -> None:
    (folder / "schools.fit.nc").write_text("precious")
    ran = run("fit", "absent.ppl", "-o", "schools.fit.nc")
    assert ran.status == 1
    assert "O01" in ran.err
    assert "I20" not in ran.err
    assert run("fit", "schools.ppl", "schools.csv", *SMALL).status == 1
    assert (folder / "schools.fit.nc").read_text() == "precious"
    assert run("fit", "schools.ppl", "schools.csv", "-o", "no/such/folder.nc").status == 1
    assert run("fit", "schools.ppl", "schools.csv", "--force", *SMALL).status == 0
    assert pplang.load("schools.fit.nc").method == "vi"


def test_nuts_and_json(run: Run, folder: Path) -> None:
    options = ("--method", "nuts", "--chains", "2", "--warmup", "100", "--draws", "60", "--seed", "9", "-o", "n.nc")
    ran = run("fit", "schools.ppl", "schools.csv", *options, "--json")
    told = json.loads(ran.out)
    assert (ran.status, ran.err, told["file"]) == (0, "", "n.nc")
    assert [row["label"] for row in told["rows"]][:3] == ["mu", "tau", "theta[A]"]
    assert told["rows"][0]["r_hat"] is not None
    fit = pplang.load("n.nc")
    given = {"method": "nuts", "seed": 9, "chains": 2, "warmup": 100, "draws": 60, "target_accept": 0.8}
    assert fit.settings == {**given, "samples_to_ess": None, "tol": 0.02, "max_gradients": 100_000}
    assert told["method"] == "nuts"
    assert told["verdict"] == fit.verdict
    assert json.loads(run("summary", "n.nc", "--json").out)["rows"] == told["rows"]


def test_draws_as_a_table(run: Run, folder: Path) -> None:
    run("fit", "schools.ppl", "schools.csv", *SMALL)
    rows = list(csv.reader(run("draws", "schools.fit.nc", "--csv").out.splitlines()))
    assert rows[0] == ["chain", "draw", "mu", "tau", *(f"theta[{school}]" for school in "ABCDEFGH")]
    assert [row[:2] for row in rows[1:3]] == [["1", "1"], ["1", "2"]]
    numbers = np.array(rows[1:], float)
    np.testing.assert_array_equal(numbers[:, 2], pplang.load("schools.fit.nc").draws("mu").ravel())
    assert run("draws", "schools.fit.nc", "-o", "d.csv").out == ""
    assert len((folder / "d.csv").read_text().splitlines()) == 51
    assert run("draws", "schools.fit.nc", "-o", "d.csv").status == 1
    assert len(json.loads(run("draws", "schools.fit.nc", "--json").out)["tau"]) == 50


def test_explain_prints_a_program_that_means_the_same(run: Run, folder: Path) -> None:
    ran = run("explain", "schools.ppl")
    assert ran.status == 0
    assert "theta" in ran.out
    (folder / "again.ppl").write_text(ran.out)
    assert run("check", "again.ppl", "schools.csv").status == 0
    only = run("explain", "schools.ppl", "--program").out
    assert ran.out.endswith(only)
    told = json.loads(run("explain", "schools.ppl", "--json").out)
    assert told["program"] == only
    assert told["plan"]["center"][0]["site"] == "theta"
    assert "theta_raw" not in run("explain", "schools.ppl", "--program", "--without", "center").out
    assert "tau_free" not in run("explain", "schools.ppl", "--program", "--after", "center").out
    assert "theta_raw" not in run("explain", "schools.ppl", "--program", "--after", "source").out


def test_export_gives_a_module_with_the_same_density(run: Run, folder: Path) -> None:
    assert "def model" in run("export", "schools.ppl", "--to", "numpyro").out
    assert run("export", "schools.ppl", "schools.csv", "-o", "schools.py").status == 0
    assert run("export", "schools.ppl", "-o", "schools.py").status == 1
    run("export", "schools.ppl", "schools.csv", "--after", "source", "-o", "source.py")
    bound = pplang.compile("schools.ppl").bind("schools.csv")
    import jax

    with jax.enable_x64(True):
        z = np.linspace(-1, 1, bound.size)
        wanted = float(bound.log_density(z))
        values = {name: np.asarray(value).tolist() for name, value in bound.constrain(z).items()}
    ends = np.cumsum([one.size for one in bound.latents])
    free = {one.name: z[end - one.size : end].reshape(one.shape).tolist() for one, end in zip(bound.latents, ends, strict=True)}
    code = """
import sys, json, jax, numpy as np
sys.modules["pplang"] = None  # it needs nothing of ours
from numpyro.infer.util import log_density
module = __import__(sys.argv[1])
arrays = {name: np.array(value) for name, value in json.loads(sys.argv[2]).items()}
point = {name: np.array(value) for name, value in json.loads(sys.argv[3]).items()}
with jax.enable_x64(True):
    arguments = {**arrays, **module.prepare(sets=module.SETS)}
    print(float(log_density(module.model, (), {"sets": module.SETS, **arguments}, point)[0]))
"""
    data = json.dumps({name: bound.arguments[name].tolist() for name in ("effect", "se")})
    for module, point, density in (("schools", free, wanted), ("source", values, None)):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(Path(pplang.__file__).parents[1])])}
        done = subprocess.run(
            [sys.executable, "-c", code, module, data, json.dumps(point)], capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr
        jacobian = 9 * np.log(values["tau"])
        assert float(done.stdout) == pytest.approx(wanted if density is not None else wanted - jacobian, rel=1e-10)


def test_what_cannot_be_fitted_yet_is_named(run: Run, folder: Path) -> None:
    (folder / "half.ppl").write_text(
        "index Dose ordered = 1..3\nindex Arm = {old, new}\n"
        "effect[d in Dose, a in Arm] ~ Normal(0, 1)\nrestrict effect[d, new] > 0 for d in Dose\n"
    )
    for command in ("fit", "export"):
        ran = run(command, "half.ppl")
        assert ran.status == 1
        assert ran.err.count("error[") == 1
        assert "F01" in ran.err
    assert run("check", "half.ppl").status == 0


def test_remarks_on_the_data_are_shown(run: Run, folder: Path) -> None:
    (folder / "more.csv").write_text("school,effect,se,extra\nA,28,15,1\nB,8,10,2\n")
    assert "extra" in run("check", "schools.ppl", "more.csv").err
    assert "extra" in run("fit", "schools.ppl", "more.csv", *SMALL).err


# As `python -m pplang`; what runs in the background may have inherited that interrupts are ignored.
INTERRUPTIBLE = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); runpy.run_module('pplang', run_name='__main__')"
)


@pytest.mark.parametrize("seconds", [3, 6])
@pytest.mark.parametrize("method", ["svi", "nuts"])
def test_an_interrupted_fit_leaves_nothing(folder: Path, method: str, seconds: float) -> None:
    """Whatever it was at: importing, compiling or running."""
    sizes = ("--steps", "100000000", "--warmup", "100000000", "--draws", "1")
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "fit", "schools.ppl", "schools.csv", "--method", method, *sizes],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:  # an interrupt is lost where it meets JAX's hook in the collection of garbage: one presses again
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err in ("interrupted\n", "")  # nothing is said when it was still importing
    assert sorted(one.name for one in folder.iterdir() if one.suffix not in (".ppl", ".csv")) == []


def test_an_interrupt_while_writing_leaves_nothing(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pplang._fit.file._write_group", interrupted)
    ran = run("fit", "schools.ppl", "schools.csv", *SMALL)
    assert ran.status == 130
    assert sorted(one.name for one in folder.iterdir() if one.suffix not in (".ppl", ".csv")) == []


def test_data_may_come_after_options(run: Run) -> None:
    ran = run("fit", "schools.ppl", "--seed", "3", "schools.csv", *SMALL)
    assert ran.status == 0, ran.err
