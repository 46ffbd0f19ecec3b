"""Distributions of a whole vector or matrix, and distributions made of distributions."""

from __future__ import annotations

from math import inf

from pplang._catalogue.build import NUMPYRO, RUNTIME, distribution, form, matrix, positive, real, simplex, unit
from pplang._catalogue.entry import Argument, DistributionEntry, Support
from pplang._ir.kinds import Boolean, Interval

_NUMBER, _MORE_THAN_ONE = Interval(1, inf, integer=True), Interval(1, inf, lower_open=True)
_OWN = RUNTIME + "joint."
_VITERBI = RUNTIME + "viterbi."
_WRAPPERS = RUNTIME + "wrappers."


def _mean(name: str = "mean") -> Argument:
    return real(name, "K", number=True)


def _scale() -> Argument:
    return positive("scale", "K", number=True)


JOINT = (
    DistributionEntry(
        "Dirichlet",
        (form(NUMPYRO + "Dirichlet", positive("concentration", "K", number=True)),),
        Support(0, 1, lower_open=True, upper_open=True, structure="simplex"),
        event=("K",),
        summary="Proportions that sum to one.",
        cumulative=False,
    ),
    DistributionEntry(
        "MultiNormal",
        (
            form(NUMPYRO + "MultivariateNormal", _mean(), matrix("cov", "covariance"), mean="loc", cov="covariance_matrix"),
            form(_OWN + "multi_normal_of_correlation", _mean(), _scale(), matrix("corr", "correlation")),
            form(_OWN + "multi_normal_of_correlation", _mean(), _scale(), matrix("corr_cholesky", "correlation_cholesky")),
            form(NUMPYRO + "MultivariateNormal", _mean(), real("cholesky", "K", "K"), mean="loc", cholesky="scale_tril"),
            form(NUMPYRO + "MultivariateNormal", _mean(), matrix("precision", "covariance"), mean="loc", precision="precision_matrix"),
        ),
        Support(),
        event=("K",),
        summary="The multivariate normal, by covariance, by standard deviations and correlations, by a Cholesky factor, or by precision.",
        cumulative=False,
    ),
    DistributionEntry(
        "MultiStudentT",
        (
            form(_OWN + "multi_student_t", positive("degrees"), _mean("location"), matrix("scale_matrix", "covariance")),
            form(_OWN + "multi_student_t", positive("degrees"), _mean("location"), real("cholesky", "K", "K")),
        ),
        Support(),
        event=("K",),
        summary="The multivariate Student t; its covariance is scale_matrix * degrees / (degrees - 2).",
        cumulative=False,
    ),
    DistributionEntry(
        "GP",
        (
            form(
                _OWN + "gaussian_process",
                _mean(),
                matrix("cov", "covariance"),
                positive("jitter", default=1e-6),
            ),
            form("", _mean(), real("cov", "K", "K"), Argument("basis", _NUMBER), Argument("boundary", _MORE_THAN_ONE, default=1.5)),
        ),
        Support(),
        event=("K",),
        summary="A Gaussian process at the members of K; `jitter` times the mean of the diagonal is added to the diagonal of cov. With `basis` it is "
        "a sum of so many functions of each input, which vanish at `boundary` half ranges from the middle.",
        cumulative=False,
    ),
    DistributionEntry(
        "Chain",
        (
            form(RUNTIME + "chains.Chain", real("first", "T", "K"), real("step", "K", "K"), real("weight", "T", "K"), along="T"),
            form(
                RUNTIME + "chains.VaryingChain", real("first", "T", "K"), real("steps", "T", "K", "K"), real("weight", "T", "K"), along="T"
            ),
        ),
        Support(member_of="K", integer=True),
        event=("T",),
        summary="A path z of members of K along an ordered set T, with probability proportional to exp(first[1, z[1]] + step[z[1], z[2]] + ... + weight[1, z[1]] + ...).",
        cumulative=False,
    ),
    DistributionEntry(
        "MostProbablePath",
        (
            form(_VITERBI + "MostProbablePath", real("first", "T", "K"), real("step", "K", "K"), real("weight", "T", "K"), along="T"),
            form(
                _VITERBI + "VaryingMostProbablePath",
                real("first", "T", "K"),
                real("steps", "T", "K", "K"),
                real("weight", "T", "K"),
                along="T",
            ),
        ),
        Support(member_of="K", integer=True),
        event=("T",),
        summary="All mass on the path that is the most probable under Chain (Viterbi); what `@viterbi` gives.",
        cumulative=False,
    ),
    DistributionEntry(
        "LKJ",
        (form(NUMPYRO + "LKJ", positive("shape"), sizes=(("K", "dimension"),), shape="concentration"),),
        Support(-1, 1, structure="correlation"),
        event=("K", "K"),
        summary="A correlation matrix R with density proportional to det(R)^(shape - 1).",
        cumulative=False,
    ),
    DistributionEntry(
        "LKJCholesky",
        (form(NUMPYRO + "LKJCholesky", positive("shape"), sizes=(("K", "dimension"),), shape="concentration"),),
        Support(-1, 1, structure="correlation_cholesky"),
        event=("K", "K"),
        summary="The Cholesky factor of a correlation matrix that has an LKJ(shape).",
        cumulative=False,
    ),
    DistributionEntry(
        "Wishart",
        (form(NUMPYRO + "Wishart", positive("degrees"), matrix("scale_matrix", "covariance"), degrees="concentration"),),
        Support(structure="covariance"),
        event=("K", "K"),
        summary="A covariance matrix with mean degrees * scale_matrix.",
        cumulative=False,
    ),
    DistributionEntry(
        "InverseWishart",
        (form(NUMPYRO + "InverseWishart", positive("degrees"), matrix("scale_matrix", "covariance"), degrees="concentration"),),
        Support(structure="covariance"),
        event=("K", "K"),
        summary="A covariance matrix with mean scale_matrix / (degrees - size - 1).",
        cumulative=False,
    ),
)


