"""The grammar file, its tables, and the builder fit together."""

from __future__ import annotations

import json

from pplang._syntax._tables import TABLES
from pplang._syntax.build_tables import TABLES as TABLES_FILE
from pplang._syntax.build_tables import build, tables_module
from pplang._syntax.builder import Builder
from pplang._syntax.words import reserved_words


def test_grammar_builds_in_strict_mode() -> None:
    build(strict=True)


def test_tables_are_those_of_the_grammar() -> None:
    assert TABLES_FILE.read_text(encoding="utf-8") == tables_module(), "run: python -m pplang._syntax.build_tables"


def test_tables_are_data() -> None:
    """JSON, not a pickle: loading them cannot run anything."""
    assert {"terminals", "rules", "states"} < set(json.loads(TABLES))


def test_each_rule_has_its_method() -> None:
    rules = {rule.alias or rule.origin.name for rule in build().rules if rule.alias or not rule.options.expand1 or len(rule.expansion) != 1}
    assert {name for name in rules if not name.startswith("_")} - set(dir(Builder)) == set()


def test_reserved_words() -> None:
    assert reserved_words() == frozenset(
        "data index input param net weights fn report factor restrict maximize guide starting weighted where fixing "
        "ordered by within per from for in if then else and or not _".split()
    )
