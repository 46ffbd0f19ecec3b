"""One or more sets of arguments for every distribution, with values at which densities are compared."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """inside: values of positive density; outside: impossible ones. size: of the index sets of a joint draw."""

    name: str
    arguments: dict[str, Any]
    inside: Any
    outside: Any = ()
    size: int | None = None

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.arguments)})"


LINE = np.array([-30.0, -2.0, -0.3, 0.0, 0.7, 4.0, 50.0])
ABOVE = np.array([1e-6, 0.03, 0.4, 1.0, 2.5, 9.0, 40.0])
UNIT = np.array([1e-9, 0.02, 0.3, 0.5, 0.9, 0.999])
COUNTS = np.array([0, 1, 2, 5, 9, 40])
NEGATIVE = np.array([-1e-9, -3.0])
NOT_COUNTS = np.array([-1, -7])
NOT_UNIT = np.array([-0.1, 1.1])


def _batch(*numbers: float) -> np.ndarray:
    return np.array(numbers)[:, None]


def _numbers(name: str, inside: Any, outside: Any = (), **arguments: Any) -> Case:
    return Case(name, arguments, inside, outside)


ON_THE_LINE = (
    _numbers("Normal", LINE, mean=_batch(0.0, 3.0), sd=_batch(1.0, 0.4)),
    _numbers("StudentT", LINE, degrees=_batch(1.5, 30.0), location=_batch(0.0, 3.0), scale=_batch(1.0, 0.4)),
    _numbers("Cauchy", LINE, location=_batch(0.0, 3.0), scale=_batch(1.0, 0.4)),
    _numbers("Laplace", LINE, location=_batch(0.1, 3.0), scale=_batch(1.0, 0.4)),
    _numbers("Logistic", LINE, location=_batch(0.0, 3.0), scale=_batch(1.0, 0.4)),
    _numbers("Gumbel", LINE, location=_batch(0.0, 3.0), scale=_batch(1.0, 0.4)),
    _numbers("SoftLaplace", LINE, location=_batch(0.0, 3.0), scale=_batch(1.0, 0.4)),
    _numbers("SkewNormal", LINE, location=_batch(0.0, 1.0), scale=_batch(1.0, 3.0), shape=_batch(0.5, -2.0)),
    _numbers("SkewLaplace", LINE, location=_batch(0.1, 3.0), scale=_batch(1.0, 3.0), skew=_batch(0.5, 0.9)),
    _numbers("ExponentiallyModifiedNormal", LINE[1:], mean=_batch(0.0, 1.0), sd=_batch(1.0, 3.0), rate=_batch(0.5, 2.0)),
    _numbers("Uniform", LINE[1:-1], np.array([-6.0, 7.0]), lower=_batch(-2.0, -5.0), upper=_batch(4.0, 6.5)),
    _numbers("VonMises", np.array([-pi, -0.3, 2.0, pi]), np.array([-3.2, 4.0]), mean=_batch(0.0, 2.0), concentration=_batch(1.0, 900.0)),
    _numbers("Flat", LINE),
    _numbers("Flat", LINE[2:], np.array([-2.1]), lower=_batch(-2.0, -1.0)),
    _numbers("Flat", LINE[:3], np.array([0.3]), upper=_batch(0.0, 0.2)),
    _numbers("Flat", LINE[2:5], np.array([-0.6, 1.0]), lower=_batch(-0.5, -0.4), upper=_batch(0.8, 0.9)),
)
ABOVE_ZERO = (
    _numbers("HalfNormal", ABOVE, NEGATIVE, scale=_batch(1.0, 3.0)),
    _numbers("HalfCauchy", ABOVE, NEGATIVE, scale=_batch(1.0, 3.0)),
    _numbers("HalfStudentT", ABOVE, NEGATIVE, degrees=_batch(2.0, 7.0), scale=_batch(1.0, 3.0)),
    _numbers("HalfFlat", ABOVE, NEGATIVE),
    _numbers("Exponential", ABOVE, NEGATIVE, rate=_batch(1.0, 3.0)),
    _numbers("Gamma", ABOVE, NEGATIVE, shape=_batch(0.5, 3.0), rate=_batch(1.0, 0.2)),
    _numbers("InverseGamma", ABOVE, NEGATIVE, shape=_batch(0.5, 3.0), scale=_batch(1.0, 0.2)),
    _numbers("ChiSquared", ABOVE, NEGATIVE, degrees=_batch(1.0, 5.0)),
    _numbers("InverseChiSquared", ABOVE, NEGATIVE, degrees=_batch(1.0, 5.0)),
    _numbers("ScaledInverseChiSquared", ABOVE, NEGATIVE, degrees=_batch(1.0, 5.0), scale=_batch(2.0, 0.4)),
    _numbers("LogNormal", ABOVE, NEGATIVE, location=_batch(0.0, 2.0), scale=_batch(1.0, 0.4)),
    _numbers("Weibull", ABOVE, NEGATIVE, shape=_batch(0.5, 3.0), scale=_batch(1.0, 5.0)),
    _numbers("Frechet", ABOVE[3:], NEGATIVE, shape=_batch(0.5, 3.0), scale=_batch(1.0, 5.0)),
    _numbers("Rayleigh", ABOVE, NEGATIVE, scale=_batch(1.0, 3.0)),
    _numbers("LogLogistic", ABOVE, NEGATIVE, scale=_batch(1.0, 3.0), shape=_batch(0.8, 4.0)),
    _numbers("InverseGaussian", ABOVE[1:], NEGATIVE, mean=_batch(0.5, 3.0), shape=_batch(1.0, 5.0)),
    _numbers("Gompertz", ABOVE[:-1], NEGATIVE, shape=_batch(0.5, 3.0), rate=_batch(0.2, 1.0)),
    _numbers("Dagum", ABOVE, NEGATIVE, concentration=_batch(0.5, 2.0), sharpness=_batch(0.8, 4.0), scale=_batch(1.0, 3.0)),
    _numbers("Levy", ABOVE[2:], np.array([-0.6, -2.0]), location=_batch(0.0, -0.5), scale=_batch(1.0, 0.4)),
    _numbers("LogUniform", ABOVE[2:-1], np.array([0.04, 41.0, -1.0]), lower=_batch(0.3, 0.05), upper=_batch(10.0, 40.0)),
    _numbers("Pareto", ABOVE[3:], ABOVE[:3], minimum=_batch(0.5, 0.9), shape=_batch(0.8, 4.0)),
    _numbers("ParetoType2", ABOVE, NEGATIVE * 3, location=_batch(0.0, -1e-9), scale=_batch(1.0, 2.0), shape=_batch(0.8, 4.0)),
)
IN_THE_UNIT = (
    _numbers("Beta", UNIT, NOT_UNIT, a=_batch(0.5, 3.0), b=_batch(1.0, 4.0)),
    _numbers("Kumaraswamy", UNIT, NOT_UNIT, a=_batch(0.5, 3.0), b=_batch(1.0, 4.0)),
    _numbers("BetaProportion", UNIT, NOT_UNIT, mean=_batch(0.5, 0.1), concentration=_batch(1.5, 40.0)),
)
DISCRETE = (
    _numbers("Bernoulli", np.array([0, 1]), np.array([-1, 2]), p=_batch(0.2, 0.999)),
    _numbers("Bernoulli", np.array([0, 1]), np.array([-1, 2]), logit=_batch(0.2, -40.0, 40.0)),
    _numbers("Binomial", np.array([0, 1, 3, 7]), np.array([-1, 13]), trials=np.array([[7], [12]]), p=_batch(0.2, 0.9)),
    _numbers("Binomial", np.array([0, 1, 3, 7]), np.array([-1, 13]), trials=np.array([[7], [12], [8]]), logit=_batch(0.2, -30.0, 35.0)),
    _numbers(
        "BetaBinomial", np.array([0, 1, 3, 7]), np.array([-1, 13]), trials=np.array([[7], [12]]), a=_batch(0.5, 4.0), b=_batch(1.0, 9.0)
    ),
    _numbers(
        "BetaBinomial",
        np.array([0, 1, 3, 7]),
        np.array([-1, 13]),
        trials=np.array([[7], [12]]),
        mean=_batch(0.2, 0.7),
        concentration=_batch(1.0, 9.0),
    ),
    _numbers("Poisson", COUNTS, NOT_COUNTS, rate=_batch(0.3, 20.0)),
    _numbers("Poisson", COUNTS, NOT_COUNTS, log=_batch(-20.0, 3.0)),
    _numbers("NegBinomial", COUNTS, NOT_COUNTS, mean=_batch(0.3, 20.0), dispersion=_batch(0.5, 90.0)),
    _numbers("NegBinomial", COUNTS, NOT_COUNTS, log=_batch(-20.0, 3.0), dispersion=_batch(0.5, 90.0)),
    _numbers("NegBinomial", COUNTS, NOT_COUNTS, shape=_batch(0.5, 90.0), rate=_batch(0.3, 2.0)),
    _numbers("Geometric", COUNTS, NOT_COUNTS, p=_batch(0.2, 0.9)),
    _numbers("BetaNegBinomial", COUNTS, NOT_COUNTS, successes=_batch(2.0, 7.0), a=_batch(3.0, 9.0), b=_batch(1.0, 4.0)),
    _numbers("DiscreteUniform", np.array([2, 3, 4]), np.array([-3, 9]), lower=np.array([[0], [2]]), upper=np.array([[8], [4]])),
    _numbers(
        "Hypergeometric", np.array([2, 3, 4]), np.array([0, 7]), draws=np.array([[6], [7]]), successes=np.array([[6], [5]]), failures=5
    ),
)
_P = np.array([[0.2, 0.5, 0.3], [0.7, 0.1, 0.2]])
_CUT = np.array([-1.0, 0.3, 2.0])
MEMBERS = (
    _numbers("Categorical", np.array([0, 2]), (), p=_P),
    _numbers("Categorical", np.array([0, 2]), (), logits=np.log(_P) + 5),
    _numbers("OrderedLogistic", np.arange(4), (), eta=_batch(0.3, -40.0), cut=_CUT),
    _numbers("OrderedProbit", np.arange(4), (), eta=_batch(0.3, -8.0), cut=_CUT),
    _numbers("SequentialLogistic", np.arange(4), (), eta=_batch(0.3, -40.0), cut=_CUT[::-1]),
    _numbers("SequentialLogistic", np.array([3, 0]), (), eta=np.array([0.3, 2.0]), cut=np.stack([_CUT, _CUT * 2])),
    _numbers("AdjacentLogistic", np.arange(4), (), eta=_batch(0.3, -40.0), cut=_CUT[::-1]),
    _numbers("OrderedLogistic", np.array([3, 0]), (), eta=np.array([0.3, 2.0]), cut=np.stack([_CUT, _CUT * 2])),
)
SCALAR = (*ON_THE_LINE, *ABOVE_ZERO, *IN_THE_UNIT, *DISCRETE, *MEMBERS)

COV = np.array([[2.0, 0.3, -0.5], [0.3, 1.0, 0.2], [-0.5, 0.2, 0.7]])
CORR = np.array([[1.0, 0.3, -0.5], [0.3, 1.0, 0.2], [-0.5, 0.2, 1.0]])
_FACTOR, _CORR_FACTOR = np.linalg.cholesky(COV), np.linalg.cholesky(CORR)
_POINT, _MEAN, _SCALE = np.array([0.3, -1.0, 2.0]), np.array([1.0, 0.0, 0.5]), np.array([0.5, 2.0, 1.0])
_PARTS, _VOTES = np.array([0.2, 0.5, 0.3]), np.array([2, 0, 3])


def _joint(name: str, inside: Any, outside: Any = (), size: int = 3, **arguments: Any) -> Case:
    return Case(name, arguments, inside, outside, size)


JOINT = (
    _joint("Dirichlet", _PARTS, concentration=2.0),
    _joint("Dirichlet", _PARTS, np.array([0.2, 0.9, -0.1]), concentration=np.array([0.5, 1.0, 4.0])),
    _joint("Multinomial", _VOTES, np.array([2, 0, 4]), trials=5, p=_PARTS),
    _joint("Multinomial", _VOTES, trials=5, logits=_POINT),
    _joint("DirichletMultinomial", _VOTES, np.array([2, 0, 4]), trials=5, concentration=_SCALE),
    _joint("DirichletMultinomial", _VOTES, trials=5, concentration=2.0),
    _joint("MultiNormal", _POINT, mean=_MEAN, cov=COV),
    _joint("MultiNormal", _POINT, mean=0.5, scale=_SCALE, corr=CORR),
    _joint("MultiNormal", _POINT, mean=_MEAN, scale=0.5, corr_cholesky=_CORR_FACTOR),
    _joint("MultiNormal", _POINT, mean=_MEAN, cholesky=_FACTOR),
    _joint("MultiNormal", _POINT, mean=_MEAN, precision=COV),
    _joint("MultiStudentT", _POINT, degrees=4.0, location=_MEAN, scale_matrix=COV),
    _joint("MultiStudentT", _POINT, degrees=4.0, location=0.5, cholesky=_FACTOR),
    _joint("GP", _POINT, mean=0.0, cov=COV),
    _joint("GP", _POINT, mean=_MEAN, cov=COV, jitter=0.01),
    _joint("LKJ", CORR, shape=2.5),
    _joint("LKJCholesky", _CORR_FACTOR, shape=2.5),
    _joint("Wishart", COV, degrees=4.5, scale_matrix=np.eye(3) + 0.2),
    _joint("InverseWishart", COV, degrees=4.5, scale_matrix=np.eye(3) + 0.2),
)


def _truncated(inner: str, inside: Any, outside: Any, bounds: dict[str, Any], **arguments: Any) -> Case:
    return Case("Truncated", {"distribution": (inner, arguments), **bounds}, np.asarray(inside), np.asarray(outside))


TRUNCATED = (
    _truncated("Normal", [0.1, 2.0], [-0.1], {"lower": 0.0}, mean=1.0, sd=0.5),
    _truncated("Normal", [0.1, 0.01], (), {"lower": 0.0}, mean=-40.0, sd=1.0),
    _truncated("Normal", [0.1, 3.9], [-0.1, 4.1], {"lower": _batch(0.0, -0.05), "upper": 4.0}, mean=_batch(1.0, 60.0), sd=0.5),
    _truncated("StudentT", [0.1, 20.0], (), {"lower": 0.0}, degrees=3.0, location=0.0, scale=2.0),
    _truncated("StudentT", [-9.0, 0.0], (), {"upper": 1.5}, degrees=3.0, location=0.5, scale=2.0),
    _truncated("Cauchy", [6.0, 20.0], (), {"lower": 5.0}, location=0.5, scale=2.0),
    _truncated("Laplace", [6.0, 20.0], (), {"lower": 5.0}, location=0.5, scale=2.0),
    _truncated("Logistic", [-50.0, 0.5], (), {"upper": 1.0}, location=0.5, scale=2.0),
    _truncated("Gumbel", [0.0, 3.0], (), {"lower": -1.0, "upper": 4.0}, location=0.5, scale=2.0),
    _truncated("Gumbel", [0.0, 3.0], (), {"lower": -2000.0}, location=0.5, scale=2.0),
    _truncated("SkewLaplace", [0.0, 3.0], (), {"lower": -1.0, "upper": 4.0}, location=0.5, scale=2.0, skew=0.3),
    _truncated("ExponentiallyModifiedNormal", [0.0, 3.0], (), {"lower": -1.0, "upper": 4.0}, mean=0.5, sd=2.0, rate=0.3),
    _truncated("Uniform", [0.0, 3.0], (), {"lower": -1.0, "upper": 4.0}, lower=-2.0, upper=8.0),
    _truncated("HalfNormal", [0.1, 3.0], (), {"upper": 4.0}, scale=2.0),
    _truncated("HalfNormal", [0.1, 3.0], [4.1, -0.5], {"lower": -1.0, "upper": 4.0}, scale=2.0),
    _truncated("HalfCauchy", [2.0, 3.0], (), {"lower": 1.0, "upper": 4.0}, scale=2.0),
    _truncated("HalfStudentT", [2.0, 3.0], (), {"lower": 1.0, "upper": 4.0}, degrees=4.0, scale=2.0),
    _truncated("Exponential", [500.0, 501.0], (), {"lower": 500.0}, rate=2.0),
    _truncated("Gamma", [2.0, 3.0], (), {"lower": 1.0, "upper": 4.0}, shape=2.5, rate=1.5),
    _truncated("InverseGamma", [2.0, 3.0], (), {"lower": 1.0}, shape=2.5, scale=1.5),
    _truncated("ChiSquared", [2.0, 3.0], (), {"lower": 1.0}, degrees=3.0),
    _truncated("LogNormal", [1e-4, 2.0], (), {"lower": 1e-5, "upper": 3.0}, location=0.0, scale=1.0),
    _truncated("Weibull", [2.0, 3.0], (), {"lower": 1.0}, shape=1.5, scale=2.0),
    _truncated("Frechet", [2.0, 3.0], (), {"upper": 4.0}, shape=1.5, scale=2.0),
    _truncated("Frechet", [2.0, 3.0], (), {"lower": 1e-300}, shape=1.5, scale=2.0),
    _truncated("Weibull", [2.0, 3.0], (), {"upper": 1e300}, shape=1.5, scale=2.0),
    _truncated("Rayleigh", [2.0, 3.0], (), {"upper": 4.0}, scale=2.0),
    _truncated("LogLogistic", [2.0, 3.0], (), {"upper": 4.0}, scale=2.0, shape=1.5),
    _truncated("InverseGaussian", [2.0, 3.0], (), {"lower": 1.0, "upper": 4.0}, mean=2.0, shape=1.5),
    _truncated("Gompertz", [2.0, 3.0], (), {"lower": 1.0, "upper": 4.0}, shape=0.3, rate=0.5),
    _truncated("Pareto", [2.0, 3.0], (), {"upper": 4.0}, minimum=1.0, shape=1.5),
    _truncated("ParetoType2", [2.0, 3.0], (), {"upper": 4.0}, location=1.0, scale=0.5, shape=1.5),
    _truncated("Beta", [0.2, 0.3], (), {"upper": 0.4}, a=2.5, b=0.7),
    _truncated("BetaProportion", [0.5, 0.6], (), {"lower": 0.4}, mean=0.3, concentration=9.0),
    _truncated("Bernoulli", [1], (), {"lower": 1}, p=0.3),
    _truncated("Bernoulli", [0], (), {"upper": 0}, logit=0.3),
    _truncated("Binomial", [1, 5], (), {"lower": 1}, trials=6, p=0.3),
    _truncated("Binomial", [0, 4], [5], {"upper": 4.5}, trials=6, logit=0.3),
    _truncated("Poisson", [1, 5], (), {"lower": 1}, rate=2.5),
    _truncated("Poisson", [2, 100], (), {"lower": 1.5, "upper": 100}, log=3.0),
    _truncated("NegBinomial", [1, 5], (), {"lower": 1}, mean=2.5, dispersion=0.8),
    _truncated("NegBinomial", [1, 5], (), {"upper": 7}, log=1.5, dispersion=0.8),
    _truncated("Geometric", [3, 5], (), {"lower": 3}, p=0.4),
    _truncated("DiscreteUniform", [3, 5], (), {"lower": 3, "upper": 5}, lower=1, upper=9),
    Case(
        "Truncated",
        {"distribution": ("Truncated", {"distribution": ("Normal", {"mean": 0.5, "sd": 1.0}), "lower": -1.0}), "upper": 2.0},
        np.array([-0.5, 1.5]),
        np.array([-1.5, 2.5]),
    ),
)
_SURVIVAL = ("Weibull", {"shape": 1.5, "scale": 2.0})
OTHER_WRAPPERS = (
    Case("Censored", {"distribution": _SURVIVAL, "right": np.array([True, False, True])}, np.array([0.5, 0.7, 400.0])),
    Case("Censored", {"distribution": ("Normal", {"mean": 1.0, "sd": 0.5}), "left": np.array([True, False])}, np.array([-20.0, 0.7])),
    Case(
        "Censored",
        {
            "distribution": ("StudentT", {"degrees": 4.0, "location": 0.0, "scale": 1.0}),
            "right": np.array([1, 0, 0]),
            "left": np.array([0, 1, 0]),
        },
        np.array([3.0, -20.0, 0.7]),
    ),
    Case("Censored", {"distribution": ("Poisson", {"rate": 3.0}), "right": np.array([True, False, True])}, np.array([4, 2, 0])),
    Case(
        "Interval",
        {"distribution": _SURVIVAL, "lower": np.array([0.5, 1.0, 30.0]), "upper": np.array([0.7, 1.0, 31.0])},
        np.array([0.6, 1.0, 31.0]),
        np.array([0.4, 1.1, 5.0]),
    ),
    Case("Interval", {"distribution": ("Poisson", {"rate": 3.0}), "lower": np.array([1, 4]), "upper": np.array([3, 4])}, np.array([2, 4])),
    Case(
        "ZeroInflated",
        {"p": _batch(0.2, 0.9), "distribution": ("Poisson", {"rate": 3.0})},
        np.array([0, 1, 7]),
        np.array([-1]),
    ),
    Case("ZeroInflated", {"p": 0.3, "distribution": ("NegBinomial", {"mean": 3.0, "dispersion": 2.0})}, np.array([0, 1, 7])),
    Case(
        "Mixture",
        {"component": ("Normal", {"mean": np.array([-2.0, 3.0]), "sd": np.array([0.5, 1.0])}), "weights": np.array([0.3, 0.7])},
        LINE,
    ),
    Case("Mixture", {"component": ("Poisson", {"rate": np.array([0.5, 9.0])}), "weights": np.array([0.3, 0.7])}, COUNTS, NOT_COUNTS),
    Case("Ordered", {"distribution": ("Normal", {"mean": 1.0, "sd": 2.0})}, np.array([-1.0, 0.5, 3.0]), np.array([-1.0, 3.0, 0.5]), 3),
    Case("Ordered", {"distribution": ("HalfNormal", {"scale": 2.0})}, np.array([0.2, 0.5, 3.0]), np.array([-1.0, 0.5, 3.0]), 3),
    Case(
        "Ordered", {"distribution": ("Uniform", {"lower": -1.0, "upper": 2.0})}, np.array([-0.2, 0.5, 1.0]), np.array([-1.0, 0.5, 3.0]), 3
    ),
    Case(
        "Ordered",
        {"distribution": ("Truncated", {"distribution": ("StudentT", {"degrees": 4.0, "location": 0.0, "scale": 1.0}), "lower": 0.0})},
        np.array([0.2, 0.5, 3.0]),
        np.array([-1.0, 0.5, 3.0]),
        3,
    ),
    Case("Independent", {"distribution": ("Normal", {"mean": 0.3, "sd": 1.7})}, np.array([0.2, -0.5, 0.3]), (), 3),
    Case("SumToZero", {"distribution": ("Normal", {"mean": 0.0, "sd": 1.7})}, np.array([0.2, -0.5, 0.3]), np.array([0.2, -0.5, 0.4]), 3),
)
CASES = (*SCALAR, *JOINT, *TRUNCATED, *OTHER_WRAPPERS)
