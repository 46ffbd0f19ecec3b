"""check, fmt, message, completion: the commands that start nothing heavy."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_a_sound_model(run: Run) -> None:
    ran = run("check", "schools.ppl")
    assert (ran.status, ran.out, ran.err) == (0, "schools.ppl: no errors\n", "")


def test_every_fault_of_a_model_is_reported(run: Run) -> None:
    ran = run("check", "bad.ppl")
    assert ran.status == 1
    assert ran.out == ""
    assert ran.err.index("N0") < ran.err.index("tehta")
    assert "scal" in ran.err
    assert "\x1b[" not in ran.err


def test_faults_for_machines(run: Run) -> None:
    ran = run("check", "bad.ppl", "--json")
    told = json.loads(ran.out)
    assert (ran.status, ran.err, told["ok"]) == (1, "", False)
    assert [one["place"]["line"] for one in told["diagnostics"]] == [8, 10]
    assert told["diagnostics"][0]["file"] == "bad.ppl"
    assert json.loads(run("check", "schools.ppl", "--json").out) == {"ok": True, "diagnostics": []}


def test_data_are_checked_too(run: Run, folder: Path) -> None:
    assert run("check", "schools.ppl", "schools.csv").status == 0
    (folder / "wrong.csv").write_text("school,effect,se\nA,28,-15\nB,x,10\n")
    ran = run("check", "schools.ppl", "wrong.csv")
    assert ran.status == 1
    assert "se" in ran.err
    assert "effect" in ran.err
    assert run("check", "schools.ppl", "School=schools.csv").status == 0
    assert run("check", "schools.ppl", "schools.csv", "schools.csv").status == 1


def test_inputs_from_options_and_files(run: Run, folder: Path) -> None:
    (folder / "in.json").write_text('{"n": 10, "k": 3}')
    assert run("check", "inputs.ppl", "in.json").status == 0
    assert run("check", "inputs.ppl", "--input", "in.json").status == 0
    assert run("check", "inputs.ppl", "--set", "n=10", "--set", "k=3").status == 0
    assert run("check", "inputs.ppl", "in.json", "--set", "n=-1").status == 1
    assert run("check", "inputs.ppl", "--set", "n").status == 2


def test_further_texts_for_empty_cells(run: Run, folder: Path) -> None:
    (folder / "dots.csv").write_text("school,effect,se\nA,28,15\nB,.,10\n")
    assert "C04" in run("check", "schools.ppl", "dots.csv").err
    assert "C01" in run("check", "schools.ppl", "dots.csv", "--na", ".").err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frobnicate"],
        ["check"],
        ["check", "schools.ppl", "--frob"],
        ["fit", "schools.ppl", "schools.csv", "--draws", "many"],
        ["fit", "schools.ppl", "schools.csv", "--draws", "-5"],
        ["fit", "schools.ppl", "schools.csv", "--method", "nutz"],
        ["fit", "schools.ppl", "schools.csv", "--guide", "x"],
        ["fit", "schools.ppl", "schools.csv", "--target-accept", "2"],
        ["fit", "schools.ppl", "schools.csv", "--seed", "-1"],
        ["fit", "schools.ppl", "schools.csv", "--without", "centre"],
        ["explain", "schools.ppl", "--after", "nothing"],
        ["export", "schools.ppl", "--to", "stan"],
        ["message", "Z99"],
        ["message", "../../x"],
        ["completion", "tcsh"],
    ],
    ids=" ".join,
)
def test_wrong_usage(run: Run, folder: Path, arguments: list[str]) -> None:
    before = sorted(folder.iterdir())
    ran = run(*arguments)
    assert ran.status == 2
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "absent.ppl"],
        ["check", "."],
        ["check", "schools.ppl", "absent.csv"],
        ["fit", "absent.ppl"],
        ["summary", "absent.nc"],
        ["summary", "schools.ppl"],
        ["draws", "schools.csv"],
        ["fmt", "absent.ppl"],
        ["explain", "bad.ppl"],
        ["export", "bad.ppl"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_read(run: Run, arguments: list[str]) -> None:
    ran = run(*arguments)
    assert ran.status == 1
    assert ran.out == ""
    assert ran.err.startswith("error[")


def test_version_and_help(run: Run) -> None:
    assert run("--version").out.startswith("pplang ")
    assert run("--help").status == 0
    for command in ("check", "fmt", "explain", "export", "fit", "summary", "draws", "message", "completion"):
        assert command in run("--help").out
        ran = run(command, "--help")
        assert ran.status == 0
        assert f"pplang {command}" in ran.out


def test_fmt_rewrites_and_tells(run: Run, folder: Path) -> None:
    untidy = folder / "untidy.ppl"
    untidy.write_text("mu~Normal( 0,1 ) # a comment\n")
    ran = run("fmt", "--check", "untidy.ppl")
    assert (ran.status, ran.out, ran.err) == (1, "", "would change untidy.ppl\n")
    ran = run("fmt", "--diff", "untidy.ppl")
    assert ran.status == 0
    assert "-mu~Normal( 0,1 ) # a comment\n" in ran.out
    assert untidy.read_text() == "mu~Normal( 0,1 ) # a comment\n"
    assert run("fmt", "--check", "--diff", "untidy.ppl").status == 1
    assert run("fmt", "untidy.ppl").status == 0
    tidy = untidy.read_text()
    assert tidy.startswith("mu ~ Normal(0, 1)")
    assert "# a comment" in tidy
    assert run("fmt", "--check", "untidy.ppl").status == 0
    assert run("fmt", "--diff", "untidy.ppl").out == ""


def test_fmt_goes_on_after_a_file_with_faults(run: Run, folder: Path) -> None:
    (folder / "broken.ppl").write_text("mu <- 3\n")
    (folder / "untidy.ppl").write_text("mu~Normal(0,1)\n")
    ran = run("fmt", "broken.ppl", "untidy.ppl")
    assert ran.status == 1
    assert "broken.ppl" in ran.err
    assert (folder / "untidy.ppl").read_text() == "mu ~ Normal(0, 1)\n"
    told = json.loads(run("fmt", "--json", "--check", "broken.ppl", "untidy.ppl").out)
    assert told["ok"] is False
    assert [one["changed"] for one in told["files"]] == [False]


def test_standard_input(process: Run) -> None:
    ran = process("fmt", "-", stdin="mu~Normal(0,1)\n")
    assert (ran.status, ran.out) == (0, "mu ~ Normal(0, 1)\n")
    ran = process("check", "-", stdin="mu ~ Normal(0, nu)\n")
    assert ran.status == 1
    assert "<standard input>:1:" in ran.err
    ran = process("check", "-", stdin=b"\xff\xfe\x00")
    assert ran.status == 1
    assert "Traceback" not in ran.err
    assert process("check", "-", stdin=b"# " + b"x" * 2_000_000).status == 1
    assert "mu ~ Normal(0, 1)" in process("explain", "-", "--program", stdin="mu ~ Normal(0, 1)\n").out


def test_every_code_can_be_asked_for(run: Run) -> None:
    ran = run("message", "i20")
    assert ran.status == 0
    assert ran.out.startswith("## I20: ")
    assert json.loads(run("message", "I20", "--json").out)["code"] == "I20"


def test_completion_scripts(run: Run, folder: Path) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "--target-accept" in run("completion", shell).out.replace("-l target-accept", "--target-accept")
    script = run("completion", "bash").out
    (folder / "c.sh").write_text(script + 'COMP_WORDS=(pplang fit --me); COMP_CWORD=2; _pplang; echo "${COMPREPLY[@]}"\n')
    assert subprocess.run(["bash", "c.sh"], capture_output=True, text=True, check=True).stdout == "--method\n"
    (folder / "c.sh").write_text(script + 'COMP_WORDS=(pplang ex); COMP_CWORD=1; _pplang; echo "${COMPREPLY[@]}"\n')
    assert subprocess.run(["bash", "c.sh"], capture_output=True, text=True, check=True).stdout == "explain export\n"


def test_a_reader_that_goes_away_is_no_fault(folder: Path) -> None:
    import sys

    done = subprocess.run(
        f"{sys.executable} -m pplang completion bash | head -1; echo ${{PIPESTATUS[0]}}",
        shell=True,
        capture_output=True,
        text=True,
        executable="/bin/bash",
    )
    assert done.stdout.splitlines()[1] == "0"
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr
