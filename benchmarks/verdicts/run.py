"""How often the verdict of `fit(method="vi")` is wrong, over every posterior of the kit that the language expresses.

    python benchmarks/verdicts/run.py [NAME...] [--seeds 3]
    python benchmarks/verdicts/run.py --centred-radon      # 20 seeds without the pass `center`: never good
    python benchmarks/verdicts/run.py --sweep NAME...       # 20 seeds of each: no exception, every number finite

Bad is a fit whose draws have a mean that is off by more than 0.2 sd of the reference, or an sd that is off by more than a quarter.
"""

from __future__ import annotations

import argparse
import collections
import sys
from pathlib import Path

import numpy as np

from pplang._infer.settings import Settings

sys.path.insert(0, str(Path(__file__).parents[1] / "vi"))
import run as of_vi  # before `models`, which puts another folder with a `run` first
from models import CASES, KIT


def centred_radon(seeds: int) -> None:
    case = CASES["radon_hier"]
    bound = case.bind()
    centred = type(bound)(bound.model, bound.model.compiled(without=["center"]), bound.dataset)
    words = collections.Counter(
        str((centred.fit(Settings(method="vi", seed=seed, draws=10)).verdict or {})["word"]) for seed in range(seeds)
    )
    print(f"radon, centred, without `center`, {seeds} seeds: {dict(words)}", flush=True)


def sweep(names: list[str], seeds: int) -> None:
    """Small numbers of draws: what is looked for is a failure, not an answer."""
    for name in names:
        bound = {**KIT, **CASES}[name].bind()
        words: collections.Counter[str] = collections.Counter()
        for seed in range(seeds):
            for method in ("auto", "nuts"):
                fit = bound.fit(Settings(method=method, seed=seed, draws=50, chains=2))
                assert all(np.isfinite(fit.draws(one)).all() for one in fit.names), (name, seed, method)
                words[f"{method} {fit.method} {(fit.verdict or {})['word']}"] += 1
        print(f"{name}: {dict(words)}", flush=True)


def row(name: str, found: list[of_vi.Outcome]) -> str:
    gradients = max(one.verdict["gradients"] for one in found)
    shares = " ".join(f"{one.verdict['share']:.2f}" for one in found)
    words = ", ".join(str(one.verdict["word"]) for one in found)
    ratio = max((one.ratio for one in found), key=lambda ratio: abs(np.log(max(ratio, 1e-12))))
    wrong = ["false good" for one in found if one.bad and one.verdict["word"] == "good"]
    wrong += ["false poor" for one in found if one.bad is False and one.verdict["word"] == "poor"]
    return f"| {name} | {gradients:,} | {shares} | {max(one.error for one in found):.2f} | {ratio:.2f} | {words} | {', '.join(sorted(set(wrong)))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--centred-radon", action="store_true")
    parser.add_argument("--sweep", action="store_true")
    options = parser.parse_args()
    if options.centred_radon:
        centred_radon(options.seeds or 20)
        return
    if options.sweep:
        sweep(options.names or [*CASES, *KIT], options.seeds or 20)
        return
    print(
        "| posterior | gradients, most | importance ESS | worst mean error | worst sd ratio | verdicts | |\n|---|---|---|---|---|---|---|"
    )
    every: list[of_vi.Outcome] = []
    for name in options.names or KIT:
        found = of_vi.outcomes(name, KIT[name], options.seeds or 3)
        every += [one for one in found if one.bad is not None]
        print(row(name, found), flush=True)
    words = collections.Counter((str(one.verdict["word"]), bool(one.bad)) for one in every)
    print(
        f"\n{len(every)} fits, {sum(bool(one.bad) for one in every)} bad:",
        {f"{word}{', bad' if bad else ''}": n for (word, bad), n in words.items()},
    )


if __name__ == "__main__":
    main()
