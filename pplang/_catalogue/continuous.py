"""Distributions of one real number. Argument orders and meanings are Stan's."""

from __future__ import annotations

from math import inf, pi

from pplang._catalogue.build import (
    NUMPYRO,
    OPEN_UNIT,
    OPEN_UNIT_KIND,
    POSITIVES,
    REALS,
    RUNTIME,
    form,
    positive,
    real,
)
from pplang._catalogue.entry import Argument, DistributionEntry, LocationScale, Support

_LIFETIMES = RUNTIME + "lifetimes."
_OWN = RUNTIME + "continuous."


def _student_information(degrees: float) -> float:
    return (degrees + 1) / (degrees + 3)


ON_THE_LINE = (
    DistributionEntry(
        "Normal",
        (form(NUMPYRO + "Normal", real("mean"), positive("sd"), mean="loc", sd="scale"),),
        REALS,
        family=LocationScale("mean", "sd", information=1.0),
        summary="The normal distribution; `sd` is the standard deviation.",
    ),
    DistributionEntry(
        "StudentT",
        (form(NUMPYRO + "StudentT", positive("degrees"), real("location"), positive("scale"), degrees="df", location="loc"),),
        REALS,
        family=LocationScale("location", "scale", standard=("degrees",), information=_student_information),
        summary="Student's t; heavier tails the fewer the degrees of freedom.",
    ),
    DistributionEntry(
        "Cauchy",
        (form(NUMPYRO + "Cauchy", real("location"), positive("scale"), location="loc"),),
        REALS,
        family=LocationScale("location", "scale", information=0.5),
        summary="The Cauchy distribution, Student's t with one degree of freedom.",
    ),
    DistributionEntry(
        "Laplace",
        (form(NUMPYRO + "Laplace", real("location"), positive("scale"), location="loc"),),
        REALS,
        family=LocationScale("location", "scale", information=1.0),
        summary="The double exponential distribution.",
    ),
    DistributionEntry(
        "Logistic",
        (form(NUMPYRO + "Logistic", real("location"), positive("scale"), location="loc"),),
        REALS,
        family=LocationScale("location", "scale", information=1 / 3),
        summary="The logistic distribution.",
    ),
    DistributionEntry(
        "Gumbel",
        (form(NUMPYRO + "Gumbel", real("location"), positive("scale"), location="loc"),),
        REALS,
        family=LocationScale("location", "scale", information=1.0),
        summary="The distribution of maxima; skewed to the right.",
    ),
    DistributionEntry(
        "SoftLaplace",
        (form(NUMPYRO + "SoftLaplace", real("location"), positive("scale"), location="loc"),),
        REALS,
        family=LocationScale("location", "scale"),
        summary="Between the normal and the Laplace: tails like exp(-|x| / scale), smooth in the middle (the hyperbolic secant).",
    ),
    DistributionEntry(
        "SkewNormal",
        (form(_OWN + "SkewNormal", real("location"), positive("scale"), real("shape")),),
        REALS,
        family=LocationScale("location", "scale", standard=("shape",)),
        summary="A normal distribution with skewness; `shape` 0 is the normal.",
        cumulative=False,
    ),
    DistributionEntry(
        "SkewLaplace",
        (form(_OWN + "SkewLaplace", real("location"), positive("scale"), Argument("skew", OPEN_UNIT_KIND)),),
        REALS,
        family=LocationScale("location", "scale", standard=("skew",)),
        summary="Stan's skew double exponential; `location` is its `skew` quantile.",
    ),
    DistributionEntry(
        "ExponentiallyModifiedNormal",
        (form(_OWN + "ExponentiallyModifiedNormal", real("mean"), positive("sd"), positive("rate")),),
        REALS,
        summary="The sum of a Normal(mean, sd) and an Exponential(rate).",
    ),
    DistributionEntry(
        "Uniform",
        (form(NUMPYRO + "Uniform", real("lower"), real("upper"), lower="low", upper="high"),),
        Support("lower", "upper"),
        summary="Every value between the bounds is equally likely.",
    ),
    DistributionEntry(
        "VonMises",
        (form(NUMPYRO + "VonMises", real("mean"), positive("concentration"), mean="loc"),),
        Support(-pi, pi),
        summary="A direction, an angle between minus pi and pi.",
        cumulative=False,
    ),
    DistributionEntry(
        "Flat",
        (
            form(_OWN + "Flat"),
            form(_OWN + "Flat", real("lower"), real("upper")),
            form(_OWN + "Flat", real("lower")),
            form(_OWN + "Flat", real("upper")),
        ),
        Support("lower", "upper"),
        summary="An improper density of one, everywhere or between bounds; no prior draws.",
        proper=False,
        cumulative=False,
    ),
)

