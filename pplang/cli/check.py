"""pplang check MODEL [DATA ...]"""

from __future__ import annotations

from argparse import Namespace

from pplang._diagnostics import Diagnostic
from pplang.cli import terminal
from pplang.cli.opening import bound_of, model_of


def run(chosen: Namespace) -> int:
    """Check the model, and the data if there are any."""
    model = model_of(chosen.model)
    remarks: tuple[Diagnostic, ...] = ()
    if chosen.data or chosen.input or chosen.set:
        remarks = bound_of(model, chosen).dataset.notes
    if chosen.json:
        terminal.result_json(terminal.diagnostics_json(remarks, model.source))
        return 0
    terminal.diagnostics(remarks, model.source)
    terminal.result(f"{model.source.name}: no errors\n")
    return 0
