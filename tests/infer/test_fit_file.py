"""The fit file: what is in it, who else can read it, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers_infer import SCHOOL_DATA, SCHOOLS
from made_fits import TEXTS, draws, made_up

import pplang
from pplang._fit import Array, Fit


@pytest.fixture
def whole() -> Fit:
    return made_up(
        x=Array((), draws()),
        R=Array(("Coef", "Coef"), draws(2, 2)),
        trend=Array(("Year",), draws(4)),
        heads=Array(("Year",), draws(4) > 0),
        count=Array(("Coef_2",), draws(3).astype(np.int64)),
    )


def test_what_is_saved_is_loaded(whole: Fit, tmp_path: Path) -> None:
    whole.save(tmp_path / "a.fit.nc")
    again = pplang.load(tmp_path / "a.fit.nc")
    assert again.content.texts == TEXTS
    assert set(again.names) == set(whole.names)
    for group, variables in whole.content.groups.items():
        for name, variable in variables.items():
            other = again.content.groups[group][name]
            assert other.dims == variable.dims
            assert other.values.dtype == variable.values.dtype
            np.testing.assert_array_equal(other.values, variable.values)
    for dim, labels in whole.content.coords.items():
        assert list(again.content.coords[dim]) == list(labels)


def test_the_order_of_the_program_survives(whole: Fit, tmp_path: Path) -> None:
    whole.save(tmp_path / "a.fit.nc")
    assert pplang.load(tmp_path / "a.fit.nc").names == whole.names == ("x", "R", "trend", "heads", "count")


def test_a_set_that_stands_twice_has_two_axes(whole: Fit) -> None:
    assert whole.posterior["R"].dims == ("chain", "draw", "Coef", "Coef_2_")  # a set has the name Coef_2
    assert made_up(R=Array(("Coef", "Coef"), draws(2, 2))).posterior["R"].dims == ("chain", "draw", "Coef", "Coef_2")


def test_names_that_clash_with_the_axes_of_draws_step_aside(tmp_path: Path) -> None:
    fit = made_up(chain=Array((), draws()), b=Array(("draw",), draws(1)))
    assert fit.names == ("chain_", "b")
    assert fit.posterior["b"].dims == ("chain", "draw", "draw_")
    fit.save(tmp_path / "a.fit.nc")
    np.testing.assert_array_equal(pplang.load(tmp_path / "a.fit.nc").draws("chain_"), fit.draws("chain_"))


def test_xarray_and_arviz_read_it(whole: Fit, tmp_path: Path) -> None:
    import arviz_base
    import xarray

    whole.save(tmp_path / "a.fit.nc")
    for tree in (xarray.open_datatree(tmp_path / "a.fit.nc", engine="h5netcdf"), whole.to_arviz()):
        np.testing.assert_array_equal(tree["posterior"]["trend"].sel(Year=1992), whole.draws("trend")[..., 2])
        np.testing.assert_array_equal(tree["posterior"]["R"].sel(Coef="slöpe").isel(Coef_2_=0), whole.draws("R")[:, :, 1, 0])
        assert tree["constant_data"]["flag"].dtype == bool
        assert list(tree["posterior"]["count"].coords["Coef_2"].values) == ["p", "q", "r"]
        assert arviz_base.extract(tree)["trend"].shape == (4, 10)
    assert whole["trend"].sel(Year=1990).shape == (2, 5)
    with pytest.raises(KeyError):
        whole["nothing"]


def test_a_real_fit_holds_what_made_it(tmp_path: Path) -> None:
    model = pplang.compile_text(SCHOOLS, name="schools.ppl")
    fit = model.fit(SCHOOL_DATA, method="svi", seed=4, steps=60, draws=30)
    fit.save(tmp_path / "s.nc")
    again = pplang.load(tmp_path / "s.nc")
    assert (again.source, again.method, again.seed) == (SCHOOLS, "svi", 4)
    assert again.settings == {"method": "svi", "seed": 4, "guide": "mean-field", "steps": 60, "draws": 30}
    assert again.model.program == model.program
    assert {"jax", "numpyro"} <= set(again.versions)
    assert "theta" in json.dumps(again.plan)
    assert list(again["theta"].coords["School"].values) == list("ABCDEFGH")
    np.testing.assert_array_equal(again.content.groups["observed_data"]["effect"].values, SCHOOL_DATA["effect"])
    np.testing.assert_array_equal(again.content.groups["constant_data"]["se"].values, SCHOOL_DATA["se"])
    assert again.content.groups["history"]["elbo"].values.shape == (60,)
    assert str(again.summary()) == str(fit.summary())


def test_what_the_data_determine_is_kept_by_its_name() -> None:
    """`yield` is a word of Python's; a member of a range is its number."""
    model = (
        "data Row:\n  y : real\nindex Step ordered = 2..3\nmu ~ Normal(0, 1)\ny[r in Row] ~ Normal(mu, 1)\nreport yield[t in Step] = t\n"
    )
    fit = pplang.compile_text(model).fit({"y": [0.3, 1.0]}, seed=1)
    assert fit["yield"].to_series().to_dict() == {2: 2, 3: 3}


