"""Write the program of every example after every pass that changes it: `python tests/examples/update_programs.py`. Read what changed.

`expected/programs/PASS.ppl` is what `pplang explain MODEL --program --after PASS` prints; `expected/programs/transported/PASS.ppl` the same in
transported coordinates, which `vi` fits in.
"""

from __future__ import annotations

from pathlib import Path

import pplang
from pplang._ir.text import text
from pplang._passes import pipeline
from pplang._passes.plan import Compiled

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/*.ppl"))


def compiled(name: str, *, transported: bool) -> Compiled:
    return pipeline.run(pplang.compile(EXAMPLES / name / f"{name}.ppl").program, transported=transported)


def folder(name: str) -> Path:
    return EXAMPLES / name / "expected" / "programs"


def programs(name: str) -> dict[Path, str]:
    """The text of each file, by path."""
    plain, moved = (
        {stage.name: text(stage.program) for stage in compiled(name, transported=one).stages if stage.choices} for one in (False, True)
    )
    found = {folder(name) / f"{stage}.ppl": program for stage, program in plain.items()}
    return found | {
        folder(name) / "transported" / f"{stage}.ppl": program for stage, program in moved.items() if program != plain.get(stage)
    }


def main() -> None:
    for name in NAMES:
        wanted = programs(name)
        for path in folder(name).rglob("*.ppl"):
            if path not in wanted:
                path.unlink()
        for path, program in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(program, encoding="utf-8")


if __name__ == "__main__":
    main()
