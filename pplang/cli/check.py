"""pplang check MODEL [DATA ...]"""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from pplang._diagnostics import Diagnostic
from pplang.cli import terminal
from pplang.cli.opening import bound_of, has_data, model_of

if TYPE_CHECKING:
    from pplang._model import Bound, Model
    from pplang._prove import Proof


def run(chosen: Namespace) -> int:
    """Check the model, and the data if there are any; prove the passes on them if asked to."""
    model = model_of(chosen.model)
    remarks: tuple[Diagnostic, ...] = ()
    proofs: tuple[Proof, ...] = ()
    if has_data(chosen) or chosen.prove:
        bound = bound_of(model, chosen)
        # What is computed of the data once is looked at too: a scale that is negative for these data, say.
        remarks = (*bound.dataset.notes,) if bound.arguments is not None else ()
        proofs = _proved(bound) if chosen.prove else ()
    if chosen.json:
        found = terminal.diagnostics_json(remarks, model.source)
        terminal.result_json({"diagnostics": found, "proofs": [one.to_json() for one in proofs]} if chosen.prove else found)
    else:
        _told(model, remarks, proofs)
    return 0 if all(one.holds for one in proofs) else 70


def _proved(bound: Bound) -> tuple[Proof, ...]:
    from pplang._prove import prove

    return prove(bound)


def _told(model: Model, remarks: tuple[Diagnostic, ...], proofs: tuple[Proof, ...]) -> None:
    terminal.diagnostics(remarks, model.source)
    terminal.result(f"{model.source.name}: no errors\n")
    for one in proofs:
        terminal.result(one.line() + "\n")
    if any(not one.holds for one in proofs):
        terminal.result("A pass of pplang changed the meaning of this model: please report it, with the model.\n")
