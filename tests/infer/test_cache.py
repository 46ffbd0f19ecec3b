"""The cache of compiled programs is only used when it is safe to."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from helpers_infer import python

CODE = """
import jax, numpy as np
from jax.numpy import linalg
from pplang._cache import compiled
made = []
def program():
    made.append(1)
    example = np.ones((3, 3))
    return (lambda a: linalg.cholesky(a @ a.T + 3 * jax.numpy.eye(3)).sum() + a[0, 0]), (example,)
with jax.enable_x64(True):
    run = compiled(program, (np.ones((3, 3)),), {identity!r})
    print(len(made), float(run(np.eye(3))))
"""


def times_made(cache: Path, identity: str = "test", **environment: str) -> int:
    made, value = python(CODE.format(identity=identity), cache, **environment).split()
    assert float(value) == pytest.approx(7.0)
    return int(made)


def test_an_entry_is_found_again_by_another_process(tmp_path: Path) -> None:
    """The program calls LAPACK, whose routines a process that traced nothing has not looked up."""
    assert times_made(tmp_path / "c") == 1
    assert times_made(tmp_path / "c") == 0
    assert times_made(tmp_path / "c", identity="another") == 1
    assert times_made(tmp_path / "c", XLA_FLAGS="--xla_cpu_enable_fast_math=false") == 1


def test_a_damaged_entry_is_compiled_again(tmp_path: Path) -> None:
    times_made(tmp_path / "c")
    for entry in (tmp_path / "c" / "compiled").iterdir():
        content = bytearray(entry.read_bytes())
        content[len(content) // 2] ^= 1
        entry.write_bytes(bytes(content))
    assert times_made(tmp_path / "c") == 1
    assert times_made(tmp_path / "c") == 0


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are of another kind there")
def test_a_folder_that_others_can_write_to_is_not_used(tmp_path: Path) -> None:
    times_made(tmp_path / "c")
    os.chmod(tmp_path / "c" / "compiled", 0o777)
    assert times_made(tmp_path / "c") == 1
    assert times_made(tmp_path / "c") == 1


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "compiled").symlink_to(tmp_path / "elsewhere")
    assert times_made(tmp_path / "c") == 1
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_new_folders_are_closed_to_others(tmp_path: Path) -> None:
    times_made(tmp_path / "c")
    assert (tmp_path / "c" / "compiled").stat().st_mode & 0o077 == 0


def test_without_a_cache_it_works_too(tmp_path: Path) -> None:
    assert times_made(tmp_path, PPLANG_CACHE_DIR="") == 1
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    assert times_made(tmp_path / "file") == 1
