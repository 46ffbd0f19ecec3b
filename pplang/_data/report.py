"""Faults of the data as diagnostics: which file, which column, which rows, and the edit that mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from pplang._data.cells import Cells
from pplang._data.values import Fault
from pplang._diagnostics import Diagnostic, Problems
from pplang._source import Span

_EXAMPLES = 3


@dataclass(frozen=True)
class Part:
    """One fault of one column of a file (or of one input). place: words for where a cell is, "row 12". with_text: show the cells too."""

    fault: Fault
    cells: Cells
    place: Callable[[int], str]
    with_text: bool = True


def problem(code: str, title: str, *notes: str, help: str) -> Problems:
    """One fault that has no place in the model."""
    return Problems([Diagnostic(code, title, notes=notes, help=help)])


def fault_diagnostic(file: str, span: Span, parts: Sequence[Part], *, column: str | None = None, optional_help: str = "") -> Diagnostic:
    """One diagnostic for faults of one code, which may lie in several columns of a file that one declaration covers.

    column: the name in the file, where it is not the one in the model.
    """
    fault = parts[0].fault
    count = sum(len(part.fault.positions) for part in parts)
    where = f" in column {column}" if column else ""
    examples = [_example(part, int(position)) for part in parts for position in part.fault.positions[:_EXAMPLES]][:_EXAMPLES]
    listed = f": {_listed(examples, count)}" if parts[0].with_text else f" ({'first: ' * (count > 1)}{examples[0]})"
    label = f"{file} has {counted(count, fault.one, fault.many)}{where}{listed}"
    return Diagnostic(fault.code, fault.title, span, label, help=fault.help or optional_help)


def _example(part: Part, position: int) -> str:
    place = part.place(position)
    return f"{part.cells.shown(position)} ({place})" if part.with_text else place


def counted(count: int, one: str, many: str) -> str:
    return f"1 {one}" if count == 1 else f"{count:,} {many}"


def _listed(examples: Sequence[str], count: int) -> str:
    return f"{', '.join(examples)} and {count - len(examples):,} more" if count > len(examples) else listing(examples)


def listing(items: Iterable[object], most: int = 6) -> str:
    """`a, b and c`, cut after a few."""
    texts = [str(item) for item in items]
    if len(texts) > most:
        return f"{', '.join(texts[:most])} and {len(texts) - most:,} more"
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}" if texts else "nothing"


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that was probably meant: the same but for case, or a close one."""
    names = list(candidates)
    same = [one for one in names if one.lower() == name.lower()]
    return next(iter(same or get_close_matches(name, names, 1, 0.7)), None)
