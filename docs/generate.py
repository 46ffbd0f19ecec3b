"""Write the generated pages of the manual: the catalogue and the messages.

python docs/generate.py            # write them
python docs/generate.py --check    # exit status 1 if they are not up to date
"""

from __future__ import annotations

import sys
from pathlib import Path

from pplang._catalogue.reference import reference

DOCS = Path(__file__).parent
MESSAGES = DOCS.parent / "pplang" / "_messages"

ROOMS = {
    "X": "Syntax",
    "L": "Limits",
    "N": "Names",
    "D": "Tables and indices",
    "T": "Order and time",
    "G": "What depends on what",
    "K": "Kinds",
    "A": "Annotations",
    "E": "Discrete unknowns",
    "F": "Fitting",
    "C": "Data",
    "I": "The command line",
    "O": "Output files",
}


def messages() -> str:
    """One page of all diagnostics, from the texts that `pplang message` shows."""
    parts = [
        "# Messages",
        "Every message carries a code, the place it is about, and an edit that mends the fault. `pplang message D02` shows one text.",
        "Generated from `pplang/_messages`; do not edit.",
    ]
    for letter, title in ROOMS.items():
        path = MESSAGES / f"{letter}.md"
        if path.exists():
            parts += [f"# {title}", path.read_text(encoding="utf-8").strip().replace("```ppl\n", "```ppl-fragment\n")]
    return "\n\n".join(parts) + "\n"


PAGES = {"catalogue.md": reference, "messages.md": messages}


def main() -> int:
    stale = []
    for name, page in PAGES.items():
        path = DOCS / "reference" / name
        text = page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")
    if stale:
        print("not up to date:" if "--check" in sys.argv else "written:", *stale)
    return bool(stale) and "--check" in sys.argv


if __name__ == "__main__":
    sys.exit(main())
