"""Our cache of executables in the company of JAX's own persistent cache, which users may have switched on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

FIT = """
import pplang

model = pplang.compile_text("data Row:\\n  y : real\\n\\nm ~ Normal(0, 1)\\ny[i in Row] ~ Normal(m, 1)\\n")
print(float(model.fit({"y": [0.5, 1.5]}, method="svi", steps=200, draws=50, seed=1).draws("m").mean()))
"""


def fitted(folder: Path, ours: str) -> float:
    environment = {
        **os.environ,
        "PPLANG_CACHE_DIR": str(folder / ours),
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    done = subprocess.run([sys.executable, "-c", FIT], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def kept(folder: Path, ours: str) -> set[Path]:
    return set((folder / ours / "compiled").iterdir())


def test_beside_jax_s_cache_what_was_compiled_is_kept_and_what_it_gave_is_not(tmp_path: Path) -> None:
    first = fitted(tmp_path, "one")  # fills JAX's cache, and ours
    programs = kept(tmp_path, "one")
    assert programs
    assert fitted(tmp_path, "two") == first  # takes from JAX's cache
    assert fitted(tmp_path, "two") == first  # would run, without its code, what the last one kept
    assert not kept(tmp_path, "two")
    shutil.rmtree(tmp_path / "jax")
    assert fitted(tmp_path, "one") == first
    assert kept(tmp_path, "one") == programs
    assert not (tmp_path / "jax").exists(), "something was compiled although ours was kept"