def test_nothing_is_overwritten_unless_asked(whole: Fit, tmp_path: Path) -> None:
    path = tmp_path / "a.fit.nc"
    whole.save(path)
    with pytest.raises(pplang.Problems) as caught:
        whole.save(path)
    assert caught.value.diagnostics[0].code == "O01"
    whole.save(path, force=True)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.fit.nc"]


def code_of(path: Path) -> str:
    with pytest.raises(pplang.Problems) as caught:
        pplang.load(path)
    return caught.value.diagnostics[0].code


def test_other_files_are_refused(tmp_path: Path) -> None:
    assert code_of(tmp_path / "none.nc") == "I20"
    text = tmp_path / "text.nc"
    text.write_text("no HDF5")
    assert code_of(text) == "F30"
    with h5py.File(tmp_path / "other.nc", "w") as file:
        file["x"] = np.ones(3)
    assert code_of(tmp_path / "other.nc") == "F30"
    with h5py.File(tmp_path / "empty.nc", "w"):
        pass
    assert code_of(tmp_path / "empty.nc") == "F30"


def test_a_file_that_was_cut_short_is_refused(whole: Fit, tmp_path: Path) -> None:
    path = tmp_path / "a.fit.nc"
    whole.save(path)
    content = path.read_bytes()
    for part in (0.3, 0.6, 0.95):
        path.write_bytes(content[: int(len(content) * part)])
        assert code_of(path) == "F30"


@pytest.mark.parametrize("text", ["settings", "plan", "versions", "seed"])
def test_texts_that_are_not_what_they_should_be(whole: Fit, tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.fit.nc"
    whole.save(path)
    with h5py.File(path, "r+") as file:
        del file["pplang"][text]
        file["pplang"].create_dataset(text, data="[[[", dtype=h5py.string_dtype())
    assert code_of(path) == "F30"


def test_links_out_of_the_file_are_not_followed(whole: Fit, tmp_path: Path) -> None:
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = np.arange(10.0)
    for kind in ("external link", "soft link", "virtual", "raw"):
        path = tmp_path / f"{kind}.nc"
        whole.save(path)
        with h5py.File(path, "r+") as file:
            group = file["posterior"]
            if kind == "external link":
                group["stolen"] = h5py.ExternalLink(str(secret), "/x")
            elif kind == "soft link":
                group["stolen"] = h5py.SoftLink("/pplang/model")
            elif kind == "virtual":
                layout = h5py.VirtualLayout((10,), float)
                layout[:] = h5py.VirtualSource(str(secret), "x", (10,))
                group.create_virtual_dataset("stolen", layout)
            else:
                group.create_dataset("stolen", (10,), np.uint8, external=[(str(secret), 0, 10)])
        assert code_of(path) == "F31"


def test_arrays_that_claim_to_be_huge_are_refused(whole: Fit, tmp_path: Path) -> None:
    path = tmp_path / "a.fit.nc"
    whole.save(path)
    with h5py.File(path, "r+") as file:
        file["posterior"].create_dataset("big", (10**7, 10**7), float, chunks=(1000, 1000))
    assert code_of(path) == "F30"


def test_draws_of_the_wrong_form_are_refused(whole: Fit, tmp_path: Path) -> None:
    path = tmp_path / "a.fit.nc"
    whole.save(path)
    with h5py.File(path, "r+") as file:
        file["posterior"].create_dataset("odd", data=np.ones(7))
    assert code_of(path) == "F30"
