"""The table of a fit."""

from __future__ import annotations

import json

import numpy as np
from made_fits import MEMBERS, draws, made_up

import pplang
from pplang._fit import Array, Fit
from pplang._fit.table import columns


def table(**posterior: Array) -> list[list[str]]:
    """The lines of the table, without the title, as words."""
    return [line.split() for line in str(made_up(**posterior).summary()).split("\n\n", 1)[1].splitlines()]


def test_the_table_of_chains() -> None:
    lines = str(made_up(x=Array((), draws() * 0.01 + 5)).summary()).splitlines()
    assert lines[0] == "x.ppl: NUTS, 2 chains of 5 draws after 3 of warm-up; seed 1"
    assert lines[-2].split() == ["mean", "sd", "5%", "50%", "95%", "R-hat", "ESS", "bulk", "ESS", "tail"]
    name, mean, sd, *_ = lines[-1].split()
    assert (name, mean.startswith("5.00"), len(sd)) == ("x", True, len("0.0065"))


def test_labels_stand_in_brackets() -> None:
    rows = table(R=Array(("Coef", "Coef"), draws(2, 2)), trend=Array(("Year",), draws(4)))
    assert [row[0] for row in rows[1:3]] == ["R[intercept,", "R[intercept,"]
    assert [row[0] for row in rows[5:]] == ["trend[1990]", "trend[1991]", "trend[1992]", "trend[1993]"]


def test_independent_draws_have_no_diagnostics_of_chains() -> None:
    fit = made_up(x=Array((), draws()))
    texts = {**fit.content.texts, "method": "svi", "settings": json.dumps({"guide": "mean-field", "steps": 10, "draws": 5})}
    fit = Fit(type(fit.content)(fit.content.groups, fit.content.coords, texts, {}))
    assert "R-hat" not in str(fit.summary())
    assert "mean-field normal approximation" in str(fit.summary())
    assert fit.summary().rows[0].r_hat is None


def test_numbers_for_machines_are_json() -> None:
    values = draws()
    values[0, 0] = np.inf
    rows = json.loads(json.dumps(made_up(x=Array((), values), k=Array((), np.full((2, 5), 3))).summary().to_json(), allow_nan=False))[
        "rows"
    ]
    assert rows[0]["mean"] is None
    assert (rows[1]["mean"], rows[1]["sd"], rows[1]["r_hat"]) == (3, 0, None)


def test_labels_cannot_play_tricks_on_the_terminal() -> None:
    MEMBERS["Evil"] = np.array(["\x1b[2J", "a\u202eb"], dtype=object)
    text = str(made_up(x=Array(("Evil",), draws(2))).summary())
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_long_tables_can_be_cut() -> None:
    text = made_up(trend=Array(("Year",), draws(4))).summary().text(3)
    assert text.endswith("... and 1 more row\n")
    assert "trend[1993]" not in text


def test_params_alone_are_summarised() -> None:
    """There are no coordinates to draw: every draw is the one number."""
    fit = pplang.compile_text("data Row:\n  y : real\n\nparam k : real\ny[i in Row] ~ Normal(k, 1)\n").fit({"y": [1.0, 2.0]}, draws=10)
    assert fit.method == "vi"
    (row,) = fit.summary().rows
    assert (row.label, round(row.mean, 6), row.sd) == ("k", 1.5, 0.0)


def test_members_of_a_set_have_their_labels_and_probabilities() -> None:
    states = np.array([[[0, 1], [1, 1], [1, 1], [1, 1]]])
    fit = made_up(mood=Array(("Coef",), states))
    fit = Fit(type(fit.content)(fit.content.groups, fit.content.coords, {**fit.content.texts, "members": '{"mood": ["calm", "wild"]}'}, {}))
    assert fit["mood"].values.tolist() == [[["calm", "wild"], *[["wild", "wild"]] * 3]]
    assert fit.draws("mood").tolist() == states.tolist()
    first, second = MEMBERS["Coef"]
    means = {row.label: row.mean for row in fit.summary().rows}
    assert means == {
        f"mood[{first}] = calm": 0.25,
        f"mood[{first}] = wild": 0.75,
        f"mood[{second}] = calm": 0,
        f"mood[{second}] = wild": 1,
    }
    assert columns(fit)[f"mood[{first}]"].tolist() == ["calm", "wild", "wild", "wild"]
