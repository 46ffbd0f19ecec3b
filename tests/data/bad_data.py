"""The cases of tests/bad_data: a model, its data, and the exact text that binding them ends in.

A case is a folder with model.ppl, data files and expected.txt. What would stand on the command line after the model is in args.txt, one
argument a line (data files, `County=counties.csv`, `--input FILE`, `--set name=value`, `--na TEXT`); without it, it is data.csv.

    python tests/data/bad_data.py        writes expected.txt of every case that has none; read it before committing it
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent))

from data_programs import evaluate

import pplang
from pplang import _files
from pplang._check import check
from pplang._data.bind import bind
from pplang._diagnostics import Problems, render
from pplang._source import Source
from pplang._syntax.parse import parse

CASES = sorted(path.parent for path in (Path(__file__).parent.parent / "bad_data").glob("*/model.ppl"))


def outcome(case: Path) -> str:
    """What binding the case's data to its model prints; the ranks of designs (F29) are looked at only with all of the model at hand."""
    if case.name.startswith("F"):
        return _of_model(case)
    source = Source("model.ppl", (case / "model.ppl").read_text(encoding="utf-8"))
    program = check(parse(source), source)
    tables: list[tuple[str | None, str]] = []
    inputs: list[str] = []
    settings: list[tuple[str, str]] = []
    missing: list[str] = []
    for line in _arguments(case):
        option, _, rest = line.partition(" ")
        name, equals, path = line.partition("=")
        if option == "--input":
            inputs.append(rest)
        elif option == "--set":
            settings.append((rest.partition("=")[0], rest.partition("=")[2]))
        elif option == "--na":
            missing.append(rest)
        else:
            tables.append((name, path) if equals else (None, line))
    with contextlib.chdir(case), mock.patch.object(_files, "spendable_memory", return_value=8_000_000_000):
        try:
            bind(program, tables, inputs, evaluate=evaluate, settings=settings, missing=missing, source=source)
        except Problems as problems:
            return render(problems.diagnostics, source)
    return ""


def _of_model(case: Path) -> str:
    model = pplang.compile_text((case / "model.ppl").read_text(encoding="utf-8"), name="model.ppl")
    with contextlib.chdir(case):
        try:
            model.bind(*_arguments(case))
        except Problems as problems:
            return render(problems.diagnostics, model.source)
    return ""


def _arguments(case: Path) -> list[str]:
    path = case / "args.txt"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else ["data.csv"]


if __name__ == "__main__":
    for folder in CASES:
        if not (folder / "expected.txt").exists():
            (folder / "expected.txt").write_text(outcome(folder), encoding="utf-8")
            print(folder.name, outcome(folder), sep="\n")
