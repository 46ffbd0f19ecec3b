"""What an exported module takes of the runtime is all that it needs, and is the same."""

from __future__ import annotations

import ast
import builtins
import pkgutil
import types
from collections.abc import Iterator

import pytest

import pplang._lower.runtime
from pplang._lower.bundle import bundled, called, module

RUNTIME = sorted(
    f"pplang._lower.runtime.{one.name}" for one in pkgutil.iter_modules(pplang._lower.runtime.__path__)
)  # fmt: skip


def use(*expressions: str) -> list[ast.stmt]:
    return ast.parse("\n".join(expressions)).body


def made(body: list[ast.stmt], aliases: dict[str, str]) -> tuple[str, dict[str, object]]:
    imports, definitions, rewritten = bundled(body, aliases)
    text = ast.unparse(ast.fix_missing_locations(ast.Module([*imports, *definitions, *rewritten], [])))
    namespace: dict[str, object] = {}
    exec(compile(text, "bundle", "exec"), namespace)
    return text, namespace


def code_of(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for one in code.co_consts:
        if isinstance(one, types.CodeType):
            yield from code_of(one)


def globals_of(code: types.CodeType) -> set[str]:
    import dis

    return {
        str(step.argval) for one in code_of(code) for step in dis.get_instructions(one) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    } - {"__name__", "__module__", "__qualname__"}


@pytest.mark.parametrize("path", [*RUNTIME, "pplang._lower.support", "pplang._lower.choice"])
def test_nothing_that_a_definition_needs_is_left_behind(path: str) -> None:
    names = list(module(path).definitions)
    text, namespace = made(use(*(f"there.{name}" for name in names)), {"there": path})
    assert "pplang" not in text.replace("(pplang", "")
    assert {called(path, name) for name in names} <= set(namespace)
    known = {*namespace, *dir(builtins)}
    for one in code_of(compile(text, "bundle", "exec")):
        if one.co_name != "<module>" and one.co_flags & 2 == 0:  # a class: it has names of its own
            known |= {str(name) for name in one.co_names}
    assert globals_of(compile(text, "bundle", "exec")) <= known


def test_names_that_a_function_binds_itself_are_its_own(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    import linecache
    import sys

    source = '''
from __future__ import annotations

def lower(lower, x=1):
    """An argument of its own name."""
    return lower + x

def twice(x):
    lower = 3
    return [lower for y in (x, x)]

class Thing:
    lower = 5
    def value(self):
        return lower(self.lower)

def caller(x):
    return lower(x) + twice(x)[0] + Thing().value()

def unused():
    return nothing_of_this_name
'''
    home = types.ModuleType("pplang.made")
    linecache.cache["made.py"] = (len(source), None, source.splitlines(keepends=True), "made.py")
    home.__file__ = "made.py"
    exec(compile(source, "made.py", "exec"), home.__dict__)
    monkeypatch.setitem(sys.modules, "pplang.made", home)
    text, namespace = made(use("result = there.caller(7)", "lower = 100", "again = there.caller(7)"), {"there": "pplang.made"})
    assert namespace["result"] == namespace["again"] == 8 + 3 + 6
    assert "unused" not in text
