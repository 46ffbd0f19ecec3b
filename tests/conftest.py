"""What all tests share: a cache of compiled programs, kept between runs, so that only a changed program is compiled again."""

from __future__ import annotations

import os
from pathlib import Path

# Before anything looks for it, and inherited by the processes that tests start.
os.environ.setdefault("PPLANG_CACHE_DIR", str(Path(__file__).parent.parent / ".cache" / "pplang"))
