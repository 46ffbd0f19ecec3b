"""The words that the checker knows beside the catalogue, and what stands for a part that is at fault."""

from __future__ import annotations

from pplang._ir import expression as ir
from pplang._ir.kinds import NAMED, Interval
from pplang._records import dataclass

REDUCTIONS = ("sum", "mean", "max", "min", "prod", "any", "all", "logsumexp", "sd")
ASSERTIONS = tuple(name for name, kind in NAMED.items() if isinstance(kind, Interval))


@dataclass(frozen=True)
class Invalid(ir.Node):
    """Something already reported."""


FUNCTIONS_ELSEWHERE = {
    "ln": "log",
    "inv_logit": "logistic",
    "invlogit": "logistic",
    "expit": "logistic",
    "sigmoid": "logistic",
    "phi": "normal_cdf",
    "pnorm": "normal_cdf",
    "gammaln": "lgamma",
    "log_gamma": "lgamma",
    "log_sum_exp": "logsumexp",
    "len": "size",
    "length": "size",
    "std": "sd",
    "fabs": "abs",
    "cumsum": "cumulative_sum",
    "log_inv_logit": "log_logistic",
    "dot_product": "sum",
    "dot": "sum",
}
"""What other tools call a function of ours."""

DISTRIBUTIONS_ELSEWHERE = {
    "gaussian": "Normal",
    "norm": "Normal",
    "dnorm": "Normal",
    "halft": "HalfStudentT",
    "t": "StudentT",
    "students": "StudentT",
    "invgamma": "InverseGamma",
    "multivariatenormal": "MultiNormal",
    "mvnormal": "MultiNormal",
    "mvn": "MultiNormal",
    "multinormalcholesky": "MultiNormal",
    "doubleexponential": "Laplace",
    "negativebinomial": "NegBinomial",
    "negativebinomial2": "NegBinomial",
    "negbinomial2": "NegBinomial",
    "improperuniform": "Flat",
    "improper": "Flat",
    "lkjcorr": "LKJ",
    "lkjcorrcholesky": "LKJCholesky",
    "orderedlogit": "OrderedLogistic",
    "bernoullilogit": "Bernoulli",
    "binomiallogit": "Binomial",
    "poissonlog": "Poisson",
    "gaussianprocess": "GP",
    "categoricallogit": "Categorical",
}
"""What other tools call a distribution of ours, in lower case without underscores."""
