"""What an examination finds: errors next to what is right, and the exception for a property that does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

DENSITY, MAP, QUADRATURE = 1e-8, 1e-10, 1e-8
"""How far a density, a coordinate and an integral may be off, relative to the larger of one and its size."""

Values = Mapping[str, np.ndarray]


class BrokenError(AssertionError):
    """A property that does not hold, with what was found."""


@dataclass
class Outcome:
    """The largest errors seen in one program, by what was compared. skipped: points whose values leave the floats.

    unsupported: it cannot be fitted yet, so that only its text was examined.
    """

    errors: dict[str, float] = field(default_factory=dict)
    points: int = 0
    skipped: int = 0
    unsupported: bool = False

    def agree(self, what: str, found: Any, expected: Any, tolerance: float) -> None:
        """Compare numbers or tables; raises `BrokenError` where they differ."""
        found, expected = np.asarray(found, float), np.asarray(expected, float)
        if found.shape != expected.shape:
            raise BrokenError(f"{what}: the shape is {found.shape}, not {expected.shape}")
        if not found.size:
            return
        with np.errstate(invalid="ignore"):
            gap = np.where(found == expected, 0.0, np.abs(found - expected) / np.maximum(1, np.abs(expected)))
        worst = float(np.max(np.where(np.isnan(gap), np.inf, gap)))
        self.errors[what] = max(worst, self.errors.get(what, 0.0))
        if not worst <= tolerance:
            raise BrokenError(f"{what}: {found} where {expected} is right (off by {worst:.2g})")
