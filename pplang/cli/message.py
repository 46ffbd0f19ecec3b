"""pplang message CODE: the long explanation of a diagnostic."""

from __future__ import annotations

import re
from argparse import Namespace
from pathlib import Path

import pplang
from pplang import _files
from pplang._diagnostics import Diagnostic, Problems, shown
from pplang.cli import terminal

_FOLDER = Path(pplang.__file__).parent / "_messages"


def run(chosen: Namespace) -> int:
    """Print one section of the messages."""
    code = chosen.code.upper()
    text = explanation(code)
    if text is None:
        codes = [code for path in sorted(_FOLDER.glob("*.md")) for code in _sections(path)]
        help = f"the codes are {', '.join(codes)}"
        raise Problems([Diagnostic("I73", f"there is no message `{shown(chosen.code)}`", help=help)])
    if chosen.json:
        terminal.result_json({"code": code, "text": text})
    else:
        terminal.result(text)
    return 0


def explanation(code: str) -> str | None:
    """The section of a code, None if there is none."""
    if not re.fullmatch(r"[A-Z][0-9]{2}", code):
        return None
    path = _FOLDER / f"{code[0]}.md"
    return _sections(path).get(code) if path.exists() else None


def _sections(path: Path) -> dict[str, str]:
    """Sections by code; each begins with `## D02: title`."""
    parts = re.split(r"(?m)^(?=## )", _files.read_text(path, 10**7))
    return {part[3:6]: part.strip() + "\n" for part in parts if part.startswith("## ")}
