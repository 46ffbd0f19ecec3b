"""Write the generated pages of the manual: the catalogue, the commands and the messages.

python docs/generate.py            # write them
python docs/generate.py --check    # exit status 1 if they are not up to date
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pplang._catalogue.reference import reference
from pplang.cli.parser import COMMANDS

DOCS = Path(__file__).parent
MESSAGES = DOCS.parent / "pplang" / "_messages"

LETTERS = "XLNDTGKAREFCIO"
"""The letters of the codes in the order of the page: from the text of a model to its fit."""


def messages() -> str:
    """One page of all diagnostics, from the texts that `pplang message` shows."""
    parts = [
        "# Messages",
        "Every message carries a code, the place it is about, and an edit that mends the fault. `pplang message D02` shows one text.",
        "Generated from `pplang/_messages`; do not edit.",
    ]
    texts = [path.read_text(encoding="utf-8") for path in sorted(MESSAGES.glob("*.md"), key=lambda path: LETTERS.index(path.stem))]
    parts += [text.strip().replace("```ppl\n", "```ppl-fragment\n") for text in texts]
    return "\n\n".join(parts) + "\n"


def commands() -> str:
    """Every command with its arguments and options, as the command line itself describes them."""
    parts = [
        "# Commands",
        "Generated from `pplang/cli`; do not edit. Results go to standard output, progress and messages to standard error. The exit status is 0 when all "
        "is well, 1 when the model or the data have faults, 2 for a wrong call, 70 for a fault of pplang, 130 when interrupted.",
    ]
    for name, command in COMMANDS.items():
        one = argparse.ArgumentParser(add_help=False)
        command.options(one)
        rows = [f"| {_spelled(action)} | {_help(action)} |" for action in one._actions]
        parts += [f"## pplang {name}", command.help, "\n".join(["| argument | meaning |", "|---|---|", *rows])]
    return "\n\n".join(parts) + "\n"


def _spelled(action: argparse.Action) -> str:
    """`-o FILE`, `--output FILE`, or `MODEL ...` for one that is given by position."""
    value = str(action.metavar or action.dest.upper())
    several = " ..." if action.nargs in ("*", "+") else ""
    takes_none = action.nargs == 0
    if action.choices:
        value = "\\|".join(map(str, action.choices))
    return ", ".join(f"`{option}{'' if takes_none else ' ' + value}`" for option in action.option_strings) or f"`{value}{several}`"


def _help(action: argparse.Action) -> str:
    return (action.help or "").replace("%(default)s", str(action.default)).replace("|", "\\|")


PAGES = {"catalogue.md": reference, "commands.md": commands, "messages.md": messages}


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
