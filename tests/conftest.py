"""What all tests share: caches of compiled programs, kept between runs, so that only a changed program is compiled again."""

from __future__ import annotations

import os
from pathlib import Path

CACHE = Path(__file__).parent.parent / ".cache"

# Before anything imports JAX, and inherited by the processes that tests start. The first is pplang's own, the others JAX's, for tests that
# compile something themselves.
os.environ.setdefault("PPLANG_CACHE_DIR", str(CACHE / "pplang"))
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(CACHE / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
