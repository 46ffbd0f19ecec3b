"""The checker: syntax tree → typed program, or every fault that was found.

After it: every name is resolved, every expression has a kind and index sets, every index belongs to the set it indexes, and each relation
has a role and a level.
"""

from __future__ import annotations

from pplang._check.checker import check
from pplang._check.retype import retype

__all__ = ["check", "retype"]
