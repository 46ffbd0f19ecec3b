"""The posteriors with known answers that pplang can fit so far, and the program written for each.

Several posteriors share a program: two data sets, or the same model written by hand in two parameterisations.
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
DATABASE = HERE.parents[2] / "shared" / "posteriordb"
PROGRAMS = HERE / "programs"

CASES = {
    "GLMM_Poisson_data-GLMM_Poisson_model": "GLMM_Poisson",
    "GLM_Binomial_data-GLM_Binomial_model": "GLM_Binomial",
    "M0_data-M0_model": "M0",
    "Mh_data-Mh_model": "Mh",
    "Mt_data-Mt_model": "Mt",
    "Mtbh_data-Mtbh_model": "Mtbh",
    "Rate_1_data-Rate_1_model": "rate_1",
    "Rate_2_data-Rate_2_model": "rate_2",
    "Rate_4_data-Rate_4_model": "rate_4",
    "Survey_data-Survey_model": "Survey",
    "arK-arK": "arK",
    "bball_drive_event_0-hmm_drive_0": "hmm_drive",
    "dogs-dogs": "dogs",
    "dogs-dogs_nonhierarchical": "dogs_nonhierarchical",
    "earnings-earn_height": "earn_height",
    "earnings-log10earn_height": "log10earn_height",
    "earnings-logearn_height": "logearn_height",
    "earnings-logearn_interaction": "logearn_interaction",
    "eight_schools-eight_schools_centered": "eight_schools",
    "eight_schools-eight_schools_noncentered": "eight_schools",
    "garch-garch11": "garch11",
    "hmm_example-hmm_example": "hmm_example",
    "gp_pois_regr-gp_pois_regr": "gp_pois_regr",
    "gp_pois_regr-gp_regr": "gp_regr",
    "irt_2pl-irt_2pl": "irt_2pl",
    "kidiq-kidscore_interaction": "kidscore_interaction",
    "kidiq-kidscore_momhs": "kidscore_momhs",
    "kidiq-kidscore_momhsiq": "kidscore_momhsiq",
    "kidiq_with_mom_work-kidscore_interaction_c2": "kidscore_interaction_c2",
    "kidiq_with_mom_work-kidscore_mom_work": "kidscore_mom_work",
    "kilpisjarvi_mod-kilpisjarvi": "kilpisjarvi",
    "low_dim_gauss_mix-low_dim_gauss_mix": "low_dim_gauss_mix",
    "mcycle_gp-accel_gp": "accel_gp",
    "mesquite-logmesquite": "logmesquite",
    "mesquite-logmesquite_logva": "logmesquite_logva",
    "mesquite-logmesquite_logvolume": "logmesquite_logvolume",
    "mesquite-mesquite": "mesquite",
    "nes1972-nes": "nes",
    "nes1980-nes": "nes",
    "nes1988-nes": "nes",
    "pilots-pilots": "pilots",
    "radon_all-radon_county_intercept": "radon_county_intercept",
    "radon_all-radon_variable_intercept_slope_centered": "radon_variable_intercept_slope",
    "radon_all-radon_variable_intercept_slope_noncentered": "radon_variable_intercept_slope",
    "radon_all-radon_variable_slope_centered": "radon_variable_slope",
    "radon_all-radon_variable_slope_noncentered": "radon_variable_slope",
    "radon_mn-radon_hierarchical_intercept_centered": "radon_hierarchical_intercept",
    "radon_mn-radon_hierarchical_intercept_noncentered": "radon_hierarchical_intercept",
    "radon_mn-radon_partially_pooled_centered": "radon_partially_pooled",
    "radon_mn-radon_partially_pooled_noncentered": "radon_partially_pooled",
    "radon_mn-radon_pooled": "radon_pooled",
    "radon_mn-radon_variable_intercept_centered": "radon_variable_intercept",
    "radon_mn-radon_variable_intercept_noncentered": "radon_variable_intercept",
    "radon_mod-radon_county": "radon_county",
    "sblrc-blr": "blr",
    "seeds_data-seeds_model": "seeds",
    "seeds_data-seeds_stanified_model": "seeds_stanified",
    "wells_data-wells_daae_c_model": "wells_daae_c",
    "wells_data-wells_dae_inter_model": "wells_dae_inter",
    "wells_data-wells_dist": "wells_dist",
    "wells_data-wells_dist100ars_model": "wells_dist100ars",
    "wells_data-wells_interaction_model": "wells_interaction",
}


OPEN = ("mcycle_gp-accel_gp",)
"""Posteriors that NUTS does not match yet, and says so: 69 to 204 divergent transitions, 1 to 6 million gradients, the verdict poor. Two processes on
bases of 40 and 20 functions, whose coefficients narrow as their length scales grow."""


def one_fit_each() -> list[tuple[str, ...]]:
    """Posteriors that are the same program on the same data, to be fitted once and judged against the reference of each; but those that are open."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name, program in CASES.items():
        if name in OPEN:
            continue
        groups.setdefault((program, name.split("-")[0]), []).append(name)
    return [tuple(names) for names in groups.values()]


IN_THE_SUITE = (
    "eight_schools-eight_schools_centered",
    "kidiq-kidscore_momhsiq",
    "GLMM_Poisson_data-GLMM_Poisson_model",
    "radon_mn-radon_variable_intercept_centered",
)
"""The few that every run of the tests fits; the others are for `make slow`."""

WIDER = {"seeds_data-seeds_model": ("tau", 0.25)}
"""Parameters whose reference is itself off by nearly what the rule for the spread allows, and the allowance that is made for them.

`tau` has so heavy a tail that the reference's 95% quantile (268, from 16,000 draws) is uncertain by more than a tenth: two runs of 80,000 draws of a
model written by hand in NumPyro gave 245 and 245, and ours give 230 to 257.
"""

ACCEPTANCE = {"pilots-pilots": 0.95}
"""The acceptance aimed at where 0.8 lets a few transitions diverge, as the note of such a fit advises: 12 of 8,000 here, and `sigma_a`, whose far tail
they miss, had 0.87 of the sd of the reference. That sd is itself uncertain by 3 to 8% in fits of this length."""
