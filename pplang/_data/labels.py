"""Labels: when two are one, in what order they stand, and where a label stands in its set."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence

Label = str | int


def label_of(text: str) -> Label:
    """The label that a cell means. `1`, `1.0` and `"1"` are the integer 1; `01` is the string it looks like. Blanks around do not count."""
    text = text.strip()
    head, point, decimals = text.partition(".")
    digits = head if point and decimals and not decimals.strip("0") else text
    return int(digits) if _is_plain_integer(digits) else unicodedata.normalize("NFC", text)


def _is_plain_integer(text: str) -> bool:
    digits = text[1:] if text.startswith("-") else text
    canonical = text == "0" or not digits.startswith("0")
    return canonical and digits.isascii() and digits.isdigit() and len(digits) <= 18


def in_order(labels: Iterable[Label]) -> tuple[Label, ...]:
    """Distinct labels: integers in numeric order when all are integers, else as strings by code point."""
    distinct = list(dict.fromkeys(labels))
    return tuple(sorted(distinct, key=None if all(isinstance(label, int) for label in distinct) else str))


def in_natural_order(names: Iterable[str]) -> list[str]:
    """Names with the numbers in them compared as numbers: `y_2` before `y_10`."""
    return sorted(names, key=lambda name: (_natural(name), name))


def _natural(name: str) -> list[tuple[int, int, str]]:
    parts: list[tuple[int, int, str]] = []
    start = 0
    while start < len(name):
        end = start
        digit = _is_digit(name[start])
        while end < len(name) and _is_digit(name[end]) == digit:
            end += 1
        piece = name[start:end]
        parts.append((0, len(piece.lstrip("0")), piece.lstrip("0")) if digit else (1, 0, piece))
        start = end
    return parts


def _is_digit(character: str) -> bool:
    return "0" <= character <= "9"


def lookup(members: Sequence[Label]) -> Callable[[Label], int | None]:
    """A function from a label to its position in a set, None when it is not a member."""
    if isinstance(members, range):
        return lambda label: members.index(label) if isinstance(label, int) and label in members else None
    return {label_of(str(member)): position for position, member in enumerate(members)}.get
