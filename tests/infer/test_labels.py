"""Components that can change places: which sets count as such, one labelling for all draws, and fits that do not mind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pplang
from pplang._explain.sentences import explanation
from pplang._infer.labels import Component, nearest, relabelled
from pplang._passes.exchangeable import exchangeable, told

MIXTURE = """
data Row:
  y : real

index Part = {a, b, c}
w[Part] ~ Dirichlet(1)
centre[k in Part] ~ Normal(0, 5)
spread[k in Part] ~ HalfNormal(2)
z[i in Row] ~ Categorical(w)
y[i in Row] ~ Normal(centre[z[i]], spread[z[i]])
"""
CHAIN = """
data Step ordered:
  y : real

index Mood = 1..2
start[Mood] ~ Dirichlet(1)
move[m in Mood, Mood] ~ Dirichlet(1)
centre[m in Mood] ~ Normal(0, 5)
mood[t in Step] ~ Categorical(move[mood[t-1]])
  starting Categorical(start)
y[t in Step] ~ Normal(centre[mood[t]], 1)
"""
BY_HAND = """
data Row:
  y : real

index Part = 1..2
w[Part] ~ Dirichlet(1)
centre[k in Part] ~ Normal(0, 5)
y[i in Row] ~ Mixture(Normal(centre[k], 1) for k in Part, weights = w)
"""


def found(text: str) -> tuple[str, ...]:
    return exchangeable(pplang.compile_text(text).program)


@pytest.mark.parametrize(
    ("text", "name"),
    [(MIXTURE, "Part"), (CHAIN, "Mood"), (BY_HAND, "Part"),
     (MIXTURE + "report widest = max(spread[k] for k in Part)\n", "Part"), (MIXTURE + "report with[i in Row] = z[i] == z[i]\n", "Part")],
)  # fmt: skip
def test_nothing_tells_components_apart(text: str, name: str) -> None:
    assert found(text) == (name,)


@pytest.mark.parametrize(
    "text",
    [
        MIXTURE.replace("centre[k in Part] ~ Normal(0, 5)", "centre[Part] ~ Ordered(Normal(0, 5))"),
        MIXTURE.replace("Dirichlet(1)", "Dirichlet([1, 2, 3])"),
        MIXTURE.replace("Normal(0, 5)", "Normal(if k == a then 0 else 1, 5)"),
        MIXTURE + "report gap = centre[b] - centre[a]\n",
        MIXTURE + "restrict centre[a] < centre[b]\n",
        MIXTURE.replace("w[Part] ~ Dirichlet(1)", "input w[Part] : positive"),
        BY_HAND.replace("Normal(0, 5)", "Normal(k, 5)"),
        "data Row:\n  y : real\n  g : Group\neffect[k in Group] ~ Normal(0, 1)\ny[i in Row] ~ Normal(effect[g[i]], 1)\n",
    ],
    ids=["ordered", "unequal weights", "by label", "reported by label", "restricted", "weights given", "by number", "no mixture"],
)
def test_something_does(text: str) -> None:
    assert found(text) == ()


def test_the_edit_that_is_offered_compiles() -> None:
    fact, edit = told(pplang.compile_text(MIXTURE).program, "Part")
    assert "`Part`" in fact
    written = edit.split("write ")[1]
    assert found(MIXTURE.replace("centre[k in Part] ~ Normal(0, 5)", written)) == ()


def test_explain_says_so() -> None:
    compiled = pplang.compile_text(MIXTURE).compiled()
    text = explanation(compiled).text()
    assert "# labels\n#   nothing tells the members of `Part` apart" in text
    assert "# labels" not in explanation(pplang.compile_text(MIXTURE + "report gap = centre[b] - centre[a]\n").compiled()).text()


# draws

SIX = np.array([-4.0, -2.0, 0.0, 2.0, 4.0, 6.0])


@pytest.mark.parametrize("size", [2, 3, 6])
def test_draws_with_shuffled_labels_are_brought_back(size: int) -> None:
    """Also tables with two axes of the set, and members themselves; two numbers tell more than one."""
    rng = np.random.default_rng(size)
    centre = SIX[:size] + 0.3 * rng.normal(size=(2, 300, size))
    spread = np.exp(np.arange(size) % 2 + 0.1 * rng.normal(size=(2, 300, size)))
    move = rng.dirichlet(np.ones(size), (2, 300, size))
    z = rng.integers(0, size, (2, 300, 5))
    shuffled: dict[str, np.ndarray] = {
        one: np.empty_like(table) for one, table in {"centre": centre, "spread": spread, "move": move, "z": z}.items()
    }
    for at in np.ndindex(2, 300):
        order = rng.permutation(size)  # the component at each place
        shuffled["centre"][at], shuffled["spread"][at] = centre[at][order], spread[at][order]
        shuffled["move"][at] = move[at][np.ix_(order, order)]
        shuffled["z"][at] = np.argsort(order)[z[at]]
    one = Component("Part", {"centre": (0,), "spread": (0,), "move": (0, 1)}, ("z",), {"centre": (0,), "spread": (0,)})
    back = relabelled(shuffled, [one])
    for name, table in {"centre": centre, "spread": spread, "move": move, "z": z}.items():
        assert (back[name] == table).all(), name


def test_components_that_overlap_in_one_number_are_told_apart_by_the_other() -> None:
    rng = np.random.default_rng(0)
    centre, spread = rng.normal(size=(1, 400, 2)), np.array([0.5, 3.0]) + 0.1 * rng.normal(size=(1, 400, 2))
    flip = rng.random(400) < 0.5
    for table in (centre, spread):
        table[0, flip] = table[0, flip][:, ::-1]
    one = Component("Part", {"centre": (0,), "spread": (0,)}, (), {"centre": (0,), "spread": (0,)})
    back = np.sort(relabelled({"centre": centre, "spread": spread}, [one])["spread"][0].std(0))
    assert back[1] < 0.2


def test_a_point_is_called_as_another() -> None:
    one = Component("Part", {"centre": (0,), "w": (0,)}, (), {"centre": (0,), "w": (0,)})
    here = {"centre": np.array([3.0, -1.0, 0.5]), "w": np.array([0.2, 0.5, 0.3]), "sigma": np.array(2.0)}
    there = {"centre": np.array([-1.1, 0.4, 2.8]), "w": np.array([0.4, 0.3, 0.3]), "sigma": np.array(1.0)}
    named = nearest(here, there, [one])
    assert named["centre"].tolist() == [-1.0, 0.5, 3.0] and named["w"].tolist() == [0.5, 0.3, 0.2] and named["sigma"] == 2.0


# fits


def simulated(size: int) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    z = rng.integers(0, size, 150)
    return {"y": np.array([-3.0, 3.0, 0.0])[z] + np.array([0.5, 0.8, 0.3])[z] * rng.normal(size=150)}


@pytest.fixture(scope="module")
def two() -> tuple[pplang.Model, dict[str, Any]]:
    return pplang.compile_text(MIXTURE.replace("{a, b, c}", "{a, b}")), simulated(2)


def test_mirrored_modes_do_not_make_a_fit_poor(two: tuple[pplang.Model, dict[str, Any]]) -> None:
    model, data = two
    fit = model.fit(data, method="vi", draws=200)
    assert fit.verdict["word"] == "good"
    assert fit.draws("centre").mean((0, 1)) == pytest.approx([-3, 3], abs=0.3)
    assert any(note.code == "F36" and "Ordered" in note.help for note in fit.notes)


def test_modes_that_truly_differ_do() -> None:
    """Components that can change places, and a number whose sign the data do not know."""
    text = (
        MIXTURE.replace("{a, b, c}", "{a, b}").replace("y : real", "y : real\n  q : real")
        + "x ~ Normal(0, 3)\nq[i in Row] ~ Normal(x^2, 1)\n"
    )
    rows = simulated(2)
    fit = pplang.compile_text(text).fit({**rows, "q": 4 + np.sin(np.arange(150.0))}, method="vi", draws=50)
    assert fit.verdict["word"] == "poor"
    assert "x" in fit.verdict["concerned"]


def test_chains_with_different_labels_agree(two: tuple[pplang.Model, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a fit, chains begin anywhere: they end in both labellings."""
    from pplang._infer import engine
    from pplang._infer.target import NoStart

    def nothing(*_: Any) -> Any:
        raise NoStart(np.zeros((1, 5)))

    monkeypatch.setattr(engine, "fitted", nothing)
    model, data = two
    fit = model.fit(data, method="nuts", draws=150, chains=4, warmup=300, seed=1)
    assert fit.verdict["r_hat"] < 1.05
    assert fit.draws("centre").mean((0, 1)) == pytest.approx([-3, 3], abs=0.3)
    assert (np.diff(fit.draws("centre")) > 0).all()