ABOVE_ZERO = (
    DistributionEntry(
        "HalfNormal",
        (form(NUMPYRO + "HalfNormal", positive("scale")),),
        POSITIVES,
        family=LocationScale(None, "scale", log=True),
        summary="The absolute value of a Normal(0, scale).",
    ),
    DistributionEntry(
        "HalfCauchy",
        (form(NUMPYRO + "HalfCauchy", positive("scale")),),
        POSITIVES,
        family=LocationScale(None, "scale", log=True),
        summary="The absolute value of a Cauchy(0, scale).",
    ),
    DistributionEntry(
        "HalfStudentT",
        (form(_OWN + "HalfStudentT", positive("degrees"), positive("scale")),),
        POSITIVES,
        family=LocationScale(None, "scale", log=True, standard=("degrees",)),
        summary="The absolute value of a StudentT(degrees, 0, scale).",
    ),
    DistributionEntry(
        "HalfFlat",
        (form(_OWN + "HalfFlat"),),
        POSITIVES,
        summary="An improper density of one above zero; no prior draws.",
        proper=False,
        cumulative=False,
    ),
    DistributionEntry(
        "Exponential",
        (form(NUMPYRO + "Exponential", positive("rate")),),
        POSITIVES,
        family=LocationScale(None, "rate", log=True, inverse_scale=True),
        summary="Waiting times; the mean is 1 / rate.",
    ),
    DistributionEntry(
        "Gamma",
        (form(NUMPYRO + "Gamma", positive("shape"), positive("rate"), shape="concentration"),),
        POSITIVES,
        family=LocationScale(None, "rate", log=True, inverse_scale=True, standard=("shape",)),
        summary="The gamma distribution; the mean is shape / rate.",
    ),
    DistributionEntry(
        "InverseGamma",
        (form(_OWN + "InverseGamma", positive("shape"), positive("scale")),),
        POSITIVES,
        family=LocationScale(None, "scale", log=True, standard=("shape",)),
        summary="1 / x has a Gamma(shape, scale).",
    ),
    DistributionEntry(
        "ChiSquared",
        (form(NUMPYRO + "Chi2", positive("degrees"), degrees="df"),),
        POSITIVES,
        summary="The sum of `degrees` squared standard normals.",
    ),
    DistributionEntry(
        "InverseChiSquared",
        (form(_OWN + "inverse_chi_squared", positive("degrees")),),
        POSITIVES,
        summary="1 / x has a ChiSquared(degrees).",
    ),
    DistributionEntry(
        "ScaledInverseChiSquared",
        (form(_OWN + "scaled_inverse_chi_squared", positive("degrees"), positive("scale")),),
        POSITIVES,
        summary="degrees * scale^2 / x has a ChiSquared(degrees).",
    ),
    DistributionEntry(
        "LogNormal",
        (form(NUMPYRO + "LogNormal", real("location"), positive("scale"), location="loc"),),
        POSITIVES,
        family=LocationScale("location", "scale", log=True, information=1.0),
        summary="log(x) has a Normal(location, scale).",
    ),
    DistributionEntry(
        "Weibull",
        (form(NUMPYRO + "Weibull", positive("shape"), positive("scale"), shape="concentration"),),
        POSITIVES,
        family=LocationScale(None, "scale", log=True, standard=("shape",)),
        summary="Survival times; the hazard grows with time when shape > 1.",
    ),
    DistributionEntry(
        "Frechet",
        (form(_OWN + "Frechet", positive("shape"), positive("scale")),),
        POSITIVES,
        family=LocationScale(None, "scale", log=True, standard=("shape",)),
        summary="1 / x has a Weibull(shape, 1 / scale).",
    ),
    DistributionEntry(
        "Rayleigh",
        (form(_OWN + "rayleigh", positive("scale")),),
        POSITIVES,
        family=LocationScale(None, "scale", log=True),
        summary="The length of a plane vector with two Normal(0, scale) parts.",
    ),
    DistributionEntry(
        "LogLogistic",
        (form(_OWN + "LogLogistic", positive("scale"), positive("shape")),),
        POSITIVES,
        family=LocationScale(None, "scale", log=True, standard=("shape",)),
        summary="log(x) has a Logistic(log(scale), 1 / shape).",
    ),
    DistributionEntry(
        "InverseGaussian",
        (form(_LIFETIMES + "InverseGaussian", positive("mean"), positive("shape")),),
        POSITIVES,
        summary="When Brownian motion with drift first reaches a level; variance mean^3 / shape.",
    ),
    DistributionEntry(
        "Gompertz",
        (form(_LIFETIMES + "Gompertz", positive("shape"), positive("rate")),),
        POSITIVES,
        summary="Lifetimes whose hazard shape * rate * exp(rate x) grows exponentially with age.",
    ),
    DistributionEntry(
        "Dagum",
        (form(NUMPYRO + "Dagum", positive("concentration"), positive("sharpness"), positive("scale")),),
        POSITIVES,
        family=LocationScale(None, "scale", log=True, standard=("concentration", "sharpness")),
        summary="Incomes: the log-logistic with a second shape; its upper tail is a power law with exponent `sharpness`.",
    ),
    DistributionEntry(
        "Levy",
        (form(NUMPYRO + "Levy", real("location"), positive("scale"), location="loc"),),
        Support("location", inf, lower_open=True),
        summary="How long Brownian motion takes to a level, counted from `location`; it has no mean.",
        cumulative=False,
    ),
    DistributionEntry(
        "Pareto",
        (form(_OWN + "Pareto", positive("minimum"), positive("shape")),),
        Support("minimum", inf),
        summary="A power law above `minimum`.",
    ),
    DistributionEntry(
        "LogUniform",
        (form(NUMPYRO + "LogUniform", positive("lower"), positive("upper"), lower="low", upper="high"),),
        Support("lower", "upper"),
        summary="log(x) is uniform: every order of magnitude between the bounds is equally likely.",
    ),
    DistributionEntry(
        "ParetoType2",
        (form(_OWN + "ParetoType2", real("location"), positive("scale"), positive("shape")),),
        Support("location", inf),
        summary="The Lomax distribution, shifted: a power law that begins at `location`.",
    ),
)

IN_THE_UNIT = (
    DistributionEntry(
        "Beta",
        (form(NUMPYRO + "Beta", positive("a"), positive("b"), a="concentration1", b="concentration0"),),
        OPEN_UNIT,
        summary="A proportion; a and b count prior successes and failures.",
    ),
    DistributionEntry(
        "BetaProportion",
        (
            form(
                NUMPYRO + "BetaProportion",
                Argument("mean", OPEN_UNIT_KIND),
                positive("concentration"),
            ),
        ),
        OPEN_UNIT,
        summary="The beta distribution by its mean: Beta(mean * concentration, (1 - mean) * concentration).",
    ),
    DistributionEntry(
        "Kumaraswamy",
        (form(NUMPYRO + "Kumaraswamy", positive("a"), positive("b"), a="concentration1", b="concentration0"),),
        OPEN_UNIT,
        summary="Like the beta distribution, with P(x > u) = (1 - u^a)^b.",
        cumulative=False,
    ),
)

CONTINUOUS = (*ON_THE_LINE, *ABOVE_ZERO, *IN_THE_UNIT)
