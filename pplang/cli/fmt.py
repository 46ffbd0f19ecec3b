"""pplang fmt [--check] [--diff] MODEL ..."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass

from pplang import _files
from pplang._diagnostics import Diagnostic, Problems
from pplang._source import Source
from pplang._syntax.format import format_file
from pplang._syntax.parse import parse
from pplang.cli import terminal
from pplang.cli.opening import STANDARD_INPUT, text_of


@dataclass(frozen=True)
class Formatted:
    path: str
    name: str
    before: str
    after: str

    @property
    def changed(self) -> bool:
        return self.before != self.after


def run(chosen: Namespace) -> int:
    """Format every file that can be; report the faults of all others."""
    results: list[Formatted] = []
    faults: list[Problems] = []
    for path in chosen.models:
        try:
            results.append(_formatted(path))
        except Problems as problems:
            faults.append(problems)
    for one in results:
        _deliver(one, chosen)
    if chosen.json:
        terminal.result_json(_json(results, faults))
    else:
        for one_file in faults:
            terminal.diagnostics(one_file.diagnostics, one_file.source)
    would_change = chosen.check and any(one.changed for one in results)
    return 1 if faults or would_change else 0


def _formatted(path: str) -> Formatted:
    text, name = text_of(path)
    return Formatted(path, name, text, format_file(parse(Source(name, text))))


def _deliver(one: Formatted, chosen: Namespace) -> None:
    """Show the difference, tell that there is one, or write the file."""
    if chosen.json and (chosen.check or chosen.diff):
        return
    if chosen.diff:
        terminal.result(_difference(one))
    elif chosen.check:
        if one.changed:
            terminal.say(f"would change {one.name}")
    elif one.path == STANDARD_INPUT:
        if not chosen.json:
            terminal.result(one.after)
    elif one.changed:
        _files.write_text_atomic(one.path, one.after, force=True)


def _difference(one: Formatted) -> str:
    from difflib import unified_diff

    before, after = (text.splitlines(keepends=True) for text in (one.before, one.after))
    lines = unified_diff(before, after, one.name, f"{one.name} (formatted)")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _json(results: list[Formatted], faults: list[Problems]) -> dict[str, object]:
    found: list[tuple[Diagnostic, Source | None]] = [(one, problems.source) for problems in faults for one in problems.diagnostics]
    return {
        "ok": not faults,
        "files": [{"file": one.name, "changed": one.changed, "text": one.after} for one in results],
        "diagnostics": [one.to_json(source) for one, source in found],
    }
