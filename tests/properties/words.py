"""What the writers of random programs share: names with what is known of them, and pieces of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Type = Literal["real", "positive", "unit", "count", "bool", "member"]


@dataclass(frozen=True)
class Name:
    """Something that has a value: `of` is the set whose member it is. data: known before inference."""

    name: str
    axes: tuple[str, ...]
    type: Type
    data: bool
    of: str = ""


def bracketed(items: Sequence[str]) -> str:
    """`[a, b]`, or nothing."""
    return f"[{', '.join(items)}]" if items else ""


def label(name: str) -> str:
    """A label as it is written."""
    return f'"{name}"' if " " in name else name


def operand(text: str) -> str:
    """In parentheses unless it is a single name, number or call."""
    plain = not any(mark in text for mark in (" ", "^")) and not text.startswith("-")
    return text if plain else f"({text})"
