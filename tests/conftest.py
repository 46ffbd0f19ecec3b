"""What all tests share: one cache of compiled programs, kept between runs, so that only a changed program is compiled again."""

from __future__ import annotations

import os
from pathlib import Path

CACHE = Path(__file__).parent.parent / ".cache" / "compiled"

# Before anything imports JAX, and inherited by the processes that tests start.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
