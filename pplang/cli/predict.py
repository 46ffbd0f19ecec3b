"""pplang predict FIT DATA [DATA ...]"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from pplang import _files
from pplang.cli import terminal
from pplang.cli.fit import MOST_ROWS
from pplang.cli.opening import table


def run(chosen: Namespace) -> int:
    """Draw what the fit says of new rows, write the file, print the table."""
    from pplang._fit import load

    output = chosen.output or Path(f"{Path(chosen.fit).name.removesuffix('.nc').removesuffix('.fit')}.predictions.nc")
    _files.check_target(output, chosen.force)
    fit = load(chosen.fit)
    given = [table(text) for text in chosen.data]
    made = fit.predict(*given, inputs=list(chosen.input), settings=dict(chosen.set), missing=chosen.na, seed=chosen.seed)
    made.save(output, force=chosen.force)
    if chosen.json:
        terminal.result_json({"ok": True, "file": str(output), **made.summary().to_json()})
        return 0
    terminal.result(made.summary().text(MOST_ROWS))
    if not chosen.quiet:
        terminal.say(f"written to {output}")
    return 0
