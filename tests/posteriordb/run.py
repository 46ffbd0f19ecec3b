"""Fit posteriors with known answers and judge the draws by the rules of posteriordb's kit.

    python tests/posteriordb/run.py NAME...       # e.g. eight_schools-eight_schools_centered; no NAME: all
    python tests/posteriordb/run.py --list

The kit (data, references and the rules, `check.py`) is expected beside the repository, in ../shared/posteriordb.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import pplang

sys.path.insert(0, str(Path(__file__).parent))
from cases import ACCEPTANCE, CASES, DATABASE, PROGRAMS, WIDER


def rules() -> ModuleType:
    """The kit's `check.py`, as a module."""
    spec = importlib.util.spec_from_file_location("posteriordb_check", DATABASE / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fitted(name: str, **settings: Any) -> Any:
    """One posterior, through the public API and nothing else; the `Fit`. settings: of `Model.fit`, by default its own."""
    folder = DATABASE / name
    text = (PROGRAMS / f"{CASES[name]}.ppl").read_text(encoding="utf-8")
    values = json.loads((folder / "data.json").read_text(encoding="utf-8"))
    inputs = {key: value for key, value in values.items() if f"\ninput {key} " in f"\n{text}" or f"\ninput {key}[" in f"\n{text}"}
    tables = [folder / "data.csv"] if "\ndata " in f"\n{text}" else []
    return pplang.compile(PROGRAMS / f"{CASES[name]}.ppl").fit(*tables, inputs=inputs, **settings)


def fit(name: str, *, draws: int = 2000, seed: int = 1) -> Any:
    """NUTS on one posterior."""
    return fitted(name, method="nuts", chains=4, warmup=1000, draws=draws, seed=seed, target_accept=ACCEPTANCE.get(name, 0.8))


def judge(name: str, result: Any) -> tuple[bool, str]:
    """Do the draws meet the reference? Also the kit's own report, a line for each parameter that does not."""
    check = rules()
    reference = json.loads((DATABASE / name / "reference.json").read_text(encoding="utf-8"))
    wanted = {check.base(parameter) for parameter in reference if not parameter.startswith("_")}
    draws = {variable: result.draws(variable) for variable in wanted if variable in result}
    report = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(report):
        path = Path(folder) / "draws.npz"
        np.savez(path, **draws)
        rule = [name, str(path), "--dir", str(DATABASE)]
        if name in WIDER:
            parameter, allowance = WIDER[name]
            statuses = [check.main([*rule, "--skip", parameter]), check.main([*rule, "--only", parameter, "--sd-tol", str(allowance)])]
        else:
            statuses = [check.main(rule)]
    return not any(statuses), report.getvalue()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="list the posteriors and stop")
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.list:
        print(*CASES, sep="\n")
        return 0
    failed = []
    for name in options.names or CASES:
        started = time.monotonic()
        met, report = judge(name, fit(name, draws=options.draws, seed=options.seed))
        print(f"{'ok  ' if met else 'FAIL'} {name} ({time.monotonic() - started:.0f} s): {report.strip()}", flush=True)
        failed += [] if met else [name]
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
