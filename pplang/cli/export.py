"""pplang export --to numpyro MODEL [DATA ...]: the program as a Python module."""

from __future__ import annotations

from argparse import Namespace

from pplang import _files
from pplang._diagnostics import Problems
from pplang._passes import approximate
from pplang._passes.supported import unsupported
from pplang.cli import terminal
from pplang.cli.explain import program_of
from pplang.cli.opening import bound_of, has_data, model_of, plan_of


def run(chosen: Namespace) -> int:
    """Write the module; with data it holds the members of the index sets and the constants of transports too."""
    from pplang._lower import export

    if chosen.output:
        _files.check_target(chosen.output, chosen.force)
    model = model_of(chosen.model)
    refused = unsupported(model.program)
    if refused is not None:
        raise Problems([refused], model.source)
    program = program_of(model, chosen)
    program = approximate.apply(program, approximate.decide(program)).program  # a process on a basis has no distribution of its own
    bound = bound_of(model, chosen, without=chosen.without, plan=plan_of(model, chosen)) if has_data(chosen) else None
    module = export(program, bound.sets, bound.transport_constants) if bound else export(program)
    if chosen.output:
        _files.write_text_atomic(chosen.output, module, chosen.force)
    else:
        terminal.result(module)
    return 0
