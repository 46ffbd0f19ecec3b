"""Fits that were not made by fitting."""

from __future__ import annotations

import json

import numpy as np

from pplang._fit import Array, Fit, assemble

TEXTS = {
    "model": "x ~ Normal(0, 1)\n",
    "name": "x.ppl",
    "method": "nuts",
    "seed": "1",
    "settings": json.dumps({"chains": 2, "draws": 5, "warmup": 3}),
    "plan": "{}",
    "schema": "{}",
    "versions": "{}",
}
MEMBERS = {
    "Coef": np.array(["intercept", "slöpe"], dtype=object),
    "Coef_2": np.array(["p", "q", "r"], dtype=object),
    "Year": np.arange(1990, 1994),
    "draw": np.array(["a"], dtype=object),
}


def made_up(**posterior: Array) -> Fit:
    return assemble(
        posterior=posterior,
        statistics={"diverging": np.zeros((2, 5), bool), "lp": np.ones((2, 5))},
        history={"elbo": np.arange(4.0)},
        observed={"y": Array(("Year",), np.arange(4.0))},
        constant={"flag": Array(("Year",), np.array([True, False, True, True])), "n": Array((), np.array(3))},
        transport={},
        coordinates=lambda name: MEMBERS[name],
        texts=TEXTS,
        attributes={"inference_library": "pplang"},
    )


def draws(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((2, 5, *shape))
