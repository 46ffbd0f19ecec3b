"""pplang explain MODEL: the plan, and the program after the passes."""

from __future__ import annotations

from argparse import Namespace

from pplang._diagnostics import shown
from pplang._ir.program import Program
from pplang._ir.text import text
from pplang._model import Model
from pplang._passes.plan import Compiled
from pplang.cli import terminal
from pplang.cli.opening import model_of

AS_WRITTEN = "source"


def run(chosen: Namespace) -> int:
    """Print the plan and the rewritten program, or one of them."""
    model = model_of(chosen.model)
    compiled = compiled_until(model, chosen)
    if chosen.json:
        terminal.result_json({"plan": compiled.plan(), "program": text(compiled.program)})
    elif chosen.program:
        terminal.result(text(compiled.program))
    else:
        terminal.result(f"{_plan(compiled)}# the program {_when(compiled)}\n\n{text(compiled.program)}")
    return 0


def compiled_until(model: Model, chosen: Namespace) -> Compiled:
    """The passes that the options ask for. Raises `Problems` (I72)."""
    if chosen.after == AS_WRITTEN:
        return Compiled(model.program)
    return model.compiled(without=chosen.without, after=chosen.after)


def program_of(model: Model, chosen: Namespace) -> Program:
    return compiled_until(model, chosen).program


def _when(compiled: Compiled) -> str:
    return f"after {', '.join(stage.name for stage in compiled.stages)}" if compiled.stages else "as written"


def _plan(compiled: Compiled) -> str:
    """The choices as comments, so that the whole output is a valid program."""
    lines = []
    for stage in compiled.stages:
        lines.append(f"# {stage.name}")
        lines += [f"#   {shown(choice.site)}: {choice.action}. {choice.reason}" for choice in stage.choices] or ["#   nothing to do"]
    return "\n".join([*lines, ""]) + "\n" if lines else ""
