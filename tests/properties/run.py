"""The long runs of the property tests.

    python -m tests.properties.run --programs 10000 --seed 0 --processes 2
    python -m tests.properties.run --texts 1000000

Prints the largest errors and every seed that fails, with the program or text; exits with 1 if one does.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random


@dataclass
class Found:
    """What a chunk of seeds gave: how many of each outcome, the largest error of each comparison, failures as (seed, text, report)."""

    outcomes: Counter[str] = field(default_factory=Counter)
    examined: int = 0
    errors: dict[str, float] = field(default_factory=dict)
    failures: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, other: Found) -> None:
        self.outcomes.update(other.outcomes)
        self.examined += other.examined
        self.failures += other.failures
        for what, error in other.errors.items():
            self.errors[what] = max(error, self.errors.get(what, 0.0))


def run_programs(seeds: range) -> Found:
    from tests.properties.examine import examine, how
    from tests.properties.programs import from_seed

    found = Found(examined=len(seeds))
    for seed in seeds:
        case = from_seed(seed)
        try:
            outcome = examine(case, **how(seed))
        except Exception as error:
            found.failures.append((seed, case.text, _report(error)))
            continue
        found.outcomes.update({"programs": 1, "points": outcome.points, "points without a finite density": outcome.skipped})
        found.outcomes["programs that cannot be fitted yet"] += outcome.unsupported
        found.outcomes.update(f"programs with {kind}" for kind in case.kinds if not outcome.unsupported)
        found.add(Found(errors={what.split("`")[0]: error for what, error in outcome.errors.items()}))
    return found


def run_texts(seeds: range) -> Found:
    from tests.properties.any_text import mutant, survives

    found = Found(examined=len(seeds))
    for seed in seeds:
        written = mutant(Random(seed))
        try:
            found.outcomes[survives(written)] += 1
        except Exception as error:
            found.failures.append((seed, written, _report(error)))
    return found


def _results(task: Callable[[range], Found], chunks: Iterator[range], processes: int) -> Iterator[Found]:
    """In this process if it is the only one."""
    if processes == 1:
        yield from map(task, chunks)
    else:
        with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=1) as pool:
            yield from pool.imap_unordered(task, chunks)


def _report(error: Exception) -> str:
    return "".join(traceback.format_exception(error, limit=-3))


def _chunks(first: int, count: int, size: int) -> Iterator[range]:
    for start in range(first, first + count, size):
        yield range(start, min(start + size, first + count))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=0, help="random programs through every stage, at random points")
    parser.add_argument("--texts", type=int, default=0, help="texts that are nearly programs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    parser.add_argument(
        "--each", type=int, default=1_000, help="programs after which a line says how far the run is, and a process is replaced"
    )
    chosen = parser.parse_args()
    total, began = Found(), time.monotonic()
    for task, count in ((run_programs, chosen.programs), (run_texts, chosen.texts)):
        for found in _results(task, _chunks(chosen.seed, count, chosen.each), chosen.processes):
            for seed, written, report in found.failures:
                print(f"seed {seed} fails\n{written}\n{report}\n", flush=True)
            total.add(found)
            worst = ", ".join(f"{error:.0e} {what}" for what, error in sorted(total.errors.items(), key=lambda one: -one[1])[:3])
            print(
                f"{total.examined:,} after {time.monotonic() - began:.0f} s, {len(total.failures)} failures; largest errors {worst}",
                flush=True,
            )
    for what, how_many in sorted(total.outcomes.items()):
        print(f"{how_many:10,}  {what}")
    for what, error in sorted(total.errors.items()):
        print(f"{error:10.1e}  {what}")
    seeds = [seed for seed, _, _ in total.failures]
    print(f"{len(seeds):10,}  failures {sorted(seeds)[:20]} in {time.monotonic() - began:.0f} s")
    return 1 if seeds else 0


if __name__ == "__main__":
    sys.exit(main())
