"""Distributions of whole numbers, truth values and members of index sets. Argument orders and meanings are Stan's."""

from __future__ import annotations

from pplang._catalogue.build import COUNTS, NUMPYRO, OPEN_UNIT_KIND, RUNTIME, count, form, nonnegative, positive, real, simplex, unit
from pplang._catalogue.entry import Argument, DistributionEntry, Support
from pplang._ir.kinds import INT

_OWN = RUNTIME + "discrete."


def _integer(name: str) -> Argument:
    return Argument(name, INT)


def _steps() -> Argument:
    return Argument("cut", sets=("gaps(S)",))


def _cut() -> Argument:
    return Argument("cut", sets=("gaps(S)",), structure="ordered")


YES_OR_NO = (
    DistributionEntry(
        "Bernoulli",
        (
            form(_OWN + "Bernoulli", unit("p"), p="probs"),
            form(NUMPYRO + "BernoulliLogits", real("logit"), logit="logits"),
        ),
        Support(0, 1, integer=True, boolean=True),
        summary="Yes with probability p.",
    ),
)

COUNTING = (
    DistributionEntry(
        "Binomial",
        (
            form(_OWN + "Binomial", count("trials"), unit("p"), trials="total_count", p="probs"),
            form(NUMPYRO + "BinomialLogits", count("trials"), real("logit"), trials="total_count", logit="logits"),
        ),
        Support(0, "trials", integer=True),
        summary="How many of `trials` succeed, each with probability p.",
    ),
    DistributionEntry(
        "BetaBinomial",
        (
            form(
                _OWN + "BetaBinomial",
                count("trials"),
                positive("a"),
                positive("b"),
                trials="total_count",
                a="concentration1",
                b="concentration0",
            ),
            form(_OWN + "beta_binomial_of_mean", count("trials"), Argument("mean", OPEN_UNIT_KIND), positive("concentration")),
        ),
        Support(0, "trials", integer=True),
        summary="A binomial of which p has a Beta(a, b); by mean and concentration: a Beta(mean * concentration, (1 - mean) * concentration).",
        cumulative=False,
    ),
    DistributionEntry(
        "Poisson",
        (
            form(_OWN + "Poisson", nonnegative("rate")),
            form(_OWN + "PoissonLog", real("log"), log="log_rate"),
        ),
        COUNTS,
        summary="Counts of independent events; mean and variance are `rate`.",
    ),
    DistributionEntry(
        "NegBinomial",
        (
            form(_OWN + "neg_binomial", positive("mean"), positive("dispersion")),
            form(_OWN + "NegBinomial", real("log"), positive("dispersion"), log="log_mean"),
            form(_OWN + "neg_binomial_of_rate", positive("shape"), positive("rate")),
        ),
        COUNTS,
        summary="Counts with variance mean + mean^2 / dispersion (Stan's neg_binomial_2); by shape and rate: a Poisson of a Gamma(shape, rate).",
    ),
    DistributionEntry(
        "Geometric",
        (form(_OWN + "Geometric", unit("p"), p="probs"),),
        COUNTS,
        summary="How many failures come before the first success.",
    ),
    DistributionEntry(
        "BetaNegBinomial",
        (form(_OWN + "BetaNegBinomial", positive("successes"), positive("a"), positive("b")),),
        COUNTS,
        summary="Failures before `successes` successes, each of probability p with p from a Beta(a, b).",
        cumulative=False,
    ),
    DistributionEntry(
        "DiscreteUniform",
        (form(NUMPYRO + "DiscreteUniform", _integer("lower"), _integer("upper"), lower="low", upper="high"),),
        Support("lower", "upper", integer=True),
        summary="Every whole number from lower to upper is equally likely.",
    ),
    DistributionEntry(
        "Hypergeometric",
        (form(_OWN + "Hypergeometric", count("draws"), count("successes"), count("failures")),),
        Support(0, "draws", integer=True),
        summary="Successes among `draws` taken without putting back from `successes` and `failures`.",
        cumulative=False,
    ),
    DistributionEntry(
        "Multinomial",
        (
            form(_OWN + "Multinomial", count("trials"), simplex("p", "K"), trials="total_count", p="probs"),
            form(_OWN + "multinomial_of_logits", count("trials"), real("logits", "K"), trials="total_count"),
        ),
        Support(0, "trials", integer=True),
        event=("K",),
        summary="How often each member comes up in `trials`.",
        cumulative=False,
    ),
    DistributionEntry(
        "DirichletMultinomial",
        (form(_OWN + "DirichletMultinomial", count("trials"), positive("concentration", "K", number=True), trials="total_count"),),
        Support(0, "trials", integer=True),
        event=("K",),
        summary="A multinomial of which p has a Dirichlet(concentration).",
        cumulative=False,
    ),
)

CHOOSING = (
    DistributionEntry(
        "Categorical",
        (
            form(_OWN + "Categorical", simplex("p", "S"), p="probs"),
            form(_OWN + "CategoricalLogits", real("logits", "S")),
        ),
        Support(member_of="S", integer=True),
        summary="One member of S, with the probabilities p.",
        cumulative=False,
    ),
    DistributionEntry(
        "OrderedLogistic",
        (form(_OWN + "OrderedLogistic", real("eta"), _cut()),),
        Support(member_of="S", integer=True),
        summary="A member of the ordered set S: where eta plus logistic noise falls between the cut points.",
        cumulative=False,
    ),
    DistributionEntry(
        "OrderedProbit",
        (form(_OWN + "OrderedProbit", real("eta"), _cut()),),
        Support(member_of="S", integer=True),
        summary="A member of the ordered set S: where eta plus standard normal noise falls between the cut points.",
        cumulative=False,
    ),
    DistributionEntry(
        "SequentialLogistic",
        (form(_OWN + "sequential_logistic", real("eta"), _steps()),),
        Support(member_of="S", integer=True),
        summary="A member of the ordered set S, reached step by step: the step past a cut succeeds with probability logistic(eta - cut).",
        cumulative=False,
    ),
    DistributionEntry(
        "AdjacentLogistic",
        (form(_OWN + "adjacent_logistic", real("eta"), _steps()),),
        Support(member_of="S", integer=True),
        summary="A member of the ordered set S: between neighbours the log odds of the higher one are eta - cut (partial credit).",
        cumulative=False,
    ),
)

DISCRETE = (*YES_OR_NO, *COUNTING, *CHOOSING)