def _boolean(name: str) -> Argument:
    return Argument(name, Boolean())


WRAPPERS = (
    DistributionEntry(
        "Truncated",
        (
            form(_WRAPPERS + "Truncated", distribution(), real("lower"), real("upper"), distribution="base"),
            form(_WRAPPERS + "Truncated", distribution(), real("lower"), distribution="base"),
            form(_WRAPPERS + "Truncated", distribution(), real("upper"), distribution="base"),
        ),
        Support("lower", "upper"),
        wrapper=True,
        summary="The distribution given that the draw lies between the bounds, both included.",
    ),
    DistributionEntry(
        "Censored",
        (
            form(_WRAPPERS + "Censored", distribution(), _boolean("right"), distribution="base"),
            form(_WRAPPERS + "Censored", distribution(), _boolean("left"), distribution="base"),
            form(_WRAPPERS + "Censored", distribution(), _boolean("right"), _boolean("left"), distribution="base"),
        ),
        Support(),
        wrapper=True,
        summary="Where `right` (`left`) holds, only that the draw is at least (at most) the recorded value is known.",
        cumulative=False,
    ),
    DistributionEntry(
        "Interval",
        (form(_WRAPPERS + "Interval", distribution(), real("lower"), real("upper"), distribution="base"),),
        Support("lower", "upper"),
        wrapper=True,
        summary="Only that the draw lies between the bounds is known; where they are equal, the draw itself is.",
        cumulative=False,
    ),
    DistributionEntry(
        "Ordered",
        (form(_WRAPPERS + "Ordered", distribution(), sizes=(("K", "size"),), distribution="base"),),
        Support(structure="ordered"),
        event=("K",),
        wrapper=True,
        summary="Independent draws, one for each member, sorted: increasing in label order.",
        cumulative=False,
    ),
    DistributionEntry(
        "Independent",
        (form(_WRAPPERS + "independent", distribution(), sizes=(("K", "size"),), distribution="base"),),
        Support(),
        event=("K",),
        wrapper=True,
        summary="Independent normal draws, one for each member, as one joint draw: what the compiler makes of sites that move together.",
        cumulative=False,
    ),
    DistributionEntry(
        "SumToZero",
        (form(_WRAPPERS + "sum_to_zero", distribution(), sizes=(("K", "size"),), distribution="base"),),
        Support(structure="sum_to_zero"),
        event=("K",),
        wrapper=True,
        summary="Independent normal draws, one for each member, given that they sum to zero.",
        cumulative=False,
    ),
    DistributionEntry(
        "ZeroInflated",
        (form(_WRAPPERS + "ZeroInflated", unit("p"), distribution(), p="gate", distribution="base"),),
        Support(0, inf, integer=True),
        wrapper=True,
        summary="Zero with probability p, otherwise a draw of the distribution.",
    ),
    DistributionEntry(
        "Mixture",
        (form(_WRAPPERS + "Mixture", distribution("component"), simplex("weights", "K"), component="base"),),
        Support(),
        wrapper=True,
        summary="`Mixture(d for k in K, weights = w)`: a draw of component k with probability w[k].",
    ),
    DistributionEntry(
        "Transformed",
        (form(_WRAPPERS + "transformed", distribution(), Argument("bijection", role="bijection"), distribution="base"),),
        Support(),
        wrapper=True,
        summary="A bijection of the draw, which has no bounds: what the compiler makes of a bounded latent.",
        cumulative=False,
    ),
)
