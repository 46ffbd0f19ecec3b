"""pplang explain MODEL [DATA ...] [--fit FIT]: what the compiler does and why, and the program after the passes."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from pplang import _files
from pplang._explain.sentences import explanation
from pplang._ir.program import Program
from pplang._ir.text import text
from pplang._model import Bound, Model
from pplang._passes.plan import Compiled
from pplang.cli import terminal
from pplang.cli.opening import bound_of, has_data, model_of, plan_of

if TYPE_CHECKING:
    from pplang._fit import Fit

AS_WRITTEN = "source"


def run(chosen: Namespace) -> int:
    """Print the explanation and the rewritten program, or one of them; or write the picture."""
    if chosen.graph:
        _files.check_target(chosen.graph, chosen.force)
    model = model_of(chosen.model)
    fit = _fit_of(model, chosen)
    bound = bound_of(model, chosen, without=chosen.without, plan=plan_of(model, chosen)) if has_data(chosen) else None
    compiled = compiled_until(model, chosen, fit, bound)
    if chosen.graph:
        _draw(model, compiled, chosen)
    elif chosen.diff:
        terminal.result(_difference(compiled, chosen))
    elif chosen.program:
        terminal.result(text(compiled.program))
    else:
        _explain(bound, compiled, chosen, fit)
    return 0


def compiled_until(model: Model, chosen: Namespace, fit: Fit | None = None, bound: Bound | None = None) -> Compiled:
    """The passes that the options ask for, with the choices of a plan or of a fit. bound: the model with its data, if any.

    Raises `Problems` (I72, I80-I83).
    """
    if chosen.after == AS_WRITTEN:
        return Compiled(model.program)
    plan = plan_of(model, chosen) or (fit.settled if fit else None)
    if bound is None:
        return model.compiled(without=chosen.without, after=chosen.after, plan=plan)
    from pplang._plan_file import Plan

    plan = Plan({**(plan.pins if plan else {}), **bound.compiled.pins}, plan.constants if plan else {})
    sizes, different = bound.dataset.sizes, bound.different
    return model.compiled(without=chosen.without, after=chosen.after, plan=plan, sizes=sizes, different=different)


def _fit_of(model: Model, chosen: Namespace) -> Fit | None:
    """The fit that is asked about. Raises `Problems`: I81 it is one of another model."""
    if chosen.fit is None:
        return None
    from pplang._fit import load
    from pplang._plan_file import check_model, fingerprint

    fit = load(chosen.fit)
    check_model(fingerprint(fit.model.program), model.program, Path(chosen.fit).name)
    return fit


def _explain(bound: Bound | None, compiled: Compiled, chosen: Namespace, fit: Fit | None) -> None:
    remarks: tuple[str, ...] = ()
    if bound is not None:
        from pplang._explain.numbers import remarks as told

        remarks = told(bound)
    found = {}
    if fit is not None:
        from pplang._explain.evidence import evidence, of_bases

        found = evidence(compiled, fit)
        remarks += of_bases(compiled, fit)
    told_of = explanation(compiled, remarks, found)
    if not chosen.json:
        terminal.result(f"{told_of.text()}\n# the program {_when(compiled)}\n\n{text(compiled.program)}")
        return
    from pplang._plan_file import document

    plan = document(compiled, fit.constants if fit is not None else {})
    numbers = {"evidence": {name: one.to_json() for name, one in found.items()}} if found else {}
    terminal.result_json(
        {
            **plan,
            "explanation": told_of.to_json(),
            "remarks": list(remarks),
            "labels": list(told_of.labels),
            **numbers,
            "program": text(compiled.program),
        }
    )


def _draw(model: Model, compiled: Compiled, chosen: Namespace) -> None:
    """Write the picture; with data its plates say how many members they have."""
    from pplang._explain.picture import picture
    from pplang._explain.svg import svg

    sizes = {name: len(members) for name, members in bound_of(model, chosen).sets.items()} if has_data(chosen) else {}
    _files.write_text_atomic(chosen.graph, svg(picture(compiled, sizes)), chosen.force)


def _difference(compiled: Compiled, chosen: Namespace) -> str:
    from pplang._explain.difference import difference

    return difference(compiled, last_only=chosen.after is not None, colour=terminal.colourful(sys.stdout))


def program_of(model: Model, chosen: Namespace) -> Program:
    return compiled_until(model, chosen).program


def _when(compiled: Compiled) -> str:
    return f"after {', '.join(stage.name for stage in compiled.stages)}" if compiled.stages else "as written"
