"""Random programs mean the same at every stage as the reference interpreter says their source means."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pplang._passes import pipeline
from pplang._source import Source
from pplang._syntax.format import format_file
from pplang._syntax.parse import parse
from tests.properties.examine import Outcome, examine, examine_passes, examine_text, read
from tests.properties.programs import Case, from_seed, generate

BATCHES, EACH = 20, 6
"""A hundred programs that can be fitted, and some that cannot yet; ten thousand by `python -m tests.properties.run --programs 10000`."""

programs = st.randoms(use_true_random=False).map(generate)
_quietly = settings(max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_stage_has_the_density_of_the_source(batch: int) -> None:
    outcomes: list[Outcome] = []
    for seed in range(batch * EACH, (batch + 1) * EACH):
        try:
            outcomes.append(examine(from_seed(seed), seed, jacobian=seed % 4 == 0, transported=seed % 2 == 1))
        except Exception as error:
            error.add_note(f"seed {seed}\n{from_seed(seed).text}")
            raise
    assert sum(one.points for one in outcomes) >= EACH


@given(programs)
@_quietly
def test_programs_are_what_their_text_says(case: Case) -> None:
    """Print, parse and check: an equal program, before and after every pass; formatting keeps it and is done at once."""
    program = read(case.text)
    examine_text(program)
    examine_passes(pipeline.run(program))
    file = parse(Source("random.ppl", case.text))
    formatted = format_file(file)
    assert parse(Source("formatted.ppl", formatted)) == file
    assert format_file(parse(Source("formatted.ppl", formatted))) == formatted
    assert read(formatted) == program


def test_the_generator_reaches_the_language() -> None:
    """What the seeds of the suite hold between them: a generator that lost a construct would leave it untested."""
    texts = "\n".join(from_seed(seed).text for seed in range(BATCHES * EACH))
    wanted = """Normal( StudentT( Laplace( Logistic( Cauchy( Gumbel( SkewNormal( Uniform( Truncated( Censored( Interval( Mixture( ZeroInflated( Poisson( Binomial(
        NegBinomial( Bernoulli( Gamma( InverseGamma( LogNormal( Weibull( HalfNormal( HalfCauchy( Exponential( Beta( Dirichlet( Ordered( MultiNormal( LKJ
        LKJCholesky( SumToZero( Categorical( Flat( HalfFlat( @centered @noncentered @partial param input weighted where starting report factor logpdf(
        index fn per ordered gaps( softmax( cumulative_sum( sum( mean( max( logsumexp( any( if then else and bool? count? -2] size( \" within \" \" * \" """.split()
    missing = [one for one in wanted if one.strip('"') not in texts]
    assert not missing


def test_a_seed_makes_one_program() -> None:
    first, second = generate(Random(11)), from_seed(11)
    assert first.text == second.text
    assert all((first.arrays[name] == second.arrays[name]).all() for name in first.arrays)


def test_latents_that_nothing_needs_have_no_coordinates() -> None:
    """`forward` leaves them out of the density; the Jacobian is that of the others."""
    text = "data Home:\n  y : real\ny[i in Home] ~ Cauchy(mu, 1)\nmu ~ HalfNormal(2)\nalone[i in Home] ~ Normal(0, mu)\n"
    outcome = examine(Case(text, {"Home": range(1, 4)}, {"y": np.array([0.5, -1.0, 2.0])}), jacobian=True)
    assert outcome.points == 2
    assert "log |det| by automatic differentiation" in outcome.errors
