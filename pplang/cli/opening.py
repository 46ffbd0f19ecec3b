"""Models and data, as they are named on the command line."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pplang import _files
from pplang._model import LARGEST_MODEL, Bound, Model, compile, compile_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pplang._plan_file import Plan

STANDARD_INPUT = "-"


def text_of(path: str) -> tuple[str, str]:
    """The text of a model file or of standard input, and the name to show for it. Raises `Problems` (I20-I25)."""
    if path != STANDARD_INPUT:
        return _files.read_text(path, LARGEST_MODEL), path
    raw = sys.stdin.buffer.read(LARGEST_MODEL + 1)
    if len(raw) > LARGEST_MODEL:
        raise _files.too_large("<standard input>", LARGEST_MODEL)
    return _files.decoded(raw, "<standard input>"), "<standard input>"


def model_of(path: str) -> Model:
    """The model at a path, or on standard input. Raises `Problems`."""
    if path != STANDARD_INPUT:
        return compile(path)
    text, name = text_of(path)
    return compile_text(text, name=name)


def bound_of(model: Model, chosen: Namespace, *, without: Sequence[str] = (), plan: Plan | None = None) -> Bound:
    """The model with the data of the command line. Raises `Problems`."""
    return model.bind(
        *(table(text) for text in chosen.data),
        inputs=list(chosen.input),
        settings=dict(chosen.set),
        missing=chosen.na,
        without=without,
        plan=plan,
    )


def has_data(chosen: Namespace) -> bool:
    """Does the command line name any data?"""
    return bool(chosen.data or chosen.input or chosen.set)


def plan_of(model: Model, chosen: Namespace) -> Plan | None:
    """The plan of `--plan`. Raises `Problems`."""
    return None if chosen.plan is None else model.plan(chosen.plan)


def table(text: str) -> tuple[str | None, Any]:
    """`file` or `name=file`; a file that exists under the whole text is that file."""
    name, equals, path = text.partition("=")
    if equals and name.isidentifier() and not Path(text).exists():
        return name, path
    return None, text
