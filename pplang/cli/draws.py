"""pplang draws FIT: the draws as a table."""

from __future__ import annotations

import csv
import io
from argparse import Namespace

from pplang import _files
from pplang.cli import terminal


def run(chosen: Namespace) -> int:
    """One row for each draw, one column for each number: `chain,draw,mu,theta[A],...`"""
    from pplang._fit import opened
    from pplang._fit.table import columns

    if chosen.output:
        _files.check_target(chosen.output, chosen.force)
    fit = opened(chosen.fit)
    labelled = columns(fit)
    if chosen.json:
        terminal.result_json({label: values.tolist() for label, values in labelled.items()})
        return 0
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(labelled)
    writer.writerows(zip(*(values.tolist() for values in labelled.values()), strict=True))
    if chosen.output:
        _files.write_text_atomic(chosen.output, text.getvalue(), chosen.force)
    else:
        terminal.result(text.getvalue())
    return 0
