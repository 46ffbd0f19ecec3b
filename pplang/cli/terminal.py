"""What the commands print, and where: results on standard output, progress and diagnostics on standard error."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable
from typing import Any, TextIO

from pplang._diagnostics import Diagnostic, render
from pplang._source import Source


def colourful(stream: TextIO) -> bool:
    """Only on a terminal, and not where NO_COLOR (https://no-color.org) says otherwise."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def result(text: str) -> None:
    """A result: text that ends with a newline."""
    sys.stdout.write(text)


def result_json(value: Any) -> None:
    """A result for machines."""
    result(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def say(text: str) -> None:
    """A remark that is not a result."""
    print(text, file=sys.stderr)


def diagnostics(found: Iterable[Diagnostic], source: Source | None) -> None:
    """Faults and remarks, for people."""
    sys.stderr.write(render(found, source, colour=colourful(sys.stderr)))


def diagnostics_json(found: Iterable[Diagnostic], source: Source | None) -> dict[str, Any]:
    """The same for machines."""
    listed = [one.to_json(source) for one in found]
    return {"ok": not any(one["severity"] == "error" for one in listed), "diagnostics": listed}


_WIDTH = 30
_SECONDS_BETWEEN = 0.1


class ProgressBar:
    """One line on standard error that is drawn again and again; nothing where nobody is looking.

    Use as a context manager, which takes the line away at the end, and call with (done, total, remark).
    """

    def __init__(self, *, quiet: bool) -> None:
        self._shown = not quiet and sys.stderr.isatty()
        self._started = time.monotonic()
        self._drawn = -1.0

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown and self._drawn >= 0:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def __call__(self, done: int, total: int, remark: str) -> None:
        now = time.monotonic()
        if not self._shown or now - self._drawn < _SECONDS_BETWEEN:
            return
        self._drawn = now
        share = done / total if total else 1.0
        bar = "━" * round(share * _WIDTH)
        seconds = int(now - self._started)
        sys.stderr.write(f"\r\x1b[K{bar:─<{_WIDTH}} {share:4.0%}  {seconds // 60}:{seconds % 60:02}  {remark}"[:160])
        sys.stderr.flush()
