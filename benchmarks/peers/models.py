"""The ten posteriors of the comparison: where their data lie, which program of ours says them, and what is compared.

Five have Gaussian likelihoods linear in their unknowns, five have not: the bars differ.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
DATABASE = ROOT.parent / "shared" / "posteriordb"
PROGRAMS = ROOT / "tests" / "posteriordb" / "programs"


@dataclass(frozen=True)
class Case:
    """posterior: its folder in the data base. program: ours. compared: the variables whose least bulk ESS counts, under the same names in every tool."""

    posterior: str
    program: str
    compared: tuple[str, ...]
    linear: bool

    def data(self) -> dict[str, Any]:
        """The data, arrays as NumPy's."""
        values = json.loads((DATABASE / self.posterior / "data.json").read_text(encoding="utf-8"))
        return {name: np.array(value) if isinstance(value, list) else value for name, value in values.items()}

    def inputs(self) -> dict[str, Any]:
        """What our program takes from outside its table."""
        text = "\n" + (PROGRAMS / f"{self.program}.ppl").read_text(encoding="utf-8")
        values = json.loads((DATABASE / self.posterior / "data.json").read_text(encoding="utf-8"))
        return {name: value for name, value in values.items() if f"\ninput {name} " in text or f"\ninput {name}[" in text}

    def tables(self) -> list[Path]:
        text = (PROGRAMS / f"{self.program}.ppl").read_text(encoding="utf-8")
        return [DATABASE / self.posterior / "data.csv"] if "data " in text else []


CASES = {
    "eight_schools": Case("eight_schools-eight_schools_noncentered", "eight_schools", ("mu", "tau", "theta"), True),
    "radon_hierarchical_intercept": Case(
        "radon_mn-radon_hierarchical_intercept_centered",
        "radon_hierarchical_intercept",
        ("mu_alpha", "beta", "sigma_alpha", "sigma_y", "alpha"),
        True,
    ),
    "radon_variable_intercept_slope": Case(
        "radon_all-radon_variable_intercept_slope_centered",
        "radon_variable_intercept_slope",
        ("mu_alpha", "mu_beta", "sigma_alpha", "sigma_beta", "sigma_y", "alpha", "beta"),
        True,
    ),
    "kidscore_momhsiq": Case("kidiq-kidscore_momhsiq", "kidscore_momhsiq", ("beta", "sigma"), True),
    "earn_height": Case("earnings-earn_height", "earn_height", ("beta", "sigma"), True),
    "glmm_poisson": Case(
        "GLMM_Poisson_data-GLMM_Poisson_model", "GLMM_Poisson", ("alpha", "beta1", "beta2", "beta3", "sigma", "eps"), False
    ),
    "seeds": Case("seeds_data-seeds_stanified_model", "seeds_stanified", ("alpha0", "alpha1", "alpha2", "alpha12", "sigma", "b"), False),
    "wells_interaction": Case("wells_data-wells_interaction_model", "wells_interaction", ("alpha", "beta"), False),
    "low_dim_gauss_mix": Case("low_dim_gauss_mix-low_dim_gauss_mix", "low_dim_gauss_mix", ("mu", "sigma", "theta"), False),
    "irt_2pl": Case("irt_2pl-irt_2pl", "irt_2pl", ("sigma_theta", "sigma_a", "mu_b", "sigma_b", "theta", "a", "b"), False),
}
