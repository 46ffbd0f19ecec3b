"""One compiled program for each stage of a fit, and none a second time: by the same process, by another, for other data of the same shapes."""

from __future__ import annotations

import json
from pathlib import Path

from helpers_infer import python

COUNTED = """
import json, sys
from helpers_infer import SCHOOLS, SCHOOL_DATA
import jax
compiled, traced = [], []
jax.monitoring.register_event_duration_secs_listener(
    lambda name, seconds, **_: (compiled if "backend_compile" in name else traced if "jaxpr_trace" in name else []).append(name)
)
import pplang
model = pplang.compile_text(SCHOOLS)
other = {**SCHOOL_DATA, "effect": [2.0 * y + 1 for y in SCHOOL_DATA["effect"]], "se": [2.0 * s for s in SCHOOL_DATA["se"]]}
found = []
for method, data, seed in json.loads(sys.argv[1] if len(sys.argv) > 1 else PLAN):
    del compiled[:], traced[:]
    fit = model.fit(other if data == "other" else SCHOOL_DATA, method=method, seed=seed, draws=60, warmup=40 if method == "nuts" else None)
    found.append([len(compiled), len(traced), fit.method])
print(json.dumps([found, "numpyro" in sys.modules]))
"""


def counts(plan: list[tuple[str, str, int]], cache: Path) -> tuple[list[list[object]], bool]:
    found, numpyro = json.loads(python(f"PLAN = {json.dumps(plan)!r}\n{COUNTED}", cache))
    return found, numpyro


def test_each_program_is_compiled_once(tmp_path: Path) -> None:
    """vi has four: scores, states of the transports, densities, the way back to the source; nuts one more."""
    first, _ = counts([("auto", "same", 1), ("auto", "same", 2), ("vi", "other", 1), ("nuts", "same", 1), ("nuts", "other", 2)], tmp_path)
    assert [count for count, _, _ in first] == [4, 0, 0, 1, 0]
    assert [method for _, _, method in first] == ["vi", "vi", "vi", "nuts", "nuts"]
    again, numpyro = counts([("nuts", "other", 3), ("auto", "same", 4)], tmp_path)
    assert [(compiled, traced) for compiled, traced, _ in again] == [(0, 0), (0, 0)]
    assert not numpyro  # what is only needed to trace is not imported
