"""pplang summary FIT"""

from __future__ import annotations

from argparse import Namespace

from pplang.cli import terminal

MOST_ROWS = 200


def run(chosen: Namespace) -> int:
    """Print the table of a fit file."""
    from pplang._fit import opened

    summary = opened(chosen.fit).summary()
    if chosen.json:
        terminal.result_json(summary.to_json())
    else:
        terminal.result(summary.text(None if chosen.all else MOST_ROWS))
    return 0
