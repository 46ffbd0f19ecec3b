"""The parser that `grammar/ppl.lark` defines, loaded from the tables that were built from it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from lark import Lark

from pplang._syntax._tables import TABLES
from pplang._syntax.builder import Builder


@cache
def parser() -> Lark:
    """Loaded once a process. It keeps no state between parses."""
    tables = json.loads(TABLES)
    table = tables["data"]["parser"]["parser"]
    table["tokens"] = _integer_keys(table["tokens"])
    table["states"] = {int(state): _integer_keys(row) for state, row in table["states"].items()}
    # Lark's own generated parsers load their tables by this method too.
    return Lark._load_from_dict(tables["data"], _integer_keys(tables["memo"]), transformer=Builder())


def _integer_keys(row: dict[str, Any]) -> dict[int, Any]:
    """JSON knows only strings as keys; Lark's tables have integers."""
    return {int(key): value for key, value in row.items()}
