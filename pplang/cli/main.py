"""The command line: find the command, run it, and turn what can go wrong into an exit status.

0 fine, 1 the model or the data have errors, 2 wrong usage, 70 our fault, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
from argparse import Namespace
from collections.abc import Sequence

from pplang import _files
from pplang._diagnostics import Diagnostic, Problems
from pplang.cli import terminal
from pplang.cli.parser import COMMANDS, parse

FINE, ERRORS, WRONG_USAGE, OUR_FAULT, INTERRUPTED = 0, 1, 2, 70, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (default: the process's own); the exit status. Raises SystemExit for `--help` and arguments that make no sense."""
    chosen = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        status = _run(chosen)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader (`head`) has seen enough
        os.dup2(_files.null_device(), sys.stdout.fileno())
        return FINE
    if status == INTERRUPTED and arguments is None:
        # JAX, interrupted while it compiles, may crash when the interpreter takes itself apart. There is nothing left to tidy up.
        sys.stderr.flush()
        os._exit(status)
    return status


def _run(chosen: Namespace) -> int:
    try:
        return run_command(chosen)
    except Problems as problems:
        if getattr(chosen, "json", False):
            terminal.result_json(terminal.diagnostics_json(problems.diagnostics, problems.source))
        else:
            terminal.diagnostics(problems.diagnostics, problems.source)
        return status_of(problems.diagnostics)
    except KeyboardInterrupt:
        terminal.say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        if chosen.debug or os.environ.get("PPLANG_DEBUG"):
            raise
        told = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        terminal.say(f"pplang has a fault (this is not your mistake): {told}. Please report it with the model and what --debug prints.")
        return OUR_FAULT


def run_command(chosen: Namespace) -> int:
    """The command's own module is imported only now: each imports what it needs, and no more."""
    module = importlib.import_module(f"pplang.cli.{COMMANDS[chosen.command].module}")
    status: int = module.run(chosen)
    return status


def status_of(found: Sequence[Diagnostic]) -> int:
    """I7x are about how the command was called; all others about the model or the data."""
    if all(one.code.startswith("I7") for one in found):
        return WRONG_USAGE
    return ERRORS
