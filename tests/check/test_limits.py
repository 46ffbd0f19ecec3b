"""The checker ends, with an answer, on models that are deep, long, circular or that double."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from checking import codes, faults, program

from pplang._ir.text import text
from pplang._passes import pipeline

DEEP: dict[str, tuple[int, Callable[[str], str]]] = {
    "calls": (198, lambda x: f"exp({x})"),
    "calls of two": (198, lambda x: f"max({x}, 1)"),
    "own functions": (98, lambda x: f"f({x})"),
    "signs": (198, lambda x: f"-({x})"),
    "sums of products": (98, lambda x: f"1 + 2 * ({x})"),
    "powers": (198, lambda x: f"2^({x})"),
    "bases": (198, lambda x: f"({x})^2"),
    "choices": (198, lambda x: f"if a > 0 then 1 else {x}"),
    "conditions": (98, lambda x: f"(if {x} > 0 then 1 else 2)"),
    "assertions": (98, lambda x: f"positive(exp({x}))"),
    "densities": (98, lambda x: f"logpdf(Normal({x}, 1), 0)"),
    "tables": (98, lambda x: f"softmax([{x}, 1])[one]"),
}


@pytest.mark.parametrize("form", DEEP)
def test_as_deep_as_the_limit(form: str) -> None:
    times, wrap = DEEP[form]
    inside = "a"
    for _ in range(times):
        inside = wrap(inside)
    model = f"index K = {{one, two}}\nfn f(x) = x\na ~ Normal(0, 1)\nb = {inside}\ny ~ Normal(b, 1)\n"
    if form == "tables":
        model = model.replace(f"b = {inside}", "b = 1")  # a list has no set of its own
        assert codes(model) == []
        return
    checked = program(model)
    assert text(program(text(checked))) == text(checked)
    text(pipeline.run(checked).program)


def test_wrappers_within_wrappers() -> None:
    inside = "Normal(0, 1)"
    for _ in range(150):
        inside = f"Truncated({inside}, lower = 0)"
    assert codes(f"x ~ {inside}\n") == []


@pytest.mark.parametrize("body", ["f{}(x) + f{}(x)", "f{}(x + 1) * f{}(x - 1)", "f{}(f{}(x))"])
def test_functions_that_double(body: str) -> None:
    functions = "fn f0(x) = x * x + x\n" + "".join(f"fn f{n}(x) = {body.format(n - 1, n - 1)}\n" for n in range(1, 60))
    found = faults(functions + "a ~ Normal(0, 1)\nb = f59(a)\n")
    assert [one.code for one in found] == ["L20"]


def test_a_long_chain_of_functions() -> None:
    functions = "fn f0(x) = x\n" + "".join(f"fn f{n}(x) = f{n - 1}(x) + 1\n" for n in range(1, 3000))
    assert codes(functions + "a ~ Normal(f2999(1), 1)\n") == ["L20"]


def test_functions_in_a_circle_are_found_without_a_call() -> None:
    assert codes("fn f(x) = g(x)\nfn g(x) = f(x)\na ~ Normal(0, 1)\n") == ["N11"]
    assert codes("fn f(x) = f(x) + f(x)\na ~ Normal(f(1), 1)\n") == ["N11"]


def test_many_statements() -> None:
    lines = [f"x{n} ~ Normal(x{n - 1}, 1)" if n else "x0 ~ Normal(0, 1)" for n in range(4_990)]
    checked = program("\n".join(reversed(lines)) + "\n")
    assert [site.name for site in checked.sites][:3] == ["x0", "x1", "x2"]


def test_a_circle_of_thousands() -> None:
    (fault,) = faults("".join(f"x{n} ~ Normal(x{(n + 1) % 4_990}, 1)\n" for n in range(4_990)))
    assert fault.code == "G01"
    assert fault.label == "x0 -> x1 -> x2 -> x3 -> x4 -> x5 -> x6 -> ... -> x0, with no step back in time"


def test_a_recurrence_through_thousands() -> None:
    lines = "".join(f"x{n}[t in T] = x{(n + 1) % 2_000}[t-1] + 1\n  starting 0\n" for n in range(2_000))
    checked = program("index T ordered = 1..5\n" + lines)
    assert len(checked.sites) == 2_000
    assert {site.level for site in checked.sites} == {"data"}


def test_so_many_faults_are_not_all_told() -> None:
    assert codes("".join(f"x{n} ~ Normal(missing_{n}, 1)\n" for n in range(3_000))) == ["N02"] * 100


def test_sets_of_sets() -> None:
    chain = "".join(f"index S{n} = subsample(S{n - 1}, 3)\n" for n in range(1, 1_500))
    assert codes("index S0 = 1..10\n" + chain + "x[k in S0] ~ Normal(0, 1)\ny[k in S1499] ~ Normal(x[k], 1)\n") == []
    ring = "".join(f"index S{n} = subsample(S{(n + 1) % 1_500}, 3)\n" for n in range(1_500))
    assert codes(ring + "x[k in S0] ~ Normal(0, 1)\n") == ["G01"]


@pytest.mark.parametrize(
    "model",
    [
        "index S = 1..1000000000000\nx[k in S] ~ Normal(0, 1)\n",
        "x = " + "0" * 6000 + "1\n",
        "index K = {" + "0" * 6000 + "1, 2}\nx[k in K] ~ Normal(0, 1)\ny = x[" + "0" * 5000 + "1]\n",
        "x = 10^10^10\ny = (-2)^99999999\nz ~ Normal(x + y, 1)\n",
        "x = 1e308 * 1e308\ny = 1e-308 / 1e308\nz = 0 * x\nw ~ Normal(z + y, 1)\n",
        "index K = 1..3\nx[k in K] ~ Normal(0, 1)\ny = x[1] + x[2]\n",
        'index K = {"", " ", "a b", "`", "\\\\n", "日本", "true"}\nx[k in K] ~ Normal(0, 1)\ny = x[""] + x["日本"]\n',
    ],
)
def test_odd_numbers_and_labels(model: str) -> None:
    checked = program(model)
    assert program(text(checked)) == checked
