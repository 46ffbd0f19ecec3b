"""The wheel has everything that an installed pplang needs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in a wheel built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    code = f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(folder / done.stdout.split()[-1]) as wheel:
        return set(wheel.namelist())


def test_every_module_is_in_the_wheel(names: set[str]) -> None:
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "pplang").rglob("*.py")}
    assert modules <= names


def test_grammar_and_its_tables_are_in_the_wheel(names: set[str]) -> None:
    assert "pplang/grammar/ppl.lark" in names
    assert "pplang/_syntax/_tables.py" in names


def test_messages_and_type_marker_are_in_the_wheel(names: set[str]) -> None:
    messages = {str(path.relative_to(ROOT)) for path in (ROOT / "pplang" / "_messages").glob("*.md")}
    assert messages
    assert messages <= names
    assert "pplang/py.typed" in names


def test_nothing_else_is_in_the_wheel(names: set[str]) -> None:
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"pplang"}
