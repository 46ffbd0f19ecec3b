"""Write the expected message of every bad program beside it: `python tests/bad/update.py [NAME...]`. Read what changed before committing."""

from __future__ import annotations

import sys
from pathlib import Path

from pplang._check import check
from pplang._diagnostics import Diagnostic, Problems, render
from pplang._passes.supported import unsupported
from pplang._source import Source
from pplang._syntax.parse import parse

HERE = Path(__file__).parent
PROGRAMS = sorted(HERE.glob("*.ppl"))


def diagnostics_of(source: Source) -> tuple[Diagnostic, ...]:
    """What is wrong with a model: its faults, or else what keeps it from being fitted; () when nothing is."""
    try:
        program = check(parse(source), source)
    except Problems as problems:
        return problems.diagnostics
    obstacle = unsupported(program)
    return () if obstacle is None else (obstacle,)


def message(path: Path) -> str:
    """The text that a user sees. Bytes are read as they are: a bad program may hold a NUL or a carriage return."""
    source = Source(path.name, path.read_bytes().decode("utf-8"))
    return render(diagnostics_of(source), source)


def main(names: list[str]) -> None:
    for path in PROGRAMS:
        if not names or path.stem in names:
            path.with_suffix(".expected").write_text(message(path), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
