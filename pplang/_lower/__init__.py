"""Typed programs as NumPyro models: the only lowering there is."""

from __future__ import annotations

from pplang._lower.evaluating import evaluate
from pplang._lower.exporting import export
from pplang._lower.module import Lowered, lower

__all__ = ["Lowered", "evaluate", "export", "lower"]
