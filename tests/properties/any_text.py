"""Text that nobody meant, most of it nearly a program: cut, swapped and spliced from random programs and the fourteen of the language page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random

from pplang._check import check
from pplang._diagnostics import Problems, render
from pplang._ir.program import Program
from pplang._ir.text import text
from pplang._lower import lower
from pplang._passes import pipeline
from pplang._passes.supported import unsupported
from pplang._source import Source
from pplang._syntax.format import format_file
from pplang._syntax.parse import parse
from tests.properties.examine import BrokenError, examine_passes, examine_text
from tests.properties.programs import from_seed

_ROOT = Path(__file__).parents[2]
_TOKEN = re.compile(r'"[^"\n]*"|\w+|\s+|[-=<>!]=|->|\.\.|.', re.DOTALL)
_SPARE = [
    "~", "=", "[", "]", "(", ")", "0", "1", "-1", "1e400", "x", "i", "_", "Normal", "Truncated", "Ordered", "Mixture", "LKJ", "GP", "Flat", "sum", "for i in Arm",
    "if", "then", "else", "in", "ordered", "starting 0", "weighted", "where", "fixing", "report", "factor", "restrict", "maximize", "data A:\n  x : real\n",
    "index", "input", "param", "real", "count", "bool", "simplex", "free(Arm)", "pairs(Arm)", "gaps(Arm)", "subsample(Arm, 2)", "Arm * Arm", "size(Arm)",
    "@centered\n", "@partial(2)\n", "@minibatch(3)\n", "logpdf(Normal(0, 1), x)", "t-1", "[0, 1]", "lambda", "__import__", "σ", "\t", "\n", "\n  ", "^", "not", "?", ".", ":",
]  # fmt: skip


@cache
def good_programs() -> Sequence[str]:
    """Whole programs to take pieces of."""
    paths = sorted((_ROOT / "tests" / "good").rglob("*.ppl")) + sorted((_ROOT / "tests" / "posteriordb").rglob("*.ppl"))
    return tuple(path.read_text(encoding="utf-8") for path in paths)


def mutant(random: Random) -> str:
    """A program with a few tokens replaced, removed, doubled or moved; sometimes two programs spliced, sometimes a soup of tokens."""
    source = from_seed(random.randrange(10_000)).text if random.random() < 0.6 else random.choice(good_programs())
    tokens = _TOKEN.findall(source)
    if random.random() < 0.05:
        return "".join(random.choices([*tokens, *_SPARE], k=random.randint(1, 60)))
    if random.random() < 0.1:
        other = random.choice(good_programs()).splitlines(keepends=True)
        lines = source.splitlines(keepends=True)
        tokens = _TOKEN.findall("".join(random.sample([*lines, *other], min(len(lines), 12))))
    words = [at for at, one in enumerate(tokens) if not one.isspace()]
    for _ in range(random.choice([1, 1, 1, 2, 3, 6])):
        at = random.choice(words)
        match random.randrange(6):
            case 0:
                tokens[at] = random.choice(_SPARE)
            case 1 | 2:
                tokens[at] = tokens[random.choice(words)]
            case 3:
                tokens[at] = ""
            case 4:
                tokens[at] = tokens[at] + " " + random.choice([*_SPARE, tokens[random.choice(words)]])
            case 5:
                other = random.choice(words)
                tokens[at], tokens[other] = tokens[other], tokens[at]
    return "".join(tokens)


def survives(written: str) -> str:
    """What came of a text: "refused" with diagnostics that can be shown, "checked", or "compiled". Anything else is raised."""
    source = Source("any.ppl", written)
    try:
        file = parse(source)
        if parse(Source("formatted.ppl", format_file(file))) != file:
            raise BrokenError("formatting changes the program")
        program = check(file, source)
    except Problems as problems:
        if not problems.diagnostics or not render(problems.diagnostics, source):
            raise BrokenError("refused without a reason") from None
        return "refused"
    return _compiles(program)


def _compiles(program: Program) -> str:
    examine_text(program)
    if unsupported(program) is not None:
        return "checked"
    compiled = pipeline.run(program)
    examine_passes(compiled)
    for one in (program, compiled.program):
        if all(site.role != "split" for site in one.sites):  # what has empty cells is lowered after `split_missing`
            lower(one)
    text(compiled.inverse())
    return "compiled"
