"""The direction of imports, and the few things only one room may do, read from the source of every module."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pplang

ROOT = Path(pplang.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

# Who may import whom: a room may use the rooms of the rows above it, and itself.
LEVELS = (
    {"_source", "_records"},
    {"_ir", "_catalogue"},
    {"_diagnostics"},
    {"_files"},
    {"_syntax"},
    {"_check"},
    {"_passes"},
    {"_data", "_lower"},
    {"_cache"},
    {"_infer", "_model", "_fit", "_prove", "_plan_file", "_explain"},
    {"pplang"},
    {"cli"},
    {"__main__"},
)
# Rooms of one row that know each other: facts and the records they are about; a model, its inference and its result.
ONE_ROOF = ({"_ir", "_catalogue"}, {"_infer", "_model", "_fit", "_prove", "_plan_file", "_explain"})
LIGHT = {"_source", "_diagnostics", "_files", "_ir", "_catalogue", "_syntax", "_check", "_passes"}
HEAVY = {
    "arviz_base",
    "arviz_stats",
    "h5netcdf",
    "h5py",
    "jax",
    "jaxlib",
    "narwhals",
    "numpy",
    "numpyro",
    "optax",
    "pandas",
    "polars",
    "pyarrow",
    "scipy",
    "xarray",
}
OPENERS = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "fdopen", "mkstemp", "NamedTemporaryFile"}


def room_of(name: str) -> str:
    """`pplang._check.types` is in the room `_check`; the package itself is the room `pplang`."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "pplang"


def module_name(path: Path) -> str:
    parts = ("pplang", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every module that is imported anywhere in a file (inside functions too), with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here"
            assert node.module is not None
            submodules = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "pplang" else [node.module]
            yield from ((name if room_of(name).startswith("_") else node.module, node.lineno) for name in submodules)


def allowed(importer: str, imported: str) -> bool:
    level = {room: number for number, rooms in enumerate(LEVELS) for room in rooms}
    neighbours = any({importer, imported} <= rooms for rooms in ONE_ROOF)
    return importer == imported or level[imported] < level[importer] or neighbours


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_point_inwards(path: Path) -> None:
    importer = room_of(module_name(path))
    wrong = [
        f"{relative(path)}:{line}: {importer} imports {name}"
        for name, line in imports(tree_of(path))
        if name.split(".")[0] == "pplang" and not allowed(importer, room_of(name))
    ]
    assert not wrong, "\n".join(wrong)


LIGHT_MODULES = [path for path in MODULES if room_of(module_name(path)) in LIGHT]


@pytest.mark.parametrize("path", LIGHT_MODULES, ids=relative)
def test_light_rooms_import_nothing_heavy(path: Path) -> None:
    forbidden = HEAVY if room_of(module_name(path)) == "_syntax" else HEAVY | {"lark"}
    wrong = [f"{relative(path)}:{line}: imports {name}" for name, line in imports(tree_of(path)) if name.split(".")[0] in forbidden]
    assert not wrong, "\n".join(wrong)


def calls(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The last name of everything that is called (`open`, `read_text`, `print`), calls of functions of `_files` aside."""
    ours = {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "pplang._files" for alias in node.names
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name not in ours:
                yield name, node.lineno
            case ast.Call(func=ast.Attribute(attr="open"), args=[ast.Name(), *_]):
                pass  # a member of an archive that is open already
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if ast.unparse(value) != "_files":
                yield name, node.lineno


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_one_module_opens_files_and_one_room_prints(path: Path) -> None:
    name = module_name(path)
    forbidden = (set() if name == "pplang._files" else OPENERS) | (set() if room_of(name) in ("cli", "__main__") else {"print", "exit"})
    wrong = [f"{relative(path)}:{line}: calls {called}" for called, line in calls(tree_of(path)) if called in forbidden]
    assert not wrong, "\n".join(wrong)


def loaded_after(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after running `code`."""
    script = f"{code}\nimport sys; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


MODEL = """
data School:
  effect : real
  se     : positive

mu ~ Normal(0, 5)
tau ~ HalfCauchy(5)
theta[s in School] ~ Normal(mu, tau)
effect[s in School] ~ Normal(theta[s], se[s])
"""


def test_compiling_a_model_loads_nothing_heavy() -> None:
    loaded = loaded_after(f"import pplang; pplang.compile_text({MODEL!r}, name='schools.ppl')")
    assert not loaded & HEAVY


def test_checking_on_the_command_line_loads_nothing_heavy(tmp_path: Path) -> None:
    path = tmp_path / "schools.ppl"
    path.write_text(MODEL, encoding="utf-8")
    code = f"from pplang.cli.main import main\ntry:\n    main(['check', {str(path)!r}])\nexcept SystemExit:\n    pass"
    loaded = loaded_after(code)
    assert not loaded & (HEAVY | {"typer", "rich"})
