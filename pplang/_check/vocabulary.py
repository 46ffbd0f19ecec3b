"""The words that the checker knows beside the catalogue, and what stands for a part that is at fault."""

from __future__ import annotations

from pplang._ir import expression as ir
from pplang._ir.kinds import NAMED, Interval
from pplang._records import dataclass

REDUCTIONS = ("sum", "mean", "max", "min", "prod", "any", "all", "logsumexp", "sd", "triangle")
ASSERTIONS = tuple(name for name, kind in NAMED.items() if isinstance(kind, Interval))


@dataclass(frozen=True)
class Invalid(ir.Node):
    """Something already reported."""


_TRUTH = "there are no constants for true and false: write a comparison, or 1 and 0 in arithmetic"
_ENDLESS = "there is no constant for infinity: leave the bound out"
CONSTANTS = {
    "pi": "define it: pi = 3.141592653589793",
    "e": "define it: e = exp(1)",
    "true": _TRUTH, "false": _TRUTH, "True": _TRUTH, "False": _TRUTH, "TRUE": _TRUTH, "FALSE": _TRUTH,
    "inf": _ENDLESS, "Inf": _ENDLESS, "infinity": _ENDLESS,
}  # fmt: skip
"""Names that mean something elsewhere and nothing here, and what to write."""

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
    "dgamma": "Gamma",
    "dbeta": "Beta",
    "dbern": "Bernoulli",
    "dbin": "Binomial",
    "dbinom": "Binomial",
    "dpois": "Poisson",
    "dunif": "Uniform",
    "dexp": "Exponential",
    "dcat": "Categorical",
    "ddirch": "Dirichlet",
    "dmnorm": "MultiNormal",
    "dlnorm": "LogNormal",
    "dt": "StudentT",
    "dweib": "Weibull",
    "dlogis": "Logistic",
    "dinvgamma": "InverseGamma",
    "dmulti": "Multinomial",
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
    "cumulative": "OrderedLogistic",
    "sratio": "SequentialLogistic",
    "acat": "AdjacentLogistic",
    "wald": "InverseGaussian",
    "exgaussian": "ExponentiallyModifiedNormal",
    "expmodnormal": "ExponentiallyModifiedNormal",
    "bernoullilogit": "Bernoulli",
    "binomiallogit": "Binomial",
    "poissonlog": "Poisson",
    "gaussianprocess": "GP",
    "categoricallogit": "Categorical",
}
"""What other tools call a distribution of ours, in lower case without underscores."""
