"""Build the parser's tables from the grammar and write them as `_tables.py`:  python -m pplang._syntax.build_tables

Building takes a good part of a second, loading the result some milliseconds. The tables are JSON inside a Python module: the wheel needs
no data files for them, and nothing that is loaded can run code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

from pplang._files import read_text, write_text_atomic

REPOSITORY = Path(__file__).parents[2]
GRAMMAR = REPOSITORY / "grammar" / "ppl.lark"
TABLES = Path(__file__).parent / "_tables.py"


class _KeepUnused:
    """Lark drops terminals that no rule uses, except those that its post-lexer asks for."""

    always_accept = ("COMMENT", "NEWLINE", "UNCLOSED_STRING", "OTHER_STRING", "FOREIGN_COMMENT", "FOREIGN")


def build(*, strict: bool = False) -> Lark:
    """The parser, built from the grammar. strict: any conflict or collision of terminals is an error (needs `interegular`)."""
    return Lark(
        read_text(GRAMMAR, 1_000_000),
        parser="lalr",
        lexer="basic",
        start="file",
        keep_all_tokens=True,
        maybe_placeholders=True,
        postlex=_KeepUnused(),
        strict=strict,
    )


def tables_module() -> str:
    """The text of `_tables.py`; the same bytes whatever the hash seed."""
    data, memo = build().memo_serialize([TerminalDef, Rule])
    data["options"] = {name: data["options"][name] for name in ("parser", "lexer", "start", "keep_all_tokens", "maybe_placeholders")}
    data["parser"]["parser"] = _in_canonical_order(data["parser"]["parser"])
    text = _wrapped(json.dumps({"data": data, "memo": memo}))
    assert "'''" not in text
    return (
        '"""The parser\'s tables, made from grammar/ppl.lark by `python -m pplang._syntax.build_tables`. Do not edit."""\n\n'
        f"# fmt: off\nTABLES = r'''{text}'''\n"
    )


def _in_canonical_order(table: dict[str, Any]) -> dict[str, Any]:
    """The same parse table with its states numbered as a walk from the start meets them (Lark's numbers follow the order of its sets)."""
    names = sorted(table["tokens"].values())
    actions = {
        state: {names.index(table["tokens"][token]): action for token, action in row.items()} for state, row in table["states"].items()
    }
    order = list(table["start_states"].values())
    for state in order:
        shifts = [actions[state][token][1] for token in sorted(actions[state]) if actions[state][token][0] == 0]
        order += dict.fromkeys(target for target in shifts if target not in order)
    number = {state: i for i, state in enumerate(order)}

    def renumbered(action: tuple[int, Any]) -> tuple[int, Any]:
        kind, target = action
        return (kind, number[target]) if kind == 0 else action

    return {
        "tokens": dict(enumerate(names)),
        "states": {number[state]: {token: renumbered(actions[state][token]) for token in sorted(actions[state])} for state in order},
        "start_states": {name: number[state] for name, state in table["start_states"].items()},
        "end_states": {name: number[state] for name, state in table["end_states"].items()},
    }


def _wrapped(text: str, width: int = 130) -> str:
    """JSON on lines of bearable length: newlines only where it has a space between two values."""
    lines, line = [], ""
    for part in text.split(", "):
        piece = part if not line else f"{line}, {part}"
        if line and len(piece) > width:
            lines.append(line + ",")
            piece = part
        line = piece
    return "\n".join([*lines, line])


def main() -> None:
    write_text_atomic(TABLES, tables_module(), force=True)


if __name__ == "__main__":
    main()
