"""Posteriors that have no reference draws: their programs can be fitted, and take the data as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import pplang
from pplang._passes.supported import unsupported

HERE = Path(__file__).parent
DATABASE = HERE.parents[2] / "shared" / "posteriordb"
PROGRAMS = sorted((HERE / "without_reference").glob("*.ppl"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_it_binds(path: Path) -> None:
    model = pplang.compile(path)
    assert unsupported(model.program) is None
    data = DATABASE / path.stem / "data.json"
    if not data.exists():
        pytest.skip(f"the posterior database is not at {DATABASE}")
    values = json.loads(data.read_text(encoding="utf-8"))
    tables = {one.name: {c.name: values[c.name] for c in one.columns if c.name in values} for one in model.program.tables}
    bound = model.bind(tables=tables, inputs={name: value for name, value in values.items() if name in model.program.input})
    assert bound.size > 0
