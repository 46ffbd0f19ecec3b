"""The explanation says what was done and why, with the numbers of a fit; differences are of programs; a plan goes out and in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pplang
from pplang._explain.difference import difference
from pplang._explain.evidence import Evidence, evidence
from pplang._explain.sentences import explanation
from pplang._fit import Fit
from pplang._fit.file import Variable
from pplang._plan_file import Plan, document, fingerprint, of
from pplang.cli.main import main

SCHOOLS = """\
data School:
  school : key
  effect : real
  se     : positive

mu                  ~ Normal(0, 5)
tau                 ~ HalfCauchy(5)
theta[s in School]  ~ Normal(mu, tau)
effect[s in School] ~ Normal(theta[s], se[s])
"""
DATA = {"school": list("ABCD"), "effect": [28.0, 8, -3, 7], "se": [15.0, 10, 16, 0.1]}

SLOPES = """\
data Visit:
  person : Person
  day    : real
  score  : real

level ~ Normal(0, 2)
s_level ~ HalfNormal(1)
s_change ~ HalfNormal(1)
start[p in Person] ~ Normal(level, s_level)
slope[q in Person] ~ Normal(0, s_change)
score[v in Visit] ~ Normal(start[person[v]] + slope[person[v]] * day[v], 1)
"""
SLOPES_DATA = {"person": ["x", "y", "y", "z"], "day": [0.0, 0, 1, 1], "score": [1.0, 2, 0.5, 1.5]}


def made(constants: dict[str, np.ndarray], values: dict[str, np.ndarray]) -> Fit:
    """A fit of SCHOOLS in transported coordinates, its draws and constants replaced."""
    model = pplang.compile_text(SCHOOLS, name="schools.ppl")
    fit = model.fit(DATA, method="svi", steps=10, draws=4)
    content = fit.content
    posterior = {
        name: replace(one, values=np.broadcast_to(values[name], one.values.shape)) for name, one in content.groups["posterior"].items()
    }
    transport = {name: Variable(("School",) * np.ndim(value), np.asarray(value)) for name, value in constants.items()}
    plan = model.bind(DATA).transported.compiled.plan()
    return Fit(
        replace(
            content,
            groups={**content.groups, "posterior": posterior, "transport": transport},
            texts={**content.texts, "plan": json.dumps(plan)},
        )
    )


@pytest.fixture(scope="module")
def fit() -> Fit:
    se = np.array(DATA["se"])
    zeros = {"theta_V_mu": np.zeros(4), "theta_V_tau": np.zeros(4), "theta_at_mu": np.zeros(()), "theta_at_tau": np.zeros(())}
    return made({"theta_h": 1 / se**2, "theta_b": np.zeros(4), **zeros}, {"mu": np.array(1.0), "tau": np.array(5.0), "theta": np.zeros(4)})


def test_the_evidence_is_the_share_of_the_data_at_the_posterior_mean(fit: Fit) -> None:
    found = evidence(fit.model.compiled(plan=fit.settled), fit)["theta"]
    expected = 25 / np.array(DATA["se"]) ** 2
    np.testing.assert_allclose(found.ratio, expected, rtol=1e-12)
    np.testing.assert_allclose(found.share, expected / (1 + expected), rtol=1e-12)
    assert found.labels == ("A", "B", "C", "D")
    assert found.sentence() == (
        "h tau² runs from 0.098 for C to 2.5e+03 for D (the data's share from 9% to 100%); D is fully determined by the data"
    )


def test_sentences_name_extremes_and_count_the_rest() -> None:
    labels = tuple("abcdefgh")
    assert "no element is fully determined by its data" in Evidence("x", "s", np.linspace(0.1, 2, 8), labels).sentence()
    assert "all 8 elements are fully determined" in Evidence("x", "s", np.full(8, 1e3), labels).sentence()
    assert "4 of 8 elements are left to the prior" in Evidence("x", "s", np.array([0.0] * 4 + [1.0] * 4), labels).sentence()
    assert "a, b and c are left to the prior" in Evidence("x", "s", np.array([0.0] * 3 + [1.0] * 5), labels).sentence()
    assert Evidence("x", "", np.array([1.0]), ("",)).sentence() == "h is 1, the data's share 50%"


def test_the_evidence_of_a_block_is_that_of_its_members() -> None:
    model = pplang.compile_text(SLOPES)
    bound = model.bind(SLOPES_DATA).transported
    (block,) = bound.compiled.blocks
    h = np.zeros((3, 2, 2))
    h[:, 0, 0], h[:, 1, 1], h[:, 0, 1], h[:, 1, 0] = [1, 2, 3], [4, 5, 6], 0.5, 0.5
    fit = model.fit(SLOPES_DATA, steps=10, draws=2)
    means = {name: fit.draws(name).mean(axis=(0, 1)) for name in fit.names}
    transport = {block.h: Variable(("Person", "k", "j"), h), block.b: Variable(("Person", "k"), np.zeros((3, 2)))}
    content = replace(fit.content, groups={**fit.content.groups, "transport": transport})
    found = evidence(bound.compiled, Fit(content))
    np.testing.assert_allclose(found["start"].ratio, np.array([1, 2, 3]) * means["s_level"] ** 2, rtol=1e-9)
    np.testing.assert_allclose(found["slope"].ratio, np.array([4, 5, 6]) * means["s_change"] ** 2, rtol=1e-9)


def test_every_choice_has_a_sentence() -> None:
    model = pplang.compile_text(SCHOOLS + "report spread = tau^2\n")
    told = explanation(model.compiled()).text()
    assert "#   spread: left until after the inference, once per posterior draw; nothing observed depends on it" in told
    assert "#   theta: non-centred; its location and scale are unknown" in told
    assert "#   tau: moved as its logarithm; it is positive" in told
    pplang.compile_text(told + "x ~ Normal(0, 1)\n")


def test_the_difference_is_that_of_the_programs() -> None:
    model = pplang.compile_text(SCHOOLS)
    whole = difference(model.compiled(), last_only=False)
    assert "-theta[s in School] ~ Normal(mu, tau)\n" in whole
    assert "+tau = exp(tau_free)\n" in whole
    last = difference(model.compiled(after="unconstrain"), last_only=True)
    assert "theta" not in "".join(line for line in last.splitlines() if line[0] in "+-")
    assert "\x1b[32m+tau = exp(tau_free)\x1b[0m\n" in difference(model.compiled(), last_only=False, colour=True)
    assert difference(pplang.compile_text("mu ~ Normal(0, 1)\n").compiled(), last_only=False) == ""


# Plans -----------------------------------------------------------------------------------------------------------------


def planned(text: str, **choices: dict[str, Any]) -> tuple[pplang.Model, Plan]:
    model = pplang.compile_text(text)
    entries = [{"site": site, **choice} for site, choice in choices.items()]
    return model, of({"model": fingerprint(model.program), "plan": {"center": entries}}, model.program, "plan.json")


def forms(text: str, **choices: dict[str, Any]) -> dict[str, str]:
    model, plan = planned(text, **choices)
    (center,) = (stage for stage in model.compiled(plan=plan).stages if stage.name == "center")
    return {choice.site: choice.action for choice in center.choices}


def test_what_is_printed_compiles_to_the_same(fit: Fit) -> None:
    model = fit.model
    for compiled in (model.compiled(), model.bind(DATA).transported.compiled, pplang.compile_text(SLOPES).compiled()):
        again = of(json.loads(json.dumps(document(compiled, {}))), compiled.source, "plan.json")
        assert pplang.Model(model.source, compiled.source).compiled(plan=again).program == compiled.program


@pytest.mark.parametrize("form", ["center", "noncenter", "partial", "transport"])
def test_a_plan_settles_the_form(form: str) -> None:
    numbers = {"numbers": {"c": 0.3}} if form == "partial" else {}
    model, plan = planned(SCHOOLS, theta={"action": form, **numbers})
    bound = model.bind(DATA, plan=plan)
    right = {"center": "Normal(mu, tau)", "noncenter": "Normal(0, 1)", "partial": "Normal(0.3 * mu, tau^0.3)"}
    written = pplang._model.Model(model.source, bound.compiled.program).program
    from pplang._ir.text import expression

    name = "theta" if form == "center" else "theta_raw"
    if form in right:
        assert expression(written.site[name].right) == right[form]
    assert bool(bound.compiled.transports) == (form == "transport")
    assert bound.transported.compiled.plan()["center"] == bound.compiled.plan()["center"]  # an engine does not choose again


def test_one_left_out_of_a_block_leaves_the_others_as_they_are() -> None:
    assert forms(SLOPES) == {"start": "noncenter", "slope": "noncenter"}
    block = {"action": "block", "numbers": {"block": 0}}
    assert forms(SLOPES, start=block, slope=block) == {"start": "block", "slope": "block"}
    model, plan = planned(SLOPES, start={"action": "center"})
    compiled = model.bind(SLOPES_DATA, plan=plan).transported.compiled
    assert {one.site for one in compiled.transports} == {"slope"}
    assert not compiled.blocks


@pytest.mark.parametrize(
    ("choices", "code", "words"),
    [
        ({"thet": {"action": "center"}}, "I82", "did you mean `theta`?"),
        ({"theta": {"action": "centre"}}, "I83", "there is no such form"),
        ({"theta": {"action": "partial"}}, "I83", "not between 0 and 1"),
        ({"theta": {"action": "partial", "numbers": {"c": 2}}}, "I83", "not between 0 and 1"),
        ({"theta": {"action": "block"}}, "I83", "the number of its block is missing"),
        ({"theta": {"action": "block", "numbers": {"block": 0}}}, "I83", "cannot move as one block"),
        ({"effect": {"action": "noncenter"}}, "I83", "not a latent"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_plans_that_do_not_fit(choices: dict[str, dict[str, Any]], code: str, words: str) -> None:
    model, plan = planned(SCHOOLS, **choices)
    with pytest.raises(pplang.Problems) as caught:
        model.compiled(plan=plan)
    (fault,) = caught.value.diagnostics
    assert fault.code == code
    assert words in str(caught.value)


def test_an_annotation_stands_above_the_plan() -> None:
    model, plan = planned(SCHOOLS.replace("theta[s in School]  ~", "@centered\ntheta[s in School]  ~"), theta={"action": "noncenter"})
    with pytest.raises(pplang.Problems, match="the model has @centered"):
        model.compiled(plan=plan)


def test_other_passes_leave_no_choice() -> None:
    model = pplang.compile_text(SCHOOLS)

    def settled(**passes: list[dict[str, str]]) -> Plan:
        return of({"model": fingerprint(model.program), "plan": passes}, model.program, "plan.json")

    with pytest.raises(pplang.Problems, match=r"I83.*\n.*does `log` with it"):
        model.compiled(plan=settled(unconstrain=[{"site": "tau", "action": "softplus"}]))
    with pytest.raises(pplang.Problems, match="a pass that the model does not have"):
        model.compiled(plan=settled(centre=[]))


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"model": "x", "plan": []},
        {"plan": {"center": {}}},
        {"plan": {"center": [1]}},
        {"plan": {"center": [{"site": "theta"}]}},
        {"plan": {"center": [{"site": 3, "action": "center"}]}},
        {"plan": {"center": [{"site": "theta", "action": "partial", "numbers": {"c": "x"}}]}},
        {"plan": {"center": [{"site": "theta", "action": "center"}, {"site": "theta", "action": "noncenter"}]}},
        {"plan": {}, "constants": []},
        {"plan": {}, "constants": {"theta_h": ["x"]}},
        {"plan": {}, "constants": {"theta_h": [1, [2]]}},
        {"plan": {}, "constants": {"theta_h": True}},
    ],
    ids=json.dumps,
)
def test_what_is_no_plan(value: dict[str, Any]) -> None:
    program = pplang.compile_text(SCHOOLS).program
    with pytest.raises(pplang.Problems, match="I80"):
        of({"model": fingerprint(program), **value} if "plan" in value and "model" not in value else value, program, "plan.json")


# Constants -------------------------------------------------------------------------------------------------------------


def test_constants_are_arguments_and_change_no_answer() -> None:
    import jax

    bound = pplang.compile_text(SCHOOLS).bind(DATA).transported
    values = {"mu": 1.0, "tau": 2.0, "theta": np.linspace(-1, 2, 4)}
    other = bound.with_constants({"theta_h": np.array([0.0, 0.5, 1, 2]), "theta_b": np.ones(4)})
    with jax.enable_x64(True):
        densities, stretch = [], []
        for one in (bound, other):
            z = one.unconstrain(values)
            densities.append(float(one.log_density(z)))
            jacobian = jax.jacfwd(lambda z, one=one: jax.numpy.concatenate([jax.numpy.ravel(one.constrain(z)[name]) for name in values]))
            stretch.append(float(np.linalg.slogdet(np.asarray(jacobian(z)))[1]))
    assert densities[0] - stretch[0] == pytest.approx(densities[1] - stretch[1], rel=1e-10)
    assert densities[0] != pytest.approx(densities[1], rel=1e-6)
    assert other.target.identity == bound.target.identity  # so the compiled program is the same


@pytest.mark.parametrize(
    ("constants", "words"),
    [
        ({"theta_h": [1.0, -1, 0, 0]}, "negative"),
        ({"theta_h": [1.0, 1, 0]}, "its shape is"),
        ({"theta_b": [1.0, np.nan, 0, 0]}, "not a finite number"),
        ({"theta_b": list("abcd")}, "not a finite number"),
        ({"tau_h": 1.0}, "no constant of that name"),
    ],
)
def test_constants_that_cannot_be(constants: dict[str, Any], words: str) -> None:
    with pytest.raises(pplang.Problems, match="I84") as caught:
        pplang.compile_text(SCHOOLS).bind(DATA).transported.with_constants(constants)
    assert words in str(caught.value)


def test_the_evidence_of_a_block_is_positive_semidefinite() -> None:
    bound = pplang.compile_text(SLOPES).bind(SLOPES_DATA).transported
    (block,) = bound.compiled.blocks
    bound.with_constants({block.h: np.ones((3, 2, 2))})
    for wrong in ([[1.0, 2], [2, 1]], [[1.0, 0.5], [0, 1]]):
        with pytest.raises(pplang.Problems, match="positive semidefinite"):
            bound.with_constants({block.h: np.broadcast_to(wrong, (3, 2, 2))})
    with pytest.raises(pplang.Problems, match="no site of this program is in transported coordinates"):
        pplang.compile_text(SCHOOLS).bind(DATA).with_constants({"theta_h": np.ones(4)})


# The command ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fit: Fit) -> Path:
    (tmp_path / "schools.ppl").write_text(SCHOOLS)
    rows = zip(*DATA.values(), strict=True)
    (tmp_path / "schools.csv").write_text("school,effect,se\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    (tmp_path / "other.ppl").write_text(SCHOOLS.replace("HalfCauchy(5)", "HalfCauchy(6)"))
    fit.save(tmp_path / "schools.fit.nc")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def told(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def run(*arguments: str) -> tuple[int, str]:
        status = main(arguments)
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    return run


def test_explain_with_data_and_a_fit(told: Callable[..., tuple[int, str]], folder: Path) -> None:
    status, out = told("explain", "schools.ppl", "schools.csv")
    assert status == 0
    assert "#   4 School\n#   6 unknown numbers, 4 of them in coordinates that auto and vi fit to the data" in out
    status, out = told("explain", "schools.ppl", "--fit", "schools.fit.nc")
    assert status == 0
    assert "theta: between centred and non-centred, per School: h tau² runs from 0.098 for C to 2.5e+03 for D" in out
    assert "D is fully determined by the data; its location and scale are unknown" in out
    status, out = told("explain", "schools.ppl", "--fit", "schools.fit.nc", "--json")
    document = json.loads(out)
    assert document["evidence"]["theta"]["A"] == pytest.approx(25 / 225)
    assert document["constants"]["theta_h"][1] == pytest.approx(0.01)
    (folder / "plan.json").write_text(out)
    again = json.loads(told("explain", "schools.ppl", "--plan", "plan.json", "--json")[1])
    assert again["program"] == document["program"]
    assert again["plan"] == document["plan"]


def test_faults_of_plan_and_fit_files(told: Callable[..., tuple[int, str]], folder: Path) -> None:
    status, out = told("explain", "other.ppl", "--fit", "schools.fit.nc")
    assert (status, "I81" in out) == (1, True)
    (folder / "plan.json").write_text(told("explain", "schools.ppl", "--json")[1])
    for command in ("explain", "fit", "export"):
        status, out = told(command, "other.ppl", *(["schools.csv"] if command == "fit" else []), "--plan", "plan.json")
        assert (status, "plan.json was made of another program" in out) == (1, True), out
    for text, code in (
        ("{", "I02"),
        ("[]", "I06"),
        ('{"a": 1, "a": 2}', "I03"),
        ("{}", "I80"),
        ('{"model": "", "plan": {}, "x": NaN}', "I04"),
        ('{"x": ' + "[" * 200 + "]" * 200 + "}", "I05"),
        ('{"x": ' + "[" * 100_000 + "]" * 100_000 + "}", "I05"),
    ):
        (folder / "bad.json").write_text(text)
        status, out = told("explain", "schools.ppl", "--plan", "bad.json")
        assert (status, f"error[{code}]" in out) == (1, True), out
    assert "I20" in told("explain", "schools.ppl", "--plan", "absent.json")[1]


def test_the_difference_has_no_colours_in_a_file(told: Callable[..., tuple[int, str]]) -> None:
    status, out = told("explain", "schools.ppl", "--diff")
    assert status == 0
    assert out.startswith("--- source\n+++ after unconstrain\n")
    assert "\x1b" not in out
    before, after = told("explain", "schools.ppl", "--diff", "--after", "center")[1].splitlines()[:2]
    assert before.startswith("--- after ")
    assert after == "+++ after center"
