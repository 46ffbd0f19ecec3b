"""A plan as a JSON document: what every pass did with every site, and the constants of transports. It can be edited and given again.

    {"model": the fingerprint of the program, "plan": {"center": [{"site": "theta", "action": "partial", "numbers": {"c": 0.3}}]},
     "constants": {"theta_h": [0.1, 0.2]}}

What else the document holds (reasons, the program's text) is for people, and not looked at.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pplang import _files
from pplang._data.input_files import LARGEST, parse_json
from pplang._diagnostics import Diagnostic, Problems, shown
from pplang._ir.program import Program
from pplang._ir.text import text
from pplang._passes.plan import Choice, Compiled, Pins

_EXAMPLE = 'a plan is what `pplang explain MODEL --json` prints: {"model": "…", "plan": {"center": [{"site": …, "action": …}]}}'
_CHOICE = {"site": str, "action": str}


@dataclass(frozen=True)
class Plan:
    """Choices that are settled beforehand, by pass, and values of the constants of transports, by name."""

    pins: Pins
    constants: Mapping[str, np.ndarray] = field(default_factory=dict)


def fingerprint(program: Program) -> str:
    """A hash of what a program says: its layout and its comments do not count."""
    return hashlib.sha256(text(program).encode()).hexdigest()


def document(compiled: Compiled, constants: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The plan of a compiled program, and values of its constants."""
    values = {"constants": {name: np.asarray(value).tolist() for name, value in constants.items()}} if constants else {}
    return {"model": fingerprint(compiled.source), "plan": compiled.plan(), **values}


def read(path: str | os.PathLike[str], program: Program) -> Plan:
    """A plan for a program.

    Raises `Problems`: those of `read_text` and of JSON (I02 to I05), I80 it is no plan, I81 it is one for another program.
    """
    name = Path(path).name
    return of(parse_json(_files.read_text(path, LARGEST), name, _EXAMPLE), program, name)


def of(value: Mapping[str, Any], program: Program, name: str) -> Plan:
    """The plan in a document. Raises `Problems` (I80, I81)."""
    if not isinstance(value.get("plan"), dict) or not isinstance(value.get("model"), str):
        raise _not_a_plan(name, "it has no `model` and `plan`")
    check_model(value["model"], program, name)
    constants = value.get("constants", {})
    if not isinstance(constants, dict):
        raise _not_a_plan(name, "its `constants` are not values by name")
    return Plan(pins(value["plan"], name), {one: _array(one, table, name) for one, table in constants.items()})


def check_model(found: str, program: Program, name: str) -> None:
    """Raise `Problems` (I81) where a plan or a fit was made of another program."""
    if found != fingerprint(program):
        help = "give the model that it was made of, or make it anew: only its layout and comments may have changed since"
        raise Problems([Diagnostic("I81", f"{shown(name)} was made of another program", help=help)])


def pins(plan: Mapping[str, Any], name: str) -> Pins:
    """Choices by pass from their JSON. Raises `Problems` (I80)."""
    found = {one: tuple(_choice(choice, name) for choice in _list(choices, name)) for one, choices in plan.items()}
    for one, choices in found.items():
        sites = [choice.site for choice in choices]
        twice = next((site for site in sites if sites.count(site) > 1), None)
        if twice is not None:
            raise _not_a_plan(name, f"`{one}` has two entries for `{twice}`")
    return found


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise _not_a_plan(name, "the choices of a pass are not a list")
    return value


def _choice(value: Any, name: str) -> Choice:
    if not isinstance(value, dict) or not all(isinstance(value.get(key), kind) for key, kind in _CHOICE.items()):
        raise _not_a_plan(name, "a choice without `site` and `action`")
    numbers = value.get("numbers", {})
    if not isinstance(numbers, dict) or not all(_is_number(one) for one in numbers.values()):
        raise _not_a_plan(name, f"the `numbers` of `{value['site']}` are not numbers by name")
    return Choice(value["site"], value["action"], str(value.get("reason", "")), tuple((key, float(one)) for key, one in numbers.items()))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _array(one: str, value: Any, name: str) -> np.ndarray:
    pending = [value]
    while pending:
        inner = pending.pop()
        if isinstance(inner, list):
            pending += inner
        elif not _is_number(inner):
            raise _not_a_plan(name, f"the constant `{one}` does not consist of numbers")
    try:
        return np.array(value, dtype=np.float64)
    except (ValueError, OverflowError):
        raise _not_a_plan(name, f"the constant `{one}` is not a table") from None


def _not_a_plan(name: str, why: str) -> Problems:
    return Problems([Diagnostic("I80", f"{shown(name)} is not a plan", notes=(why,), help=_EXAMPLE)])


def check_constants(given: Mapping[str, Any], wanted: Mapping[str, tuple[int, ...]], evidence: Mapping[str, bool]) -> dict[str, np.ndarray]:
    """The constants as arrays of float64.

    wanted: the shape of each constant that the program has. evidence: which are an evidence, h, and whether it is a matrix for each member;
    an h is at least zero, as a matrix symmetric and positive semidefinite. Raises `Problems` (I84) with everything that is wrong.
    """
    faults: list[Diagnostic] = []
    found: dict[str, np.ndarray] = {}
    for name, value in given.items():
        array = np.asarray(value, dtype=np.float64) if np.asarray(value).dtype.kind in "biuf" else None
        why = _wrong_constant(name, array, wanted, evidence)
        if why is not None:
            faults.append(Diagnostic("I84", f"the constant `{shown(name)}` of a transport cannot be set", notes=(why[0],), help=why[1]))
        elif array is not None:
            found[name] = array
    if faults:
        raise Problems(faults)
    return found


def _wrong_constant(
    name: str, array: np.ndarray | None, wanted: Mapping[str, tuple[int, ...]], evidence: Mapping[str, bool]
) -> tuple[str, str] | None:
    if name not in wanted:
        known = f"they are {', '.join(wanted)}" if wanted else "no site of this program is in transported coordinates"
        return "the program has no constant of that name", f"leave it out: {known}"
    if array is None or not np.isfinite(array).all():
        return "it holds what is not a finite number", "give finite numbers"
    if array.shape != wanted[name]:
        return f"its shape is {array.shape}, and {wanted[name]} is needed", "give one number for each member of its index sets"
    if name not in evidence:
        return None
    if not evidence[name]:
        return (
            ("it is an evidence, and some of it is negative", "give numbers of at least 0; 0 is non-centred") if (array < 0).any() else None
        )
    symmetric = np.allclose(array, np.swapaxes(array, -1, -2), rtol=1e-8, atol=1e-12)
    if not symmetric or (np.linalg.eigvalsh(array) < -1e-8 * np.maximum(1, np.abs(array).max())).any():
        return (
            "it is an evidence, and for some member no positive semidefinite matrix",
            "give symmetric matrices without negative eigenvalues",
        )
    return None
