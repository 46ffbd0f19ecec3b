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
from lark.lexer import PatternRE, TerminalDef
from lark.parsers.lalr_analysis import Shift

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
    """The text of `_tables.py`; the same bytes whatever the hash seed. What the entries mean, `grammar.py` says."""
    lark = build()
    table = lark.parser.parser._parse_table
    order = _states_in_order(table.states, table.start_states["file"])
    number = {state: i for i, state in enumerate(order)}
    symbols = sorted({symbol for row in table.states.values() for symbol in row})
    rule_number = {rule: i for i, rule in enumerate(lark.rules)}

    def action(kind: Any, target: Any) -> int:
        return number[target] if kind is Shift else -1 - rule_number[target]

    tables = {
        "terminals": [_terminal(one) for one in sorted(lark.terminals, key=lambda one: one.name)],
        "declared": ["END_OF_LINE", "INDENT", "DEDENT"],
        "ignore": sorted(lark.ignore_tokens),
        "symbols": symbols,
        "rules": [_rule(rule) for rule in lark.rules],
        "end": number[table.end_states["file"]],
        "states": [
            [n for symbol, what in sorted(table.states[state].items()) for n in (symbols.index(symbol), action(*what))] for state in order
        ],
    }
    text = _on_lines(tables)
    assert "'''" not in text
    return (
        '"""The parser\'s tables, made from grammar/ppl.lark by `python -m pplang._syntax.build_tables`. Do not edit."""\n\n'
        f"# fmt: off\nTABLES = r'''{text}'''\n"
    )


def _states_in_order(states: dict[int, dict[str, Any]], start: int) -> list[int]:
    """The states as a walk from the start meets them (Lark's numbers follow the order of its sets)."""
    order = [start]
    for state in order:
        targets = [target for _, (kind, target) in sorted(states[state].items()) if kind is Shift]
        order += dict.fromkeys(target for target in targets if target not in order)
    return order


def _terminal(terminal: TerminalDef) -> list[Any]:
    pattern = terminal.pattern
    assert not pattern.flags
    width = [int(pattern.min_width), int(pattern.max_width)] if isinstance(pattern, PatternRE) else None
    return [terminal.name, pattern.value, width, terminal.priority]


def _rule(rule: Rule) -> list[Any]:
    options = rule.options
    assert options.keep_all_tokens
    expansion = " ".join(symbol.name for symbol in rule.expansion)
    return [rule.origin.name, expansion, rule.alias, rule.order, bool(options.expand1), list(options.empty_indices)]


def _on_lines(tables: dict[str, Any]) -> str:
    """JSON with each entry of each table on a line of its own."""
    compact = json.JSONEncoder(separators=(",", ":")).encode
    entries = {name: ",\n".join(map(compact, table)) if isinstance(table, list) else "" for name, table in tables.items()}
    parts = (f'"{name}":[\n{entries[name]}]' if entries[name] else f'"{name}":{compact(table)}' for name, table in tables.items())
    return "{" + ",\n".join(parts) + "}"


def main() -> None:
    write_text_atomic(TABLES, tables_module(), force=True)


if __name__ == "__main__":
    main()
