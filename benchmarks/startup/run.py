"""How long it takes from the command to the answer.

    python benchmarks/startup/run.py [--repeats 5]

`pplang check` beside `import lark`; `pplang fit --method svi` on eight schools beside a hand-written NumPyro script of as many steps, the
first time (nothing in the cache of compiled programs) and the second. Whole processes, best of the repeats, peers alternating.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCHOOLS = ROOT / "examples" / "eight_schools"
MODEL, DATA = SCHOOLS / "eight_schools.ppl", SCHOOLS / "eight_schools.csv"
STEPS = 5000


def seconds(command: list[str], folder: Path) -> float:
    """The wall time of a process. Python's own compiled files are kept, as those of an installed package are."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "JAX_COMPILATION_CACHE_DIR")
    }
    environment |= {
        "PYTHONPATH": str(ROOT),
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        "PPLANG_CACHE_DIR": str(folder / "cache"),
    }
    started = time.perf_counter()
    subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - started


def best(measure: Callable[[], float], repeats: int) -> float:
    return min(measure() for _ in range(repeats))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    python = sys.executable
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lark = [python, "-c", "import lark"]
        check = [python, "-m", "pplang", "check", str(MODEL)]
        fit = [python, "-m", "pplang", "fit", str(MODEL), str(DATA), "--method", "svi", "--steps", str(STEPS), "--force", "--quiet"]
        by_hand = [python, str(Path(__file__).parent / "hand_written.py"), str(DATA), str(STEPS)]
        for command in (lark, check, fit, by_hand):
            seconds(command, folder)

        def first() -> float:
            shutil.rmtree(folder / "cache", ignore_errors=True)
            return seconds(fit, folder)

        times = {"import lark": [], "pplang check": [], "by hand": [], "fit, first time": [], "fit, second time": []}  # type: dict[str, list[float]]
        for _ in range(repeats):
            times["import lark"].append(best(lambda: seconds(lark, folder), 3))
            times["pplang check"].append(best(lambda: seconds(check, folder), 3))
            times["by hand"].append(seconds(by_hand, folder))
            times["fit, first time"].append(first())
            times["fit, second time"].append(seconds(fit, folder))
    least = {name: min(values) for name, values in times.items()}
    for name, value in least.items():
        print(f"{name:18} {value:6.2f} s")
    bars = (("pplang check", "import lark", 2.5), ("fit, first time", "by hand", 0.7), ("fit, second time", "by hand", 0.3))
    for name, peer, bar in bars:
        ratio = least[name] / least[peer]
        print(f"{name} / {peer}: {ratio:.2f} (at most {bar}): {'met' if ratio <= bar else 'NOT MET'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
