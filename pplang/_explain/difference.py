"""What a pass changed, as a difference of two programs."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff

from pplang._ir.program import Program
from pplang._ir.text import text
from pplang._passes.plan import Compiled

_COLOURS = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}
_PLAIN = "\x1b[0m"


def difference(compiled: Compiled, *, last_only: bool, colour: bool = False) -> str:
    """The program after the last pass against the source or, with `last_only`, against the program before that pass."""
    programs = [("source", compiled.source), *((f"after {stage.name}", stage.program) for stage in compiled.stages)]
    first = programs[-2 if last_only and len(programs) > 1 else 0]
    return "".join(_painted(_lines(*first, *programs[-1]), colour))


def _lines(name: str, before: Program, other: str, after: Program) -> Iterator[str]:
    old, new = (text(one).splitlines(keepends=True) for one in (before, after))
    return unified_diff(old, new, name, other)


def _painted(lines: Iterator[str], colour: bool) -> Iterator[str]:
    for line in lines:
        paint = _COLOURS.get(line[0], "") if colour else ""
        yield f"{paint}{line.rstrip(chr(10))}{_PLAIN}\n" if paint else line
