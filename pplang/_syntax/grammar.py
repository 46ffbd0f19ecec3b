"""The parser that `grammar/ppl.lark` defines, put together from the tables that were built from it.

Lark's own way of loading a parser takes three times as long, as it makes each rule and action from a record of its own; `pplang check` must
start fast. So the tables are compact (`build_tables.py` writes them) and this module makes Lark's objects from them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from lark import Tree
from lark.common import LexerConf
from lark.grammar import NonTerminal, Rule, RuleOptions, Symbol, Terminal
from lark.lexer import BasicLexer, LexerThread, PatternRE, PatternStr, TerminalDef, Token
from lark.parse_tree_builder import ParseTreeBuilder
from lark.parsers.lalr_analysis import IntParseTable, Reduce, Shift
from lark.parsers.lalr_interactive_parser import InteractiveParser
from lark.parsers.lalr_parser_state import ParseConf, ParserState

from pplang._records import dataclass
from pplang._syntax._tables import TABLES
from pplang._syntax.builder import Builder


@dataclass(frozen=True)
class Grammar:
    """Lexer and parser. They keep no state between uses.

    words: how the terminals that are always the same are written: `DATA` → "data", `TILDE` → "~".
    """

    words: dict[str, str]
    lexer: BasicLexer
    configuration: ParseConf[int]

    def tokens(self, text: str) -> Iterator[Token]:
        """All tokens of a text but white space. Every text can be cut into tokens."""
        return LexerThread.from_text(self.lexer, text).lex(None)

    def start(self) -> InteractiveParser:
        """A parser that is fed with tokens one by one and gives what `Builder` makes of them."""
        thread = LexerThread(self.lexer, None)
        return InteractiveParser(None, ParserState(self.configuration, thread), thread)


@cache
def grammar() -> Grammar:
    """Loaded once a process."""
    tables = json.loads(TABLES)
    terminals = [_terminal(*one) for one in tables["terminals"]]
    names = {one.name for one in terminals} | set(tables["declared"])
    rules = [_rule(names, *one) for one in tables["rules"]]
    callbacks = ParseTreeBuilder(rules, Tree, maybe_placeholders=True).create_callback(Builder())
    states = {i: _actions(row, tables["symbols"], rules) for i, row in enumerate(tables["states"])}
    table = IntParseTable(states, {"file": 0}, {"file": tables["end"]})
    return Grammar(
        {one.name: one.pattern.value for one in terminals if isinstance(one.pattern, PatternStr)},
        BasicLexer(LexerConf(terminals, re, tables["ignore"], skip_validation=True)),
        ParseConf(table, callbacks, "file"),
    )


def _terminal(name: str, text: str, width: list[int] | None, priority: int) -> TerminalDef:
    """A fixed text, or (where a width is given) a regular expression that matches so many characters, least and most."""
    if width is None:
        return TerminalDef(name, PatternStr(text), priority)
    pattern = PatternRE(text)
    pattern._width = (width[0], width[1])  # computing it takes Lark some milliseconds
    return TerminalDef(name, pattern, priority)


def _rule(terminals: set[str], origin: str, expansion: str, alias: str | None, order: int, inlined: bool, absent: list[bool]) -> Rule:
    symbols: list[Symbol] = [Terminal(name) if name in terminals else NonTerminal(name) for name in expansion.split()]
    options = RuleOptions(keep_all_tokens=True, expand1=inlined, empty_indices=tuple(absent))
    return Rule(NonTerminal(origin), symbols, order, alias, options)


def _actions(row: list[int], symbols: list[str], rules: list[Rule]) -> dict[str, tuple[Any, Any]]:
    """Pairs of a symbol and what to do when it comes: shift to a state, or (negative) reduce by a rule, counted from -1 downwards."""
    pairs = zip(row[::2], row[1::2], strict=True)
    return {symbols[symbol]: (Shift, action) if action >= 0 else (Reduce, rules[-1 - action]) for symbol, action in pairs}
