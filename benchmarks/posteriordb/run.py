"""The default fit of every posterior of the kit: its verdict, and how far from the reference it is.

    python benchmarks/posteriordb/run.py                # what `results.json` lacks, one after the other, smallest data first
    python benchmarks/posteriordb/run.py NAME...        # these, again
    python benchmarks/posteriordb/run.py --table        # only the table in COVERAGE.md, anew

Each fit is `model.fit(data)` without any option, in a process of its own that is given up after `--limit` seconds. `results.json` is written after each.
Mean errors are in sds of the reference; where it says that an sd has no useful precision, the width from 5 to 95% takes its place in both columns.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS, PAGE = HERE / "results.json", HERE / "COVERAGE.md"
BEGIN, END = "<!-- table: made by run.py -->", "<!-- end of the table -->"

sys.path.insert(0, str(ROOT / "tests" / "posteriordb"))
from cases import CASES, DATABASE, PROGRAMS, one_fit_each  # noqa: E402
from run import fitted, rules  # noqa: E402

FAR, WIDE = 0.2, 0.25
"""A fit is bad whose worst mean is off by more than so many sds, or whose worst sd by more than this share."""


def lines(program: str) -> int:
    """Lines of a program that say something."""
    text = (PROGRAMS / f"{program}.ppl").read_text(encoding="utf-8")
    return sum(1 for line in text.splitlines() if line.strip() and not line.strip().startswith("#"))


def compared(name: str, fit: Any) -> dict[str, Any]:
    """The mean and the sd that are farthest from the reference, and whose they are."""
    check = rules()
    reference = json.loads((DATABASE / name / "reference.json").read_text(encoding="utf-8"))
    reference = {label: one for label, one in reference.items() if not label.startswith("_")}
    found = {
        label: one
        for variable in {check.base(label) for label in reference}
        if variable in fit
        for label, one in check.summarise(variable, fit.draws(variable))
    }
    errors, ratios = {}, {}
    for label in reference.keys() & found.keys():
        known, ours = reference[label], found[label]
        heavy = known.get("heavy_tail", False)
        scale = (known["q95"] - known["q05"]) / 3.29 if heavy else known["sd"]
        errors[label] = abs(ours["mean"] - known["mean"]) / scale
        ratios[label] = ((ours["q95"] - ours["q05"]) / 3.29 if heavy else ours["sd"]) / scale
    far = max(errors, key=lambda label: errors[label])
    wide = max(ratios, key=lambda label: abs(math.log(max(ratios[label], 1e-12))))
    return {
        "numbers": len(errors),
        "missing": sorted(reference.keys() - found.keys()),
        "error": round(errors[far], 4),
        "far": far,
        "ratio": round(ratios[wide], 4),
        "wide": wide,
    }


def one_fit(names: list[str]) -> dict[str, Any]:
    """The default fit of posteriors that are one program on one data set, against the reference of each."""
    started = time.monotonic()
    fit = fitted(names[0])
    seconds, verdict = time.monotonic() - started, fit.verdict
    shared = {
        "method": fit.method,
        "verdict": verdict["word"],
        "reasons": verdict["reasons"],
        "divergences": verdict.get("divergences"),
        "gradients": verdict["gradients"],
        "seconds": round(seconds, 1),
    }
    return {name: {"lines": lines(CASES[name]), **shared, **compared(name, fit)} for name in names}


def is_bad(found: dict[str, Any]) -> bool:
    return found["error"] > FAR or not 1 - WIDE <= found["ratio"] <= 1 + WIDE


def table(results: dict[str, Any]) -> str:
    """Every posterior with a reference, in the order of the kit."""
    head = "| posterior | lines | by | verdict | worst mean error | worst sd ratio | divergent | gradients | |"
    rows = [head, "|---|---|---|---|---|---|---|---|---|", *(row(name, results.get(name)) for name in sorted(CASES))]
    done = [one for name, one in results.items() if name in CASES and "verdict" in one]
    words = {word: [one for one in done if one["verdict"] == word] for word in ("good", "fair", "poor")}
    counts = ", ".join(f"{len(ones)} {word} ({sum(map(is_bad, ones))} of them off)" for word, ones in words.items())
    return "\n".join([*rows, "", f"{len(done)} of {len(CASES)} posteriors fitted: {counts}."])


def row(name: str, found: dict[str, Any] | None) -> str:
    if found is None:
        return f"| {name} | {lines(CASES[name])} | not run yet | | | | | | |"
    if "verdict" not in found:
        return f"| {name} | {lines(CASES[name])} | {found['failure']} | | | | | | |"
    remark = {(True, "good"): "FALSE GOOD", (False, "poor"): "false poor"}.get((is_bad(found), found["verdict"]), "")
    remark += f" without {', '.join(found['missing'])}" if found["missing"] else ""
    diverged = "" if found["divergences"] is None else found["divergences"]
    error, ratio = f"{found['error']:.2f} `{found['far']}`", f"{found['ratio']:.2f} `{found['wide']}`"
    return f"| {name} | {found['lines']} | {found['method']} | {found['verdict']} | {error} | {ratio} | {diverged} | {found['gradients']:,} | {remark} |"


def write(results: dict[str, Any]) -> None:
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(results)}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--limit", type=int, default=600, help="seconds for one fit")
    parser.add_argument("--table", action="store_true")
    parser.add_argument(
        "--one", action="store_true", help="fit the names, which are one program on one data set, and print what was found as JSON"
    )
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one_fit(options.names)))
        return
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    waiting = [names for names in one_fit_each() if set(names) & set(options.names) or not (options.names or set(names) <= results.keys())]
    for names in [] if options.table else sorted(waiting, key=lambda names: (DATABASE / names[0] / "data.json").stat().st_size):
        try:
            done = subprocess.run(
                [sys.executable, __file__, "--one", *names], capture_output=True, text=True, timeout=options.limit, check=False
            )
            failure = done.stderr.strip().splitlines()[-1:] or ["failed"]
            found = json.loads(done.stdout) if done.returncode == 0 else {name: {"failure": failure[0][:120]} for name in names}
        except subprocess.TimeoutExpired:
            found = {name: {"failure": f"not within {options.limit} s"} for name in names}
        results |= found
        write(results)
        print(*(row(name, one) for name, one in found.items()), sep="\n", flush=True)
    write(results)


if __name__ == "__main__":
    main()
