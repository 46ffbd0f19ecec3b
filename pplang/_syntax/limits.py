"""What a model file may not exceed, so that a stranger's file can neither crash the process nor hold it up (each with its diagnostic)."""

from __future__ import annotations

FILE_BYTES = 1_000_000
NESTING = 200
STATEMENTS = 5_000
NAME_LENGTH = 200
REPORTED = 50
"""After so many errors, reading stops: the rest are rarely news, and each may cost another look at the text."""
